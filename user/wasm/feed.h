/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The module's standard input: the bytes that the page pushes. Room: wasm. There is one, as there
 * is one of every process; source.c gives it to the capture reader (pcap/source.h), which gets
 * -EAGAIN where it has to wait for more.
 */
#ifndef WASM_FEED_H
#define WASM_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FEED_ROOM = 256 << 10 };

/* Empties it for another capture. 0 or -ENOMEM. */
int feed_open(void);
void feed_close(void);
/* Where the next bytes go, and how many there may be (0: out of memory). Nothing that the reader
 * gave before remains. */
uint8_t *feed_room(size_t *size);
void feed_push(size_t len);
void feed_end(void);
/* Gives a reader that was opened too early its bytes again. False: there are so many that it was
 * not too early. */
bool feed_rewind(void);

#endif
