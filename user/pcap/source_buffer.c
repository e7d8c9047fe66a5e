/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The buffer behind the capture readers: how it grows, and how packed bytes are unpacked into it.
 * Room: pcap. Where its bytes come from is source_read()'s business.
 */
#include "pcap/source.h"

#include <errno.h>
#include <stdlib.h>

int source_unpack(struct source *s, enum unpack_kind kind)
{
	size_t cap = SOURCE_BUFFER;
	uint8_t *buf = malloc(cap);

	s->unpack = buf ? unpack_new(kind) : NULL;
	if (!s->unpack) {
		free(buf);
		return -ENOMEM;
	}
	s->packed = s->buf;
	s->packed_cap = s->cap;
	s->packed_at = (size_t)(s->at - s->buf);
	s->packed_end = (size_t)(s->end - s->buf);
	s->packed_offset = s->base_offset + s->packed_at;
	s->is_end = false; /* of the packed bytes alone */
	s->buf = buf;
	s->cap = cap;
	s->base = s->at = s->end = buf;
	s->base_offset = 0;
	return 0;
}

const char *source_damage(const struct source *s)
{
	if (s->is_shorter)
		return "the file became shorter while it was read";
	return s->err == -EILSEQ ? unpack_damage(s->unpack) : NULL;
}

/* Unpacks at least a byte. Returns as source_read(); -EILSEQ when the packed bytes are damaged. */
static ssize_t unpack_some(struct source *s, uint8_t *out, size_t cap)
{
	for (;;) {
		bool is_end = source_form_packed_end(s);
		struct slice in = slice_of(s->packed + s->packed_at, s->packed_end - s->packed_at);
		size_t len = cap, had = in.len;
		int err = s->err || is_end ? s->err : unpack_run(s->unpack, &in, out, &len);
		ssize_t n;

		if (is_end)
			return s->err;
		s->packed_at += had - in.len;
		s->packed_offset += had - in.len;
		s->err = err;
		if (len > 0 && !err)
			return (ssize_t)len;
		if (err)
			return err;
		if (in.len > 0)
			continue;
		n = source_read(s, s->packed, s->packed_cap);
		if (n < 0)
			return n;
		if (n == 0) {
			s->err = unpack_end(s->unpack);
			return s->err;
		}
		s->packed_at = 0;
		s->packed_end = (size_t)n;
	}
}

/* Room for at least one more byte behind end. */
static int make_room(struct source *s, size_t want)
{
	size_t at = (size_t)(s->at - s->buf), len = source_left(s);
	uint8_t *buf;
	int err;

	if (s->is_kept && at > 0 && at + want > s->cap) {
		err = source_keep_turn(s, SOURCE_BUFFER);
		if (err)
			return err;
		at = 0;
	} else if (!s->is_kept && at > 0 && (len == 0 || at + want > s->cap)) {
		memmove(s->buf, s->at, len);
		s->base_offset += at;
		s->at = s->buf;
		s->end = s->buf + len;
		at = 0;
	}
	if (at + len < s->cap)
		return 0;
	buf = realloc(s->buf, s->cap * 2);
	if (!buf)
		return -ENOMEM;
	s->buf = buf;
	s->base = buf;
	s->at = buf + at;
	s->end = s->at + len;
	s->cap *= 2;
	return 0;
}

int source_buffer_fill(struct source *s, size_t want)
{
	while (source_left(s) < want) {
		size_t end;
		ssize_t n;
		int err;

		if (s->is_end)
			return 0;
		err = make_room(s, want);
		if (err)
			return err;
		end = (size_t)(s->end - s->buf);
		n = s->unpack ? unpack_some(s, s->buf + end, s->cap - end)
			      : source_read(s, s->buf + end, s->cap - end);
		if (n < 0)
			return (int)n;
		if (n == 0)
			s->is_end = true;
		s->end += n;
	}
	return 1;
}
