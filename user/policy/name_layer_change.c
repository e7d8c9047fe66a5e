/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: the layer after a change of rules. Of every suffix that the change touches, what is
 * said is put together anew, from all rules that speak of it, the lists and the applications, and
 * comes out as if the whole table had been built of the rules to come (name_table_build.c).
 */
#include "policy/name_layer_inside.h"
#include "policy/rules_step.h"

#include <errno.h>
#include <stdlib.h>

enum { INDEX_MIN = 64 };

static struct name_layer *layer_new(void)
{
	struct name_layer *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->index = calloc(INDEX_MIN, sizeof(*l->index));
	l->index_count = INDEX_MIN;
	if (l->index)
		return l;
	name_layer_free(l);
	return NULL;
}

/* Makes room for one more. 0, -E2BIG or -ENOMEM. */
static int make_room(struct name_layer *l)
{
	struct name_over *over;
	uint32_t *index;

	if (l->count >= NAME_LAYER_MAX)
		return -E2BIG;
	if (l->count == l->room) {
		size_t room = l->room * 2 + INDEX_MIN / 2;

		over = realloc(l->over, room * sizeof(*over));
		if (!over)
			return -ENOMEM;
		l->over = over;
		l->room = room;
	}
	if (l->count * 2 < l->index_count)
		return 0;
	index = calloc(l->index_count * 2, sizeof(*index));
	if (!index)
		return -ENOMEM;
	free(l->index);
	l->index = index;
	l->index_count *= 2;
	for (size_t i = 0; i < l->count; i++)
		l->index[name_layer_place(l, l->over[i].hash)] = (uint32_t)i + 1;
	return 0;
}

/* Puts one in, in place of one that is there. 0, -E2BIG or -ENOMEM. */
static int put(struct name_layer *l, const struct name_over *o)
{
	size_t at = name_layer_place(l, o->hash);
	int err;

	if (l->index[at]) {
		l->over[l->index[at] - 1] = *o;
		return 0;
	}
	err = make_room(l);
	if (err)
		return err;
	l->over[l->count++] = *o;
	l->index[name_layer_place(l, o->hash)] = (uint32_t)l->count;
	return 0;
}

/* What is being made, of what. */
struct making {
	const struct name_change *c;
	const struct name_table *table;
	struct name_layer *layer;
};

/* A device's suffix, and what is said of it as far as is known. */
static struct name_over look(const struct making *m, uint64_t device, struct slice suffix)
{
	const struct name_table *t = m->table;
	uint64_t hash = name_table_hash(t, device, suffix).whole;
	const struct name_over *over = name_layer_find(m->layer, hash);
	struct name_over now = {.hash = hash};
	struct dpi_name_rule room;
	const struct dpi_name_rule *r;

	if (!over)
		over = name_layer_find(m->c->before->layer, hash);
	if (over)
		return *over;
	now.slot = (uint32_t)(name_table_find(t, hash, device, suffix) - t->slot);
	r = name_table_entry(t, &t->slot[now.slot], &room);
	if (r)
		now.rule = *r;
	return now;
}

static int keep(struct making *m, struct name_over *now)
{
	struct dpi_name_rule room, none = {0};
	const struct dpi_name_rule *r = name_table_entry(m->table, &m->table->slot[now->slot],
							 &room);

	now->is_same = memcmp(r ? r : &none, &now->rule, sizeof(none)) == 0;
	return put(m->layer, now);
}

/* --- domains ---------------------------------------------------------------------------------- */

/* Where no rule has spoken, lists do. */
static void add_listed(struct dpi_name_rule *r, const struct dpi_name_rule *listed)
{
	static const uint32_t flags[] = {DPI_NAME_LIST_SUFFIX_BLOCK, DPI_NAME_LIST_SUFFIX_ALLOW,
					 DPI_NAME_LIST_EXACT_BLOCK, DPI_NAME_LIST_EXACT_ALLOW};
	__u64 *to[] = {&r->suffix_block, &r->suffix_allow, &r->exact_block, &r->exact_allow};
	const __u64 from[] = {listed->suffix_block, listed->suffix_allow, listed->exact_block,
			      listed->exact_allow};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (*to[i] || !from[i])
			continue;
		*to[i] = from[i];
		r->flags |= flags[i];
	}
	r->flags |= listed->flags & (DPI_NAME_SPARE | DPI_NAME_SPARE_EXACT);
}

/* A domain rule comes or goes: all that speak of its suffix are heard anew. */
static int touch_domain(struct making *m, const struct rule *like)
{
	struct slice suffix = rule_subject(like);
	uint64_t device = name_say_of_rule(like).device;
	const struct rule *rule[RULES_OF_SUFFIX_MAX];
	size_t count = rules_of_suffix(m->c->rules, like, rule);
	struct name_over now = look(m, device, suffix);
	struct dpi_name_rule listed, r = {.flags = now.rule.flags & DPI_NAME_APP,
					  .app_block = now.rule.app_block,
					  .app_allow = now.rule.app_allow};

	for (size_t i = 0; i < count; i++) {
		struct name_say say = name_say_of_rule(rule[i]);

		if (rule[i]->is_learnt || !m->table->is_learnt)
			name_say_put(&r, &say);
	}
	/* Lists are for all. */
	if (!device) {
		listed = name_table_listed(m->table, &m->table->slot[now.slot], now.hash, suffix);
		add_listed(&r, &listed);
	}
	now.rule = r;
	return keep(m, &now);
}

/* --- applications ----------------------------------------------------------------------------- */

/* The suffixes of applications that rules speak of, by their hashes. */
struct ruled {
	uint64_t *hash;
	size_t count;
};

