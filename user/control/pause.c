/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Pausing everything; see pause.h. The file is one line: "paused" or "resumed", "for the fleet" if
 * so it was said, and "until MOMENT".
 */
#include "control/pause.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy/rules.h"

static const char on[] = "paused", off[] = "resumed", fleet[] = " for the fleet",
		  until[] = " until ";

static bool take(const char **line, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*line, word, len) != 0)
		return false;
	*line += len;
	return true;
}

static int parse(const char *line, struct pause *out)
{
	struct pause p = {.until_s = WHEN_NEVER};

	p.is_on = take(&line, on);
	if (!p.is_on && !take(&line, off))
		return -EINVAL;
	p.is_fleet = take(&line, fleet);
	if (p.is_on && take(&line, until)) {
		if (when_moment(slice_text(line), WHEN_NEVER, &p.until_s, NULL))
			return -EINVAL;
	} else if (*line) {
		return -EINVAL;
	}
	if (pause_is_over(&p, times_now()))
		p = (struct pause){.until_s = WHEN_NEVER};
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
	if (fgets(line, sizeof(line), file))
		line[strcspn(line, "\n")] = '\0';
	if (parse(line, out))
		err = fault_set(f, -EINVAL,
				"%s does not say until when all is paused, so it is not; `dpi-xdp "
				"pause` writes it anew",
				path);
	fclose(file);
	return err;
}

int pause_save(const char *path, const struct pause *p, struct fault *f)
{
	char line[128], moment[WHEN_MOMENT_MAX];
	bool has_end = p->is_on && p->until_s != WHEN_NEVER;
	bool is_nothing = !p->is_on && !p->is_fleet;
	int err;

	snprintf(line, sizeof(line), "%s%s%s%s\n", p->is_on ? on : off, p->is_fleet ? fleet : "",
		 has_end ? until : "", has_end ? when_moment_format(p->until_s, moment) : "");
	if (is_nothing && access(path, F_OK))
		return 0;
	err = rules_save_text(line, path, f);
	/* It says the same as no file, should the machine stop before that is on the disk; where
	 * there is no room to say so, no file must do: a full disk does not keep rules out of
	 * force. */
	if ((is_nothing || (err && !p->is_on)) && unlink(path) == 0)
		err = 0;
	return err;
}

/* A host that is away cannot hear that all resume; a little more for clocks that differ. */
static int check_fleet(const struct pause *p, struct fault *f)
{
	enum { CLOCKS_S = 300 };

	if (!p->is_fleet || !p->is_on || p->until_s <= times_now() + PAUSE_FLEET_MAX_S + CLOCKS_S)
		return 0;
	return fault_set(f, -EINVAL,
			 "a pause for the whole fleet needs an end within a day, which a host that "
			 "is away then meets too: give --for 15m or --until 21:30");
}

int pause_read(const json_t *request, struct pause *out, struct fault *f)
{
	const char *command = json_string_value(json_object_get(request, "command"));
	const struct times t = {.length = json_string_value(json_object_get(request, "for")),
				.until = json_string_value(json_object_get(request, "until"))};
	struct pause p = {.is_on = true,
			  .is_fleet = json_is_true(json_object_get(request, "fleet")),
			  .until_s = WHEN_NEVER};
	int err;

	if (command && strcmp(command, "resume") == 0)
		p.is_on = false;
	else if (!command || strcmp(command, "pause") != 0)
		return 0;
	err = p.is_on ? times_end(&t, &p.until_s, f) : 0;
	if (!err)
		err = check_fleet(&p, f);
	if (!err)
		*out = p;
	return err;
}

void pause_json(const struct pause *p, struct text *out)
{
	char moment[WHEN_MOMENT_MAX];

	text_printf(out, "\"paused\":%s,\"pause_for_fleet\":%s,", p->is_on ? "true" : "false",
		    p->is_fleet ? "true" : "false");
	if (p->is_on && p->until_s != WHEN_NEVER)
		text_printf(out, "\"paused_until\":\"%s\",\"paused_left_s\":%lld",
			    when_moment_format(p->until_s, moment),
			    (long long)times_left(p->until_s));
	else
		text_puts(out, "\"paused_until\":null,\"paused_left_s\":null");
}

void pause_tell(const struct pause *p, bool is_json, struct text *out)
{
	const char *where = p->is_fleet ? ", here and on the fleet's other hosts" : "";
	char left[WHEN_MOMENT_MAX], wall[WHEN_MOMENT_MAX];

	if (is_json) {
		text_putc(out, '{');
		pause_json(p, out);
		text_puts(out, "}\n");
	} else if (!p->is_on) {
		text_puts(out, "not paused: the rules are in force");
		text_printf(out, "%s\n", where);
	} else if (p->until_s == WHEN_NEVER) {
		text_puts(out, "paused until `dpi-xdp resume`: nothing is blocked\n");
	} else {
		text_printf(out, "paused for %s, until %s: nothing is blocked%s\n",
			    when_length_format(times_left(p->until_s), left),
			    when_wall_format(p->until_s, wall), where);
	}
}
