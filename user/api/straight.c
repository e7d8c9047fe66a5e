/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Reading a body from the socket; see straight.h.
 */
#include "api/straight.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "api/guard.h"

enum {
	BODY_LEAST = 1 << 20, /* shorter ones are not worth it */
	IDLE_MS = 10000,
	RATE_GRACE_MS = 5000,
	RATE_BYTES_S = 1024,
	/* A client is fast when so much came since the last wait; it is then left alone until there
	 * are so many bytes, or for so long. */
	FAST_LEAST = 64 << 10,
	FAST_BYTES = 2 << 20,
	FAST_MS = 10,
};

static int socket_of(const struct api_request *q)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(api_request_mhd(q), MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

/* How many bytes have come, read or not; 0: not known. */
static uint64_t received(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) ||
	    len < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof(info.tcpi_bytes_received))
		return 0;
	return info.tcpi_bytes_received;
}

/* A client that did not wait may have had part of its body read with the head. The kernel knows: of
 * all that came, exactly the head was read. */
static bool is_head_alone(const struct api_request *q, int fd)
{
	uint64_t before = received(fd);
	int unread;

	if (!before || ioctl(fd, SIOCINQ, &unread) || received(fd) != before)
		return false;
	return before - (uint64_t)unread == guard_head_len(api_request_mhd(q));
}

bool straight_is_possible(const struct api_request *q)
{
	const char *expect = api_header(q, "Expect");
	int fd = socket_of(q);

	return fd >= 0 && expect && strcasecmp(expect, "100-continue") == 0 &&
	       q->body_len != UINT64_MAX && q->body_len >= BODY_LEAST && is_head_alone(q, fd);
}

int straight_begin(struct straight *s, struct api_request *q)
{
	static const char words[] = "HTTP/1.1 100 Continue\r\n\r\n";

	*s = (struct straight){.q = q, .fd = socket_of(q), .left = q->body_len};
	/* The first bytes on the socket: there is room for them. */
	if (send(s->fd, words, sizeof(words) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) !=
	    (ssize_t)sizeof(words) - 1)
		return -ECONNRESET;
	return 0;
}

/*
 * How many bytes are there before the socket wakes its reader, of those that are left
 * (SO_RCVLOWAT). Woken by each packet of a client on the same machine, both ends together would
 * spend twice the time on it; and the kernel acknowledges at once what it need not wake anybody
 * for.
 */
static void wake_at(struct straight *s, int bytes)
{
	if ((uint64_t)bytes > s->left)
		bytes = s->left ? (int)s->left : 1;
	if (bytes != s->wakes_at)
		setsockopt(s->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
	s->wakes_at = bytes;
}

int straight_wait(struct straight *s)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};
	bool is_fast = s->taken - s->seen >= FAST_LEAST;
	uint64_t began = api_now_ms();
	int n;

	s->seen = s->taken;
	wake_at(s, is_fast ? FAST_BYTES : 1);
	do {
		n = poll(&p, 1, is_fast ? FAST_MS : IDLE_MS);
	} while (n < 0 && errno == EINTR);
	s->waited_ms += api_now_ms() - began;
	if (n < 0)
		return -errno;
	if ((n > 0 || is_fast) &&
	    (s->waited_ms < RATE_GRACE_MS ||
	     s->taken >= (s->waited_ms - RATE_GRACE_MS) / 1000 * RATE_BYTES_S))
		return 0;
	s->q->api->counters->clients_slow++;
	return -ETIMEDOUT;
}

ssize_t straight_read(struct straight *s, void *to, size_t max)
{
	ssize_t n;

	do {
		int err = straight_wait(s);

		if (err)
			return err;
		n = recv(s->fd, to, max < s->left ? max : (size_t)s->left, MSG_DONTWAIT);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n <= 0)
		return n ? -errno : -ECONNRESET;
	straight_took(s, (uint64_t)n);
	return n;
}
