/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which names the kernel may decide by itself. A rule may allow whatever is said in a protocol, or
 * whatever shows a sign, and of those the kernel knows too little: then it decides none of them and
 * the engine all; see kernel_protocols.h.
 */
#include "agent/kernel_protocols.h"

enum { PORT_DNS = 53, PORT_HTTPS = 443, PORT_OTHER = 0, PORTS = 65536 };

static struct decision match(const struct policy *p, int app)
{
	return app == APP_UNKNOWN ? (struct decision){.rule = 0} : policy_match_app(p, NULL, app);
}

static struct decision match_proto(const struct catalogue *c, const struct policy *p,
				   enum app_proto proto, int port)
{
	return match(p, catalogue_of_proto(c, proto, (uint16_t)port));
}

static bool is_allow(struct decision d)
{
	return d.rule && !d.is_block;
}

/* True when no port has a rule of its own but `known` (any other: the same as that). */
static bool is_plain(const struct catalogue *c, const struct policy *p, enum app_proto proto,
		     int known)
{
	uint64_t rule = match_proto(c, p, proto, PORT_OTHER).rule;
	int last = catalogue_of_proto(c, proto, PORT_OTHER);

	for (int port = 1; port < PORTS; port++) {
		int app = catalogue_of_proto(c, proto, (uint16_t)port);

		if (app != last && port != known && match(p, app).rule != rule)
			return false;
	}
	return true;
}

static uint32_t hello_flags(const struct catalogue *c, const struct policy *p,
			    struct decision https, struct decision tls)
{
	/* Of those that a hello with a name in it can show. */
	bool is_any = is_allow(https) || is_allow(tls) ||
		      is_allow(match(p, catalogue_of_sign(c, SIGN_DOH))) ||
		      is_allow(match(p, catalogue_of_sign(c, SIGN_DOT)));

	if (is_any || !is_plain(c, p, PROTO_TLS, PORT_HTTPS))
		return 0;
	return DPI_CONFIG_HELLOS |
	       (match(p, catalogue_of_sign(c, SIGN_ECH)).rule ? 0 : DPI_CONFIG_ECH);
}

struct live_protocols kernel_protocols(const struct catalogue *c, const struct policy *p)
{
	struct decision https = match_proto(c, p, PROTO_TLS, PORT_HTTPS);
	struct decision tls = match_proto(c, p, PROTO_TLS, PORT_OTHER);
	struct decision http = match_proto(c, p, PROTO_HTTP, PORT_OTHER);
	bool is_http = !is_allow(http) && is_plain(c, p, PROTO_HTTP, PORT_OTHER);

	return (struct live_protocols){
		.dns = match_proto(c, p, PROTO_DNS, PORT_DNS),
		.https_block = https.is_block ? https.rule : 0,
		.tls_block = tls.is_block ? tls.rule : 0,
		.http_block = http.is_block ? http.rule : 0,
		.flags = hello_flags(c, p, https, tls) | (is_http ? DPI_CONFIG_REQUESTS : 0),
	};
}
