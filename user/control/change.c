/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Changing rules; see change.h.
 */
#include "control/change.h"

#include <errno.h>
#include <unistd.h>

static int change_value(struct rules *rules, const struct change *c, struct slice value,
			const struct rule_apps *apps, struct fault *f)
{
	unsigned options = c->is_forced ? RULES_FORCE : 0;

	if (c->is_remove)
		return rules_remove(rules, c->kind, c->is_allow, value, apps, f);
	return rules_add(rules, c->kind, c->is_allow, value, apps, options, f);
}

static void note_value(const struct change *c, struct slice value, int changed, struct text *note)
{
	const char *done = c->is_remove ? (c->is_allow ? "no longer allowed" : "no longer blocked")
					: (c->is_allow ? "allowed" : "blocked");
	const char *same = c->is_remove ? "there was no such rule" : "the rule was there already";

	text_printf(note, "%s ", rule_kind_name(c->kind));
	text_escaped(note, value);
	text_printf(note, ": %s\n", changed ? done : same);
}

/* Changes one value and adds a line about it. Returns 1, 0, or a fault. */
static int change_one(struct rules *rules, const struct change *c, const char *value,
		      const struct rule_apps *apps, struct text *note, struct fault *f)
{
	struct text whole = {0};
	struct slice s;
	int changed;

	if (c->is_learnt)
		text_puts(&whole, "learnt:");
	text_puts(&whole, value);
	s = slice_of(whole.at ? whole.at : "", whole.len);
	changed = whole.failed ? fault_set(f, -ENOMEM, "out of memory")
			       : change_value(rules, c, s, apps, f);
	if (changed >= 0)
		note_value(c, s, changed, note);
	text_clear(&whole);
	return changed;
}

int change_apply(struct rules **rules, const struct change *c, const struct catalogue *catalogue,
		 struct text *note, struct fault *f)
{
	struct rule_apps apps = catalogue_rule_apps(catalogue);
	struct rules *next = rules_copy(*rules);
	int changed = 0;

	if (!next)
		return fault_set(f, -ENOMEM, "out of memory");
	for (size_t i = 0; i < c->value_count; i++) {
		int one = change_one(next, c, c->values[i], &apps, note, f);

		if (one < 0) {
			rules_free(next);
			return one;
		}
		changed += one;
	}
	rules_free(*rules);
	*rules = next;
	return changed;
}

void change_rules_json(const struct rules *rules, struct text *out)
{
	char label[600];

	text_puts(out, "{\"rules\":[");
	for (size_t i = 0; i < rules_count(rules); i++) {
		const struct rule *r = rules_at(rules, i);

		rule_label(r, label, sizeof(label));
		text_printf(out, "%s{\"rule\":", i ? "," : "");
		text_json(out, slice_text(label));
		text_printf(out, ",\"kind\":\"%s\",\"action\":\"%s\",\"value\":",
			    rule_kind_name(r->kind), r->is_allow ? "allow" : "block");
		text_json(out, slice_text(r->value));
		text_putc(out, '}');
	}
	text_puts(out, "]}\n");
}

int change_load(const char *path, const struct catalogue *catalogue, struct rules **out,
		struct fault *f)
{
	struct rule_apps apps = catalogue_rule_apps(catalogue);

	if (access(path, F_OK) && errno == ENOENT) {
		*out = rules_new();
		return *out ? 0 : fault_set(f, -ENOMEM, "out of memory");
	}
	/* What was stored was once accepted, by force where it took force. */
	return rules_load(path, &apps, RULES_FORCE, out, f);
}
