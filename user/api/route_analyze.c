/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * POST and PUT /analyze: a capture in, as a form (RFC 7578) or as it is; the report out. Room: api.
 * The capture's bytes go on as they come (captures.h); nothing of it is read here.
 */
#include <errno.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/captures.h"
#include "api/route.h"
#include "api/straight.h"
#include "control/apps.h"

enum {
	FORM_BUFFER = 65536,
	FORM_AROUND = 65536, /* of a form, beside the capture in it */
	CPU_PER_GIB_S = 20,  /* beyond what any capture may take */
	RULES_MAX = 200,
	FEED_MAX = 16384,
	HELD_MAX = 4, /* "\r\n--": fewer bytes than another part's head has */
	WORDS_MAX = 600,
};

/* The query fields that are rules: each is an option of `analyze` of the same name. */
static const char *const rule_fields[] = {"block-ip", "block-app", "block-domain", "block-port",
					  "allow-ip", "allow-app", "allow-domain"};

struct analyze {
	struct capture_upload *upload;
	struct MHD_PostProcessor *form; /* NULL: the body is the capture */
	struct api_request *q;
	uint64_t len; /* of the capture, so far */
	bool has_file, has_two;
	bool is_broken; /* out of memory on the way */
	bool is_straight;
	size_t skip; /* bytes of the file that the form's reader is still to give, already handed on
		      */
	const char *args[RULES_MAX + 16];
	size_t arg_count;
	struct text made[RULES_MAX]; /* the arguments that were put together */
	size_t made_count;
};

static bool is_too_long(const struct analyze *n)
{
	uint64_t max = n->q->api->options->capture_max;

	return max && n->len > max;
}

/* --- what is asked for ------------------------------------------------------------------------ */

static void add(struct analyze *n, const char *arg)
{
	n->args[n->arg_count++] = arg;
}

