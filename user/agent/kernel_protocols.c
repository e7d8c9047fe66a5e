/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which names the kernel may decide by itself. A rule may allow whatever is said in a protocol, or
 * whatever shows a sign, and of those the kernel knows too little: then it decides none of them and
 * the engine all; see kernel_protocols.h.
 */
#include "agent/kernel_protocols.h"

#include <errno.h>
#include <stdlib.h>

enum { PORT_DNS = 53, PORT_HTTPS = 443, PORT_OTHER = 0, PORTS = 65536, PORT_APPS_MAX = 16 };

/* The applications that a protocol is on ports of its own, each once. */
struct port_apps {
	int app[PORT_APPS_MAX];
	size_t count; /* PORT_APPS_MAX: there may be more */
};

/* Whom it is worked out for. */
struct view {
	const struct catalogue *c;
	const struct policy *p;
	const struct policy_whom *whom; /* NULL: for all */
	const struct port_apps *tls, *http;
};

static struct decision match(const struct view *v, int app)
{
	return app == APP_UNKNOWN ? (struct decision){.rule = 0}
				  : policy_match_app(v->p, v->whom, app);
}

static struct decision match_proto(const struct view *v, enum app_proto proto, int port)
{
	return match(v, catalogue_of_proto(v->c, proto, (uint16_t)port));
}

static bool is_allow(struct decision d)
{
	return d.rule && !d.is_block;
}

static bool has_app(const struct port_apps *a, int app)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->app[i] == app)
			return true;
	return false;
}

/* Those of all ports but `known` (any other: the same as that). */
static void port_apps_find(struct port_apps *a, const struct catalogue *c, enum app_proto proto,
			   int known)
{
	int last = catalogue_of_proto(c, proto, PORT_OTHER);

	a->count = 0;
	for (int port = 1; port < PORTS && a->count < PORT_APPS_MAX; port++) {
		int app = catalogue_of_proto(c, proto, (uint16_t)port);

		if (app != last && port != known && !has_app(a, app))
			a->app[a->count++] = app;
	}
}

/* True when no port has a rule of its own but the known one. */
static bool is_plain(const struct view *v, enum app_proto proto, const struct port_apps *a)
{
	uint64_t rule = match_proto(v, proto, PORT_OTHER).rule;

	for (size_t i = 0; i < a->count; i++)
		if (match(v, a->app[i]).rule != rule)
			return false;
	return a->count < PORT_APPS_MAX;
}

static uint32_t hello_flags(const struct view *v, struct decision https, struct decision tls)
{
	/* Of those that a hello with a name in it can show. */
	bool is_any = is_allow(https) || is_allow(tls) ||
		      is_allow(match(v, catalogue_of_sign(v->c, SIGN_DOH))) ||
		      is_allow(match(v, catalogue_of_sign(v->c, SIGN_DOT)));

	if (is_any || !is_plain(v, PROTO_TLS, v->tls))
		return 0;
	return DPI_CONFIG_HELLOS |
	       (match(v, catalogue_of_sign(v->c, SIGN_ECH)).rule ? 0 : DPI_CONFIG_ECH);
}

static uint64_t block_of(struct decision d)
{
	return d.is_block ? d.rule : 0;
}

static struct dpi_device protocols_of(const struct view *v)
{
	struct decision https = match_proto(v, PROTO_TLS, PORT_HTTPS);
	struct decision tls = match_proto(v, PROTO_TLS, PORT_OTHER);
	struct decision http = match_proto(v, PROTO_HTTP, PORT_OTHER);
	struct decision dns = match_proto(v, PROTO_DNS, PORT_DNS);
	bool is_http = !is_allow(http) && is_plain(v, PROTO_HTTP, v->http);

	return (struct dpi_device){
		.dns_block = block_of(dns),
		.dns_allow = dns.is_block ? 0 : dns.rule,
		.https_block = block_of(https),
		.tls_block = block_of(tls),
		.http_block = block_of(http),
		.flags = hello_flags(v, https, tls) | (is_http ? DPI_CONFIG_REQUESTS : 0),
	};
}

/* The devices, while they are gathered. */
struct gathering {
	struct view view;
	struct live_protocols *out;
};

static int add_device(void *ctx, uint64_t id)
{
	struct gathering *g = ctx;
	struct policy_whom whom = {.id = {id}, .count = 1};
	struct live_device *device = reallocarray(g->out->device, g->out->device_count + 1,
						  sizeof(*device));

	if (!device)
		return -ENOMEM;
	g->out->device = device;
	g->view.whom = &whom;
	device[g->out->device_count++] = (struct live_device){.id = id,
							      .rules = protocols_of(&g->view)};
	return 0;
}

int kernel_protocols(const struct catalogue *c, const struct policy *p, struct live_protocols *out)
{
	struct port_apps tls, http;
	struct gathering g = {.view = {.c = c, .p = p, .tls = &tls, .http = &http}, .out = out};
	struct decision dns = match_proto(&g.view, PROTO_DNS, PORT_DNS);
	struct dpi_device all;

	port_apps_find(&tls, c, PROTO_TLS, PORT_HTTPS);
	port_apps_find(&http, c, PROTO_HTTP, PORT_OTHER);
	all = protocols_of(&g.view);
	*out = (struct live_protocols){
		.dns = dns,
		.https_block = all.https_block,
		.tls_block = all.tls_block,
		.http_block = all.http_block,
		.flags = all.flags,
	};
	return policy_each_device(p, add_device, &g);
}

void kernel_protocols_clear(struct live_protocols *p)
{
	free(p->device);
	p->device = NULL;
	p->device_count = 0;
}
