/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The flow room's flows: what one owns beside its own four lines, all of it from the memory of its
 * table, which is found by the flow's address.
 */
#include "flow/flow_memory.h"

#include <errno.h>
#include <stdlib.h>

enum {
	SIZE_MAX_POOLED = 288, /* what is larger is the C library's */
	RUNS_POOLED = 2,       /* runs of one end that are not */
};

/* Names are short; the largest size holds any of them. */
static const uint16_t sizes[FLOW_SIZES] = {32, 40, 48, 64, 96, 144, 224, 256, 288};

_Static_assert(sizeof(void *) != 8 || sizeof(struct flow_side) == 40, "a question has two of them");
_Static_assert(sizeof(void *) != 8 || sizeof(struct flow) == 256, "four lines of the cache");
_Static_assert(sizeof(void *) != 8 || offsetof(struct flow, decision) == 128, "two for each frame");
_Static_assert(sizeof(void *) != 8 || offsetof(struct flow, isn) >= FLOW_SHORT_SIZE, "of TCP");
_Static_assert(sizeof(struct flow_name) + NAME_MAX_LEN + 1 <= 288 &&
		       sizeof(struct flow_stream_side) <= 256 &&
		       RUNS_POOLED * sizeof(struct flow_run) <= SIZE_MAX_POOLED &&
		       sizeof(struct flow_rare) <= 288,
	       "the largest size holds everything");

void flow_memory_init(struct flow_memory *m, struct pages *pages)
{
	m->own = (struct pages){0};
	m->pages = pages ? pages : &m->own;
	pool_init(&m->flows[FLOW_LONG], m->pages, sizeof(struct flow), m);
	pool_init(&m->flows[FLOW_SHORT], m->pages, FLOW_SHORT_SIZE, m);
	for (size_t i = 0; i < FLOW_SIZES; i++)
		pool_init(&m->of_size[i], m->pages, sizes[i], m);
	stream_memory_init(&m->streams, m->pages);
}

void flow_memory_clear(struct flow_memory *m)
{
	m->own.is_ending = true;
	for (size_t i = 0; i < FLOW_KINDS; i++)
		pool_clear(&m->flows[i]);
	for (size_t i = 0; i < FLOW_SIZES; i++)
		pool_clear(&m->of_size[i]);
	stream_memory_clear(&m->streams);
	pages_clear(&m->own);
}

static inline struct pool *pool_of(const struct flow *f, size_t size)
{
	struct flow_memory *m = pool_owner(f);
	size_t i = 0;

	while (sizes[i] < size)
		i++;
	return &m->of_size[i];
}

/* Zeroed room for what f is to own; NULL when out of memory. */
static void *take(const struct flow *f, size_t size)
{
	return pool_take(pool_of(f, size));
}

static struct flow_name *take_name(const struct flow *f, enum app_proto source,
				   const struct name *name)
{
	struct flow_name *n = pool_take_unset(pool_of(f, sizeof(*n) + name->len + 1U));

	if (!n)
		return NULL;
	n->next = NULL;
	n->source = (uint8_t)source;
	n->len = name->len;
	memcpy(n->text, name->text, name->len + 1U);
	return n;
}

void flow_free(struct flow *f)
{
	flow_settle(f);
	while (f->names) {
		struct flow_name *next = f->names->next;

		pool_give(f->names);
		f->names = next;
	}
	pool_give(f->learnt);
	pool_give(f->rare ? f->rare->ja4 : NULL);
	pool_give(f->rare);
	pool_give(f);
}

const struct flow_rare *flow_rare(const struct flow *f)
{
	static const struct flow_rare none;

	return f->rare ? f->rare : &none;
}

struct flow_rare *flow_rare_open(struct flow *f)
{
	if (!f->rare)
		f->rare = take(f, sizeof(*f->rare));
	return f->rare;
}

