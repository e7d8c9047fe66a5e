/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * POST and PUT /analyze: a capture in, as a form (RFC 7578) or as it is; the report out. Room: api.
 * The capture's bytes go on as they come (captures.h); nothing of it is read here.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/analyze.h"
#include "api/route.h"
#include "control/apps.h"

enum {
	FORM_BUFFER = 65536,
	CPU_PER_GIB_S = 20, /* beyond what any capture may take */
	WORDS_MAX = 600,
};

/* The query fields that are rules: each is an option of `analyze` of the same name. */
static const char *const rule_fields[] = {"block-ip", "block-app", "block-domain", "block-port",
					  "allow-ip", "allow-app", "allow-domain"};

/* --- what is asked for ------------------------------------------------------------------------ */

static void add(struct analyze_ask *n, const char *arg)
{
	n->args[n->arg_count++] = arg;
}

/* One rule as one argument. False: too many, or out of memory. */
static bool add_rule(struct analyze_ask *n, const char *field, const char *value)
{
	struct text *t = &n->made[n->made_count];

	if (n->made_count == ANALYZE_RULES_MAX)
		return false;
	text_printf(t, "--%s=%s", field, value);
	if (t->failed)
		return false;
	n->made_count++;
	add(n, t->at);
	return true;
}

/* Query flags are "?name" or "?name=1". */
static bool is_set(struct api_request *q, const char *name)
{
	const char *value = api_query(q, name, 0);

	return value && (!*value || strcmp(value, "1") == 0 || strcmp(value, "true") == 0);
}

/* The boundary as the form's reader has it: all that follows its name, without quotation marks. */
static void add_boundary(struct analyze_ask *n)
{
	static const char name[] = "boundary=";
	const char *at = strstr(n->q->content_type, name);
	size_t len;

	if (!n->form || !at)
		return;
	at += strlen(name);
	len = strlen(at);
	if (len > 1 && at[0] == '"' && at[len - 1] == '"') {
		at++;
		len -= 2;
	}
	text_printf(&n->form_arg, "--form=%.*s", (int)len, at);
	if (!n->form_arg.failed)
		add(n, n->form_arg.at);
}

/* Writes the arguments. Returns how many rules were given, or -1. */
static int arguments(struct analyze_ask *n)
{
	struct stat st;

	add(n, n->wants_capture ? "-" : "/dev/null");
	add(n, "--json");
	add(n, n->wants_capture ? "/dev/null" : "-");
	add(n, "--quiet");
	if (is_set(n->q, "reproducible"))
		add(n, "--reproducible");
	add_boundary(n);
	if (stat(APPS_USER_DIR, &st) == 0) {
		add(n, "--apps");
		add(n, APPS_USER_DIR);
	}
	for (size_t i = 0; i < sizeof(rule_fields) / sizeof(rule_fields[0]); i++) {
		const char *value;

		for (size_t k = 0; (value = api_query(n->q, rule_fields[i], k)); k++)
			if (!add_rule(n, rule_fields[i], value))
				return -1;
	}
	if (n->made_count)
		return (int)n->made_count;
	/* What is in force was accepted once already, with --force perhaps. */
	add(n, "--rules");
	add(n, LAUNCH_RULES);
	add(n, "--contents");
	add(n, "--force");
	return 0;
}

static uint64_t cpu_limit(const struct api_request *q)
{
	uint64_t s = q->api->options->capture_cpu_s;

	if (!s)
		return UINT32_MAX;
	return q->body_len == UINT64_MAX ? s : s + (q->body_len >> 30) * CPU_PER_GIB_S;
}

/* --- the body --------------------------------------------------------------------------------- */

static int begin(struct api_request *q, struct api_answer *a)
{
	uint64_t max = q->api->options->capture_max;
	struct analyze_ask *n;
	const char *output;
	int rules;

	if (!q->api->captures)
		return api_problem(a, 503,
				   "captures are not analysed by this service; use "
				   "`dpi-xdp analyze`");
	if (max && q->body_len != UINT64_MAX && q->body_len > max + ANALYZE_FORM_AROUND)
		return api_problem(a, 413,
				   "the upload has %llu bytes, and captures of %llu are taken; "
				   "use `dpi-xdp analyze`, or raise --capture-size",
				   (unsigned long long)q->body_len, (unsigned long long)max);
	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	q->sink = n;
	n->q = q;
	if (strcmp(q->media, "multipart/form-data") == 0) {
		n->form = MHD_create_post_processor(api_request_mhd(q), FORM_BUFFER,
						    analyze_form_part, n);
		if (!n->form)
			return api_problem(a, 400,
					   "the form has no boundary; send it as "
					   "curl -F file=@CAPTURE does");
	}
	output = api_query(q, "output", 0);
	n->wants_capture = output && strcmp(output, "capture") == 0;
	if (output && !n->wants_capture && strcmp(output, "report") != 0)
		return api_problem(a, 422, "output: give report (the default) or capture");
	rules = arguments(n);
	if (rules < 0)
		return api_problem(a, 422,
				   "more than %d rules for one capture; put them in force "
				   "instead",
				   ANALYZE_RULES_MAX);
	n->upload = capture_upload_new(q->api->captures, q, n->args, n->arg_count, rules == 0,
				       cpu_limit(q));
	if (n->upload)
		return 0;
	q->api->counters->captures_busy++;
	return analyze_refuse(a, 503, "too many captures wait to be analysed; try again later");
}

