/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A tally packed: what is counted, then what each rule dropped, then the rows as they are kept.
 *
 *   | head | rule ... | row ... |
 */
#include "report/tally_pack.h"

#include <errno.h>
#include "report/rows.h"

struct pack_head {
	struct engine_counters totals;
	struct defrag_counters defrag;
	uint64_t first_ns, last_ns;
	uint64_t rule_count;
};

static int put_rules(const struct tally *t, const struct report_out *to)
{
	struct tally_rule rule;
	int err = 0;

	for (size_t at = 0; !err && tally_next_rule(t, &at, &rule);)
		err = to->write(to->ctx, &rule, sizeof(rule));
	return err;
}

int tally_pack(struct tally *t, const struct report_out *to)
{
	const struct rows *rows = tally_rows(t);
	struct pack_head head = {.totals = *tally_totals(t), .defrag = *tally_defrag(t)};
	struct tally_rule rule;
	int err;

	if (tally_unlisted(t) || tally_failed(t))
		return -EOVERFLOW;
	tally_span(t, &head.first_ns, &head.last_ns);
	for (size_t at = 0; tally_next_rule(t, &at, &rule);)
		head.rule_count++;
	err = to->write(to->ctx, &head, sizeof(head));
	if (!err)
		err = put_rules(t, to);
	for (size_t i = 0; i < rows->chunk_count && !err; i++)
		err = to->write(to->ctx, rows->chunk[i].at, rows->chunk[i].len);
	return err;
}

int tally_unpack(struct tally *into, struct slice packed)
{
	struct pack_head head;
	struct tally_rule rule;

	if (packed.len < sizeof(head))
		return -EINVAL;
	memcpy(&head, packed.at, sizeof(head));
	packed = slice_from(packed, sizeof(head));
	if (packed.len / sizeof(rule) < head.rule_count)
		return -EINVAL;
	for (; head.rule_count; head.rule_count--) {
		memcpy(&rule, packed.at, sizeof(rule));
		tally_add_rule(into, rule.id, rule.packets, rule.bytes, rule.flows);
		packed = slice_from(packed, sizeof(rule));
	}
	tally_add_engine(into, &head.totals);
	tally_add_defrag(into, &head.defrag);
	tally_add_span(into, head.first_ns, head.last_ns);
	tally_add_packed(into, packed);
	return 0;
}