static int hash_compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool is_ruled(const struct app_rules *app, int id)
{
	return app->block[id] || app->allow[id];
}

static int find_ruled(const struct making *m, const struct app_rules *app, struct ruled *out)
{
	const struct policy_apps *apps = m->c->apps;

	out->hash = malloc((apps->suffix_count + 1) * sizeof(*out->hash));
	if (!out->hash)
		return -ENOMEM;
	for (size_t i = 0; i < apps->suffix_count; i++) {
		int id;
		struct slice suffix = apps->suffix(apps->ctx, i, &id);

		if (is_ruled(app, id))
			out->hash[out->count++] =
				name_table_hash(m->table, app->device, suffix).whole;
	}
	qsort(out->hash, out->count, sizeof(*out->hash), hash_compare);
	return 0;
}

static bool is_below(const struct making *m, const struct ruled *ruled, uint64_t device,
		     struct slice name)
{
	struct dpi_name_walk w;

	dpi_name_walk_init(&w, m->table->seed ^ device);
	for (size_t i = name.len; i-- > 0;) {
		if (name.at[i] == '.' &&
		    bsearch(&w.hash, ruled->hash, ruled->count, sizeof(*ruled->hash), hash_compare))
			return true;
		dpi_name_walk_byte(&w, name.at[i]);
	}
	return false;
}

/* One suffix of an application: says what the rules to come say, if that is something else. */
static int touch_suffix(struct making *m, const struct app_rules *app, const struct ruled *ruled,
			struct slice suffix, int id)
{
	struct name_over now = look(m, app->device, suffix);
	struct dpi_name_rule r = now.rule;

	r.flags &= ~(uint32_t)DPI_NAME_APP;
	if (is_ruled(app, id) || (ruled->count && is_below(m, ruled, app->device, suffix)))
		r.flags |= DPI_NAME_APP;
	r.app_block = app->block[id];
	r.app_allow = app->allow[id];
	if (memcmp(&r, &now.rule, sizeof(r)) == 0)
		return 0;
	now.rule = r;
	return keep(m, &now);
}

/* All applications, as the rules of a device, or of all, speak of them. */
static int touch_apps(struct making *m, const struct app_rules *app)
{
	const struct policy_apps *apps = m->c->apps;
	struct ruled ruled = {0};
	int err = find_ruled(m, app, &ruled);

	for (size_t i = 0; i < apps->suffix_count && !err; i++) {
		int id;
		struct slice suffix = apps->suffix(apps->ctx, i, &id);

		err = touch_suffix(m, app, &ruled, suffix, id);
	}
	free(ruled.hash);
	return err;
}

/* Rules of a device, or of all (0), for applications come or go: none may be left. */
static int touch_device(struct making *m, uint64_t device)
{
	const struct app_rule_sets *s = m->c->app;
	struct app_rules none = {.device = device};
	int err = -ENOMEM;

	for (size_t i = 0; i < s->count; i++)
		if (s->at[i].device == device)
			return touch_apps(m, &s->at[i]);
	none.block = none.allow = calloc(s->app_count + 1, sizeof(__u64));
	if (none.block)
		err = touch_apps(m, &none);
	free(none.block);
	return err;
}

/* False for a rule that this table knows nothing of. */
static bool is_wanted(const struct making *m, const struct rule *rule)
{
	return rule->is_learnt || !m->table->is_learnt;
}

/* Whether no rule for applications before rule i is of the same device. */
static bool is_first_of_device(const struct making *m, size_t i)
{
	const struct rule *const *rule = m->c->touched;

	for (size_t k = 0; k < i; k++)
		if (rule[k]->kind == RULE_APP && is_wanted(m, rule[k]) &&
		    name_say_of_rule(rule[k]).device == name_say_of_rule(rule[i]).device)
			return false;
	return true;
}

static int touch(struct making *m, size_t i)
{
	const struct rule *rule = m->c->touched[i];

	if (!is_wanted(m, rule))
		return 0;
	if (rule->kind == RULE_DOMAIN)
		return touch_domain(m, rule);
	if (rule->kind == RULE_APP && is_first_of_device(m, i))
		return touch_device(m, name_say_of_rule(rule).device);
	return 0;
}

/* --- all of it -------------------------------------------------------------------------------- */

/* What the layer before had, and this change did not touch. */
static int keep_others(struct making *m)
{
	const struct name_layer *before = m->c->before->layer;
	int err = 0;

	for (size_t i = 0; before && i < before->count && !err; i++)
		if (!before->over[i].is_same && !name_layer_find(m->layer, before->over[i].hash))
			err = put(m->layer, &before->over[i]);
	return err;
}

static void count_names(struct making *m)
{
	for (size_t i = 0; i < m->layer->count; i++) {
		const struct name_over *o = &m->layer->over[i];
		bool is_there = m->table->slot[o->slot].at, speaks = name_rule_speaks(&o->rule);

		m->layer->added += speaks && !is_there;
		m->layer->hidden += !speaks && is_there;
	}
}

int name_rules_change(const struct name_change *c, struct name_rules *out)
{
	struct making m = {.c = c, .table = c->before->table};
	int err = 0;

	if (!m.table->slot_count)
		return -E2BIG;
	m.layer = layer_new();
	if (!m.layer)
		return -ENOMEM;
	for (size_t i = 0; i < c->touched_count && !err; i++)
		err = touch(&m, i);
	if (!err)
		err = keep_others(&m);
	if (err) {
		name_layer_free(m.layer);
		return err;
	}
	count_names(&m);
	*out = (struct name_rules){.table = name_table_hold(c->before->table), .layer = m.layer};
	return 0;
}
