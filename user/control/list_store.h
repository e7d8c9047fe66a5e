/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The last good copy of each list, in STATE/lists: what is in force after a restart, and while its
 * source is away. One file a list, with where it is from and what was counted before its entries,
 * so that the two cannot part; written beside, synced and renamed. Room: control.
 */
#ifndef CONTROL_LIST_STORE_H
#define CONTROL_LIST_STORE_H

#include "control/paths.h"
#include "policy/list_reader.h"
#include "policy/rules.h"

enum { LIST_TAG_MAX = 200 };

struct list_copy {
	struct list *list; /* held */
	struct list_counts counts;
	char etag[LIST_TAG_MAX], modified[LIST_TAG_MAX]; /* as the server has them; "": none */
	int64_t fetched_s;				 /* when it came, since the epoch */
	int64_t checked_s; /* when it was last known to be the newest */
};

void list_copy_clear(struct list_copy *c);

/* Reads the copy of a rule's list. 0; -ENOENT: there is none from this source; -errno with *f. */
int list_store_load(const struct paths *p, const struct rule *rule, struct list_copy *out,
		    struct fault *f);
int list_store_save(const struct paths *p, const struct rule *rule, const struct list_copy *c,
		    struct fault *f);
/* Notes that the copy is still the newest. */
void list_store_touch(const struct paths *p, const struct rule *rule, int64_t now_s);
/* Removes the copies that no rule has any more. */
void list_store_sweep(const struct paths *p, const struct rules *rules);

/* Gives every list of a set that has none yet its stored copy. A copy that cannot be read is as
 * good as none. 0 or -ENOMEM. */
int list_store_fill(const struct paths *p, struct rules *rules);

#endif
