/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Bytes of a capture file, FIFO or standard input, in order, through one buffer. Room: pcap.
 *
 * The buffer grows only when it is full of bytes that really arrived, never because a length field
 * says so. A wait for a slow writer (FIFO, pipe) ends when the stop flag is raised.
 */
#ifndef PCAP_SOURCE_H
#define PCAP_SOURCE_H

#include <signal.h>
#include "base/slice.h"

struct source {
	int fd;
	bool is_regular, is_end;
	const volatile sig_atomic_t *stop; /* borrowed; may be NULL */
	uint8_t *buf;
	size_t cap, at, end; /* unread bytes are buf[at..end) */
	uint64_t offset;     /* position in the stream of buf[at] */
	uint64_t size;	     /* of a regular file; 0 where it is not known */
};

/* Opens a path; "-" is standard input. Returns 0 or -errno. */
int source_open(struct source *s, const char *path, const volatile sig_atomic_t *stop);
void source_close(struct source *s);

/* Makes at least want bytes readable at source_at(). Returns 1, or 0 when the stream ends before
 * that (what is left stays readable), -EINTR when stopped, or another -errno. */
int source_need(struct source *s, size_t want);

static inline const uint8_t *source_at(const struct source *s)
{
	return s->buf + s->at;
}

static inline size_t source_left(const struct source *s)
{
	return s->end - s->at;
}

/* Moves past n bytes that source_need() made readable. */
static inline void source_pass(struct source *s, size_t n)
{
	s->at += n;
	s->offset += n;
}

#endif
