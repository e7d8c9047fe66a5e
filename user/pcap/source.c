/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The buffer behind the capture readers, filled by reading or unpacking. Room: pcap. It knows
 * nothing of formats; source_map.c is the way without a buffer.
 */
#include "pcap/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The buffer stays in the second cache of a core, where its bytes are looked at once more. */
enum { SOURCE_BUFFER = 512 << 10, SOURCE_PIPE = 1 << 20, SOURCE_WAIT_MS = 100 };

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
	s->buf = s->packed = NULL;
	s->unpack = NULL;
}

int source_unpack(struct source *s, enum unpack_kind kind)
{
	size_t cap = SOURCE_BUFFER;
	uint8_t *buf = malloc(cap);

	s->unpack = buf ? unpack_new(kind) : NULL;
	if (!s->unpack) {
		free(buf);
		return -ENOMEM;
	}
	s->packed = s->buf;
	s->packed_at = (size_t)(s->at - s->buf);
	s->packed_end = (size_t)(s->end - s->buf);
	s->packed_offset = s->base_offset + s->packed_at;
	s->is_end = false; /* of the packed bytes alone */
	s->buf = buf;
	s->cap = cap;
	s->base = s->at = s->end = buf;
	s->base_offset = 0;
	return 0;
}

const char *source_damage(const struct source *s)
{
	if (s->is_shorter)
		return "the file became shorter while it was read";
	return s->err == -EILSEQ ? unpack_damage(s->unpack) : NULL;
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

/* Reads what is there, at least a byte. Returns how many, 0 at the end, or -errno. */
static ssize_t read_some(struct source *s, uint8_t *out, size_t cap)
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

/* Unpacks at least a byte. Returns as read_some(); -EILSEQ when the packed bytes are damaged. */
static ssize_t unpack_some(struct source *s, uint8_t *out, size_t cap)
{
	for (;;) {
		struct slice in = slice_of(s->packed + s->packed_at, s->packed_end - s->packed_at);
		size_t len = cap, had = in.len;
		int err = s->err ? s->err : unpack_run(s->unpack, &in, out, &len);
		ssize_t n;

		s->packed_at += had - in.len;
		s->packed_offset += had - in.len;
		s->err = err;
		if (len > 0 && !err)
			return (ssize_t)len;
		if (err)
			return err;
		if (in.len > 0)
			continue;
		n = read_some(s, s->packed, SOURCE_BUFFER);
		if (n < 0)
			return n;
		if (n == 0) {
			s->err = unpack_end(s->unpack);
			return s->err;
		}
		s->packed_at = 0;
		s->packed_end = (size_t)n;
	}
}

/* Room for at least one more byte behind end. */
static int make_room(struct source *s, size_t want)
{
	size_t at = (size_t)(s->at - s->buf), len = source_left(s);
	uint8_t *buf;
	int err;

	if (s->is_kept && at > 0 && at + want > s->cap) {
		err = source_keep_turn(s, SOURCE_BUFFER);
		if (err)
			return err;
		at = 0;
	} else if (!s->is_kept && at > 0 && (len == 0 || at + want > s->cap)) {
		memmove(s->buf, s->at, len);
		s->base_offset += at;
		s->at = s->buf;
		s->end = s->buf + len;
		at = 0;
	}
	if (at + len < s->cap)
		return 0;
	buf = realloc(s->buf, s->cap * 2);
	if (!buf)
		return -ENOMEM;
	s->buf = buf;
	s->base = buf;
	s->at = buf + at;
	s->end = s->at + len;
	s->cap *= 2;
	return 0;
}

int source_fill(struct source *s, size_t want)
{
	if (s->map)
		return source_map_fill(s, want);
	while (source_left(s) < want) {
		size_t end = (size_t)(s->end - s->buf);
		ssize_t n = 0;
		int err;

		if (s->is_end)
			return 0;
		err = make_room(s, want);
		if (err)
			return err;
		end = (size_t)(s->end - s->buf);
		n = s->unpack ? unpack_some(s, s->buf + end, s->cap - end)
			      : read_some(s, s->buf + end, s->cap - end);
		if (n < 0)
			return (int)n;
		if (n == 0)
			s->is_end = true;
		s->end += n;
	}
	return 1;
}
