/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Changing the rules: block-*, unblock-*, allow-*, disallow-*, and `rules`. With an agent the
 * change is in force, on open flows too, when the command returns; with none it is stored, and said
 * so.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/apps.h"
#include "control/change.h"
#include "control/history.h"
#include "control/stored.h"
#include "base/log.h"
#include "cli/lists.h"
#include "cli/options.h"
#include "cli/remote.h"

enum {
	OPT_FORCE = 256,
	OPT_JSON,
	OPT_LEARNT,
	OPT_FOR,
	OPT_UNTIL,
	OPT_WHEN,
	OPT_ACCEPT,
	OPT_DEVICE
};

struct change_wish {
	bool is_forced, is_quiet, is_json, is_learnt, is_accepted;
	const char *device;
	struct times times;
};

/* clang-format off */
#define FORCE_ROW {"force", 0, NULL, "a public suffix such as co.uk is meant", OPT_FORCE}
#define LEARNT_ROW \
	{"learnt", 0, NULL, "flows without a name too, by the DNS answer for their address", \
	 OPT_LEARNT}
#define DEVICE_ROW \
	{"device", 0, "DEVICE", \
	 "of this device alone: its address, network, hardware address, or name", OPT_DEVICE}
#define TIME_ROWS(length, until, when) \
	{"for", 0, "TIME", length, OPT_FOR}, {"until", 0, "MOMENT", until, OPT_UNTIL}, \
	{"when", 0, "HOURS", when, OPT_WHEN}
#define ADD_ROWS \
	TIME_ROWS("the rule goes by itself after 90s, 30m, 2h, 7d", \
		  "the same at 21:30, or 2026-12-01T08:00", \
		  "in force at these times alone: 'mon-fri 21:00-07:00', sat,sun")
/* clang-format on */

static const struct option_row add_rows[] = {FORCE_ROW, ADD_ROWS, OPTIONS_COMMON};
static const struct option_row add_name_rows[] = {FORCE_ROW, LEARNT_ROW, DEVICE_ROW, ADD_ROWS,
						  OPTIONS_COMMON};
/* What has no use here would else be taken for the beginning of another option: --for, --force. */
static const struct option_row take_rows[] = {FORCE_ROW, TIME_ROWS(NULL, NULL, NULL),
					      OPTIONS_COMMON};
static const struct option_row take_name_rows[] = {FORCE_ROW, LEARNT_ROW, DEVICE_ROW,
						   TIME_ROWS(NULL, NULL, NULL), OPTIONS_COMMON};
#define ROWS(rows)                                     \
	{                                              \
		rows, sizeof(rows) / sizeof((rows)[0]) \
	}

/* By whether rules are taken away, and whether they are for names. */
static const struct {
	const struct option_row *rows;
	size_t count;
} change_rows[2][2] = {{ROWS(add_rows), ROWS(add_name_rows)},
		       {ROWS(take_rows), ROWS(take_name_rows)}};

static const struct option_row rules_rows[] = {
	{"force", 0, NULL, "public suffixes such as co.uk are meant", OPT_FORCE},
	{"json", 'j', NULL, "one JSON document on stdout", OPT_JSON},
	{"accept-mass-change", 0, NULL,
	 "refresh: lists that have lost more than half of their entries are meant so", OPT_ACCEPT},
	OPTIONS_COMMON,
};

static int change_take(void *ctx, int id, const char *value)
{
	struct change_wish *w = ctx;

	switch (id) {
	case OPT_FOR: w->times.length = value; break;
	case OPT_UNTIL: w->times.until = value; break;
	case OPT_WHEN: w->times.when = value; break;
	case OPT_DEVICE: w->device = value; break;
	default: break;
	}
	w->is_forced |= id == OPT_FORCE;
	w->is_learnt |= id == OPT_LEARNT;
	w->is_quiet |= id == OPTION_QUIET;
	w->is_json |= id == OPT_JSON;
	w->is_accepted |= id == OPT_ACCEPT;
	return 0;
}

static int exit_of(int err)
{
	return err == -EINVAL			 ? EXIT_USAGE
	       : err == -EACCES || err == -EPERM ? EXIT_DENIED
	       : err == -ENOSPC || err == -EROFS ? EXIT_OUTPUT
						 : EXIT_FAILED;
}

