/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Messages that carry descriptors over a unix socket (unix(7), SCM_RIGHTS); see launcher.h. Room:
 * api.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/launcher.h"

union rights {
	struct cmsghdr head;
	char room[CMSG_SPACE(LAUNCH_FDS * sizeof(int))];
};

ssize_t rights_send(int socket, const void *at, size_t len, const int *fds, size_t fd_count)
{
	struct iovec part = {.iov_base = (void *)at, .iov_len = len};
	union rights r = {.head = {0}};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t n;

	if (fd_count) {
		m.msg_control = &r;
		m.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		r.head.cmsg_level = SOL_SOCKET;
		r.head.cmsg_type = SCM_RIGHTS;
		r.head.cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(&r.head), fds, fd_count * sizeof(int));
	}
	do {
		n = sendmsg(socket, &m, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Hands over the descriptors that came, as many as are wanted. */
static void take(struct msghdr *m, int *fds, size_t fd_count)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (i < fd_count)
				fds[i] = fd;
			else
				close(fd);
		}
		fd_count = 0;
	}
}

ssize_t rights_receive(int socket, void *at, size_t len, int *fds, size_t fd_count, int flags)
{
	struct iovec part = {.iov_base = at, .iov_len = len};
	union rights r;
	struct msghdr m = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &r, .msg_controllen = sizeof(r)};
	ssize_t n;

	for (size_t i = 0; i < fd_count; i++)
		fds[i] = -1;
	do {
		n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC | flags);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	take(&m, fds, fd_count);
	return n;
}
