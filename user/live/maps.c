/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Reading and writing the pinned maps; see maps.h. No capability is needed for any of it: the
 * descriptors are the permission (kernel 6.1 and later).
 */
#include "live/each_key.h"
#include "live/maps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum { RECLAIM_LOOK = 256 };

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

uint64_t live_monotonic(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

struct live_clock live_clock_now(void)
{
	return (struct live_clock){.offset_ns = clock_ns(CLOCK_REALTIME) - live_monotonic()};
}

/* Makes one place in a full map: of some verdicts, the one idle for longest goes. */
static void verdict_reclaim(const struct live_maps *m)
{
	struct dpi_key at, next, oldest;
	struct dpi_verdict v;
	uint64_t oldest_ns = UINT64_MAX;
	int err = bpf_map_get_next_key(m->verdicts, NULL, &at);

	for (int i = 0; i < RECLAIM_LOOK && !err; i++) {
		if (live_verdict_get(m, &at, &v) == 0 && v.last_ns < oldest_ns) {
			oldest_ns = v.last_ns;
			oldest = at;
		}
		err = bpf_map_get_next_key(m->verdicts, &at, &next);
		at = next;
	}
	if (oldest_ns != UINT64_MAX)
		live_verdict_delete(m, &oldest);
}

int live_verdict_put(const struct live_maps *m, const struct dpi_key *key, uint64_t rule,
		     uint64_t since_ns)
{
	struct dpi_verdict v = {.rule = rule, .since_ns = since_ns, .action = DPI_DROP};

	v.last_ns = live_monotonic();
	if (bpf_map_update_elem(m->verdicts, key, &v, BPF_ANY) == 0)
		return 0;
	if (errno != E2BIG)
		return -errno;
	verdict_reclaim(m);
	return bpf_map_update_elem(m->verdicts, key, &v, BPF_ANY) ? -errno : 0;
}

void live_verdict_delete(const struct live_maps *m, const struct dpi_key *key)
{
	bpf_map_delete_elem(m->verdicts, key);
}

int live_verdict_get(const struct live_maps *m, const struct dpi_key *key, struct dpi_verdict *v)
{
	return bpf_map_lookup_elem(m->verdicts, key, v) ? -errno : 0;
}

int live_fact_put(const struct live_maps *m, const struct dpi_key *key, const struct dpi_fact *fact)
{
	return bpf_map_update_elem(m->facts, key, fact, BPF_ANY) ? -errno : 0;
}

int live_fact_get(const struct live_maps *m, const struct dpi_key *key, struct dpi_fact *fact)
{
	return bpf_map_lookup_elem(m->facts, key, fact) ? -errno : 0;
}

void live_heartbeat(const struct live_maps *m, uint64_t now_ns)
{
	uint32_t zero = 0;

	bpf_map_update_elem(m->heartbeat, &zero, &now_ns, BPF_ANY);
}

struct verdict_walk {
	const struct live_maps *m;
	void (*fn)(void *ctx, const struct dpi_key *k, const struct dpi_verdict *v);
	void *ctx;
};

static void verdict_visit(void *ctx, const void *key)
{
	struct verdict_walk *w = ctx;
	struct dpi_verdict v;
	struct dpi_key k;

	memcpy(&k, key, sizeof(k));
	if (live_verdict_get(w->m, &k, &v) == 0)
		w->fn(w->ctx, &k, &v);
}

size_t live_verdict_each(const struct live_maps *m,
			 void (*fn)(void *ctx, const struct dpi_key *k,
				    const struct dpi_verdict *v),
			 void *ctx)
{
	struct verdict_walk w = {.m = m, .fn = fn, .ctx = ctx};

	return map_each_key(m->verdicts, sizeof(struct dpi_key), verdict_visit, &w);
}

static void key_ignore(void *ctx, const void *key)
{
	(void)ctx;
	(void)key;
}

size_t live_verdict_count(const struct live_maps *m)
{
	return map_each_key(m->verdicts, sizeof(struct dpi_key), key_ignore, NULL);
}

struct fact_walk {
	const struct live_maps *m;
	void (*fn)(void *ctx, const struct dpi_key *k, const struct dpi_fact *v);
	void *ctx;
};

static void fact_visit(void *ctx, const void *key)
{
	struct fact_walk *w = ctx;
	struct dpi_fact v;
	struct dpi_key k;

	memcpy(&k, key, sizeof(k));
	if (live_fact_get(w->m, &k, &v) == 0)
		w->fn(w->ctx, &k, &v);
}

size_t live_fact_each(const struct live_maps *m,
		      void (*fn)(void *ctx, const struct dpi_key *k, const struct dpi_fact *v),
		      void *ctx)
{
	struct fact_walk w = {.m = m, .fn = fn, .ctx = ctx};

	return map_each_key(m->facts, sizeof(struct dpi_key), fact_visit, &w);
}