/* The stored rules, with what they need. */
struct stored {
	struct paths paths;
	int lock; /* of the state directory, while the rules are changed; else -1 */
	struct catalogue *catalogue;
	struct rules *rules;
};

static void stored_clear(struct stored *s)
{
	rules_free(s->rules);
	catalogue_free(s->catalogue);
	if (s->lock >= 0)
		close(s->lock);
}

static int stored_init(struct stored *s, struct fault *f)
{
	*s = (struct stored){.lock = -1};
	if (paths_init(&s->paths))
		return fault_set(f, -EINVAL,
				 "DPI_XDP_STATE_DIR or DPI_XDP_RUN_DIR is too long; give a "
				 "shorter one");
	return apps_load(&s->catalogue, f);
}

static int stored_open(struct stored *s, struct fault *f)
{
	int err = stored_init(s, f);

	return err ? err : change_load(s->paths.rules, s->catalogue, &s->rules, f);
}

/* Makes the directory where there is none and keeps other commands out until stored_clear. */
static int stored_lock(struct stored *s, struct fault *f)
{
	int err = paths_make(&s->paths);

	if (err)
		return fault_set(f, err, "%s or %s cannot be made: %s; run as root",
				 s->paths.state_dir, s->paths.run_dir, strerror(-err));
	s->lock = open(s->paths.state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->lock < 0 || flock(s->lock, LOCK_EX))
		return fault_set(f, -errno, "%s: %s; run as root", s->paths.state_dir,
				 strerror(errno));
	return 0;
}

static int change_stored(const struct change *change, bool is_quiet)
{
	struct stored s;
	struct rules *before = NULL;
	struct text note = {0};
	struct fault f = {0};
	int err = stored_init(&s, &f), changed = 0;

	if (!err)
		err = stored_lock(&s, &f);
	if (!err)
		err = change_load_settled(&s.paths, s.catalogue, &s.rules, &f);
	if (!err)
		err = (before = rules_copy(s.rules)) ? 0 : fault_set(&f, -ENOMEM, "out of memory");
	if (!err) {
		changed = change_apply(&s.rules, change, s.catalogue, &note, &f);
		err = changed < 0 ? changed : 0;
	}
	if (!err && changed)
		err = history_save(&s.paths, before, s.rules, HISTORY_COMMAND, &f);
	rules_free(before);
	if (err)
		log_error("%s", f.text);
	else if (!is_quiet)
		fwrite(note.at, 1, note.len, stdout);
	if (!err && !is_quiet)
		log_note(changed ? "no agent is running: stored, and in force with the next attach"
				 : "no agent is running: the stored rules are as before");
	text_clear(&note);
	stored_clear(&s);
	return err ? exit_of(err) : EXIT_DONE;
}

/* Only rules for names can say --learnt and --device, and only those to come say when. */
static int parse_change(const struct command *c, const struct change *change, int argc, char **argv,
			struct change_wish *w)
{
	bool is_name = change->kind == RULE_DOMAIN || change->kind == RULE_APP;

	return options_parse(c, change_rows[change->is_remove][is_name].rows,
			     change_rows[change->is_remove][is_name].count, argc, argv, change_take,
			     w);
}

static void request_times(struct text *request, const struct times *t)
{
	if (t->length)
		remote_string(request, "for", t->length);
	if (t->until)
		remote_string(request, "until", t->until);
	if (t->when)
		remote_string(request, "when", t->when);
}

int change_run(const struct change *change, bool is_quiet, bool *no_agent)
{
	struct text request = {0};
	int status;

	*no_agent = false;
	remote_begin(&request, "change");
	remote_string(&request, "kind", rule_kind_name(change->kind));
	remote_flag(&request, "allow", change->is_allow);
	remote_flag(&request, "remove", change->is_remove);
	remote_flag(&request, "force", change->is_forced);
	remote_flag(&request, "learnt", change->is_learnt);
	if (change->device)
		remote_string(&request, "device", change->device);
	request_times(&request, &change->times);
	for (size_t i = 0; i < change->value_count; i++) {
		text_puts(&request, i ? "," : ",\"values\":[");
		remote_value(&request, change->values[i]);
	}
	text_putc(&request, ']');
	status = remote_run(&request, slice_of("", 0), is_quiet, no_agent);
	return *no_agent ? change_stored(change, is_quiet) : status;
}

