/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a person supposes, out of the command line. Room: cli. The words are those of the commands
 * that would do it.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/remote.h"
#include "cli/what_if.h"
#include "dpi/abi.h"
#include "policy/rules.h"
#include "report/difference.h"

enum { LIST_NAME_MAX = 64, WORKERS_DEFAULT = 4, LIMIT_MOST = 1000000 };

enum option_id {
	ID_JSON = 256,
	ID_VERBOSE,
	ID_LIMIT,
	ID_CAPTURE,
	ID_RULES,
	ID_WORKERS,
	ID_FORCE,
	ID_LEARNT,
	ID_DEVICE,
	ID_FOR,
	ID_UNTIL,
	ID_WHEN,
	ID_CHANGE = 400, /* and the CHANGE_TAG of the word */
};

#define CHANGE_ROW(word, kind, is_allow, is_removal)                       \
	{                                                                  \
		word, 0, "VALUE", "as the command of this name; repeats",  \
			ID_CHANGE + CHANGE_TAG(kind, is_allow, is_removal) \
	}

static const struct option_row rows[] = {
	{"capture", 0, "FILE",
	 "of this capture instead of live traffic; needs no root and no agent", ID_CAPTURE},
	{"rules", 0, "FILE", "of a capture: the rules of before (default: the stored ones)",
	 ID_RULES},
	{"workers", 'w', "N", "of a capture: threads, 1 to 16", ID_WORKERS},
	{"json", 'j', NULL, "one JSON document on stdout", ID_JSON},
	{"verbose", 'v', NULL, "all sums, and all flows within --limit", ID_VERBOSE},
	{"limit", 0, "N", "flows listed (default 1000); all are added up", ID_LIMIT},
	{"force", 0, NULL, "a public suffix such as co.uk is meant", ID_FORCE},
	{"learnt", 0, NULL, "flows without a name too, by the DNS answer for their address",
	 ID_LEARNT},
	{"device", 0, "DEVICE", "of one device alone", ID_DEVICE},
	{"for", 0, "TIME", "as with block-app, of rules that are added", ID_FOR},
	{"until", 0, "MOMENT", "the same", ID_UNTIL},
	{"when", 0, "HOURS", "the same", ID_WHEN},
	CHANGE_ROW("block-app", RULE_APP, 0, 0),
	CHANGE_ROW("block-domain", RULE_DOMAIN, 0, 0),
	CHANGE_ROW("block-ip", RULE_IP, 0, 0),
	CHANGE_ROW("block-port", RULE_PORT, 0, 0),
	CHANGE_ROW("unblock-app", RULE_APP, 0, 1),
	CHANGE_ROW("unblock-domain", RULE_DOMAIN, 0, 1),
	CHANGE_ROW("unblock-ip", RULE_IP, 0, 1),
	CHANGE_ROW("unblock-port", RULE_PORT, 0, 1),
	CHANGE_ROW("allow-app", RULE_APP, 1, 0),
	CHANGE_ROW("allow-domain", RULE_DOMAIN, 1, 0),
	CHANGE_ROW("allow-ip", RULE_IP, 1, 0),
	CHANGE_ROW("disallow-app", RULE_APP, 1, 1),
	CHANGE_ROW("disallow-domain", RULE_DOMAIN, 1, 1),
	CHANGE_ROW("disallow-ip", RULE_IP, 1, 1),
	CHANGE_ROW("unblock-list", RULE_LIST, 0, 1),
	CHANGE_ROW("disallow-list", RULE_LIST, 1, 1),
	OPTIONS_COMMON,
};

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

/* The tag behind a word such as block-app; -1 when it is none. */
static int tag_of(const char *word)
{
	if (strcmp(word, "block-list") == 0)
		return CHANGE_TAG(RULE_LIST, 0, 0);
	if (strcmp(word, "allow-list") == 0)
		return CHANGE_TAG(RULE_LIST, 1, 0);
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (rows[i].id >= ID_CHANGE && rows[i].id < OPTION_HELP &&
		    strcmp(rows[i].name, word) == 0)
			return rows[i].id - ID_CHANGE;
	return -1;
}

