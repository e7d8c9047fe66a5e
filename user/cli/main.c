/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The command table, and what every command has in common: help, version, a word on a name that is
 * nearly one. Room: cli. A command is a row here and a file of its own.
 */
#include "cli/command.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "cli/options.h"
#include "dpi/version.h"
#include "policy/rules.h"

#define VALUES_DOMAIN "NAME... [--learnt]"
#define VALUES_APP    "NAME|category:NAME... [--learnt]"
#define VALUES_IP     "ADDR[/LEN]..."
#define VALUES_PORT   "PORT[/tcp|/udp]..."
#define DEVICE	      " [--device DEVICE]"
#define TIMES	      " [--for TIME | --until MOMENT] [--when HOURS]"

static const struct command commands[] = {
	{"attach",
	 "IFACE... [--mode auto|native|generic] [--hook both|receive] [--workers N]\n"
	 "                      [--rules FILE] [--monitor] [--action drop|reset] [--fail "
	 "open|closed]\n"
	 "                      [--foreground]",
	 "protect an interface; starts the agent where none runs", cmd_attach, 0},
	{"detach", "IFACE | --all", "take the programs off an interface", cmd_detach, 0},
	{"status", "[--json]", "agent, interfaces, modes, rules in force", cmd_query, 0},
	{"stats", "[--json] [--verbose]", "packets, bytes, verdicts, counters", cmd_query, 0},
	{"flows", "[--json] [--verbose]", "the connections of now", cmd_query, 0},
	{"apps", "[--json] [--verbose]",
	 "applications and their share; -v: all names that rules may have", cmd_query, 0},
	{"report", "[--json] [--verbose]", "the whole report, as analyze prints it", cmd_query, 0},
	{"top", "[--once | -n N] [--batch] [--delay SECONDS] [--json]",
	 "applications, flows, rules and events, live in a terminal", cmd_top, 0},
	{"events", "[--follow] [--output SPEC]... [--rotate SIZE] [--keep N] [--position FILE]",
	 "names and verdicts as they come, as NDJSON; to files, sockets, Kafka", cmd_events, 0},
	{"block-app", VALUES_APP DEVICE TIMES,
	 "drop flows of an application, a category, or a sign such as ECH or DoH", cmd_change,
	 CHANGE_TAG(RULE_APP, 0, 0)},
	{"block-domain", VALUES_DOMAIN DEVICE TIMES, "drop flows to a name and all below it",
	 cmd_change, CHANGE_TAG(RULE_DOMAIN, 0, 0)},
	{"block-ip", VALUES_IP TIMES, "drop flows of an address or network", cmd_change,
	 CHANGE_TAG(RULE_IP, 0, 0)},
	{"block-port", VALUES_PORT TIMES, "drop flows to a port", cmd_change,
	 CHANGE_TAG(RULE_PORT, 0, 0)},
	{"block-list", "NAME FILE|URL [--every TIME]",
	 "drop flows to all that a list names; fetched again once a day", cmd_list,
	 CHANGE_TAG(RULE_LIST, 0, 0)},
	{"unblock-app", VALUES_APP DEVICE, "take such a rule away", cmd_change,
	 CHANGE_TAG(RULE_APP, 0, 1)},
	{"unblock-domain", VALUES_DOMAIN DEVICE, "take such a rule away", cmd_change,
	 CHANGE_TAG(RULE_DOMAIN, 0, 1)},
	{"unblock-ip", VALUES_IP, "take such a rule away", cmd_change, CHANGE_TAG(RULE_IP, 0, 1)},
	{"unblock-port", VALUES_PORT, "take such a rule away", cmd_change,
	 CHANGE_TAG(RULE_PORT, 0, 1)},
	{"unblock-list", "NAME...", "take a list away", cmd_change, CHANGE_TAG(RULE_LIST, 0, 1)},
	{"allow-app", VALUES_APP DEVICE TIMES, "an exception: an allow beats a block", cmd_change,
	 CHANGE_TAG(RULE_APP, 1, 0)},
	{"allow-domain", VALUES_DOMAIN DEVICE TIMES, "an exception for a name and all below it",
	 cmd_change, CHANGE_TAG(RULE_DOMAIN, 1, 0)},
	{"allow-ip", VALUES_IP TIMES, "an exception for an address or network", cmd_change,
	 CHANGE_TAG(RULE_IP, 1, 0)},
	{"allow-list", "NAME FILE|URL [--every TIME]", "an exception for all that a list names",
	 cmd_list, CHANGE_TAG(RULE_LIST, 1, 0)},
	{"disallow-app", VALUES_APP DEVICE, "take such an exception away", cmd_change,
	 CHANGE_TAG(RULE_APP, 1, 1)},
	{"disallow-domain", VALUES_DOMAIN DEVICE, "take such an exception away", cmd_change,
	 CHANGE_TAG(RULE_DOMAIN, 1, 1)},
	{"disallow-ip", VALUES_IP, "take such an exception away", cmd_change,
	 CHANGE_TAG(RULE_IP, 1, 1)},
	{"disallow-list", "NAME...", "take such a list away", cmd_change,
	 CHANGE_TAG(RULE_LIST, 1, 1)},
	{"rules",
	 "[list | load FILE | save FILE | clear | reload | history | diff [N] | rollback [N]]\n"
	 "                     | refresh [LIST] [--accept-mass-change]",
	 "all rules, in the form of a rules file", cmd_rules, 0},
	{"device", "add NAME ADDRESS... | remove NAME... | list",
	 "which addresses, networks and hardware addresses rules mean by a name", cmd_device, 0},
	{"what-if",
	 "CHANGE VALUE... [, CHANGE VALUE...]... | load FILE | rollback [N]\n"
	 "                       [--capture FILE [--rules FILE]] [--json] [--limit N]",
	 "what a change of the rules, such as block-app TikTok, would do to the flows of now",
	 cmd_what_if, 0},
	{"pause", "[--for TIME | --until MOMENT] [--fleet]",
	 "nothing is blocked until resume, or for so long; exceptions and counts go on", cmd_pause,
	 0},
	{"resume", "[--fleet]", "the rules are in force again", cmd_pause, 0},
	{"why", "NAME|ADDR|APP|PORT|FLOW [--device DEVICE]", "which rule decides, and how", cmd_why,
	 0},
	{"analyze",
	 "IN OUT | IN... -o OUT\n"
	 "                       [--block-ip|--block-app|--block-domain|--block-port VALUE]...\n"
	 "                       [--rules FILE] [--at MOMENT] [--workers N] [--json FILE] [--csv "
	 "FILE]\n"
	 "                       [--events FILE] [--filter EXPR] [--split SIZE] [--flows N]\n"
	 "                       [--verbose] [--quiet] [--reproducible]",
	 "a capture in, the filtered capture and a report out", cmd_analyze, 0},
	{"serve", "[--listen 127.0.0.1:8080 | unix:PATH] [--redis URL] [--token-file FILE]",
	 "the HTTP service: REST, events, metrics, dashboard", cmd_serve, 0},
	{"doctor", "[--json]", "what this machine can and cannot do", cmd_doctor, 0},
	{"selftest", "[--only ROW] [--list] [--json] [--write FILE]",
	 "attack an agent of its own with every known evasion; what is blocked, what is not",
	 cmd_selftest, 0},
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

int command_usage(const struct command *c, FILE *to)
{
	fprintf(to, "usage: dpi-xdp %s%s%s\n%s\n", c->name, *c->args ? " " : "", c->args, c->help);
	return EXIT_USAGE;
}

int command_refuse(const struct command *c, int argc, char **argv, int at)
{
	if (at < argc)
		log_error("%s: '%s' has no place here; see dpi-xdp %s --help", c->name, argv[at],
			  c->name);
	else
		log_error("%s: something is missing; see dpi-xdp %s --help", c->name, c->name);
	return command_usage(c, stderr);
}

/* What stands above a command in the list of all. */
static const struct {
	const char *command, *heading;
} headings[] = {
	{"attach", "An interface (root)"},
	{"status", "What goes on"},
	{"block-app", "Rules, in force on open flows at once"},
	{"unblock-app", "... and taken away"},
	{"allow-app", "Exceptions"},
	{"rules", "All rules"},
	{"analyze", "Captures (no root, no agent)"},
	{"serve", "A page, and an interface for programs"},
	{"doctor", "This machine"},
};

static int usage(FILE *to)
{
	size_t heading = 0, count = sizeof(headings) / sizeof(headings[0]);

	fputs("usage: dpi-xdp [-q] [--color[=WHEN]] COMMAND [ARGUMENT...]\n"
	      "       dpi-xdp COMMAND --help | --help | --version\n",
	      to);
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (heading < count && strcmp(commands[i].name, headings[heading].command) == 0)
			fprintf(to, "\n%s:\n", headings[heading++].heading);
		fprintf(to, "  %-16s %s\n", commands[i].name, commands[i].help);
	}
	fputs("\n`dpi-xdp COMMAND --help` tells a command's options; dpi-xdp(1) has the rest.\n",
	      to);
	return EXIT_USAGE;
}

