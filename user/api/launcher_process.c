/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The launcher's own process; see launcher.h. It answers one question, reaps its children, and ends
 * each whose asker let go of it. It parses no capture, and holds nothing but its socket, the
 * program and, for each child, the socket that stands for its life.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/confine.h"
#include "api/launcher.h"

enum { CHILDREN_MAX = 64, PIPE_SIZE = 1 << 20, OOM_FIRST = 800 };
/* Where a child finds things; the program is closed when it runs. */
enum { FD_RULES = 3, FD_PROGRAM = 4, FD_FREE = 5 };

struct child {
	pid_t pid;
	int life;
};

struct launcher_state {
	const struct launcher_config *config;
	int socket, signals, program;
	struct child child[CHILDREN_MAX];
	size_t child_count;
	char *message; /* LAUNCH_ASK_MAX + 1 bytes */
};

/* A file that has no name and is gone with its last descriptor. */
static int open_unnamed(const char *dir)
{
	char path[300];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd < 0 ? -errno : fd;
	snprintf(path, sizeof(path), "%s/dpi-xdp.XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

/* --- in the child ----------------------------------------------------------------------------- */

/* Puts descriptors where the program looks for them, closes the others and runs it. */
static _Noreturn void become(struct launcher_state *s, const struct launch_ask *ask, int in,
			     int out, int notes, int rules)
{
	const struct confine_limits limits = {
		.cpu_s = ask->cpu_s, .memory = s->config->memory_max, .file = s->config->file_max};
	char *argv[LAUNCH_ARGS_MAX + 4] = {(char *)"dpi-xdp", (char *)"analyze", (char *)"-"};
	char place[300], *at = s->message + sizeof(*ask);
	char *env[] = {place, (char *)"LC_ALL=C", (char *)"ASAN_OPTIONS=detect_leaks=0", NULL};
	sigset_t none;
	int err, program;

	snprintf(place, sizeof(place), "TMPDIR=%s", s->config->spool_dir);
	for (uint32_t i = 0; i < ask->arg_count; i++, at += strlen(at) + 1)
		argv[3 + i] = at;
	/* Out of the way of the places below first. */
	rules = rules >= 0 ? fcntl(rules, F_DUPFD, 64) : -1;
	program = fcntl(s->program, F_DUPFD, 64);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(notes, STDERR_FILENO);
	dup3(program, FD_PROGRAM, O_CLOEXEC);
	if (rules >= 0)
		dup2(rules, FD_RULES);
	else
		close(FD_RULES);
	syscall(SYS_close_range, FD_FREE, ~0U, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	err = confine_child(&limits, FD_PROGRAM, s->config->spool_dir);
	if (!err) {
		syscall(SYS_execveat, FD_PROGRAM, "", argv, env, AT_EMPTY_PATH);
		err = -errno;
	}
	dprintf(STDERR_FILENO, "the analysis cannot be started: %s\n", strerror(-err));
	_exit(1);
}

/* --- answering -------------------------------------------------------------------------------- */

/* The question is whole and its arguments end in it. */
static int check_ask(const char *message, size_t len, struct launch_ask *ask)
{
	size_t at = sizeof(*ask);

	if (len < sizeof(*ask))
		return -EINVAL;
	memcpy(ask, message, sizeof(*ask));
	if (ask->arg_count > LAUNCH_ARGS_MAX)
		return -E2BIG;
	for (uint32_t i = 0; i < ask->arg_count; i++) {
		const char *end = memchr(message + at, '\0', len - at);

		if (!end)
			return -EINVAL;
		at = (size_t)(end - message) + 1;
	}
	return 0;
}

/* The ends that the asker gets, and those that the child gets. */
struct ends {
	int pipe[2], life[2], output, notes;
};

static int open_ends(const struct launcher_state *s, struct ends *e, struct launch_answer *a)
{
	*e = (struct ends){{-1, -1}, {-1, -1}, -1, -1};
	if (s->child_count == CHILDREN_MAX)
		return -EBUSY;
	e->output = open_unnamed(s->config->spool_dir);
	e->notes = open_unnamed(s->config->spool_dir);
	if (e->output < 0 || e->notes < 0) {
		int err = e->output < 0 ? e->output : e->notes;

		snprintf(a->fault, sizeof(a->fault),
			 "no file can be made in %s: %s; name another directory with TMPDIR",
			 s->config->spool_dir, strerror(-err));
		return err;
	}
	if (pipe2(e->pipe, O_CLOEXEC) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, e->life))
		return -errno;
	/* A larger one is a matter of speed alone; ordinary users have a share of such pages. */
	(void)fcntl(e->pipe[1], F_SETPIPE_SZ, PIPE_SIZE);
	return fcntl(e->pipe[1], F_SETFL, O_NONBLOCK) ? -errno : 0;
}

static void close_ends(struct ends *e, bool with_life)
{
	const int fd[] = {e->pipe[0], e->pipe[1], e->life[1],
			  e->output,  e->notes,	  with_life ? e->life[0] : -1};

	for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

static int start(struct launcher_state *s, size_t len, int rules, struct ends *e,
		 struct launch_answer *a)
{
	struct launch_ask ask;
	int err = check_ask(s->message, len, &ask);
	pid_t pid;

	if (!err)
		err = open_ends(s, e, a);
	if (err)
		return err;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(s, &ask, e->pipe[0], e->output, e->notes, ask.has_rules ? rules : -1);
	s->child[s->child_count++] = (struct child){.pid = pid, .life = e->life[0]};
	return 0;
}

/* False: the service is gone. */
static bool answer(struct launcher_state *s)
{
	struct launch_answer a = {0};
	struct ends e = {{-1, -1}, {-1, -1}, -1, -1};
	int rules;
	ssize_t n = rights_receive(s->socket, s->message, LAUNCH_ASK_MAX, &rules, 1, 0);

	if (n <= 0)
		return n == -EAGAIN;
	s->message[n] = '\0';
	a.err = start(s, (size_t)n, rules, &e, &a);
	if (a.err && !*a.fault)
		snprintf(a.fault, sizeof(a.fault), "the analysis cannot be started: %s",
			 strerror(-a.err));
	n = rights_send(s->socket, &a, sizeof(a),
			(const int[]){e.pipe[1], e.output, e.notes, e.life[1]},
			a.err ? 0 : LAUNCH_FDS);
	close_ends(&e, a.err != 0);
	if (rules >= 0)
		close(rules);
	return n == sizeof(a);
}

/* --- children --------------------------------------------------------------------------------- */

static void child_forget(struct launcher_state *s, size_t i)
{
	close(s->child[i].life);
	s->child[i] = s->child[--s->child_count];
}

static void reap(struct launcher_state *s)
{
	struct signalfd_siginfo info;
	struct rusage use;
	int status;
	pid_t pid;

	while (read(s->signals, &info, sizeof(info)) == sizeof(info))
		continue;
	while ((pid = wait4(-1, &status, WNOHANG, &use)) > 0) {
		struct launch_end end = {
			.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
			.peak_kib = (uint32_t)use.ru_maxrss,
			.cpu_ms = (uint64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000 +
				  (uint64_t)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1000,
		};

		for (size_t i = 0; i < s->child_count; i++)
			if (s->child[i].pid == pid) {
				(void)send(s->child[i].life, &end, sizeof(end), MSG_NOSIGNAL);
				child_forget(s, i);
				break;
			}
	}
}

static void loop(struct launcher_state *s)
{
	struct pollfd p[2 + CHILDREN_MAX];

	for (;;) {
		size_t count = s->child_count;

		p[0] = (struct pollfd){.fd = s->socket, .events = POLLIN};
		p[1] = (struct pollfd){.fd = s->signals, .events = POLLIN};
		for (size_t i = 0; i < count; i++)
			p[2 + i] = (struct pollfd){.fd = s->child[i].life, .events = POLLIN};
		if (poll(p, 2 + count, -1) < 0 && errno != EINTR)
			return;
		/* Nobody ever sends to a life: what is readable there is its end. The child is
		 * reaped in its turn. */
		for (size_t i = 0; i < count; i++)
			if (p[2 + i].revents)
				kill(s->child[i].pid, SIGKILL);
		if (p[1].revents)
			reap(s);
		if (p[0].revents && !answer(s))
			return;
	}
}

static int state_open(struct launcher_state *s)
{
	char score[16];
	sigset_t child;
	int fd;

	prctl(PR_SET_NAME, "dpi-xdp-launch", 0, 0, 0);
	signal(SIGINT, SIG_IGN); /* of a terminal: the service ends first, and this with it */
	(void)!chdir("/");
	s->program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (s->program < 0)
		return -errno;
	/* When memory runs out, an analysis goes before anything that matters. */
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		int n = snprintf(score, sizeof(score), "%d", OOM_FIRST);

		(void)!write(fd, score, (size_t)n);
		close(fd);
	}
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	s->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? -errno : 0;
}

_Noreturn void launcher_process(const struct launcher_config *config, int socket)
{
	struct launcher_state s = {.config = config, .message = malloc(LAUNCH_ASK_MAX + 1)};
	struct fault f = {""};
	int err;

	/* Nothing of the service's is kept but this socket and the words to a terminal. */
	s.socket = dup3(socket, 3, O_CLOEXEC) == 3 ? 3 : socket;
	syscall(SYS_close_range, s.socket + 1, ~0U, 0);
	err = s.message ? state_open(&s) : -ENOMEM;
	if (!err)
		err = confine_process(&f);
	if (err) {
		dprintf(STDERR_FILENO, "dpi-xdp: %s\n", *f.text ? f.text : strerror(-err));
		_exit(1);
	}
	loop(&s);
	for (size_t i = 0; i < s.child_count; i++)
		kill(s.child[i].pid, SIGKILL);
	while (wait(NULL) > 0)
		continue;
	_exit(0);
}
