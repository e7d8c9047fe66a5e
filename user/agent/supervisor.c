/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The supervisor's life: start, adopt, wait, end; see supervisor.h. What it answers is in
 * supervisor_answer.c, the engine process in supervisor_engine.c.
 */
#include "agent/supervisor_state.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "control/apps.h"
#include "control/change.h"
#include "control/control.h"
#include "base/log.h"

enum { CLIENT_MS = 2000, LOOP_MS = 1000 };

/* --- start ------------------------------------------------------------------------------------ */

static int signals_take(struct supervisor *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd < 0 ? -errno : 0;
}

static int listen_start(struct supervisor *s, struct fault *f)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const struct group *group = getgrnam(PATHS_GROUP);
	int err = 0;

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", s->paths.socket);
	s->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlink(s->paths.socket);
	if (s->listen_fd < 0 || bind(s->listen_fd, (struct sockaddr *)&at, sizeof(at)) ||
	    chmod(s->paths.socket, group ? 0660 : 0600) ||
	    (group && chown(s->paths.socket, 0, group->gr_gid)) || listen(s->listen_fd, 16))
		err = -errno;
	if (err)
		return fault_set(f, err, "%s cannot be opened: %s", s->paths.socket,
				 strerror(-err));
	return 0;
}

static int seed_choose(struct supervisor *s)
{
	s->name_seed = live_name_seed(loader_maps(s->loader));
	while (s->name_seed == 0)
		if (getrandom(&s->name_seed, sizeof(s->name_seed), 0) != sizeof(s->name_seed))
			return -errno;
	return 0;
}

static int start(struct supervisor *s, struct fault *f)
{
	int err = signals_take(s);

	s->started_ns = live_monotonic();
	s->started_s = time(NULL);
	if (!err)
		err = moments_open(s);
	if (err)
		return fault_set(f, -ENOMEM, "out of memory");
	err = apps_load(&s->catalogue, f);
	if (!err)
		err = change_load_settled(&s->paths, s->catalogue, &s->rules, f);
	if (!err)
		err = loader_open(&s->loader, s->paths.pin_dir, s->options.workers, f);
	if (!err)
		err = seed_choose(s);
	if (!err && pause_load(s->paths.paused, &s->pause, f))
		log_error("%s", f->text);
	if (!err)
		err = rules_begin(s, f);
	if (err)
		return err;
	/* Listen to changes first, then look: nothing falls between. */
	s->netlink_fd = interfaces_watch();
	interfaces_load(&s->interfaces, s->paths.interfaces);
	for (size_t i = 0; i < s->interfaces.count; i++)
		if (attach_is_alive(s->paths.pin_dir, &s->interfaces.row[i].attachment))
			attach_interface(s->loader, &s->interfaces.row[i].attachment, f);
	interfaces_check(&s->interfaces, s->loader, s->paths.pin_dir);
	for (size_t i = 0; i < s->interfaces.count; i++)
		s->interfaces.row[i].is_protected =
			attach_is_alive(s->paths.pin_dir, &s->interfaces.row[i].attachment);
	err = engine_start(s, f);
	return err ? err : listen_start(s, f);
}

/* An errno in one byte; some of the BPF library's own are larger. */
static int code_of(int err)
{
	return err < -127 ? EIO : -err;
}

static void ready_tell(int fd, int err, const struct fault *f)
{
	char code = (char)code_of(err);

	if (fd < 0)
		return;
	(void)!write(fd, &code, 1);
	if (err)
		(void)!write(fd, f->text, strlen(f->text));
	close(fd);
}

/* --- the loop --------------------------------------------------------------------------------- */

/* Whether the far end's process is in the group besides its first. */
static bool peer_has_group(int fd, gid_t wanted)
{
	gid_t groups[256];
	socklen_t size = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size))
		return false;
	for (size_t i = 0; i < size / sizeof(groups[0]); i++)
		if (groups[i] == wanted)
			return true;
	return false;
}

/* Root, the agent's own user, and members of the socket's group may ask: the socket's mode keeps
 * others from connecting, and this from coming by with a descriptor of somebody else's. */
static bool peer_may(int fd, struct text *err)
{
	const struct group *group = getgrnam(PATHS_GROUP);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
	    (peer.uid == 0 || peer.uid == geteuid() ||
	     (group && (peer.gid == group->gr_gid || peer_has_group(fd, group->gr_gid)))))
		return true;
	text_puts(err, "not permitted: run as root, or as a member of the group dpi-xdp\n");
	return false;
}

