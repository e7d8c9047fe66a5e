/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Files beside their names, and which may not be written at all. Room: pcap. See out_file.h and
 * capture_out.h.
 */
#include "pcap/out_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "pcap/capture_out.h"
#include "pcap/split.h"

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Gives PATH.part, or NULL. */
static char *part_name(const char *path)
{
	char *part;

	return asprintf(&part, "%s.part", path) < 0 ? NULL : part;
}

int capture_out_check(const char *path, const char *in_path, struct fault *f)
{
	struct stat in, out;
	char *part = part_name(path);
	int err = 0;

	if (!part)
		return fault_set(f, -ENOMEM, "out of memory");
	if (strcmp(path, "-") == 0)
		goto out;
	if (stat(path, &out) == 0 && S_ISDIR(out.st_mode)) {
		err = fault_set(f, -EINVAL, "is a directory; give the name of a file");
		goto out;
	}
	err = strcmp(in_path, "-") == 0 ? fstat(STDIN_FILENO, &in) : stat(in_path, &in);
	if (err < 0 || !S_ISREG(in.st_mode)) {
		err = 0;
		goto out;
	}
	if (stat(path, &out) == 0 && is_same(&in, &out))
		err = fault_set(f, -EINVAL, "is the input itself; give another name");
	else if (stat(part, &out) == 0 && is_same(&in, &out))
		err = fault_set(f, -EINVAL,
				"would first be written to the input's own name, %s; "
				"give another name",
				part);
out:
	free(part);
	return err;
}

struct asked {
	const char *in_path;
	struct fault *f;
};

/* A file that a split would replace: not the input, and a file. */
static int ask(void *ctx, const char *path, unsigned number)
{
	const struct asked *a = ctx;
	struct fault why = {""};
	struct stat st;
	int err = capture_out_check(path, a->in_path, &why);

	(void)number;
	if (err)
		return fault_set(a->f, err, "%s %s", path, why.text);
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return fault_set(a->f, -EINVAL, "%s is not a file; give another name", path);
	return 0;
}

int capture_out_check_split(const char *path, const char *in_path, struct fault *f)
{
	struct asked asked = {in_path, f};
	struct stat st;

	if (strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISREG(st.st_mode)))
		return fault_set(f, -EINVAL,
				 "cannot be written in several files; give the name of a file");
	return split_each(path, ask, &asked);
}

bool capture_out_is_of_split(const char *path, const char *other)
{
	return split_number(path, other) > 0;
}

/* What the path leads to: a symbolic link is followed, so that the link itself stays. */
static char *follow(const char *path, struct stat *st, bool *is_there)
{
	*is_there = stat(path, st) == 0;
	return *is_there ? realpath(path, NULL) : strdup(path);
}

static int open_beside(struct out_file *o, const struct stat *st, bool is_there)
{
	if (is_there && access(o->path, W_OK) < 0)
		return -errno;
	o->part = part_name(o->path);
	if (!o->part)
		return -ENOMEM;
	if (unlink(o->part) < 0 && errno != ENOENT)
		return -errno;
	o->fd = open(o->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (o->fd < 0)
		return -errno;
	o->is_beside = true;
	if (is_there && fchmod(o->fd, st->st_mode & 07777) < 0)
		return -errno;
	return 0;
}

int out_file_open(struct out_file *o, const char *path)
{
	struct stat st;
	bool is_there;

	*o = (struct out_file){.fd = -1};
	if (strcmp(path, "-") == 0) {
		o->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		return o->fd < 0 ? -errno : 0;
	}
	o->path = follow(path, &st, &is_there);
	if (!o->path)
		return -errno;
	if (!is_there || S_ISREG(st.st_mode))
		return open_beside(o, &st, is_there);
	o->fd = open(o->path, O_WRONLY | O_CLOEXEC);
	return o->fd < 0 ? -errno : 0;
}

int out_file_close(struct out_file *o)
{
	int err = o->fd >= 0 && close(o->fd) < 0 ? -errno : 0;

	o->fd = -1;
	return err;
}

int out_file_publish(struct out_file *o)
{
	if (o->is_beside && rename(o->part, o->path) < 0)
		return -errno;
	o->is_beside = false;
	return 0;
}

void out_file_withdraw(struct out_file *o)
{
	if (o->part && !o->is_beside && rename(o->path, o->part) == 0)
		o->is_beside = true;
}

void out_file_drop(struct out_file *o, bool is_kept)
{
	out_file_close(o);
	if (o->is_beside && !is_kept)
		unlink(o->part);
	free(o->part);
	free(o->path);
	*o = (struct out_file){.fd = -1};
}
