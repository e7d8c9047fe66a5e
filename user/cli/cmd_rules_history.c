/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * rules history, rules diff and rules rollback: what changed the rules, and the way back. Room:
 * cli. The agent answers, and where none runs the stored rules do.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/remote.h"
#include "control/control.h"
#include "control/stored.h"

static const char *const words[] = {"history", "diff", "rollback"};

bool rules_history_word(const char *word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

/* A change's number, as `rules history` shows it. */
static bool number_read(const char *text, unsigned long long *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	if (!errno && !*end && text[0] >= '0' && text[0] <= '9' && *out > 0 && *out <= INT64_MAX)
		return true;
	log_error("%s is no number of a change; `dpi-xdp rules history` shows them", text);
	return false;
}

static void print(struct wire *answer, bool is_quiet)
{
	if (answer->err_len && answer->err[answer->err_len - 1] == '\n')
		answer->err[answer->err_len - 1] = 0;
	if (answer->kind != EXIT_DONE)
		log_error("%s", answer->err);
	else if (!is_quiet)
		fwrite(answer->out, 1, answer->out_len, stdout);
}

int rules_history(const char *word, const char *number, bool is_json, bool is_quiet)
{
	bool is_rollback = strcmp(word, "rollback") == 0, in_force = false;
	struct text request = {0};
	struct wire answer = {0};
	struct fault f = {0};
	struct paths p;
	unsigned long long n = 0;
	char command[32];
	int err, status;

	if ((number && !number_read(number, &n)) || !remote_paths(&p))
		return EXIT_USAGE;
	snprintf(command, sizeof(command), "rules-%s", word);
	remote_begin(&request, command);
	remote_flag(&request, "json", is_json);
	text_printf(&request, ",\"number\":%llu}", n);
	err = request.failed ? fault_set(&f, -ENOMEM, "out of memory")
			     : stored_or_agent_request(&p, slice_of(request.at, request.len),
						       slice_of("", 0), &answer, &in_force, &f);
	text_clear(&request);
	if (err)
		return remote_failed(err, &f, NULL);
	answer.kind &= ~(uint32_t)CONTROL_ENDING;
	status = (int)answer.kind;
	print(&answer, is_quiet && !is_json);
	if (status == EXIT_DONE && is_rollback && !in_force && !is_quiet)
		log_note("no agent is running: stored, and in force with the next attach");
	wire_clear(&answer);
	return status;
}
