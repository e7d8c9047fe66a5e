/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: filling the table of suffixes: single rules first, then lists, then applications.
 *
 * An application owns its suffixes and all below them that no longer suffix of another application
 * takes away. So where rules name an application, the suffixes of others below its own are in the
 * table too, saying nothing.
 */
#include "policy/name_table_inside.h"

enum { FULL_FIRST = 64 };

/* Notes a suffix that is new to the table. */
static void announce(struct name_table *t, const struct name_hashes *h)
{
	name_filter_add(&t->filter, h->whole);
	name_filter_add(&t->filter, h->root);
	t->has_top |= h->is_top;
	t->count++;
}

/* The full entry of a slot, made when there is none. NULL when out of memory. */
static struct dpi_name_rule *widen(struct name_table *t, struct name_slot *s,
				   const struct name_hashes *h)
{
	struct name_full *full = t->full;

	if (s->at >= NAME_FULL)
		return &full[s->at - NAME_FULL].rule;
	if (t->full_count == t->full_room) {
		size_t room = t->full_room ? t->full_room * 2 : FULL_FIRST;

		full = realloc(full, room * sizeof(*full));
		if (!full)
			return NULL;
		t->full = full;
		t->full_room = room;
	}
	full = &t->full[t->full_count];
	*full = (struct name_full){.hash = h->whole};
	if (!name_table_entry(t, s, &full->rule))
		announce(t, h);
	s->mark = (uint32_t)(h->whole >> 32);
	s->at = NAME_FULL + (uint32_t)t->full_count++;
	return &full->rule;
}

static int add_name(struct name_table *t, const struct name_coming *c)
{
	struct name_slot *s = name_table_find(t, c->hashes.whole, c->say.device, c->suffix);
	struct dpi_name_rule *full, room, next;

	if (!s->at) {
		*s = (struct name_slot){(uint32_t)(c->hashes.whole >> 32), c->number + 1};
		announce(t, &c->hashes);
		return 0;
	}
	/* Lists share many names: one that says nothing new takes no memory. */
	next = *name_table_entry(t, s, &room);
	if (c->say.is_list && name_rule_is_ruled(&next))
		name_table_add_behind(t, s, c);
	if (!name_say_put(&next, &c->say))
		return 0;
	full = widen(t, s, &c->hashes);
	if (!full)
		return -ENOMEM;
	*full = next;
	return 0;
}

void name_table_prepare(const struct name_table *t, struct name_coming *c)
{
	c->hashes = name_table_hash(t, c->say.device, c->suffix);
	__builtin_prefetch(&t->slot[name_table_home(t, c->hashes.whole)], 1);
	__builtin_prefetch(name_filter_place(&t->filter, c->hashes.whole), 1);
	__builtin_prefetch(name_filter_place(&t->filter, c->hashes.root), 1);
}

int name_table_add(struct name_table *t, const struct name_coming *c, size_t count)
{
	int err = 0;

	for (size_t i = 0; i < count && !err; i++)
		err = add_name(t, &c[i]);
	return err;
}

/* True for a rule that speaks of names in this table. */
static bool is_wanted(const struct name_table *t, const struct rule *rule)
{
	return rule->kind == RULE_DOMAIN && (rule->is_learnt || !t->is_learnt);
}

static int add_domains(struct name_table *t)
{
	struct rules_walk w = {0};
	struct name_coming c[NAME_AHEAD];
	const struct rule *rule;
	uint32_t number = 0;
	size_t count = 0;
	int err = 0;

	while (!err && (rule = rules_next(t->rules, &w))) {
		uint32_t n = number++;

		if (!is_wanted(t, rule))
			continue;
		c[count] = (struct name_coming){
			.suffix = rule_subject(rule), .number = n, .say = name_say_of_rule(rule)};
		name_table_prepare(t, &c[count++]);
		if (count == NAME_AHEAD) {
			err = name_table_add(t, c, count);
			count = 0;
		}
	}
	return err ? err : name_table_add(t, c, count);
}

