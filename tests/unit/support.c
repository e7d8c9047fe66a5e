/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Bytes against a wall: whole pages, the last one without any access, the copy right before it.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Mappings that can be given back; more than these at once are left to the end of the process. */
enum { WALLS_MAX = 256 };

static struct {
	const uint8_t *at;
	void *map;
	size_t size;
} walls[WALLS_MAX];

static void die(const char *what)
{
	perror(what);
	abort();
}

const uint8_t *lay_against_wall(const void *bytes, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t room = (len + page - 1) / page * page;
	uint8_t *map, *at;

	map = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		die("mmap");
	if (mprotect(map + room, page, PROT_NONE))
		die("mprotect");
	at = map + room - len;
	if (len)
		memcpy(at, bytes, len);
	for (size_t i = 0; i < WALLS_MAX; i++) {
		if (walls[i].map)
			continue;
		walls[i].at = at;
		walls[i].map = map;
		walls[i].size = room + page;
		break;
	}
	return at;
}

void wall_free(const void *at)
{
	for (size_t i = 0; i < WALLS_MAX; i++) {
		if (!walls[i].map || walls[i].at != at)
			continue;
		munmap(walls[i].map, walls[i].size);
		walls[i].map = NULL;
		return;
	}
}

uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

void draw_bytes(void *out, size_t len, uint64_t *state)
{
	uint8_t *at = out;

	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(next_random(state) >> 32);
}
