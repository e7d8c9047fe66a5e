/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The outcome in words: a table for people, a document for programs. Room: selftest.
 */
#include <inttypes.h>
#include <stdio.h>
#include <sys/utsname.h>
#include "selftest/selftest.h"

enum { NAME_WIDTH = 21, WHAT_WIDTH = 48, RESULT_WIDTH = 16, CELL = 48 };

/* What may come of a row. */
enum result { BLOCKED, LEAKED, OPEN, PASSED, LOST, VOID, RESULTS };
static const char *const words[RESULTS] = {"blocked", "leaked", "open", "passed", "lost", "void"};

struct sums {
	size_t rows[RESULTS];
	uint64_t probes, leaked, innocent, lost, flows, held;
};

static struct score_row both(const struct score_row of[2])
{
	return (struct score_row){
		.probes = of[0].probes + of[1].probes,
		.leaked = of[0].leaked + of[1].leaked,
		.innocent = of[0].innocent + of[1].innocent,
		.lost = of[0].lost + of[1].lost,
		.flows = of[0].flows + of[1].flows,
		.held = of[0].held + of[1].held,
	};
}

/* A row of which no frame was sent, over either version of IP that it is for, has shown nothing. */
static bool is_void(const struct row *r, const struct score_row of[2])
{
	for (int is_v6 = 0; is_v6 < 2; is_v6++)
		if (row_is_of(r, is_v6) &&
		    (r->is_innocent ? of[is_v6].innocent : of[is_v6].probes) == 0)
			return true;
	return false;
}

static enum result result_of(const struct row *r, const struct score_row of[2])
{
	struct score_row s = both(of);

	if (is_void(r, of))
		return VOID;
	if (r->is_innocent)
		return s.lost ? LOST : PASSED;
	if (s.leaked == 0)
		return BLOCKED;
	return r->open ? OPEN : LEAKED;
}

static void add(struct sums *to, const struct row *r, const struct score_row of[2])
{
	struct score_row s = both(of);

	to->rows[result_of(r, of)]++;
	if (!r->open) {
		to->probes += s.probes;
		to->leaked += s.leaked;
	}
	to->flows += s.flows;
	to->held += s.held;
	to->innocent += s.innocent;
	to->lost += s.lost;
}

static struct sums sums_of(const struct selftest_wish *w, const struct selftest_outcome *o)
{
	struct sums all = {0};

	for (size_t i = 0; i < rows_count(); i++) {
		const struct row *r = rows_at(i, NULL);

		if (selftest_is_asked(w, r))
			add(&all, r, o->rows[i]);
	}
	return all;
}

bool selftest_is_good(const struct selftest_wish *w, const struct selftest_outcome *o)
{
	struct sums s = sums_of(w, o);

	return s.rows[LEAKED] == 0 && s.rows[VOID] == 0 && s.lost == 0 &&
	       s.rows[BLOCKED] + s.rows[OPEN] + s.rows[PASSED] > 0;
}

/* --- for people ------------------------------------------------------------------------------ */

static void line(const struct selftest_look *look, struct text *out)
{
	int width = NAME_WIDTH + RESULT_WIDTH + 10 + (look->is_narrow ? 0 : WHAT_WIDTH + 1);

	for (int i = 0; i < width; i++)
		text_puts(out, look->is_boxed ? "\u2500" : "-");
	text_putc(out, '\n');
}

/* "LEAKED 3 of 40", and of which version of IP when it is one alone. */
static void amount(char *cell, const char *word, uint32_t n4, uint32_t n6, uint32_t of)
{
	snprintf(cell, CELL, "%s %" PRIu32 " of %" PRIu32 "%s", word, n4 + n6, of,
		 n4 && n6 ? ""
		 : n4	  ? " (IPv4)"
			  : " (IPv6)");
}

/* Green, red, yellow: as it should be, as it should not, as it cannot but be. */
static void cell_write(const struct selftest_look *look, const char *colour, const char *cell,
		       struct text *out)
{
	if (look->is_coloured)
		text_printf(out, " \x1b[%sm%-*s\x1b[0m ", colour, RESULT_WIDTH, cell);
	else
		text_printf(out, " %-*s ", RESULT_WIDTH, cell);
}

static void row_write(const struct row *r, const struct score_row of[2],
		      const struct selftest_look *look, struct text *out)
{
	static const struct {
		const char *colour, *word;
	} shown[RESULTS] = {{"32", "BLOCKED"}, {"31", "LEAKED"}, {"33", "OPEN"},
			    {"32", "PASSED"},  {"31", "LOST"},	 {"31", "VOID"}};
	struct score_row s = both(of);
	enum result result = result_of(r, of);
	bool has_twin = s.innocent && !r->is_innocent;
	char cell[CELL], twin[CELL];

	snprintf(cell, CELL, "%s", shown[result].word);
	snprintf(twin, CELL, "%s", has_twin ? "passed" : "-");
	if (result == LEAKED)
		amount(cell, "LEAKED", of[0].leaked, of[1].leaked, s.probes);
	if (s.lost)
		amount(has_twin ? twin : cell, "LOST", of[0].lost, of[1].lost, s.innocent);
	cell_write(look, shown[result].colour, cell, out);
	text_printf(out, "%s\n", twin);
	if (r->open && !look->is_narrow)
		text_printf(out, "%*s %s\n", NAME_WIDTH, "", r->open);
}

static void title(const struct row_group *g, bool has_results, const struct selftest_look *look,
		  struct text *out)
{
	line(look, out);
	text_printf(out, "%-*s", NAME_WIDTH, g->title);
	if (!look->is_narrow)
		text_printf(out, " %-*s", has_results ? WHAT_WIDTH : 0, "a sender that");
	if (has_results)
		text_printf(out, " %-*s look-alike", RESULT_WIDTH, "is");
	text_putc(out, '\n');
	line(look, out);
}

