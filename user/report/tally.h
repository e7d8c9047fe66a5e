/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What one engine's observations add up to: rows of connections, what each rule dropped, totals.
 * One tally belongs to one engine and its thread; tallies of several engines are merged at the end
 * (or their copies, for a snapshot), in any order, to the same result.
 *
 *     tally = tally_new(0); config.sink = tally_sink(tally); e = engine_new(&config);
 *     for each frame: o = engine_frame(e, f); tally_frame(tally, f, &o);
 *     tally_add_engine(tally, engine_counters(e)); engine_free(e);    -- rows come as flows close
 *     tally_merge(all, tally); tally_free(tally); report_new(all, ...)
 */
#ifndef REPORT_TALLY_H
#define REPORT_TALLY_H

#include "engine/engine.h"
#include "packet/defrag.h"
#include "report/connection.h"

enum {
	TALLY_ROWS_OFFLINE = 1000000,
	TALLY_ROWS_LIVE = 65536,
	TALLY_PLAIN_MAX = 1 << 20, /* bytes of rows in plain memory, where a file may take over */
};

struct tally;

/* Remembers the row_max (0: TALLY_ROWS_OFFLINE) connections opened last; older ones are folded
 * into sums, where they still count. NULL when out of memory. */
struct tally *tally_new(size_t row_max);
/* Lets rows beyond so many bytes stand in a file without a name. Before the first row; what is
 * merged in from others that do so stays where it is. */
void tally_spool(struct tally *t, size_t plain_max);
bool tally_is_spooled(const struct tally *t);
/* Lets rows that are added from now on, and all that a report makes of them, stand first in what
 * these have to spare; borrowed as long as the tally, which alone takes from them. */
void tally_reuse(struct tally *t, struct pages *pages);
struct pages *tally_pages(const struct tally *t); /* or NULL */
void tally_free(struct tally *t);
struct tally *tally_copy(const struct tally *t); /* gives; NULL when out of memory */

/* The sink to give an engine: takes EVENT_FLOW_CLOSED and EVENT_MESSAGE, ignores the rest. */
struct event_sink tally_sink(struct tally *t);
/* The same by hand, for a sink that does more than one thing. e is borrowed. */
void tally_event(struct tally *t, const struct event *e);
/* Counts one frame by the rule that dropped it. Both borrowed. */
void tally_frame(struct tally *t, const struct frame *f, const struct outcome *o);
/* Adds an engine's counters to the totals; once, when it is done (or into a copy, for a snapshot).
 */
void tally_add_engine(struct tally *t, const struct engine_counters *c);
/* The same for what a door counted while it put IP fragments together. */
void tally_add_defrag(struct tally *t, const struct defrag_counters *c);
/* Adds one row (copied): a flow that is still open, or one that only the kernel knows. */
void tally_add_connection(struct tally *t, const struct connection *c);
/* Adds what a rule dropped elsewhere (the kernel). flows: beyond those whose row names the rule. */
void tally_add_rule(struct tally *t, uint64_t rule, uint64_t packets, uint64_t bytes,
		    uint64_t flows);
/* Adds everything of `from` into `into`; from stays as it is. */
void tally_merge(struct tally *into, const struct tally *from);
/* The same, but the rows change hands, so that they are never there twice; from has none then. */
void tally_absorb(struct tally *into, struct tally *from);

/* Gives everything counted so far to fresh, which is new and of the same bound; t goes on from
 * nothing, but still knows which messages it has counted a flow for. Moves no row. */
void tally_shed(struct tally *t, struct tally *fresh);
/* True while nothing was counted that tally_shed() would give. */
bool tally_is_empty(const struct tally *t);

/* The totals, to read or (live) to overwrite with what the kernel counted. */
struct engine_counters *tally_totals(struct tally *t);
const struct defrag_counters *tally_defrag(const struct tally *t);

/* How many rows are listed, at most row_max, and row i of them in order of first_number. The row is
 * borrowed until t changes, and not for connection_clear(). */
size_t tally_row_count(struct tally *t);
void tally_row(const struct tally *t, size_t i, struct connection *out);
bool tally_row_is_blocked(const struct tally *t, size_t i);
/* tally_row_count() in two steps. Between them and after them other threads may walk the rows that
 * are listed, in any order (rows.h): also while they are being sorted, which gives 0, or
 * -ENOMEM and then none can be read in order. */
size_t tally_settle(struct tally *t);
int tally_sort(struct tally *t);
/* Connections that are counted but no longer listed. */
uint64_t tally_unlisted(const struct tally *t);
/* Times of the first and last frame or connection; 0 when there was none. */
void tally_span(const struct tally *t, uint64_t *first_ns, uint64_t *last_ns);
/* True when memory ran out somewhere: numbers in the report are then too low. */
bool tally_failed(const struct tally *t);

/* What a rule dropped; walks all rules that dropped something, in order of id. Start at 0. */
struct tally_rule {
	uint64_t id;
	uint64_t packets, bytes;
	uint64_t flows; /* beyond those whose row names the rule */
};
bool tally_next_rule(const struct tally *t, size_t *at, struct tally_rule *out);
/* The same for one rule; false when it dropped nothing. */
bool tally_find_rule(const struct tally *t, uint64_t id, struct tally_rule *out);

struct rows;
/* The rows as they are kept, rows to add to them, and times to reckon with; for tally_pack.c. */
const struct rows *tally_rows(const struct tally *t);
void tally_add_packed(struct tally *t, struct slice rows);
void tally_add_span(struct tally *t, uint64_t first_ns, uint64_t last_ns);

struct sums;
/* The sums of the rows that were folded; for report.c. */
const struct sums *tally_folded(const struct tally *t);

#endif
