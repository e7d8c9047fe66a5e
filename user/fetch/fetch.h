/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A list from elsewhere: a file, or what a server gives for an address. Bytes of strangers are read
 * in a process of its own, which has no rights, limits of size, time and memory, and gives back
 * nothing but canonical text (policy/list.h), which is looked at again here. Room: fetch.
 */
#ifndef FETCH_FETCH_H
#define FETCH_FETCH_H

#include <sys/types.h>

#include "policy/list_reader.h"

enum {
	FETCH_TAG_MAX = 200, /* of what a server calls a copy */
	FETCH_WHY_MAX = 360,
	FETCH_LIMIT_S = 300,	     /* what takes longer is ended */
	FETCH_BYTES_MAX = 128 << 20, /* unpacked */
};

struct fetch_ask {
	const char *source; /* http://, https:// or a path */
	/* Of the copy that is there, for "has it changed?"; "" asks for all of it. */
	char etag[FETCH_TAG_MAX], modified[FETCH_TAG_MAX];
};

/* One under way. */
struct fetch {
	pid_t pid; /* 0: none */
	int out;   /* memory that both processes see */
};

enum fetch_end { FETCH_FAILED, FETCH_SAME, FETCH_NEW };

struct fetch_result {
	enum fetch_end end;
	struct list *list; /* FETCH_NEW: the caller drops it */
	struct list_counts counts;
	char etag[FETCH_TAG_MAX], modified[FETCH_TAG_MAX];
	char why[FETCH_WHY_MAX]; /* FETCH_FAILED: what went wrong, and what to do */
};

/* Starts a process. It ends with its parent. 0 or -errno with *f. */
int fetch_start(const struct fetch_ask *ask, struct fetch *out, struct fault *f);
/* True when it has ended; fetch_take() tells how. */
bool fetch_is_over(struct fetch *f);
/* Waits until it is over. */
void fetch_wait(struct fetch *f);
/* What came of it; *f is none afterwards. */
void fetch_take(struct fetch *f, struct fetch_result *out);
/* Ends one early. None is fine. */
void fetch_stop(struct fetch *f);

/* --- inside the room -------------------------------------------------------------------------- */

/* The process's life (fetch_child.c): writes what came of it to `out`. Never returns. */
_Noreturn void fetch_child_run(const struct fetch_ask *ask, int out);
/* Gives up every right but to reach servers and to read what that takes. 0 or -errno with *f.
 * (fetch_confine.c) */
int fetch_confine(struct fault *f);
/* What a server gives, to reader; *unchanged: it has nothing newer. 0, -EINVAL or -errno with *f.
 * (fetch_web.c) */
struct fetch_web;
int fetch_web_open(struct fetch_web **out, struct fault *f); /* the library, before fetch_confine */
int fetch_web_get(struct fetch_web *w, const struct fetch_ask *ask, struct list_reader *reader,
		  struct fetch_result *said, struct fault *f);

#endif
