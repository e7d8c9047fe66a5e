/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * gen-capture: a capture of known contents, the same for the same options. Writes a pcap and a
 * manifest that says of each flow its addresses, its names and the number of the frame that
 * completes the first name, so that a test can work out by itself what a filter must have dropped
 * and found.
 *
 * Flows run interleaved, both directions, as a busy link would show them: TLS (RFC 8446) with
 * one-segment hellos and post-quantum ones of about 1.8 KB in two, QUIC (RFC 9000), HTTP (RFC
 * 9112), DNS (RFC 1035); IPv4 and IPv6, with and without a VLAN tag. It shares no code with the
 * program.
 */
#include "gen_options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Flows that were played and stay open, without their messages; NULL unless wanted. */
struct shelf {
	struct gen_flow **flows;
	size_t count;
};

static void put_names(FILE *manifest, const struct gen_flow *f)
{
	for (unsigned i = 0; i < f->site_count; i++)
		if (i == 0 || f->sites[i] != f->sites[i - 1])
			fprintf(manifest, "%s%s", i ? "," : "", f->sites[i]->name);
	if (f->site_count == 0)
		fputc('-', manifest);
}

static void put_row(FILE *manifest, const struct gen_flow *f)
{
	static const char *const protocols[] = {"tls", "http", "dns", "quic", "-"};
	const struct gen_site *site = f->site_count ? f->sites[0] : NULL;
	bool is_udp = f->protocol == GEN_DNS || f->protocol == GEN_QUIC;
	int family = f->ends.is_v6 ? AF_INET6 : AF_INET;
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

	inet_ntop(family, f->ends.src, src, sizeof(src));
	inet_ntop(family, f->ends.dst, dst, sizeof(dst));
	fprintf(manifest, "%s\t%u\t%s\t%u\t%s\t%s\t%s\t%s\t%llu\t", src, f->ends.sport, dst,
		f->ends.dport, is_udp ? "udp" : "tcp", site ? site->name : "-",
		protocols[f->protocol], site ? site->app : "-",
		(unsigned long long)f->naming_frame);
	put_names(manifest, f);
	fprintf(manifest, "\t%llu\n", (unsigned long long)f->frames);
}

static void *sure(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static void keep(struct shelf *shelf, const struct gen_flow *f)
{
	struct gen_flow *kept = sure(malloc(sizeof(*kept)));

	*kept = *f;
	kept->acts = NULL;
	kept->message = NULL;
	shelf->flows[shelf->count++] = kept;
}

/* One more frame of each flow, in any order. Leaves the shelf empty. */
static void play_shelf(struct gen_stage *s, struct shelf *shelf, FILE *manifest)
{
	while (shelf->count > 0) {
		size_t i = chance_draw(&s->wire.chance) % shelf->count;
		struct gen_flow *f = shelf->flows[i];

		gen_flow_play_again(s, f);
		put_row(manifest, f);
		shelf->flows[i] = shelf->flows[--shelf->count];
		free(f);
	}
	free(shelf->flows);
}

static bool start_next(struct gen_stage *s, struct gen_flow *f, uint64_t *next)
{
	if (*next < s->options.flows)
		gen_flow_start(s, f, *next);
	else if (!gen_flow_start_bare(s, f, *next - s->options.flows))
		return false;
	++*next;
	return true;
}

static void run(struct gen_stage *s, FILE *manifest)
{
	const struct gen_options *o = &s->options;
	struct gen_flow *flows = sure(calloc(o->active, sizeof(*flows)));
	struct gen_flow **active = sure(calloc(o->active, sizeof(*active)));
	struct shelf shelf = {0};
	uint64_t next = 0;
	size_t count = 0;

	if (o->is_open)
		shelf.flows = sure(calloc(o->flows + o->scan + o->flood + o->odd_port + 1,
					  sizeof(struct gen_flow *)));
	for (size_t i = 0; i < o->active; i++) {
		flows[i].message = sure(malloc(sizeof(*flows[i].message)));
		active[i] = &flows[i];
	}
	while (count < o->active && start_next(s, active[count], &next))
		count++;
	while (count > 0) {
		size_t i = chance_draw(&s->wire.chance) % count;
		struct gen_flow *f = active[i];

		if (gen_flow_play(s, f))
			continue;
		if (shelf.flows)
			keep(&shelf, f);
		else
			put_row(manifest, f);
		if (!start_next(s, f, &next))
			active[i] = active[--count];
	}
	play_shelf(s, &shelf, manifest);
	for (size_t i = 0; i < o->active; i++) {
		free(flows[i].acts);
		free(flows[i].message);
	}
	free(active);
	free(flows);
}

static int fail(const char *path, int err)
{
	fprintf(stderr, "gen_capture: %s: %s\n", path, strerror(err));
	return 1;
}

int main(int argc, char **argv)
{
	struct gen_stage *s = sure(calloc(1, sizeof(*s)));
	FILE *manifest;
	bool is_whole;
	int err;

	if (!gen_options_parse(argc, argv, &s->options))
		return 2;
	gen_sites_make(&s->sites);
	s->quic = sure(make_quic_new());
	err = gen_wire_open(&s->wire, s->options.out, s->options.seed, s->options.is_ns);
	if (err)
		return fail(s->options.out, err);
	s->wire.gap_ns = s->options.gap_ns;
	manifest = fopen(s->options.manifest, "w");
	if (!manifest)
		return fail(s->options.manifest, errno);
	fputs("src\tsport\tdst\tdport\tl4\tname\tprotocol\tapp\tnaming_frame\tnames\tframes\n",
	      manifest);
	run(s, manifest);
	err = gen_wire_close(&s->wire);
	is_whole = !ferror(manifest);
	if (fclose(manifest) || !is_whole)
		return fail(s->options.manifest, EIO);
	make_quic_free(s->quic);
	if (err)
		return fail(s->options.out, err);
	free(s);
	return 0;
}
