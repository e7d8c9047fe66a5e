/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room fleet: a connection to Redis from its first packet to the database chosen, and its end; see
 * link.h.
 */
#include "fleet/link_inside.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* An array no longer than any that is asked for: a server that announces more is lying. */
static void *create_array(const redisReadTask *task, int elements)
{
	const struct link *l = task->privdata;

	return elements < 0 || elements > LINK_ELEMENTS_MAX ? NULL
							    : l->plain->createArray(task, elements);
}

static int reader_init(struct link *l)
{
	l->reader = redisReaderCreate();
	if (!l->reader)
		return -ENOMEM;
	l->plain = l->reader->fn;
	l->bounded = *l->plain;
	l->bounded.createArray = create_array;
	l->reader->fn = &l->bounded;
	l->reader->privdata = l;
	return 0;
}

static int connect_one(struct link *l, int family, const void *at, socklen_t size, int64_t until_ms)
{
	socklen_t len = sizeof(int);
	int err = 0, one = 1;

	l->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return -errno;
	if (connect(l->fd, at, size) && errno != EINPROGRESS)
		err = -errno;
	if (!err)
		err = link_await(l, POLLOUT, until_ms);
	if (!err && getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0)
		err = -err;
	if (!err && family != AF_UNIX) {
		setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		setsockopt(l->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	}
	if (err) {
		close(l->fd);
		l->fd = -1;
	}
	return err;
}

static int connect_unix(struct link *l, const struct redis_url *u)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", u->path);
	return connect_one(l, AF_UNIX, &to, sizeof(to), link_now_ms() + LINK_CONNECT_MS);
}

/* Tries a host's addresses one after the other, all within the time. */
static int connect_tcp(struct link *l, const struct redis_url *u, struct fault *f)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
	char port[8];
	int err, result = -EHOSTUNREACH;
	int64_t until;

	snprintf(port, sizeof(port), "%u", u->port);
	err = getaddrinfo(u->host, port, &hints, &list);
	if (err)
		return fault_set(f, -EHOSTUNREACH, "%s: %s", u->host, gai_strerror(err));
	until = link_now_ms() + LINK_CONNECT_MS;
	for (struct addrinfo *a = list; a && result && result != -ECANCELED; a = a->ai_next)
		result = connect_one(l, a->ai_family, a->ai_addr, a->ai_addrlen, until);
	freeaddrinfo(list);
	return result ? fault_set(f, result, "no connection: %s", strerror(-result)) : 0;
}

/* One step of the greeting: the command must be answered by a status, word for word if given. */
static int greet(struct link *l, struct link_batch *b, const char *word, struct fault *f)
{
	redisReply *r = NULL;
	int err = link_ask_one(l, b, &r, f);

	if (!err && (r->type != REDIS_REPLY_STATUS || strcmp(r->str, word) != 0))
		err = fault_set(f, -EPROTO, "what answers is no Redis server, or not a sound one");
	link_free(&r, 1);
	return err;
}

static int log_in(struct link *l, const struct redis_url *u, struct fault *f)
{
	struct link_batch b = {0};
	char db[12];
	int err = 0;

	if (u->has_password) {
		if (u->user[0])
			link_batch_words(&b, "AUTH", u->user, u->password, NULL);
		else
			link_batch_words(&b, "AUTH", u->password, NULL);
		err = greet(l, &b, "OK", f);
	}
	if (!err) {
		link_batch_words(&b, "PING", NULL);
		err = greet(l, &b, "PONG", f);
	}
	if (!err && u->db) {
		snprintf(db, sizeof(db), "%u", u->db);
		link_batch_words(&b, "SELECT", db, NULL);
		err = greet(l, &b, "OK", f);
	}
	return err;
}

int link_open(const struct redis_url *url, int wake_fd, struct link **out, struct fault *f)
{
	struct link *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return fault_set(f, -ENOMEM, "out of memory");
	l->fd = -1;
	l->wake_fd = wake_fd;
	err = reader_init(l);
	if (err) {
		fault_set(f, err, "out of memory");
	} else if (url->path[0]) {
		err = connect_unix(l, url);
		if (err)
			fault_set(f, err, "no connection: %s", strerror(-err));
	} else {
		err = connect_tcp(l, url, f);
	}
	if (!err)
		err = log_in(l, url, f);
	if (err) {
		link_close(l);
		return err;
	}
	*out = l;
	return 0;
}

void link_close(struct link *l)
{
	if (!l)
		return;
	if (l->fd >= 0)
		close(l->fd);
	if (l->reader)
		redisReaderFree(l->reader);
	free(l);
}
