/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Rows, rules and totals of one engine. Rows are appended as flows close; when there are a quarter
 * more than the bound, the oldest beyond it are folded into the sums. What stays is always the
 * row_max rows opened last, whatever the order they closed in.
 */
#include "report/tally.h"

#include "base/table.h"
#include "report/row_pack.h"
#include "report/rows.h"
#include "report/sums.h"

#include <stdlib.h>

struct rule_entry {
	struct tally_rule sum;
};

/* A rule that dropped a message of a flow whose row names another rule. */
struct extra_entry {
	struct table_node node;
	struct dpi_key key;
	uint64_t first_ns, rule;
};

enum { EXTRAS_MAX = 65536 };

struct tally {
	struct rows rows;
	size_t row_max;
	struct sums *folded;
	struct rule_entry **rules; /* in order of id */
	size_t rule_count, rule_cap;
	struct rule_entry *last_rule; /* of the last dropped frame */
	struct table extras;
	struct engine_counters totals;
	struct defrag_counters defrag;
	uint64_t first_ns, last_ns;
	uint64_t unlisted;
	bool failed;
};

struct tally *tally_new(size_t row_max)
{
	struct tally *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->row_max = row_max ? row_max : TALLY_ROWS_OFFLINE;
	t->rows.spool.plain_max = SIZE_MAX;
	t->folded = sums_new(t->row_max > TALLY_ROWS_LIVE ? t->row_max : TALLY_ROWS_LIVE);
	if (!t->folded) {
		free(t);
		return NULL;
	}
	return t;
}

static void free_extras(struct tally *t)
{
	struct table_node *n = table_walk(&t->extras, NULL);

	while (n) {
		struct table_node *next = table_walk(&t->extras, n);

		free(table_entry(n, struct extra_entry, node));
		n = next;
	}
	table_clear(&t->extras);
}

void tally_free(struct tally *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->rule_count; i++)
		free(t->rules[i]);
	rows_clear(&t->rows);
	free(t->rules);
	free_extras(t);
	sums_free(t->folded);
	free(t);
}

/* Folds the oldest rows until `keep` are left; without memory they stay. */
static void fold(struct tally *t, size_t keep)
{
	struct connection c;
	size_t surplus;

	if (t->rows.count <= keep)
		return;
	surplus = t->rows.count - keep;
	if (rows_sort(&t->rows)) {
		t->failed = true;
		return;
	}
	for (size_t i = 0; i < surplus; i++) {
		rows_get(&t->rows, i, &c);
		sums_add(t->folded, &c);
	}
	t->unlisted += surplus;
	if (rows_cut(&t->rows, surplus))
		t->failed = true;
}

static void widen_span(struct tally *t, uint64_t first_ns, uint64_t last_ns)
{
	if (first_ns && (!t->first_ns || first_ns < t->first_ns))
		t->first_ns = first_ns;
	if (last_ns > t->last_ns)
		t->last_ns = last_ns;
}

/* Adds a row of c, with the names of f where there is one. */
static void append(struct tally *t, const struct connection *c, const struct flow *f)
{
	if (t->rows.count >= t->row_max + t->row_max / 4 + 1)
		fold(t, t->row_max);
	widen_span(t, c->first_ns, c->last_ns);
	if (!rows_add(&t->rows, c, f))
		return;
	t->failed = true;
	t->unlisted++;
	sums_add(t->folded, c);
}

void tally_add_connection(struct tally *t, const struct connection *c)
{
	append(t, c, NULL);
}

