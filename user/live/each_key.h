/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Walking a map's keys; private to the live room.
 */
#ifndef LIVE_EACH_KEY_H
#define LIVE_EACH_KEY_H

#include <stddef.h>

/*
 * Calls fn with each key of the map (key_size bytes, at most 64). fn may delete the key it gets:
 * the next one is fetched before. Keys added or removed by others meanwhile may be met or not.
 * Returns how many were visited.
 */
size_t map_each_key(int fd, size_t key_size, void (*fn)(void *ctx, const void *key), void *ctx);

#endif
