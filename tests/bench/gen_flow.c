/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Who talks to whom, in which protocol, how long. Protocol and length are spread evenly over the
 * flows' numbers (an additive recurrence in two dimensions) and not drawn, so that a capture of
 * few flows has the same shape as one of many.
 */
#include "gen_flow.h"

#include <string.h>

enum { DNS_SERVERS = 4096, PORTS = 28232 }; /* PORTS: as many as Linux gives to clients */

/* Where in an even spread over 0 to 2^32 - 1 flow number id falls; two that know nothing of each
 * other. The steps are 1/x and 1/x^2 with x^3 = x + 1. */
static uint32_t spread(uint64_t id, unsigned which)
{
	static const uint64_t step[] = {0xc13fa9a902a6328fULL, 0x91e10da5c79e7b1dULL};

	return (uint32_t)((id + 1) * step[which] >> 32);
}

static enum gen_protocol protocol_of(const struct gen_options *o, uint64_t id)
{
	uint64_t total = 0, at;
	enum gen_protocol p = GEN_TLS;

	for (size_t i = 0; i < GEN_MIXED; i++)
		total += o->mix[i];
	for (at = spread(id, 0) * total >> 32; at >= o->mix[p]; p++)
		at -= o->mix[p];
	return p;
}

/* With a client's flows come its ports, one after another; without clients each flow has its own.
 */
static void choose_client(struct gen_stage *s, struct gen_flow *f)
{
	const struct gen_options *o = &s->options;
	uint64_t clients = o->client_flows ? o->flows / o->client_flows + 1 : 0;
	uint64_t client = clients ? f->id % clients : f->id;
	uint64_t port = clients ? f->id / clients * 7 + client * 11 : chance_draw(&s->wire.chance);

	if (f->ends.is_v6) {
		memcpy(f->ends.src, "\x20\x01\x0d\xb8\x00\x01", 6);
		bytes_put32(f->ends.src + 12, (uint32_t)client + 1);
	} else {
		bytes_put32(f->ends.src, 0x0a000001 + (uint32_t)client % 0xfffffe);
	}
	f->ends.sport = (uint16_t)(32768 + port % PORTS);
}

static void choose_server(struct gen_stage *s, struct gen_flow *f)
{
	static const uint16_t ports[] = {443, 80, 53, 443};
	uint64_t number = chance_draw(&s->wire.chance);

	f->ends.dport = ports[f->protocol];
	if (f->protocol != GEN_DNS)
		gen_address_of(f->sites[0]->name, f->ends.is_v6, number, f->ends.dst);
	else if (f->ends.is_v6)
		gen_address_of("resolver", true, number, f->ends.dst);
	else
		bytes_put32(f->ends.dst, 0x2d100000 + (uint32_t)(number % DNS_SERVERS));
}

/* Noise would not do: it begins in too few places for no two of them to be the same. */
static void choose_cid(struct gen_wire *w, uint8_t cid[MAKE_CID])
{
	uint64_t id = chance_draw(&w->chance);

	memcpy(cid, &id, MAKE_CID);
}

static void clear(struct gen_flow *f)
{
	*f = (struct gen_flow){.acts = f->acts, .act_room = f->act_room, .message = f->message};
}

void gen_flow_start(struct gen_stage *s, struct gen_flow *f, uint64_t id)
{
	const struct gen_options *o = &s->options;
	struct gen_wire *w = &s->wire;

	clear(f);
	f->id = id;
	f->protocol = protocol_of(o, id);
	f->sites[0] = gen_site_pick(&s->sites, chance_percent(&w->chance, o->blocked),
				    chance_draw(&w->chance));
	f->site_count = 1;
	f->is_pq = chance_percent(&w->chance, o->pq);
	f->has_options = o->answer > 0;
	f->ends.is_v6 = chance_percent(&w->chance, o->v6);
	f->ends.is_vlan = chance_percent(&w->chance, o->vlan);
	choose_client(s, f);
	choose_server(s, f);
	for (size_t i = 0; i < 2; i++) {
		f->seq[i] = (uint32_t)chance_draw(&w->chance);
		f->clock[i] = (uint32_t)chance_draw(&w->chance);
	}
	choose_cid(w, f->quic.first);
	choose_cid(w, f->quic.server);
	gen_plan(s, f, spread(id, 1));
}

bool gen_flow_start_bare(struct gen_stage *s, struct gen_flow *f, uint64_t n)
{
	static const uint8_t scanner[] = {192, 168, 7, 66}, host[] = {192, 168, 7, 1};
	static const uint8_t other[] = {192, 168, 7, 67};
	const struct gen_options *o = &s->options;
	const uint64_t scan = o->scan, flood = scan + o->flood, odd = flood + o->odd_port;

	if (n >= odd)
		return false;
	clear(f);
	f->id = o->flows + n;
	f->protocol = GEN_BARE;
	f->seq[0] = (uint32_t)chance_draw(&s->wire.chance);
	memcpy(f->ends.dst, host, 4);
	f->ends.sport = (uint16_t)(20000 + n % 40000);
	if (n < scan) { /* one source asks one host for many ports */
		memcpy(f->ends.src, scanner, 4);
		f->ends.dport = (uint16_t)(1024 + n);
	} else if (n < flood) { /* many sources, one address and port */
		bytes_put32(f->ends.src, 0xc0a80800 + (uint32_t)(n - scan) % 0xf000);
		f->ends.dport = 443;
	} else { /* ports below 1024 that are no service */
		memcpy(f->ends.src, other, 4);
		f->ends.dport = (uint16_t)(2 + (n - flood) % 5);
	}
	gen_plan_bare(f);
	return true;
}
