/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: the rules of one moment; see rules_when.h.
 */
#include "policy/rules_when.h"

void rule_when_read(const struct rule *r, struct when *out)
{
	/* What is in a set was read once, so it can be read again. */
	if (!r->is_timed || when_read(slice_text(rule_when(r)), out, NULL))
		*out = (struct when){.until_s = WHEN_NEVER};
}

bool rule_is_on(const struct rule *r, int64_t moment_s, int64_t *until_s)
{
	struct when w;

	*until_s = WHEN_NEVER;
	if (!r->is_timed)
		return true;
	rule_when_read(r, &w);
	return when_is_on(&w, moment_s, until_s);
}

struct moment {
	int64_t at_s, until_s;
	bool is_paused;
	size_t off;
};

static bool keeps(void *ctx, const struct rule *rule)
{
	struct moment *m = ctx;
	int64_t until_s;
	bool is_on = rule_is_on(rule, m->at_s, &until_s);

	if (until_s < m->until_s)
		m->until_s = until_s;
	return is_on && (!m->is_paused || rule->is_allow || rule->kind == RULE_DEVICE);
}

struct rules *rules_in_force(const struct rules *r, int64_t moment_s, bool is_paused,
			     int64_t *until_s)
{
	struct moment m = {.at_s = moment_s, .until_s = WHEN_NEVER, .is_paused = is_paused};
	struct rules *out = is_paused ? rules_filter(r, keeps, &m, true)
				      : rules_sift_timed(r, keeps, &m, true);

	*until_s = m.until_s;
	return out;
}

static bool is_any(void *ctx, const struct rule *rule)
{
	return true;
}

struct rules *rules_always(const struct rules *r)
{
	return rules_timed(r) ? rules_filter(r, is_any, NULL, true) : rules_copy(r);
}

static bool goes_on(void *ctx, const struct rule *rule)
{
	struct moment *m = ctx;
	struct when w;

	rule_when_read(rule, &w);
	m->off += when_is_over(&w, m->at_s);
	return !when_is_over(&w, m->at_s);
}

struct rules *rules_not_over(const struct rules *r, int64_t moment_s, size_t *ended)
{
	struct moment m = {.at_s = moment_s};
	struct rules *out = rules_sift_timed(r, goes_on, &m, false);

	*ended = m.off;
	return out;
}

void rule_state_write(const struct rule *r, int64_t moment_s, struct text *out)
{
	char left[WHEN_MOMENT_MAX], wall[WHEN_MOMENT_MAX];
	int64_t until_s;
	bool is_on = rule_is_on(r, moment_s, &until_s);
	struct when w;

	rule_when_read(r, &w);
	text_puts(out, is_on ? "in force" : "not in force");
	if (when_is_over(&w, moment_s))
		text_puts(out, ": it is over");
	else if (until_s != WHEN_NEVER)
		text_printf(out, "; %s in %s, %s", is_on ? "ends" : "begins",
			    when_length_format(until_s - moment_s, left),
			    when_wall_format(until_s, wall));
}

static void remark(void *ctx, const struct rule *rule, struct text *out)
{
	if (!rule->is_timed)
		return;
	text_puts(out, "    # ");
	rule_state_write(rule, *(const int64_t *)ctx, out);
}

char *rules_format_at(const struct rules *r, int64_t moment_s)
{
	return rules_format_with(r, remark, &moment_s);
}