int cmd_change(const struct command *c, int argc, char **argv)
{
	struct change_wish w = {0};
	struct change change = {.kind = CHANGE_KIND(c->tag),
				.is_allow = CHANGE_IS_ALLOW(c->tag),
				.is_remove = CHANGE_IS_REMOVAL(c->tag)};
	bool no_agent;
	int first = parse_change(c, &change, argc, argv, &w);

	if (first < 0)
		return options_status(first);
	if (first == argc)
		return command_refuse(c, argc, argv, first);
	change.is_forced = w.is_forced;
	change.is_learnt = w.is_learnt;
	change.device = w.device;
	change.times = w.times;
	change.values = (const char *const *)argv + first;
	change.value_count = (size_t)(argc - first);
	return change_run(&change, w.is_quiet, &no_agent);
}

/* --- rules ------------------------------------------------------------------------------------ */

/* Reads a file by the agent's own rules for rules, then hands over its text. */
static int rules_read(const char *path, bool is_forced, struct stored *s, struct fault *f)
{
	struct rule_apps apps;
	struct rules *next = NULL;
	int err;

	err = stored_init(s, f);
	if (err)
		return err;
	apps = catalogue_rule_apps(s->catalogue);
	if (path)
		err = rules_load(path, &apps, is_forced ? RULES_FORCE : 0, &next, f);
	else
		err = (next = rules_new()) ? 0 : fault_set(f, -ENOMEM, "out of memory");
	s->rules = next;
	/* A file that is none is an input refused. */
	return err == -ENOENT || err == -EISDIR ? -EINVAL : err;
}

/* Damaged rules are put right by this; then what was before is not known. */
static int put_stored(struct stored *s, struct fault *f)
{
	struct rules *before = NULL;
	struct fault ignored;
	int err;

	change_load_settled(&s->paths, s->catalogue, &before, &ignored);
	err = history_save(&s->paths, before, s->rules, HISTORY_LOAD, f);
	rules_free(before);
	return err;
}

int rules_put(const char *path, bool is_forced, bool is_quiet)
{
	struct text request = {0};
	struct fault f = {0};
	bool no_agent = false;
	struct stored s;
	char *text = NULL;
	int err = rules_read(path, is_forced, &s, &f), status = EXIT_DONE;

	if (!err && !(text = rules_format(s.rules)))
		err = fault_set(&f, -ENOMEM, "out of memory");
	if (!err) {
		remote_begin(&request, "rules-set");
		remote_string(&request, "name", path ? path : "no rules");
		remote_flag(&request, "force", true);
		remote_string(&request, "by", history_by_name(HISTORY_LOAD));
		status = remote_run(&request, slice_text(text), is_quiet, &no_agent);
	}
	if (!err && no_agent) {
		err = stored_lock(&s, &f);
		if (!err)
			err = put_stored(&s, &f);
		status = EXIT_DONE;
		if (!err && !is_quiet) {
			printf("%zu rule%s stored\n", rules_count(s.rules),
			       rules_count(s.rules) == 1 ? "" : "s");
			log_note("no agent is running: in force with the next attach");
		}
	}
	if (err)
		log_error("%s", f.text);
	free(text);
	stored_clear(&s);
	return err ? exit_of(err) : status;
}

static int rules_show(bool is_json, bool is_quiet)
{
	struct text request = {0};
	struct wire answer = {0};
	struct fault f = {0};
	struct paths p;
	bool no_agent = false;
	int status, err;

	remote_begin(&request, "rules");
	remote_flag(&request, "json", is_json);
	status = remote_run(&request, slice_of("", 0), false, &no_agent);
	if (!no_agent || !remote_paths(&p))
		return status;
	remote_begin(&request, "rules");
	remote_flag(&request, "json", is_json);
	text_putc(&request, '}');
	err = request.failed ? fault_set(&f, -ENOMEM, "out of memory")
			     : stored_request(&p, slice_of(request.at, request.len),
					      slice_of("", 0), &answer, &f);
	text_clear(&request);
	status = err ? exit_of(err) : (int)answer.kind;
	if (status)
		log_error("%s", err ? f.text : answer.err);
	else
		fwrite(answer.out, 1, answer.out_len, stdout);
	if (!status && !is_quiet)
		log_note("no agent is running: these are the stored rules");
	wire_clear(&answer);
	return status;
}

