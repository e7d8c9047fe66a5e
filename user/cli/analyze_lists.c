/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The lists of the analyze command: files named on the command line or in a rules file are read as
 * they are; of a list that is fetched from elsewhere the copy is taken that was stored last. Room:
 * cli; nothing is fetched here.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/analyze.h"
#include "control/list_store.h"
#include "policy/list_reader.h"

enum { NAME_BYTES_MAX = 32, NAMESAKES_MAX = 99 };

/* What a list is called whose file alone is given: as the file, without its last ending. */
static void name_of(const char *path, char out[NAME_BYTES_MAX + 8])
{
	const char *slash = strrchr(path, '/'), *at = slash ? slash + 1 : path;
	const char *dot = strrchr(at, '.');
	size_t len = dot && dot > at ? (size_t)(dot - at) : strlen(at), n = 0;

	for (size_t i = 0; i < len && n < NAME_BYTES_MAX; i++)
		if (isalnum((unsigned char)at[i]) || (n && strchr("-_.", at[i])))
			out[n++] = at[i];
	if (!n)
		out[n++] = 'x';
	out[n] = '\0';
}

/* True when another list of the set has this name. */
static bool is_taken(const struct rules *rules, const char *name)
{
	struct rules_walk w = {0};
	const struct rule *r;

	while ((r = rules_next(rules, &w)))
		if (r->kind == RULE_LIST && rule_list_name(r).len == strlen(name) &&
		    strncasecmp(r->value, name, strlen(name)) == 0)
			return true;
	return false;
}

int analyze_add_list(struct analyze *a, bool is_allow, const char *path, struct fault *f)
{
	char name[NAME_BYTES_MAX + 8], whole[PATH_MAX];
	struct text value = {0};
	size_t len;
	int err;

	if (!realpath(path, whole))
		return fault_set(f, -EINVAL, "the list %s: %s; check the path", path,
				 strerror(errno));
	name_of(path, name);
	len = strlen(name);
	for (unsigned i = 2; is_taken(a->rules, name) && i < NAMESAKES_MAX; i++)
		sprintf(name + len, "-%u", i);
	text_printf(&value, "%s %s", name, whole);
	err = value.failed ? fault_set(f, -ENOMEM, "out of memory")
			   : rules_add(a->rules, RULE_LIST, is_allow, slice_of(value.at, value.len),
				       NULL, 0, f);
	text_clear(&value);
	return err < 0 ? err : 0;
}

/* What was left out of a list, in words, if anything was. */
static void tell_left_out(const struct list_counts *c, struct text *out)
{
	const struct {
		const char *what;
		uint64_t count;
	} rows[] = {
		{"cosmetic rules", c->cosmetic},  {"rules with options", c->options},
		{"patterns", c->patterns},	  {"local names", c->local},
		{"public suffixes", c->suffixes}, {"rewrites", c->rewrites},
		{"not understood", c->unknown},
	};
	bool is_first = true;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!rows[i].count)
			continue;
		text_printf(out, "%s%" PRIu64 " %s", is_first ? "; left out: " : ", ",
			    rows[i].count, rows[i].what);
		is_first = false;
	}
}

/* The copy that was stored last of a list from elsewhere. */
static int recall_list(struct analyze *a, const struct rule *r, struct fault *f)
{
	struct list_copy copy = {0};
	struct paths paths;
	int err;

	if (paths_init(&paths) || list_store_load(&paths, r, &copy, NULL))
		return fault_set(f, -EINVAL,
				 "the list %.*s comes from elsewhere, and there is no copy of it "
				 "here: fetch it to a file, and give that by --block-list",
				 (int)rule_list_name(r).len, r->value);
	err = rules_set_list(a->rules, r->id, copy.list);
	list_copy_clear(&copy);
	return err ? fault_set(f, err, "out of memory") : 0;
}

static int read_list(struct analyze *a, const struct rule *r, struct fault *f)
{
	struct slice source = rule_list_source(r);
	struct list_counts counts = {0};
	struct list *list = NULL;
	struct text said = {0};
	char path[PATH_MAX];
	int err;

	if (source.at[0] != '/')
		return recall_list(a, r, f);
	snprintf(path, sizeof(path), "%.*s", (int)source.len, (const char *)source.at);
	err = list_read_file(path, &list, &counts, f);
	if (err)
		return err == -ENOMEM ? err : -EINVAL;
	err = rules_set_list(a->rules, r->id, list);
	text_printf(&said, "%s: %" PRIu64 " names, %" PRIu64 " addresses", path, counts.names,
		    counts.addrs);
	tell_left_out(&counts, &said);
	if (!a->is_quiet && !said.failed)
		log_note("%s", said.at);
	text_clear(&said);
	list_drop(list);
	return err ? fault_set(f, err, "out of memory") : 0;
}

int analyze_read_lists(struct analyze *a, struct fault *f)
{
	struct rules_walk w = {0};
	const struct rule *r;
	int err = 0;

	/* Whoever hands on what is in the lists has left out those that are still to come. */
	while (!err && !a->has_contents && (r = rules_next(a->rules, &w)))
		if (r->kind == RULE_LIST && !rules_list(a->rules, r->id))
			err = read_list(a, r, f);
	return err;
}
