/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The table of evasions: what a sender does to hide a name, one row each, and what must come of it.
 * Room: selftest. To add one: a function that plays it with the stage's name, and a row.
 */
#ifndef SELFTEST_ROWS_H
#define SELFTEST_ROWS_H

#include "selftest/stage.h"

enum { ROW_BOTH, ROW_V4, ROW_V6 };

struct row {
	const char *name, *what; /* what the sender does: some 50 characters */
	void (*play)(struct stage *s);
	uint8_t families; /* of IP */
	bool is_innocent; /* it must pass, though the blocked name is in it */
	bool is_refused;  /* with any name, while a rule blocks something: nobody sends it */
	const char *open; /* why nobody can block it; NULL: it must be blocked */
};

struct row_group {
	const char *title;
	const struct row *rows;
	size_t count;
};

extern const struct row_group rows_tcp, rows_decoy, rows_tls, rows_hello, rows_http, rows_dns,
	rows_quic, rows_ip, rows_like;

/* The rules that make the rows true, as a rules file. */
extern const char rows_rules[];

size_t rows_count(void);
/* The row of this number; *group (may be NULL): where it stands. */
const struct row *rows_at(size_t i, const struct row_group **group);

/* Whether a row is played over this version of IP. */
static inline bool row_is_of(const struct row *r, bool is_v6)
{
	return r->families == ROW_BOTH || (r->families == ROW_V6) == is_v6;
}

/* A ClientHello for the stage's name, in its record. is_pq: of 1.7 KB. Borrows m. */
struct slice row_hello(struct stage *s, struct made_message *m, bool is_pq);
/* The same for another name. */
struct slice row_hello_for(struct stage *s, struct made_message *m, const char *name);

/* A row; what follows the function are further fields by name. */
#define ROW(n, w, p, ...)                                      \
	{                                                      \
		.name = n, .what = w, .play = p, ##__VA_ARGS__ \
	}
#define ROW_COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#endif