/* One rule as one argument. False: too many, or out of memory. */
static bool add_rule(struct analyze *n, const char *field, const char *value)
{
	struct text *t = &n->made[n->made_count];

	if (n->made_count == RULES_MAX)
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

/* Writes the arguments. Returns how many rules were given, or -1. */
static int arguments(struct analyze *n)
{
	struct stat st;

	add(n, "/dev/null");
	add(n, "--json");
	add(n, "-");
	add(n, "--quiet");
	if (is_set(n->q, "reproducible"))
		add(n, "--reproducible");
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

static int busy(struct api_answer *a, unsigned status, const char *words)
{
	api_problem(a, status, "%s", words);
	if (status == 503)
		api_answer_header(a, "Retry-After", "5");
	return 0;
}

static enum MHD_Result form_part(void *ctx, enum MHD_ValueKind kind, const char *key,
				 const char *filename, const char *type, const char *encoding,
				 const char *data, uint64_t at, size_t len)
{
	struct analyze *n = ctx;
	size_t skip;

	if (!key || strcmp(key, "file") != 0)
		return MHD_YES; /* fields beside the file are not ours */
	skip = n->skip < len ? n->skip : len;
	n->skip -= skip;
	data += skip;
	len -= skip;
	n->has_two = n->has_two || (n->has_file && at == 0 && n->len);
	n->has_file = true;
	n->len += len;
	if (n->has_two || is_too_long(n))
		return MHD_YES;
	if (capture_upload_write(n->upload, slice_of(data, len)))
		n->is_broken = true;
	return MHD_YES;
}

static int begin(struct api_request *q, struct api_answer *a)
{
	uint64_t max = q->api->options->capture_max;
	struct analyze *n;
	int rules;

	if (!q->api->captures)
		return api_problem(a, 503,
				   "captures are not analysed by this service; use "
				   "`dpi-xdp analyze`");
	if (max && q->body_len != UINT64_MAX && q->body_len > max + FORM_AROUND)
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
		n->form = MHD_create_post_processor(api_request_mhd(q), FORM_BUFFER, form_part, n);
		if (!n->form)
			return api_problem(a, 400,
					   "the form has no boundary; send it as "
					   "curl -F file=@CAPTURE does");
	}
	rules = arguments(n);
	if (rules < 0)
		return api_problem(a, 422,
				   "more than %d rules for one capture; put them in force "
				   "instead",
				   RULES_MAX);
	n->upload = capture_upload_new(q->api->captures, q, n->args, n->arg_count, rules == 0,
				       cpu_limit(q));
	if (n->upload)
		return 0;
	q->api->counters->captures_busy++;
	return busy(a, 503, "too many captures wait to be analysed; try again later");
}

static int no_form(struct api_answer *a)
{
	return api_problem(a, 400,
			   "the body is not the form that its Content-Type says; send it as "
			   "curl -F file=@CAPTURE does");
}

static int too_long(const struct analyze *n, struct api_answer *a)
{
	return api_problem(a, 413,
			   "the capture has more than %llu bytes; use `dpi-xdp analyze`, or raise "
			   "--capture-size",
			   (unsigned long long)n->q->api->options->capture_max);
}

static int take(struct api_request *q, struct api_answer *a, const void *at, size_t len)
{
	struct analyze *n = q->sink;
	int err = capture_upload_ready(n->upload);
	unsigned status;

	if (err == -EIO) {
		const struct fault *f = capture_upload_fault(n->upload, &status);

		return busy(a, status, f->text);
	}
	if (err)
		return err;
	if (n->form) {
		if (MHD_post_process(n->form, at, len) != MHD_YES)
			return no_form(a);
	} else {
		n->has_file = true;
		n->len += len;
		if (!is_too_long(n))
			err = capture_upload_write(n->upload, slice_of(at, len));
	}
	if (!is_too_long(n))
		return n->is_broken ? -ENOMEM : err;
	capture_upload_free(n->upload);
	n->upload = NULL;
	q->api->counters->bodies_refused++;
	return too_long(n, a);
}

static void end(struct api_request *q)
{
	struct analyze *n = q->sink;

	capture_upload_free(n->upload);
	if (n->form)
		MHD_destroy_post_processor(n->form);
	for (size_t i = 0; i < n->made_count; i++)
		text_clear(&n->made[i]);
	free(n);
	q->sink = NULL;
}

static bool is_straight(struct api_request *q)
{
	struct analyze *n = q->sink;

	n->is_straight = capture_upload_is_next(n->upload) && straight_is_possible(q);
	return n->is_straight;
}

const struct route_sink route_analyze_sink = {
	.begin = begin, .take = take, .is_straight = is_straight, .end = end};

/* --- the body, straight from the socket ------------------------------------------------------- */

/* The next part of a form to its reader. Bytes, or -errno; -EBADMSG: it is no form. */
static ssize_t feed(struct analyze *n, struct straight *s, char *room)
{
	ssize_t got = straight_read(s, room, FEED_MAX);

	if (got > 0 && MHD_post_process(n->form, room, (size_t)got) != MHD_YES)
		return -EBADMSG;
	return n->is_broken ? -ENOMEM : got;
}

/*
 * The beginning of a form, up to where its reader is inside the file. The reader holds back a few
 * bytes that might be the beginning of a boundary: where they cannot be, they are handed on here,
 * and passed over when the reader gives them. Returns false in *is_inside when the file is not the
 * first part.
 */
static int feed_head(struct analyze *n, struct straight *s, char *room, bool *is_inside)
{
	uint64_t at = 0, before, held; /* at: where the file begins, in what was fed */
	const char *end;
	ssize_t got;

	*is_inside = false;
	while (s->left) {
		before = s->taken;
		got = feed(n, s, room);
		if (got < 0)
			return (int)got;
		end = at ? NULL : memmem(room, (size_t)got, "\r\n\r\n", 4);
		if (end)
			at = before + (uint64_t)(end - room) + 4;
		/* The file is not the first part, or begins nobody knows where. */
		if (n->has_file ? !at : s->taken > (at ? at : FEED_MAX))
			return 0;
		held = s->taken - at - n->len;
		if (!n->has_file || held > HELD_MAX || held > (uint64_t)got ||
		    memchr(room + got - held, '\r', held))
			continue;
		*is_inside = true;
		n->skip = (size_t)held;
		n->len += held;
		return capture_upload_write(n->upload, slice_of(room + got - held, held));
	}
	return 0;
}

static int splice_body(struct analyze *n, struct straight *s, uint64_t len)
{
	while (len) {
		int err = straight_wait(s);
		ssize_t got = err ? err : capture_upload_splice(n->upload, s->fd, len);

		if (got <= 0)
			return got ? (int)got : -ECONNRESET;
		straight_took(s, (uint64_t)got);
		n->len += (uint64_t)got;
		len -= (uint64_t)got;
	}
	return 0;
}

/*
 * Of a form the beginning and the end are read as such, and what is between them goes to the child
 * as it is: in the last FORM_AROUND bytes is whatever follows the file. A form with more behind its
 * file gives a damaged capture, and is called so.
 */
static int read_straight(struct analyze *n)
{
	struct straight s;
	char room[FEED_MAX];
	bool is_inside = true;
	int err = capture_upload_wait(n->upload);

	if (!err)
		err = straight_begin(&s, n->q);
	if (!err && !n->form) {
		n->has_file = true;
		return splice_body(n, &s, s.left);
	}
	if (!err)
		err = feed_head(n, &s, room, &is_inside);
	if (!err && is_inside && s.left > FORM_AROUND)
		err = splice_body(n, &s, s.left - FORM_AROUND);
	while (!err && s.left) {
		ssize_t got = feed(n, &s, room);

		err = got < 0 ? (int)got : 0;
	}
	return err;
}

/* What went wrong on the way, in HTTP's words. Returns 1, or 0 when nothing did. */
static int refuse_straight(struct analyze *n, struct api_answer *a, int err)
{
	unsigned status;
	const struct fault *f = capture_upload_fault(n->upload, &status);

	switch (err) {
	case 0:
		if (!is_too_long(n))
			return 0;
		n->q->api->counters->bodies_refused++;
		too_long(n, a);
		break;
	case -EIO: busy(a, status, f->text); break;
	case -EBADMSG: no_form(a); break;
	case -ETIMEDOUT:
		api_problem(a, 408, "the capture comes too slowly; send at least 1 KiB a second");
		break;
	default:
		n->q->api->counters->captures_left++;
		api_problem(a, 503, "the upload ended: %s", strerror(-err));
	}
	return 1;
}

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

static int report(struct analyze *n, struct api_answer *a, const struct launch_end *e,
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
	n->q->api->counters->captures++;
	n->q->api->counters->captures_damaged += is_damaged;
	api_answer_file(a, 200, "application/json", fd, (uint64_t)st.st_size);
	api_answer_header(a, "Dpi-Xdp-Capture", is_damaged ? "damaged" : "whole");
	snprintf(timing, sizeof(timing), "analysis;desc=\"processor time, %u KiB\";dur=%llu",
		 e->peak_kib, (unsigned long long)e->cpu_ms);
	api_answer_header(a, "Server-Timing", timing);
	if (is_damaged)
		api_answer_header(a, "Dpi-Xdp-Note", said);
	return 0;
}

/* The exit status of `analyze` (cli/command.h) in HTTP's words. */
static int answer_end(struct analyze *n, struct api_answer *a, const struct launch_end *e,
		      const char *said)
{
	if (e->status == 0 || e->status == 3)
		return report(n, a, e, said);
	n->q->api->counters->captures_refused++;
	switch (e->status) {
	case 2: return api_problem(a, 422, "%s", said);
	case 5: return api_problem(a, 507, "the report is longer than is kept here: %s", said);
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
	struct analyze *n = q->sink;
	struct launch_end e;
	struct text said = {0};
	int err;

	if (n->is_straight && refuse_straight(n, a, read_straight(n)))
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
