/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The options of analyze, and what they may not ask for. Room: cli.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "cli/analyze.h"
#include "pcap/filter.h"

enum { WORKERS_DEFAULT = 4, FLOWS_MOST = 1 << 28 };

enum option_id {
	ID_OUTPUT = ANALYZE_APPS + 1,
	ID_RULES,
	ID_CONTENTS,
	ID_WORKERS,
	ID_JSON,
	ID_CSV,
	ID_EVENTS,
	ID_FILTER,
	ID_FORM,
	ID_SPLIT,
	ID_FLOWS,
	ID_LOCAL_NET,
	ID_MAX_PACKETS,
	ID_FORCE,
	ID_AT,
	ID_VERBOSE,
	ID_REPRODUCIBLE,
};

static const struct option_row rows[] = {
	{"block-ip", 0, "VALUE", "drop flows of an address or network; repeats, as all of these do",
	 ANALYZE_RULE + CHANGE_TAG(RULE_IP, 0, 0)},
	{"block-app", 0, "VALUE",
	 "drop flows of an application, category:NAME or sign (ECH, DoH, ...)",
	 ANALYZE_RULE + CHANGE_TAG(RULE_APP, 0, 0)},
	{"block-domain", 0, "VALUE",
	 "drop flows to a name and all below it; learnt:NAME, also by DNS",
	 ANALYZE_RULE + CHANGE_TAG(RULE_DOMAIN, 0, 0)},
	{"block-port", 0, "VALUE", "drop flows to a port: PORT, PORT/tcp or PORT/udp",
	 ANALYZE_RULE + CHANGE_TAG(RULE_PORT, 0, 0)},
	{"block-list", 0, "FILE", "drop what a list names: hosts, names, ||name^, addresses",
	 ANALYZE_RULE + CHANGE_TAG(RULE_LIST, 0, 0)},
	{"allow-ip", 0, "VALUE", "an exception: an allow beats a block",
	 ANALYZE_RULE + CHANGE_TAG(RULE_IP, 1, 0)},
	{"allow-app", 0, "VALUE", "an exception for an application",
	 ANALYZE_RULE + CHANGE_TAG(RULE_APP, 1, 0)},
	{"allow-domain", 0, "VALUE", "an exception for a name and all below it",
	 ANALYZE_RULE + CHANGE_TAG(RULE_DOMAIN, 1, 0)},
	{"allow-list", 0, "FILE", "an exception for all that a list names",
	 ANALYZE_RULE + CHANGE_TAG(RULE_LIST, 1, 0)},
	{"output", 'o', "FILE",
	 "where to write; all captures named are read then, as one in order of time", ID_OUTPUT},
	{"split", 0, "SIZE",
	 "files OUT-00001.pcap, ... of at most SIZE (K, M, G); replaced, if none has a higher "
	 "number",
	 ID_SPLIT},
	{"rules", 0, "FILE", "a rules file, loaded before the rules given here", ID_RULES},
	{"contents", 0, NULL, "that file carries what is in its lists, as the service hands it on",
	 ID_CONTENTS},
	{"at", 0, "MOMENT",
	 "rules with times as they are at 2026-12-01T08:00; else as they are at each frame's time",
	 ID_AT},
	{"apps", 0, "FILE", "more applications, in the form of the catalogue; repeats",
	 ANALYZE_APPS},
	{"workers", 'w', "N", "threads, 1 to 16; the results do not depend on it", ID_WORKERS},
	{"json", 'j', "FILE", "the report as JSON; - is standard output", ID_JSON},
	{"csv", 0, "FILE", "its connections as CSV", ID_CSV},
	{"events", 0, "FILE", "events as EVE-compatible NDJSON", ID_EVENTS},
	{"filter", 0, "EXPR",
	 "look only at frames that match, as tcpdump's; others are not written", ID_FILTER},
	{"form", 0, "BOUNDARY",
	 "IN is the rest of a form (RFC 7578) from its field \"file\" on, and ends at the boundary",
	 ID_FORM},
	{"flows", 0, "N",
	 "keep about N open flows (default 1048576); the longest silent leave first", ID_FLOWS},
	{"local-net", 0, "NET", "a network of the capture's own; repeats (default: learnt)",
	 ID_LOCAL_NET},
	{"max-packets", 0, "N", "stop after so many packets", ID_MAX_PACKETS},
	{"force", 0, NULL, "accept a public suffix such as co.uk as a domain", ID_FORCE},
	{"verbose", 'v', NULL, "every connection and counter in the text report", ID_VERBOSE},
	{"reproducible", 0, NULL, "leave out run time, rates and worker rows", ID_REPRODUCIBLE},
	OPTIONS_COMMON,
};

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

static int take_number(const char *name, const char *value, uint64_t max, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(value, &end, 10);
	if (errno || *end || value[0] < '0' || value[0] > '9' || *out < 1 || *out > max) {
		log_error("--%s %s: give a number from 1 to %llu", name, value,
			  (unsigned long long)max);
		return EXIT_USAGE;
	}
	return 0;
}

