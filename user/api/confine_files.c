/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which files the analysis of an upload may open, by Landlock (Linux 5.13, landlock(7)); see
 * confine.h. What it reads and writes it has as descriptors: by name it may only open what any
 * program needs to start, and files without a name to put memory out to.
 */
#include "api/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READ  (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RUN   (READ | LANDLOCK_ACCESS_FS_EXECUTE)
#define WRITE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
/* What can be allowed for a file, as opposed to a directory. */
#define OF_FILE (WRITE | LANDLOCK_ACCESS_FS_EXECUTE)
/* All rights of the first version (5.13), up to MAKE_SYM; and REFER of the second. */
#define RIGHTS_FIRST  (LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1)
#define RIGHTS_SECOND (RIGHTS_FIRST | LANDLOCK_ACCESS_FS_REFER)

static const struct {
	const char *path;
	uint64_t rights;
} places[] = {
	{"/usr", RUN},		{"/lib", RUN},	      {"/lib32", RUN},
	{"/lib64", RUN},	{"/opt", RUN},	      {"/etc/ld.so.cache", READ},
	{"/etc/dpi-xdp", READ}, {"/dev/null", WRITE}, {"/dev/urandom", READ},
};

/* Allows what lies at fd. */
static int allow(int ruleset, int fd, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= OF_FILE;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
		return -errno;
	return 0;
}

/* A place that is not there needs no rule. */
static int allow_path(int ruleset, const char *path, uint64_t rights)
{
	int fd = open(path, O_PATH | O_CLOEXEC), err;

	if (fd < 0)
		return 0;
	err = allow(ruleset, fd, rights);
	close(fd);
	return err;
}

int confine_files(int exe_fd, const char *spool_dir)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
			       LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr all = {
		.handled_access_fs = version >= 2 ? RIGHTS_SECOND : RIGHTS_FIRST,
	};
	int ruleset, err;

	if (version < 1)
		return 0; /* not in this kernel, or not switched on */
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
	if (ruleset < 0)
		return -errno;
	err = allow(ruleset, exe_fd, RUN);
	for (size_t i = 0; !err && i < sizeof(places) / sizeof(places[0]); i++)
		err = allow_path(ruleset, places[i].path, places[i].rights);
	if (!err)
		err = allow_path(ruleset, spool_dir, WRITE);
	if (!err && syscall(SYS_landlock_restrict_self, ruleset, 0))
		err = -errno;
	close(ruleset);
	return err;
}
