/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: rules onto the disk. The text is written beside its place, synced, renamed, and the
 * directory synced, so that whoever dies in between leaves the old file or the new one, whole.
 */
#include "policy/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/write_all.h"

/* Makes a file of its own name with the text in it, on the disk. Returns 0 or -errno. */
static int write_file(const char *path, const char *text)
{
	int err, fd;

	unlink(path); /* left by a process of the same number that died */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	err = write_all(fd, slice_text(text));
	if (!err && fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	return err;
}

/* Puts the renaming itself on the disk. */
static int sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;
	char *directory = slash ? strndup(path, len ? len : 1) : strdup(".");
	int err = 0;
	int fd;

	if (!directory)
		return -ENOMEM;
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(directory);
	if (fd < 0)
		return -errno;
	if (fsync(fd))
		err = -errno;
	close(fd);
	return err;
}

int rules_save_text(const char *text, const char *path, struct fault *f)
{
	char *beside = NULL;
	int err = -ENOMEM;

	if (!text || asprintf(&beside, "%s.%ld.new", path, (long)getpid()) < 0) {
		beside = NULL;
		goto out;
	}
	err = write_file(beside, text);
	if (!err && rename(beside, path))
		err = -errno;
	if (err)
		unlink(beside);
	else
		err = sync_directory(path);
out:
	free(beside);
	if (err)
		fault_set(f, err,
			  "cannot save the rules to %s: %s; what was there is unchanged; %s", path,
			  strerror(-err), fault_next(err, "check the path"));
	return err;
}

int rules_save(const struct rules *r, const char *path, struct fault *f)
{
	char *text = rules_format(r);
	int err = rules_save_text(text, path, f);

	free(text);
	return err;
}
