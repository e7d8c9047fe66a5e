/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where event lines go: one interface, one file a kind. Room: export. A sink takes whole lines and
 * never holds up its caller for long: what its other side does not take yet waits in a bounded
 * queue, and what does not fit is counted as lost. All sinks belong to one thread.
 */
#ifndef EXPORT_SINK_H
#define EXPORT_SINK_H

#include "base/fault.h"
#include "control/follow.h"

enum {
	SINK_PENDING_MAX = 16 * 1024 * 1024, /* bytes of lines that wait, of a socket */
	SINK_KAFKA_QUEUED = 131072,	     /* messages that wait for the broker, 64 MiB at most */
	SINK_ROTATE_MIN = 4096,
	SINK_KEEP_MAX = 1000,
};

struct sink_options {
	uint64_t rotate_size; /* a file is put aside before it grows beyond it; 0: never */
	unsigned keep;	      /* how many such files are kept */
};

struct sink_counters {
	uint64_t lines, bytes; /* that the other side has */
	uint64_t lost;	       /* lines that it will not get */
	uint64_t pending;      /* lines that wait */
	uint64_t rotations, connects;
};

struct sink_kind;

/* What is common to all of them; the first member of each. */
struct sink {
	const struct sink_kind *kind;
	char *spec;
	struct follow_id done; /* all lines up to this one are delivered, or counted as lost */
	struct sink_counters counters;
	bool is_troubled;
	int64_t noted_ms; /* when a note about a trouble was last written */
	uint64_t noted_lost;
};

struct sink_kind {
	const char *prefix; /* of a SPEC; "" for a file */
	/* where: the SPEC behind the prefix. Gives *out. 0 or -errno with *f. */
	int (*open)(const char *where, const struct sink_options *o, struct sink **out,
		    struct fault *f);
	/* Takes lines (borrowed) numbered from first on. */
	void (*take)(struct sink *s, struct slice lines, struct follow_id first, uint64_t count);
	void (*work)(struct sink *s);	/* sends what waits; NULL: nothing ever does */
	void (*reopen)(struct sink *s); /* the file was moved away; NULL: not a file */
	void (*free)(struct sink *s);
};

extern const struct sink_kind sink_stdout, sink_file, sink_unix, sink_unix_dgram, sink_kafka;

/* Opens what a SPEC names: FILE, "-", unix:PATH, unix-dgram:PATH, kafka://HOST:PORT/TOPIC. Gives
 * *out (sink_free). 0; -EINVAL: no such SPEC; other -errno; with *f. */
int sink_open(const char *spec, const struct sink_options *o, struct sink **out, struct fault *f);
void sink_free(struct sink *s);

/* Hands lines on, but for those up to s->done, which it has had. */
void sink_take(struct sink *s, const struct follow_lines *lines);
void sink_work(struct sink *s);
void sink_reopen(struct sink *s);
/* Works until nothing waits any more, or for timeout_ms nothing was taken. True: nothing waits. */
bool sink_flush(struct sink *s, int timeout_ms);

/* --- for the kinds ---------------------------------------------------------------------------- */

int64_t sink_now_ms(void);
uint64_t sink_count_lines(struct slice lines);
/* The first n lines of lines. */
struct slice sink_first_lines(struct slice lines, uint64_t n);
/* Says that something is wrong, once in ten seconds, and how many lines were lost by it so far. */
void sink_trouble(struct sink *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Says, once, that it is over. */
void sink_trouble_over(struct sink *s);

#endif
