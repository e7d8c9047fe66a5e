/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Bytes of a capture file, FIFO or standard input, in order. Room: pcap. It knows nothing of
 * formats. There are three ways, one interface:
 *
 *   read      through one buffer, which grows only when it is full of bytes that really arrived,
 *             never because a length field says so; bytes stay until the next source_need(), or,
 *             through as many as that takes, until they are released
 *   unpacked  the same, with what gzip or zstd made of the bytes read
 *   mapped    a regular file as memory, taken in steps; bytes stay until source_close()
 *
 * A wait for a slow writer (FIFO, pipe) ends when the stop flag is raised.
 */
#ifndef PCAP_SOURCE_H
#define PCAP_SOURCE_H

#include <signal.h>
#include <stdatomic.h>
#include <sys/types.h>
#include "base/slice.h"
#include "pcap/guard.h"
#include "pcap/unpack.h"

struct source {
	const uint8_t *at, *end; /* the bytes not yet passed */
	const uint8_t *base;	 /* where `at` is in what was read: base_offset is base's */
	uint64_t base_offset;
	int fd;
	bool is_regular, is_end;
	const volatile sig_atomic_t *stop; /* borrowed; may be NULL */
	uint64_t start;			   /* where in the file reading began */
	uint64_t size;			   /* of a regular file from there; 0: not known */

	/* read, unpacked */
	uint8_t *buf;
	size_t cap;
	bool is_kept; /* until released: the buffers before this one, oldest first */
	struct source_kept *kept, *kept_last;
	_Atomic uint64_t kept_from; /* what is before that is released */

	/* unpacked: the bytes still packed, and what is wrong with them, found but not yet met */
	struct unpack *unpack;
	uint8_t *packed;
	size_t packed_at, packed_end, packed_cap;
	uint64_t packed_offset; /* of packed_at in the file */
	int err;

	/* out of a form: what its next part of the same name begins with, of which so much is the
	 * boundary; NULL: it is not */
	char *form;
	size_t form_border;
	bool is_form_end; /* the boundary was met behind what is packed, or where a record begins */

	/* mapped */
	uint8_t *map; /* NULL: it is not */
	size_t map_len;
	size_t released; /* bytes of map that were given back */
	struct capture_guard_range *range;
	bool is_shorter; /* than it was when it was mapped */
};

/* Opens a path; "-" is standard input. Returns 0 or -errno. */
int source_open(struct source *s, const char *path, const volatile sig_atomic_t *stop);
void source_close(struct source *s);

/* What was read and not passed is packed: unpacks it and all that follows. Once. 0 or -ENOMEM. */
int source_unpack(struct source *s, enum unpack_kind kind);

/*
 * Turns a regular file, of which nothing was passed yet, from read to mapped; guard is borrowed
 * until source_close(). Where that cannot be it stays as it is. Nothing that source_at() gave
 * before remains.
 */
void source_map(struct source *s, struct capture_guard *guard);
/* From now on the bytes of what is read or unpacked stay where they are until they are released. */
void source_keep(struct source *s);
/* Of what is mapped or kept: the bytes before this source_offset() are not used any more. From one
 * thread at a time. */
void source_release(struct source *s, uint64_t offset);
/* Of a mapped file: true when bytes were lost since, or the file is shorter than it was. */
bool source_has_lost(struct source *s);
/* Of a mapped file: true when the bytes before offset were there until now. */
bool source_is_whole_to(struct source *s, uint64_t offset);

/*
 * Of what is read or unpacked: it is the part `name` of a form with this boundary, from its first
 * byte on, and more of the form may follow. 0 or -ENOMEM.
 */
int source_form(struct source *s, const char *boundary, const char *name);
/* Where a record cannot be read: 1 when the boundary stands here, so that the capture has ended;
 * -EEXIST when it does, and another part of that name follows; else 0. Reads the form to its end.
 */
int source_form_end(struct source *s);

/* Does what source_need() does when the bytes are not there. */
int source_fill(struct source *s, size_t want);

static inline const uint8_t *source_at(const struct source *s)
{
	return s->at;
}

static inline size_t source_left(const struct source *s)
{
	return (size_t)(s->end - s->at);
}

/* Position of source_at() in the stream, unpacked. */
static inline uint64_t source_offset(const struct source *s)
{
	return s->base_offset + (uint64_t)(s->at - s->base);
}

/* Makes at least want bytes readable at source_at(). Returns 1, or 0 when the stream ends before
 * that (what is left stays readable), -EINTR when stopped, -EILSEQ when its bytes are damaged or
 * gone from there on (source_damage() says how), or another -errno. */
static inline int source_need(struct source *s, size_t want)
{
	return source_left(s) >= want ? 1 : source_fill(s, want);
}

/* Moves past n bytes that source_need() made readable. */
static inline void source_pass(struct source *s, size_t n)
{
	s->at += n;
}

/* A page under a mapped file was lost, on whatever thread. */
static inline bool source_is_marked(const struct source *s)
{
	return s->range && atomic_load_explicit(&s->range->is_lost, memory_order_relaxed);
}

/* How the bytes are damaged, in words, borrowed until source_close(); NULL: they are not. */
const char *source_damage(const struct source *s);

/* The buffer stays in the second cache of a core, where its bytes are looked at once more. */
enum { SOURCE_BUFFER = 512 << 10 };

/* Private to the source: source_fill() of what goes through the buffer. */
int source_buffer_fill(struct source *s, size_t want);
/* ... what there is to read, at least a byte: how many came, 0 at the end, or -errno. */
ssize_t source_read(struct source *s, uint8_t *out, size_t cap);
/* ... source_fill() of a mapped file; the end of one. */
int source_map_fill(struct source *s, size_t want);
void source_map_close(struct source *s);
/* ... of what is kept: goes on in another buffer, of cap bytes, with what is left in this one; the
 * end of all of them. */
int source_keep_turn(struct source *s, size_t cap);
/* ... does a form's boundary stand behind what is packed? */
bool source_form_packed_end(struct source *s);
void source_keep_close(struct source *s);

#endif
