/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Rules as they would be; see supposed.h. Room: control. It goes by change.h, as a change that is
 * meant does.
 */
#include "control/supposed.h"

#include <errno.h>
#include <stdlib.h>

#include "control/change.h"
#include "control/history.h"
#include "control/stored.h"

static int apply_one(const json_t *one, const struct catalogue *catalogue, struct rules **rules,
		     struct fault *f)
{
	struct text note = {0};
	struct change c;
	int err = stored_change_read(one, &c);

	if (err)
		return fault_set(f, err,
				 err == -ENOMEM ? "out of memory"
						: "a change names no kind of rule, or no "
						  "value; say for example block-app TikTok");
	err = change_apply(rules, &c, catalogue, &note, f);
	text_clear(&note);
	free((void *)c.values);
	return err < 0 ? err : 0;
}

static int load(const json_t *request, struct slice data, const struct catalogue *catalogue,
		struct rules **after, struct fault *f)
{
	struct rule_apps apps = catalogue_rule_apps(catalogue);
	const char *name = json_string_value(json_object_get(request, "name"));
	bool is_forced = json_is_true(json_object_get(request, "force"));

	return rules_parse(data, name ? name : "rules", &apps, is_forced ? RULES_FORCE : 0, after,
			   f);
}

/* What a rollback would put back. */
static int roll_back(const struct paths *p, const json_t *request,
		     const struct catalogue *catalogue, const struct rules *before,
		     struct rules **after, struct fault *f)
{
	const json_t *number = json_object_get(request, "rollback");
	struct history_entry e;

	if (!json_is_integer(number) || json_integer_value(number) < 0)
		return fault_set(f, -EINVAL,
				 "that is no number of a change; `dpi-xdp rules "
				 "history` shows them");
	return history_before(p, before, (uint64_t)json_integer_value(number), catalogue, after, &e,
			      f);
}

int supposed_rules(const struct paths *p, const json_t *request, struct slice data,
		   const struct catalogue *catalogue, const struct rules *before,
		   struct rules **after, struct fault *f)
{
	const json_t *changes = json_object_get(request, "changes");
	struct rules *next;
	int err = 0;

	if (json_is_true(json_object_get(request, "load")))
		return load(request, data, catalogue, after, f);
	if (json_object_get(request, "rollback"))
		return roll_back(p, request, catalogue, before, after, f);
	if (!json_array_size(changes))
		return fault_set(f, -EINVAL,
				 "no change is given; say for example block-app TikTok");
	next = rules_copy(before);
	if (!next)
		return fault_set(f, -ENOMEM, "out of memory");
	for (size_t i = 0; i < json_array_size(changes) && !err; i++)
		err = apply_one(json_array_get(changes, i), catalogue, &next, f);
	if (err)
		rules_free(next);
	else
		*after = next;
	return err;
}
