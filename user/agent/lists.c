/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Lists are fetched, refreshed and put in force; see lists.h. Whatever goes wrong on the way leaves
 * the copy of before where it was, in the kernel, in memory and on the disk.
 */
#include "agent/supervisor_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "control/list_store.h"
#include "fetch/accept.h"
#include "policy/list.h"

enum { AT_ONCE = 2, RETRY_FIRST_S = 60, RETRY_MOST_S = 6 * 3600, RETRY_DOUBLES = 10 };

#define SECOND_NS 1000000000ULL

static const struct rule *rule_of(const struct supervisor *s, const struct agent_list *l)
{
	return rules_by_id(s->rules, l->id);
}

/* Some four fifths to six fifths of a time, so that many hosts do not come at once. */
static uint64_t jitter(uint64_t ns)
{
	uint32_t random = 0;

	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	return ns / 5 * 4 + ns / 1000 * (random % 400);
}

static void due_in(struct agent_list *l, uint64_t seconds)
{
	l->due_ns = live_monotonic() + jitter(seconds * SECOND_NS);
}

/* --- which lists there are -------------------------------------------------------------------- */

int lists_fill(struct supervisor *s, struct rules *next, struct fault *f)
{
	struct rules_walk w = {0};
	const struct rule *r;
	int err = 0;

	while (!err && s->rules && (r = rules_next_of(next, &w, RULES_OF_KIND(RULE_LIST)))) {
		const struct rule *now = rules_by_id(s->rules, r->id);

		if (rules_list(next, r->id) || !now ||
		    !slice_equal(rule_list_source(now), rule_list_source(r)))
			continue;
		/* Lists are values that are only held: it does not matter by how many sets. */
		err = rules_set_list(next, r->id, (struct list *)rules_list(s->rules, r->id));
	}
	if (!err)
		err = list_store_fill(&s->paths, next);
	return err ? fault_set(f, err, "out of memory") : 0;
}

bool lists_empty(struct rules *rules)
{
	struct rules_walk w = {0};
	const struct rule *r;
	bool had_some = false;

	while ((r = rules_next_of(rules, &w, RULES_OF_KIND(RULE_LIST)))) {
		if (!rules_list(rules, r->id))
			continue;
		rules_set_list(rules, r->id, NULL);
		had_some = true;
	}
	return had_some;
}

static struct agent_list *find(struct agent_lists *all, uint64_t id)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->row[i].id == id)
			return &all->row[i];
	return NULL;
}

/* What the stored copy says of itself. */
static void recall(struct supervisor *s, struct agent_list *l, const struct rule *r)
{
	int64_t left, now = time(NULL);
	struct list_copy c = {0};

	l->due_ns = live_monotonic();
	if (!rules_list(s->rules, r->id) || list_store_load(&s->paths, r, &c, NULL))
		return;
	l->counts = c.counts;
	l->fetched_s = c.fetched_s;
	l->checked_s = c.checked_s;
	snprintf(l->etag, sizeof(l->etag), "%s", c.etag);
	snprintf(l->modified, sizeof(l->modified), "%s", c.modified);
	list_copy_clear(&c);
	left = l->checked_s + r->list.every_s - now;
	if (left > 0)
		due_in(l, (uint64_t)left < r->list.every_s ? (uint64_t)left : r->list.every_s);
}

static void follow_rule(struct supervisor *s, const struct rule *r)
{
	struct agent_lists *all = &s->lists;
	struct slice source = rule_list_source(r);
	struct agent_list *l = find(all, r->id);

	if (l && slice_equal(slice_text(l->source), source)) {
		l->is_kept = true;
		return;
	}
	if (!l && all->count == LISTS_MAX)
		return; /* a set has no more */
	if (!l)
		l = &all->row[all->count++];
	fetch_stop(&l->fetch);
	*l = (struct agent_list){.id = r->id, .is_kept = true};
	rule_label(r, l->label, sizeof(l->label));
	snprintf(l->source, sizeof(l->source), "%.*s", (int)source.len, (const char *)source.at);
	recall(s, l, r);
}

/* Other rules are in force: new lists are fetched soon, those that are gone are forgotten. */
static void follow(struct supervisor *s)
{
	struct agent_lists *all = &s->lists;
	struct rules_walk w = {0};
	const struct rule *r;
	size_t before = all->count;

	for (size_t i = 0; i < all->count; i++)
		all->row[i].is_kept = false;
	while ((r = rules_next_of(s->rules, &w, RULES_OF_KIND(RULE_LIST))))
		follow_rule(s, r);
	for (size_t i = all->count; i-- > 0;) {
		if (all->row[i].is_kept)
			continue;
		fetch_stop(&all->row[i].fetch);
		all->row[i] = all->row[--all->count];
	}
	all->followed = s->rule_changes;
	all->is_begun = true;
	if (before || all->count)
		list_store_sweep(&s->paths, s->rules);
}

/* --- what comes ------------------------------------------------------------------------------- */

/* Puts a list in force, and then on the disk. 0 or -errno with *f. */
static int put_in_force(struct supervisor *s, struct agent_list *l, struct fetch_result *r,
			struct fault *f)
{
	struct list_copy copy = {.list = r->list, .counts = r->counts, .fetched_s = time(NULL)};
	struct rules *next = rules_copy(s->rules);
	int err = next ? rules_set_list(next, l->id, r->list) : -ENOMEM;

