/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fetching lists without an agent: into the stored copies, which the next agent has in force from
 * its first moment. Room: cli.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "cli/lists.h"
#include "control/apps.h"
#include "control/list_store.h"
#include "fetch/accept.h"
#include "fetch/fetch.h"

/* One list: what is stored of it, and what comes. 0 or -errno with *f. */
static int fetch_one(const struct paths *p, const struct rule *r, struct list_copy *c,
		     bool is_accepted, struct fault *f)
{
	struct slice source = rule_list_source(r);
	struct fetch_result result = {0};
	struct fetch_ask ask = {0};
	struct fetch fetch;
	char where[512];
	int err;

	snprintf(where, sizeof(where), "%.*s", (int)source.len, (const char *)source.at);
	ask.source = where;
	memcpy(ask.etag, c->etag, sizeof(ask.etag));
	memcpy(ask.modified, c->modified, sizeof(ask.modified));
	err = fetch_start(&ask, &fetch, f);
	if (err)
		return err;
	fetch_wait(&fetch);
	fetch_take(&fetch, &result);
	if (result.end == FETCH_FAILED)
		return fault_set(f, -EIO, "%s", result.why);
	if (result.end == FETCH_SAME) {
		list_store_touch(p, r, time(NULL));
		return 0;
	}
	err = is_accepted ? 0 : accept_list(c->list, result.list, f);
	if (!err) {
		list_drop(c->list);
		*c = (struct list_copy){.list = list_hold(result.list),
					.counts = result.counts,
					.fetched_s = time(NULL)};
		memcpy(c->etag, result.etag, sizeof(c->etag));
		memcpy(c->modified, result.modified, sizeof(c->modified));
		err = list_store_save(p, r, c, f);
	}
	list_drop(result.list);
	return err;
}

static int fetch_and_tell(const struct paths *p, const struct rule *r, bool is_accepted,
			  bool is_quiet)
{
	struct list_copy c = {0};
	struct fault f = {""};
	char label[64];
	int err;

	(void)list_store_load(p, r, &c, NULL);
	err = fetch_one(p, r, &c, is_accepted, &f);
	rule_label(r, label, sizeof(label));
	if (err)
		log_error("%s: %s; %s", label, f.text,
			  c.list ? "the copy of before stays stored"
				 : "the next agent tries it again");
	else if (!is_quiet)
		printf("%s: %" PRIu64 " names, %" PRIu64 " addresses stored\n", label,
		       c.counts.names, c.counts.addrs);
	list_copy_clear(&c);
	return err ? EXIT_FAILED : EXIT_DONE;
}

static bool is_named(const struct rule *r, const char *name)
{
	struct slice its = rule_list_name(r);

	return !*name ||
	       (its.len == strlen(name) && strncasecmp((const char *)its.at, name, its.len) == 0);
}

int lists_fetch_here(const struct paths *p, const char *name, bool is_accepted, bool is_quiet)
{
	struct catalogue *catalogue = NULL;
	struct rules *rules = NULL;
	struct rules_walk w = {0};
	struct fault f = {""};
	int status = EXIT_DONE;
	const struct rule *r;
	size_t count = 0;

	if (apps_load(&catalogue, &f) || change_load(p->rules, catalogue, &rules, &f)) {
		log_error("%s", f.text);
		status = EXIT_FAILED;
	}
	while (rules && (r = rules_next(rules, &w))) {
		if (r->kind != RULE_LIST || !is_named(r, name))
			continue;
		count++;
		if (fetch_and_tell(p, r, is_accepted, is_quiet))
			status = EXIT_FAILED;
	}
	if (rules && !count && *name) {
		log_error("there is no list %s: `dpi-xdp rules` shows them", name);
		status = EXIT_USAGE;
	}
	if (rules)
		list_store_sweep(p, rules);
	rules_free(rules);
	catalogue_free(catalogue);
	return status;
}
