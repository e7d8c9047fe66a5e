/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The buffer behind the capture readers. Room: pcap. It knows nothing of formats.
 */
#include "pcap/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SOURCE_BUFFER = 1 << 20, SOURCE_WAIT_MS = 100 };

int source_open(struct source *s, const char *path, const volatile sig_atomic_t *stop)
{
	struct stat st;
	int fd, err = 0;

	if (strcmp(path, "-") == 0)
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*s = (struct source){.fd = fd, .stop = stop, .cap = SOURCE_BUFFER};
	if (fstat(fd, &st) < 0) {
		err = -errno;
	} else if (S_ISREG(st.st_mode)) {
		s->is_regular = true;
		s->size = (uint64_t)st.st_size;
	} else if (S_ISDIR(st.st_mode)) {
		err = -EISDIR;
	}
	if (!err) {
		s->buf = malloc(s->cap);
		err = s->buf ? 0 : -ENOMEM;
	}
	if (err)
		source_close(s);
	return err;
}

void source_close(struct source *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	free(s->buf);
	s->buf = NULL;
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

/* Room for at least one more byte behind end. */
static int make_room(struct source *s, size_t want)
{
	uint8_t *buf;

	if (s->at > 0 && (s->at == s->end || s->at + want > s->cap)) {
		memmove(s->buf, s->buf + s->at, s->end - s->at);
		s->end -= s->at;
		s->at = 0;
	}
	if (s->end < s->cap)
		return 0;
	buf = realloc(s->buf, s->cap * 2);
	if (!buf)
		return -ENOMEM;
	s->buf = buf;
	s->cap *= 2;
	return 0;
}

int source_need(struct source *s, size_t want)
{
	while (s->end - s->at < want) {
		ssize_t n;
		int err;

		if (s->is_end)
			return 0;
		err = make_room(s, want);
		if (!err)
			err = wait_readable(s);
		if (err)
			return err;
		n = read(s->fd, s->buf + s->end, s->cap - s->end);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n == 0)
			s->is_end = true;
		if (n > 0)
			s->end += (size_t)n;
	}
	return 1;
}
