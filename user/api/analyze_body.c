/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How the body of /analyze comes in: a piece at a time from the server, or straight from the
 * socket; as the capture itself or as a form around it; see analyze.h.
 */
#include "api/analyze.h"

#include <errno.h>

#include "api/straight.h"

enum {
	FEED_MAX = 16384,
	HELD_MAX = 4, /* "\r\n--": fewer bytes than another part's head has */
};

static bool is_too_long(const struct analyze_ask *n)
{
	uint64_t max = n->q->api->options->capture_max;

	return max && n->len > max;
}

int analyze_refuse(struct api_answer *a, unsigned status, const char *words)
{
	api_problem(a, status, "%s", words);
	if (status == 503)
		api_answer_header(a, "Retry-After", "5");
	return 0;
}

enum MHD_Result analyze_form_part(void *ctx, enum MHD_ValueKind kind, const char *key,
				  const char *filename, const char *type, const char *encoding,
				  const char *data, uint64_t at, size_t len)
{
	struct analyze_ask *n = ctx;
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

static int no_form(struct api_answer *a)
{
	return api_problem(a, 400,
			   "the body is not the form that its Content-Type says; send it as "
			   "curl -F file=@CAPTURE does");
}

int analyze_too_long(const struct analyze_ask *n, struct api_answer *a)
{
	return api_problem(a, 413,
			   "the capture has more than %llu bytes; use `dpi-xdp analyze`, or raise "
			   "--capture-size",
			   (unsigned long long)n->q->api->options->capture_max);
}

int analyze_take(struct api_request *q, struct api_answer *a, const void *at, size_t len)
{
	struct analyze_ask *n = q->sink;
	int err = capture_upload_ready(n->upload);
	unsigned status;

	if (err == -EIO) {
		const struct fault *f = capture_upload_fault(n->upload, &status);

		return analyze_refuse(a, status, f->text);
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
	return analyze_too_long(n, a);
}

bool analyze_is_straight(struct api_request *q)
{
	struct analyze_ask *n = q->sink;

	n->is_straight = capture_upload_is_next(n->upload) && straight_is_possible(q);
	return n->is_straight;
}

/* --- the body, straight from the socket ------------------------------------------------------- */

/* The next part of a form to its reader. Bytes, or -errno; -EBADMSG: it is no form. */
static ssize_t feed(struct analyze_ask *n, struct straight *s, char *room)
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
static int feed_head(struct analyze_ask *n, struct straight *s, char *room, bool *is_inside)
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

static int splice_body(struct analyze_ask *n, struct straight *s, uint64_t len)
{
	while (len) {
		int err = straight_wait(s);
		ssize_t got = err ? err : capture_upload_splice(n->upload, s->fd, len);

		if (got == -EAGAIN)
			continue;
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
 * as it is: in the last ANALYZE_FORM_AROUND bytes is whatever follows the file. Where more follows,
 * the child finds the boundary in front of it (pcap/source_form.c).
 */
static int read_form(struct analyze_ask *n, struct straight *s)
{
	char room[FEED_MAX];
	bool is_inside;
	int err = feed_head(n, s, room, &is_inside);

	if (!err && is_inside && s->left > ANALYZE_FORM_AROUND)
		err = splice_body(n, s, s->left - ANALYZE_FORM_AROUND);
	while (!err && s->left) {
		ssize_t got = feed(n, s, room);

		err = got < 0 ? (int)got : 0;
	}
	return err;
}

static int read_straight(struct analyze_ask *n)
{
	struct straight s;
	int err = capture_upload_wait(n->upload);

	if (!err)
		err = straight_begin(&s, n->q);
	if (err)
		return err;
	n->has_file = !n->form;
	return n->form ? read_form(n, &s) : splice_body(n, &s, s.left);
}

/* What went wrong on the way, in HTTP's words. */
static void refuse_straight(struct analyze_ask *n, struct api_answer *a, int err)
{
	unsigned status;
	const struct fault *f = capture_upload_fault(n->upload, &status);

	switch (err) {
	case -EIO: analyze_refuse(a, status, f->text); break;
	case -EBADMSG: no_form(a); break;
	case -ETIMEDOUT:
		api_problem(a, 408, "the capture comes too slowly; send at least 1 KiB a second");
		break;
	default:
		n->q->api->counters->captures_left++;
		api_problem(a, 503, "the upload ended: %s", strerror(-err));
	}
}

bool analyze_read_straight(struct analyze_ask *n, struct api_answer *a)
{
	int err = read_straight(n);

	if (err) {
		refuse_straight(n, a, err);
	} else if (is_too_long(n)) {
		n->q->api->counters->bodies_refused++;
		analyze_too_long(n, a);
	}
	return !err && !is_too_long(n);
}
