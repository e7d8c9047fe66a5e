/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The door; see guard.h. One thread over one epoll: takes connections, reads heads, keeps time.
 */
#include "api/guard_state.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- a connection's way ----------------------------------------------------------------------- */

/* The head is good: the rest is libmicrohttpd's, which reads the same bytes again. */
static void hand_over(struct guard *g, struct slot *s)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);

	epoll_ctl(g->epoll, EPOLL_CTL_DEL, s->fd, NULL);
	if (getpeername(s->fd, (struct sockaddr *)&at, &len)) {
		close(s->fd);
		s->state = SLOT_FREE;
		return;
	}
	s->state = SLOT_SERVED;
	s->until_ms = 0;
	if (at.ss_family == AF_UNIX)
		len = sizeof(sa_family_t);
	pthread_mutex_unlock(&g->lock); /* it may tell of an end at once */
	if (MHD_add_connection(g->daemon, s->fd, (struct sockaddr *)&at, len) != MHD_YES) {
		pthread_mutex_lock(&g->lock);
		s->state = SLOT_FREE; /* it has closed the socket */
		return;
	}
	pthread_mutex_lock(&g->lock);
}

static void head_look(struct guard *g, struct slot *s)
{
	ssize_t n = recv(s->fd, g->seen, sizeof(g->seen), MSG_PEEK | MSG_DONTWAIT);
	enum head_state state;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		slot_close(s);
		return;
	}
	state = head_read(&s->head, slice_of(g->seen, (size_t)n));
	if (state == HEAD_MORE && (size_t)n < sizeof(g->seen))
		return;
	if (state == HEAD_WHOLE) {
		hand_over(g, s);
		return;
	}
	g->api->counters->heads_refused++;
	guard_refuse(g, s->fd, s->head.status ? s->head.status : 431,
		     s->head.fault ? s->head.fault : "the head is too long");
	s->state = SLOT_LINGER;
	s->since_ms = api_now_ms();
}

static void linger(struct slot *s)
{
	char junk[4096];
	ssize_t n;

	do
		n = recv(s->fd, junk, sizeof(junk), MSG_DONTWAIT);
	while (n > 0);
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		slot_close(s);
}

static void enter(struct guard *g, struct slot *s)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = s};

	s->state = SLOT_HEAD;
	s->since_ms = api_now_ms();
	s->head = (struct head){0};
	if (epoll_ctl(g->epoll, EPOLL_CTL_ADD, s->fd, &e)) {
		close(s->fd);
		s->state = SLOT_FREE;
		return;
	}
	head_look(g, s);
}

