/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The one loop between the follower and the sinks; see export.h. Room: export.
 */
#include "export/export.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "export/position.h"

enum {
	IDLE_MS = 300,	/* to wait for lines while nothing else is to be done */
	BUSY_MS = 20,	/* the same while lines wait in a sink */
	SAVE_MS = 50,	/* between two writes of the positions */
	FLUSH_MS = 2000 /* at the end, without anything being taken of what still waits */
};

struct run {
	const struct export_options *o;
	struct sink **sinks;
	size_t count;
	struct follow *follow;
	struct follow_id *saved; /* of each sink */
	int64_t saved_ms;
	bool is_away, is_position_lost;
};

static bool is_moved(const struct run *r)
{
	for (size_t i = 0; r->o->position && i < r->count; i++)
		if (r->saved[i].instance != r->sinks[i]->done.instance ||
		    r->saved[i].number != r->sinks[i]->done.number)
			return true;
	return false;
}

static void positions_save(struct run *r, bool is_end)
{
	int64_t now = sink_now_ms();
	struct fault f = {""};

	if (!is_moved(r) || (!is_end && now - r->saved_ms < SAVE_MS))
		return;
	for (size_t i = 0; i < r->count; i++)
		r->saved[i] = r->sinks[i]->done;
	r->saved_ms = now;
	if (position_save(r->o->position, r->sinks, r->count, &f) == 0) {
		r->is_position_lost = false;
		return;
	}
	if (!r->is_position_lost)
		log_error("%s; a restart will send events twice", f.text);
	r->is_position_lost = true;
}

/* Where the output stands that is furthest behind; all of them in one start of the agent's, else
 * everything is asked for and each sink leaves out what it has had. */
static void start_at(const struct run *r, char *after)
{
	struct follow_id least = r->sinks[0]->done;

	*after = 0;
	for (size_t i = 0; i < r->count; i++) {
		const struct follow_id *id = &r->sinks[i]->done;

		if (id->instance == 0 || id->instance != least.instance)
			return;
		if (id->number < least.number)
			least = *id;
	}
	follow_id_format(&least, after);
}

static int run_open(struct run *r, const struct paths *p, struct fault *f)
{
	char after[FOLLOW_ID_MAX];
	int err = 0;

	r->sinks = calloc(r->o->spec_count, sizeof(struct sink *));
	r->saved = calloc(r->o->spec_count, sizeof(*r->saved));
	if (!r->sinks || !r->saved)
		return fault_set(f, -ENOMEM, "out of memory");
	for (; !err && r->count < r->o->spec_count; r->count += !err)
		err = sink_open(r->o->specs[r->count], &r->o->sink, &r->sinks[r->count], f);
	if (!err && r->o->position)
		err = position_load(r->o->position, r->sinks, r->count, f);
	if (err)
		return err;
	start_at(r, after);
	return follow_open(p, after, &r->follow, f);
}

static void lines_take(struct run *r, const struct follow_lines *lines)
{
	if (lines->lost)
		log_error("%llu events were lost before they were fetched",
			  (unsigned long long)lines->lost);
	if (lines->is_new_start && !r->o->is_quiet)
		log_note("the agent has started again: its events are numbered anew");
	for (size_t i = 0; i < r->count; i++)
		sink_take(r->sinks[i], lines);
}

/* An agent that is not there: said once. Returns true to go on. */
static bool away(struct run *r, int err, const struct fault *f)
{
	if (!r->o->is_patient || (err != -ENOENT && err != -ECONNREFUSED && err != -ECONNRESET &&
				  err != -ETIMEDOUT && err != -EIO && err != -EPIPE))
		return false;
	if (!r->is_away && !r->o->is_quiet)
		log_note("waiting for the agent: %s", f->text);
	r->is_away = true;
	return true;
}

static bool is_waiting(const struct run *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->sinks[i]->counters.pending)
			return true;
	return false;
}

/* Standard output that nobody reads any more ends the run. */
static bool is_broken(const struct run *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->sinks[i]->kind == &sink_stdout && r->sinks[i]->is_troubled)
			return true;
	return false;
}

/* Once asked to, before any line that came after that. */
static void files_reopen(struct run *r)
{
	if (!*r->o->reopen)
		return;
	*r->o->reopen = 0;
	for (size_t i = 0; i < r->count; i++)
		sink_reopen(r->sinks[i]);
}

static int run_loop(struct run *r, struct fault *f)
{
	struct follow_lines lines;
	int err = 1;

	while (!*r->o->stop && !is_broken(r)) {
		int wait_ms = !r->o->is_follow		     ? 0
			      : is_waiting(r) || is_moved(r) ? BUSY_MS
							     : IDLE_MS;

		err = follow_next(r->follow, wait_ms, &lines, f);
		files_reopen(r);
		if (err > 0)
			lines_take(r, &lines);
		if (err < 0 && !away(r, err, f))
			return err;
		if (err >= 0)
			r->is_away = false;
		for (size_t i = 0; i < r->count; i++)
			sink_work(r->sinks[i]);
		positions_save(r, false);
		if (!r->o->is_follow && err <= 0)
			break;
	}
	return 0;
}

/* Gives every output a last chance, and adds up what they missed. */
static bool run_end(struct run *r, struct export_result *out)
{
	bool is_whole = true;

	for (size_t i = 0; i < r->count; i++) {
		struct sink *s = r->sinks[i];

		if (!sink_flush(s, FLUSH_MS) || s->counters.lost)
			is_whole = false;
		if (s->counters.pending || s->counters.lost)
			log_error("%s: %llu events were not delivered, %llu were lost", s->spec,
				  (unsigned long long)s->counters.pending,
				  (unsigned long long)s->counters.lost);
		out->lost += s->counters.pending + s->counters.lost;
	}
	positions_save(r, true);
	return is_whole;
}

int export_run(const struct paths *p, const struct export_options *o, struct export_result *out,
	       struct fault *f)
{
	struct run r = {.o = o};
	int err = run_open(&r, p, f);

	*out = (struct export_result){.is_opened = err == 0};
	if (!err) {
		err = run_loop(&r, f);
		if (!run_end(&r, out) && !err)
			err = -EIO;
		out->followed = *follow_counters(r.follow);
	}
	follow_close(r.follow);
	for (size_t i = 0; i < r.count; i++)
		sink_free(r.sinks[i]);
	free(r.sinks);
	free(r.saved);
	return err;
}
