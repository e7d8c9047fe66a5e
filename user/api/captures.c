/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Uploads, their turns and their pipes; see captures.h. The lock guards the list of uploads and
 * their states; a child's descriptors are the captures' thread's until the upload runs, then the
 * server's thread's, then the pool's.
 */
#include "api/captures.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/inforce.h"

enum {
	UPLOADS_MAX = 32, /* running and waiting */
	WAIT_MS = 30000,  /* for a turn */
	NOTES_MAX = 4096,
	LOOK_MS = 1000,
	SPLICE_MOST = 4 << 20,
};

struct capture_upload {
	struct api_captures *set;
	struct api_request *q;
	struct capture_upload *next;
	uint64_t id, queued_ms;
	/* guarded by the lock */
	enum upload_state state;
	bool is_paused; /* the body; for a turn, or for room in the pipe */
	bool is_over;	/* its child has ended: somebody else's turn */
	struct fault fault;
	unsigned status;
	/* what to start */
	struct launch launch;
	bool with_rules;

	struct launched child;
	bool is_watched;  /* its pipe, by the epoll */
	bool is_deaf;	  /* the child takes no more */
	struct text rest; /* what the pipe did not take, from rest_at on */
	size_t rest_at;
};

struct api_captures {
	struct api *api;
	pthread_mutex_t lock;
	pthread_cond_t started; /* an upload left UPLOAD_STARTING */
	pthread_t thread;
	int epoll, wake;
	bool is_ending;
	struct capture_upload *first; /* in the order of arrival */
	size_t count;
	uint64_t last_id;
};

static void wake(struct api_captures *c)
{
	(void)!write(c->wake, &(uint64_t){1}, sizeof(uint64_t));
}

/* --- the captures' thread --------------------------------------------------------------------- */

static void fail(struct capture_upload *u, unsigned status, const struct fault *f)
{
	u->state = UPLOAD_FAILED;
	u->status = status;
	u->fault = *f;
	pthread_cond_broadcast(&u->set->started);
}

static void resume(struct capture_upload *u)
{
	if (u->is_paused) {
		u->is_paused = false;
		api_body_resume(u->q);
	}
}

/* With the lock held but for the start itself, during which nobody else touches the upload. */
static void start(struct api_captures *c, struct capture_upload *u)
{
	struct fault f = {"out of memory"};
	int err = 0, rules = -1;

	u->state = UPLOAD_STARTING;
	pthread_mutex_unlock(&c->lock);
	if (u->with_rules)
		err = inforce_file(c->api, &rules, &f);
	if (!err) {
		u->launch.rules_fd = rules;
		err = launcher_run(c->api->launcher, &u->launch, &u->child, &f);
	}
	if (rules >= 0)
		close(rules);
	pthread_mutex_lock(&c->lock);
	u->state = UPLOAD_RUNNING;
	if (err)
		fail(u, 503, &f);
	resume(u);
	pthread_cond_broadcast(&c->started);
}

/* Gives turns, and an end to those that waited too long. */
static void turns(struct api_captures *c)
{
	unsigned most = c->api->options->capture_jobs ? c->api->options->capture_jobs : 1;
	uint64_t now = api_now_ms();
	struct capture_upload *u;
	struct fault f;
	unsigned running;

again:
	running = 0;
	for (u = c->first; u; u = u->next)
		running += u->state == UPLOAD_RUNNING && !u->is_over;
	for (u = c->first; u; u = u->next) {
		if (u->state != UPLOAD_WAITING)
			continue;
		if (running < most) {
			start(c, u);
			goto again; /* the list may be another one now */
		}
		if (now < u->queued_ms + WAIT_MS) /* it may have come since */
			continue;
		fault_set(&f, -EBUSY, "%u captures are being analysed; try again in a moment",
			  most);
		fail(u, 503, &f);
		c->api->counters->captures_busy++;
		resume(u);
	}
}

