/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Two buffers that take turns: others fill one under the lock, the owner empties the other without
 * it; see inbox.h. Room: agent.
 */
#include "agent/inbox.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A parcel is at most a frame and a datagram in two readings: five of that size at least. */
enum { INBOX_BYTES = 1024 * 1024, PARCEL_ALIGN = 16 };

/* One frame; behind it lie its bytes, then those of whole[0] and whole[1]. */
struct parcel {
	size_t size; /* with everything behind it, rounded up */
	struct frame frame;
	struct frame_fragment fragment;
	bool has_fragment;
	uint8_t flags;
};

struct inbox {
	pthread_mutex_t lock;
	uint8_t *filling; /* by anybody, under the lock */
	size_t len;
	uint8_t *emptying; /* the owner's */
	_Atomic bool has;
};

struct inbox *inbox_new(void)
{
	struct inbox *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	pthread_mutex_init(&b->lock, NULL);
	b->filling = malloc(INBOX_BYTES);
	b->emptying = malloc(INBOX_BYTES);
	if (b->filling && b->emptying)
		return b;
	inbox_free(b);
	return NULL;
}

void inbox_free(struct inbox *b)
{
	if (!b)
		return;
	pthread_mutex_destroy(&b->lock);
	free(b->filling);
	free(b->emptying);
	free(b);
}

/* Copies a slice to *at and moves behind it. */
static struct slice copy(uint8_t **at, struct slice from)
{
	struct slice to = slice_of(*at, from.len);

	if (from.len)
		memcpy(*at, from.at, from.len);
	*at += from.len;
	return to;
}

static size_t parcel_size(const struct frame *f)
{
	size_t size = sizeof(struct parcel) + f->bytes.len;

	if (f->fragment)
		size += f->fragment->whole[0].len + f->fragment->whole[1].len;
	return (size + PARCEL_ALIGN - 1) / PARCEL_ALIGN * PARCEL_ALIGN;
}

static void parcel_fill(struct parcel *p, size_t size, const struct frame *f, uint8_t flags)
{
	uint8_t *at = (uint8_t *)(p + 1);

	memset(p, 0, sizeof(*p));
	p->size = size;
	p->frame = *f;
	p->flags = flags;
	p->has_fragment = f->fragment != NULL;
	p->frame.bytes = copy(&at, f->bytes);
	if (!f->fragment)
		return;
	p->fragment = *f->fragment;
	p->fragment.whole[0] = copy(&at, f->fragment->whole[0]);
	p->fragment.whole[1] = copy(&at, f->fragment->whole[1]);
}

bool inbox_put(struct inbox *b, const struct frame *f, uint8_t flags)
{
	size_t size = parcel_size(f);
	bool fits;

	pthread_mutex_lock(&b->lock);
	fits = size <= INBOX_BYTES - b->len;
	if (fits) {
		parcel_fill((struct parcel *)(void *)(b->filling + b->len), size, f, flags);
		b->len += size;
		atomic_store_explicit(&b->has, true, memory_order_release);
	}
	pthread_mutex_unlock(&b->lock);
	return fits;
}

bool inbox_has(const struct inbox *b)
{
	return atomic_load_explicit(&b->has, memory_order_relaxed);
}

void inbox_drain(struct inbox *b, void (*fn)(void *ctx, const struct frame *f, uint8_t flags),
		 void *ctx)
{
	uint8_t *full;
	size_t len;

	if (!inbox_has(b))
		return;
	pthread_mutex_lock(&b->lock);
	full = b->filling;
	len = b->len;
	b->filling = b->emptying;
	b->len = 0;
	atomic_store_explicit(&b->has, false, memory_order_relaxed);
	pthread_mutex_unlock(&b->lock);
	b->emptying = full;
	for (size_t at = 0; at < len;) {
		struct parcel *p = (struct parcel *)(void *)(full + at);

		/* Only now: the buffers have stopped moving. */
		p->frame.fragment = p->has_fragment ? &p->fragment : NULL;
		fn(ctx, &p->frame, p->flags);
		at += p->size;
	}
}
