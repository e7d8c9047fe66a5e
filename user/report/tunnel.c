/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Tunnels by name; see tunnel.h.
 */
#include "report/tunnel.h"

static const struct {
	const char *name;
	uint8_t protocol;
} tunnels[DPI_TUNNEL_KINDS] = {
	[DPI_TUNNEL_IP4] = {"ip4", DPI_IP_IP4},	      [DPI_TUNNEL_IP6] = {"ip6", DPI_IP_IP6},
	[DPI_TUNNEL_GRE] = {"gre", DPI_IP_GRE},	      [DPI_TUNNEL_VXLAN] = {"vxlan", DPI_IP_UDP},
	[DPI_TUNNEL_GENEVE] = {"geneve", DPI_IP_UDP}, [DPI_TUNNEL_GTPU] = {"gtpu", DPI_IP_UDP},
	[DPI_TUNNEL_CAPWAP] = {"capwap", DPI_IP_UDP}, [DPI_TUNNEL_TEREDO] = {"teredo", DPI_IP_UDP},
};

const char *tunnel_name(uint8_t kind)
{
	return kind < DPI_TUNNEL_KINDS ? tunnels[kind].name : NULL;
}

uint8_t tunnel_protocol(uint8_t kind)
{
	return kind < DPI_TUNNEL_KINDS ? tunnels[kind].protocol : 0;
}
