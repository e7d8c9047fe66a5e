/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room fleet: the last good rules on disk, so that a start without Redis begins with them, and a
 * change made meanwhile is known as one. The rules' own text form, with the version above it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "fleet/state.h"

static const char head[] = "# The last good rules of a fleet, kept by dpi-xdp serve; version ";

/* The version in the first line; 0 when there is none. */
static uint64_t read_version(const char *path)
{
	char line[128] = "";
	FILE *file = fopen(path, "re");
	uint64_t version = 0;

	if (!file)
		return 0;
	if (fgets(line, sizeof(line), file) && strncmp(line, head, sizeof(head) - 1) == 0)
		version = strtoull(line + sizeof(head) - 1, NULL, 10);
	fclose(file);
	return version;
}

/* A file of rules that may be missing or damaged; then *out is empty. */
static int load(struct fleet *fl, const char *path, struct rules **out, struct fault *f)
{
	struct fault why;
	int err = rules_load(path, &fl->apps, RULES_FORCE, out, &why);

	if (!err)
		return 0;
	if (err != -ENOENT)
		log_error("fleet: what was kept is not used: %s", why.text);
	*out = rules_new();
	if (!*out)
		return fault_set(f, -ENOMEM, "out of memory");
	return err == -ENOENT ? 0 : 1;
}

int snapshot_load(struct fleet *fl, struct fault *f)
{
	int result = load(fl, fl->base_path, &fl->base, f);

	if (result >= 0)
		fl->version = result ? 0 : read_version(fl->base_path);
	return result < 0 ? result : 0;
}

/* A directory of its own, so that a service without privileges can be given it. */
static int make_dir(struct fleet *fl, struct fault *f)
{
	(void)paths_make(&fl->local.paths);
	if (mkdir(fl->kept_dir, 0750) && errno != EEXIST)
		return fault_set(f, -errno,
				 "%s cannot be made: %s; what the fleet agreed on does not outlive "
				 "this process",
				 fl->kept_dir, strerror(errno));
	return 0;
}

static void save(struct fleet *fl, const char *text, const char *path)
{
	struct fault f = {""};

	if (!make_dir(fl, &f))
		rules_save_text(text, path, &f);
	fleet_note(fl->disk_fault, sizeof(fl->disk_fault), f.text);
}

void snapshot_load_pause(struct fleet *fl)
{
	struct fault f;
	struct pause p;

	if (pause_load(fl->pause_path, &p, &f))
		log_error("fleet: what was kept is not used: %s", f.text);
	fl->pause_until_s = p.is_on ? p.until_s : 0;
}

void snapshot_save_pause(struct fleet *fl)
{
	struct pause p = {.is_on = fl->pause_until_s, .until_s = fl->pause_until_s};
	struct fault f = {""};

	if (!make_dir(fl, &f))
		pause_save(fl->pause_path, &p, &f);
	fleet_note(fl->disk_fault, sizeof(fl->disk_fault), f.text);
}

void snapshot_save(struct fleet *fl)
{
	char *rules = rules_format(fl->base);
	struct text whole = {0};

	text_printf(&whole, "%s%" PRIu64 "\n", head, fl->version);
	text_puts(&whole, rules ? rules : "");
	save(fl, rules && !whole.failed ? whole.at : NULL, fl->base_path);
	text_clear(&whole);
	free(rules);
}

struct rules *snapshot_load_own(struct fleet *fl)
{
	struct rules *own = NULL;

	return load(fl, fl->own_path, &own, NULL) < 0 ? NULL : own;
}

void snapshot_save_own(struct fleet *fl)
{
	char *text;

	if (!rules_count(fl->local.own) && access(fl->own_path, F_OK))
		return;
	text = rules_format(fl->local.own);
	save(fl, text, fl->own_path);
	free(text);
}
