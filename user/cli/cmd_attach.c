/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * attach and detach: putting an interface under protection and taking it away again. attach starts
 * the agent where none runs, and returns when the interface is protected.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/control.h"
#include "agent/interfaces.h"
#include "agent/supervisor.h"
#include "base/log.h"
#include "cli/options.h"
#include "cli/remote.h"
#include "dpi/abi.h"

struct attach_wish {
	char **interfaces; /* NULL behind the last */
	const char *mode, *hook, *rules;
	struct agent_options agent;
	bool set_monitor, set_fail, set_action, set_workers, is_forced, is_foreground, is_quiet;
};

enum { ASK_TRIES = 100, ASK_PAUSE_US = 50000 };

enum {
	OPT_MODE = 256,
	OPT_HOOK,
	OPT_WORKERS,
	OPT_RULES,
	OPT_MONITOR,
	OPT_ACTION,
	OPT_FAIL,
	OPT_FORCE,
	OPT_FOREGROUND,
};

static const struct option_row attach_rows[] = {
	{"mode", 0, "auto|native|generic", "where XDP runs (auto: native if the driver can)",
	 OPT_MODE},
	{"hook", 0, "both|receive", "also see what this host sends (both, unless said before)",
	 OPT_HOOK},
	{"workers", 0, "N", "threads that inspect, 1 to 16 (default: 4, or the CPUs if fewer)",
	 OPT_WORKERS},
	{"rules", 0, "FILE", "put these rules in force", OPT_RULES},
	{"monitor", 0, NULL, "count what would be dropped, drop nothing", OPT_MONITOR},
	{"action", 0, "drop|reset", "drop blocked packets; ends --monitor on a running agent",
	 OPT_ACTION},
	{"fail", 0, "open|closed", "whether undecided flows pass while the agent is dead",
	 OPT_FAIL},
	{"force", 0, NULL, "accept a public suffix such as co.uk in --rules", OPT_FORCE},
	{"foreground", 0, NULL, "stay, for a service manager", OPT_FOREGROUND},
	OPTIONS_COMMON,
};

static bool one_of(const char *option, const char *value, const char *a, const char *b,
		   const char *c)
{
	if (strcmp(value, a) == 0 || strcmp(value, b) == 0 || (c && strcmp(value, c) == 0))
		return true;
	log_error("--%s is %s%s%s%s%s, not %s", option, a, c ? ", " : " or ", b, c ? " or " : "",
		  c ? c : "", value);
	return false;
}

static int workers_parse(struct attach_wish *w, const char *value)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (*end || n < 1 || n > DPI_RINGS_MAX) {
		log_error("--workers is a number from 1 to %d, not %s", DPI_RINGS_MAX, value);
		return EXIT_USAGE;
	}
	w->agent.workers = (uint32_t)n;
	w->set_workers = true;
	return 0;
}

static int attach_take(void *ctx, int id, const char *value)
{
	struct attach_wish *w = ctx;

	switch (id) {
	case OPT_MODE:
		w->mode = value;
		return one_of("mode", value, "auto", "native", "generic") ? 0 : EXIT_USAGE;
	case OPT_HOOK:
		w->hook = value;
		return one_of("hook", value, "both", "receive", NULL) ? 0 : EXIT_USAGE;
	case OPT_WORKERS: return workers_parse(w, value);
	case OPT_RULES: w->rules = value; return 0;
	case OPT_MONITOR: w->agent.is_monitor = w->set_monitor = true; return 0;
	case OPT_ACTION:
		w->agent.is_reset = strcmp(value, "reset") == 0;
		w->set_monitor = w->set_action = true;
		return one_of("action", value, "drop", "reset", NULL) ? 0 : EXIT_USAGE;
	case OPT_FAIL:
		w->agent.is_fail_closed = strcmp(value, "closed") == 0;
		w->set_fail = true;
		return one_of("fail", value, "open", "closed", NULL) ? 0 : EXIT_USAGE;
	case OPT_FORCE: w->is_forced = w->agent.is_rules_forced = true; return 0;
	case OPT_FOREGROUND: w->is_foreground = true; return 0;
	case OPTION_QUIET: w->is_quiet = true; return 0;
	default: return 0;
	}
}

static int attach_request(const struct attach_wish *w, size_t i, bool *no_agent)
{
	bool is_last = !w->interfaces[i + 1];
	struct text request = {0};

	remote_begin(&request, "attach");
	remote_string(&request, "interface", w->interfaces[i]);
	remote_flag(&request, "more", !is_last);
	remote_flag(&request, "wait", w->is_foreground && getenv("NOTIFY_SOCKET"));
	remote_flag(&request, "ready", is_last && w->is_foreground);
	remote_string(&request, "mode", w->mode);
	/* A service has what its line says; a person changes what the line says. */
	remote_string(&request, "hook", w->hook ? w->hook : w->is_foreground ? "both" : "");
	remote_flag(&request, "set_monitor", w->set_monitor);
	remote_flag(&request, "monitor", w->agent.is_monitor);
	remote_flag(&request, "set_action", w->set_action);
	remote_flag(&request, "reset", w->agent.is_reset);
	remote_flag(&request, "set_fail", w->set_fail);
	remote_flag(&request, "fail_closed", w->agent.is_fail_closed);
	return remote_run(&request, slice_of("", 0), w->is_quiet, no_agent);
}

