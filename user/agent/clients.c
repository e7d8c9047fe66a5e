/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Requests and answers in parts; see clients.h. Room: agent.
 */
#include "agent/clients.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "live/maps.h"

enum {
	ANSWER_MS = 30000, /* to take an answer, however long */
	READ_AT_ONCE = 65536,
};

static uint64_t due(int ms)
{
	return live_monotonic() + (uint64_t)ms * 1000000ULL;
}

static void client_drop(struct clients *c, size_t i)
{
	struct client *row = &c->row[i];

	close(row->fd);
	text_clear(&row->out);
	text_clear(&row->err);
	*row = c->row[--c->count];
}

static struct client *client_new(struct clients *c, int fd, int ms)
{
	struct client *row = &c->row[c->count];

	if (c->count == CLIENTS_MAX) {
		close(fd);
		c->refused++;
		return NULL;
	}
	c->count++;
	*row = (struct client){.fd = fd, .due_ns = due(ms)};
	return row;
}

bool clients_add(struct clients *c, int fd, int ms)
{
	return client_new(c, fd, ms) != NULL;
}

static void answer_begin(struct client *row, uint32_t status, struct text *out, struct text *err)
{
	row->out = *out;
	row->err = *err;
	*out = *err = (struct text){0};
	row->head[0] = htonl(status);
	row->head[1] = htonl((uint32_t)row->out.len);
	row->head[2] = htonl((uint32_t)row->err.len);
	row->done = 0;
	row->is_answered = true;
	row->due_ns = due(ANSWER_MS);
}

bool clients_add_answer(struct clients *c, int fd, uint32_t status, struct text *out,
			struct text *err)
{
	struct client *row = client_new(c, fd, ANSWER_MS);

	if (row)
		answer_begin(row, status, out, err);
	text_clear(out);
	text_clear(err);
	return row != NULL;
}

size_t clients_poll(const struct clients *c, struct pollfd *p)
{
	for (size_t i = 0; i < c->count; i++)
		p[i] = (struct pollfd){.fd = c->row[i].fd,
				       .events = c->row[i].is_answered ? POLLOUT : POLLIN};
	return c->count;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Reads once into a block that is to have len bytes; it grows with what has come, so that a claim
 * of its length alone takes no memory. As recv(), but -ENOMEM for itself. */
static ssize_t block_read(int fd, struct text *block, size_t len)
{
	size_t want = len - block->len < READ_AT_ONCE ? len - block->len : READ_AT_ONCE;
	ssize_t n;

	if (!text_reserve(block, want))
		return -ENOMEM;
	n = recv(fd, block->at + block->len, want, MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	block->len += (size_t)n;
	block->at[block->len] = '\0';
	return n;
}

static ssize_t head_read(struct client *row)
{
	ssize_t n = recv(row->fd, (char *)row->head + row->done, sizeof(row->head) - row->done,
			 MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}

/* 1: the request is whole; 0: more is to come; -errno. */
static int request_read(struct client *row, size_t max)
{
	for (;;) {
		size_t out_len = ntohl(row->head[1]), err_len = ntohl(row->head[2]);
		ssize_t n;

		if (row->done < sizeof(row->head))
			n = head_read(row);
		else if (out_len > max || err_len > max - out_len)
			return -EMSGSIZE;
		else if (row->out.len < out_len)
			n = block_read(row->fd, &row->out, out_len);
		else if (row->err.len < err_len)
			n = block_read(row->fd, &row->err, err_len);
		else
			return 1;
		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n == -EAGAIN ? 0 : n ? (int)n : -ECONNRESET;
		row->done += (size_t)n;
	}
}

/* The request as it came, borrowed. */
static struct wire request_of(struct client *row)
{
	static char none[1];

	return (struct wire){.kind = ntohl(row->head[0]),
			     .out = row->out.len ? row->out.at : none,
			     .out_len = row->out.len,
			     .err = row->err.len ? row->err.at : none,
			     .err_len = row->err.len};
}

/* --- writing ---------------------------------------------------------------------------------- */

/* 1: all of it is written; 0: more is to go; -errno. */
static int answer_write(struct client *row)
{
	const struct slice part[] = {slice_of(row->head, sizeof(row->head)),
				     slice_of(row->out.at, row->out.len),
				     slice_of(row->err.at, row->err.len)};

	for (;;) {
		size_t at = row->done, i = 0;
		ssize_t n;

		while (i < 3 && at >= part[i].len)
			at -= part[i++].len;
		if (i == 3)
			return 1;
		n = send(row->fd, part[i].at + at, part[i].len - at,
			 MSG_DONTWAIT | MSG_NOSIGNAL | (i < 2 ? MSG_MORE : 0));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		row->done += (size_t)n;
	}
}

/* --- both ------------------------------------------------------------------------------------- */

/* Goes on with one client. True: it stays. */
static bool client_go_on(struct client *row, const struct clients_ops *ops)
{
	struct text out = {0}, err = {0};
	enum client_next next = CLIENT_ANSWER;
	uint32_t status = 2;
	int got;

	if (row->is_answered)
		return answer_write(row) == 0;
	got = request_read(row, ops->request_max);
	if (got == -EMSGSIZE) {
		text_printf(&err, "a request may have %zu bytes, rules with it\n",
			    ops->request_max);
	} else if (got <= 0) {
		return got == 0;
	} else {
		struct wire request = request_of(row);

		next = ops->request(ops->ctx, row->fd, &request, &status, &out, &err);
	}
	text_clear(&row->out);
	text_clear(&row->err);
	answer_begin(row, status, &out, &err);
	return next == CLIENT_ANSWER && answer_write(row) == 0;
}

void clients_serve(struct clients *c, const struct clients_ops *ops)
{
	uint64_t now = live_monotonic();

	for (size_t i = c->count; i-- > 0;) {
		if (!client_go_on(&c->row[i], ops)) {
			client_drop(c, i);
		} else if (now > c->row[i].due_ns) {
			c->slow++;
			client_drop(c, i);
		}
	}
}

void clients_end(struct clients *c, int ms)
{
	uint64_t until = due(ms);

	for (size_t i = c->count; i-- > 0;)
		if (!c->row[i].is_answered)
			client_drop(c, i);
	while (c->count && live_monotonic() < until) {
		struct pollfd p[CLIENTS_MAX];

		poll(p, clients_poll(c, p), 10);
		for (size_t i = c->count; i-- > 0;)
			if (answer_write(&c->row[i]))
				client_drop(c, i);
	}
	while (c->count)
		client_drop(c, c->count - 1);
}