static const char *command_name(const void *ctx, size_t i)
{
	return ((const struct command *)ctx)[i].name;
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static int unknown(const char *name)
{
	const char *near = nearest_word(name, command_name, commands, COMMAND_COUNT);

	if (near)
		log_error("no command %s; did you mean %s?", name, near);
	else
		log_error("no command %s; see dpi-xdp --help", name);
	return EXIT_USAGE;
}

/* Options before the command are the command's own: they move behind its name. */
static int run(const struct command *c, int lead, int argc, char **argv)
{
	char **moved = calloc((size_t)argc + 1, sizeof(*moved));
	int n = 0, status;

	if (!moved)
		return EXIT_FAILED;
	moved[n++] = argv[lead];
	for (int i = 1; i < lead; i++)
		moved[n++] = argv[i];
	for (int i = lead + 1; i < argc; i++)
		moved[n++] = argv[i];
	status = c->run(c, n, moved);
	free(moved);
	return status;
}

/* Every command and its options, a line each, fields apart by tabs; arguments on one line. */
static int tables(void)
{
	char flag[] = OPTIONS_TABLE;

	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		char name[32];

		printf("c\t%s\t", commands[i].name);
		options_print_flat(commands[i].args, stdout);
		printf("\t");
		options_print_flat(commands[i].help, stdout);
		printf("\n");
		snprintf(name, sizeof(name), "%s", commands[i].name);
		commands[i].run(&commands[i], 2, (char *[]){name, flag, NULL});
	}
	return EXIT_DONE;
}

