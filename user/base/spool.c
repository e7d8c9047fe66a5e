/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room base: the spool. The file is made where temporary files go (TMPDIR, else the C library's
 * place), never has a name or loses it at once, and is for nobody else to read. Room in it is
 * reserved before it is mapped: a full disk is met here, and not by whoever writes to a piece.
 */
#include "base/spool.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/pages.h"

enum {
	PAGE = PAGES_BLOCK, /* at least a page of any machine, and few pieces */
	LARGE = 2 << 20,    /* a page of the large kind, as a rule */
};

static int open_file(void)
{
	const char *place = getenv("TMPDIR");
	char path[4096];
	int fd, n;

	if (!place || !*place)
		place = P_tmpdir;
	fd = open(place, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	n = snprintf(path, sizeof(path), "%s/dpi-xdp.XXXXXX", place);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

/* A piece is filled soon, so its pages come at once and not one by one as they are met; what is
 * large may be met here and there, and its pages are to be large ones. Both are but wishes. */
static void ask_for(void *at, size_t size)
{
	if (size >= LARGE)
		madvise(at, size, MADV_HUGEPAGE);
#ifdef MADV_POPULATE_WRITE
	else
		madvise(at, size, MADV_POPULATE_WRITE);
#endif
}

static void *map_plain(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	ask_for(at, size);
	return at;
}

/* The next bytes of the file; NULL when they cannot be had. */
static void *map_file(struct spool *s, size_t size)
{
	void *at;

	if (!s->file) {
		s->file = 1 + open_file();
		if (!s->file)
			return NULL;
	}
	if (posix_fallocate(s->file - 1, (off_t)s->file_len, (off_t)size))
		return NULL;
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, s->file - 1, (off_t)s->file_len);
	if (at == MAP_FAILED)
		return NULL;
	ask_for(at, size);
	s->file_len += size;
	return at;
}

bool spool_has_spare(const struct spool *s)
{
	return s->pages && s->pages->spare_count;
}

size_t spool_size(size_t len)
{
	return (len + PAGE - 1) / PAGE * PAGE;
}

/* Zeroed, as all that comes from the system. */
static void *take_new(struct spool *s, size_t size)
{
	void *at = NULL;

	if (s->pages && pages_trade(s->pages, size / PAGES_BLOCK))
		return map_plain(size);
	if (!s->is_full && (s->plain > s->plain_max || size > s->plain_max - s->plain)) {
		at = map_file(s, size);
		s->is_full = !at;
	}
	if (!at) {
		at = map_plain(size);
		s->plain += at ? size : 0;
	}
	return at;
}

/* is_zeroed: whether it is to be. */
static void *take(struct spool *s, size_t len, bool is_zeroed)
{
	size_t size = spool_size(len);
	void *old;

	if (size < len || !size)
		return NULL;
	old = s->pages ? pages_part(s->pages, size / PAGES_BLOCK) : NULL;
	if (!old)
		return take_new(s, size);
	return is_zeroed ? memset(old, 0, size) : old;
}

void *spool_take_unset(struct spool *s, size_t len)
{
	return take(s, len, false);
}

void *spool_take(struct spool *s, size_t len)
{
	return take(s, len, true);
}

void spool_give(void *piece, size_t len)
{
	if (piece)
		munmap(piece, spool_size(len));
}

void spool_clear(struct spool *s)
{
	if (s->file)
		close(s->file - 1);
	*s = (struct spool){.plain_max = s->plain_max, .pages = s->pages};
}
