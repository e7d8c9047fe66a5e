/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Pausing everything; see pause.h. The file is one line: "paused until MOMENT", "paused" or
 * "resumed".
 */
#include "control/pause.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy/rules.h"

static const char on[] = "paused", off[] = "resumed", until[] = "paused until ";

static int parse(char *line, struct pause *out)
{
	struct pause p = {.is_on = true, .until_s = WHEN_NEVER};

	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, off) == 0)
		p.is_on = false;
	else if (strncmp(line, until, sizeof(until) - 1) == 0) {
		if (when_moment(slice_text(line + sizeof(until) - 1), WHEN_NEVER, &p.until_s, NULL))
			return -EINVAL;
	} else if (strcmp(line, on) != 0) {
		return -EINVAL;
	}
	if (pause_is_over(&p, times_now()))
		p.is_on = false;
	*out = p;
	return 0;
}

int pause_load(const char *path, struct pause *out, struct fault *f)
{
	FILE *file = fopen(path, "re");
	char line[128] = "";
	int err = 0;

	*out = (struct pause){.until_s = WHEN_NEVER};
	if (!file)
		return 0;
	if (!fgets(line, sizeof(line), file) || parse(line, out))
		err = fault_set(f, -EINVAL,
				"%s does not say until when all is paused, so it is not; `dpi-xdp "
				"pause` writes it anew",
				path);
	fclose(file);
	return err;
}

int pause_save(const char *path, const struct pause *p, struct fault *f)
{
	char line[sizeof(until) + WHEN_MOMENT_MAX], moment[WHEN_MOMENT_MAX];
	int err;

	if (p->is_on && p->until_s != WHEN_NEVER)
		snprintf(line, sizeof(line), "%s%s\n", until,
			 when_moment_format(p->until_s, moment));
	else
		snprintf(line, sizeof(line), "%s\n", p->is_on ? on : off);
	if (!p->is_on && access(path, F_OK))
		return 0;
	err = rules_save_text(line, path, f);
	/* It says the same as no file, should the machine stop before that is on the disk; where
	 * there is no room to say so, no file must do: a full disk does not keep rules out of
	 * force. */
	if (!p->is_on && unlink(path) == 0)
		err = 0;
	return err;
}

int pause_read(const json_t *request, struct pause *out, struct fault *f)
{
	const char *command = json_string_value(json_object_get(request, "command"));
	const struct times t = {.length = json_string_value(json_object_get(request, "for")),
				.until = json_string_value(json_object_get(request, "until"))};
	struct pause p = {.is_on = true};
	int err;

	if (command && strcmp(command, "resume") == 0)
		p = (struct pause){.until_s = WHEN_NEVER};
	else if (!command || strcmp(command, "pause") != 0)
		return 0;
	err = p.is_on ? times_end(&t, &p.until_s, f) : 0;
	if (!err)
		*out = p;
	return err;
}

void pause_json(const struct pause *p, struct text *out)
{
	char moment[WHEN_MOMENT_MAX];

	text_printf(out, "\"paused\":%s,", p->is_on ? "true" : "false");
	if (p->is_on && p->until_s != WHEN_NEVER)
		text_printf(out, "\"paused_until\":\"%s\",\"paused_left_s\":%lld",
			    when_moment_format(p->until_s, moment),
			    (long long)times_left(p->until_s));
	else
		text_puts(out, "\"paused_until\":null,\"paused_left_s\":null");
}

void pause_tell(const struct pause *p, bool is_json, struct text *out)
{
	char left[WHEN_MOMENT_MAX], wall[WHEN_MOMENT_MAX];

	if (is_json) {
		text_putc(out, '{');
		pause_json(p, out);
		text_puts(out, "}\n");
	} else if (!p->is_on) {
		text_puts(out, "not paused: the rules are in force\n");
	} else if (p->until_s == WHEN_NEVER) {
		text_puts(out, "paused until `dpi-xdp resume`: nothing is blocked\n");
	} else {
		text_printf(out, "paused for %s, until %s: nothing is blocked\n",
			    when_length_format(times_left(p->until_s), left),
			    when_wall_format(p->until_s, wall));
	}
}
