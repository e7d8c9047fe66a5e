/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One host of a fleet without a service around it: the fleet's thread, as `serve` starts it, and a
 * line of its status for every line on standard input ("poke" says that rules changed first). Ends
 * with its input. For tests/service/test_fleet.py and tests/live/test_fleet_live.py.
 *
 *     fleet_host URL [--fleet NAME] [--local-rules FILE] [--accept-mass-change]
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "fleet/fleet.h"

static int take_options(int argc, char **argv, struct fleet_config *c)
{
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--accept-mass-change") == 0)
			c->accepts_mass_change = true;
		else if (strcmp(argv[i], "--fleet") == 0 && i + 1 < argc)
			c->name = argv[++i];
		else if (strcmp(argv[i], "--local-rules") == 0 && i + 1 < argc)
			c->local_rules = argv[++i];
		else
			return -EINVAL;
	}
	return argc > 1 ? 0 : -EINVAL;
}

static void say(const struct fleet *fl)
{
	struct fleet_status status;
	struct text out = {0};

	fleet_status(fl, &status);
	fleet_status_json(&status, &out);
	puts(out.at);
	fflush(stdout);
	text_clear(&out);
}

int main(int argc, char **argv)
{
	struct paths paths;
	struct fleet_config config = {.url = argv[1], .paths = &paths};
	struct fleet *fl = NULL;
	struct fault f = {""};
	char line[64];

	if (take_options(argc, argv, &config) || paths_init(&paths)) {
		fputs("usage: fleet_host URL [--fleet NAME] [--local-rules FILE] "
		      "[--accept-mass-change]\n",
		      stderr);
		return 2;
	}
	if (fleet_start(&config, &fl, &f)) {
		log_error("%s", f.text);
		return 2;
	}
	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "poke\n") == 0)
			fleet_poke(fl);
		say(fl);
	}
	fleet_stop(fl);
	return 0;
}
