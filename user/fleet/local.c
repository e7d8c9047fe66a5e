/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The rules of this host; see local.h.
 */
#include "fleet/local.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "control/control.h"
#include "control/stored.h"

/* Asks the agent, or else the stored rules. 0, with the answer for the caller to clear; -EPERM
 * when it is refused; -errno. */
static int ask(const struct local *l, const char *request, struct slice data, struct wire *answer,
	       struct fault *f)
{
	bool in_force;
	int err = stored_or_agent_request(&l->paths, slice_text(request), data, answer, &in_force,
					  f);

	if (!err && (answer->kind & (CONTROL_ENDING - 1)) != 0) {
		size_t len = answer->err_len;

		while (len && answer->err[len - 1] == '\n')
			len--;
		err = fault_set(f, -EPERM, "the rules of this host: %.*s",
				(int)(len > 400 ? 400 : len), answer->err);
		wire_clear(answer);
	}
	return err;
}

static int ask_version(const struct local *l, char *out, size_t size, struct fault *f)
{
	struct wire answer = {0};
	int err = ask(l, "{\"command\":\"rules-version\"}", slice_of("", 0), &answer, f);

	if (err)
		return err;
	snprintf(out, size, "%.90s", answer.out);
	wire_clear(&answer);
	return 0;
}

static int ask_rules(struct local *l, struct rules **out, struct fault *f)
{
	struct rule_apps apps = catalogue_rule_apps(l->catalogue);
	struct wire answer = {0};
	int err = ask(l, "{\"command\":\"rules\"}", slice_of("", 0), &answer, f);

	if (err)
		return err;
	err = rules_parse(slice_of(answer.out, answer.out_len), "the rules of this host", &apps,
			  RULES_FORCE, out, f);
	wire_clear(&answer);
	return err;
}

int local_follow(struct local *l, struct fault *f)
{
	char version[sizeof(l->version)];
	struct rules *next = NULL;
	int err = ask_version(l, version, sizeof(version), f);

	if (err || (l->rules && strcmp(version, l->version) == 0))
		return err;
	/* A change between the two questions is seen by the next look. */
	err = ask_rules(l, &next, f);
	if (err)
		return err;
	l->is_missing = rules_count(next) == 0 && access(l->paths.rules, F_OK) && errno == ENOENT;
	rules_free(l->rules);
	l->rules = next;
	memcpy(l->version, version, sizeof(version));
	return 1;
}

int local_put(struct local *l, const struct rules *next, struct fault *f)
{
	char now[sizeof(l->version)], *text = rules_format(next);
	struct text request = {0};
	struct wire answer = {0};
	struct fault ignored;
	int err;

	text_puts(&request,
		  "{\"command\":\"rules-set\",\"by\":\"fleet\",\"name\":\"the fleet's rules\","
		  "\"force\":true,\"expected\":");
	text_json(&request, slice_text(l->version));
	text_putc(&request, '}');
	err = !text || request.failed ? fault_set(f, -ENOMEM, "out of memory")
				      : ask(l, request.at, slice_text(text), &answer, f);
	text_clear(&request);
	free(text);
	if (!err) {
		wire_clear(&answer);
		l->version[0] = '\0';
	} else if (err == -EPERM && !ask_version(l, now, sizeof(now), &ignored) &&
		   strcmp(now, l->version) != 0) {
		err = -EAGAIN; /* refused because somebody else was faster */
	}
	return err;
}

int local_ask_pause(const struct local *l, struct pause *out, struct fault *f)
{
	struct wire answer = {0};
	struct pause p = {.until_s = WHEN_NEVER};
	const char *until;
	json_t *root;
	int err = ask(l, "{\"command\":\"pause-state\",\"json\":true}", slice_of("", 0), &answer,
		      f);

	if (err)
		return err;
	root = json_loadb(answer.out, answer.out_len, 0, NULL);
	wire_clear(&answer);
	p.is_on = json_is_true(json_object_get(root, "paused"));
	p.is_fleet = json_is_true(json_object_get(root, "pause_for_fleet"));
	until = json_string_value(json_object_get(root, "paused_until"));
	if (!root || (until && when_moment(slice_text(until), WHEN_NEVER, &p.until_s, NULL)))
		err = fault_set(f, -EPROTO, "an answer that is none to the question for a pause");
	json_decref(root);
	if (!err)
		*out = p;
	return err;
}

int local_put_pause(const struct local *l, const struct pause *p, struct fault *f)
{
	char request[128], moment[WHEN_MOMENT_MAX];
	struct wire answer = {0};
	int err;

	if (p->is_on)
		snprintf(request, sizeof(request),
			 "{\"command\":\"pause\",\"until\":\"%s\",\"fleet\":%s}",
			 when_moment_format(p->until_s, moment), p->is_fleet ? "true" : "false");
	else
		snprintf(request, sizeof(request), "{\"command\":\"resume\"}");
	err = ask(l, request, slice_of("", 0), &answer, f);
	if (!err)
		wire_clear(&answer);
	return err;
}

/* What tells one state of the own file from another. */
static void file_version(const char *path, char *out, size_t size)
{
	struct stat st;

	if (stat(path, &st))
		snprintf(out, size, "file: %s", strerror(errno));
	else
		snprintf(out, size, "file %ju %jd.%09ld %jd", (uintmax_t)st.st_ino,
			 (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (intmax_t)st.st_size);
}

/* --- rules for this host alone ---------------------------------------------------------------- */

static int read_own(struct local *l, struct rules **out, struct fault *f)
{
	struct rule_apps apps = catalogue_rule_apps(l->catalogue);

	file_version(l->own_path, l->own_version, sizeof(l->own_version));
	return rules_load(l->own_path, &apps, 0, out, f);
}

int local_init(struct local *l, const struct paths *paths, const struct catalogue *catalogue,
	       const char *own_path, struct fault *f)
{
	*l = (struct local){.paths = *paths, .catalogue = catalogue};
	if (!own_path) {
		l->own = rules_new();
		return l->own ? 0 : fault_set(f, -ENOMEM, "out of memory");
	}
	if (strlen(own_path) >= sizeof(l->own_path))
		return fault_set(f, -EINVAL, "--local-rules: the path is too long");
	snprintf(l->own_path, sizeof(l->own_path), "%s", own_path);
	return read_own(l, &l->own, f);
}

void local_clear(struct local *l)
{
	rules_free(l->rules);
	rules_free(l->own);
	*l = (struct local){0};
}

int local_follow_own(struct local *l, struct rules **old, struct fault *f)
{
	char version[sizeof(l->own_version)];
	struct rules *next = NULL;
	int err;

	if (!l->own_path[0])
		return 0;
	file_version(l->own_path, version, sizeof(version));
	if (strcmp(version, l->own_version) == 0)
		return 0;
	err = read_own(l, &next, f);
	if (err)
		return err;
	*old = l->own;
	l->own = next;
	return 1;
}
