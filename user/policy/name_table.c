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

enum {
	FULL = 1 << 30,
	FULL_FIRST = 64,
	ROOT_LABELS = 2,
	FAR_WORDS = 2048, /* a smaller filter is in the cache anyway */
	AHEAD = 16,	  /* rules whose places in memory are asked for before the first is added */
};

static size_t home_of(const struct name_table *t, uint64_t hash)
{
	return (size_t)(hash ^ hash >> 32) & (t->slot_count - 1);
}

static const struct rule *rule_of(const struct name_table *t, const struct name_slot *s)
{
	return rules_at(t->rules, s->at - 1);
}

/* The slot of this suffix, whose hash is given, or the empty one where it would go. */
static struct name_slot *find(const struct name_table *t, uint64_t hash, struct slice suffix)
{
	size_t i = home_of(t, hash);

	for (; t->slot[i].at; i = (i + 1) & (t->slot_count - 1)) {
		const struct name_slot *s = &t->slot[i];

		if (s->mark != hash >> 32)
			continue;
		if (s->at >= FULL ? t->full[s->at - FULL].hash == hash
				  : slice_equal(slice_text(rule_subject(rule_of(t, s))), suffix))
			break;
	}
	return &t->slot[i];
}

/* Where an entry keeps a rule. */
static __u64 *field_of(struct dpi_name_rule *r, const struct rule *rule)
{
	if (rule->is_exact)
		return rule->is_allow ? &r->exact_allow : &r->exact_block;
	return rule->is_allow ? &r->suffix_allow : &r->suffix_block;
}

/* The entry of a slot, written out into *room where it is a short one; NULL for an empty slot. */
static const struct dpi_name_rule *entry_of(const struct name_table *t, const struct name_slot *s,
					    struct dpi_name_rule *room)
{
	const struct rule *rule;

	if (s->at >= FULL)
		return &t->full[s->at - FULL].rule;
	if (!s->at)
		return NULL;
	rule = rule_of(t, s);
	*room = (struct dpi_name_rule){0};
	*field_of(room, rule) = rule->id;
	return room;
}

/* The hashes of a suffix and of its last two labels; of a shorter one they are the same. */
struct hashes {
	uint64_t whole, root;
	bool is_top; /* of one label */
};

static struct hashes hash_name(const struct name_table *t, struct slice name)
{
	struct hashes h = {0};
	struct dpi_name_walk w;
	unsigned labels = 1;

	dpi_name_walk_init(&w, t->seed);
	for (size_t i = name.len; i-- > 0;) {
		if (name.at[i] == '.' && labels++ == ROOT_LABELS)
			h.root = w.hash;
		dpi_name_walk_byte(&w, name.at[i]);
	}
	h.whole = w.hash;
	if (labels <= ROOT_LABELS)
		h.root = w.hash;
	h.is_top = labels == 1;
	return h;
}

/* Notes a suffix that is new to the table. */
static void announce(struct name_table *t, const struct hashes *h)
{
	name_filter_add(&t->filter, h->whole);
	name_filter_add(&t->filter, h->root);
	t->has_top |= h->is_top;
	t->count++;
}

/* The full entry of a slot, made when there is none. NULL when out of memory. */
static struct dpi_name_rule *widen(struct name_table *t, struct name_slot *s,
				   const struct hashes *h)
{
	struct name_full *full = t->full;

	if (s->at >= FULL)
		return &full[s->at - FULL].rule;
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
	if (!entry_of(t, s, &full->rule))
		announce(t, h);
	s->mark = (uint32_t)(h->whole >> 32);
	s->at = FULL + (uint32_t)t->full_count++;
	return &full->rule;
}

/* A rule on its way into the table. */
struct coming {
	const struct rule *rule;
	uint32_t number; /* in the set */
	struct hashes hashes;
};

static int add_domain(struct name_table *t, const struct coming *c)
{
	struct slice suffix = slice_text(rule_subject(c->rule));
	struct name_slot *s = find(t, c->hashes.whole, suffix);
	struct dpi_name_rule *full;

	if (!s->at) {
		*s = (struct name_slot){(uint32_t)(c->hashes.whole >> 32), c->number + 1};
		announce(t, &c->hashes);
		return 0;
	}
	full = widen(t, s, &c->hashes);
	if (!full)
		return -ENOMEM;
	if (!*field_of(full, c->rule))
		*field_of(full, c->rule) = c->rule->id;
	return 0;
}

/* True for a rule that speaks of names in this table. */
static bool is_wanted(const struct name_table *t, const struct rule *rule)
{
	return rule->kind == RULE_DOMAIN && (rule->is_learnt || !t->is_learnt);
}

/* The next rules that are wanted, and the memory they will touch on its way. Returns how many. */
static size_t gather(const struct name_table *t, struct rules_walk *w, uint32_t *number,
		     struct coming c[AHEAD])
{
	const struct rule *rule;
	size_t count = 0;

