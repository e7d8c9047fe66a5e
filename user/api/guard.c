/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The door; see guard.h. One thread over one epoll. A socket belongs to this thread until its head
 * is whole and good, then to libmicrohttpd's, which tells when it closes it; from here such a
 * socket is only ever shut down, under the lock that keeps its number from being used again.
 */
#include "api/guard.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/conn.h"
#include "api/head.h"
#include "api/listen.h"

enum {
	SLOTS = GUARD_ACTIVE_MAX + GUARD_STREAMS_MAX + GUARD_WAIT_MAX,
	HEAD_MS = 5000,	  /* for the whole head */
	WAIT_MS = 1000,	  /* for a place */
	LINGER_MS = 1000, /* for the client to take a refusal */
	TAKE_MS = 10000,  /* for an answer, and more for a long one: */
	TAKE_BYTES_MS = 16,
	TICK_MS = 200,
	EVENTS = 64,
	SEND_BYTES = 131072,
};

enum slot_state {
	SLOT_FREE,
	SLOT_WAIT,   /* for a place */
	SLOT_HEAD,   /* its head is being read */
	SLOT_LINGER, /* refused; the client may still be sending */
	SLOT_SERVED, /* libmicrohttpd's */
	SLOT_STREAM, /* libmicrohttpd's, and no place taken */
};

struct slot {
	struct guard *guard;
	enum slot_state state;
	int fd;
	uint64_t since_ms;
	uint64_t until_ms; /* SERVED: the answer is to be taken by then; 0: no limit runs */
	struct listen_source who;
	struct head head;
};

struct guard {
	struct api *api;
	struct MHD_Daemon *daemon;
	int listener, epoll, bell;
	pthread_t thread;
	pthread_mutex_t lock; /* of the slots' states */
	bool is_quiet;
	_Atomic bool is_ending;
	struct slot slot[SLOTS];
	char seen[HEAD_MAX];
};

/* --- places ----------------------------------------------------------------------------------- */

static bool is_active(const struct slot *s)
{
	return s->state == SLOT_HEAD || s->state == SLOT_LINGER || s->state == SLOT_SERVED;
}

static unsigned count_state(const struct guard *g, enum slot_state state)
{
	unsigned n = 0;

	for (size_t i = 0; i < SLOTS; i++)
		n += g->slot[i].state == state;
	return n;
}

/* Active connections; who: of this source alone. */
static unsigned count_active(const struct guard *g, const struct listen_source *who)
{
	unsigned n = 0;

	for (size_t i = 0; i < SLOTS; i++)
		n += is_active(&g->slot[i]) &&
		     (!who || memcmp(&g->slot[i].who, who, sizeof(*who)) == 0);
	return n;
}

static void slot_close(struct slot *s)
{
	epoll_ctl(s->guard->epoll, EPOLL_CTL_DEL, s->fd, NULL);
	close(s->fd);
	s->state = SLOT_FREE;
}

/* Where all places are taken, one who has said nothing makes room for a source that has fewer. */
static bool make_room(struct guard *g, unsigned newcomer_has)
{
	struct slot *victim = NULL;
	unsigned most = newcomer_has + 1;

	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &g->slot[i];
		unsigned has;

		if (s->state != SLOT_HEAD && s->state != SLOT_LINGER)
			continue;
		has = count_active(g, &s->who);
		if (has > most || (victim && has == most && s->since_ms < victim->since_ms)) {
			most = has;
			victim = s;
		}
	}
	if (!victim)
		return false;
	g->api->counters->clients_slow++;
	slot_close(victim);
	return true;
}

static bool has_place(struct guard *g, const struct listen_source *who)
{
	unsigned own = count_active(g, who);

	if (own >= GUARD_SOURCE_MAX)
		return false;
	return count_active(g, NULL) < GUARD_ACTIVE_MAX || make_room(g, own);
}

/* --- refusing --------------------------------------------------------------------------------- */

