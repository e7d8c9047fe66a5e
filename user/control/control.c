/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The control socket from the outside; see control.h.
 */
#include "control/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	ANSWER_MS = 60000,
	RESTART_TRIES = 100,
	RESTART_WAIT_MS = 50,
	RESET_TRIES = 6,
	RESET_PAUSE_MS = 20
};

int control_connect(const struct paths *p)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd, err;

	if (p->way)
		return p->way->connect(p->way->ctx);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", p->socket);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

bool control_agent_lives(const struct paths *p)
{
	bool is_held;
	int fd;

	if (p->way)
		return p->way->lives(p->way->ctx);
	fd = open(p->lock, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	is_held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	return is_held;
}

static int connect_patiently(const struct paths *p)
{
	struct timespec wait = {.tv_nsec = RESTART_WAIT_MS * 1000000L};
	int fd = control_connect(p);

	for (int i = 0; i < RESTART_TRIES && (fd == -ECONNREFUSED || fd == -ENOENT); i++) {
		if (!control_agent_lives(p))
			break;
		nanosleep(&wait, NULL);
		fd = control_connect(p);
	}
	return fd;
}

void control_wait_end(const struct paths *p)
{
	struct timespec wait = {.tv_nsec = 5000000};

	for (int i = 0; i < 1000 && control_agent_lives(p); i++)
		nanosleep(&wait, NULL);
}

int control_request(const struct paths *p, struct slice json, struct slice data,
		    struct wire *answer, struct fault *f)
{
	int err = -ECONNRESET;

	/* An agent killed in the middle of a request starts again: ask once more. */
	for (int i = 0; i < RESET_TRIES && (err == -ECONNRESET || err == -EPIPE); i++) {
		struct timespec pause = {.tv_nsec = i * RESET_PAUSE_MS * 1000000L};
		int fd;

		nanosleep(&pause, NULL);
		fd = connect_patiently(p);

		if (fd < 0)
			return fault_set(f, fd,
					 "%s: %s; run as root, or as a member of the group dpi-xdp",
					 p->socket, strerror(-fd));
		err = wire_send(fd, 0, json, data);
		/* Who hangs up before it has heard all may have said why: that it will not. */
		if (!err || err == -EPIPE || err == -ECONNRESET) {
			int got = wire_receive(fd, WIRE_ANSWER_MAX, ANSWER_MS, answer);

			err = got && err ? err : got;
		}
		close(fd);
	}
	if (err)
		return fault_set(f, err,
				 "the agent did not answer (%s); `dpi-xdp status` shows "
				 "whether it is well",
				 strerror(-err));
	return 0;
}
