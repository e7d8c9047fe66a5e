/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * device add, device remove, device list: which addresses, networks and hardware addresses the
 * rules mean by a name. A change like any other: in force at once, stored, in the history. Room:
 * cli.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/lists.h"
#include "cli/options.h"
#include "cli/remote.h"
#include "control/apps.h"
#include "control/change.h"

static const struct option_row device_rows[] = {OPTIONS_COMMON};

static int take(void *ctx, int id, const char *value)
{
	*(bool *)ctx |= id == OPTION_QUIET;
	return 0;
}

/* The name and its addresses are one value. */
static int add(char **words, int count, bool is_quiet)
{
	struct change change = {.kind = RULE_DEVICE, .value_count = 1};
	struct text value = {0};
	const char *values[1];
	bool no_agent;
	int status;

	for (int i = 0; i < count; i++)
		text_printf(&value, "%s%s", i ? " " : "", words[i]);
	if (value.failed) {
		log_error("out of memory");
		return EXIT_FAILED;
	}
	values[0] = value.at;
	change.values = values;
	status = change_run(&change, is_quiet, &no_agent);
	text_clear(&value);
	return status;
}

static int take_away(char **names, int count, bool is_quiet)
{
	struct change change = {.kind = RULE_DEVICE,
				.is_remove = true,
				.values = (const char *const *)names,
				.value_count = (size_t)count};
	bool no_agent;

	return change_run(&change, is_quiet, &no_agent);
}

/* The agent stores every change before it takes effect. */
static int list(void)
{
	struct catalogue *catalogue = NULL;
	struct rules *rules = NULL;
	struct rules_walk w = {0};
	const struct rule *rule;
	struct fault f = {0};
	struct paths p;
	int err;

	if (!remote_paths(&p))
		return EXIT_USAGE;
	err = apps_load(&catalogue, &f);
	if (!err)
		err = change_load(p.rules, catalogue, &rules, &f);
	if (err)
		log_error("%s", f.text);
	while (!err && (rule = rules_next_of(rules, &w, RULES_OF_KIND(RULE_DEVICE))))
		puts(rule->value);
	rules_free(rules);
	catalogue_free(catalogue);
	return err ? EXIT_FAILED : EXIT_DONE;
}

int cmd_device(const struct command *c, int argc, char **argv)
{
	bool is_quiet = false;
	int first = options_parse(c, device_rows, sizeof(device_rows) / sizeof(device_rows[0]),
				  argc, argv, take, &is_quiet);
	int count = argc - first - 1;

	if (first < 0)
		return options_status(first);
	if (first == argc || (strcmp(argv[first], "list") == 0 && !count))
		return list();
	if (strcmp(argv[first], "add") == 0 && count > 1)
		return add(argv + first + 1, count, is_quiet);
	if (strcmp(argv[first], "remove") == 0 && count > 0)
		return take_away(argv + first + 1, count, is_quiet);
	return command_usage(c, stderr);
}