/* Where a rule is, or where it belongs. */
static size_t rule_place(const struct tally *t, uint64_t id)
{
	size_t low = 0, high = t->rule_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->rules[middle]->sum.id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct rule_entry *rule_entry(struct tally *t, uint64_t id)
{
	size_t at = rule_place(t, id);
	struct rule_entry *r;

	if (at < t->rule_count && t->rules[at]->sum.id == id)
		return t->rules[at];
	if (t->rule_count == t->rule_cap) {
		size_t cap = t->rule_cap ? t->rule_cap * 2 : 16;
		struct rule_entry **rules = realloc(t->rules, cap * sizeof(struct rule_entry *));

		if (!rules)
			return NULL;
		t->rules = rules;
		t->rule_cap = cap;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->sum.id = id;
	memmove(t->rules + at + 1, t->rules + at,
		(t->rule_count - at) * sizeof(struct rule_entry *));
	t->rules[at] = r;
	t->rule_count++;
	return r;
}

void tally_add_rule(struct tally *t, uint64_t rule, uint64_t packets, uint64_t bytes,
		    uint64_t flows)
{
	struct rule_entry *r = t->last_rule;

	if (!r || r->sum.id != rule)
		r = rule_entry(t, rule);
	if (!r) {
		t->failed = true;
		return;
	}
	t->last_rule = r;
	r->sum.packets += packets;
	r->sum.bytes += bytes;
	r->sum.flows += flows;
}

void tally_frame(struct tally *t, const struct frame *f, const struct outcome *o)
{
	widen_span(t, f->ts_ns, f->ts_ns);
	if (o->action == DPI_DROP && o->rule)
		tally_add_rule(t, o->rule, 1, f->wire_len, 0);
}

/* Counts a flow for a rule that dropped a message of it and is not the one its row will name. */
static void add_message(struct tally *t, const struct event *e)
{
	struct extra_entry *x, probe = {
				       .key = e->flow->key,
				       .first_ns = e->flow->first_ns,
				       .rule = e->decision.rule,
			       };
	const size_t from = offsetof(struct extra_entry, key);
	uint64_t hash;

	if (!e->decision.rule || e->flow->decision.rule == e->decision.rule)
		return;
	hash = table_hash((uint64_t)(uintptr_t)t, &probe.key, sizeof(probe) - from);
	for (struct table_node *n = table_first(&t->extras, hash); n; n = table_next(n)) {
		x = table_entry(n, struct extra_entry, node);
		if (!memcmp(&x->key, &probe.key, sizeof(probe) - from))
			return;
	}
	if (t->extras.count >= EXTRAS_MAX)
		free_extras(t);
	x = malloc(sizeof(*x));
	if (!x)
		return;
	*x = probe;
	if (table_add(&t->extras, &x->node, hash))
		free(x);
	else
		tally_add_rule(t, e->decision.rule, 0, 0, 1);
}

void tally_event(struct tally *t, const struct event *e)
{
	struct connection c;

	if (e->type == EVENT_MESSAGE && e->flow) {
		add_message(t, e);
	} else if (e->type == EVENT_FLOW_CLOSED && e->flow) {
		connection_nameless(&c, e->flow);
		append(t, &c, e->flow);
	}
}

static void take_event(void *ctx, const struct event *e)
{
	tally_event(ctx, e);
}

struct event_sink tally_sink(struct tally *t)
{
	return (struct event_sink){.ctx = t, .emit = take_event};
}

#define X(name, help) +1
_Static_assert(sizeof(struct engine_counters) == sizeof(uint64_t) * (0 ENGINE_COUNTERS(X)) &&
		       sizeof(struct defrag_counters) == sizeof(uint64_t) * (0 DEFRAG_COUNTERS(X)),
	       "counters and nothing else");
#undef X

/* Counters are a row of numbers, of so many bytes. */
static void add_counters(void *into, const void *from, size_t size)
{
	uint64_t *to = into;
	const uint64_t *c = from;

	for (size_t i = 0; i < size / sizeof(*c); i++)
		to[i] += c[i];
}

void tally_add_engine(struct tally *t, const struct engine_counters *c)
{
	add_counters(&t->totals, c, sizeof(*c));
}

void tally_add_defrag(struct tally *t, const struct defrag_counters *c)
{
	add_counters(&t->defrag, c, sizeof(*c));
}

void tally_add_span(struct tally *t, uint64_t first_ns, uint64_t last_ns)
{
	widen_span(t, first_ns, last_ns);
}

void tally_add_packed(struct tally *t, struct slice rows)
{
	if (rows_add_packed(&t->rows, rows))
		t->failed = true;
}

const struct rows *tally_rows(const struct tally *t)
{
	return &t->rows;
}

/* Adds everything but the rows. */
static void merge_counts(struct tally *into, const struct tally *from)
{
	for (size_t i = 0; i < from->rule_count; i++) {
		const struct tally_rule *r = &from->rules[i]->sum;

		tally_add_rule(into, r->id, r->packets, r->bytes, r->flows);
	}
	sums_merge(into->folded, from->folded);
	tally_add_engine(into, &from->totals);
	tally_add_defrag(into, &from->defrag);
	widen_span(into, from->first_ns, from->last_ns);
	into->unlisted += from->unlisted;
	into->failed |= from->failed;
	if (into->rows.count > into->row_max + into->row_max / 4)
		fold(into, into->row_max);
}

void tally_merge(struct tally *into, const struct tally *from)
{
	if (rows_copy(&into->rows, &from->rows))
		into->failed = true;
	merge_counts(into, from);
}

void tally_absorb(struct tally *into, struct tally *from)
{
	if (rows_move(&into->rows, &from->rows))
		into->failed = true;
	merge_counts(into, from);
}

void tally_shed(struct tally *t, struct tally *fresh)
{
	struct tally all = *t;

	*t = *fresh;
	t->extras = all.extras;
	*fresh = all;
	fresh->extras = (struct table){0};
	fresh->last_rule = NULL;
}

bool tally_is_empty(const struct tally *t)
{
	return !t->rows.count && !t->rule_count && !t->unlisted && !t->failed;
}

struct tally *tally_copy(const struct tally *t)
{
	struct tally *copy = tally_new(t->row_max);

	if (copy)
		tally_merge(copy, t);
	return copy;
}

struct engine_counters *tally_totals(struct tally *t)
{
	return &t->totals;
}

const struct defrag_counters *tally_defrag(const struct tally *t)
{
	return &t->defrag;
}

void tally_spool(struct tally *t, size_t plain_max)
{
	t->rows.spool.plain_max = plain_max;
	sums_spool(t->folded, plain_max);
}

bool tally_is_spooled(const struct tally *t)
{
	return t->rows.spool.plain_max != SIZE_MAX;
}

void tally_reuse(struct tally *t, struct pages *pages)
{
	t->rows.spool.pages = pages;
}

struct pages *tally_pages(const struct tally *t)
{
	return t->rows.spool.pages;
}

size_t tally_settle(struct tally *t)
{
	fold(t, t->row_max);
	return t->rows.count;
}

int tally_sort(struct tally *t)
{
	int err = rows_sort(&t->rows);

	if (err)
		t->failed = true;
	return err;
}

size_t tally_row_count(struct tally *t)
{
	size_t count = tally_settle(t);

	return tally_sort(t) ? 0 : count;
}

void tally_row(const struct tally *t, size_t i, struct connection *out)
{
	rows_get(&t->rows, i, out);
}

bool tally_row_is_blocked(const struct tally *t, size_t i)
{
	return row_is_blocked(t->rows.place[i].at);
}

uint64_t tally_unlisted(const struct tally *t)
{
	return t->unlisted;
}

void tally_span(const struct tally *t, uint64_t *first_ns, uint64_t *last_ns)
{
	*first_ns = t->first_ns;
	*last_ns = t->last_ns;
}

bool tally_failed(const struct tally *t)
{
	return t->failed || t->folded->failed;
}

bool tally_next_rule(const struct tally *t, size_t *at, struct tally_rule *out)
{
	if (*at >= t->rule_count)
		return false;
	*out = t->rules[(*at)++]->sum;
	return true;
}

bool tally_find_rule(const struct tally *t, uint64_t id, struct tally_rule *out)
{
	size_t at = rule_place(t, id);

	if (at >= t->rule_count || t->rules[at]->sum.id != id)
		return false;
	*out = t->rules[at]->sum;
	return true;
}

const struct sums *tally_folded(const struct tally *t)
{
	return t->folded;
}
