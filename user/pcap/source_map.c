/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A capture file as memory. Room: pcap. Its pages are brought in and given back in steps, so that
 * memory stays flat however large the file is; each step looks whether the file is still whole.
 *
 * Bytes that the file loses later are the guard's (pcap/guard.h).
 */
#include "pcap/source.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	MAP_STEP = 2 << 20,	/* brought in at once: larger ones cost no less */
	RELEASE_STEP = 4 << 20, /* given back at once: other cores are told each time */
};

void source_map(struct source *s, struct capture_guard *guard)
{
	struct capture_guard_range *range = NULL;
	void *map;

	if (!s->is_regular || s->unpack || s->base_offset != 0 || s->at != s->base ||
	    s->size == 0 || s->size > SIZE_MAX - s->start)
		return;
	map = mmap(NULL, (size_t)(s->start + s->size), PROT_READ, MAP_SHARED, s->fd, 0);
	if (map == MAP_FAILED)
		return;
	range = capture_guard_add(guard, map, (size_t)(s->start + s->size));
	if (!range) {
		munmap(map, (size_t)(s->start + s->size));
		return;
	}
	s->map = map;
	s->map_len = (size_t)(s->start + s->size);
	s->range = range;
	s->base = s->at = s->end = s->map + s->start;
	s->is_end = false;
}

void source_map_close(struct source *s)
{
	capture_guard_remove(s->range);
	if (s->map)
		munmap(s->map, s->map_len);
	s->range = NULL;
	s->map = NULL;
}

/* Looks how long the file is now: what lies beyond is nobody's any more. */
static void look_at_size(struct source *s)
{
	struct stat st;

	if (fstat(s->fd, &st) < 0 || (uint64_t)st.st_size >= s->start + s->size)
		return;
	s->is_shorter = true;
	s->size = (uint64_t)st.st_size > s->start ? (uint64_t)st.st_size - s->start : 0;
	if (s->end > s->base + s->size)
		s->end = s->at > s->base + s->size ? s->at : s->base + s->size;
}

bool source_has_lost(struct source *s)
{
	if (s->map)
		look_at_size(s);
	return s->is_shorter || source_is_marked(s);
}

bool source_is_whole_to(struct source *s, uint64_t offset)
{
	if (!s->map)
		return true;
	look_at_size(s);
	return s->is_shorter ? offset <= s->size : !source_is_marked(s);
}

/*
 * Brings in the pages from s->end on. A page that cannot be had is met only when all before it
 * were: the step shrinks until it ends there. Returns 0 with s->end moved, or -errno.
 */
static int bring_in(struct source *s, size_t left)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t odd = (size_t)(s->end - s->map) % page;
	size_t len = odd + (left < MAP_STEP ? left : MAP_STEP);
	uint8_t *from = s->map + (s->end - s->map) - odd;

	while (madvise(from, len, MADV_POPULATE_READ) < 0) {
		if (errno == EINTR || errno == EAGAIN)
			continue;
		if (errno == EINVAL || errno == ENOSYS)
			break; /* a kernel before 5.14: they come when they are touched */
		if (len <= page)
			return -EIO;
		len = (len / 2 + page - 1) / page * page;
	}
	s->end = from + len;
	return 0;
}

int source_map_fill(struct source *s, size_t want)
{
	while (source_left(s) < want) {
		size_t left;
		int err;

		if (s->stop && *s->stop)
			return -EINTR;
		look_at_size(s);
		if (source_is_marked(s) && !s->is_shorter)
			return -EIO;
		left = (size_t)(s->base + s->size - s->end);
		if (s->at > s->base + s->size || left == 0)
			return s->is_shorter ? -EILSEQ : 0;
		err = bring_in(s, left);
		if (err) {
			look_at_size(s);
			return s->is_shorter ? -EILSEQ : err;
		}
	}
	return 1;
}

void source_release(struct source *s, uint64_t offset)
{
	size_t to, page = (size_t)sysconf(_SC_PAGESIZE);

	if (s->is_kept)
		atomic_store_explicit(&s->kept_from, offset, memory_order_release);
	if (!s->map || offset > s->map_len - s->start)
		return;
	to = (size_t)(s->start + offset) / page * page;
	if (to < s->released + RELEASE_STEP)
		return;
	madvise(s->map + s->released, to - s->released, MADV_DONTNEED);
	s->released = to;
}
