/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * serve: the HTTP service, in the foreground until a signal ends it. Room: cli.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/server.h"
#include "base/log.h"
#include "cli/options.h"

enum {
	OPT_LISTEN = 256,
	OPT_REDIS,
	OPT_FLEET,
	OPT_LOCAL_RULES,
	OPT_TOKEN_FILE,
	OPT_ALLOW_HOST,
	OPT_ALLOW_ORIGIN,
	OPT_MASS_CHANGE,
	OPT_CAPTURE_SIZE,
	OPT_CAPTURE_JOBS,
	OPT_CAPTURE_CPU,
};

static const struct option_row rows[] = {
	{"listen", 'l', "ADDR", "127.0.0.1:8080 (the default), [::1]:8080, or unix:PATH",
	 OPT_LISTEN},
	{"token-file", 't', "FILE", "the bearer token; made with mode 0600 when it is not there",
	 OPT_TOKEN_FILE},
	{"redis", 0, "URL", "share rules by redis://[user:pass@]host[:port][/db] or unix:/path",
	 OPT_REDIS},
	{"fleet", 0, "NAME", "the fleet's name (default fleet)", OPT_FLEET},
	{"local-rules", 0, "FILE", "rules for this host alone, never shared with the fleet",
	 OPT_LOCAL_RULES},
	{"accept-mass-change", 0, NULL, "what takes most rules away, or reaches all, is meant",
	 OPT_MASS_CHANGE},
	{"allow-host", 0, "NAME", "answer for this Host too; may repeat", OPT_ALLOW_HOST},
	{"allow-origin", 0, "ORIGIN", "let pages of https://example.org ask; may repeat",
	 OPT_ALLOW_ORIGIN},
	{"capture-size", 0, "MIB", "the largest capture taken for analysis; 0: any",
	 OPT_CAPTURE_SIZE},
	{"capture-jobs", 0, "N", "captures analysed at once: 1 to 16", OPT_CAPTURE_JOBS},
	{"capture-cpu", 0, "SECONDS", "processor time an analysis may take; 0: any",
	 OPT_CAPTURE_CPU},
	OPTIONS_COMMON,
};

static int number_take(const char *name, const char *value, unsigned long low, unsigned long high,
		       unsigned long *out)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(value, &end, 10);
	if (errno || *end || end == value || *value == '-' || n < low || n > high) {
		log_error("--%s %s: give a number from %lu to %lu", name, value, low, high);
		return EXIT_USAGE;
	}
	*out = n;
	return 0;
}

static int list_take(const char *name, const char *value, const char **list, size_t *count)
{
	if (*count == API_LIST_MAX) {
		log_error("--%s: at most %d of them", name, API_LIST_MAX);
		return EXIT_USAGE;
	}
	list[(*count)++] = value;
	return 0;
}

static int take(void *ctx, int id, const char *value)
{
	struct api_options *o = ctx;
	unsigned long n = 0;
	int status = 0;

	switch (id) {
	case OPT_LISTEN: o->listen = value; break;
	case OPT_TOKEN_FILE: o->token_file = value; break;
	case OPT_REDIS: o->redis = value; break;
	case OPT_FLEET: o->fleet = value; break;
	case OPT_LOCAL_RULES: o->local_rules = value; break;
	case OPT_MASS_CHANGE: o->accept_mass_change = true; break;
	case OPT_ALLOW_HOST: return list_take("allow-host", value, o->hosts, &o->host_count);
	case OPT_ALLOW_ORIGIN:
		return list_take("allow-origin", value, o->origins, &o->origin_count);
	case OPT_CAPTURE_SIZE:
		status = number_take("capture-size", value, 0, 1UL << 30, &n);
		o->capture_max = (uint64_t)n << 20;
		break;
	case OPT_CAPTURE_JOBS:
		status = number_take("capture-jobs", value, 1, 16, &n);
		o->capture_jobs = (unsigned)n;
		break;
	case OPT_CAPTURE_CPU:
		status = number_take("capture-cpu", value, 0, 1000000, &n);
		o->capture_cpu_s = (unsigned)n;
		break;
	default: break;
	}
	return status;
}

int cmd_serve(const struct command *c, int argc, char **argv)
{
	struct api_options o = {
		.listen = "127.0.0.1:8080",
		.capture_max = 0,
		.capture_jobs = 2,
		.capture_cpu_s = 60,
	};
	struct fault f = {0};
	int first = options_parse(c, rows, sizeof(rows) / sizeof(rows[0]), argc, argv, take, &o),
	    err;

	if (first < 0)
		return options_status(first);
	if (first != argc)
		return command_refuse(c, argc, argv, first);
	if (!o.redis && (o.fleet || o.local_rules || o.accept_mass_change)) {
		log_error("--fleet, --local-rules and --accept-mass-change are for a fleet: give "
			  "its server with --redis");
		return EXIT_USAGE;
	}
	err = server_run(&o, &f);
	if (err)
		log_error("%s", f.text);
	return !err				 ? EXIT_DONE
	       : err == -EINVAL			 ? EXIT_USAGE
	       : err == -EACCES || err == -EPERM ? EXIT_DENIED
						 : EXIT_FAILED;
}
