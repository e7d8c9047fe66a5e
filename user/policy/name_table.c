/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: name and application rules as one table of suffixes. It decides nothing by itself:
 * the steps of the walk are those of dpi/name.h, which the kernel runs over the same entries.
 *
 * An application owns its suffixes and all below them that no longer suffix of another application
 * takes away. So where rules name an application, the suffixes of others below its own are in the
 * table too, saying nothing.
 */
#include "policy/name_table.h"

#include <errno.h>
#include <stdlib.h>

static size_t home_of(const struct name_table *t, uint64_t hash)
{
	return (size_t)(hash ^ hash >> 32) & (t->slot_count - 1);
}

/* The slot of this hash, or the empty one where it would go. */
static struct name_slot *find(const struct name_table *t, uint64_t hash)
{
	size_t i = home_of(t, hash);

	while ((t->slot[i].rule || t->slot[i].full) && t->slot[i].hash != hash)
		i = (i + 1) & (t->slot_count - 1);
	return &t->slot[i];
}

/* The entry of a slot, written out into *room where it is a short one; NULL for an empty slot. */
static const struct dpi_name_rule *entry_of(const struct name_table *t, const struct name_slot *s,
					    struct dpi_name_rule *room)
{
	if (s->full)
		return &t->full[s->full - 1];
	if (!s->rule)
		return NULL;
	*room = (struct dpi_name_rule){.suffix_block = rules_at(t->rules, s->rule - 1)->id};
	return room;
}

/* The full entry of a hash, made when it is not there. full[] was allocated for all there can be.
 */
static struct dpi_name_rule *widen(struct name_table *t, uint64_t hash)
{
	struct name_slot *s = find(t, hash);
	struct dpi_name_rule room = {0};

	if (s->full)
		return &t->full[s->full - 1];
	if (!entry_of(t, s, &room))
		t->count++;
	t->full[t->full_count++] = room;
	s->hash = hash;
	s->rule = 0;
	s->full = (uint32_t)t->full_count;
	return &t->full[t->full_count - 1];
}

static uint64_t hash_name(const struct name_table *t, struct slice name)
{
	struct dpi_name_walk w;

	dpi_name_walk_init(&w, t->seed);
	for (size_t i = name.len; i-- > 0;)
		dpi_name_walk_byte(&w, name.at[i]);
	return w.hash;
}

static void set_once(__u64 *field, __u64 id)
{
	if (!*field)
		*field = id;
}

static void add_domain(struct name_table *t, size_t i)
{
	const struct rule *rule = rules_at(t->rules, i);
	uint64_t hash = hash_name(t, slice_text(rule_subject(rule)));
	struct dpi_name_rule *full;

	if (!rule->is_allow && !rule->is_exact) {
		struct name_slot *s = find(t, hash);

		if (s->full) {
			set_once(&t->full[s->full - 1].suffix_block, rule->id);
		} else if (!s->rule) {
			*s = (struct name_slot){.hash = hash, .rule = (uint32_t)i + 1};
			t->count++;
		}
		return;
	}
	full = widen(t, hash);
	if (rule->is_exact)
		set_once(rule->is_allow ? &full->exact_allow : &full->exact_block, rule->id);
	else
		set_once(&full->suffix_allow, rule->id);
}

/* True when the name lies below a suffix of an application that rules speak of. */
static bool is_below_app(const struct name_table *t, struct slice name)
{
	struct dpi_name_rule room;
	struct dpi_name_walk w;

	dpi_name_walk_init(&w, t->seed);
	for (size_t i = name.len; i-- > 0;) {
		const struct dpi_name_rule *r = NULL;

		if (name.at[i] == '.')
			r = entry_of(t, find(t, w.hash), &room);
		if (r && (r->flags & DPI_NAME_APP))
			return true;
		dpi_name_walk_byte(&w, name.at[i]);
	}
	return false;
}

/* Adds the catalogue's suffixes: with rules, of the ruled applications; without, the others. */
static void add_apps(struct name_table *t, const struct policy_apps *apps,
		     const struct app_rules *app, bool is_ruled)
{
	for (size_t i = 0; i < apps->suffix_count; i++) {
		struct dpi_name_rule *full;
		struct slice suffix;
		int id;

		suffix = apps->suffix(apps->ctx, i, &id);
		if ((app->block[id] || app->allow[id]) != is_ruled)
			continue;
		if (!is_ruled && !is_below_app(t, suffix))
			continue;
		full = widen(t, hash_name(t, suffix));
		full->flags |= DPI_NAME_APP;
		full->app_block = app->block[id];
		full->app_allow = app->allow[id];
	}
}

/* True for a rule that speaks of names in this table. */
static bool is_wanted(const struct name_table *t, const struct rule *rule)
{
	return rule->kind == RULE_DOMAIN && (rule->is_learnt || !t->is_learnt);
}

static bool has_app_rule(const struct app_rules *app)
{
	for (size_t i = 0; i < app->count; i++)
		if (app->block[i] || app->allow[i])
			return true;
	return false;
}

int name_table_build(struct name_table *t, const struct rules *rules,
		     const struct policy_apps *apps, const struct app_rules *app, uint64_t seed)
{
	bool has_apps = has_app_rule(app);
	size_t full_most = has_apps ? apps->suffix_count : 0;
	size_t most = full_most, slot_count = 8;

	t->rules = rules;
	t->is_learnt = app->is_learnt;
	t->seed = seed;
	for (size_t i = 0; i < rules_count(rules); i++) {
		const struct rule *rule = rules_at(rules, i);

		most += is_wanted(t, rule);
		full_most += is_wanted(t, rule) && (rule->is_allow || rule->is_exact);
	}
	if (!most)
		return 0;
	while (slot_count < most + most / 2)
		slot_count *= 2;
	t->slot = calloc(slot_count, sizeof(*t->slot));
	t->full = calloc(full_most + 1, sizeof(*t->full));
	if (!t->slot || !t->full)
		return -ENOMEM;
	t->slot_count = slot_count;
	for (size_t i = 0; i < rules_count(rules); i++)
		if (is_wanted(t, rules_at(rules, i)))
			add_domain(t, i);
	if (has_apps) {
		add_apps(t, apps, app, true);
		add_apps(t, apps, app, false);
	}
	return 0;
}

void name_table_clear(struct name_table *t)
{
	free(t->slot);
	free(t->full);
	*t = (struct name_table){0};
}

struct dpi_name_walk name_table_walk(const struct name_table *t, struct slice name)
{
	const struct dpi_name_rule *r;
	struct dpi_name_rule room;
	struct dpi_name_walk w;

	dpi_name_walk_init(&w, t->seed);
	if (!t->count || !name.len)
		return w;
	for (size_t i = name.len; i-- > 0;) {
		if (name.at[i] == '.') {
			r = entry_of(t, find(t, w.hash), &room);
			if (r)
				dpi_name_walk_found(&w, r, false);
		}
		dpi_name_walk_byte(&w, name.at[i]);
	}
	r = entry_of(t, find(t, w.hash), &room);
	if (r)
		dpi_name_walk_found(&w, r, true);
	return w;
}

int name_table_each(const struct name_table *t,
		    int (*fn)(void *ctx, uint64_t hash, const struct dpi_name_rule *r), void *ctx)
{
	int stop = 0;

	for (size_t i = 0; i < t->slot_count && !stop; i++) {
		struct dpi_name_rule room;
		const struct dpi_name_rule *r = entry_of(t, &t->slot[i], &room);

		if (r)
			stop = fn(ctx, t->slot[i].hash, r);
	}
	return stop;
}
