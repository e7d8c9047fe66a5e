/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fuzzes the reassembler against a model that is too simple to be wrong: whole arrays of bytes, one
 * a view. The input is a list of steps: 2 bytes of offset, 1 of length, 1 of fill; a length of 0
 * gives the stream its initial sequence number instead. The beginning is known from the start, so
 * that the model needs no rebasing, when the first byte is odd; else only bounds are checked.
 */
#include <stdlib.h>

#include "dpi/abi.h"
#include "flow/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ISN = 0xffffff00, WINDOW = DPI_BUDGET_BYTES, NEAR_END = 2, FAR = WINDOW - 2048 };

struct model {
	uint8_t view[2][WINDOW];
	bool have[WINDOW]; /* a byte of a view counts only where this says so */
	size_t len;	   /* bytes from the beginning without a gap, as last counted */
	bool is_split;
};

static void model_add(struct model *m, uint32_t off, struct slice bytes)
{
	for (size_t i = 0; i < bytes.len && off + i < WINDOW; i++)
		if (m->have[off + i] && !m->is_split && m->view[0][off + i] != bytes.at[i]) {
			memcpy(m->view[1], m->view[0], WINDOW);
			m->is_split = true;
		}
	for (size_t i = 0; i < bytes.len && off + i < WINDOW; i++) {
		if (!m->have[off + i])
			m->view[0][off + i] = bytes.at[i];
		m->view[1][off + i] = bytes.at[i];
		m->have[off + i] = true;
	}
}

static void compare(struct model *m, const struct stream *s)
{
	struct slice first = stream_view(s, 0), later = stream_view(s, 1);
	size_t len = m->len;

	while (len < WINDOW && m->have[len])
		len++;
	m->len = len;
	/* Beyond the gap limit the stream may hold less than the model, and never more. */
	if (first.len > len || (first.len < len && !stream_is_over(s)))
		abort();
	if (first.len && memcmp(first.at, m->view[0], first.len) != 0 && !stream_is_over(s))
		abort();
	if (later.len != (later.at ? first.len : 0))
		abort();
	if (!stream_is_over(s) && (later.at != NULL) != m->is_split)
		abort();
	if (later.len && !stream_is_over(s) && memcmp(later.at, m->view[1], later.len) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct model model;
	struct stream *s = stream_new();
	bool has_isn = size && data[0] & 1;

	memset(model.have, 0, sizeof(model.have));
	model.len = 0;
	model.is_split = false;
	if (!s)
		return 0;
	if (has_isn)
		stream_set_isn(s, ISN);
	for (size_t at = 1; at + 4 <= size; at += 4) {
		uint32_t off = ((uint32_t)data[at] << 8 | data[at + 1]) & 0xfff;
		uint8_t bytes[256];
		size_t len = data[at + 2];

		if (data[0] & NEAR_END)
			off += FAR;
		for (size_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)(off + i + data[at + 3] / 128);
		if (!len && !has_isn)
			stream_set_isn(s, ISN + off);
		if (stream_add(s, ISN + 1 + off, slice_of(bytes, len)) < 0)
			break;
		if (stream_view(s, 0).len > WINDOW)
			abort();
		model_add(&model, off, slice_of(bytes, len));
		if (has_isn)
			compare(&model, s);
	}
	stream_free(s);
	return 0;
}
