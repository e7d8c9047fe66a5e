/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Adding up what other rules would do; see difference.h. Room: report. Each table is bounded; what
 * does not fit is counted.
 */
#include "report/difference_inside.h"

#include <stdlib.h>

struct difference *difference_new(const struct difference_config *config)
{
	struct difference *d = calloc(1, sizeof(*d));

	if (d)
		d->config = *config;
	return d;
}

static void sums_clear(struct difference_sums *s)
{
	struct table_node *n = table_walk(&s->table, NULL), *next;

	/* The walk needs what it stands on until it has moved on. */
	for (; n; n = next) {
		next = table_walk(&s->table, n);
		free(table_entry(n, struct difference_sum, node));
	}
	table_clear(&s->table);
}

void difference_free(struct difference *d)
{
	if (!d)
		return;
	sums_clear(&d->apps);
	sums_clear(&d->rules);
	sums_clear(&d->names);
	for (size_t i = 0; i < d->row_count; i++)
		connection_clear(&d->row[i].c);
	free(d->row);
	free(d);
}

void difference_set_runs(struct difference *d, const struct difference_runs *runs)
{
	d->runs = *runs;
}

/* --- sums ------------------------------------------------------------------------------------- */

static struct difference_sum *sum_find(const struct difference_sums *s, uint64_t hash, uint64_t id,
				       struct slice text)
{
	struct table_node *n = table_first(&s->table, hash);

	for (; n; n = table_next(n)) {
		struct difference_sum *sum = table_entry(n, struct difference_sum, node);

		if (sum->id == id && strlen(sum->text) == text.len &&
		    memcmp(sum->text, text.at, text.len) == 0)
			return sum;
	}
	return NULL;
}

/* The sum of an id or a text, made when it is new. NULL: the table is full, or no memory. */
static struct difference_sum *sum_of(struct difference *d, struct difference_sums *s, uint64_t id,
				     struct slice text)
{
	uint64_t hash = table_hash(id, text.at, text.len);
	struct difference_sum *sum = sum_find(s, hash, id, text);

	if (sum || s->table.count >= DIFFERENCE_NAMES_MAX)
		return sum;
	sum = calloc(1, sizeof(*sum) + text.len + 1);
	if (!sum || table_add(&s->table, &sum->node, hash)) {
		free(sum);
		d->failed = true;
		return NULL;
	}
	sum->id = id;
	memcpy(sum->text, text.at, text.len);
	return sum;
}

static void count_add(struct difference_count *to, const struct difference_count *c)
{
	to->flows += c->flows;
	to->packets += c->packets;
	to->bytes += c->bytes;
}

static void sum_add(struct difference *d, struct difference_sums *s, uint64_t id, struct slice text,
		    enum difference_fate fate, const struct difference_count *c)
{
	struct difference_sum *sum = sum_of(d, s, id, text);

	if (sum)
		count_add(&sum->count[fate], c);
	else
		s->left_out++;
}

static int order(const void *a, const void *b)
{
	const struct difference_sum *x = *(const struct difference_sum *const *)a;
	const struct difference_sum *y = *(const struct difference_sum *const *)b;
	uint64_t of_x = x->count[FATE_DROP].flows + x->count[FATE_PASS].flows;
	uint64_t of_y = y->count[FATE_DROP].flows + y->count[FATE_PASS].flows;

	if (of_x != of_y)
		return of_x > of_y ? -1 : 1;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return strcmp(x->text, y->text);
}

const struct difference_sum **difference_order(const struct difference_sums *s)
{
	const struct difference_sum **list = calloc(s->table.count + 1, sizeof(*list));
	size_t count = 0;

	if (!list)
		return NULL;
	for (struct table_node *n = table_walk(&s->table, NULL); n; n = table_walk(&s->table, n))
		list[count++] = table_entry(n, struct difference_sum, node);
	qsort(list, count, sizeof(*list), order);
	return list;
}