/* Lets in who is waiting, while there is room; a stranger hears that, and nothing else. */
static void clients_accept(struct supervisor *s)
{
	while (s->clients.count < CLIENTS_MAX) {
		int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		struct text out = {0}, err = {0};

		if (fd < 0)
			return;
		if (peer_may(fd, &err))
			clients_add(&s->clients, fd, CLIENT_MS);
		else
			clients_add_answer(&s->clients, fd, 4, &out, &err);
	}
}

static void reload(struct supervisor *s)
{
	struct fault f = {0};

	notify_reloading(s->notify);
	if (rules_reload(s, &f))
		log_error("%s; the rules in force stay", f.text);
	notify_say(s->notify, "READY=1");
}

static void signals_serve(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
			s->is_ending = true;
		if (info.ssi_signo == SIGHUP)
			reload(s);
		if (info.ssi_signo == SIGCHLD && s->engine_pid > 0 &&
		    waitpid(s->engine_pid, NULL, WNOHANG) == s->engine_pid) {
			s->engine_pid = 0;
			engine_restart(s);
		}
	}
}

enum { OWN_FDS = 5 /* that the loop waits for besides the clients' */ };

static void loop(struct supervisor *s)
{
	const struct clients_ops ops = {
		.request = supervisor_answer, .ctx = s, .request_max = WIRE_REQUEST_MAX};

	while (!s->is_ending) {
		bool has_room = s->clients.count < CLIENTS_MAX;
		struct pollfd p[OWN_FDS + CLIENTS_MAX] = {
			{.fd = s->signal_fd, .events = POLLIN},
			{.fd = s->netlink_fd, .events = POLLIN},
			{.fd = has_room ? s->listen_fd : -1, .events = POLLIN},
			{.fd = s->timer_fd, .events = POLLIN},
			{.fd = s->zone_fd, .events = POLLIN}};

		poll(p, OWN_FDS + clients_poll(&s->clients, p + OWN_FDS), LOOP_MS);
		if (p[0].revents)
			signals_serve(s);
		if (p[1].revents & POLLIN) {
			interfaces_watch_read(s->netlink_fd);
			if (interfaces_check(&s->interfaces, s->loader, s->paths.pin_dir))
				interfaces_save(&s->interfaces, s->paths.interfaces);
		}
		if (s->engine_pid == 0)
			engine_restart(s);
		if (p[3].revents)
			moments_pass(s);
		if (p[4].revents)
			moments_zone(s);
		if (p[2].revents & POLLIN)
			clients_accept(s);
		clients_serve(&s->clients, &ops);
		lists_serve(s);
		manager_tell(s);
		watchdog_feed(s);
	}
	notify_say(s->notify, "STOPPING=1\nSTATUS=ending; what is blocked stays blocked");
}

static void end(struct supervisor *s)
{
	clients_end(&s->clients, CLIENT_MS);
	lists_end(s);
	engine_stop(s);
	loader_close(s->loader);
	unlink(s->paths.socket);
	/* With nothing left to protect the maps have no purpose; else all of it stays. */
	if (s->interfaces.count == 0) {
		loader_unpin(s->paths.pin_dir);
		unlink(s->paths.interfaces);
	}
	policy_free(s->policy);
	rules_free(s->engine_has);
	rules_free(s->rules);
	rules_free(s->in_force);
	catalogue_free(s->catalogue);
}

int supervisor_run(const struct paths *p, struct agent_options *o, struct notify *n, int ready_fd)
{
	struct supervisor s = {.paths = *p,
			       .options = *o,
			       .kept = o,
			       .notify = n,
			       .engine_socket = -1,
			       .engine_questions = -1,
			       .listen_fd = -1,
			       .netlink_fd = -1,
			       .signal_fd = -1,
			       .timer_fd = -1,
			       .zone_fd = -1};
	struct fault f = {0};
	int err;

	prctl(PR_SET_NAME, "dpi-xdp-super", 0, 0, 0);
	err = start(&s, &f);
	ready_tell(ready_fd, err, &f);
	if (err) {
		log_error("%s", f.text);
		engine_stop(&s);
		return code_of(err);
	}
	loop(&s);
	end(&s);
	return 0;
}
