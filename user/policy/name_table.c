/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: name and application rules as one table of suffixes, looked up. It decides nothing
 * by itself: the steps of the walk are those of dpi/name.h, which the kernel runs over the same
 * entries. name_table_build.c fills it.
 */
#include "policy/name_table_inside.h"

enum { FAR_WORDS = 2048 /* a smaller filter is in the cache anyway */ };

/* What a short entry says, and of which name. */
static struct name_say say_of(const struct name_table *t, const struct name_slot *s,
			      struct slice *suffix)
{
	uint32_t number = s->at - 1;

	if (number < t->rule_count) {
		*suffix = rule_subject(rules_at(t->rules, number));
		return name_say_of_rule(rules_at(t->rules, number));
	}
	return name_table_say_of_list(t, number, suffix);
}

size_t name_table_home(const struct name_table *t, uint64_t hash)
{
	return (size_t)(hash ^ hash >> 32) & (t->slot_count - 1);
}

struct name_slot *name_table_find(const struct name_table *t, uint64_t hash, uint64_t device,
				  struct slice suffix)
{
	size_t i = name_table_home(t, hash);
	struct slice there;

	for (; t->slot[i].at; i = (i + 1) & (t->slot_count - 1)) {
		const struct name_slot *s = &t->slot[i];

		if (s->mark != hash >> 32 || s->at & (uint32_t)NAME_BEHIND)
			continue;
		if (s->at >= NAME_FULL) {
			if (t->full[s->at - NAME_FULL].hash == hash)
				break;
			continue;
		}
		if (say_of(t, s, &there).device == device && slice_equal(there, suffix))
			break;
	}
	return &t->slot[i];
}

/* The hash of what an entry speaks of. */
static uint64_t hash_of(const struct name_table *t, const struct name_slot *s)
{
	struct slice suffix;
	uint64_t device;

	if (s->at >= NAME_FULL)
		return t->full[s->at - NAME_FULL].hash;
	device = say_of(t, s, &suffix).device;
	return name_table_hash(t, device, suffix).whole;
}

const struct name_slot *name_table_find_hash(const struct name_table *t, uint64_t hash)
{
	size_t i = name_table_home(t, hash);

	for (; t->slot[i].at; i = (i + 1) & (t->slot_count - 1)) {
		const struct name_slot *s = &t->slot[i];

		if (s->mark == hash >> 32 && !(s->at & (uint32_t)NAME_BEHIND) &&
		    hash_of(t, s) == hash)
			break;
	}
	return &t->slot[i];
}

/* Where an entry keeps a rule, and what says that it is a list's. */
static __u64 *field_of(struct dpi_name_rule *r, const struct name_say *say, uint32_t *list_flag)
{
	static const uint32_t flags[2][2] = {
		{DPI_NAME_LIST_SUFFIX_BLOCK, DPI_NAME_LIST_SUFFIX_ALLOW},
		{DPI_NAME_LIST_EXACT_BLOCK, DPI_NAME_LIST_EXACT_ALLOW}};

	*list_flag = flags[say->is_exact][say->is_allow];
	if (say->is_exact)
		return say->is_allow ? &r->exact_allow : &r->exact_block;
	return say->is_allow ? &r->suffix_allow : &r->suffix_block;
}

bool name_say_put(struct dpi_name_rule *r, const struct name_say *say)
{
	uint32_t spare = say->is_exact ? DPI_NAME_SPARE_EXACT : DPI_NAME_SPARE, list_flag;
	__u64 *field = field_of(r, say, &list_flag);

	if (say->is_spare) {
		if (r->flags & spare)
			return false;
		r->flags |= spare;
		return true;
	}
	if (*field)
		return false;
	*field = say->rule;
	if (say->is_list)
		r->flags |= list_flag;
	return true;
}

bool name_rule_is_ruled(const struct dpi_name_rule *r)
{
	return (r->suffix_block && !(r->flags & DPI_NAME_LIST_SUFFIX_BLOCK)) ||
	       (r->suffix_allow && !(r->flags & DPI_NAME_LIST_SUFFIX_ALLOW)) ||
	       (r->exact_block && !(r->flags & DPI_NAME_LIST_EXACT_BLOCK)) ||
	       (r->exact_allow && !(r->flags & DPI_NAME_LIST_EXACT_ALLOW));
}