static void refuse(struct guard *g, int fd, unsigned status, const char *detail)
{
	struct text body = {0}, all = {0};
	char junk[1024];

	text_printf(&body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"detail\":",
		    answer_title(status), status);
	text_json(&body, slice_text(detail));
	text_puts(&body, "}\n");
	text_printf(&all,
		    "HTTP/1.1 %u %s\r\nContent-Type: application/problem+json\r\n"
		    "Content-Length: %zu\r\nX-Content-Type-Options: nosniff\r\n"
		    "Cache-Control: no-store\r\n%sConnection: close\r\n\r\n",
		    status, answer_title(status), body.len,
		    status == 503 ? "Retry-After: 1\r\n" : "");
	text_add(&all, body.at, body.len);
	if (!all.failed && send(fd, all.at, all.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		g->api->counters->clients_slow++;
	shutdown(fd, SHUT_WR);
	while (recv(fd, junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
	text_clear(&body);
	text_clear(&all);
}

static void refuse_full(struct guard *g, int fd)
{
	g->api->counters->connections_refused++;
	refuse(g, fd, 503,
	       "there are too many connections, of all or of your address; try again "
	       "in a second");
}

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
	refuse(g, s->fd, s->head.status ? s->head.status : 431,
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
	if (!s || (!has_place(g, &who) && count_state(g, SLOT_WAIT) >= GUARD_WAIT_MAX)) {
		refuse_full(g, fd);
		close(fd);
		return;
	}
	*s = (struct slot){.guard = g, .fd = fd, .who = who, .since_ms = api_now_ms()};
	if (has_place(g, &who))
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
		refuse(g, s->fd, 408, "the head took longer than five seconds");
		s->state = SLOT_LINGER;
		s->since_ms = now;
	} else if (s->state == SLOT_LINGER && age > LINGER_MS) {
		slot_close(s);
	} else if (s->state == SLOT_SERVED && s->until_ms && now > s->until_ms) {
		g->api->counters->clients_slow++;
		s->until_ms = 0;
		shutdown(s->fd, SHUT_RDWR);
	} else if (s->state == SLOT_WAIT && age > WAIT_MS) {
		refuse_full(g, s->fd);
		close(s->fd);
		s->state = SLOT_FREE;
	}
}

/* Who has waited longest comes in first. */
static void let_in(struct guard *g)
{
	while (count_state(g, SLOT_WAIT)) {
		struct slot *next = NULL;

		for (size_t i = 0; i < SLOTS; i++) {
			struct slot *s = &g->slot[i];

			if (s->state == SLOT_WAIT && (!next || s->since_ms < next->since_ms) &&
			    count_active(g, &s->who) < GUARD_SOURCE_MAX)
				next = s;
		}
		if (!next || !has_place(g, &next->who))
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
		if (g->slot[i].state == SLOT_WAIT || is_active(&g->slot[i]))
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

/* --- from the daemon's thread ----------------------------------------------------------------- */

static struct slot *slot_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void ring(struct guard *g)
{
	const uint64_t one = 1;

	(void)!write(g->bell, &one, sizeof(one));
}

void guard_notified(void *cls, struct MHD_Connection *mhd, void **context,
		    enum MHD_ConnectionNotificationCode code)
{
	struct guard *g = *(struct guard **)cls;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (!g || !info)
		return;
	pthread_mutex_lock(&g->lock);
	for (size_t i = 0; i < SLOTS && code == MHD_CONNECTION_NOTIFY_STARTED; i++)
		if (g->slot[i].state == SLOT_SERVED && g->slot[i].fd == info->connect_fd)
			*context = &g->slot[i];
	if (code == MHD_CONNECTION_NOTIFY_CLOSED && *context) {
		((struct slot *)*context)->state = SLOT_FREE;
		*context = NULL;
	}
	pthread_mutex_unlock(&g->lock);
	if (code == MHD_CONNECTION_NOTIFY_CLOSED)
		ring(g);
}

void guard_answer_begins(struct MHD_Connection *mhd, uint64_t len)
{
	struct slot *s = slot_of(mhd);

	if (!s)
		return;
	pthread_mutex_lock(&s->guard->lock);
	s->until_ms = api_now_ms() + TAKE_MS + len / TAKE_BYTES_MS;
	pthread_mutex_unlock(&s->guard->lock);
}

bool guard_stream_begins(struct MHD_Connection *mhd)
{
	struct slot *s = slot_of(mhd);
	bool is_in = false;

	if (!s)
		return true;
	pthread_mutex_lock(&s->guard->lock);
	if (count_state(s->guard, SLOT_STREAM) < GUARD_STREAMS_MAX) {
		s->state = SLOT_STREAM;
		is_in = true;
	}
	pthread_mutex_unlock(&s->guard->lock);
	ring(s->guard);
	return is_in;
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
	ring(g);
	pthread_join(g->thread, NULL);
	close(g->epoll);
	close(g->bell);
	pthread_mutex_destroy(&g->lock);
	free(g);
}
