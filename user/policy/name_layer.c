/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: names through the layer before their table; see name_layer.h. name_layer_change.c
 * makes it.
 */
#include "policy/name_layer_inside.h"

#include <stdlib.h>

void name_layer_free(struct name_layer *l)
{
	if (!l)
		return;
	free(l->over);
	free(l->index);
	free(l);
}

void name_rules_drop(struct name_rules *n)
{
	name_table_drop(n->table);
	name_layer_free(n->layer);
	*n = (struct name_rules){0};
}

size_t name_layer_place(const struct name_layer *l, uint64_t hash)
{
	size_t i = (size_t)(hash ^ hash >> 32);

	while (l->index[i & (l->index_count - 1)] &&
	       l->over[l->index[i & (l->index_count - 1)] - 1].hash != hash)
		i++;
	return i & (l->index_count - 1);
}

const struct name_over *name_layer_find(const struct name_layer *l, uint64_t hash)
{
	uint32_t at = l ? l->index[name_layer_place(l, hash)] : 0;

	return at ? &l->over[at - 1] : NULL;
}

bool name_rule_speaks(const struct dpi_name_rule *r)
{
	return r &&
	       (r->flags || r->suffix_block || r->suffix_allow || r->exact_block || r->exact_allow);
}

size_t name_rules_count(const struct name_rules *n)
{
	size_t count = n->table ? n->table->count : 0;

	return n->layer ? count + n->layer->added - n->layer->hidden : count;
}

static void step(const struct name_rules *n, struct dpi_name_walk *w, uint64_t device,
		 struct slice suffix, bool may_be_below, bool is_whole)
{
	const struct name_over *over = name_layer_find(n->layer, w->hash);

	if (over)
		dpi_name_walk_found(w, &over->rule, is_whole);
	else if (may_be_below && name_filter_may_have(&n->table->filter, w->hash))
		name_table_take(n->table, w, device, suffix, is_whole);
}

/* Walks with the rules of one device, or of all (0), which the walk has begun for. */
static void walk(const struct name_rules *n, struct dpi_name_walk *w, uint64_t device,
		 struct slice name)
{
	unsigned labels = 1, first = n->table->has_top ? 1 : NAME_ROOT_LABELS;

	for (size_t i = name.len; i-- > 0;) {
		if (name.at[i] == '.')
			step(n, w, device, slice_from(name, i + 1), labels++ >= first, false);
		dpi_name_walk_byte(w, name.at[i]);
	}
	step(n, w, device, name, labels >= first, true);
}

struct dpi_name_walk name_layer_walk(const struct name_rules *n, const struct policy_whom *whom,
				     struct slice name)
{
	uint64_t seed = n->table->seed;
	struct dpi_name_walk w;

	dpi_name_walk_init(&w, seed);
	if (!name.len)
		return w;
	for (unsigned i = 0; whom && i < whom->count; i++) {
		dpi_name_walk_again(&w, seed ^ whom->id[i]);
		walk(n, &w, whom->id[i], name);
	}
	if (whom)
		dpi_name_walk_again(&w, seed);
	walk(n, &w, 0, name);
	return w;
}

/* --- all of them ------------------------------------------------------------------------------ */

bool name_rules_get(const struct name_rules *n, uint64_t hash, struct dpi_name_rule *out)
{
	const struct name_over *over = name_layer_find(n->layer, hash);
	const struct dpi_name_rule *r = &(struct dpi_name_rule){0};

	if (over)
		r = &over->rule;
	else if (n->table->count)
		r = name_table_entry(n->table, name_table_find_hash(n->table, hash), out);
	if (!name_rule_speaks(r))
		return false;
	*out = *r;
	return true;
}

/* Passes on what no layer hides. */
struct uncovered {
	const struct name_layer *layer;
	int (*fn)(void *ctx, uint64_t hash, const struct dpi_name_rule *r);
	void *ctx;
};

static int pass_on(void *ctx, uint64_t hash, const struct dpi_name_rule *r)
{
	const struct uncovered *u = ctx;

	return name_layer_find(u->layer, hash) ? 0 : u->fn(u->ctx, hash, r);
}

int name_rules_each(const struct name_rules *n,
		    int (*fn)(void *ctx, uint64_t hash, const struct dpi_name_rule *r), void *ctx)
{
	struct uncovered u = {.layer = n->layer, .fn = fn, .ctx = ctx};
	int stop;

	if (!n->table)
		return 0;
	stop = name_table_each(n->table, n->layer ? pass_on : fn, n->layer ? (void *)&u : ctx);
	for (size_t i = 0; n->layer && i < n->layer->count && !stop; i++)
		if (name_rule_speaks(&n->layer->over[i].rule))
			stop = fn(ctx, n->layer->over[i].hash, &n->layer->over[i].rule);
	return stop;
}

/* Tells of one suffix if the two differ there. */
static int differ(const struct name_over *at, const struct name_rules *from,
		  const struct name_rules *to,
		  int (*fn)(void *ctx, uint64_t hash, const struct dpi_name_rule *r), void *ctx)
{
	struct dpi_name_rule rules[2] = {{0}};
	const struct name_rules *both[2] = {from, to};

	for (int i = 0; i < 2; i++) {
		const struct name_over *over = name_layer_find(both[i]->layer, at->hash);
		struct dpi_name_rule room;
		const struct dpi_name_rule *r =
			over ? &over->rule
			     : name_table_entry(from->table, &from->table->slot[at->slot], &room);

		if (r)
			rules[i] = *r;
	}
	if (memcmp(&rules[0], &rules[1], sizeof(rules[0])) == 0)
		return 0;
	return fn(ctx, at->hash, name_rule_speaks(&rules[1]) ? &rules[1] : NULL);
}

int name_rules_difference(const struct name_rules *from, const struct name_rules *to,
			  int (*fn)(void *ctx, uint64_t hash, const struct dpi_name_rule *r),
			  void *ctx)
{
	int stop = 0;

	for (size_t i = 0; to->layer && i < to->layer->count && !stop; i++)
		stop = differ(&to->layer->over[i], from, to, fn, ctx);
	for (size_t i = 0; from->layer && i < from->layer->count && !stop; i++)
		if (!name_layer_find(to->layer, from->layer->over[i].hash))
			stop = differ(&from->layer->over[i], from, to, fn, ctx);
	return stop;
}
