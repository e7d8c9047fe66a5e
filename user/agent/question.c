/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Questions and descriptors over a socket; see question.h. Room: agent.
 */
#include "agent/question.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Room for the one descriptor, aligned as the kernel wants it. */
union rights {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

int question_send(int socket, uint32_t kind, struct slice body, int fd)
{
	union rights rights = {0};
	struct iovec part[2] = {{.iov_base = &kind, .iov_len = sizeof(kind)},
				{.iov_base = (void *)(uintptr_t)body.at, .iov_len = body.len}};
	struct msghdr m = {.msg_iov = part,
			   .msg_iovlen = 2,
			   .msg_control = rights.room,
			   .msg_controllen = sizeof(rights.room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	if (body.len > QUESTION_BODY_MAX)
		return -EMSGSIZE;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(socket, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int question_receive(int socket, struct question *q, int *fd)
{
	union rights rights = {0};
	struct iovec part[2] = {{.iov_base = &q->kind, .iov_len = sizeof(q->kind)},
				{.iov_base = q->body, .iov_len = QUESTION_BODY_MAX}};
	struct msghdr m = {.msg_iov = part,
			   .msg_iovlen = 2,
			   .msg_control = rights.room,
			   .msg_controllen = sizeof(rights.room)};
	ssize_t n = recvmsg(socket, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;

	if (n < 0)
		return -errno;
	if (n == 0)
		return -ECONNRESET;
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(*fd)))
		return -EBADMSG;
	memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	if ((size_t)n < sizeof(q->kind) || m.msg_flags & MSG_TRUNC) {
		close(*fd);
		return -EBADMSG;
	}
	q->len = (size_t)n - sizeof(q->kind);
	q->body[q->len] = '\0';
	return 0;
}
