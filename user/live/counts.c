/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the kernel counted: flows, half-open connections, counters, hits of rules, the CPUs added
 * up; see maps.h.
 */
#include "live/each_key.h"
#include "live/maps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

size_t map_each_key(int fd, size_t key_size, void (*fn)(void *ctx, const void *key), void *ctx)
{
	unsigned char at[64], next[64];
	size_t n = 0;
	int err;

	err = bpf_map_get_next_key(fd, NULL, at);
	while (!err) {
		err = bpf_map_get_next_key(fd, at, next);
		fn(ctx, at);
		n++;
		memcpy(at, next, key_size);
	}
	return n;
}

/* How many keys a map has; at most max, however often a key that leaves makes the walk begin anew.
 */
static size_t key_count(int fd, size_t key_size, size_t max)
{
	unsigned char at[64], next[64];
	size_t n = 0;
	int err = bpf_map_get_next_key(fd, NULL, at);

	for (; !err && n < max; n++) {
		err = bpf_map_get_next_key(fd, at, next);
		memcpy(at, next, key_size);
	}
	return n;
}

/* Reads a flow on every CPU into a fresh array; NULL when it is gone. The caller frees. */
static struct dpi_flow *flow_cpus(const struct live_maps *m, const struct dpi_key *key)
{
	struct dpi_flow *cpu = calloc(m->cpu_count, sizeof(*cpu));

	if (cpu && bpf_map_lookup_elem(m->flows, key, cpu)) {
		free(cpu);
		cpu = NULL;
	}
	return cpu;
}

/* flags: enum dpi_flow_flag. */
static void note_isn(struct live_flow *out, int dir, uint8_t flags, const uint32_t isn[2])
{
	if (!(flags & (dir ? DPI_FLOW_ISN1 : DPI_FLOW_ISN0)))
		return;
	out->isn_known |= (uint8_t)(1 << dir);
	out->isn[dir] = isn[dir];
}

static void flow_add_cpu(struct live_flow *out, const struct dpi_flow *c)
{
	if (!c->first_ns)
		return;
	if (!out->first_ns || c->first_ns < out->first_ns) {
		out->first_ns = c->first_ns;
		out->opener = c->opener;
	}
	if (c->last_ns > out->last_ns)
		out->last_ns = c->last_ns;
	for (int dir = 0; dir < 2; dir++) {
		out->packets[dir] += c->packets[dir];
		out->bytes[dir] += c->bytes[dir];
		out->tcp_flags[dir] |= c->tcp_flags[dir];
		note_isn(out, dir, c->flags, c->isn);
	}
	out->dropped_packets += c->dropped_packets;
	out->dropped_bytes += c->dropped_bytes;
	if (c->static_action == DPI_STATIC_ADDRESS || c->static_action == DPI_STATIC_PORT)
		out->static_rule = c->static_rule;
}

/* The SYN and SYN-ACK were counted where half-open connections are. */
static void flow_add_handshake(const struct live_maps *m, const struct dpi_key *key,
			       struct live_flow *out)
{
	struct dpi_syn s;

	if (key->proto != DPI_IP_TCP || bpf_map_lookup_elem(m->syns, key, &s))
		return;
	for (int dir = 0; dir < 2; dir++)
		note_isn(out, dir, s.flags, s.isn);
	out->packets[s.opener & 1] += s.packets - s.dropped;
	out->bytes[s.opener & 1] += s.bytes;
	out->dropped_packets += s.dropped;
	if (s.first_ns < out->first_ns)
		out->first_ns = s.first_ns;
}

int live_flow_get(const struct live_maps *m, const struct dpi_key *key, struct live_flow *out)
{
	struct dpi_flow *cpu = flow_cpus(m, key);
	struct live_flow sum = {.opener = DPI_OPENER_UNKNOWN};

	if (!cpu)
		return -ENOENT;
	for (uint32_t i = 0; i < m->cpu_count; i++)
		flow_add_cpu(&sum, &cpu[i]);
	free(cpu);
	flow_add_handshake(m, key, &sum);
	*out = sum;
	return 0;
}

void live_flow_forget(const struct live_maps *m, const struct dpi_key *key)
{
	bpf_map_delete_elem(m->flows, key);
	bpf_map_delete_elem(m->syns, key);
	bpf_map_delete_elem(m->facts, key);
}

static void half_open(const struct dpi_syn *s, struct live_flow *out)
{
	*out = (struct live_flow){
		.first_ns = s->first_ns,
		.last_ns = s->last_ns,
		.static_rule = s->rule,
		.opener = s->opener,
		.dropped_packets = s->dropped,
		.tcp_flags = {s->tcp_flags[0], s->tcp_flags[1]},
		.is_half_open = true,
	};
	out->packets[s->opener & 1] = s->packets - s->dropped;
	out->bytes[s->opener & 1] = s->bytes;
}