void flow_keep_ja4(struct flow *f, const char *ja4)
{
	char *place = f->ja4;

	if (flow_ja4(f)[0])
		return;
	if (f->number & FLOW_NUMBER_SHORT) {
		place = flow_rare_open(f) ? take(f, FLOW_JA4_LEN + 1) : NULL;
		if (!place)
			return;
		f->rare->ja4 = place;
	}
	memcpy(place, ja4, FLOW_JA4_LEN);
}

struct flow_side *flow_side_open(struct flow *f, int end)
{
	struct flow_stream_side *both;

	if (f->side[end])
		return f->side[end];
	if (f->key.proto != DPI_IP_TCP) {
		f->side[end] = take(f, sizeof(*f->side[end]));
		return f->side[end];
	}
	both = take(f, sizeof(*both));
	if (!both)
		return NULL;
	both->side.is_stream = true;
	both->side.lane = both->lane;
	f->side[end] = &both->side;
	return f->side[end];
}

static struct stream *own_stream(struct flow_side *side)
{
	return &((struct flow_stream_side *)side)->stream;
}

int flow_lane_open(struct flow *f, int end, int lane)
{
	struct flow_memory *m = pool_owner(f);
	struct flow_side *side = f->side[end];

	if (lane == 0) {
		stream_init(own_stream(side), &m->streams);
		side->lane[0].stream = own_stream(side);
		return 0;
	}
	side->lane[lane].stream = stream_new();
	if (!side->lane[lane].stream)
		return -ENOMEM;
	side->has_lanes = true;
	return 0;
}

static void free_runs(struct flow_run *run, size_t cap)
{
	if (cap > RUNS_POOLED)
		free(run);
	else
		pool_give(run);
}

/* As many as there is room for when there are so many. */
static size_t run_cap(size_t count)
{
	size_t cap = 1;

	while (cap < count)
		cap *= 2;
	return cap;
}

struct flow_run *flow_run_open(struct flow *f, int end, uint64_t id)
{
	struct flow_memory *m = pool_owner(f);
	struct flow_side *side = f->side[end];
	size_t count = side->run_count, cap = run_cap(count + 1U);
	struct flow_run *run;

	if (!count || cap > run_cap(count)) {
		run = cap > RUNS_POOLED ? calloc(cap, sizeof(*run)) : take(f, cap * sizeof(*run));
		if (!run)
			return NULL;
		if (count) {
			memcpy(run, side->run, count * sizeof(*run));
			free_runs(side->run, run_cap(count));
		}
		side->run = run;
	}
	run = &side->run[side->run_count++];
	*run = (struct flow_run){.id = id};
	stream_init(&run->stream, &m->streams);
	return run;
}

static void free_ids(struct flow_side *side)
{
	if (side->ids && ids_size(side->ids) > SIZE_MAX_POOLED)
		free(side->ids);
	else
		pool_give(side->ids);
	side->ids = NULL;
}

const struct ids *flow_ids(const struct flow *f)
{
	const struct flow_side *side = f->side[f->opener & 1];

	return side ? side->ids : NULL;
}

void flow_keep_ids(struct flow *f, const struct ids *ids)
{
	struct flow_side *side = flow_side_open(f, f->opener & 1);
	size_t size = ids_size(ids);
	struct ids *place;

	if (!side)
		return;
	if (!side->ids || side->ids->count != ids->count) {
		place = size > SIZE_MAX_POOLED ? malloc(size) : take(f, size);
		if (!place)
			return;
		free_ids(side);
		side->ids = place;
	}
	memcpy(side->ids, ids, size);
}

int flow_set_learnt(struct flow *f, const struct name *name)
{
	pool_give(f->learnt);
	f->learnt = name ? take_name(f, PROTO_LEARNT, name) : NULL;
	return name && !f->learnt ? -ENOMEM : 0;
}

static bool is_same(const struct flow_name *n, enum app_proto source, const struct name *name)
{
	return n->source == source && n->len == name->len &&
	       memcmp(n->text, name->text, name->len) == 0;
}