static void taken(struct guard *g, int fd)
{
	struct slot *s = NULL;
	struct listen_source who;

	g->api->counters->connections++;
	/* What a client does not take must not fill the kernel's memory either. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){SEND_BYTES}, sizeof(int));
	listen_source_of(fd, &who);
	for (size_t i = 0; i < SLOTS && !s; i++)
		if (g->slot[i].state == SLOT_FREE)
			s = &g->slot[i];
	if (!s || (!slots_have_place(g, &who) && slots_in(g, SLOT_WAIT) >= GUARD_WAIT_MAX)) {
		guard_refuse_full(g, fd);
		close(fd);
		return;
	}
	*s = (struct slot){.guard = g, .fd = fd, .who = who, .since_ms = api_now_ms()};
	if (slots_have_place(g, &who))
		enter(g, s);
	else
		s->state = SLOT_WAIT;
}

static void take_all(struct guard *g)
{
	for (int i = 0; i < EVENTS; i++) {
		int fd = accept4(g->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		taken(g, fd);
	}
}

/* --- time ------------------------------------------------------------------------------------- */

static void overdue(struct guard *g, struct slot *s, uint64_t now)
{
	uint64_t age = now > s->since_ms ? now - s->since_ms : 0;

	if (s->state == SLOT_HEAD && age > HEAD_MS) {
		g->api->counters->clients_slow++;
		guard_refuse(g, s->fd, 408, "the head took longer than five seconds");
		s->state = SLOT_LINGER;
		s->since_ms = now;
	} else if (s->state == SLOT_LINGER && age > LINGER_MS) {
		slot_close(s);
	} else if (s->state == SLOT_SERVED && s->until_ms && now > s->until_ms) {
		g->api->counters->clients_slow++;
		s->until_ms = 0;
		shutdown(s->fd, SHUT_RDWR);
	} else if (s->state == SLOT_WAIT && age > WAIT_MS) {
		guard_refuse_full(g, s->fd);
		close(s->fd);
		s->state = SLOT_FREE;
	}
}

/* Who has waited longest comes in first. */
static void let_in(struct guard *g)
{
	while (slots_in(g, SLOT_WAIT)) {
		struct slot *next = NULL;

		for (size_t i = 0; i < SLOTS; i++) {
			struct slot *s = &g->slot[i];

			if (s->state == SLOT_WAIT && (!next || s->since_ms < next->since_ms) &&
			    slots_active(g, &s->who) < GUARD_SOURCE_MAX)
				next = s;
		}
		if (!next || !slots_have_place(g, &next->who))
			return;
		enter(g, next);
	}
}

/* Something came on a connection. */
static void slot_event(struct guard *g, struct slot *s, uint32_t events)
{
	if (s->state == SLOT_LINGER)
		linger(s);
	if (s->state != SLOT_HEAD)
		return;
	head_look(g, s);
	/* Half a head, and no more will come: peeking does not tell. */
	if (s->state == SLOT_HEAD && (events & EPOLLRDHUP))
		slot_close(s);
}

/* New connections come last: a slot is not used again for what is still to be looked at. */
static void events_serve(struct guard *g, const struct epoll_event *e, int count)
{
	bool has_new = false;
	uint64_t rings;

	for (int i = 0; i < count; i++) {
		if (e[i].data.ptr == &g->listener)
			has_new = true;
		else if (e[i].data.ptr == &g->bell)
			(void)!read(g->bell, &rings, sizeof(rings));
		else
			slot_event(g, e[i].data.ptr, e[i].events);
	}
	let_in(g);
	if (has_new && !g->is_quiet)
		take_all(g);
}

/* With nobody there whose time runs, there is nothing to look after. */
static int tick_of(struct guard *g)
{
	int tick = -1;

	pthread_mutex_lock(&g->lock);
	for (size_t i = 0; i < SLOTS && tick < 0; i++)
		if (g->slot[i].state == SLOT_WAIT || slot_is_active(&g->slot[i]))
			tick = TICK_MS;
	pthread_mutex_unlock(&g->lock);
	return tick;
}

static void *guard_run(void *arg)
{
	struct guard *g = arg;
	struct epoll_event e[EVENTS];
	uint64_t swept = 0;

	while (!atomic_load(&g->is_ending)) {
		int n = epoll_wait(g->epoll, e, EVENTS, tick_of(g));
		uint64_t now = api_now_ms();

		pthread_mutex_lock(&g->lock);
		events_serve(g, e, n);
		if (now - swept >= TICK_MS) {
			for (size_t i = 0; i < SLOTS; i++)
				overdue(g, &g->slot[i], now);
			swept = now;
		}
		pthread_mutex_unlock(&g->lock);
	}
	return NULL;
}

/* --- start and end ---------------------------------------------------------------------------- */

static int watch(struct guard *g, int fd, void *what)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = what};

	return epoll_ctl(g->epoll, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

int guard_start(struct api *api, int listener, struct MHD_Daemon *daemon, struct guard **out,
		struct fault *f)
{
	struct guard *g = calloc(1, sizeof(*g));
	int err;

	if (!g)
		return fault_set(f, -ENOMEM, "out of memory");
	g->api = api;
	g->daemon = daemon;
	g->listener = listener;
	g->epoll = epoll_create1(EPOLL_CLOEXEC);
	g->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&g->lock, NULL);
	err = g->epoll < 0 || g->bell < 0 ? -errno : watch(g, listener, &g->listener);
	if (!err)
		err = watch(g, g->bell, &g->bell);
	*out = g;
	if (!err)
		err = -pthread_create(&g->thread, NULL, guard_run, g);
	if (!err)
		return 0;
	*out = NULL;
	close(g->epoll);
	close(g->bell);
	free(g);
	return fault_set(f, err, "the service cannot wait for connections: %s", strerror(-err));
}

void guard_quiet(struct guard *g)
{
	if (!g)
		return;
	pthread_mutex_lock(&g->lock);
	g->is_quiet = true;
	epoll_ctl(g->epoll, EPOLL_CTL_DEL, g->listener, NULL);
	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &g->slot[i];

		if (s->state == SLOT_HEAD || s->state == SLOT_LINGER || s->state == SLOT_WAIT)
			slot_close(s);
	}
	pthread_mutex_unlock(&g->lock);
}

void guard_free(struct guard *g)
{
	if (!g)
		return;
	atomic_store(&g->is_ending, true);
	guard_ring(g);
	pthread_join(g->thread, NULL);
	close(g->epoll);
	close(g->bell);
	pthread_mutex_destroy(&g->lock);
	free(g);
}
