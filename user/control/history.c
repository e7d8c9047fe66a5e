/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Keeping what changed the rules; see history.h. Room: control. The order of writing is: the file
 * of a large change, the index, the rules; then files that no entry names any more go.
 */
#include "control/history_inside.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "control/times.h"
#include "policy/rules_compare.h"
#include "policy/rules_step.h"

static const char *const by_names[HISTORY_BYS] = {"command", "http",	 "fleet", "load",
						  "reload",  "rollback", "end"};
static const char *const place_names[HISTORY_PLACES] = {"here", "file", "lost"};

const char *history_by_name(enum history_by by)
{
	return by_names[by];
}

const char *history_place_name(enum history_place place)
{
	return place_names[place];
}

enum history_by history_by_of(const char *word, enum history_by otherwise)
{
	for (int i = 0; word && i < HISTORY_BYS; i++)
		if (strcmp(word, by_names[i]) == 0)
			return (enum history_by)i;
	return otherwise;
}

const char *history_path(const struct paths *p, uint64_t number, char out[HISTORY_PATH_MAX])
{
	if (number)
		snprintf(out, HISTORY_PATH_MAX, "%s/history-%" PRIu64 ".txt", p->state_dir, number);
	else
		snprintf(out, HISTORY_PATH_MAX, "%s/history.txt", p->state_dir);
	return out;
}

/* --- one change ------------------------------------------------------------------------------- */

struct lines {
	struct history_entry *e;
	struct text text;
};

static int add_line(void *ctx, const struct rule *r, bool is_added)
{
	struct lines *l = ctx;

	++*(is_added ? &l->e->added : &l->e->removed);
	if (l->text.len <= HISTORY_CHANGE_MAX)
		rules_line_write(r, is_added, &l->text);
	return 0;
}

/* Fills an entry and its lines. 0 or -ENOMEM. */
static int entry_make(struct history_entry *e, const struct rules *before,
		      const struct rules *after, enum history_by by, struct text *lines)
{
	struct lines l = {.e = e};

	*e = (struct history_entry){.by = by,
				    .time_s = times_now(),
				    .before = rules_fingerprint(before),
				    .after = rules_fingerprint(after)};
	rules_compare(before, after, add_line, &l);
	*lines = l.text;
	if (lines->failed)
		return -ENOMEM;
	e->bytes = lines->len;
	if (lines->len > HISTORY_CHANGE_MAX)
		e->place = HISTORY_LOST;
	else
		e->place = lines->len > HISTORY_HERE_MAX ? HISTORY_FILE : HISTORY_HERE;
	if (e->place == HISTORY_LOST)
		e->bytes = 0;
	e->lines = slice_of(lines->at ? lines->at : "", e->place == HISTORY_HERE ? lines->len : 0);
	return 0;
}

/* --- the index -------------------------------------------------------------------------------- */

/* Puts a change in front; what is too much leaves at the other end. Returns how many left. */
static size_t put_first(struct history *h, const struct history_entry *e)
{
	size_t before = h->count;
	uint64_t bytes = 0;

	if (h->count == HISTORY_MAX)
		h->count--;
	memmove(h->entry + 1, h->entry, h->count * sizeof(*h->entry));
	h->entry[0] = *e;
	h->count++;
	for (size_t i = 0; i < h->count; i++) {
		bytes += h->entry[i].bytes;
		if (bytes > HISTORY_BYTES_MAX)
			h->count = i;
	}
	h->left_out += before + 1 - h->count;
	return before + 1 - h->count;
}

static void write_entry(const struct history_entry *e, struct text *out)
{
	time_t seconds = (time_t)e->time_s;
	struct tm tm = {0};
	char stamp[40] = "";

	if (gmtime_r(&seconds, &tm))
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
	text_printf(out,
		    "change %" PRIu64 " %s %s +%" PRIu64 " -%" PRIu64 " %016" PRIx64 " %016" PRIx64
		    " %" PRIu64 " %s\n",
		    e->number, stamp, by_names[e->by], e->added, e->removed, e->before, e->after,
		    e->bytes, place_names[e->place]);
	if (e->place == HISTORY_HERE)
		text_add(out, e->lines.at, e->lines.len);
}

static int write_index(const struct paths *p, const struct history *h, struct fault *f)
{
	char path[HISTORY_PATH_MAX];
	struct text out = {0};
	int err;

	text_puts(&out, "# What changed the rules, the newest first. `dpi-xdp rules history` shows "
			"it, and\n# `dpi-xdp rules rollback N` puts back what was before change "
			"N.\n");
	text_printf(&out, "left-out %" PRIu64 "\n", h->left_out);
	for (size_t i = 0; i < h->count; i++)
		write_entry(&h->entry[i], &out);
	text_printf(&out, "# end %zu\n", h->count);
	err = rules_save_text(out.failed ? NULL : out.at, history_path(p, 0, path), f);
	text_clear(&out);
	return err;
}

/* The files of changes right before the oldest that is kept: as many as there may be. */
static void sweep(const struct paths *p, const struct history *h)
{
	uint64_t oldest = h->count ? h->entry[h->count - 1].number : 1;
	char path[HISTORY_PATH_MAX];

	for (uint64_t i = 1; i <= 2 * HISTORY_MAX && i < oldest; i++)
		unlink(history_path(p, oldest - i, path));
}

/* Ends that follow each other are one change: else a day of them would leave no room for what
 * somebody changed. Puts the lines of the newest behind those of this one, which takes its place.
 * False: it stands by itself. */
static bool join_ends(struct history *h, struct history_entry *e, struct text *lines)
{
	struct history_entry *newest = &h->entry[0];

	if (!h->count || e->by != HISTORY_END || newest->by != HISTORY_END ||
	    e->place != HISTORY_HERE || newest->place != HISTORY_HERE ||
	    e->bytes + newest->bytes > HISTORY_HERE_MAX)
		return false;
	text_add(lines, newest->lines.at, newest->lines.len);
	if (lines->failed)
		return false;
	e->number = newest->number;
	e->removed += newest->removed;
	e->bytes = lines->len;
	e->lines = slice_of(lines->at, lines->len);
	*newest = *e;
	return true;
}

/* Keeps a change that is about to be made. 0 or -errno with *f. */
static int keep(const struct paths *p, const struct rules *before, const struct rules *after,
		enum history_by by, struct history *h, struct fault *f)
{
	char path[HISTORY_PATH_MAX];
	struct history_entry e;
	struct text lines = {0};
	int err = entry_make(&e, before, after, by, &lines);

	if (err)
		fault_set(f, err, "out of memory");
	if (!err && e.added + e.removed) {
		err = history_load(p, h, f);
		history_drop_unmade(h, e.before);
		e.number = h->count ? h->entry[0].number + 1 : h->left_out + 1;
		if (!err && e.place == HISTORY_FILE)
			err = rules_save_text(lines.at, history_path(p, e.number, path), f);
		if (!err && !join_ends(h, &e, &lines))
			put_first(h, &e);
		if (!err)
			err = write_index(p, h, f);
	}
	text_clear(&lines);
	return err;
}

int history_save(const struct paths *p, const struct rules *before, const struct rules *after,
		 enum history_by by, struct fault *f)
{
	struct history h = {0};
	int err = before ? keep(p, before, after, by, &h, f) : 0;

	if (!err)
		err = rules_save(after, p->rules, f);
	if (!err && h.count)
		sweep(p, &h);
	history_clear(&h);
	return err;
}
