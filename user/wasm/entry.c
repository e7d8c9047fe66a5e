/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: what the page calls; glue/module.js is the other side. A text for the module goes into
 * the room of dpi_text(), what it answers comes by host_write(). Numbers that may exceed 32 bits
 * travel as doubles. Nothing here is called twice at a time: a module has one thread.
 */
#include <errno.h>
#include <stdlib.h>
#include "wasm/analysis.h"
#include "wasm/feed.h"
#include "wasm/host.h"

/* What the page calls by name, and nobody here. */
#define EXPORT(type, name, args)                            \
	type name args __attribute__((export_name(#name))); \
	type name args

/* What the page holds on to. */
struct entry {
	struct analysis *analysis;
	uint8_t *text;
	size_t text_len;
};

enum document { DOCUMENT_JSON, DOCUMENT_TEXT };

static int say(struct entry *e, int err, const struct fault *f)
{
	if (err)
		host_write(HOST_ERROR, f->text, strlen(f->text));
	return err;
}

static struct slice text_of(const struct entry *e)
{
	return slice_of(e->text, e->text_len);
}

/* A new analysis; 0: out of memory. */
EXPORT(struct entry *, dpi_new, (void))
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->analysis = analysis_new();
	if (e->analysis)
		return e;
	free(e);
	return NULL;
}

EXPORT(void, dpi_free, (struct entry * e))
{
	analysis_free(e->analysis);
	free(e->text);
	free(e);
}

/* Room for len bytes of text, which the next call that takes one reads; 0: out of memory. */
EXPORT(uint8_t *, dpi_text, (struct entry * e, size_t len))
{
	uint8_t *at = realloc(e->text, len + 1);

	if (!at)
		return NULL;
	at[len] = '\0';
	e->text = at;
	e->text_len = len;
	return at;
}

/* Each takes the text: 0, or -errno after saying what is wrong. */
EXPORT(int, dpi_set_rules, (struct entry * e, int is_forced))
{
	struct fault f = {""};

	return say(e, analysis_set_rules(e->analysis, text_of(e), is_forced, &f), &f);
}

EXPORT(int, dpi_add_net, (struct entry * e))
{
	struct fault f = {""};

	return say(e, analysis_add_net(e->analysis, text_of(e), &f), &f);
}

EXPORT(int, dpi_set_name, (struct entry * e))
{
	struct fault f = {"out of memory"};
	struct text *name = &e->analysis->name;

	text_clear(name);
	text_add(name, e->text, e->text_len);
	return say(e, name->failed ? -ENOMEM : 0, &f);
}

EXPORT(void, dpi_want_events, (struct entry * e))
{
	e->analysis->wants_events = true;
}

EXPORT(int, dpi_want_rows, (struct entry * e, double from, double to, size_t recent))
{
	struct fault f = {"out of memory"};

	return say(e, replay_open(&e->analysis->rows, (uint64_t)from, (uint64_t)to, recent), &f);
}

/* Which part of the work this module does, of several; each reads the whole capture. */
EXPORT(void, dpi_set_part, (struct entry * e, unsigned part, unsigned parts))
{
	e->analysis->part = part;
	e->analysis->parts = parts;
}

/* Sends the rows that are kept. */
EXPORT(void, dpi_send_rows, (struct entry * e))
{
	replay_send(&e->analysis->rows);
}

/* Where the next bytes of the capture go, and how many there may be. */
EXPORT(uint8_t *, dpi_room, (void))
{
	size_t size;

	return feed_room(&size);
}

EXPORT(size_t, dpi_room_size, (void))
{
	size_t size;

	feed_room(&size);
	return size;
}

/* So many bytes of the capture are there. 0: more, please; 1: the rest would change nothing; or
 * -errno after saying why this is no capture. */
EXPORT(int, dpi_push, (struct entry * e, size_t len))
{
	struct fault f = {""};
	int err;

	feed_push(len);
	err = analysis_run(e->analysis, &f);
	return err ? say(e, err, &f) : e->analysis->is_over;
}

/* What is worth a note, and what the end of the capture makes of the exit status. */
static enum analysis_status say_end(const struct analysis *a)
{
	const char *strange = capture_in_strange_link(a->in);
	struct fault f = {""};

	if (strange) {
		fault_set(&f, 0, "%s: frames of link type %s are passed on unparsed", a->name.at,
			  strange);
		host_write(HOST_NOTE, f.text, strlen(f.text));
	}
	if (a->end == OFFLINE_WHOLE)
		return ANALYSIS_DONE;
	fault_set(&f, 0, "%s: %s; %s", a->name.at, a->fault.text,
		  a->has_pieces ? "everything before it was processed and written"
				: "there was nothing before it, so nothing was written");
	host_write(HOST_ERROR, f.text, strlen(f.text));
	return a->end == OFFLINE_DAMAGED ? ANALYSIS_DAMAGED : ANALYSIS_FAILED;
}

/* The capture has ended. Returns the exit status; 0 and 3 have a report. */
EXPORT(enum analysis_status, dpi_finish, (struct entry * e))
{
	struct fault f = {""};
	int err = say(e, analysis_finish(e->analysis, &f), &f);

	replay_send(&e->analysis->rows);
	if (err)
		return err == -EINVAL ? ANALYSIS_REFUSED : ANALYSIS_FAILED;
	return say_end(e->analysis);
}

static int send_report(void *ctx, const void *bytes, size_t len)
{
	host_write(HOST_REPORT, bytes, len);
	return 0;
}

/* What this part counted, for another's dpi_merge(), which takes it as its text. 0 or -errno. */
EXPORT(int, dpi_pack, (struct entry * e))
{
	const struct report_out to = {.write = send_report};
	struct fault f = {""};

	return say(e, analysis_pack(e->analysis, &to, &f), &f);
}

EXPORT(int, dpi_merge, (struct entry * e))
{
	struct fault f = {""};

	return say(e, analysis_merge(e->analysis, text_of(e), &f), &f);
}

/* The report of a finished analysis, in pieces. 0 or -errno. */
EXPORT(int, dpi_report, (struct entry * e, enum document document))
{
	const struct report_style style = {.is_boxed = true};
	const struct report_out to = {.write = send_report};
	struct report *r = analysis_report(e->analysis);
	int err = -ENOMEM;

	if (!r)
		return err;
	switch (document) {
	case DOCUMENT_JSON: err = report_json(r, &to); break;
	case DOCUMENT_TEXT: err = report_text(r, &style, &to); break;
	}
	report_free(r);
	return err;
}

EXPORT(double, dpi_frames, (const struct entry *e))
{
	return (double)e->analysis->frames;
}

static int send_text(struct text *t)
{
	int err = t->failed ? -ENOMEM : 0;

	if (!err)
		host_write(HOST_REPORT, t->at, t->len);
	text_clear(t);
	return err;
}

/* [{"app":"YouTube","category":"streaming"},...], by the numbers that rows have. */
EXPORT(int, dpi_apps, (const struct entry *e))
{
	const struct catalogue *c = e->analysis->catalogue;
	struct text t = {0};

	text_puts(&t, "[");
	for (int i = 0; i < (int)catalogue_count(c); i++) {
		text_puts(&t, i ? ",{\"app\":" : "{\"app\":");
		text_json(&t, slice_text(catalogue_name(c, i)));
		text_puts(&t, ",\"category\":");
		text_json(&t, slice_text(catalogue_category(c, i)));
		text_puts(&t, "}");
	}
	text_puts(&t, "]");
	return send_text(&t);
}

/* The rules in their canonical text. */
EXPORT(int, dpi_rules, (const struct entry *e))
{
	struct text t = {.at = rules_format(e->analysis->rules)};

	t.failed = !t.at;
	t.len = t.at ? strlen(t.at) : 0;
	return send_text(&t);
}