/* True when the name lies below a suffix of an application that the device's rules speak of. */
static bool is_below_app(const struct name_table *t, uint64_t device, struct slice name)
{
	struct dpi_name_rule room;
	struct dpi_name_walk w;

	dpi_name_walk_init(&w, t->seed ^ device);
	for (size_t i = name.len; i-- > 0;) {
		const struct dpi_name_rule *r = NULL;

		if (name.at[i] == '.')
			r = name_table_entry(
				t, name_table_find(t, w.hash, device, slice_from(name, i + 1)),
				&room);
		if (r && (r->flags & DPI_NAME_APP))
			return true;
		dpi_name_walk_byte(&w, name.at[i]);
	}
	return false;
}

/* Adds the catalogue's suffixes: with rules, of the ruled applications; without, the others. */
static int add_apps(struct name_table *t, const struct policy_apps *apps,
		    const struct app_rules *app, bool is_ruled)
{
	for (size_t i = 0; i < apps->suffix_count; i++) {
		struct dpi_name_rule *full;
		struct slice suffix;
		struct name_hashes h;
		int id;

		suffix = apps->suffix(apps->ctx, i, &id);
		if ((app->block[id] || app->allow[id]) != is_ruled)
			continue;
		if (!is_ruled && !is_below_app(t, app->device, suffix))
			continue;
		h = name_table_hash(t, app->device, suffix);
		full = widen(t, name_table_find(t, h.whole, app->device, suffix), &h);
		if (!full)
			return -ENOMEM;
		full->flags |= DPI_NAME_APP;
		full->app_block = app->block[id];
		full->app_allow = app->allow[id];
	}
	return 0;
}

static bool has_app_rule(const struct app_rule_sets *s, const struct app_rules *app)
{
	for (size_t i = 0; i < s->app_count; i++)
		if (app->block[i] || app->allow[i])
			return true;
	return false;
}

/* Adds the suffixes for all, and for each device that has rules for applications. */
static int add_app_sets(struct name_table *t, const struct policy_apps *apps,
			const struct app_rule_sets *s)
{
	int err = 0;

	for (size_t i = 0; i < s->count && !err; i++) {
		if (!has_app_rule(s, &s->at[i]))
			continue;
		err = add_apps(t, apps, &s->at[i], true);
		if (!err)
			err = add_apps(t, apps, &s->at[i], false);
	}
	return err;
}

/* How many suffixes that can add. */
static size_t count_app_sets(const struct policy_apps *apps, const struct app_rule_sets *s)
{
	size_t count = 0;

	for (size_t i = 0; i < s->count; i++)
		count += has_app_rule(s, &s->at[i]) ? apps->suffix_count : 0;
	return count;
}

/* Makes slots and filter for so many entries: at most two thirds of the slots are taken. */
static int make_room(struct name_table *t, size_t most)
{
	size_t slot_count = 8;

	while (slot_count < most + most / 2)
		slot_count *= 2;
	t->slot = calloc(slot_count, sizeof(*t->slot));
	if (!t->slot)
		return -ENOMEM;
	t->slot_count = slot_count;
	return name_filter_init(&t->filter, most);
}

static int build(struct name_table *t, const struct policy_apps *apps,
		 const struct app_rule_sets *app)
{
	size_t most = count_app_sets(apps, app);
	struct rules_walk w = {0};
	const struct rule *rule;
	int err = name_table_find_lists(t, &most);

	if (err)
		return err;
	while ((rule = rules_next(t->rules, &w)))
		most += is_wanted(t, rule);
	if (!most)
		return 0;
	err = make_room(t, most);
	if (!err)
		err = add_domains(t);
	if (!err)
		err = name_table_add_lists(t);
	return err ? err : add_app_sets(t, apps, app);
}

struct name_table *name_table_new(const struct rules *rules, const struct policy_apps *apps,
				  const struct app_rule_sets *app, uint64_t seed)
{
	struct name_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->owners = 1;
	t->seed = seed;
	t->is_learnt = app->is_learnt;
	t->rule_count = (uint32_t)rules_count(rules);
	t->rules = rules_copy(rules);
	if (t->rules && build(t, apps, app) == 0)
		return t;
	name_table_drop(t);
	return NULL;
}