const struct dpi_name_rule *name_table_entry(const struct name_table *t, const struct name_slot *s,
					     struct dpi_name_rule *room)
{
	struct slice suffix;
	struct name_say say;

	if (s->at >= NAME_FULL)
		return &t->full[s->at - NAME_FULL].rule;
	if (!s->at)
		return NULL;
	say = say_of(t, s, &suffix);
	*room = (struct dpi_name_rule){0};
	name_say_put(room, &say);
	return room;
}

struct name_hashes name_table_hash(const struct name_table *t, uint64_t device, struct slice name)
{
	struct name_hashes h = {0};
	struct dpi_name_walk w;
	unsigned labels = 1;

	dpi_name_walk_init(&w, t->seed ^ device);
	for (size_t i = name.len; i-- > 0;) {
		if (name.at[i] == '.' && labels++ == NAME_ROOT_LABELS)
			h.root = w.hash;
		dpi_name_walk_byte(&w, name.at[i]);
	}
	h.whole = w.hash;
	if (labels <= NAME_ROOT_LABELS)
		h.root = w.hash;
	h.is_top = labels == 1;
	return h;
}

struct name_table *name_table_hold(struct name_table *t)
{
	if (t)
		t->owners++;
	return t;
}

void name_table_drop(struct name_table *t)
{
	if (!t || --t->owners)
		return;
	free(t->slot);
	free(t->full);
	free(t->list);
	name_filter_clear(&t->filter);
	rules_free(t->rules);
	free(t);
}

void name_table_take(const struct name_table *t, struct dpi_name_walk *w, uint64_t device,
		     struct slice suffix, bool is_whole)
{
	struct dpi_name_rule room;
	const struct dpi_name_rule *r =
		name_table_entry(t, name_table_find(t, w->hash, device, suffix), &room);

	if (r)
		dpi_name_walk_found(w, r, is_whole);
}

void name_table_await(const struct name_table *t, struct slice name)
{
	struct dpi_name_walk w;
	unsigned labels = 1;

	if (t->filter.word_count < FAR_WORDS)
		return;
	dpi_name_walk_init(&w, t->seed);
	for (size_t i = name.len; i-- > 0;) {
		if (name.at[i] == '.' && labels++ == NAME_ROOT_LABELS)
			break;
		dpi_name_walk_byte(&w, name.at[i]);
	}
	__builtin_prefetch(name_filter_place(&t->filter, w.hash));
}

/* Walks with the rules of one device, or of all (0), which the walk has begun for. */
static void walk(const struct name_table *t, struct dpi_name_walk *w, uint64_t device,
		 struct slice name)
{
	unsigned labels = 1, first = t->has_top ? 1 : NAME_ROOT_LABELS;

	for (size_t i = name.len; i-- > 0;) {
		if (name.at[i] == '.') {
			if (labels >= first && name_filter_may_have(&t->filter, w->hash))
				name_table_take(t, w, device, slice_from(name, i + 1), false);
			else if (labels == NAME_ROOT_LABELS)
				return;
			labels++;
		}
		dpi_name_walk_byte(w, name.at[i]);
	}
	if (labels >= first && name_filter_may_have(&t->filter, w->hash))
		name_table_take(t, w, device, name, true);
}

struct dpi_name_walk name_table_walk(const struct name_table *t, const struct policy_whom *whom,
				     struct slice name)
{
	struct dpi_name_walk w;

	dpi_name_walk_init(&w, t->seed);
	if (!t->count || !name.len)
		return w;
	for (unsigned i = 0; whom && i < whom->count; i++) {
		dpi_name_walk_again(&w, t->seed ^ whom->id[i]);
		walk(t, &w, whom->id[i], name);
	}
	if (whom)
		dpi_name_walk_again(&w, t->seed);
	walk(t, &w, 0, name);
	return w;
}

int name_table_each(const struct name_table *t,
		    int (*fn)(void *ctx, uint64_t hash, const struct dpi_name_rule *r), void *ctx)
{
	int stop = 0;

	for (size_t i = 0; i < t->slot_count && !stop; i++) {
		const struct name_slot *s = &t->slot[i];
		struct dpi_name_rule room;

		if (s->at && !(s->at & (uint32_t)NAME_BEHIND))
			stop = fn(ctx, hash_of(t, s), name_table_entry(t, s, &room));
	}
	return stop;
}
