/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Requests about rules, answered from the file; see stored.h. One process at a time changes it: the
 * state directory is locked meanwhile, as the commands do.
 */
#include "control/stored.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/apps.h"
#include "control/control.h"
#include "control/history_answer.h"
#include "control/list_store.h"
#include "control/list_tell.h"
#include "control/pause.h"
#include "policy/rules_when.h"

/* Exit statuses of answers (README, "Exit status"). */
enum { STATUS_DONE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_DENIED = 4, STATUS_OUTPUT = 5 };

int stored_change_read(const json_t *request, struct change *c)
{
	const json_t *values = json_object_get(request, "values");
	const char *kind = json_string_value(json_object_get(request, "kind"));
	const char **list = calloc(json_array_size(values) + 1, sizeof(*list));
	int found = -EINVAL;

	if (!list)
		return -ENOMEM;
	*c = (struct change){
		.is_allow = json_is_true(json_object_get(request, "allow")),
		.is_remove = json_is_true(json_object_get(request, "remove")),
		.is_forced = json_is_true(json_object_get(request, "force")),
		.is_learnt = json_is_true(json_object_get(request, "learnt")),
		.device = json_string_value(json_object_get(request, "device")),
		.times = {.length = json_string_value(json_object_get(request, "for")),
			  .until = json_string_value(json_object_get(request, "until")),
			  .when = json_string_value(json_object_get(request, "when"))},
		.values = list,
	};
	for (int k = 0; kind && k < RULE_KINDS; k++)
		if (strcmp(kind, rule_kind_name((enum rule_kind)k)) == 0) {
			c->kind = (enum rule_kind)k;
			found = 0;
		}
	for (size_t i = 0; i < json_array_size(values); i++) {
		const char *v = json_string_value(json_array_get(values, i));

		list[c->value_count++] = v ? v : "";
	}
	if (!found && c->value_count)
		return 0;
	free(list);
	c->values = NULL;
	return -EINVAL;
}

void stored_change_tell(struct slice notes, int changed, size_t rule_count, bool is_json,
			struct text *out)
{
	const char *at = (const char *)notes.at;
	size_t left = notes.len;

	if (!is_json) {
		text_add(out, notes.at, notes.len);
		return;
	}
	text_printf(out, "{\"changed\":%d,\"rules\":%zu,\"notes\":[", changed, rule_count);
	for (bool is_first = true; left; is_first = false) {
		const char *end = memchr(at, '\n', left);
		size_t len = end ? (size_t)(end - at) : left;

		if (!is_first)
			text_putc(out, ',');
		text_json(out, slice_of(at, len));
		at += len + (end != NULL);
		left -= len + (end != NULL);
	}
	text_puts(out, "]}\n");
}

/* The file and what reading it takes, while a request is answered. */
struct stored {
	const struct paths *paths;
	const json_t *request;
	struct slice data;
	struct catalogue *catalogue;
	struct rules *rules;
	int lock;
	struct text out;
};

static int lock_take(struct stored *s, struct fault *f)
{
	int err = paths_make(s->paths);

	if (err)
		return fault_set(f, err, "%s or %s cannot be made: %s; run as root",
				 s->paths->state_dir, s->paths->run_dir, strerror(-err));
	s->lock = open(s->paths->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->lock < 0 || flock(s->lock, LOCK_EX))
		return fault_set(f, -errno, "%s: %s; run as root", s->paths->state_dir,
				 strerror(errno));
	return 0;
}

static bool asks(const struct stored *s, const char *flag)
{
	return json_is_true(json_object_get(s->request, flag));
}

/* What makes the change, by the request's own word. */
static enum history_by by(const struct stored *s, enum history_by otherwise)
{
	return history_by_of(json_string_value(json_object_get(s->request, "by")), otherwise);
}

static int do_change(struct stored *s, struct fault *f)
{
	struct rules *before = NULL;
	struct text notes = {0};
	struct change c;
	int err = stored_change_read(s->request, &c), changed = 0;

	if (err)
		return fault_set(f, err, "the change names no kind of rule, or no value");
	err = lock_take(s, f);
	if (!err)
		err = change_load_settled(s->paths, s->catalogue, &s->rules, f);
	if (!err)
		err = (before = rules_copy(s->rules)) ? 0 : fault_set(f, -ENOMEM, "out of memory");
	if (!err) {
		changed = change_apply(&s->rules, &c, s->catalogue, &notes, f);
		err = changed < 0 ? changed : 0;
	}
	if (!err && changed)
		err = history_save(s->paths, before, s->rules, by(s, HISTORY_COMMAND), f);
	if (!err)
		stored_change_tell(slice_of(notes.at ? notes.at : "", notes.len), changed,
				   rules_count(s->rules), asks(s, "json"), &s->out);
	text_clear(&notes);
	rules_free(before);
	free((void *)c.values);
	return err;
}

