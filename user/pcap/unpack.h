/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A compressed capture as the bytes it was made of, piece by piece. Room: pcap; unpack.c is the
 * only user of zlib and libzstd. It reads nothing itself.
 *
 * Memory is bounded whatever the bytes say: gzip's window is 32 KiB, and a zstd frame that needs a
 * window above UNPACK_WINDOW_LOG is refused. Several members or frames one after another are one
 * capture, as gunzip and zstd -d have it; anything else behind them is damage.
 *
 * Standards: RFC 1952, RFC 8878.
 */
#ifndef PCAP_UNPACK_H
#define PCAP_UNPACK_H

#include "base/slice.h"

enum { UNPACK_WINDOW_LOG = 27 }; /* 128 MiB, what zstd -d takes without being told more */

enum unpack_kind { UNPACK_NONE, UNPACK_GZIP, UNPACK_ZSTD };

struct unpack;

/* Gives; NULL: out of memory. */
struct unpack *unpack_new(enum unpack_kind kind);
void unpack_free(struct unpack *u);

/*
 * Unpacks into out, *len bytes at most, and sets *len to what came; *in moves past what was used.
 * Returns 0; -EILSEQ when the packed bytes are damaged from here on, with *len 0: what came before
 * the damage was given by the calls before; -ENOMEM.
 */
int unpack_run(struct unpack *u, struct slice *in, uint8_t *out, size_t *len);

/* The packed bytes have ended. Returns 0 when they may, or -EILSEQ. */
int unpack_end(struct unpack *u);

/* So far a member or a frame has ended, and no other begun. */
bool unpack_may_end(const struct unpack *u);

/* After -EILSEQ: how they are damaged and where, in words; borrowed until unpack_free(). */
const char *unpack_damage(const struct unpack *u);

#endif
