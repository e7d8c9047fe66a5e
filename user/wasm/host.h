/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * All that the module asks of the page it runs in; glue/module.js answers. Room: wasm. It opens
 * nothing, reads no clock, and what it hands out goes to its own page alone.
 */
#ifndef WASM_HOST_H
#define WASM_HOST_H

#include <stddef.h>

#define HOST(name) __attribute__((import_module("host"), import_name(#name)))

/* What a piece of output belongs to; glue/module.js knows them by these numbers. */
enum host_channel {
	HOST_REPORT, /* the document that was asked for */
	HOST_EVENTS, /* EVE lines, whole ones */
	HOST_ROWS,   /* struct replay_row, whole ones (replay.h) */
	HOST_ERROR,  /* what is wrong, one line without its end */
	HOST_NOTE,   /* ... and what is worth knowing */
};

/* A piece of output; borrowed for the call. */
HOST(write) void host_write(enum host_channel channel, const void *at, size_t len);
/* Random bytes, for the seeds of hashes. */
HOST(random) void host_random(void *out, size_t len);
/* An internationalised name (UTF-8) as A-labels, without NUL. Returns their length, at most size;
 * or -1 when it is none. */
HOST(to_ascii) int host_to_ascii(const char *name, size_t len, char *out, size_t size);

#endif
