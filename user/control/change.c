/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Changing rules; see change.h.
 */
#include "control/change.h"

#include <errno.h>
#include <unistd.h>

#include "control/history.h"
#include "policy/rules_when.h"

static int change_value(struct rules *rules, const struct change *c, struct slice value,
			const struct rule_apps *apps, struct fault *f)
{
	unsigned options = c->is_forced ? RULES_FORCE : 0;

	if (c->is_remove)
		return rules_remove(rules, c->kind, c->is_allow, value, apps, f);
	return rules_add(rules, c->kind, c->is_allow, value, apps, options, f);
}

/* The value as rules have it: "x" is Twitter, another script A-labels; else as it was written. */
static void note_canonical(const struct change *c, struct slice value, const struct rule_apps *apps,
			   struct text *note)
{
	struct rules *alone = rules_new();
	struct fault ignored;

	if (alone && c->kind != RULE_LIST &&
	    rules_add(alone, c->kind, c->is_allow, value, apps, RULES_FORCE, &ignored) > 0)
		value = slice_text(rules_at(alone, 0)->value);
	text_escaped(note, value);
	rules_free(alone);
}

static void note_value(const struct change *c, struct slice value, const char *when, int changed,
		       const struct rule_apps *apps, struct text *note)
{
	const char *done = c->is_remove ? (c->is_allow ? "no longer allowed" : "no longer blocked")
					: (c->is_allow ? "allowed" : "blocked");
	const char *same = c->is_remove ? "there was no such rule" : "the rule was there already";

	if (c->kind == RULE_DEVICE) {
		done = c->is_remove ? "forgotten" : "known";
		same = c->is_remove ? "there was no such device" : "it was known already";
	}
	text_printf(note, "%s ", rule_kind_name(c->kind));
	note_canonical(c, value, apps, note);
	text_printf(note, ": %s%s%s\n", changed ? done : same, *when && changed ? " " : "",
		    changed ? when : "");
}

/* Changes one value and adds a line about it. Returns 1, 0, or a fault. */
static int change_one(struct rules *rules, const struct change *c, const char *value,
		      const char *when, const struct rule_apps *apps, struct text *note,
		      struct fault *f)
{
	struct text whole = {0};
	struct slice s, bare;
	int changed;

	if (c->is_learnt)
		text_puts(&whole, "learnt:");
	text_puts(&whole, value);
	if (c->device)
		text_printf(&whole, " device %s", c->device);
	bare.len = whole.len;
	text_printf(&whole, "%s%s", *when ? "  " : "", when);
	s = slice_of(whole.at ? whole.at : "", whole.len);
	bare.at = s.at;
	changed = whole.failed ? fault_set(f, -ENOMEM, "out of memory")
			       : change_value(rules, c, s, apps, f);
	if (changed >= 0)
		note_value(c, bare, when, changed, apps, note);
	text_clear(&whole);
	return changed;
}

/* The words for all values of a change. */
static int change_when(const struct change *c, char when[WHEN_TEXT_MAX], struct fault *f)
{
	int err = times_words(&c->times, when, f);

	if (!err && *when && c->is_remove)
		return fault_set(f, -EINVAL, "a rule goes at once: leave the times out");
	return err;
}

int change_apply(struct rules **rules, const struct change *c, const struct catalogue *catalogue,
		 struct text *note, struct fault *f)
{
	struct rule_apps apps = catalogue_rule_apps(catalogue);
	char when[WHEN_TEXT_MAX] = "";
	int changed = 0, one = change_when(c, when, f);
	struct rules *next = one ? NULL : rules_copy(*rules);

	if (!next)
		return one ? one : fault_set(f, -ENOMEM, "out of memory");
	for (size_t i = 0; i < c->value_count; i++) {
		one = change_one(next, c, c->values[i], when, &apps, note, f);
		if (one < 0) {
			rules_free(next);
			return one;
		}
		changed += one;
	}
	one = rules_check_devices(next, f);
	if (one < 0) {
		rules_free(next);
		return one;
	}
	rules_free(*rules);
	*rules = next;
	return changed;
}

void change_times_json(const struct rule *r, int64_t now_s, struct text *out)
{
	char moment[WHEN_MOMENT_MAX];
	int64_t until_s;
	bool is_on = rule_is_on(r, now_s, &until_s);

	text_puts(out, "\"when\":");
	text_json(out, slice_text(rule_when(r)));
	text_printf(out, ",\"in_force\":%s,", is_on ? "true" : "false");
	if (until_s == WHEN_NEVER)
		text_puts(out, "\"changes\":null,\"left_s\":null");
	else
		text_printf(out, "\"changes\":\"%s\",\"left_s\":%lld",
			    when_moment_format(until_s, moment), (long long)(until_s - now_s));
}

void change_rules_json(const struct rules *rules, const struct pause *p, struct text *out)
{
	int64_t now_s = times_now();
	char label[600];

	text_putc(out, '{');
	if (p->is_on) {
		pause_json(p, out);
		text_putc(out, ',');
	}
	text_puts(out, "\"rules\":[");
	for (size_t i = 0; i < rules_count(rules); i++) {
		const struct rule *r = rules_at(rules, i);

		rule_label(r, label, sizeof(label));
		text_printf(out, "%s{\"rule\":", i ? "," : "");
		text_json(out, slice_text(label));
		text_printf(out, ",\"kind\":\"%s\",\"action\":\"%s\",\"value\":",
			    rule_kind_name(r->kind), r->is_allow ? "allow" : "block");
		text_json(out, slice_text(r->value));
		if (r->device_len) {
			text_puts(out, ",\"device\":");
			text_json(out, rule_device(r));
		}
		if (r->is_timed) {
			text_putc(out, ',');
			change_times_json(r, now_s, out);
		}
		text_putc(out, '}');
	}
	text_puts(out, "]}\n");
}

/* Reads what is stored into *all, and what of it is not over into *out. */
static int load(const char *path, const struct catalogue *catalogue, struct rules **all,
		struct rules **out, size_t *ended, struct fault *f)
{
	struct rule_apps apps = catalogue_rule_apps(catalogue);
	int err = 0;

	/* What was stored was once accepted, by force where it took force. */
	if (access(path, F_OK) && errno == ENOENT)
		*all = rules_new();
	else
		err = rules_load(path, &apps, RULES_FORCE, all, f);
	if (err)
		return err;
	*out = *all ? rules_not_over(*all, times_now(), ended) : NULL;
	return *out ? 0 : fault_set(f, -ENOMEM, "out of memory");
}

int change_load(const char *path, const struct catalogue *catalogue, struct rules **out,
		struct fault *f)
{
	struct rules *all = NULL;
	size_t ended;
	int err = load(path, catalogue, &all, out, &ended, f);

	rules_free(all);
	return err;
}

int change_load_settled(const struct paths *p, const struct catalogue *catalogue,
			struct rules **out, struct fault *f)
{
	struct rules *all = NULL;
	struct fault ignored;
	size_t ended = 0;
	int err = load(p->rules, catalogue, &all, out, &ended, f);

	/* Who cannot write that can write nothing else, and is told with what is to come. */
	if (!err && ended)
		history_save(p, all, *out, HISTORY_END, &ignored);
	rules_free(all);
	return err;
}
