/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Capture files as bytes: opening one, and reading it when there is something to read. Room: pcap.
 * It knows nothing of formats; source_buffer.c is where the bytes go, source_map.c the way without
 * a buffer.
 */
#include "pcap/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SOURCE_PIPE = 1 << 20, SOURCE_WAIT_MS = 100 };

static int look_at_file(struct source *s)
{
	struct stat st;
	off_t at;

	if (fstat(s->fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (S_ISFIFO(st.st_mode)) /* fewer waits for one another; the kernel may refuse */
		(void)fcntl(s->fd, F_SETPIPE_SZ, SOURCE_PIPE);
	if (!S_ISREG(st.st_mode))
		return 0;
	s->is_regular = true;
	posix_fadvise(s->fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* the disk reads further ahead */
	at = lseek(s->fd, 0, SEEK_CUR);
	s->start = at > 0 ? (uint64_t)at : 0;
	s->size = (uint64_t)st.st_size > s->start ? (uint64_t)st.st_size - s->start : 0;
	return 0;
}

int source_open(struct source *s, const char *path, const volatile sig_atomic_t *stop)
{
	int fd, err = 0;

	if (strcmp(path, "-") == 0)
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*s = (struct source){.fd = fd, .stop = stop, .cap = SOURCE_BUFFER};
	err = look_at_file(s);
	if (!err) {
		s->buf = malloc(s->cap);
		s->base = s->at = s->end = s->buf;
		err = s->buf ? 0 : -ENOMEM;
	}
	if (err)
		source_close(s);
	return err;
}

void source_close(struct source *s)
{
	source_map_close(s);
	source_keep_close(s);
	unpack_free(s->unpack);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	free(s->buf);
	free(s->packed);
	free(s->form);
	s->buf = s->packed = NULL;
	s->form = NULL;
	s->unpack = NULL;
}

static bool is_stopped(const struct source *s)
{
	return s->stop && *s->stop;
}

/* Waits until a pipe has something to say. Returns 0 or -EINTR. */
static int wait_readable(const struct source *s)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};

	if (s->is_regular)
		return is_stopped(s) ? -EINTR : 0;
	for (;;) {
		int n = poll(&p, 1, SOURCE_WAIT_MS);

		if (is_stopped(s))
			return -EINTR;
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
	}
}

ssize_t source_read(struct source *s, uint8_t *out, size_t cap)
{
	for (;;) {
		int err = wait_readable(s);
		ssize_t n = err ? err : read(s->fd, out, cap);

		if (err || n >= 0)
			return n;
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
}

int source_fill(struct source *s, size_t want)
{
	return s->map ? source_map_fill(s, want) : source_buffer_fill(s, want);
}
