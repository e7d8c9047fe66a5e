/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which rule decides, and how: the answer to `dpi-xdp why`.
 */
#ifndef AGENT_WHY_H
#define AGENT_WHY_H

#include "base/text.h"
#include "classify/catalogue.h"
#include "live/maps.h"

/* What is asked. */
struct why_rules {
	const struct policy *now;  /* those in force */
	const struct policy *all;  /* all of them, as if no time counted; NULL: these are all */
	const struct rules *rules; /* the same with their times */
	int64_t now_s;
	bool is_paused;	    /* no block is in force */
	const char *device; /* whose name or application it is; "" or NULL: anybody's */
};

/*
 * Explains what the rules say of a name ("www.tiktok.com"), an address ("10.0.0.7"), an application
 * ("TikTok"), a port ("443", "443/udp") or a flow ("10.0.0.7:40000-203.0.113.9:443" with "/udp" for
 * UDP; IPv6 in brackets). maps may be NULL: then a flow is judged by its addresses and ports alone.
 * 0, or -EINVAL with *f.
 */
int why_explain(const struct why_rules *r, const struct catalogue *c, const struct live_maps *maps,
		const char *what, bool is_json, struct text *out, struct fault *f);

#endif
