/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What is in the lists of rules that are tried on a capture: the copies that are stored, else files
 * as they are now. Room: cli. Nothing is fetched: what is only elsewhere is empty, and said so.
 */
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "cli/what_if.h"
#include "control/list_store.h"
#include "policy/list_reader.h"

enum { SOURCE_MAX = 512 };

/* 0 or -errno with *f. */
static int read_one(struct rules *rules, const struct rule *r, bool is_quiet, struct fault *f)
{
	struct slice source = rule_list_source(r);
	struct list_counts counts = {0};
	struct list *list = NULL;
	char path[SOURCE_MAX];
	int err;

	if (!source.len || source.at[0] != '/') {
		if (!is_quiet)
			log_note("the list %.*s has not been fetched yet: nothing is in it",
				 (int)rule_list_name(r).len, r->value);
		return 0;
	}
	snprintf(path, sizeof(path), "%.*s", (int)source.len, (const char *)source.at);
	err = list_read_file(path, &list, &counts, f);
	if (err)
		return err == -ENOMEM ? err : -EINVAL;
	err = rules_set_list(rules, r->id, list);
	list_drop(list);
	return err ? fault_set(f, err, "out of memory") : 0;
}

int what_if_fill_lists(const struct paths *p, struct rules *rules, bool is_quiet, struct fault *f)
{
	struct rules_walk w = {0};
	const struct rule *r;
	int err = list_store_fill(p, rules);

	if (err)
		return fault_set(f, err, "out of memory");
	while (!err && (r = rules_next(rules, &w)))
		if (r->kind == RULE_LIST && !rules_list(rules, r->id))
			err = read_one(rules, r, is_quiet, f);
	return err;
}