void difference_label(const struct difference *d, uint64_t rule, char *out, size_t size)
{
	bool is_before = rule && rules_by_id(d->config.before, rule);

	report_rule_label(is_before ? d->config.before : d->config.after, rule, out, size);
}

/* --- flows ------------------------------------------------------------------------------------ */

static bool is_message(const struct connection *c)
{
	return c->key.proto == DPI_IP_UDP &&
	       (c->proto == PROTO_DNS || c->proto == PROTO_MDNS || c->proto == PROTO_LLMNR);
}

static void row_add(struct difference *d, const struct connection *c,
		    const struct difference_side *before, const struct difference_side *after)
{
	struct difference_row *more;
	uint8_t *names = NULL;

	if (d->row_count >= d->config.listed_max) {
		d->rows_left_out++;
		return;
	}
	more = realloc(d->row, (d->row_count + 1) * sizeof(*more));
	if (more)
		d->row = more;
	if (more && c->names_len)
		names = malloc(c->names_len);
	if (!more || (c->names_len && !names)) {
		d->failed = true;
		return;
	}
	if (names)
		memcpy(names, c->names, c->names_len);
	more = &d->row[d->row_count++];
	*more = (struct difference_row){.c = *c, .before = *before, .after = *after};
	more->c.names = names;
}

/* What a flow's fate is worth: of a capture, what is dropped one time and not the other. */
static struct difference_count worth_of(const struct difference *d, const struct connection *c,
					const struct difference_side *more,
					const struct difference_side *less)
{
	if (!d->config.input)
		return (struct difference_count){1, connection_packets(c), connection_bytes(c)};
	return (struct difference_count){1, more->packets - less->packets,
					 more->bytes > less->bytes ? more->bytes - less->bytes : 0};
}

/* Whether a flow fares differently, and how. */
static bool is_different(const struct difference_side *before, const struct difference_side *after,
			 enum difference_fate *fate)
{
	*fate = after->packets > before->packets ||
				(after->packets == before->packets && after->is_dropped)
			? FATE_DROP
			: FATE_PASS;
	return after->packets != before->packets || after->is_dropped != before->is_dropped;
}

/* A flow of a capture that a rule drops both times, but another one: the one gives up what the
 * other takes. */
static void swap_add(struct difference *d, const struct difference_side *before,
		     const struct difference_side *after)
{
	struct difference_count gone = {1, before->packets, before->bytes};
	struct difference_count come = {1, after->packets, after->bytes};

	sum_add(d, &d->rules, before->rule, slice_of("", 0), FATE_PASS, &gone);
	sum_add(d, &d->rules, after->rule, slice_of("", 0), FATE_DROP, &come);
}

void difference_add(struct difference *d, const struct connection *c,
		    const struct difference_side *before, const struct difference_side *after)
{
	const struct difference_side *more = after, *less = before;
	struct connection_name name = {.text = slice_of("", 0)};
	struct difference_count worth;
	enum difference_fate fate;
	bool is_swap = d->config.input && before->is_dropped && after->is_dropped &&
		       before->rule != after->rule;
	size_t at = 0;

	d->flows++;
	d->packets += connection_packets(c);
	d->messages += is_message(c);
	d->unnamed += c->proto == PROTO_NONE && !c->name_count;
	if (is_swap)
		swap_add(d, before, after);
	if (!is_different(before, after, &fate)) {
		d->other_rule += before->rule != after->rule;
		return;
	}
	if (fate == FATE_PASS) {
		more = before;
		less = after;
	}
	worth = worth_of(d, c, more, less);
	connection_next_name(c, &at, &name);
	count_add(&d->total[fate], &worth);
	sum_add(d, &d->apps, (uint64_t)c->app, slice_of("", 0), fate, &worth);
	if (!is_swap)
		sum_add(d, &d->rules, more->rule, slice_of("", 0), fate, &worth);
	sum_add(d, &d->names, 0, name.text, fate, &worth);
	row_add(d, c, before, after);
}