static int take_net(struct analyze *a, const char *value)
{
	struct report_net *more = realloc(a->nets, (a->net_count + 1) * sizeof(*more));

	if (!more)
		return EXIT_FAILED;
	a->nets = more;
	if (addr_parse_net(slice_text(value), &more[a->net_count].addr, &more[a->net_count].bits)) {
		log_error("--local-net %s: give a network such as 192.168.0.0/16", value);
		return EXIT_USAGE;
	}
	a->net_count++;
	return 0;
}

static int take_word(struct analyze *a, int id, const char *value)
{
	struct analyze_word *more = realloc(a->words, (a->word_count + 1) * sizeof(*more));

	if (!more)
		return EXIT_FAILED;
	a->words = more;
	a->words[a->word_count++] = (struct analyze_word){id, value};
	return 0;
}

static int take_filter(struct analyze *a, const char *value)
{
	struct fault f = {""};
	int err = capture_filter_check(value, &f);

	if (err)
		log_error("--filter %s: %s; give an expression such as 'tcp port 443', see "
			  "pcap-filter(7)",
			  value, f.text);
	a->filter = value;
	return err ? EXIT_USAGE : 0;
}

static int take_moment(struct analyze *a, const char *value)
{
	struct fault f = {""};
	int err = when_moment(slice_text(value), WHEN_NEVER, &a->at_s, &f);

	if (err)
		log_error("--at %s: %s", value, f.text);
	return err ? EXIT_USAGE : 0;
}

static int take_option(void *ctx, int id, const char *value)
{
	struct analyze *a = ctx;
	uint64_t n = 0;
	int status;

	switch (id) {
	case ID_OUTPUT: a->out = value; return 0;
	case ID_RULES: a->rules_file = value; return 0;
	case ID_CONTENTS: a->has_contents = true; return 0;
	case ID_JSON: a->json = value; return 0;
	case ID_CSV: a->csv = value; return 0;
	case ID_EVENTS: a->events = value; return 0;
	case ID_FORCE: a->is_forced = true; return 0;
	case ID_VERBOSE: a->is_verbose = true; return 0;
	case ID_REPRODUCIBLE: a->is_reproducible = true; return 0;
	case OPTION_QUIET: a->is_quiet = true; return 0;
	case ID_SPLIT: return option_size("split", value, &a->split_size);
	case ID_FLOWS: return take_number("flows", value, FLOWS_MOST, &a->flow_max);
	case ID_FILTER: return take_filter(a, value);
	case ID_AT: return take_moment(a, value);
	case ID_FORM: a->form = value; return 0;
	case ID_LOCAL_NET: return take_net(a, value);
	case ID_MAX_PACKETS: return take_number("max-packets", value, UINT64_MAX, &a->frame_max);
	case ID_WORKERS:
		status = take_number("workers", value, DPI_RINGS_MAX, &n);
		a->workers = (unsigned)n;
		return status;
	case OPTION_COLOR: color_parse(value, &a->color); return 0;
	default: return take_word(a, id, value);
	}
}

/* The inputs as one text. */
static const char *join(struct analyze *a)
{
	size_t len = 0;
	FILE *to;

	if (a->input_count == 1)
		return a->inputs[0];
	to = open_memstream(&a->in_text, &len);
	for (size_t i = 0; to && i < a->input_count; i++)
		fprintf(to, "%s%s", i ? ", " : "", a->inputs[i]);
	return to && fclose(to) == 0 ? a->in_text : NULL;
}

/* Without --output: IN OUT; with it, all are inputs. */
static int take_files(struct analyze *a, const struct command *c, int count, char **files)
{
	if (a->out ? count < 1 : count != 2) {
		log_error("analyze: give a capture to read and a file to write, - or /dev/null "
			  "(%d given); several captures with -o FILE",
			  count);
		command_usage(c, stderr);
		return EXIT_USAGE;
	}
	a->inputs = (const char *const *)files;
	a->input_count = a->out ? (size_t)count : 1;
	if (!a->out)
		a->out = files[1];
	a->in = join(a);
	if (!a->in)
		log_error("analyze: out of memory");
	return a->in ? 0 : EXIT_FAILED;
}

int analyze_parse(struct analyze *a, const struct command *c, int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	const char **files[] = {&a->out, &a->json, &a->csv, &a->events};
	int first, status;

	a->workers = cpus > 0 && cpus < WORKERS_DEFAULT ? (unsigned)cpus : WORKERS_DEFAULT;
	a->at_s = WHEN_NEVER;
	first = options_parse(c, rows, ROW_COUNT, argc, argv, take_option, a);
	if (first < 0)
		return options_status(first);
	status = take_files(a, c, argc - first, argv + first);
	if (status)
		return status;
	for (size_t i = 0; i < 4; i++) {
		if (*files[i] && strcmp(*files[i], "/dev/stdout") == 0)
			*files[i] = "-";
	}
	return analyze_check_files(a);
}
