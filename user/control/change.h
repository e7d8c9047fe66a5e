/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A change of the rules as a command asks for it. The agent applies it to the rules in force; with
 * no agent running the command line applies it to the stored ones, by the same code.
 */
#ifndef CONTROL_CHANGE_H
#define CONTROL_CHANGE_H

#include "base/text.h"
#include "classify/catalogue.h"
#include "control/paths.h"
#include "control/pause.h"
#include "control/times.h"

struct change {
	enum rule_kind kind;
	bool is_allow, is_remove;
	bool is_forced;		   /* a public suffix is meant */
	bool is_learnt;		   /* the values stand for "learnt:VALUE" */
	const char *device;	   /* whose rules they are; NULL: of all */
	struct times times;	   /* when the rules are to be in force; of an addition */
	const char *const *values; /* borrowed */
	size_t value_count;
};

/* Applies all of it or nothing: on a fault `rules` is as before. Returns how many rules changed,
 * and adds a line about each value to *note; -EINVAL or -ENOMEM with *f. */
int change_apply(struct rules **rules, const struct change *c, const struct catalogue *catalogue,
		 struct text *note, struct fault *f);

/* Writes the rules as one JSON document: {"rules":[{"rule","kind","action","value"}]}, of each that
 * is of a device "device", and of each that has times "when", "in_force", "changes" and "left_s";
 * while all is paused, that too. */
void change_rules_json(const struct rules *rules, const struct pause *p, struct text *out);

/* Writes the fields of one that has times: "when":...,"in_force":...,"changes":...,"left_s":... */
void change_times_json(const struct rule *r, int64_t now_s, struct text *out);

/* Reads the stored rules, without those that are over; none stored are empty rules. 0, or -errno
 * with *f. */
int change_load(const char *path, const struct catalogue *catalogue, struct rules **out,
		struct fault *f);
/* The same for who holds the lock of the state directory, or is the agent, and may change them:
 * what is over goes from the file too, and the history says so. */
int change_load_settled(const struct paths *p, const struct catalogue *catalogue,
			struct rules **out, struct fault *f);

#endif
