/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the supervisor answers about rules: change, list, put others in their place, explain; see
 * asked.h.
 */
#include "agent/asked.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/change.h"
#include "control/history_answer.h"
#include "control/stored.h"
#include "agent/why.h"
#include "policy/rules_when.h"

/* What makes the change, by the request's own word. */
static enum history_by by(const struct asked *a, enum history_by otherwise)
{
	return history_by_of(asked_text(a, "by"), otherwise);
}

int answer_change(struct asked *a)
{
	struct rules *next = rules_copy(a->s->rules);
	struct text notes = {0};
	struct change c;
	struct fault f = {0};
	int changed, err = next ? stored_change_read(a->json, &c) : -ENOMEM;

	if (err) {
		rules_free(next);
		return asked_refuse(a, err, &f);
	}
	changed = change_apply(&next, &c, a->s->catalogue, &notes, &f);
	free((void *)c.values);
	if (changed > 0) {
		err = rules_publish(a->s, next, by(a, HISTORY_COMMAND), &f);
		if (!err)
			next = NULL;
	}
	rules_free(next);
	if (changed >= 0 && !err)
		stored_change_tell(slice_of(notes.at ? notes.at : "", notes.len), changed,
				   rules_count(a->s->rules), asked_flag(a, "json"), a->out);
	text_clear(&notes);
	return changed < 0 || err ? asked_refuse(a, changed < 0 ? changed : err, &f) : DONE;
}

/* What is told behind a rule in the text form. */
struct remarks {
	const struct supervisor *s;
	int64_t moment_s;
};

static void remark(void *ctx, const struct rule *rule, struct text *out)
{
	const struct remarks *r = ctx;

	if (rule->is_timed) {
		text_puts(out, "    # ");
		rule_state_write(rule, r->moment_s, out);
	}
	if (rule->kind == RULE_LIST)
		lists_remark(r->s, rule, out);
}

/* With what is in the lists; "now": of the rules in force alone. */
static int answer_whole(struct asked *a)
{
	size_t len;
	char *text = rules_format_whole(asked_flag(a, "now") ? a->s->in_force : a->s->rules, &len);

	if (!text)
		return FAILED;
	text_add(a->out, text, len);
	free(text);
	return DONE;
}

int answer_rules(struct asked *a)
{
	struct remarks r = {.s = a->s, .moment_s = times_now()};
	char *text;

	if (asked_flag(a, "json")) {
		change_rules_json(a->s->rules, &a->s->pause, a->out);
		return DONE;
	}
	if (asked_flag(a, "whole"))
		return answer_whole(a);
	if (a->s->pause.is_on && !asked_flag(a, "now")) {
		text_puts(a->out, "# ");
		pause_tell(&a->s->pause, false, a->out);
	}
	text = asked_flag(a, "now") ? rules_format(a->s->in_force)
				    : rules_format_with(a->s->rules, remark, &r);
	if (!text)
		return FAILED;
	text_puts(a->out, text);
	free(text);
	return DONE;
}

/* Names the rules in force: two equal answers mean that nothing changed between them. */
static void write_version(const struct supervisor *s, struct text *out)
{
	text_printf(out, "%" PRIu64 "-%" PRIu64, s->started_ns, s->rule_changes);
}

int answer_rules_version(struct asked *a)
{
	write_version(a->s, a->out);
	return DONE;
}

/* False when the request is for other rules than those in force, by their version. */
static bool is_expected(const struct asked *a)
{
	const char *expected = asked_text(a, "expected");
	struct text now = {0};
	bool is_same;

	write_version(a->s, &now);
	is_same = !*expected || (!now.failed && strcmp(now.at, expected) == 0);
	text_clear(&now);
	return is_same;
}

/* Puts other rules, in text form, in place of those in force; no text clears them. With a version
 * in "expected", only in place of those: who worked from older ones must look again. */