static void *captures_thread(void *ctx)
{
	struct api_captures *c = ctx;
	struct epoll_event events[16];
	struct fault f;
	uint64_t n;

	for (;;) {
		int count = epoll_wait(c->epoll, events, 16, LOOK_MS);

		pthread_mutex_lock(&c->lock);
		for (int i = 0; i < count; i++) {
			if (!events[i].data.u64)
				(void)!read(c->wake, &n, sizeof(n));
			for (struct capture_upload *u = c->first; u; u = u->next)
				if (u->id == events[i].data.u64)
					resume(u);
		}
		if (c->is_ending)
			break;
		turns(c);
		pthread_mutex_unlock(&c->lock);
	}
	fault_set(&f, -EPIPE, "the service is ending; try again later");
	for (struct capture_upload *u = c->first; u; u = u->next) {
		fail(u, 503, &f);
		resume(u);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* --- for the server's thread ------------------------------------------------------------------ */

struct capture_upload *capture_upload_new(struct api_captures *c, struct api_request *q,
					  const char *const *args, size_t arg_count,
					  bool with_rules, uint64_t cpu_s)
{
	struct capture_upload *u = calloc(1, sizeof(*u)), **at;

	if (!u)
		return NULL;
	u->set = c;
	u->q = q;
	u->queued_ms = api_now_ms();
	u->with_rules = with_rules;
	u->launch = (struct launch){
		.args = args, .arg_count = arg_count, .rules_fd = -1, .cpu_s = cpu_s};
	u->child = (struct launched){-1, -1, -1, -1};
	pthread_mutex_lock(&c->lock);
	if (c->count == UPLOADS_MAX || c->is_ending) {
		pthread_mutex_unlock(&c->lock);
		free(u);
		return NULL;
	}
	u->id = ++c->last_id;
	for (at = &c->first; *at; at = &(*at)->next)
		continue;
	*at = u;
	c->count++;
	pthread_mutex_unlock(&c->lock);
	wake(c);
	return u;
}

void capture_upload_free(struct capture_upload *u)
{
	struct api_captures *c;
	struct capture_upload **at;

	if (!u)
		return;
	c = u->set;
	pthread_mutex_lock(&c->lock);
	while (u->state == UPLOAD_STARTING)
		pthread_cond_wait(&c->started, &c->lock);
	for (at = &c->first; *at != u; at = &(*at)->next)
		continue;
	*at = u->next;
	c->count--;
	launched_close(&u->child); /* and the pipe leaves the epoll */
	pthread_mutex_unlock(&c->lock);
	wake(c);
	text_clear(&u->rest);
	free(u);
}

const struct fault *capture_upload_fault(const struct capture_upload *u, unsigned *status)
{
	*status = u->status;
	return &u->fault;
}

/* As much of the rest as the pipe takes. */
static void push(struct capture_upload *u)
{
	while (u->rest_at < u->rest.len && !u->is_deaf) {
		ssize_t n = write(u->child.input, u->rest.at + u->rest_at,
				  u->rest.len - u->rest_at);

		if (n > 0)
			u->rest_at += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			return;
		else if (n < 0 && errno != EINTR)
			u->is_deaf = true;
	}
	u->rest.len = u->rest_at = 0;
}

/* Has the body wait until the pipe has room. */
static void watch(struct capture_upload *u)
{
	struct epoll_event e = {.events = EPOLLOUT | EPOLLONESHOT, .data.u64 = u->id};

	u->is_paused = true;
	api_body_pause(u->q);
	epoll_ctl(u->set->epoll, u->is_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, u->child.input, &e);
	u->is_watched = true;
}

int capture_upload_ready(struct capture_upload *u)
{
	int err = 0;

	pthread_mutex_lock(&u->set->lock);
	if (u->state == UPLOAD_FAILED) {
		err = -EIO;
	} else if (u->state != UPLOAD_RUNNING) {
		u->is_paused = true;
		api_body_pause(u->q);
		err = -EAGAIN;
	} else {
		push(u);
		if (u->rest.len) {
			watch(u);
			err = -EAGAIN;
		}
	}
	pthread_mutex_unlock(&u->set->lock);
	return err;
}

int capture_upload_write(struct capture_upload *u, struct slice bytes)
{
	while (bytes.len && !u->is_deaf && !u->rest.len) {
		ssize_t n = write(u->child.input, bytes.at, bytes.len);

		if (n > 0)
			bytes = slice_from(bytes, (size_t)n);
		else if (n < 0 && errno == EAGAIN)
			break;
		else if (n < 0 && errno != EINTR)
			u->is_deaf = true;
	}
	if (u->is_deaf)
		return 0;
	text_add(&u->rest, bytes.at, bytes.len);
	return u->rest.failed ? -ENOMEM : 0;
}

/* --- for a thread of the pool ----------------------------------------------------------------- */

static int client_of(const struct capture_upload *u)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(api_request_mhd(u->q), MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

bool capture_upload_is_next(const struct capture_upload *u)
{
	struct api_captures *c = u->set;
	unsigned before = 0;

	pthread_mutex_lock(&c->lock);
	for (const struct capture_upload *o = c->first; o != u; o = o->next)
		before += o->state != UPLOAD_FAILED && !o->is_over;
	pthread_mutex_unlock(&c->lock);
	return before < c->api->options->capture_jobs;
}

int capture_upload_wait(struct capture_upload *u)
{
	bool has_failed;

	pthread_mutex_lock(&u->set->lock);
	while (u->state == UPLOAD_WAITING || u->state == UPLOAD_STARTING)
		pthread_cond_wait(&u->set->started, &u->set->lock);
	has_failed = u->state == UPLOAD_FAILED;
	pthread_mutex_unlock(&u->set->lock);
	return has_failed ? -EIO : 0;
}

/* Waits so long until the pipe has room, or nobody at its end. False: it has none. */
static bool await_room(const struct capture_upload *u, int ms)
{
	struct pollfd p = {.fd = u->child.input, .events = POLLOUT};

	return poll(&p, 1, ms) > 0;
}

ssize_t capture_upload_splice(struct capture_upload *u, int from, uint64_t len)
{
	size_t most = len < SPLICE_MOST ? (size_t)len : SPLICE_MOST;
	ssize_t n;

	for (;;) {
		push(u);
		if (u->rest.len) {
			await_room(u, LOOK_MS);
			continue;
		}
		if (u->is_deaf) /* thrown away, not even copied (tcp(7)) */
			n = recv(from, NULL, most, MSG_TRUNC);
		else
			n = splice(from, NULL, u->child.input, NULL, most,
				   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		if (n >= 0)
			return n;
		if (errno == EPIPE)
			u->is_deaf = true;
		else if (errno == EAGAIN && (u->is_deaf || await_room(u, 0)))
			return -EAGAIN; /* the socket's */
		else if (errno == EAGAIN)
			await_room(u, LOOK_MS);
		else if (errno != EINTR)
			return -errno;
	}
}

int capture_upload_finish(struct capture_upload *u, struct launch_end *end)
{
	/* A client that has closed its end wants no answer any more. */
	struct pollfd p[] = {{.fd = client_of(u), .events = POLLRDHUP},
			     {.fd = u->child.life, .events = POLLIN},
			     {.fd = u->child.input, .events = POLLOUT}};
	int err = 0;

	for (;;) {
		push(u);
		if (!u->rest.len && u->child.input >= 0) {
			pthread_mutex_lock(&u->set->lock);
			close(u->child.input);
			u->child.input = -1;
			pthread_mutex_unlock(&u->set->lock);
			p[2].fd = -1;
		}
		if (poll(p, 3, -1) < 0 && errno != EINTR)
			err = -errno;
		if (p[0].revents)
			err = -ECONNRESET;
		if (!err && !p[1].revents)
			continue;
		if (!err)
			err = launched_end(&u->child, end);
		if (err != -EAGAIN)
			break;
		err = 0;
	}
	pthread_mutex_lock(&u->set->lock);
	close(u->child.life); /* ends it, if it still runs */
	u->child.life = -1;
	u->is_over = true;
	pthread_mutex_unlock(&u->set->lock);
	wake(u->set);
	return err;
}

int capture_upload_output(struct capture_upload *u)
{
	int fd = u->child.output;

	u->child.output = -1;
	return fd;
}

void capture_upload_notes(const struct capture_upload *u, struct text *out)
{
	char notes[NOTES_MAX];
	ssize_t n = u->child.notes < 0 ? 0 : pread(u->child.notes, notes, sizeof(notes), 0);

	if (n > 0)
		text_add(out, notes, (size_t)n);
}

/* --- the room --------------------------------------------------------------------------------- */

int captures_open(struct api *api, struct api_captures **out, struct fault *f)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = 0};
	struct api_captures *c = calloc(1, sizeof(*c));

	if (!c)
		return fault_set(f, -ENOMEM, "out of memory");
	c->api = api;
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->started, NULL);
	if (c->epoll >= 0 && c->wake >= 0 && epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->wake, &e) == 0 &&
	    pthread_create(&c->thread, NULL, captures_thread, c) == 0) {
		*out = c;
		return 0;
	}
	close(c->epoll);
	close(c->wake);
	free(c);
	return fault_set(f, -EAGAIN, "no thread for uploads can be started");
}

void captures_stop(struct api_captures *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->is_ending = true;
	pthread_mutex_unlock(&c->lock);
	wake(c);
	pthread_join(c->thread, NULL);
}

void captures_close(struct api_captures *c)
{
	if (!c)
		return;
	close(c->epoll);
	close(c->wake);
	pthread_cond_destroy(&c->started);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
