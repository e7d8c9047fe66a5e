/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How far away an address is; see reach.h. Standards: RFC 6890 (addresses for special use), RFC
 * 6052 2.1 and RFC 3056 2 (IPv4 in the addresses of translators and of 6to4).
 */
#include "fetch/reach.h"

#include <netinet/in.h>
#include <string.h>

#include "base/addr.h"

static const struct {
	const char *net;
	enum reach reach;
} nets[] = {
	{"0.0.0.0/8", REACH_HOST},     {"127.0.0.0/8", REACH_HOST},
	{"::/127", REACH_HOST},	       {"169.254.0.0/16", REACH_LINK},
	{"fe80::/10", REACH_LINK},     {"ff00::/8", REACH_LINK},
	{"224.0.0.0/3", REACH_LINK},   {"10.0.0.0/8", REACH_SITE},
	{"172.16.0.0/12", REACH_SITE}, {"192.168.0.0/16", REACH_SITE},
	{"100.64.0.0/10", REACH_SITE}, {"fc00::/7", REACH_SITE},
	{"fec0::/10", REACH_SITE},
};

static const char *const names[] = {
	[REACH_HOST] = "this machine itself",
	[REACH_LINK] = "an address of the cable alone",
	[REACH_SITE] = "an address of a private network",
	[REACH_WORLD] = "the internet",
};

static enum reach look(const struct dpi_addr *a)
{
	for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++) {
		struct dpi_addr net;
		uint8_t bits;

		if (addr_parse_net(slice_text(nets[i].net), &net, &bits) == 0 &&
		    addr_in_net(a, &net, bits))
			return nets[i].reach;
	}
	return REACH_WORLD;
}

/* An address of IPv4 that lies in one of IPv6 from this byte on, where there is one. */
static enum reach look_inside(const struct dpi_addr *a)
{
	static const struct {
		const char *net;
		unsigned at;
	} hides[] = {{"64:ff9b::/96", 12}, {"2002::/16", 2}, {"::/96", 12}};
	enum reach reach = look(a);

	for (size_t i = 0; i < sizeof(hides) / sizeof(hides[0]); i++) {
		struct dpi_addr net, inner = {.b = {[10] = 0xff, [11] = 0xff}};
		uint8_t bits;

		if (addr_parse_net(slice_text(hides[i].net), &net, &bits) ||
		    !addr_in_net(a, &net, bits))
			continue;
		memcpy(inner.b + 12, a->b + hides[i].at, 4);
		if (look(&inner) < reach)
			reach = look(&inner);
	}
	return reach;
}

enum reach reach_of(const struct sockaddr *at)
{
	struct dpi_addr a = {.b = {[10] = 0xff, [11] = 0xff}};

	if (at->sa_family == AF_INET)
		memcpy(a.b + 12, &((const struct sockaddr_in *)(const void *)at)->sin_addr, 4);
	else if (at->sa_family == AF_INET6)
		memcpy(a.b, &((const struct sockaddr_in6 *)(const void *)at)->sin6_addr, 16);
	else
		return REACH_HOST;
	return look_inside(&a);
}

const char *reach_name(enum reach r)
{
	return names[r];
}