	err = err ? fault_set(f, err, "out of memory") : rules_publish(s, next, HISTORY_RELOAD, f);
	if (err) {
		rules_free(next);
		return err;
	}
	snprintf(copy.etag, sizeof(copy.etag), "%s", r->etag);
	snprintf(copy.modified, sizeof(copy.modified), "%s", r->modified);
	l->counts = r->counts;
	l->fetched_s = copy.fetched_s;
	memcpy(l->etag, copy.etag, sizeof(l->etag));
	memcpy(l->modified, copy.modified, sizeof(l->modified));
	/* A rule with an end may have met it meanwhile. */
	err = rule_of(s, l) ? list_store_save(&s->paths, rule_of(s, l), &copy, f) : 0;
	if (err) /* all of it is asked for again, or it would never come to the disk */
		l->etag[0] = l->modified[0] = '\0';
	return err;
}

static int take_new(struct supervisor *s, struct agent_list *l, struct fetch_result *r,
		    struct fault *f)
{
	int err = l->is_accepted ? 0 : accept_list(rules_list(s->rules, l->id), r->list, f);

	l->is_held = err == -EPERM;
	return err ? err : put_in_force(s, l, r, f);
}

static void note_failure(struct agent_list *l, uint32_t every_s, const char *why)
{
	uint64_t wait_s = RETRY_FIRST_S;

	l->failures++;
	if (strcmp(l->why, why) != 0) /* the same once, however often it is tried */
		log_error("%s: %s", l->label, why);
	snprintf(l->why, sizeof(l->why), "%s", why);
	for (uint64_t i = 0; i < l->failures_in_a_row && i < RETRY_DOUBLES; i++)
		wait_s *= 2;
	l->failures_in_a_row++;
	if (wait_s > RETRY_MOST_S)
		wait_s = RETRY_MOST_S;
	due_in(l, wait_s < every_s ? wait_s : every_s);
}

static void take(struct supervisor *s, struct agent_list *l)
{
	uint32_t every_s = rule_of(s, l)->list.every_s;
	struct fetch_result r;
	struct fault f = {""};
	int err = 0;

	fetch_take(&l->fetch, &r);
	if (r.end == FETCH_NEW)
		err = take_new(s, l, &r, &f);
	else if (r.end == FETCH_FAILED)
		err = fault_set(&f, -EIO, "%s", r.why);
	list_drop(r.list);
	l->is_accepted = false; /* what was accepted is what came of this, and nothing later */
	if (err) {
		note_failure(l, every_s, f.text);
		return;
	}
	l->fetches++;
	l->failures_in_a_row = 0;
	l->why[0] = '\0';
	l->checked_s = time(NULL);
	if (rule_of(s, l))
		list_store_touch(&s->paths, rule_of(s, l), l->checked_s);
	due_in(l, every_s);
}

/* --- when ------------------------------------------------------------------------------------- */

static void begin(struct supervisor *s, struct agent_list *l)
{
	struct fetch_ask ask = {.source = l->source};
	struct fault f;

	/* Only of a copy that is there may a server say that it is still the newest; and what is
	 * accepted now was held back when it came first. */
	if (rules_list(s->rules, l->id)) {
		memcpy(ask.etag, l->etag, sizeof(ask.etag));
		memcpy(ask.modified, l->modified, sizeof(ask.modified));
	}
	l->begun_ns = live_monotonic();
	if (fetch_start(&ask, &l->fetch, &f))
		note_failure(l, rule_of(s, l)->list.every_s, f.text);
}

void lists_serve(struct supervisor *s)
{
	struct agent_lists *all = &s->lists;
	size_t running = 0;

	if (all->followed != s->rule_changes || !all->is_begun)
		follow(s);
	for (size_t i = 0; i < all->count; i++) {
		struct agent_list *l = &all->row[i];

		if (l->fetch.pid && fetch_is_over(&l->fetch)) {
			take(s, l);
			return; /* other rules may be in force now: the rows are followed first */
		}
		if (l->fetch.pid &&
		    live_monotonic() - l->begun_ns > (FETCH_LIMIT_S + 10) * SECOND_NS) {
			fetch_stop(&l->fetch);
			note_failure(l, rule_of(s, l)->list.every_s,
				     "it took longer than is given to it");
		}
		running += l->fetch.pid > 0;
	}
	for (size_t i = 0; i < all->count && running < AT_ONCE; i++) {
		struct agent_list *l = &all->row[i];

		if (l->fetch.pid || live_monotonic() < l->due_ns)
			continue;
		begin(s, l);
		running++;
	}
}

/* True for "ads" and for "list:ads". */
static bool is_called(const struct agent_list *l, const char *word)
{
	const char *name = strchr(l->label, ':');

	return strcasecmp(word, l->label) == 0 || (name && strcasecmp(word, name + 1) == 0);
}

size_t lists_refresh(struct supervisor *s, const char *label, bool is_accepted)
{
	size_t count = 0;

	for (size_t i = 0; i < s->lists.count; i++) {
		struct agent_list *l = &s->lists.row[i];

		if (*label && !is_called(l, label))
			continue;
		l->is_accepted |= is_accepted;
		l->due_ns = 0;
		count++;
	}
	lists_serve(s);
	return count;
}

void lists_end(struct supervisor *s)
{
	for (size_t i = 0; i < s->lists.count; i++)
		fetch_stop(&s->lists.row[i].fetch);
}
