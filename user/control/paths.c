/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The agent's paths; see paths.h.
 */
#include "control/paths.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dpi/abi.h"

#define STATE_DIR "/var/lib/dpi-xdp"
#define RUN_DIR	  "/run/dpi-xdp"

static const char *from_environment(const char *name, const char *otherwise)
{
	const char *value = secure_getenv(name);

	return value && *value ? value : otherwise;
}

/* A run directory as one path component; bpffs takes no dots. */
static void pin_name(char *out, size_t size, const char *run_dir)
{
	size_t n = (size_t)snprintf(out, size, "dpi-xdp");

	if (strcmp(run_dir, RUN_DIR) == 0)
		return;
	if (n < size - 1)
		out[n++] = '-';
	while (*run_dir == '/')
		run_dir++;
	for (; *run_dir && n < size - 1; run_dir++)
		out[n++] = isalnum((unsigned char)*run_dir) ? *run_dir : '_';
	out[n] = 0;
}

int paths_init(struct paths *p)
{
	const char *state = from_environment("DPI_XDP_STATE_DIR", STATE_DIR);
	const char *run = from_environment("DPI_XDP_RUN_DIR", RUN_DIR);
	char name[PATHS_MAX];

	if (strlen(state) >= PATHS_MAX || strlen(run) >= sizeof(p->run_dir))
		return -ENAMETOOLONG;
	p->way = NULL;
	snprintf(p->state_dir, sizeof(p->state_dir), "%s", state);
	snprintf(p->run_dir, sizeof(p->run_dir), "%s", run);
	snprintf(p->rules, sizeof(p->rules), "%s/rules.txt", state);
	snprintf(p->paused, sizeof(p->paused), "%s/paused", state);
	snprintf(p->socket, sizeof(p->socket), "%s/control", run);
	snprintf(p->lock, sizeof(p->lock), "%s/lock", run);
	snprintf(p->engine_lock, sizeof(p->engine_lock), "%s/engine.lock", run);
	snprintf(p->interfaces, sizeof(p->interfaces), "%s/interfaces", run);
	pin_name(name, sizeof(name), run);
	snprintf(p->pin_dir, sizeof(p->pin_dir), "/sys/fs/bpf/%s/v%d", name, DPI_ABI_VERSION);
	return 0;
}

static int make_dir(const char *dir)
{
	char path[PATHS_MAX];

	snprintf(path, sizeof(path), "%s", dir);
	for (char *at = path + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = 0;
		if (mkdir(path, 0755) && errno != EEXIST)
			return -errno;
		*at = '/';
	}
	return mkdir(path, 0750) && errno != EEXIST ? -errno : 0;
}

/* A directory of root alone becomes one that the group of those who may ask can look into. */
static void open_to_group(const char *dir)
{
	const struct group *group = getgrnam(PATHS_GROUP);
	struct stat st;

	if (group && stat(dir, &st) == 0 && st.st_uid == 0 && st.st_gid == 0)
		(void)!chown(dir, 0, group->gr_gid);
}

int paths_make(const struct paths *p)
{
	int err = make_dir(p->state_dir);

	if (!err)
		err = make_dir(p->run_dir);
	if (!err && geteuid() == 0) {
		open_to_group(p->state_dir);
		open_to_group(p->run_dir);
	}
	return err;
}
