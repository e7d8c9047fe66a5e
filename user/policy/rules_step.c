/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: the step from one set of rules to another; see rules_step.h.
 */
#include "policy/rules_step.h"
#include "policy/rules_inside.h"
#include "policy/value.h"

#include <errno.h>
#include <stdio.h>

/* --- finding ---------------------------------------------------------------------------------- */

static bool has_same_lists(const struct rules *a, const struct rules *b)
{
	if (a->lists.count != b->lists.count)
		return false;
	for (size_t i = 0; i < a->lists.count; i++)
		if (list_shelf_find(&b->lists, a->lists.place[i].id) != a->lists.place[i].list)
			return false;
	return true;
}

static int note(struct rules_step *s, const struct rule *rule)
{
	/* What a list or a device is, other rules hang on. */
	if (s->count == RULES_STEP_MAX || rule->kind == RULE_LIST || rule->kind == RULE_DEVICE)
		return -E2BIG;
	s->rule[s->count++] = rule;
	return 0;
}

/* Both sets, each at a rule that is not passed over yet; NULL behind the last. */
struct pair {
	const struct rules *set[2];
	struct rules_walk walk[2];
	const struct rule *at[2];
};

static void go_on(struct pair *p, int i)
{
	p->at[i] = rules_next(p->set[i], &p->walk[i]);
}

/* Passes over what both have alike, and notes what goes, as long as the order is the same. */
static int pass_same(struct pair *p, struct rules_step *out)
{
	int err = 0;

	while (p->at[0] && !err) {
		if (p->at[1] && rule_store_is_same(p->at[0], p->at[1])) {
			rules_skip_shared(p->set[0], &p->walk[0], p->set[1], &p->walk[1]);
			go_on(p, 1);
		} else if (!rules_holds(p->set[1], p->at[0])) {
			err = note(out, p->at[0]);
		} else {
			return 0;
		}
		go_on(p, 0);
	}
	return err;
}

int rules_step_find(const struct rules *before, const struct rules *after, struct rules_step *out)
{
	struct pair p = {.set = {before, after}};
	int err = has_same_lists(before, after) ? 0 : -E2BIG;

	out->gone = out->count = 0;
	rules_skip_shared(before, &p.walk[0], after, &p.walk[1]);
	go_on(&p, 0);
	go_on(&p, 1);
	if (!err)
		err = pass_same(&p, out);
	/* Where the order is another, all that is left goes, and comes again. */
	for (; p.at[0] && !err; go_on(&p, 0))
		err = note(out, p.at[0]);
	out->gone = out->count;
	for (; p.at[1] && !err; go_on(&p, 1))
		err = note(out, p.at[1]);
	return err;
}

/* --- as text ---------------------------------------------------------------------------------- */

void rules_line_write(const struct rule *r, bool is_added, struct text *out)
{
	char value[RULE_TEXT_MAX];

	text_printf(out, "%c %s %s %s\n", is_added ? '+' : '-', r->is_allow ? "allow" : "block",
		    rule_kind_name(r->kind), rule_text(r, value));
}

static bool take_word(struct slice *s, const char *word)
{
	size_t len = strlen(word);

	if (s->len < len || memcmp(s->at, word, len) != 0)
		return false;
	*s = slice_from(*s, len);
	return true;
}

bool rules_line_read(struct slice line, struct rules_line *out)
{
	out->is_added = take_word(&line, "+ ");
	if (!out->is_added && !take_word(&line, "- "))
		return false;
	out->is_allow = take_word(&line, "allow ");
	if (!out->is_allow && !take_word(&line, "block "))
		return false;
	for (int k = 0; k < RULE_KINDS; k++) {
		struct slice value = line;

		if (!take_word(&value, rule_kind_name((enum rule_kind)k)) ||
		    !take_word(&value, " "))
			continue;
		out->kind = (enum rule_kind)k;
		out->value = value;
		return true;
	}
	return false;
}

struct slice rules_line_next(struct slice *lines)
{
	const uint8_t *newline = memchr(lines->at, '\n', lines->len);
	size_t len = newline ? (size_t)(newline - lines->at) : lines->len;
	struct slice line = slice_first(*lines, len);

	*lines = slice_from(*lines, len + (newline != NULL));
	return line;
}

void rules_step_write(const struct rules_step *s, struct text *out)
{
	for (size_t i = 0; i < s->count; i++)
		rules_line_write(s->rule[i], i >= s->gone, out);
}

int rules_step_take(struct rules *r, struct slice lines, const struct rule_apps *apps,
		    struct fault *f)
{
	struct rules_line l;

	while (lines.len) {
		int changed;

		if (!rules_line_read(rules_line_next(&lines), &l))
			return fault_set(f, -EINVAL, "a change of rules is damaged");
		changed = l.is_added
				  ? rules_add(r, l.kind, l.is_allow, l.value, apps, RULES_FORCE, f)
				  : rules_remove(r, l.kind, l.is_allow, l.value, apps, f);
		if (changed < 0)
			return changed;
		if (!changed)
			return fault_set(f, -ESTALE, "a change of other rules");
	}
	return 0;
}

/* --- of one suffix ---------------------------------------------------------------------------- */

size_t rules_of_suffix(const struct rules *r, const struct rule *like,
		       const struct rule *out[RULES_OF_SUFFIX_MAX])
{
	struct slice subject = rule_subject(like), device = rule_device(like);
	size_t count = 0, number[RULES_OF_SUFFIX_MAX];
	char value[VALUE_MAX + 1];

	for (unsigned form = 0; form < RULES_OF_SUFFIX_MAX; form++) {
		bool is_allow = form & 4;
		const struct rule *rule;
		size_t n, i;

		snprintf(value, sizeof(value), "%s%s%.*s%s%.*s", form & 1 ? "learnt:" : "",
			 form & 2 ? "=" : "", (int)subject.len, (const char *)subject.at,
			 device.len ? VALUE_DEVICE : "", (int)device.len, (const char *)device.at);
		rule = rules_by_id(r, value_id(RULE_DOMAIN, is_allow, value));
		if (!rule || rule->kind != RULE_DOMAIN || strcmp(rule->value, value) != 0)
			continue;
		n = rules_number(r, rule);
		for (i = count++; i > 0 && number[i - 1] > n; i--) {
			number[i] = number[i - 1];
			out[i] = out[i - 1];
		}
		number[i] = n;
		out[i] = rule;
	}
	return count;
}
