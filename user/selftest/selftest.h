/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The self-test: the program attacks an agent of its own with every evasion that it knows, on this
 * kernel and this machine, and tells what came through. Room: selftest.
 */
#ifndef SELFTEST_SELFTEST_H
#define SELFTEST_SELFTEST_H

#include "base/text.h"
#include "selftest/rows.h"
#include "selftest/score.h"
#include "selftest/subject.h"

struct selftest_wish {
	const char *only; /* rows whose names begin so; NULL: all */
	struct subject_wish subject;
};

/* What came of it. Zeroed before; selftest_clear() frees. */
struct selftest_outcome {
	struct score_row (*rows)[2]; /* by the number of the row and whether it was IPv6 */
	char how[120];		     /* the agent protected: "native XDP on receive ..." */
	uint64_t duration_ns;
	int signal;	/* that ended it early; 0: none */
	bool has_begun; /* the agent protected: what goes wrong later is no matter of rights */
};

bool selftest_is_asked(const struct selftest_wish *w, const struct row *r);

/* Runs it. 0, or -errno with *f: this machine does not let it. All that it makes is gone when it
 * returns. Takes SIGINT, SIGTERM and SIGHUP meanwhile. */
int selftest_run(const struct selftest_wish *w, struct selftest_outcome *out, struct fault *f);
void selftest_clear(struct selftest_outcome *out);

/* Writes the frames of the rows to a capture, as if nobody had dropped any; needs no right at all.
 * list: which flow is of which row, as one JSON document. 0, or -errno with *f. */
int selftest_write(const struct selftest_wish *w, const char *path, struct text *list,
		   struct fault *f);

/* What a terminal can show. */
struct selftest_look {
	bool is_boxed, is_coloured;
	bool is_narrow; /* there is no room for what a sender does */
};

/* The outcome as a table for people; o: NULL for what rows there are. */
void selftest_table(const struct selftest_wish *w, const struct selftest_outcome *o,
		    const struct selftest_look *look, struct text *out);
/* As one JSON document; o: NULL for what rows there are. */
void selftest_json(const struct selftest_wish *w, const struct selftest_outcome *o,
		   struct text *out);
/* Whether nothing leaked and nothing innocent was lost. */
bool selftest_is_good(const struct selftest_wish *w, const struct selftest_outcome *o);

#endif