bool flow_has_name(const struct flow *f, enum app_proto source, const struct name *name)
{
	for (const struct flow_name *n = f->names; n; n = n->next)
		if (is_same(n, source, name))
			return true;
	return false;
}

int flow_add_name(struct flow *f, enum app_proto source, const struct name *name)
{
	struct flow_name **at = &f->names;

	for (; *at; at = &(*at)->next)
		if (is_same(*at, source, name))
			return 0;
	if (f->name_count >= FLOW_NAMES_MAX) {
		f->flags |= FLOW_NAMES_FULL;
		return -ENOSPC;
	}
	*at = take_name(f, source, name);
	if (!*at)
		return -ENOMEM;
	f->name_count++;
	return 1;
}

static void clear_lanes(struct flow_side *side)
{
	if (side->lane[0].stream)
		stream_clear(side->lane[0].stream);
	for (int i = 1; side->has_lanes && i < FLOW_LANES; i++)
		stream_free(side->lane[i].stream);
	memset(side->lane, 0, FLOW_LANES * sizeof(*side->lane));
}

static void clear_runs(struct flow_side *side)
{
	for (int i = 0; i < side->run_count; i++)
		stream_clear(&side->run[i].stream);
	if (side->run_count)
		free_runs(side->run, run_cap(side->run_count));
	side->run = NULL;
	side->run_count = 0;
}

void flow_side_clear(struct flow_side *side)
{
	if (!side->is_stream) {
		clear_runs(side);
		return;
	}
	clear_lanes(side);
	free(side->urgent);
	side->urgent = NULL;
	side->urgent_count = side->urgent_last = 0;
}

void flow_release(struct flow *f)
{
	for (int d = 0; d < 2; d++) {
		struct flow_side *side = f->side[d];

		if (!side)
			continue;
		flow_side_clear(side);
		if (!side->is_stream)
			free_ids(side);
	}
}

/* Those of streams come and go with every connection. */
static void give_side(const struct flow *f, struct flow_side *side)
{
	if (side && side->is_stream)
		pool_give_hot(pool_of(f, sizeof(struct flow_stream_side)), side);
	else
		pool_give(side);
}

void flow_settle(struct flow *f)
{
	flow_release(f);
	for (int d = 0; d < 2; d++) {
		give_side(f, f->side[d]);
		f->side[d] = NULL;
	}
}

const char *flow_state_name(enum flow_state s)
{
	static const char *const names[FLOW_STATES] = {
		[FLOW_NEW] = "NEW",
		[FLOW_ESTABLISHED] = "ESTABLISHED",
		[FLOW_CLASSIFIED] = "CLASSIFIED",
		[FLOW_BLOCKED] = "BLOCKED",
		[FLOW_INCOMPLETE] = "INCOMPLETE",
		[FLOW_CLOSED] = "CLOSED",
	};

	return (unsigned)s < FLOW_STATES ? names[s] : NULL;
}

const char *flow_flag_name(enum flow_flag f)
{
	static const struct {
		enum flow_flag flag;
		const char *name;
	} names[] = {
		{FLOW_NO_NAME, "no_name"},
		{FLOW_ECH, "ech"},
		{FLOW_AMBIGUOUS, "ambiguous"},
		{FLOW_UNDECIDED, "undecided"},
		{FLOW_MIDSTREAM, "midstream"},
		{FLOW_ODD_NAME, "odd_name"},
		{FLOW_CUT, "cut"},
		{FLOW_NAMES_FULL, "names_full"},
		{FLOW_IP_LITERAL, "ip_literal"},
		{FLOW_ADOPTED, "adopted"},
		{FLOW_DOH, "doh"},
		{FLOW_DOT, "dot"},
		{FLOW_DOQ, "doq"},
		{FLOW_TUNNELLED, "tunnelled"},
		{FLOW_FRAGMENTED, "fragmented"},
		{FLOW_LEARNT, "dns_learnt"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].flag == f)
			return names[i].name;
	return NULL;
}
