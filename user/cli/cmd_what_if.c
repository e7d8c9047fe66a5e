/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * what-if: what a change of the rules would do, to the flows of now or to a capture. Room: cli. It
 * changes nothing. Live, the agent decides; of a capture, the same code in this process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "offline/what_if.h"
#include "base/log.h"
#include "cli/remote.h"
#include "cli/what_if.h"
#include "control/apps.h"
#include "control/change.h"
#include "control/supposed.h"

enum { FILE_MAX = 67108864 };

/* The text of a rules file that is to be supposed; empty where none is. 0 or an exit status. */
static int file_read(const struct what_if *w, struct text *out)
{
	int fd = w->load ? open(w->load, O_RDONLY | O_CLOEXEC) : -1;
	char block[65536];
	ssize_t n = 0;

	if (!w->load)
		return 0;
	while (fd >= 0 && out->len <= FILE_MAX && (n = read(fd, block, sizeof(block))) > 0)
		text_add(out, block, (size_t)n);
	if (fd >= 0 && n == 0 && !out->failed) {
		close(fd);
		return 0;
	}
	log_error("%s: %s; give a rules file", w->load,
		  out->len > FILE_MAX ? "too large to be rules" : strerror(errno));
	if (fd >= 0)
		close(fd);
	return EXIT_USAGE;
}

/* --- a capture -------------------------------------------------------------------------------- */

/* What both runs need. */
struct trial {
	struct catalogue *catalogue;
	struct rules *rules[2]; /* before, after */
	struct policy *policy[2];
	struct difference *difference;
};

static void trial_clear(struct trial *t)
{
	difference_free(t->difference);
	for (int i = 0; i < 2; i++) {
		policy_free(t->policy[i]);
		rules_free(t->rules[i]);
	}
	catalogue_free(t->catalogue);
}

/* The rules of before: those of a file, else the stored ones where they can be read, else none. */
static int load_before(const struct what_if *w, struct trial *t, struct fault *f)
{
	struct rule_apps names = catalogue_rule_apps(t->catalogue);
	struct paths p;
	int err;

	if (w->rules_file) {
		err = rules_load(w->rules_file, &names, RULES_FORCE, &t->rules[0], f);
		return err == -ENOENT || err == -EISDIR ? -EINVAL : err;
	}
	if (paths_init(&p))
		return fault_set(f, -EINVAL, "DPI_XDP_STATE_DIR is too long; give a shorter one");
	err = change_load(p.rules, t->catalogue, &t->rules[0], f);
	if (err != -EACCES && err != -EPERM)
		return err;
	if (!w->is_quiet)
		log_note("%s cannot be read: no rules are those of before; --rules gives others",
			 p.rules);
	t->rules[0] = rules_new();
	return t->rules[0] ? 0 : fault_set(f, -ENOMEM, "out of memory");
}

static int load_after(const struct what_if *w, struct slice data, struct trial *t, struct fault *f)
{
	struct text request = {0};
	struct paths p;
	json_t *json;
	int err;

	if (paths_init(&p))
		return fault_set(f, -EINVAL, "DPI_XDP_STATE_DIR is too long; give a shorter one");
	remote_begin(&request, "what-if");
	what_if_request(w, &request);
	text_putc(&request, '}');
	json = request.failed ? NULL : json_loadb(request.at, request.len, 0, NULL);
	err = json ? supposed_rules(&p, json, data, t->catalogue, t->rules[0], &t->rules[1], f)
		   : fault_set(f, -EINVAL, "a value is no text; give names in UTF-8");
	json_decref(json);
	text_clear(&request);
	return err;
}

static int fill_lists(const struct what_if *w, struct trial *t, struct fault *f)
{
	struct paths p;
	int err = paths_init(&p);

	for (int i = 0; i < 2 && !err; i++)
		err = what_if_fill_lists(&p, t->rules[i], w->is_quiet || i == 0, f);
	return err;
}

