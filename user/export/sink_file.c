/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Event lines into a file, and to standard output. Room: export. A file is appended to by one
 * process at a time, put aside by size (FILE.1 is the newest of those), and opened again when
 * somebody else has moved it away. A line is in it whole or not at all.
 */
#include "export/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
	struct sink sink;
	struct sink_options options;
	char *path;
	int fd;		 /* -1: it could not be opened again */
	bool is_regular; /* not a pipe or a device */
	uint64_t size;
};

/* A line that another process left unfinished must not swallow our first one. */
static int tail_end(int fd, uint64_t *size)
{
	char last = '\n';

	if (*size && pread(fd, &last, 1, (off_t)*size - 1) != 1)
		return 0; /* it may be written but not read */
	if (last == '\n')
		return 0;
	if (write(fd, "\n", 1) != 1)
		return errno ? -errno : -EIO;
	(*size)++;
	return 0;
}

static int open_path(struct file *s, struct fault *f)
{
	int fd = open(s->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640), err;
	struct stat st;

	if (fd < 0 && errno == EACCES)
		fd = open(s->path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return fault_set(f, -errno, "%s cannot be written: %s", s->path, strerror(errno));
	if (fstat(fd, &st)) {
		err = fault_set(f, -errno, "%s: %s", s->path, strerror(errno));
		goto out;
	}
	s->is_regular = S_ISREG(st.st_mode);
	s->size = s->is_regular ? (uint64_t)st.st_size : 0;
	err = 0;
	if (s->is_regular && flock(fd, LOCK_EX | LOCK_NB))
		err = fault_set(f, -EBUSY,
				"%s is written by another process; end that one, or choose another "
				"file",
				s->path);
	if (!err && s->is_regular)
		err = tail_end(fd, &s->size);
	if (err == 0) {
		s->fd = fd;
		return 0;
	}
out:
	close(fd);
	return err;
}

static int file_open(const char *where, const struct sink_options *o, struct sink **out,
		     struct fault *f)
{
	struct file *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (s)
		*s = (struct file){.options = *o, .path = strdup(where), .fd = -1};
	if (!s || !s->path)
		fault_set(f, err, "out of memory");
	else
		err = open_path(s, f);
	if (err) {
		if (s)
			free(s->path);
		free(s);
		return err;
	}
	*out = &s->sink;
	return 0;
}

/* Writes all of it, or takes back what was written. 0 or -errno. */
static int write_whole(struct file *s, struct slice lines)
{
	size_t done = 0;

	while (done < lines.len) {
		ssize_t n = write(s->fd, lines.at + done, lines.len - done);
		int err;

		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0) {
			done += (size_t)n;
			continue;
		}
		err = n < 0 ? -errno : -EIO;
		if (done && s->is_regular && ftruncate(s->fd, (off_t)s->size))
			return err;
		return err;
	}
	s->size += done;
	return 0;
}

/* FILE.1 to FILE.2 and so on, FILE to FILE.1, and a new FILE. False: the old one stays. */
static bool rotate(struct file *s)
{
	char from[4096], to[4096];
	struct fault f;

	for (unsigned i = s->options.keep; i > 0; i--) {
		if (i == 1)
			snprintf(from, sizeof(from), "%s", s->path);
		else
			snprintf(from, sizeof(from), "%s.%u", s->path, i - 1);
		snprintf(to, sizeof(to), "%s.%u", s->path, i);
		if (rename(from, to) && errno != ENOENT) {
			sink_trouble(&s->sink, "%s cannot become %s: %s", from, to,
				     strerror(errno));
			return false;
		}
	}
	if (s->options.keep == 0 && unlink(s->path)) {
		sink_trouble(&s->sink, "%s cannot be removed: %s", s->path, strerror(errno));
		return false;
	}
	s->sink.counters.rotations++;
	close(s->fd);
	s->fd = -1;
	if (open_path(s, &f))
		sink_trouble(&s->sink, "%s", f.text);
	return true;
}

/* The whole lines that still fit into the file; one at least, if the file is empty. */
static struct slice fitting(const struct file *s, struct slice lines)
{
	uint64_t room = s->options.rotate_size > s->size ? s->options.rotate_size - s->size : 0;
	const uint8_t *end;

	if (!s->options.rotate_size || !s->is_regular || lines.len <= room)
		return lines;
	end = room ? memrchr(lines.at, '\n', room) : NULL;
	if (end)
		return slice_of(lines.at, (size_t)(end - lines.at) + 1);
	return s->size ? slice_of(lines.at, 0) : sink_first_lines(lines, 1);
}

static void lines_count(struct sink *s, struct slice lines, int err)
{
	uint64_t count = sink_count_lines(lines);

	if (err) {
		s->counters.lost += count;
		return;
	}
	s->counters.lines += count;
	s->counters.bytes += lines.len;
}

static void file_take(struct sink *base, struct slice lines, struct follow_id first, uint64_t count)
{
	struct file *s = (struct file *)base;
	struct fault f = {""};

	if (s->fd < 0 && open_path(s, &f)) {
		base->counters.lost += count;
		sink_trouble(base, "%s", f.text);
		lines.len = 0;
	}
	while (lines.len) {
		struct slice now = fitting(s, lines);
		int err;

		if (now.len == 0)
			now = rotate(s) ? fitting(s, lines) : lines;
		err = s->fd < 0 ? -EBADF : write_whole(s, now);
		lines_count(base, now, err);
		if (err && s->fd >= 0)
			sink_trouble(base, "%s", strerror(-err));
		else if (!err)
			sink_trouble_over(base);
		lines = slice_from(lines, now.len);
	}
	base->done = (struct follow_id){first.instance, first.number + count - 1};
}

static void file_reopen(struct sink *base)
{
	struct file *s = (struct file *)base;
	struct fault f;

	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	if (open_path(s, &f))
		sink_trouble(base, "%s", f.text);
}

static void file_free(struct sink *base)
{
	struct file *s = (struct file *)base;

	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s);
}

const struct sink_kind sink_file = {
	.prefix = "",
	.open = file_open,
	.take = file_take,
	.reopen = file_reopen,
	.free = file_free,
};