/* Leaves those that the next agent would have in force. */
static int keep_those_of_now(struct stored *s, const struct pause *p, struct fault *f)
{
	int64_t until_s;
	struct rules *now = rules_in_force(s->rules, times_now(), p->is_on, &until_s);

	if (!now)
		return fault_set(f, -ENOMEM, "out of memory");
	rules_free(s->rules);
	s->rules = now;
	return 0;
}

/* As text, or as JSON; with "now" as text those of now alone. */
/* The text form with the stored copies of the lists. */
static int write_whole(struct stored *s, struct fault *f)
{
	int err = list_store_fill(s->paths, s->rules);
	size_t len = 0;
	char *text = err ? NULL : rules_format_whole(s->rules, &len);

	if (!text)
		return fault_set(f, -ENOMEM, "out of memory");
	text_add(&s->out, text, len);
	free(text);
	return 0;
}

static int do_rules(struct stored *s, struct fault *f)
{
	int err = change_load(s->paths->rules, s->catalogue, &s->rules, f);
	struct pause p;
	char *text;

	if (err)
		return err;
	pause_load(s->paths->paused, &p, NULL);
	if (asks(s, "json")) {
		change_rules_json(s->rules, &p, &s->out);
		return 0;
	}
	err = asks(s, "now") ? keep_those_of_now(s, &p, f) : 0;
	if (err)
		return err;
	if (asks(s, "whole"))
		return write_whole(s, f);
	if (p.is_on && !asks(s, "now")) {
		text_puts(&s->out, "# ");
		pause_tell(&p, false, &s->out);
	}
	text = asks(s, "now") ? rules_format(s->rules) : rules_format_at(s->rules, times_now());
	if (!text)
		return fault_set(f, -ENOMEM, "out of memory");
	text_puts(&s->out, text);
	free(text);
	return 0;
}

static int do_lists(struct stored *s, struct fault *f)
{
	int err = change_load(s->paths->rules, s->catalogue, &s->rules, f);

	if (!err)
		list_tell_stored(s->paths, s->rules, &s->out);
	return err;
}

