/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The porter; see porter.h. One question at a time over a pair of sockets, in the form that the
 * control socket has (wire.h): the kind is what is asked; of an answer, 0 or an errno.
 */
#include "api/porter.h"

#include <errno.h>
#include <libgen.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/bars.h"
#include "api/launcher.h"
#include "control/control.h"
#include "control/privilege.h"
#include "control/stored.h"

enum { ANSWER_MS = 60000 };

enum porter_question { ASK_CONNECT = 1, ASK_LIVES, ASK_STORED, ASK_FLEET, ASK_POKE };

struct porter {
	pthread_mutex_t lock; /* of the socket: one question at a time */
	int socket;	      /* to the process; -1: there is none */
	pid_t pid;
	struct fleet *fleet; /* of this process; NULL: none, or the other one's */
	bool has_fleet;
	struct control_way way;
};

/* --- in the porter's own process -------------------------------------------------------------- */

struct office {
	int socket;
	struct paths paths;
	struct fleet *fleet;
};

static int tell(int socket, int err, struct slice out, struct slice words)
{
	return wire_send(socket, (uint32_t)-err, out, words);
}

/* A connection goes over with one byte, whose answer it follows. */
static int do_connect(struct office *o)
{
	int fd = control_connect(&o->paths);
	int err = tell(o->socket, fd < 0 ? fd : 0, slice_of("", 0), slice_of("", 0));

	if (fd < 0)
		return err;
	if (!err && rights_send(o->socket, "", 1, &fd, 1) < 0)
		err = -EPIPE;
	close(fd);
	return err;
}

static int do_stored(struct office *o, const struct wire *ask)
{
	struct wire answer = {0};
	struct fault f = {0};
	struct text body = {0};
	int err = stored_request(&o->paths, slice_of(ask->out, ask->out_len),
				 slice_of(ask->err, ask->err_len), &answer, &f);

	if (err)
		return tell(o->socket, err, slice_of("", 0), slice_text(f.text));
	text_add(&body, &answer.kind, sizeof(answer.kind));
	text_add(&body, answer.out, answer.out_len);
	err = tell(o->socket, body.failed ? -ENOMEM : 0, slice_of(body.at, body.len),
		   slice_of(answer.err, answer.err_len));
	text_clear(&body);
	wire_clear(&answer);
	return err;
}

static int do_fleet(struct office *o)
{
	struct fleet_status s;

	fleet_status(o->fleet, &s);
	return tell(o->socket, 0, slice_of(&s, sizeof(s)), slice_of("", 0));
}

static int answer(struct office *o, const struct wire *ask)
{
	switch (ask->kind) {
	case ASK_CONNECT: return do_connect(o);
	case ASK_LIVES:
		return tell(o->socket, control_agent_lives(&o->paths) ? 0 : -ENOENT,
			    slice_of("", 0), slice_of("", 0));
	case ASK_STORED: return do_stored(o, ask);
	case ASK_FLEET: return do_fleet(o);
	case ASK_POKE:
		fleet_poke(o->fleet);
		return tell(o->socket, 0, slice_of("", 0), slice_of("", 0));
	default: return -EINVAL;
	}
}

/* Its files: what the agent keeps, what the C library and the fleet look things up in, and where
 * the rules for this host alone are: the directory, since a new file of that name may come. */
static int office_bar(const struct paths *p, const char *local_rules, struct fault *f)
{
	char *copy = strdup(local_rules ? local_rules : p->state_dir);
	const struct bar_place places[] = {
		{p->state_dir, true},
		{p->run_dir, true},
		{"/usr", false},
		{"/lib", false},
		{"/etc", false},
		{"/run/systemd/resolve", false},
		{copy && local_rules ? dirname(copy) : p->state_dir, local_rules == NULL},
	};
	int err = copy ? paths_make(p) : -ENOMEM;

	if (!err)
		err = privilege_drop(NULL, "the porter", f);
	if (!err)
		err = bars_files(places, sizeof(places) / sizeof(places[0]), true);
	free(copy);
	if (!err)
		err = bars_calls();
	return err ? fault_set(f, err, "the porter cannot give up its rights: %s", strerror(-err))
		   : 0;
}

static int fleet_begin(const struct api_options *o, const struct paths *p, struct fleet **out,
		       struct fault *f)
{
	const struct fleet_config config = {.url = o->redis,
					    .name = o->fleet,
					    .local_rules = o->local_rules,
					    .accepts_mass_change = o->accept_mass_change,
					    .paths = p};

	return o->redis ? fleet_start(&config, out, f) : 0;
}