/* `help`, and `help COMMAND`, which is `COMMAND --help`. */
static int help(int argc, char **argv)
{
	const struct command *c = argc > 1 ? find(argv[1]) : NULL;
	char flag[] = "--help";

	if (argc == 2 && strcmp(argv[1], "--tables") == 0)
		return tables();
	if (argc > 1 && !c)
		return unknown(argv[1]);
	if (c)
		return c->run(c, 2, (char *[]){argv[1], flag, NULL});
	usage(stdout);
	return EXIT_DONE;
}

/* What was printed must have arrived: a full disk behind stdout is a failure like any other. */
static int end(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (errno != EPIPE) /* a reader that has had enough needs no word */
		log_error("standard output cannot be written: %s; make room, or write elsewhere",
			  strerror(errno));
	return status ? status : EXIT_OUTPUT;
}

int main(int argc, char **argv)
{
	int lead = 1;

	setlocale(LC_CTYPE, "");
	/* A reader that went away and a file size limit are failed writes like any other. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	for (; lead < argc && argv[lead][0] == '-'; lead++) {
		const char *o = argv[lead];

		if (strcmp(o, "-h") == 0 || strcmp(o, "--help") == 0) {
			usage(stdout);
			return end(EXIT_DONE);
		}
		if (strcmp(o, "-V") == 0 || strcmp(o, "--version") == 0) {
			printf("dpi-xdp %s\n", DPI_VERSION);
			return end(EXIT_DONE);
		}
		if (strcmp(o, "-q") != 0 && strcmp(o, "--quiet") != 0 &&
		    strncmp(o, "--color", 7) != 0) {
			log_error("no option %s before the command; see dpi-xdp --help", o);
			return EXIT_USAGE;
		}
	}
	if (lead == argc)
		return usage(stderr);
	if (strcmp(argv[lead], "help") == 0)
		return end(help(argc - lead, argv + lead));
	if (!find(argv[lead]))
		return unknown(argv[lead]);
	return end(run(find(argv[lead]), lead, argc, argv));
}