/* Names the state of the file: two equal names mean that nothing changed between them. */
static void version_write(const struct stored *s, struct text *out)
{
	char lists[PATHS_MAX + 16];
	struct stat st;

	if (stat(s->paths->rules, &st))
		text_puts(out, errno == ENOENT ? "none" : "unknown");
	else
		text_printf(out, "file-%ju-%jd.%09ld-%jd", (uintmax_t)st.st_ino,
			    (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (intmax_t)st.st_size);
	/* Every list that comes is renamed into place there. */
	snprintf(lists, sizeof(lists), "%s/lists", s->paths->state_dir);
	if (stat(lists, &st) == 0)
		text_printf(out, "-lists-%jd.%09ld", (intmax_t)st.st_mtim.tv_sec,
			    st.st_mtim.tv_nsec);
}

static int do_rules_version(struct stored *s, struct fault *f)
{
	version_write(s, &s->out);
	return 0;
}

/* Refuses when the request is for other rules than those that are there, by their version. */
static int expect(const struct stored *s, struct fault *f)
{
	const char *expected = json_string_value(json_object_get(s->request, "expected"));
	struct text now = {0};
	bool is_same;

	version_write(s, &now);
	is_same = !expected || (!now.failed && strcmp(now.at, expected) == 0);
	text_clear(&now);
	return is_same ? 0
		       : fault_set(f, -EAGAIN, "the rules have changed meanwhile; read them again");
}

static int do_rules_set(struct stored *s, struct fault *f)
{
	struct rule_apps apps = catalogue_rule_apps(s->catalogue);
	const char *name = json_string_value(json_object_get(s->request, "name"));
	struct rules *before = NULL;
	struct fault ignored;
	int err = rules_parse(s->data, name ? name : "rules", &apps,
			      asks(s, "force") ? RULES_FORCE : 0, &s->rules, f);

	if (!err)
		err = lock_take(s, f);
	if (!err)
		err = expect(s, f);
	if (!err) {
		/* Damaged ones are put right by this. */
		change_load_settled(s->paths, s->catalogue, &before, &ignored);
		err = history_save(s->paths, before, s->rules, by(s, HISTORY_LOAD), f);
	}
	rules_free(before);
	if (!err)
		text_printf(&s->out, "%zu rule%s stored\n", rules_count(s->rules),
			    rules_count(s->rules) == 1 ? "" : "s");
	return err;
}

/* Pausing, resuming, and how that stands. */
static int do_pause(struct stored *s, struct fault *f)
{
	struct pause was, p;
	int err = lock_take(s, f);

	if (err)
		return err;
	pause_load(s->paths->paused, &was, NULL);
	p = was;
	err = pause_read(s->request, &p, f);
	if (!err && !pause_equal(&p, &was))
		err = pause_save(s->paths->paused, &p, f);
	if (!err)
		pause_tell(&p, asks(s, "json"), &s->out);
	return err;
}

static int do_history(struct stored *s, struct fault *f)
{
	int err = change_load(s->paths->rules, s->catalogue, &s->rules, f);

	return err ? err : history_answer(s->paths, s->rules, s->request, &s->out, f);
}

static int do_rollback(struct stored *s, struct fault *f)
{
	struct rules *before = NULL;
	struct history_entry e;
	bool is_same = false;
	uint64_t number = 0;
	int err = history_number(s->request, &number, f);

	if (!err)
		err = lock_take(s, f);
	if (!err)
		err = change_load_settled(s->paths, s->catalogue, &before, f);
	if (!err)
		err = history_before(s->paths, before, number, s->catalogue, &s->rules, &e, f);
	if (!err)
		is_same = history_is_same(before, s->rules);
	if (!err && !is_same)
		err = history_save(s->paths, before, s->rules, by(s, HISTORY_ROLLBACK), f);
	if (!err)
		history_tell(&e, rules_count(s->rules), is_same, asks(s, "json"), &s->out);
	rules_free(before);
	return err;
}

static const struct {
	const char *name;
	int (*run)(struct stored *s, struct fault *f);
	bool has_names; /* of applications */
} requests[] = {{"change", do_change, true},
		{"rules", do_rules, true},
		{"rules-set", do_rules_set, true},
		{"rules-history", do_history, true},
		{"rules-diff", do_history, true},
		{"rules-rollback", do_rollback, true},
		{"rules-version", do_rules_version, false},
		{"pause", do_pause, false},
		{"resume", do_pause, false},
		{"pause-state", do_pause, false},
		{"lists", do_lists, true}};

static uint32_t status_of(int err)
{
	switch (-err) {
	case EINVAL: return STATUS_USAGE;
	case EACCES:
	case EPERM: return STATUS_DENIED;
	case ENOSPC:
	case EROFS:
	case EDQUOT: return STATUS_OUTPUT;
	default: return STATUS_FAILED;
	}
}

/* Moves a text's bytes into an answer. */
static int give(struct text *t, char **at, size_t *len)
{
	text_putc(t, 0);
	if (t->failed) {
		text_clear(t);
		return -ENOMEM;
	}
	*at = t->at;
	*len = t->len - 1;
	return 0;
}

static int request_here(const struct paths *p, struct slice json, struct slice data,
			struct wire *answer, struct fault *f)
{
	json_t *root = json_loadb((const char *)json.at, json.len, JSON_REJECT_DUPLICATES, NULL);
	const char *command = json_string_value(json_object_get(root, "command"));
	struct stored s = {.paths = p, .request = root, .data = data, .lock = -1};
	struct text words = {0};
	struct wire made = {0};
	struct fault said = {0};
	int err = -EOPNOTSUPP;

	for (size_t i = 0; command && i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (strcmp(command, requests[i].name) != 0)
			continue;
		err = requests[i].has_names ? apps_load(&s.catalogue, &said) : 0;
		if (!err)
			err = requests[i].run(&s, &said);
		made.kind = err ? status_of(err) : STATUS_DONE;
		if (err) {
			text_clear(&s.out);
			text_puts(&words, said.text);
		}
		err = give(&s.out, &made.out, &made.out_len);
		if (!err)
			err = give(&words, &made.err, &made.err_len);
	}
	rules_free(s.rules);
	catalogue_free(s.catalogue);
	if (s.lock >= 0)
		close(s.lock);
	json_decref(root);
	if (err) {
		wire_clear(&made);
		return fault_set(f, err, "%s",
				 err == -ENOMEM ? "out of memory; try again later"
						: "no agent is running");
	}
	*answer = made;
	return 0;
}

int stored_request(const struct paths *p, struct slice json, struct slice data, struct wire *answer,
		   struct fault *f)
{
	return p->way ? p->way->stored(p->way->ctx, json, data, answer, f)
		      : request_here(p, json, data, answer, f);
}

int stored_or_agent_request(const struct paths *p, struct slice json, struct slice data,
			    struct wire *answer, bool *in_force, struct fault *f)
{
	int err = control_request(p, json, data, answer, f);

	*in_force = true;
	if (err != -ENOENT && err != -ECONNREFUSED)
		return err;
	*in_force = false;
	return stored_request(p, json, data, answer, f);
}
