/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: a set of rules. What is in it lies in a store that copies of the set share until one
 * of them changes. One thread changes, copies and frees; a set that nobody changes may be read by
 * all.
 */
#include "policy/rules_inside.h"
#include "policy/value.h"

#include <errno.h>
#include <stdlib.h>

enum { RULES_MAX = 1000000, TWINS_MAX = 64 /* rules of one value, at other times each */ };

static struct shared *shared_new(struct rule_store *store)
{
	struct shared *s = store ? calloc(1, sizeof(*s)) : NULL;

	if (!s) {
		rule_store_free(store);
		return NULL;
	}
	s->store = store;
	return s;
}

static void shared_drop(struct shared *s)
{
	if (--s->owners)
		return;
	rule_store_free(s->store);
	free(s);
}

/* One more owner of what is there. Returns NULL when out of memory. */
static struct rules *rules_of(struct shared *s)
{
	struct rules *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->shared = s;
	s->owners++;
	return r;
}

struct rules *rules_new(void)
{
	struct shared *s = shared_new(rule_store_new());
	struct rules *r = s ? rules_of(s) : NULL;

	if (s && !r) {
		rule_store_free(s->store);
		free(s);
	}
	return r;
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	shared_drop(r->shared);
	list_shelf_clear(&r->lists);
	free(r);
}

struct rules *rules_copy(const struct rules *r)
{
	struct rules *copy = rules_of(r->shared);

	if (copy && list_shelf_copy(&copy->lists, &r->lists)) {
		rules_free(copy);
		return NULL;
	}
	return copy;
}

size_t rules_count(const struct rules *r)
{
	return rule_store_count(r->shared->store);
}

const struct rule *rules_at(const struct rules *r, size_t i)
{
	return rule_store_at(r->shared->store, i);
}

const struct rule *rules_by_id(const struct rules *r, uint64_t id)
{
	return rule_store_by_id(r->shared->store, id);
}

bool rules_holds(const struct rules *r, const struct rule *rule)
{
	return rule_store_find(r->shared->store, rule) != NULL;
}

size_t rules_number(const struct rules *r, const struct rule *rule)
{
	return rule_store_number(r->shared->store, rule);
}

const struct rules_counts *rules_counts(const struct rules *r)
{
	return rule_store_counts(r->shared->store);
}

size_t rules_timed(const struct rules *r)
{
	return rules_counts(r)->timed;
}

const struct rule *rules_next(const struct rules *r, struct rules_walk *w)
{
	return rule_store_next(r->shared->store, w);
}

const struct rule *rules_next_of(const struct rules *r, struct rules_walk *w, unsigned sorts)
{
	return rule_store_next_of(r->shared->store, w, sorts);
}

bool rules_skip_shared(const struct rules *a, struct rules_walk *wa, const struct rules *b,
		       struct rules_walk *wb)
{
	struct rules_walk before = *wa;

	rule_store_skip_shared(a->shared->store, wa, b->shared->store, wb);
	return before.block != wa->block;
}

/* Gives the set this store (taken). 0, or -ENOMEM: also when there is none. */
static int take_store(struct rules *r, struct rule_store *store)
{
	struct shared *s = shared_new(store);

	if (!s)
		return -ENOMEM;
	shared_drop(r->shared);
	s->owners = 1;
	r->shared = s;
	return 0;
}

int rules_part(struct rules *r)
{
	return take_store(r, rule_store_copy(r->shared->store));
}

/* Adds a rule without its times, unless its value is there. Returns 0 or -ENOMEM. */
static int add_stripped(struct rule_store *s, const struct rule *rule)
{
	union draft d;

	memcpy(&d, rule, offsetof(struct rule, value) + strlen(rule->value) + 1);
	d.rule.is_timed = false;
	return rule_store_value(s, &d.rule, NULL) ? 0 : rule_store_add(s, &d.rule);
}

/* Takes the rules with times out of a set that was copied of *r: all, or those to be gone. */
static int take_timed(struct rules *out, const struct rules *r,
		      bool (*keep)(void *ctx, const struct rule *rule), void *ctx)
{
	struct rule_store *s = out->shared->store;
	struct rules_walk w = {0};
	const struct rule *rule;
	int err = 0;

	while (!err && (rule = rules_next_of(r, &w, RULES_TIMED)))
		if (!keep || !keep(ctx, rule))
			err = rule_store_remove(s, rule_store_find(s, rule));
	return err;
}

struct rules *rules_sift_timed(const struct rules *r,
			       bool (*keep)(void *ctx, const struct rule *rule), void *ctx,
			       bool is_stripped)
{
	struct rules *out = rules_copy(r);
	struct rules_walk w = {0};
	const struct rule *rule;
	int err = out && rules_timed(r) ? rules_part(out) : 0;

	if (out && !err)
		err = take_timed(out, r, is_stripped ? NULL : keep, ctx);
	while (out && is_stripped && !err && (rule = rules_next_of(r, &w, RULES_TIMED)))
		if (keep(ctx, rule))
			err = add_stripped(out->shared->store, rule);
	if (err) {
		rules_free(out);
		return NULL;
	}
	return out;
}

