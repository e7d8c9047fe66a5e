/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The words for what carries a packet inside another one.
 */
#ifndef REPORT_TUNNEL_H
#define REPORT_TUNNEL_H

#include "dpi/parse.h"

/* "vxlan", "gre", ... as the counters tunnel_* are called; NULL for none. kind: enum dpi_tunnel. */
const char *tunnel_name(uint8_t kind);
/* The IP protocol of the packet outside. */
uint8_t tunnel_protocol(uint8_t kind);

#endif
