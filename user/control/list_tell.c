/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How a list stands; see list_tell.h.
 */
#include "control/list_tell.h"

#include <inttypes.h>

#include "control/list_store.h"

void list_tell_json(const struct list_told *t, struct text *out)
{
	char label[64];

	rule_label(t->rule, label, sizeof(label));
	text_puts(out, "{\"list\":");
	text_json(out, slice_text(label));
	text_puts(out, ",\"name\":");
	text_json(out, rule_list_name(t->rule));
	text_printf(out, ",\"action\":\"%s\",\"source\":", t->rule->is_allow ? "allow" : "block");
	text_json(out, rule_list_source(t->rule));
	text_printf(out, ",\"every_s\":%u,\"state\":\"%s\",\"loaded\":%s", t->rule->list.every_s,
		    t->state, t->is_there ? "true" : "false");
#define X(name, help) text_printf(out, ",\"" #name "\":%" PRIu64, t->counts->name);
	LIST_COUNTS(X)
#undef X
	text_printf(out,
		    ",\"fetched_s\":%" PRId64 ",\"checked_s\":%" PRId64 ",\"next_in_s\":%" PRId64
		    ",\"fetches\":%" PRIu64 ",\"failures\":%" PRIu64 ",\"error\":",
		    t->fetched_s, t->checked_s, t->next_in_s, t->fetches, t->failures);
	if (t->why[0])
		text_json(out, slice_text(t->why));
	else
		text_puts(out, "null");
	text_putc(out, '}');
}

static void tell_age(int64_t age_s, struct text *out)
{
	if (age_s < 120)
		text_puts(out, "just fetched");
	else if (age_s < 2 * 3600)
		text_printf(out, "%" PRId64 " min old", age_s / 60);
	else if (age_s < 2 * 86400)
		text_printf(out, "%" PRId64 " h old", age_s / 3600);
	else
		text_printf(out, "%" PRId64 " days old", age_s / 86400);
}

void list_tell_words(const struct list_told *t, int64_t now_s, struct text *out)
{
	const struct list_counts *c = t->counts;
	uint64_t left_out = c->cosmetic + c->options + c->patterns + c->local + c->suffixes +
			    c->rewrites + c->unknown;

	if (t->is_there) {
		text_printf(out, "%" PRIu64 " name%s, %" PRIu64 " address%s", c->names,
			    c->names == 1 ? "" : "s", c->addrs, c->addrs == 1 ? "" : "es");
		if (left_out)
			text_printf(out, ", %" PRIu64 " left out", left_out);
		text_puts(out, "; ");
		tell_age(now_s - t->checked_s, out);
	} else {
		text_puts(out, t->why[0] ? "nothing in it yet" : "being fetched");
	}
	if (t->why[0]) {
		text_printf(out, "; %s: ", t->state);
		text_escaped(out, slice_text(t->why));
	}
}

void list_tell_line(const struct list_told *t, int64_t now_s, struct text *out)
{
	text_puts(out, "  # ");
	list_tell_words(t, now_s, out);
}

void list_tell_stored(const struct paths *p, const struct rules *rules, struct text *out)
{
	struct rules_walk w = {0};
	const struct rule *r;
	bool is_first = true;

	text_puts(out, "{\"lists\":[");
	while ((r = rules_next(rules, &w))) {
		struct list_copy c = {0};
		struct list_told t;

		if (r->kind != RULE_LIST)
			continue;
		(void)list_store_load(p, r, &c, NULL);
		t = (struct list_told){
			.rule = r,
			.state = c.list ? "stored" : "missing",
			.is_there = c.list != NULL,
			.counts = &c.counts,
			.fetched_s = c.fetched_s,
			.checked_s = c.checked_s,
			.why = "",
		};
		if (!is_first)
			text_putc(out, ',');
		list_tell_json(&t, out);
		list_copy_clear(&c);
		is_first = false;
	}
	text_puts(out, "]}\n");
}
