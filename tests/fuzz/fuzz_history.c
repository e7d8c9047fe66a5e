/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Any bytes as what is kept of the rules: rules.txt, history.txt and the file of change 2, between
 * NULs. Whatever they say is told as JSON; what leads back leads to what it says; and the next
 * change is kept and can be undone.
 */
#include "claim.h"
#include "control/history_answer.h"
#include "policy/rules_compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct paths paths;
static struct catalogue *catalogue;
static char file[PATHS_MAX + 32];

static void remove_place(void)
{
	for (int i = 0; i < 2; i++) {
		snprintf(file, sizeof(file), "%s/%s", paths.state_dir,
			 i ? "history-2.txt" : "history.txt");
		unlink(file);
	}
	unlink(paths.rules);
	rmdir(paths.state_dir);
}

static void make_place(void)
{
	char dir[] = "/dev/shm/dpi-xdp-fuzz-XXXXXX";

	catalogue = catalogue_new();
	CLAIM(catalogue && mkdtemp(dir));
	snprintf(paths.state_dir, sizeof(paths.state_dir), "%s", dir);
	snprintf(paths.rules, sizeof(paths.rules), "%s/rules.txt", dir);
	atexit(remove_place);
}

static void put(const char *name, struct slice bytes)
{
	FILE *f;

	snprintf(file, sizeof(file), "%s/%s", paths.state_dir, name);
	f = fopen(file, "we");
	CLAIM(f && fwrite(bytes.at, 1, bytes.len, f) == bytes.len && fclose(f) == 0);
}

/* The bytes up to the next NUL; *rest moves behind it. */
static struct slice part(struct slice *rest)
{
	const uint8_t *end = rest->len ? memchr(rest->at, 0, rest->len) : NULL;
	struct slice s = end ? slice_first(*rest, (size_t)(end - rest->at)) : *rest;

	*rest = slice_from(*rest, s.len + 1);
	return s;
}

static void check_told(const struct rules *now, const char *request)
{
	json_t *asked = json_loads(request, 0, NULL), *told;
	struct text out = {0};
	struct fault f = {""};

	if (history_answer(&paths, now, asked, &out, &f)) {
		CLAIM(f.text[0]);
	} else {
		told = json_loadb(out.at, out.len, 0, NULL);
		CLAIM(told);
		json_decref(told);
	}
	text_clear(&out);
	json_decref(asked);
}

/* Goes back before one change. Returns whether that could be done. */
static bool go_back(const struct rules *now, uint64_t number, uint64_t *fingerprint)
{
	struct rules *before = NULL;
	struct history_entry e;
	struct fault f = {""};

	if (history_before(&paths, now, number, catalogue, &before, &e, &f)) {
		CLAIM(f.text[0] && !before);
		return false;
	}
	*fingerprint = rules_fingerprint(before);
	CLAIM(*fingerprint == e.before);
	rules_free(before);
	return true;
}

static void check_history(const struct rules *now)
{
	struct fault f = {""};
	struct history h;
	uint64_t ignored;
	size_t reach;

	CLAIM(history_read(&paths, now, &h, &f) == 0);
	reach = history_reach(&h, now);
	CLAIM(h.count <= HISTORY_MAX && reach <= h.count);
	for (size_t i = 0; i < h.count; i++) {
		CLAIM(h.entry[i].number && (!i || h.entry[i].number < h.entry[i - 1].number));
		if (go_back(now, h.entry[i].number, &ignored))
			CLAIM(i < reach);
	}
	history_clear(&h);
	check_told(now, "{\"command\":\"rules-history\",\"json\":true}");
	check_told(now, "{\"command\":\"rules-diff\",\"number\":2,\"json\":true}");
}

/* A change on top of all that: the way back from it is there. */
static void check_next(const struct rules *now)
{
	static const char *const value = "next.example";
	struct rule_apps apps = catalogue_rule_apps(catalogue);
	struct rules *after = rules_copy(now);
	uint64_t fingerprint = 0;
	struct fault f = {""};

	CLAIM(after);
	if (rules_add(after, RULE_DOMAIN, true, slice_text(value), &apps, 0, &f) == 1) {
		CLAIM(history_save(&paths, now, after, HISTORY_COMMAND, &f) == 0);
		CLAIM(go_back(after, 0, &fingerprint));
		CLAIM(fingerprint == rules_fingerprint(now));
	}
	rules_free(after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_of(data, size), text = part(&rest);
	struct rules *now = NULL;
	struct rule_apps apps;
	struct fault f;

	if (!catalogue)
		make_place();
	apps = catalogue_rule_apps(catalogue);
	if (rules_parse(text, "fuzz", &apps, RULES_FORCE, &now, &f))
		return 0;
	put("history.txt", part(&rest));
	put("history-2.txt", part(&rest));
	check_history(now);
	check_next(now);
	rules_free(now);
	return 0;
}