int answer_rules_set(struct asked *a)
{
	struct rule_apps apps = catalogue_rule_apps(a->s->catalogue);
	struct rules *next = NULL;
	struct fault f = {0};
	size_t count;
	int err;

	if (!is_expected(a))
		return asked_refuse(
			a,
			fault_set(&f, -EAGAIN, "the rules have changed meanwhile; read them again"),
			&f);
	err = rules_parse(a->data, asked_text(a, "name"), &apps,
			  asked_flag(a, "force") ? RULES_FORCE : 0, &next, &f);
	if (!err)
		err = rules_publish(a->s, next, by(a, HISTORY_LOAD), &f);
	if (err) {
		rules_free(next);
		return asked_refuse(a, err, &f);
	}
	count = rules_count(a->s->rules);
	text_printf(a->out, "%zu rule%s in force\n", count, count == 1 ? "" : "s");
	return DONE;
}

int rules_reload(struct supervisor *s, struct fault *f)
{
	struct rule_apps apps = catalogue_rule_apps(s->catalogue);
	struct rules *next = NULL;
	int err;

	if (s->options.rules[0])
		err = rules_load(s->options.rules, &apps,
				 s->options.is_rules_forced ? RULES_FORCE : 0, &next, f);
	else
		err = change_load(s->paths.rules, s->catalogue, &next, f);
	if (!err)
		err = rules_publish(s, next, HISTORY_RELOAD, f);
	if (err)
		rules_free(next);
	return err;
}

int answer_rules_reload(struct asked *a)
{
	const struct agent_options *o = &a->s->options;
	struct fault f = {0};
	size_t count;
	int err;

	notify_reloading(a->s->notify);
	err = rules_reload(a->s, &f);
	notify_say(a->s->notify, "READY=1");
	if (err)
		return asked_refuse(a, err == -ENOENT ? -EINVAL : err, &f);
	count = rules_count(a->s->rules);
	text_printf(a->out, "%zu rule%s in force, from ", count, count == 1 ? "" : "s");
	text_escaped(a->out, slice_text(o->rules[0] ? o->rules : a->s->paths.rules));
	text_putc(a->out, '\n');
	return DONE;
}

int answer_pause(struct asked *a)
{
	struct pause p = a->s->pause;
	struct fault f = {0};
	int err = pause_read(a->json, &p, &f);

	if (!err && !pause_equal(&p, &a->s->pause))
		err = moments_pause(a->s, &p, &f);
	if (err)
		return asked_refuse(a, err, &f);
	pause_tell(&a->s->pause, asked_flag(a, "json"), a->out);
	return DONE;
}

int answer_rules_history(struct asked *a)
{
	struct fault f = {0};
	int err = history_answer(&a->s->paths, a->s->rules, a->json, a->out, &f);

	return err ? asked_refuse(a, err, &f) : DONE;
}

int answer_rules_rollback(struct asked *a)
{
	struct history_entry e;
	struct rules *next = NULL;
	bool is_same = false;
	struct fault f = {0};
	uint64_t number = 0;
	int err = history_number(a->json, &number, &f);

	if (!err)
		err = history_before(&a->s->paths, a->s->rules, number, a->s->catalogue, &next, &e,
				     &f);
	if (!err)
		is_same = history_is_same(a->s->rules, next);
	if (!err && !is_same)
		err = rules_publish(a->s, next, by(a, HISTORY_ROLLBACK), &f);
	if (err || is_same)
		rules_free(next);
	if (err)
		return asked_refuse(a, err, &f);
	history_tell(&e, rules_count(a->s->rules), is_same, asked_flag(a, "json"), a->out);
	return DONE;
}

int answer_why(struct asked *a)
{
	struct supervisor *s = a->s;
	struct policy_apps apps = catalogue_policy_apps(s->catalogue);
	struct why_rules w = {.now = s->policy,
			      .rules = s->rules,
			      .now_s = times_now(),
			      .is_paused = s->pause.is_on,
			      .device = asked_text(a, "device")};
	struct policy *all = NULL;
	struct fault f = {0};
	int err;

	/* Rules that are not in force are compiled for this answer alone. */
	if (rules_count(s->rules) != rules_count(s->in_force))
		w.all = all = policy_new(s->rules, &apps, s->name_seed);
	err = why_explain(&w, s->catalogue, loader_maps(s->loader), asked_text(a, "what"),
			  asked_flag(a, "json"), a->out, &f);
	policy_free(all);
	return err ? asked_refuse(a, err, &f) : DONE;
}
