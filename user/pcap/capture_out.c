/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Writing a file whole or not at all. Room: pcap. See capture_out.h.
 */
#include "pcap/capture_out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	OUT_BUFFER = 1 << 20,
	OUT_PIECES = 8192,
	OUT_RUNS = 1024, /* what one writev() takes (IOV_MAX) */
};

struct capture_out {
	int fd, err;
	bool is_beside;	   /* written as .part, renamed at the end */
	char *path, *part; /* where it shall be; where it is meanwhile (NULL: directly) */
	uint8_t *buf;	   /* copies of the pieces that are not lent */
	size_t len;
	/* What is held back: pieces that lie one behind the other in memory are one run. */
	struct iovec run[OUT_RUNS];
	size_t run_count;
	const uint8_t *run_end; /* of the last run */
	/* Ends of those pieces, counted from the first, so that a failed write can be cut back to
	 * whole ones. */
	struct piece_end {
		uint64_t at : 63, is_frame : 1;
	} piece[OUT_PIECES];
	size_t piece_count;
	uint64_t held;	  /* bytes of all of them */
	uint64_t written; /* bytes in the file */
	uint64_t whole;	  /* bytes of them that are whole pieces */
	uint64_t whole_frames;
};

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

/* What the path leads to: a symbolic link is followed, so that the link itself stays. */
static char *follow(const char *path, struct stat *st, bool *is_there)
{
	*is_there = stat(path, st) == 0;
	return *is_there ? realpath(path, NULL) : strdup(path);
}

static int open_beside(struct capture_out *o, const struct stat *st, bool is_there)
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

static int open_path(struct capture_out *o, const char *path)
{
	struct stat st;
	bool is_there;

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

int capture_out_open(const char *path, struct capture_out **out, struct fault *f)
{
	struct capture_out *o = calloc(1, sizeof(*o));
	int err;

	if (!o)
		return fault_set(f, -ENOMEM, "out of memory");
	o->fd = -1;
	o->buf = malloc(OUT_BUFFER);
	err = o->buf ? open_path(o, path) : -ENOMEM;
	if (err) {
		capture_out_abandon(o);
		return fault_set(f, err, "cannot be written: %s", strerror(-err));
	}
	*out = o;
	return 0;
}

/* Notes which pieces the last bytes written completed, and drops them from the list. */
static void settle(struct capture_out *o, uint64_t start)
{
	for (size_t i = 0; i < o->piece_count && start + o->piece[i].at <= o->written; i++) {
		o->whole = start + o->piece[i].at;
		o->whole_frames += o->piece[i].is_frame;
	}
	o->piece_count = 0;
	o->held = 0;
	o->run_count = 0;
	o->run_end = NULL;
	o->len = 0;
}

/* Reads a byte of each page: one that a mapped capture has lost is then its guard's zeros. */
static void touch(const struct iovec *run)
{
	const volatile uint8_t *at = run->iov_base;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < run->iov_len; i += page)
		(void)at[i];
	(void)at[run->iov_len - 1];
}

/* Writes all runs, however often the kernel takes only a part. */
static int write_runs(struct capture_out *o)
{
	struct iovec *at = o->run;
	size_t count = o->run_count;
	bool is_touched = false;

	while (count > 0) {
		ssize_t n = writev(o->fd, at, (int)count);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EFAULT && !is_touched) {
			touch(at);
			is_touched = true;
			continue;
		}
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		is_touched = false;
		o->written += (uint64_t)n;
		for (; count > 0 && (size_t)n >= at->iov_len; at++, count--)
			n -= (ssize_t)at->iov_len;
		if (n > 0)
			*at = (struct iovec){(char *)at->iov_base + n, at->iov_len - (size_t)n};
	}
	return 0;
}

int capture_out_flush(struct capture_out *o)
{
	uint64_t start = o->written;

	if (!o->err)
		o->err = write_runs(o);
	settle(o, start);
	return o->err;
}

/* A run of its own, behind what is held back; makes room when there is none. */
static int begin_run(struct capture_out *o, struct slice piece)
{
	if (o->err ||
	    ((o->run_count == OUT_RUNS || o->piece_count == OUT_PIECES) && capture_out_flush(o)))
		return o->err;
	o->run[o->run_count++] = (struct iovec){(void *)(uintptr_t)piece.at, piece.len};
	return 0;
}

int capture_out_lend(struct capture_out *o, struct slice piece, bool is_frame)
{
	if (piece.len == 0)
		return o->err;
	if (piece.at == o->run_end && o->piece_count < OUT_PIECES)
		o->run[o->run_count - 1].iov_len += piece.len;
	else if (begin_run(o, piece))
		return o->err;
	o->run_end = piece.at + piece.len;
	o->held += piece.len;
	o->piece[o->piece_count++] = (struct piece_end){o->held, is_frame};
	return 0;
}

int capture_out_write(struct capture_out *o, struct slice piece, bool is_frame)
{
	uint8_t *copy;

	if (piece.len > OUT_BUFFER) /* so large that a copy would cost more than a call */
		return capture_out_lend(o, piece, is_frame) ? o->err : capture_out_flush(o);
	if (piece.len == 0 || (piece.len > OUT_BUFFER - o->len && capture_out_flush(o)))
		return o->err;
	copy = o->buf + o->len;
	memcpy(copy, piece.at, piece.len);
	if (capture_out_lend(o, slice_of(copy, piece.len), is_frame))
		return o->err;
	/* Last, since lending may have flushed what was there. */
	o->len = (size_t)(copy - o->buf) + piece.len;
	return 0;
}

/* What is left of a file that could not be written: whole pieces, or nothing. */
static void cut_back(struct capture_out *o, struct fault *f)
{
	unsigned long long frames = o->whole_frames;
	int err = o->err;

	if (!o->is_beside) {
		fault_set(f, err, "%s after %llu records", strerror(-err), frames);
	} else if (o->whole_frames > 0 && ftruncate(o->fd, (off_t)o->whole) == 0) {
		fault_set(f, err, "%s; %llu whole records are in %s; make room and run it again",
			  strerror(-err), frames, o->part);
		o->is_beside = false; /* it stays */
	} else {
		fault_set(f, err, "%s; nothing was written", strerror(-err));
	}
}

int capture_out_finish(struct capture_out *o, struct fault *f)
{
	int err = capture_out_flush(o);

	if (err) {
		cut_back(o, f);
		goto out;
	}
	if (close(o->fd) < 0)
		err = -errno;
	o->fd = -1;
	if (!err && o->is_beside && rename(o->part, o->path) < 0)
		err = -errno;
	if (err)
		fault_set(f, err, "cannot be completed: %s", strerror(-err));
	else
		o->is_beside = false;
out:
	capture_out_abandon(o);
	return err;
}

void capture_out_abandon(struct capture_out *o)
{
	if (!o)
		return;
	if (o->fd >= 0)
		close(o->fd);
	if (o->is_beside)
		unlink(o->part);
	free(o->part);
	free(o->path);
	free(o->buf);
	free(o);
}