static void rows_write(const struct selftest_wish *w, const struct selftest_outcome *o,
		       const struct selftest_look *look, struct text *out)
{
	const struct row_group *last = NULL, *group;

	for (size_t i = 0; i < rows_count(); i++) {
		const struct row *r = rows_at(i, &group);

		if (!selftest_is_asked(w, r))
			continue;
		if (group != last)
			title(group, o, look, out);
		last = group;
		text_printf(out, "%-*s", NAME_WIDTH, r->name);
		if (!look->is_narrow)
			text_printf(out, " %-*s", o ? WHAT_WIDTH : 0, r->what);
		if (o)
			row_write(r, o->rows[i], look, out);
		else
			text_puts(out, r->open ? " (open)\n" : "\n");
	}
	line(look, out);
}

void selftest_table(const struct selftest_wish *w, const struct selftest_outcome *o,
		    const struct selftest_look *look, struct text *out)
{
	struct utsname kernel;
	struct sums s;

	uname(&kernel);
	if (o)
		text_printf(out, "Linux %s; %s\n", kernel.release, o->how);
	rows_write(w, o, look, out);
	if (!o)
		return;
	s = sums_of(w, o);
	text_printf(
		out,
		"%zu evasions blocked, %zu leaked, %zu open as documented; of %zu innocent rows "
		"%zu passed.\n",
		s.rows[BLOCKED], s.rows[LEAKED], s.rows[OPEN], s.rows[PASSED] + s.rows[LOST],
		s.rows[PASSED]);
	text_printf(out,
		    "Of %" PRIu64 " frames that must not arrive %" PRIu64 " did; of %" PRIu64
		    " innocent ones %" PRIu64 " were lost; %" PRIu64 ".%" PRIu64 " s.\n",
		    s.probes, s.leaked, s.innocent, s.lost, o->duration_ns / 1000000000,
		    o->duration_ns / 100000000 % 10);
	if (s.flows)
		text_printf(out,
			    "In %" PRIu64 " of %" PRIu64
			    " flows the frame that completes the name did not "
			    "arrive either; in the others it\npassed, once, as documented "
			    "(late_packets).\n",
			    s.held, s.flows);
	if (s.rows[VOID])
		text_printf(out, "%zu have shown nothing: no frame of them was sent.\n",
			    s.rows[VOID]);
}

/* --- for programs ---------------------------------------------------------------------------- */

static void json_text(struct text *out, const char *key, const char *value)
{
	text_printf(out, ",\"%s\":", key);
	if (value)
		text_json(out, slice_text(value));
	else
		text_puts(out, "null");
}

static void json_score(const struct row *r, const struct score_row of[2], struct text *out)
{
	json_text(out, "result", words[result_of(r, of)]);
	for (int is_v6 = 0; is_v6 < 2; is_v6++) {
		if (!row_is_of(r, is_v6))
			continue;
		text_printf(out,
			    ",\"ipv%d\":{\"probes\":%" PRIu32 ",\"leaked\":%" PRIu32
			    ",\"innocent\":%" PRIu32 ",\"lost\":%" PRIu32 ",\"flows\":%" PRIu32
			    ",\"held_at_once\":%" PRIu32 "}",
			    is_v6 ? 6 : 4, of[is_v6].probes, of[is_v6].leaked, of[is_v6].innocent,
			    of[is_v6].lost, of[is_v6].flows, of[is_v6].held);
	}
}

static void json_head(const struct selftest_wish *w, const struct selftest_outcome *o,
		      struct text *out)
{
	struct sums s = sums_of(w, o);
	struct utsname kernel;

	uname(&kernel);
	json_text(out, "kernel", kernel.release);
	json_text(out, "protection", o->how);
	text_printf(out, ",\"good\":%s,\"duration_ms\":%" PRIu64,
		    selftest_is_good(w, o) ? "true" : "false", o->duration_ns / 1000000);
	for (size_t i = 0; i < RESULTS; i++)
		text_printf(out, ",\"%s\":%zu", words[i], s.rows[i]);
	text_printf(out,
		    ",\"probes\":%" PRIu64 ",\"probes_leaked\":%" PRIu64
		    ",\"innocent_frames\":%" PRIu64 ",\"innocent_lost\":%" PRIu64
		    ",\"flows\":%" PRIu64 ",\"flows_held_at_once\":%" PRIu64,
		    s.probes, s.leaked, s.innocent, s.lost, s.flows, s.held);
}

void selftest_json(const struct selftest_wish *w, const struct selftest_outcome *o,
		   struct text *out)
{
	const struct row_group *group;
	bool is_first = true;

	text_puts(out, "{\"schema\":\"dpi-xdp/selftest/1\"");
	if (o)
		json_head(w, o, out);
	text_puts(out, ",\"rows\":[");
	for (size_t i = 0; i < rows_count(); i++) {
		const struct row *r = rows_at(i, &group);

		if (!selftest_is_asked(w, r))
			continue;
		text_puts(out, is_first ? "\n{\"row\":" : ",\n{\"row\":");
		text_json(out, slice_text(r->name));
		json_text(out, "group", group->title);
		json_text(out, "sender", r->what);
		json_text(out, "expect", r->open ? "open" : r->is_innocent ? "passed" : "blocked");
		json_text(out, "reason", r->open);
		if (o)
			json_score(r, o->rows[i], out);
		text_putc(out, '}');
		is_first = false;
	}
	text_puts(out, "]}\n");
}