	while (count < AHEAD && (rule = rules_next(t->rules, w))) {
		uint32_t n = (*number)++;

		if (!is_wanted(t, rule))
			continue;
		c[count] = (struct coming){.rule = rule, .number = n};
		c[count].hashes = hash_name(t, slice_text(rule_subject(rule)));
		__builtin_prefetch(&t->slot[home_of(t, c[count].hashes.whole)], 1);
		__builtin_prefetch(name_filter_place(&t->filter, c[count].hashes.whole), 1);
		__builtin_prefetch(name_filter_place(&t->filter, c[count].hashes.root), 1);
		count++;
	}
	return count;
}

static int add_domains(struct name_table *t)
{
	struct rules_walk w = {0};
	struct coming c[AHEAD];
	uint32_t number = 0;
	size_t count;
	int err = 0;

	while (!err && (count = gather(t, &w, &number, c)))
		for (size_t i = 0; i < count && !err; i++)
			err = add_domain(t, &c[i]);
	return err;
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
			r = entry_of(t, find(t, w.hash, slice_from(name, i + 1)), &room);
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
		struct hashes h;
		int id;

		suffix = apps->suffix(apps->ctx, i, &id);
		if ((app->block[id] || app->allow[id]) != is_ruled)
			continue;
		if (!is_ruled && !is_below_app(t, suffix))
			continue;
		h = hash_name(t, suffix);
		full = widen(t, find(t, h.whole, suffix), &h);
		if (!full)
			return -ENOMEM;
		full->flags |= DPI_NAME_APP;
		full->app_block = app->block[id];
		full->app_allow = app->allow[id];
	}
	return 0;
}

static bool has_app_rule(const struct app_rules *app)
{
	for (size_t i = 0; i < app->count; i++)
		if (app->block[i] || app->allow[i])
			return true;
	return false;
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

int name_table_build(struct name_table *t, const struct rules *rules,
		     const struct policy_apps *apps, const struct app_rules *app, uint64_t seed)
{
	bool has_apps = has_app_rule(app);
	size_t most = has_apps ? apps->suffix_count : 0;
	struct rules_walk w = {0};
	const struct rule *rule;
	int err;

	t->rules = rules;
	t->is_learnt = app->is_learnt;
	t->seed = seed;
	while ((rule = rules_next(rules, &w)))
		most += is_wanted(t, rule);
	if (!most)
		return 0;
	err = make_room(t, most);
	if (!err)
		err = add_domains(t);
	if (!err && has_apps)
		err = add_apps(t, apps, app, true);
	if (!err && has_apps)
		err = add_apps(t, apps, app, false);
	return err;
}

void name_table_clear(struct name_table *t)
{
	free(t->slot);
	free(t->full);
	name_filter_clear(&t->filter);
	*t = (struct name_table){0};
}

/* Takes what the table holds for the suffix walked so far, whose hash the filter may have. */
static void take(const struct name_table *t, struct dpi_name_walk *w, struct slice suffix,
		 bool is_whole)
{
	struct dpi_name_rule room;
	const struct dpi_name_rule *r = entry_of(t, find(t, w->hash, suffix), &room);

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
		if (name.at[i] == '.' && labels++ == ROOT_LABELS)
			break;
		dpi_name_walk_byte(&w, name.at[i]);
	}
	__builtin_prefetch(name_filter_place(&t->filter, w.hash));
}

struct dpi_name_walk name_table_walk(const struct name_table *t, struct slice name)
{
	unsigned labels = 1, first = t->has_top ? 1 : ROOT_LABELS;
	struct dpi_name_walk w;

	dpi_name_walk_init(&w, t->seed);
	if (!t->count || !name.len)
		return w;
	for (size_t i = name.len; i-- > 0;) {
		if (name.at[i] == '.') {
			if (labels >= first && name_filter_may_have(&t->filter, w.hash))
				take(t, &w, slice_from(name, i + 1), false);
			else if (labels == ROOT_LABELS)
				return w;
			labels++;
		}
		dpi_name_walk_byte(&w, name.at[i]);
	}
	if (labels >= first && name_filter_may_have(&t->filter, w.hash))
		take(t, &w, name, true);
	return w;
}

int name_table_each(const struct name_table *t,
		    int (*fn)(void *ctx, uint64_t hash, const struct dpi_name_rule *r), void *ctx)
{
	int stop = 0;

	for (size_t i = 0; i < t->slot_count && !stop; i++) {
		const struct name_slot *s = &t->slot[i];
		struct dpi_name_rule room;
		uint64_t hash;

		if (!s->at)
			continue;
		hash = s->at >= FULL ? t->full[s->at - FULL].hash
				     : hash_name(t, slice_text(rule_subject(rule_of(t, s)))).whole;
		stop = fn(ctx, hash, entry_of(t, s, &room));
	}
	return stop;
}
