/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Messages over a stream socket; see wire.h. The head is three 32-bit big-endian numbers: kind,
 * length of the first block, length of the second.
 */
#include "control/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

static int send_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int wire_send(int fd, uint32_t kind, struct slice out, struct slice err)
{
	uint32_t head[3] = {htonl(kind), htonl((uint32_t)out.len), htonl((uint32_t)err.len)};
	int result = send_all(fd, head, sizeof(head));

	if (!result)
		result = send_all(fd, out.at, out.len);
	return result ? result : send_all(fd, err.at, err.len);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int receive_all(int fd, void *bytes, size_t len, int64_t until_ms)
{
	char *at = bytes;

	while (len) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = until_ms < 0 ? -1 : until_ms - now_ms();
		ssize_t n;
		int ready;

		if (until_ms >= 0 && left < 0)
			return -ETIMEDOUT;
		ready = poll(&p, 1, (int)left);
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready == 0)
			return -ETIMEDOUT;
		n = recv(fd, at, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ECONNRESET;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int wire_receive(int fd, size_t max, int timeout_ms, struct wire *w)
{
	int64_t until = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	struct wire got = {0};
	uint32_t head[3];
	int err = receive_all(fd, head, sizeof(head), until);

	if (err)
		return err;
	got.kind = ntohl(head[0]);
	got.out_len = ntohl(head[1]);
	got.err_len = ntohl(head[2]);
	if (got.out_len > max || got.err_len > max - got.out_len)
		return -EMSGSIZE;
	got.out = calloc(1, got.out_len + 1);
	got.err = calloc(1, got.err_len + 1);
	err = got.out && got.err ? 0 : -ENOMEM;
	if (!err)
		err = receive_all(fd, got.out, got.out_len, until);
	if (!err)
		err = receive_all(fd, got.err, got.err_len, until);
	if (err) {
		wire_clear(&got);
		return err;
	}
	*w = got;
	return 0;
}

void wire_clear(struct wire *w)
{
	free(w->out);
	free(w->err);
	*w = (struct wire){0};
}