static int trial_load(const struct what_if *w, struct slice data, struct trial *t, struct fault *f)
{
	struct policy_apps suffixes;
	struct difference_config config;
	struct timespec now;
	int err = apps_load(&t->catalogue, f);

	if (!err)
		err = load_before(w, t, f);
	if (!err)
		err = load_after(w, data, t, f);
	if (!err)
		err = fill_lists(w, t, f);
	if (err)
		return err;
	clock_gettime(CLOCK_MONOTONIC, &now);
	suffixes = catalogue_policy_apps(t->catalogue);
	for (int i = 0; i < 2; i++)
		t->policy[i] = policy_new(t->rules[i], &suffixes, (uint64_t)now.tv_nsec);
	config = (struct difference_config){.catalogue = t->catalogue,
					    .before = t->rules[0],
					    .after = t->rules[1],
					    .input = w->capture,
					    .listed_max = w->limit};
	t->difference = difference_new(&config);
	return t->policy[0] && t->policy[1] && t->difference
		       ? 0
		       : fault_set(f, -ENOMEM, "out of memory");
}

static int print(const struct what_if *w, const struct difference *d)
{
	struct report_style style = {.is_verbose = w->is_verbose};
	struct text out = {0};
	int err = w->is_json ? difference_json(d, &out) : difference_text(d, &style, &out);

	if (err)
		log_error("out of memory");
	else if (w->is_json || !w->is_quiet)
		fwrite(out.at, 1, out.len, stdout);
	text_clear(&out);
	return err ? EXIT_FAILED : EXIT_DONE;
}

/* It is read twice, so a pipe will not do. */
static bool is_file(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		log_error("%s: is read twice, and is no plain file; write it to one first", path);
		return false;
	}
	return true;
}

static int of_capture(const struct what_if *w, struct slice data)
{
	struct offline_config config = {
		.inputs = &w->capture, .input_count = 1, .workers = w->workers};
	enum offline_end end = OFFLINE_WHOLE;
	struct trial t = {0};
	struct fault f = {"out of memory"};
	int status = EXIT_DONE, err;

	if (!is_file(w->capture))
		return EXIT_USAGE;
	err = trial_load(w, data, &t, &f);
	config.catalogue = t.catalogue;
	if (!err)
		err = offline_what_if(&config, t.policy[0], t.policy[1], t.difference, &end, &f);
	if (err)
		log_error("%s", f.text);
	else
		status = print(w, t.difference);
	trial_clear(&t);
	if (err)
		return err == -EINVAL || err == -ENOENT ? EXIT_USAGE : EXIT_FAILED;
	if (end != OFFLINE_WHOLE)
		log_error("%s: %s; everything before it was compared", w->capture, f.text);
	if (status == EXIT_DONE && end != OFFLINE_WHOLE)
		status = end == OFFLINE_DAMAGED ? EXIT_DAMAGED : EXIT_FAILED;
	return status;
}

/* --- live ------------------------------------------------------------------------------------- */

static int of_now(const struct what_if *w, struct slice data)
{
	struct text request = {0};
	bool no_agent = false;
	int status;

	remote_begin(&request, "what-if");
	what_if_request(w, &request);
	remote_flag(&request, "json", w->is_json);
	remote_flag(&request, "verbose", w->is_verbose);
	text_printf(&request, ",\"limit\":%llu", (unsigned long long)w->limit);
	status = remote_run(&request, data, w->is_quiet && !w->is_json, &no_agent);
	if (no_agent)
		log_error("no agent is running, so there are no flows; start one with `dpi-xdp "
			  "attach IFACE`, or ask it of a capture: dpi-xdp what-if ... --capture "
			  "IN.pcap");
	return status;
}

int cmd_what_if(const struct command *c, int argc, char **argv)
{
	struct what_if w = {0};
	struct text file = {0};
	bool is_over;
	int status = what_if_parse(&w, c, argc, argv, &is_over);

	if (!status && !is_over)
		status = file_read(&w, &file);
	if (!status && !is_over) {
		struct slice data = slice_of(file.at ? file.at : "", file.len);

		status = w.capture ? of_capture(&w, data) : of_now(&w, data);
	}
	text_clear(&file);
	what_if_clear(&w);
	return status;
}
