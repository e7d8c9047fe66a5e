/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Words for the service manager, by way of the keeper; see notify.h. Room: agent.
 */
#include "agent/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

enum { WORDS_MAX = 1024, BEATS_A_LIMIT = 3 };

void notify_open(struct notify *n, int *keeper_fd)
{
	const char *manager = getenv("NOTIFY_SOCKET");
	uint64_t limit_us = 0;
	int pair[2];

	*n = (struct notify){.fd = -1};
	*keeper_fd = -1;
	if (!manager || !*manager)
		return;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return;
	n->fd = pair[0];
	*keeper_fd = pair[1];
	if (sd_watchdog_enabled(0, &limit_us) > 0)
		n->watchdog_ns = limit_us * 1000 / BEATS_A_LIMIT;
}

void notify_relay(int fd)
{
	char words[WORDS_MAX];
	ssize_t len;

	while ((len = recv(fd, words, sizeof(words) - 1, 0)) > 0 || (len < 0 && errno == EINTR)) {
		if (len < 0)
			continue;
		words[len] = 0;
		sd_notify(0, words);
	}
	close(fd);
}

void notify_say(const struct notify *n, const char *format, ...)
{
	char words[WORDS_MAX];
	va_list args;
	int len;

	if (n->fd < 0)
		return;
	va_start(args, format);
	len = vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	if (len >= (int)sizeof(words))
		len = sizeof(words) - 1;
	if (len > 0)
		(void)!send(n->fd, words, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void notify_reloading(const struct notify *n)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	notify_say(n, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   (unsigned long long)now.tv_sec * 1000000ULL +
			   (unsigned long long)now.tv_nsec / 1000);
}

bool notify_beat_is_due(struct notify *n, uint64_t now_ns)
{
	if (!n->watchdog_ns || now_ns - n->last_beat_ns < n->watchdog_ns)
		return false;
	n->last_beat_ns = now_ns;
	return true;
}