static int take_value(struct what_if *w, int tag, const char *at, size_t len)
{
	struct what_if_change *more = realloc(w->change, (w->change_count + 1) * sizeof(*more));

	if (more)
		w->change = more;
	if (!more || !(more[w->change_count].value = strndup(at, len))) {
		log_error("out of memory");
		return EXIT_FAILED;
	}
	more[w->change_count++].tag = tag;
	return 0;
}

/* An argument's values: commas stand between them, or behind the last. */
static int take_values(struct what_if *w, int tag, const char *values)
{
	int status = 0;

	while (*values && !status) {
		size_t len = strcspn(values, ",");

		if (len)
			status = take_value(w, tag, values, len);
		values += len + (values[len] == ',');
	}
	return status;
}

static int take_number(const char *name, const char *value, uint64_t most, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(value, &end, 10);
	if (!errno && !*end && *value >= '0' && *value <= '9' && *out >= 1 && *out <= most)
		return 0;
	log_error("--%s %s: give a number from 1 to %llu", name, value, (unsigned long long)most);
	return EXIT_USAGE;
}

static int take(void *ctx, int id, const char *value)
{
	struct what_if *w = ctx;
	uint64_t n = w->workers;
	int status = 0;

	if (id >= ID_CHANGE && id < OPTION_HELP)
		return take_values(w, id - ID_CHANGE, value);
	switch (id) {
	case ID_CAPTURE: w->capture = value; break;
	case ID_RULES: w->rules_file = value; break;
	case ID_JSON: w->is_json = true; break;
	case ID_VERBOSE: w->is_verbose = true; break;
	case ID_FORCE: w->is_forced = true; break;
	case ID_LEARNT: w->is_learnt = true; break;
	case ID_DEVICE: w->device = value; break;
	case ID_FOR: w->length = value; break;
	case ID_UNTIL: w->until = value; break;
	case ID_WHEN: w->when = value; break;
	case ID_LIMIT: return take_number("limit", value, LIMIT_MOST, &w->limit);
	case ID_WORKERS: status = take_number("workers", value, DPI_RINGS_MAX, &n); break;
	case OPTION_QUIET: w->is_quiet = true; break;
	case OPTION_COLOR: color_parse(value, &w->color); break;
	default: break;
	}
	w->workers = (unsigned)n;
	return status;
}

static bool is_new_list(int tag)
{
	return CHANGE_KIND(tag) == RULE_LIST && !CHANGE_IS_REMOVAL(tag);
}

/* A list that is not there yet: what it is called, and its file. */
static int take_list(struct what_if *w, int tag, int count, char **words)
{
	char whole[PATH_MAX], value[PATH_MAX + LIST_NAME_MAX + 2];
	size_t len = count > 1 ? strlen(words[1]) : 0;

	if (!w->capture || count < 2) {
		log_error("a list that is new is tried on a capture: what-if block-list NAME FILE "
			  "--capture IN.pcap");
		return EXIT_USAGE;
	}
	if (len && words[1][len - 1] == ',')
		words[1][len - 1] = '\0';
	if (!realpath(words[1], whole) || strlen(words[0]) > LIST_NAME_MAX) {
		log_error("the list %s: %s; give a name and a file", words[1], strerror(errno));
		return EXIT_USAGE;
	}
	snprintf(value, sizeof(value), "%s %s", words[0], whole);
	return take_value(w, tag, value, strlen(value));
}

static int take_rollback(struct what_if *w, int count, char **words)
{
	char *end = NULL;

	w->is_rollback = true;
	if (!count)
		return 0;
	errno = 0;
	w->number = strtoull(words[0], &end, 10);
	if (count == 1 && !errno && !*end && words[0][0] >= '1' && words[0][0] <= '9' &&
	    w->number <= INT64_MAX)
		return 0;
	log_error("what-if rollback: give the number of one change; `dpi-xdp rules history` shows "
		  "them");
	return EXIT_USAGE;
}

