/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The kernel's readers of a connection's first bytes (dpi/word.h), run as bpf/word.h runs them: the
 * loops are for, all else is the same. And what the road makes of the same bytes, to compare.
 */
#ifndef UNIT_WORD_FIND_H
#define UNIT_WORD_FIND_H

#include <stdlib.h>

#include "dpi/hello.h"
#include "dpi/request.h"
#include "extract/extract.h"

struct word_found {
	bool is_found, is_request, has_ech, is_cut;
	struct name name;
};

/* Takes the name at an offset of the window when it is plain. */
static inline bool word_take(struct word_found *w, const uint8_t *window, uint32_t at, uint32_t len)
{
	struct dpi_host host = {.label = 0};

	if (len == 0 || len > DPI_HOST_MAX)
		return false;
	for (uint32_t i = 0; i < len; i++) {
		uint8_t c = dpi_lower(window[at + len - 1 - i]);

		if (!dpi_host_byte(&host, c, len - 1 - i, i == 0))
			return false;
		w->name.text[len - 1 - i] = (char)c;
	}
	w->name.text[len] = '\0';
	w->name.len = (uint8_t)len;
	return true;
}

static inline bool word_find_hello(struct word_found *w, const uint8_t *window, uint32_t there)
{
	struct dpi_hello h;

	if (!dpi_hello_begin(&h, window, DPI_WORD_WINDOW - 1, there))
		return false;
	for (int i = 0; i < DPI_HELLO_STEPS; i++)
		if (!dpi_hello_step(&h, window, DPI_WORD_WINDOW - 1))
			break;
	w->has_ech = h.has_ech;
	w->is_cut = h.is_cut;
	return h.state == DPI_WORD_FOUND && word_take(w, window, h.name, h.name_len);
}

static inline bool word_find_request(struct word_found *w, const uint8_t *window, uint32_t there)
{
	struct dpi_request r;

	w->is_request = true;
	if (!dpi_request_begin(&r, window, DPI_WORD_WINDOW - 1, there))
		return false;
	for (int i = 0; i < DPI_REQUEST_STEPS; i++)
		if (!dpi_request_step(&r, window, DPI_WORD_WINDOW - 1))
			break;
	return r.state == DPI_WORD_FOUND && word_take(w, window, r.name, r.name_len);
}

/* What the kernel finds in the payload of a first segment. Bytes behind it are what an earlier
 * frame left there. */
static inline struct word_found word_find(struct slice payload)
{
	struct word_found w = {.is_found = false};
	uint32_t there = (uint32_t)slice_first(payload, DPI_WORD_WINDOW).len;
	uint8_t *window = malloc(DPI_WORD_WINDOW);

	if (!window)
		abort();
	memset(window, 'x', DPI_WORD_WINDOW);
	if (there)
		memcpy(window, payload.at, there);
	w.is_found = window[0] == 22 ? word_find_hello(&w, window, there)
				     : word_find_request(&w, window, there);
	free(window);
	return w;
}

static inline bool word_has(const struct clue *c, const struct word_found *w)
{
	for (unsigned i = 0; i < c->name_count; i++)
		if (slice_equal(name_slice(&c->name[i]), name_slice(&w->name)))
			return true;
	return false;
}

/* True when the road, which shows a first segment to each extractor in turn until one has found its
 * message, hears the same name of the same protocol. */
static inline bool word_is_heard(struct slice payload, const struct word_found *w)
{
	const struct extract_context ctx = {
		.transport = EXTRACT_STREAM, .src_port = 40000, .dst_port = 443, .is_opener = true};
	enum app_proto proto = w->is_request ? PROTO_HTTP : PROTO_TLS;
	struct clue clue;

	for (int i = 0; i < EXTRACT_COUNT; i++) {
		enum extract_answer answer;

		if (!(extract_table[i].transports & EXTRACT_STREAM))
			continue;
		memset(&clue, 0, sizeof(clue));
		answer = extract_table[i].try(payload, &ctx, &clue);
		if (answer != EXTRACT_NOT_MINE && clue.proto == proto && word_has(&clue, w))
			return w->has_ech == !!(clue.flags & CLUE_ECH) || w->is_cut;
		if (answer == EXTRACT_FOUND)
			return false;
	}
	return false;
}

#endif
