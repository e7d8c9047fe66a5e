/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room fleet: making fleet and host agree. What was agreed on is moved on only when both sides have
 * it: so whoever dies in between finds the same differences again, and does the same again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "control/times.h"
#include "fleet/merge.h"
#include "fleet/state.h"
#include "policy/rules_when.h"

/* Rules that are over by the server's clock are taken away there; a little later, so that each host
 * ends them by its own. */
enum { ENDED_S = 60 };

/* --- what the fleet has ----------------------------------------------------------------------- */

/* Says what is refused, when it was not yet, and keeps it for the status. */
static void note_refused(struct fleet *fl, const struct shared *s)
{
	struct fleet_status *now = &fl->now;
	struct fleet_status was = *now;

	now->refused_count = 0;
	for (size_t i = 0; i <= FLEET_SET_COUNT; i++) {
		const char *set = i < FLEET_SET_COUNT ? fleet_sets[i].name : "version";
		bool is_known = false;

		if (!s->reason[i][0])
			continue;
		snprintf(now->refused[now->refused_count].set, sizeof(now->refused[0].set), "%s",
			 set);
		snprintf(now->refused[now->refused_count].reason, sizeof(now->refused[0].reason),
			 "%s", s->reason[i]);
		now->refused_count++;
		for (size_t j = 0; j < was.refused_count; j++)
			is_known |= strcmp(was.refused[j].set, set) == 0 &&
				    strcmp(was.refused[j].reason, s->reason[i]) == 0;
		if (is_known)
			continue;
		now->refusals++;
		log_error("fleet: %s is refused, the last good rules stay: %s", set, s->reason[i]);
	}
}

/* Makes these the rules that were agreed on (takes them). */
static void agree(struct fleet *fl, struct rules *rules, uint64_t version)
{
	bool is_same = version == fl->version && merge_is_equal(rules, fl->base);

	rules_free(fl->base);
	fl->base = rules;
	fl->version = version;
	if (!is_same)
		snapshot_save(fl);
}

/* The labels of what `from` has and `kept` has not, for a line of the log. */
static size_t list_lost(const struct rules *from, const struct rules *kept, struct text *out)
{
	struct rules_walk w = {0};
	const struct rule *r;
	char label[600];
	size_t count = 0;

	while ((r = rules_next(from, &w))) {
		if (guard_holds(kept, r))
			continue;
		if (count++ < 20) {
			rule_label(r, label, sizeof(label));
			text_printf(out, "%s%s", count > 1 ? ", " : "", label);
		}
	}
	return count;
}

/*
 * Redis knows less than this host: it was restarted without its data, or with old data. The higher
 * version wins. Where the counter itself is gone, whatever was written since is new and joins.
 */
static int restore(struct fleet *fl, const struct shared *s, struct fault *f)
{
	struct rules *whole = rules_copy(fl->base);
	struct text lost = {0};
	struct sets_change c = {.add = whole, .is_whole = true, .version = fl->version};
	size_t lost_count = 0;
	int more = 0, err;

	if (!whole)
		return fault_set(f, -ENOMEM, "out of memory");
	if (!s->has_version)
		more = merge_add(whole, s->rules, &fl->apps);
	else
		lost_count = list_lost(s->rules, whole, &lost);
	c.version += more > 0;
	err = more < 0 ? -ENOMEM : sets_write(fl->link, &fl->keys, s, &c, f);
	if (!err) {
		fl->now.restored++;
		log_note("fleet: Redis had version %" PRIu64
			 ": put back %zu rules as version %" PRIu64,
			 s->version, rules_count(whole), c.version);
		if (lost_count) {
			fl->now.conflicts++;
			log_error("fleet: conflict: the higher version wins; gone with version "
				  "%" PRIu64 ": %s",
				  s->version, lost.at);
		}
	}
	text_clear(&lost);
	rules_free(whole);
	return err ? err : -EAGAIN; /* look again: what was put back is now the fleet's */
}

/* --- the two joined --------------------------------------------------------------------------- */

static void note_conflict(struct fleet *fl, const struct shared *s, const struct merge_out *m)
{
	size_t count = rules_count(m->add) + rules_count(m->take) + m->lost_count;

	if (!count || s->version == fl->version || !fl->version)
		return;
	fl->now.conflicts++;
	log_note("fleet: conflict: %zu change%s made here on version %" PRIu64
		 " while the fleet went on to %" PRIu64 ": joined%s%s",
		 count, count == 1 ? "" : "s", fl->version, s->version,
		 m->lost_count ? ", but the higher version wins against " : "",
		 m->lost_count ? m->lost.at : "");
}

/* Publishes what this host changed, and gives a version to what others changed without one. Then
 * *rules (given) and *version are the fleet's. */
static int publish(struct fleet *fl, const struct shared *s, const struct rules *ended,
		   const struct merge_out *m, struct rules **rules, uint64_t *version,
		   struct fault *f)
{
	bool is_unmarked = s->version == fl->version && !merge_is_equal(s->rules, fl->base);
	size_t count = rules_count(m->add) + rules_count(m->take);
	struct sets_change c = {
		.add = m->add, .take = m->take, .ended = ended, .version = s->version + 1};
	int err;