/* "block-app TikTok, unblock-port 80": a word holds until the next one. */
static int take_words(struct what_if *w, int count, char **words)
{
	int tag = -1, status = 0;

	if (count == 2 && strcmp(words[0], "load") == 0) {
		w->load = strcmp(words[1], "-") ? words[1] : "/dev/stdin";
		return 0;
	}
	if (count && strcmp(words[0], "rollback") == 0)
		return take_rollback(w, count - 1, words + 1);
	for (int i = 0; i < count && !status; i++) {
		int next = tag_of(words[i]);

		if (next < 0 && tag < 0) {
			log_error("what-if: %s is no change of the rules; begin with one such as "
				  "block-app TikTok, load FILE, or rollback N",
				  words[i]);
			return EXIT_USAGE;
		}
		if (next >= 0) {
			tag = next;
		} else if (strcmp(words[i], ",") != 0 && is_new_list(tag)) {
			status = take_list(w, tag, count - i, words + i);
			i++; /* its file */
		} else {
			status = take_values(w, tag, words[i]);
		}
	}
	return status;
}

int what_if_parse(struct what_if *w, const struct command *c, int argc, char **argv, bool *is_over)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int first, status;

	w->workers = cpus > 0 && cpus < WORKERS_DEFAULT ? (unsigned)cpus : WORKERS_DEFAULT;
	w->limit = DIFFERENCE_LISTED;
	first = options_parse(c, rows, ROW_COUNT, argc, argv, take, w);
	*is_over = first < 0;
	if (first < 0)
		return options_status(first);
	status = take_words(w, argc - first, argv + first);
	if (status)
		return status;
	if ((w->load != NULL) + w->is_rollback + (w->change_count > 0) != 1)
		return command_refuse(c, argc, argv, argc);
	if (w->rules_file && !w->capture) {
		log_error("--rules is for a capture; of live traffic the rules in force are those "
			  "of before");
		return EXIT_USAGE;
	}
	return 0;
}

void what_if_clear(struct what_if *w)
{
	for (size_t i = 0; i < w->change_count; i++)
		free(w->change[i].value);
	free(w->change);
	w->change = NULL;
	w->change_count = 0;
}

/* A rule that is taken away goes at once. */
static void put_times(const struct what_if *w, bool is_removal, struct text *out)
{
	if (w->length && !is_removal)
		remote_string(out, "for", w->length);
	if (w->until && !is_removal)
		remote_string(out, "until", w->until);
	if (w->when && !is_removal)
		remote_string(out, "when", w->when);
}

static void put_change(const struct what_if *w, const struct what_if_change *c, struct text *out)
{
	enum rule_kind kind = CHANGE_KIND(c->tag);

	text_printf(out, "{\"kind\":\"%s\"", rule_kind_name(kind));
	remote_flag(out, "allow", CHANGE_IS_ALLOW(c->tag));
	remote_flag(out, "remove", CHANGE_IS_REMOVAL(c->tag));
	remote_flag(out, "force", w->is_forced);
	remote_flag(out, "learnt", w->is_learnt && (kind == RULE_APP || kind == RULE_DOMAIN));
	if (w->device)
		remote_string(out, "device", w->device);
	put_times(w, CHANGE_IS_REMOVAL(c->tag), out);
	text_puts(out, ",\"values\":[");
	remote_value(out, c->value);
	text_puts(out, "]}");
}

void what_if_request(const struct what_if *w, struct text *request)
{
	if (w->load) {
		remote_flag(request, "load", true);
		remote_flag(request, "force", w->is_forced);
		remote_string(request, "name", w->load);
		return;
	}
	if (w->is_rollback) {
		text_printf(request, ",\"rollback\":%llu", w->number);
		return;
	}
	text_puts(request, ",\"changes\":[");
	for (size_t i = 0; i < w->change_count; i++) {
		text_puts(request, i ? "," : "");
		put_change(w, &w->change[i], request);
	}
	text_putc(request, ']');
}
