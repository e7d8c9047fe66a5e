/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The way back: what each change of the stored rules was, so that it can be undone. Room: control.
 *
 * history.txt, beside rules.txt, has the last HISTORY_MAX changes, the newest first: when, by what,
 * and the rules that were added and taken away, so that a small change of a million rules costs a
 * line. A large change lies in a file of its own, history-NUMBER.txt, written once. Both are as
 * durable as rules.txt and are written before it: whoever dies in between leaves a change that was
 * never made, which is known by what the rules are (fingerprints), and not shown.
 *
 * Who calls these holds the lock of the state directory, or is the agent.
 */
#ifndef CONTROL_HISTORY_H
#define CONTROL_HISTORY_H

#include "classify/catalogue.h"
#include "control/paths.h"

enum {
	HISTORY_MAX = 20,	       /* changes; older ones are left out and counted */
	HISTORY_HERE_MAX = 65536,      /* bytes of a change that stand in the index */
	HISTORY_BYTES_MAX = 128 << 20, /* of all changes kept; the oldest go first */
	HISTORY_CHANGE_MAX = 64 << 20, /* of one; a larger one cannot be undone */
};

/* What made a change. */
enum history_by {
	HISTORY_COMMAND,
	HISTORY_HTTP,
	HISTORY_FLEET,
	HISTORY_LOAD,
	HISTORY_RELOAD,
	HISTORY_ROLLBACK,
	HISTORY_END, /* rules whose end has come; ends right behind each other are one change */
	HISTORY_BYS
};
const char *history_by_name(enum history_by by);
/* The word's number; one that is not known, or NULL, is `otherwise`. */
enum history_by history_by_of(const char *word, enum history_by otherwise);

enum history_place { HISTORY_HERE, HISTORY_FILE, HISTORY_LOST, HISTORY_PLACES };

struct history_entry {
	uint64_t number; /* from 1 on, each change one more */
	int64_t time_s;	 /* wall clock */
	enum history_by by;
	uint64_t added, removed; /* rules */
	uint64_t before, after;	 /* rules_fingerprint() */
	enum history_place place;
	uint64_t bytes;	    /* of its lines */
	struct slice lines; /* where they stand here; borrowed from the history */
};

struct history {
	struct history_entry entry[HISTORY_MAX]; /* the newest first */
	size_t count;
	uint64_t left_out; /* older ones that made room */
	bool is_damaged;   /* the file was cut or changed: older entries are missing */
	char *text;	   /* owned */
};

/*
 * Makes other rules the stored ones, and keeps how to undo that. before: those that are stored now;
 * NULL when they are not known: then nothing is kept. 0; or -errno with *f, and the stored rules
 * are as they were.
 */
int history_save(const struct paths *p, const struct rules *before, const struct rules *after,
		 enum history_by by, struct fault *f);

/* Reads what is kept, without what was never made; now: the rules that are stored. No file is an
 * empty history. 0, or -errno with *f. history_clear() either way. */
int history_read(const struct paths *p, const struct rules *now, struct history *h,
		 struct fault *f);
void history_clear(struct history *h);

/* The lines of one change: "+ block app TikTok", "- allow domain a.example", in *out (borrowed from
 * h, or from *buffer, which the caller frees). 0, or -errno with *f: they are lost or damaged. */
int history_lines(const struct paths *p, const struct history_entry *e, char **buffer,
		  struct slice *out, struct fault *f);

/* The number in the list of a change; -EINVAL with *f: there is none. 0: the newest that somebody
 * made, as what is over cannot be put back. */
int history_find(const struct history *h, uint64_t number, struct fault *f);
/* How many of the newest changes lead from the rules of now back without a gap: others cannot be
 * undone, as the rules were changed in between by other means. */
size_t history_reach(const struct history *h, const struct rules *now);

/*
 * Gives the rules as they were before change `number` (0: as history_find) in *out; now: the stored
 * ones; *e says which change it is. 0; -EINVAL: there is no such change, or a gap; -EIO: what is
 * kept is damaged; -ENOMEM; with *f.
 */
int history_before(const struct paths *p, const struct rules *now, uint64_t number,
		   const struct catalogue *catalogue, struct rules **out, struct history_entry *e,
		   struct fault *f);

/* Whether two sets say the same. */
bool history_is_same(const struct rules *a, const struct rules *b);

#endif