	*rules = rules_copy(s->rules);
	*version = s->version;
	if (!*rules)
		return fault_set(f, -ENOMEM, "out of memory");
	if (!count && !is_unmarked && !rules_count(ended)) {
		fl->write_fault[0] = '\0';
		return 0;
	}
	err = sets_write(fl->link, &fl->keys, s, &c, f);
	fleet_note(fl->write_fault, sizeof(fl->write_fault), err == -EPERM ? f->text : "");
	if (err == -EPERM)
		return 0; /* reading goes on; what is to be written is found again */
	if (!err)
		err = merge_take(*rules, m->take, &fl->apps);
	if (!err)
		err = merge_add(*rules, m->add, &fl->apps);
	if (err < 0) {
		rules_free(*rules);
		return err;
	}
	fl->now.published += count > 0;
	*version = c.version;
	return 0;
}

static int join(struct fleet *fl, const struct shared *s, const struct rules *ended,
		struct fault *f)
{
	struct merge_in in = {.base = fl->base,
			      .remote = s->rules,
			      .here = fl->local.rules,
			      .own = fl->local.own,
			      .accepts_mass_change = fl->accepts_mass_change,
			      .apps = &fl->apps};
	struct merge_out m;
	struct rules *agreed = NULL;
	uint64_t version = 0;
	int err;

	for (size_t i = 0; i < FLEET_SET_COUNT; i++)
		in.is_held[i] = s->reason[i][0] != '\0';
	err = merge(&in, &m);
	if (err == -ENOSPC)
		return fault_set(f, -ENODATA, "%s", sync_full);
	if (err)
		return fault_set(f, err, "out of memory");
	if (m.kept_out.len)
		log_note("fleet: %s stays out: this host has a file of that name; the fleet's "
			 "comes in when that is taken away",
			 m.kept_out.at);
	if (!merge_is_equal(m.here, fl->local.rules)) {
		err = local_put(&fl->local, m.here, f);
		if (err) {
			merge_clear(&m);
			return err == -EAGAIN ? err : -ENODATA;
		}
		fl->now.applied++;
	}
	err = publish(fl, s, ended, &m, &agreed, &version, f);
	if (!err) {
		note_conflict(fl, s, &m);
		fl->now.pending_count = m.held_count;
		if (fl->write_fault[0])
			fl->now.pending_count += rules_count(m.add) + rules_count(m.take);
		fleet_note(fl->held_fault, sizeof(fl->held_fault), m.why_held ? m.why_held : "");
		agree(fl, agreed, version);
	}
	merge_clear(&m);
	return err;
}

/* --- rules that are over ---------------------------------------------------------------------- */

/* Of what was read, by the server's clock. */
struct late {
	const struct shared *read;
	int64_t at_s;
};

static bool is_late(void *ctx, const struct rule *r)
{
	const struct late *late = ctx;
	struct when w;

	rule_when_read(r, &w);
	return when_is_over(&w, late->at_s) && !late->read->reason[fleet_set_of(r)][0];
}

/* Leaves those out that are over by this host's clock, and gives in *ended those that are so by the
 * server's: these go from there. A host whose clock is wrong ends rules for itself alone. */
static int part_over(struct shared *s, const struct glance *g, int64_t now_s, struct rules **ended)
{
	struct late late = {.read = s, .at_s = g->time_s - ENDED_S};
	struct rules *over = rules_filter(s->rules, is_late, &late, false);
	int err = over ? sync_leave_out_over(&s->rules, now_s) : -ENOMEM;

	if (err)
		rules_free(over);
	else
		*ended = over;
	return err;
}

int sync_fleet(struct fleet *fl, const struct glance *g, struct fault *f)
{
	struct sets_past past = {.accepts_mass_change = fl->accepts_mass_change, .apps = &fl->apps};
	int64_t now_s = times_now();
	struct rules *ended = NULL;
	struct shared s = {0};
	int err, paused = 0;
	bool is_lost;

	if (!fl->local.rules || !fl->local.version[0])
		return -EAGAIN;
	err = sync_forget_over(fl, now_s);
	past.good = fl->base;
	if (!err)
		err = sets_read(fl->link, &fl->keys, g, &past, &s, f);
	if (!err)
		err = part_over(&s, g, now_s, &ended);
	if (err == -ENOMEM)
		fault_set(f, err, "out of memory");
	if (err)
		goto out;
	note_refused(fl, &s);
	is_lost = fl->version && (!s.has_version || s.version < fl->version);
	if (!s.reason[FLEET_SET_COUNT][0]) /* without a version nothing can be told apart */
		err = is_lost ? restore(fl, &s, f) : join(fl, &s, ended, f);
	if (!err || err == -EAGAIN)
		paused = fleet_pause_join(fl, g, is_lost, f);
	if (paused)
		err = paused;
out:
	rules_free(ended);
	shared_clear(&s);
	return err;
}
