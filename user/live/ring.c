/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Draining one ring; see ring.h. The position up to which a ring was read lives in the ring itself,
 * so the next agent goes on where a killed one stopped.
 */
#include "live/ring.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

struct ring {
	struct ring_buffer *buffer;
	struct live_clock clock;
	int (*fn)(void *ctx, const struct frame *f, const struct dpi_sample *s);
	void *ctx;
	uint64_t number;
};

static int sample_take(void *ctx, void *data, size_t size)
{
	const struct dpi_sample *s = data;
	struct ring *r = ctx;
	struct frame f = {.link = LINK_ETHERNET};

	if (size < sizeof(*s) || s->cap_len > size - sizeof(*s))
		return 0;
	f.ts_ns = s->ts_ns + r->clock.offset_ns;
	f.number = ++r->number;
	f.ifindex = s->ifindex;
	f.wire_len = s->wire_len;
	f.bytes = slice_of(s + 1, s->cap_len);
	f.hint.has_opener = s->opener != DPI_OPENER_UNKNOWN;
	f.hint.opener = s->opener & 1;
	f.hint.has_isn = (s->flags & DPI_SAMPLE_ISN) != 0;
	f.hint.isn = s->isn;
	f.hint.has_other_isn = (s->flags & DPI_SAMPLE_OTHER) != 0;
	f.hint.other_isn = s->other_isn;
	f.hint.is_isn_sure = (s->flags & DPI_SAMPLE_SURE) != 0;
	return r->fn(r->ctx, &f, s) ? -EINTR : 0;
}

struct ring *ring_open(int map_fd, struct live_clock clock,
		       int (*fn)(void *ctx, const struct frame *f, const struct dpi_sample *s),
		       void *ctx, struct fault *f)
{
	struct ring *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->clock = clock;
	r->fn = fn;
	r->ctx = ctx;
	r->buffer = ring_buffer__new(map_fd, sample_take, r, NULL);
	if (!r->buffer) {
		fault_set(f, -errno, "a sample ring cannot be mapped: %s", strerror(errno));
		free(r);
		return NULL;
	}
	return r;
}

void ring_close(struct ring *r)
{
	if (!r)
		return;
	ring_buffer__free(r->buffer);
	free(r);
}

int ring_poll_fd(const struct ring *r)
{
	return ring_buffer__epoll_fd(r->buffer);
}

int ring_drain(struct ring *r)
{
	int n = ring_buffer__consume(r->buffer);

	return n == -EINTR ? 0 : n;
}
