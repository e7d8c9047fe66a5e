/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Memory for what is gathered and rarely read again: the first part of it is plain memory, and what
 * goes beyond stands in a file that has no name, mapped, so that the system can put it out of
 * memory when others want some. Whoever holds a piece cannot tell which kind it is.
 *
 * One thread at a time. Pieces outlive the spool they came from.
 */
#ifndef BASE_SPOOL_H
#define BASE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pages;

struct spool {
	size_t plain_max; /* bytes of plain memory; SIZE_MAX: never a file */
	size_t plain;	  /* of them, in use */
	uint64_t file_len;
	int file;     /* 1 + its descriptor; 0: none yet */
	bool is_full; /* no file, or no room in it: plain memory from now on */
	/* Borrowed: what these have to spare is taken first, which is no new memory; or NULL. */
	struct pages *pages;
};

/* True while pages have something to spare for a piece that is small. */
bool spool_has_spare(const struct spool *s);
/* How many bytes a piece of len takes. */
size_t spool_size(size_t len);
/* Gives a zeroed piece of at least len bytes, aligned to a page; NULL when out of memory. */
void *spool_take(struct spool *s, size_t len);
/* The same with anything in it. */
void *spool_take_unset(struct spool *s, size_t len);
/* Takes a piece that spool_take(len) gave. */
void spool_give(void *piece, size_t len);
/* No more pieces come from it; those that are out stay. */
void spool_clear(struct spool *s);

#endif