/* Writes to what is no plain file: a device, a link; "-" is standard output. */
static int rules_print(struct stored *s, const char *path)
{
	FILE *to = strcmp(path, "-") ? fopen(path, "we") : stdout;
	char *text = rules_format(s->rules);
	bool is_good = to && text && fputs(text, to) >= 0 && fflush(to) == 0;

	if (!is_good)
		log_error("cannot write the rules to %s: %s; write elsewhere", path,
			  strerror(errno));
	if (to && to != stdout)
		fclose(to);
	free(text);
	stored_clear(s);
	return is_good ? EXIT_DONE : EXIT_OUTPUT;
}

/* Saves what the agent has in force, or else what is stored. */
static int rules_write(const char *path)
{
	struct stored s;
	struct fault f = {0};
	int err = stored_open(&s, &f); /* the agent stores every change before it takes effect */

	struct stat st;
	int status = err ? exit_of(err) : EXIT_DONE;

	/* A name is given to a file that is whole; a device or a link keeps its own. */
	if (!err && strcmp(path, "-") && (lstat(path, &st) || S_ISREG(st.st_mode))) {
		err = rules_save(s.rules, path, &f);
		status = err ? EXIT_OUTPUT : EXIT_DONE;
	} else if (!err) {
		return rules_print(&s, path);
	}
	if (err)
		log_error("%s%s", f.text, status == EXIT_OUTPUT ? ", or write elsewhere" : "");
	stored_clear(&s);
	return status;
}

/* The agent reads its file again: the one a service was started with, else what is stored. */
static int rules_again(bool is_quiet)
{
	struct text request = {0};

	remote_begin(&request, "rules-reload");
	return remote_run(&request, slice_of("", 0), is_quiet, NULL);
}

/* The words of `rules`, and how many may stand behind each. */
static const struct {
	const char *word;
	int most;
} rules_words[] = {
	{"list", 0},	{"load", 1}, {"save", 1},     {"clear", 0},   {"reload", 0},
	{"history", 0}, {"diff", 1}, {"rollback", 1}, {"refresh", 1},
};

static const char *rules_word(const void *ctx, size_t i)
{
	(void)ctx;
	return rules_words[i].word;
}

/* A word that is none of them, or has too few or too many behind it. */
static int rules_refuse(const struct command *c, int argc, char **argv, int first)
{
	size_t count = sizeof(rules_words) / sizeof(rules_words[0]);
	const char *near = nearest_word(argv[first], rules_word, NULL, count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(argv[first], rules_words[i].word) == 0)
			return command_refuse(c, argc, argv, first + 1 + rules_words[i].most);
	if (!near)
		return command_refuse(c, argc, argv, first);
	log_error("rules: no word %s; did you mean %s?", argv[first], near);
	return EXIT_USAGE;
}

int cmd_rules(const struct command *c, int argc, char **argv)
{
	struct change_wish w = {0};
	int first = options_parse(c, rules_rows, sizeof(rules_rows) / sizeof(rules_rows[0]), argc,
				  argv, change_take, &w);
	const char *what = first >= 0 && first < argc ? argv[first] : "list";
	int more = argc - first - 1;

	if (first < 0)
		return options_status(first);
	if (strcmp(what, "list") == 0 && more <= 0)
		return rules_show(w.is_json, w.is_quiet);
	if (strcmp(what, "load") == 0 && more == 1)
		return rules_put(strcmp(argv[first + 1], "-") ? argv[first + 1] : "/dev/stdin",
				 w.is_forced, w.is_quiet);
	if (strcmp(what, "save") == 0 && more == 1)
		return rules_write(argv[first + 1]);
	if (strcmp(what, "clear") == 0 && more == 0)
		return rules_put(NULL, false, w.is_quiet);
	if (strcmp(what, "reload") == 0 && more == 0)
		return rules_again(w.is_quiet);
	if (rules_history_word(what) && more <= (strcmp(what, "history") != 0))
		return rules_history(what, more > 0 ? argv[first + 1] : NULL, w.is_json,
				     w.is_quiet);
	if (strcmp(what, "refresh") == 0 && more <= 1)
		return lists_refresh_all(more ? argv[first + 1] : "", w.is_accepted, w.is_quiet);
	return rules_refuse(c, argc, argv, first);
}