struct flow_walk {
	const struct live_maps *m;
	void (*fn)(void *ctx, const struct dpi_key *k, const struct live_flow *f);
	void *ctx;
	size_t n;
};

static void flow_visit(void *ctx, const void *key)
{
	struct flow_walk *w = ctx;
	struct live_flow f;
	struct dpi_key k;

	memcpy(&k, key, sizeof(k));
	if (live_flow_get(w->m, &k, &f) == 0) {
		w->fn(w->ctx, &k, &f);
		w->n++;
	}
}

static void syn_visit(void *ctx, const void *key)
{
	struct flow_walk *w = ctx;
	struct live_flow f;
	struct dpi_syn s;
	struct dpi_key k;

	memcpy(&k, key, sizeof(k));
	if (live_flow_get(w->m, &k, &f) == 0 || bpf_map_lookup_elem(w->m->syns, &k, &s))
		return;
	half_open(&s, &f);
	w->fn(w->ctx, &k, &f);
	w->n++;
}

size_t live_flow_each(const struct live_maps *m,
		      void (*fn)(void *ctx, const struct dpi_key *k, const struct live_flow *f),
		      void *ctx)
{
	struct flow_walk w = {.m = m, .fn = fn, .ctx = ctx};

	map_each_key(m->flows, sizeof(struct dpi_key), flow_visit, &w);
	map_each_key(m->syns, sizeof(struct dpi_key), syn_visit, &w);
	return w.n;
}

uint64_t live_flow_late(const struct live_maps *m, const struct dpi_key *key, uint64_t since_ns,
			bool *is_least)
{
	struct dpi_flow *cpu = flow_cpus(m, key);
	uint64_t late = 0;

	*is_least = false;
	if (!cpu)
		return 0;
	for (uint32_t i = 0; i < m->cpu_count; i++) {
		uint32_t here = 0;

		for (int r = 0; r < DPI_RECENT; r++)
			here += cpu[i].recent[r] >= since_ns;
		late += here;
		*is_least |= here == DPI_RECENT;
	}
	free(cpu);
	return late;
}

void live_counts(const struct live_maps *m, struct dpi_counts *out)
{
	struct dpi_counts *cpu = calloc(m->cpu_count, sizeof(*cpu));
	uint32_t zero = 0;

	memset(out, 0, sizeof(*out));
	if (cpu && bpf_map_lookup_elem(m->counts, &zero, cpu) == 0)
		for (uint32_t i = 0; i < m->cpu_count; i++)
			for (int c = 0; c < DPI_COUNT_MAX; c++)
				out->n[c] += cpu[i].n[c];
	free(cpu);
}

struct hits_walk {
	const struct live_maps *m;
	void (*fn)(void *ctx, uint64_t rule, const struct dpi_hits *h);
	void *ctx;
};

static void hits_visit(void *ctx, const void *key)
{
	struct hits_walk *w = ctx;
	struct dpi_hits *cpu = calloc(w->m->cpu_count, sizeof(*cpu)), sum = {0};
	uint64_t rule;

	memcpy(&rule, key, sizeof(rule));
	if (cpu && bpf_map_lookup_elem(w->m->hits, &rule, cpu) == 0) {
		for (uint32_t i = 0; i < w->m->cpu_count; i++) {
			sum.packets += cpu[i].packets;
			sum.bytes += cpu[i].bytes;
		}
		w->fn(w->ctx, rule, &sum);
	}
	free(cpu);
}

size_t live_hits_each(const struct live_maps *m,
		      void (*fn)(void *ctx, uint64_t rule, const struct dpi_hits *h), void *ctx)
{
	struct hits_walk w = {.m = m, .fn = fn, .ctx = ctx};

	return map_each_key(m->hits, sizeof(uint64_t), hits_visit, &w);
}

void live_fill_count(const struct live_maps *m, struct live_fill out[LIVE_FILLS])
{
	const struct {
		const char *name;
		int fd;
		size_t key_size, max;
	} rows[LIVE_FILLS] = {
		{"flows", m->flows, sizeof(struct dpi_key), DPI_FLOWS_MAX},
		{"syns", m->syns, sizeof(struct dpi_key), DPI_SYNS_MAX},
		{"verdicts", m->verdicts, sizeof(struct dpi_key), DPI_VERDICTS_MAX},
		{"facts", m->facts, sizeof(struct dpi_key), DPI_FACTS_MAX},
		{"hits", m->hits, sizeof(uint64_t), DPI_HITS_MAX},
	};

	for (size_t i = 0; i < LIVE_FILLS; i++)
		out[i] = (struct live_fill){
			.name = rows[i].name,
			.entries = key_count(rows[i].fd, rows[i].key_size, rows[i].max),
			.max = rows[i].max,
		};
}