struct rules *rules_filter(const struct rules *r, bool (*keep)(void *ctx, const struct rule *rule),
			   void *ctx, bool is_stripped)
{
	struct rules *out = rules_new();
	struct rules_walk w = {0};
	const struct rule *rule;
	int err = 0;

	while (out && !err && (rule = rules_next(r, &w)))
		if (keep(ctx, rule))
			err = is_stripped && rule->is_timed
				      ? add_stripped(out->shared->store, rule)
				      : rule_store_add(out->shared->store, rule);
	if (out && !err)
		err = list_shelf_copy(&out->lists, &r->lists);
	if (err) {
		rules_free(out);
		return NULL;
	}
	return out;
}

bool rules_equal(const struct rules *a, const struct rules *b)
{
	struct rules_walk w = {0}, there;
	const struct rule *r;

	if (rules_count(a) != rules_count(b))
		return false;
	do {
		there = w;
		rules_skip_shared(a, &w, b, &there);
		r = rules_next(a, &w);
	} while (r && rules_holds(b, r));
	return !r;
}

int rules_remove_value(struct rules *r, const struct rule *like)
{
	const struct rule *rule;
	int err = 0;

	while (!err && (rule = rule_store_value(r->shared->store, like, NULL)))
		err = rule_store_remove(r->shared->store, rule);
	return err;
}

/* Puts a rule in place of all that it says as much as: one without times, of those that have some.
 * 0, -EINVAL with *f, or -ENOMEM. */
static int put(struct rules *r, const struct rule *rule, size_t twins, struct fault *f)
{
	int err = 0, most = 0;

	if (rule->is_timed && twins >= TWINS_MAX)
		most = TWINS_MAX;
	else if (rules_count(r) >= RULES_MAX)
		most = RULES_MAX;
	if (most)
		return fault_set(f, -EINVAL,
				 "there are %d %s already, which is the most: take some away", most,
				 most == RULES_MAX ? "rules" : "times of it");
	if (r->shared->owners > 1)
		err = rules_part(r);
	if (!err && twins && !rule->is_timed)
		err = rules_remove_value(r, rule);
	if (!err)
		err = rule_store_add(r->shared->store, rule);
	return err ? fault_set(f, err, "out of memory: take some rules away") : 0;
}

int rules_add_parted(struct rules *r, enum rule_kind kind, bool is_allow, struct slice value,
		     struct slice when, const struct rule_apps *apps, unsigned options,
		     struct fault *f)
{
	const struct rule *there;
	size_t twins = 0;
	union draft d;
	int err;

	err = value_read(&d, kind, is_allow, value, when, apps, f);
	if (err)
		return err;
	rule_store_await(r->shared->store, d.rule.id); /* while the suffix is looked at */
	err = value_check_suffix(&d.rule, options, f);
	if (!err && kind == RULE_LIST)
		err = rules_make_way(r, &d.rule, f);
	else if (!err && kind == RULE_DEVICE)
		err = rules_make_way_device(r, &d.rule, f);
	if (err)
		return err;
	there = rule_store_value(r->shared->store, &d.rule, &twins);
	if (there && (!there->is_timed || rule_store_find(r->shared->store, &d.rule)))
		return 0;
	err = put(r, &d.rule, twins, f);
	return err ? err : 1;
}

int rules_add(struct rules *r, enum rule_kind kind, bool is_allow, struct slice value,
	      const struct rule_apps *apps, unsigned options, struct fault *f)
{
	struct slice when = value_part(&value, kind, apps);

	return rules_add_parted(r, kind, is_allow, value, when, apps, options, f);
}

int rules_remove(struct rules *r, enum rule_kind kind, bool is_allow, struct slice value,
		 const struct rule_apps *apps, struct fault *f)
{
	const struct rule *rule;
	struct slice when;
	union draft d;
	int err;

	if (kind == RULE_LIST)
		return rules_remove_list(r, is_allow, value, f);
	if (kind == RULE_DEVICE)
		return rules_remove_device(r, value, f);
	when = value_part(&value, kind, apps);
	err = value_read(&d, kind, is_allow, value, when, apps, f);
	if (err)
		return err;
	rule = d.rule.is_timed ? rule_store_find(r->shared->store, &d.rule)
			       : rule_store_value(r->shared->store, &d.rule, NULL);
	if (!rule)
		return 0;
	if (r->shared->owners > 1 && rules_part(r))
		return fault_set(f, -ENOMEM, "out of memory");
	if (d.rule.is_timed)
		err = rule_store_remove(r->shared->store,
					rule_store_find(r->shared->store, &d.rule));
	else
		err = rules_remove_value(r, &d.rule);
	if (err)
		return fault_set(f, err, "out of memory");
	/* Gives back the bytes of rules taken away. Without memory for that, they stay. */
	if (rule_store_is_wasteful(r->shared->store))
		(void)take_store(r, rule_store_pack(r->shared->store));
	return 1;
}