static void end(struct api_request *q)
{
	struct analyze_ask *n = q->sink;

	capture_upload_free(n->upload);
	if (n->form)
		MHD_destroy_post_processor(n->form);
	for (size_t i = 0; i < n->made_count; i++)
		text_clear(&n->made[i]);
	text_clear(&n->form_arg);
	free(n);
	q->sink = NULL;
}

const struct route_sink route_analyze_sink = {
	.begin = begin, .take = analyze_take, .is_straight = analyze_is_straight, .end = end};

/* --- the answer ------------------------------------------------------------------------------- */

/* What the program said, without its name before each line, on one line, for a person. */
static void words(const struct capture_upload *u, struct text *out)
{
	static const char *const before[] = {"dpi-xdp: ", "error: ", "-: "};
	struct text notes = {0};
	char *line, *rest;

	capture_upload_notes(u, &notes);
	for (line = notes.at; line && *line && out->len < WORDS_MAX; line = rest) {
		rest = strchr(line, '\n');
		if (rest)
			*rest++ = '\0';
		for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
			if (strncmp(line, before[i], strlen(before[i])) == 0)
				line += strlen(before[i]);
		if (out->len)
			text_puts(out, "; ");
		text_escaped(out, slice_first(slice_text(line), WORDS_MAX));
	}
	if (!out->len)
		text_puts(out, "the analysis said nothing");
	text_clear(&notes);
}

static int report(struct analyze_ask *n, struct api_answer *a, const struct launch_end *e,
		  const char *said)
{
	bool is_damaged = e->status == 3;
	char timing[100];
	int fd = capture_upload_output(n->upload);
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		if (fd >= 0)
			close(fd);
		return -EIO;
	}
	if (!st.st_size) { /* damaged before there was anything */
		close(fd);
		return api_problem(a, 422, "%s", said);
	}
	n->q->api->counters->captures++;
	n->q->api->counters->captures_damaged += is_damaged;
	api_answer_file(a, 200,
			n->wants_capture ? "application/vnd.tcpdump.pcap" : "application/json", fd,
			(uint64_t)st.st_size);
	api_answer_header(a, "Dpi-Xdp-Capture", is_damaged ? "damaged" : "whole");
	snprintf(timing, sizeof(timing), "analysis;desc=\"processor time, %u KiB\";dur=%llu",
		 e->peak_kib, (unsigned long long)e->cpu_ms);
	api_answer_header(a, "Server-Timing", timing);
	if (is_damaged)
		api_answer_header(a, "Dpi-Xdp-Note", said);
	return 0;
}

/* The exit status of `analyze` (cli/command.h) in HTTP's words. */
static int answer_end(struct analyze_ask *n, struct api_answer *a, const struct launch_end *e,
		      const char *said)
{
	if (e->status == 0 || e->status == 3)
		return report(n, a, e, said);
	n->q->api->counters->captures_refused++;
	switch (e->status) {
	case 2: return api_problem(a, 422, "%s", said);
	case 5: return api_problem(a, 507, "what it writes is longer than is kept here: %s", said);
	case -SIGXCPU:
		return api_problem(a, 422,
				   "the capture took more processor time than an upload "
				   "may; use `dpi-xdp analyze`, or raise --capture-cpu");
	case -SIGKILL:
		return api_problem(a, 503,
				   "the system ended the analysis, for want of memory or "
				   "time; try again, or use `dpi-xdp analyze`");
	default: break;
	}
	if (e->status < 0)
		return api_problem(a, 500,
				   "the analysis ended by signal %d, a fault of the "
				   "program: please report it with the capture",
				   -e->status);
	return api_problem(a, 500, "the analysis failed: %s", said);
}

int route_analyze(struct api_request *q, struct api_answer *a)
{
	struct analyze_ask *n = q->sink;
	struct launch_end e;
	struct text said = {0};
	int err;

	if (n->is_straight && !analyze_read_straight(n, a))
		return 0;
	if (!n->len)
		return api_problem(a, 422,
				   n->form && !n->has_file
					   ? "the form has no field \"file\"; send it as curl -F "
					     "file=@CAPTURE does"
					   : "the capture is empty; send a pcap or pcapng file");
	if (n->has_two)
		return api_problem(a, 422, "the form has two captures; send one at a time");
	if (n->form) {
		struct MHD_PostProcessor *form = n->form;

		n->form = NULL;
		if (MHD_destroy_post_processor(form) != MHD_YES)
			return api_problem(a, 400,
					   "the form ends before its last boundary; send "
					   "all of it");
	}
	err = capture_upload_finish(n->upload, &e);
	if (err == -ECONNRESET) {
		q->api->counters->captures_left++;
		return api_problem(a, 503, "the client hung up");
	}
	if (err)
		return err;
	q->api->counters->capture_bytes += n->len;
	words(n->upload, &said);
	err = said.failed ? -ENOMEM : answer_end(n, a, &e, said.at);
	text_clear(&said);
	return err;
}
