/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Undoing changes of the rules; see history.h. Room: control. What comes of it is held against the
 * fingerprint of what was there before: a history that does not fit changes nothing.
 */
#include "control/history_inside.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "control/times.h"
#include "policy/rules_compare.h"
#include "policy/rules_step.h"
#include "policy/rules_when.h"

int history_lines(const struct paths *p, const struct history_entry *e, char **buffer,
		  struct slice *out, struct fault *f)
{
	char path[HISTORY_PATH_MAX];
	size_t len = 0;
	int err;

	if (e->place == HISTORY_HERE) {
		*out = e->lines;
		return 0;
	}
	if (e->place == HISTORY_LOST)
		return fault_set(f, -EINVAL,
				 "change %" PRIu64 " was too large to be kept: more than %d MiB",
				 e->number, HISTORY_CHANGE_MAX >> 20);
	err = history_slurp(history_path(p, e->number, path), HISTORY_CHANGE_MAX, buffer, &len);
	if (err)
		return fault_set(f, err, "%s: %s", path, strerror(-err));
	if (len != e->bytes)
		return fault_set(f, -EIO,
				 "%s is damaged; put rules back from a file with `dpi-xdp "
				 "rules load FILE`",
				 path);
	*out = slice_of(*buffer, len);
	return 0;
}

/* Undoes one half of a change: takes away what it added, or adds what it took away. */
static int undo_half(struct rules *rules, struct slice lines, bool is_added,
		     const struct rule_apps *apps, struct fault *f)
{
	struct fault why = {""};
	struct rules_line l;
	int err = 0;

	while (lines.len && err >= 0) {
		if (!rules_line_read(rules_line_next(&lines), &l))
			return fault_set(f, -EIO,
					 "the history is damaged; put rules back from a "
					 "file with `dpi-xdp rules load FILE`");
		if (l.is_added == is_added)
			err = is_added
				      ? rules_remove(rules, l.kind, l.is_allow, l.value, apps, &why)
				      : rules_add(rules, l.kind, l.is_allow, l.value, apps,
						  RULES_FORCE, &why);
	}
	return err < 0 ? fault_set(f, err, "a rule of then cannot be put back: %.400s", why.text)
		       : 0;
}

static int undo(const struct paths *p, const struct history_entry *e, struct rules *rules,
		const struct rule_apps *apps, struct fault *f)
{
	struct slice lines = slice_of("", 0);
	char *buffer = NULL;
	int err = history_lines(p, e, &buffer, &lines, f);

	/* A rule without times makes those with times go: it goes first. */
	if (!err)
		err = undo_half(rules, lines, true, apps, f);
	if (!err)
		err = undo_half(rules, lines, false, apps, f);
	free(buffer);
	if (!err && rules_fingerprint(rules) != e->before)
		err = fault_set(f, -EIO,
				"change %" PRIu64 " does not lead back to what was before "
				"it: the history is damaged; nothing is changed",
				e->number);
	return err;
}

/* Undoes changes from the newest to number i of the list. */
static int undo_all(const struct paths *p, const struct history *h, size_t i,
		    const struct rules *now, const struct catalogue *catalogue, struct rules **out,
		    struct fault *f)
{
	struct rule_apps apps = catalogue_rule_apps(catalogue);
	struct rules *rules = rules_copy(now), *left;
	size_t ended;
	int err = rules ? 0 : fault_set(f, -ENOMEM, "out of memory");

	for (size_t k = 0; k <= i && !err; k++)
		err = undo(p, &h->entry[k], rules, &apps, f);
	left = err ? NULL : rules_not_over(rules, times_now(), &ended);
	rules_free(rules);
	if (!err && !left)
		err = fault_set(f, -ENOMEM, "out of memory");
	if (!err)
		*out = left;
	return err;
}

int history_before(const struct paths *p, const struct rules *now, uint64_t number,
		   const struct catalogue *catalogue, struct rules **out, struct history_entry *e,
		   struct fault *f)
{
	struct history h;
	int err = history_read(p, now, &h, f), i;

	i = err ? err : history_find(&h, number, f);
	err = i < 0 ? i : 0;
	if (!err && (size_t)i >= history_reach(&h, now))
		err = fault_set(f, -EINVAL,
				"between change %" PRIu64
				" and now the rules were changed by other "
				"means, or too much at once: what was before it is not known; "
				"`dpi-xdp rules diff %" PRIu64 "` shows what it did",
				h.entry[i].number, h.entry[i].number);
	if (!err)
		err = undo_all(p, &h, (size_t)i, now, catalogue, out, f);
	if (!err) {
		*e = h.entry[i];
		e->lines = slice_of("", 0);
	}
	history_clear(&h);
	return err;
}

static int any(void *ctx, const struct rule *r, bool is_added)
{
	(void)ctx;
	(void)r;
	(void)is_added;
	return 1;
}

bool history_is_same(const struct rules *a, const struct rules *b)
{
	return rules_compare(a, b, any, NULL) == 0;
}