/* Its whole life: until the service closes its end. */
static _Noreturn void office_run(const struct api *api, int socket)
{
	struct office o = {.socket = socket, .paths = api->paths};
	struct fault f = {0};
	struct wire ask = {0};
	int err;

	prctl(PR_SET_NAME, "dpi-xdp-porter", 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	signal(SIGINT, SIG_IGN); /* a terminal's, meant for the service */
	signal(SIGPIPE, SIG_IGN);
	bars_descriptors(socket);
	err = office_bar(&o.paths, api->options->local_rules, &f);
	if (!err)
		err = fleet_begin(api->options, &o.paths, &o.fleet, &f);
	tell(socket, err, slice_of("", 0), slice_text(f.text));
	while (!err && wire_receive(socket, WIRE_REQUEST_MAX, -1, &ask) == 0) {
		err = answer(&o, &ask);
		wire_clear(&ask);
	}
	fleet_stop(o.fleet);
	_exit(0);
}

/* --- in the service's ------------------------------------------------------------------------- */

/* One question and its answer, the lock held. 0, or what the porter says; -ECONNRESET: it is gone.
 */
static int ask_locked(struct porter *p, enum porter_question what, struct slice out,
		      struct slice err_block, struct wire *answer)
{
	int err = wire_send(p->socket, what, out, err_block);

	if (!err)
		err = wire_receive(p->socket, WIRE_ANSWER_MAX, ANSWER_MS, answer);
	return err ? err : -(int)answer->kind;
}

static int way_connect(void *ctx)
{
	struct porter *p = ctx;
	struct wire answer = {0};
	int fd = -1, err;
	char byte;

	pthread_mutex_lock(&p->lock);
	err = ask_locked(p, ASK_CONNECT, slice_of("", 0), slice_of("", 0), &answer);
	if (!err && (rights_receive(p->socket, &byte, 1, &fd, 1, 0) < 0 || fd < 0))
		err = -ECONNRESET;
	pthread_mutex_unlock(&p->lock);
	wire_clear(&answer);
	return err ? err : fd;
}

static bool way_lives(void *ctx)
{
	struct porter *p = ctx;
	struct wire answer = {0};
	int err;

	pthread_mutex_lock(&p->lock);
	err = ask_locked(p, ASK_LIVES, slice_of("", 0), slice_of("", 0), &answer);
	pthread_mutex_unlock(&p->lock);
	wire_clear(&answer);
	return err == 0;
}

static int way_stored(void *ctx, struct slice json, struct slice data, struct wire *out,
		      struct fault *f)
{
	struct porter *p = ctx;
	struct wire got = {0};
	int err;

	pthread_mutex_lock(&p->lock);
	err = ask_locked(p, ASK_STORED, json, data, &got);
	pthread_mutex_unlock(&p->lock);
	if (!err && got.out_len < sizeof(out->kind))
		err = -EPROTO;
	if (err) {
		fault_set(f, err, "%s", got.err_len ? got.err : strerror(-err));
		wire_clear(&got);
		return err;
	}
	memcpy(&got.kind, got.out, sizeof(got.kind));
	got.out_len -= sizeof(got.kind);
	memmove(got.out, got.out + sizeof(got.kind), got.out_len + 1);
	*out = got;
	return 0;
}

int porter_fd(const struct porter *p)
{
	return p->socket;
}

bool porter_fleet_status(struct porter *p, struct fleet_status *out)
{
	struct wire answer = {0};
	int err;

	if (!p->has_fleet)
		return false;
	if (p->fleet) {
		fleet_status(p->fleet, out);
		return true;
	}
	pthread_mutex_lock(&p->lock);
	err = ask_locked(p, ASK_FLEET, slice_of("", 0), slice_of("", 0), &answer);
	pthread_mutex_unlock(&p->lock);
	if (!err && answer.out_len == sizeof(*out))
		memcpy(out, answer.out, sizeof(*out));
	else
		err = -EPROTO;
	wire_clear(&answer);
	return err == 0;
}

void porter_fleet_poke(struct porter *p)
{
	struct wire answer = {0};

	if (!p->has_fleet)
		return;
	if (p->fleet) {
		fleet_poke(p->fleet);
		return;
	}
	pthread_mutex_lock(&p->lock);
	ask_locked(p, ASK_POKE, slice_of("", 0), slice_of("", 0), &answer);
	pthread_mutex_unlock(&p->lock);
	wire_clear(&answer);
}

/* --- start and end ---------------------------------------------------------------------------- */

/* Forks it, and hears whether it is ready. */
static int process_start(struct api *api, struct porter *p, struct fault *f)
{
	struct wire ready = {0};
	int pair[2], err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return fault_set(f, -errno, "no sockets: %s", strerror(errno));
	p->pid = fork();
	if (p->pid == 0) {
		close(pair[0]);
		office_run(api, pair[1]);
	}
	close(pair[1]);
	p->socket = pair[0];
	if (p->pid < 0)
		return fault_set(f, -errno, "no process: %s", strerror(errno));
	err = wire_receive(p->socket, WIRE_ANSWER_MAX, ANSWER_MS, &ready);
	if (!err && ready.kind)
		err = fault_set(f, -(int)ready.kind, "%s", ready.err);
	else if (err)
		fault_set(f, err, "the way to the agent cannot be opened: %s", strerror(-err));
	wire_clear(&ready);
	p->way = (struct control_way){
		.ctx = p, .connect = way_connect, .lives = way_lives, .stored = way_stored};
	if (!err)
		api->paths.way = &p->way;
	return err;
}

int porter_start(struct api *api, struct fault *f)
{
	struct porter *p = calloc(1, sizeof(*p));

	if (!p)
		return fault_set(f, -ENOMEM, "out of memory");
	p->socket = -1;
	p->has_fleet = api->options->redis;
	pthread_mutex_init(&p->lock, NULL);
	api->porter = p;
	if (geteuid() == 0)
		return process_start(api, p, f);
	return fleet_begin(api->options, &api->paths, &p->fleet, f);
}

void porter_stop(struct api *api)
{
	struct porter *p = api->porter;

	if (!p)
		return;
	fleet_stop(p->fleet);
	if (p->socket >= 0)
		close(p->socket);
	/* It ends by itself; where that takes too long, the kernel ends it with this process. */
	for (int i = 0; p->pid > 0 && i < 300 && waitpid(p->pid, NULL, WNOHANG) == 0; i++)
		poll(NULL, 0, 10);
	pthread_mutex_destroy(&p->lock);
	free(p);
	api->porter = NULL;
}
