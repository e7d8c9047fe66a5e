/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A capture that is part of a form (RFC 7578) whose end the sender of these bytes did not look for.
 * Room: pcap. No boundary is searched for among the records: it is recognised where the next of
 * them would begin, or behind what is packed. A capture that is itself cut short in front of one is
 * damaged in any case, and found so a record later.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "pcap/source.h"

enum { REST_BUFFER = 65536 };

int source_form(struct source *s, const char *boundary, const char *name)
{
	int len = asprintf(&s->form, "\r\n--%s\r\nContent-Disposition: form-data; name=\"%s\"",
			   boundary, name);

	if (len < 0) {
		s->form = NULL;
		return -ENOMEM;
	}
	s->form_border = strlen("\r\n--") + strlen(boundary);
	return 0;
}

bool source_form_packed_end(struct source *s)
{
	size_t left = s->packed_end - s->packed_at;

	if (!s->form || !unpack_may_end(s->unpack))
		return false;
	while (left < s->form_border) {
		ssize_t n;

		memmove(s->packed, s->packed + s->packed_at, left);
		s->packed_at = 0;
		s->packed_end = left;
		n = source_read(s, s->packed + left, s->packed_cap - left);
		if (n <= 0)
			return false; /* and the next to read is told so, too */
		left = s->packed_end += (size_t)n;
	}
	s->is_form_end = memcmp(s->packed + s->packed_at, s->form, s->form_border) == 0;
	return s->is_form_end;
}

/* Reads on behind the capture, whose last bytes are in `had`: does another part of its name come?
 */
static bool rest_has_another(struct source *s, struct slice had)
{
	size_t len = strlen(s->form), kept = had.len < len - 1 ? had.len : len - 1;
	bool is_there = memmem(had.at, had.len, s->form, len);
	uint8_t *room = is_there ? NULL : malloc(len + REST_BUFFER);
	ssize_t n = 0;

	if (room && kept)
		memcpy(room, had.at + had.len - kept, kept);
	while (room && !is_there && (n = source_read(s, room + kept, REST_BUFFER)) > 0) {
		kept += (size_t)n;
		is_there = memmem(room, kept, s->form, len);
		if (kept >= len) {
			memmove(room, room + kept - (len - 1), len - 1);
			kept = len - 1;
		}
	}
	free(room);
	return is_there;
}

int source_form_end(struct source *s)
{
	struct slice rest;

	if (!s->form)
		return 0;
	if (!s->unpack)
		s->is_form_end = source_need(s, s->form_border) == 1 &&
				 memcmp(source_at(s), s->form, s->form_border) == 0;
	else if (source_left(s))
		return 0; /* what was unpacked is cut short in a record */
	if (!s->is_form_end)
		return 0;
	rest = s->unpack ? slice_of(s->packed + s->packed_at, s->packed_end - s->packed_at)
			 : slice_of(source_at(s), source_left(s));
	return rest_has_another(s, rest) ? -EEXIST : 1;
}