static int exit_of(int err)
{
	switch (-err) {
	case EINVAL: return EXIT_USAGE;
	case EPERM:
	case EACCES:
	case EBUSY:
	case EOPNOTSUPP:
	case ENODEV:
	case EROFS:
	case EEXIST: return EXIT_DENIED;
	default: return EXIT_FAILED;
	}
}

/* The child of a foreground attach: waits for the agent, then asks for each interface. One that
 * fails does not keep the others from being protected. Returns the first exit status that is bad.
 */
static int ask_all(const struct attach_wish *w)
{
	int first = EXIT_DONE;

	for (size_t i = 0; w->interfaces[i]; i++) {
		bool none = true;
		int status = EXIT_NO_AGENT;

		for (int n = 0; n < ASK_TRIES && none; n++) {
			usleep(n ? ASK_PAUSE_US : 0);
			none = false;
			status = attach_request(w, i, &none);
		}
		first = first ? first : status;
	}
	return first;
}

/* In the foreground this process becomes the keeper; a child asks for the interfaces. */
static int foreground(const struct attach_wish *w, const struct paths *p)
{
	struct fault f = {0};
	int err, status = 0;
	pid_t child = fork();

	if (child == 0) {
		status = ask_all(w);
		fflush(stdout);
		_exit(status);
	}
	err = agent_start(p, &w->agent, true, &f);
	if (child > 0 && err)
		kill(child, SIGTERM);
	if (child > 0)
		waitpid(child, &status, 0);
	if (err && f.text[0])
		log_error("%s", f.text);
	return err ? exit_of(err) : WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
}

/* Asks a running agent for one interface, or starts one that is asked. */
static int attach_one(const struct attach_wish *w, const struct paths *p, size_t i)
{
	struct fault f = {0};
	bool no_agent = false;
	int status = attach_request(w, i, &no_agent), err;

	if (!no_agent) {
		if (status == EXIT_DONE && i == 0 && w->set_workers && !w->is_quiet)
			log_note("the agent was running already: its number of workers stays as it "
				 "is");
		return status;
	}
	err = agent_start(p, &w->agent, false, &f);
	if (err) {
		log_error("%s", f.text);
		return exit_of(err);
	}
	return attach_request(w, i, NULL);
}

/* The rules file of a service is read again by a reload, wherever that comes from. */
static bool realpath_short(const char *path, struct agent_options *o)
{
	char *whole = realpath(path, NULL);
	bool fits = whole && strlen(whole) < sizeof(o->rules);

	if (fits)
		snprintf(o->rules, sizeof(o->rules), "%s", whole);
	free(whole);
	return fits;
}

static int attach(struct attach_wish *w)
{
	struct paths p;
	int status = EXIT_DONE;

	if (!remote_paths(&p))
		return EXIT_USAGE;
	if (w->rules) {
		status = rules_put(w->rules, w->is_forced, true);
		if (status)
			return status;
	}
	if (w->is_foreground && w->rules && !realpath_short(w->rules, &w->agent)) {
		log_error("%s: its path is too long to be read again; give a shorter one",
			  w->rules);
		return EXIT_USAGE;
	}
	if (w->is_foreground)
		return foreground(w, &p);
	for (size_t i = 0; w->interfaces[i]; i++) {
		int one = attach_one(w, &p, i);

		status = status ? status : one;
	}
	return status;
}

int cmd_attach(const struct command *c, int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct attach_wish w = {.mode = "auto",
				.agent = {.workers = cpus > 0 && cpus < 4 ? (uint32_t)cpus : 4}};
	int first = options_parse(c, attach_rows, sizeof(attach_rows) / sizeof(attach_rows[0]),
				  argc, argv, attach_take, &w);

	if (first < 0)
		return options_status(first);
	if (argc == first)
		return command_refuse(c, argc, argv, argc);
	w.interfaces = argv + first;
	return attach(&w);
}

struct detach_wish {
	bool is_all, is_quiet;
};

static const struct option_row detach_rows[] = {
	{"all", 'a', NULL, "every interface; leaves nothing behind", OPT_MODE},
	OPTIONS_COMMON,
};

static int detach_take(void *ctx, int id, const char *value)
{
	struct detach_wish *w = ctx;

	(void)value;
	w->is_all |= id == OPT_MODE;
	w->is_quiet |= id == OPTION_QUIET;
	return 0;
}

int cmd_detach(const struct command *c, int argc, char **argv)
{
	struct detach_wish w = {0};
	int first = options_parse(c, detach_rows, sizeof(detach_rows) / sizeof(detach_rows[0]),
				  argc, argv, detach_take, &w),
	    status;
	struct text request = {0};
	bool no_agent = false;
	struct paths p;

	if (first < 0)
		return options_status(first);
	if (argc - first != (w.is_all ? 0 : 1))
		return command_refuse(c, argc, argv, first + !w.is_all);
	remote_begin(&request, "detach");
	remote_string(&request, "interface", w.is_all ? "" : argv[first]);
	remote_flag(&request, "all", w.is_all);
	status = remote_run(&request, slice_of("", 0), w.is_quiet, &no_agent);
	if (!no_agent)
		return status;
	if (!remote_paths(&p))
		return EXIT_USAGE;
	if (interfaces_clean(&p, w.is_all ? NULL : argv[first]) == 0) {
		log_error("no agent is running, and nothing of one is left to take away");
		return EXIT_NO_AGENT;
	}
	if (!w.is_quiet)
		log_note("no agent was running; what one had left in the kernel is gone");
	return EXIT_DONE;
}
