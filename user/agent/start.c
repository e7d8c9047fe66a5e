/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Starting an agent: from the command that asks for it to the keeper, which holds the lock and does
 * nothing but wait for the supervisor and start it again when it was killed.
 */
#include "agent/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stop_asked;
static pid_t supervisor_pid;

/* Hands the wish to stop on to the supervisor. */
static void on_stop(int signal_number)
{
	stop_asked = 1;
	if (supervisor_pid > 0)
		kill(supervisor_pid, signal_number);
}

static int lock_take(const struct paths *p, struct fault *f)
{
	int fd = open(p->lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return fault_set(f, -errno, "%s: %s; run as root", p->lock, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		return fault_set(f, -EBUSY, "another agent holds %s", p->lock);
	}
	return fd;
}

/* The manager's wish to have the rules read anew. */
static void on_reload(int signal_number)
{
	if (supervisor_pid > 0)
		kill(supervisor_pid, signal_number);
}

static void keeper_signals(void)
{
	struct sigaction stop = {.sa_handler = on_stop}, reload = {.sa_handler = on_reload},
			 ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGHUP, &reload, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

/* Keeps a supervisor running until one ends by itself. Returns 0 or its errno. */
static int keep(const struct paths *p, const struct agent_options *options, int ready_fd)
{
	struct agent_options *o = mmap(NULL, sizeof(*o), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct timespec pause = {.tv_nsec = 5000000};
	int status = 0;

	if (o == MAP_FAILED)
		return ENOMEM;
	*o = *options;
	prctl(PR_SET_NAME, "dpi-xdp-keeper", 0, 0, 0);
	keeper_signals();
	for (;;) {
		struct notify notify;
		int words;

		notify_open(&notify, &words);
		supervisor_pid = fork();
		if (supervisor_pid == 0) {
			if (words >= 0)
				close(words);
			_exit(supervisor_run(p, o, &notify, ready_fd));
		}
		if (notify.fd >= 0)
			close(notify.fd);
		if (ready_fd >= 0)
			close(ready_fd);
		ready_fd = -1;
		if (supervisor_pid < 0)
			return EAGAIN;
		if (words >= 0)
			notify_relay(words);
		while (waitpid(supervisor_pid, &status, 0) < 0 && errno == EINTR)
			;
		if (WIFEXITED(status) || stop_asked)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
		nanosleep(&pause, NULL);
	}
}

/* Leaves the terminal and its session. */
static void daemonize(void)
{
	int null = open("/dev/null", O_RDWR);

	setsid();
	/* Whoever started this waits for the command, not for the agent. */
	unsetenv("NOTIFY_SOCKET");
	if (chdir("/"))
		return;
	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	if (null > STDERR_FILENO)
		close(null);
}

/* Waits for the supervisor's word: one byte 0 when it answers, else what went wrong. */
static int ready_wait(int fd, struct fault *f)
{
	char text[sizeof(f->text)] = "";
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0 ||
	       (n < 0 && errno == EINTR)) {
		if (n <= 0)
			continue;
		if (len == 0 && text[0] == 0)
			return 0;
		len += (size_t)n;
	}
	/* The first character is the errno, as the exit status depends on it. */
	if (len > 1)
		return fault_set(f, -(int)(unsigned char)text[0], "%s", text + 1);
	return fault_set(f, -EIO, "the agent ended while it was starting");
}

int agent_start(const struct paths *p, const struct agent_options *o, bool is_foreground,
		struct fault *f)
{
	int err = paths_make(p), lock, ready[2];
	pid_t pid;

	if (err)
		return fault_set(f, err, "%s or %s cannot be made: %s; run as root", p->state_dir,
				 p->run_dir, strerror(-err));
	lock = lock_take(p, f);
	if (lock < 0)
		return lock;
	if (is_foreground) {
		err = -keep(p, o, -1);
		close(lock); /* the asking child may be waiting for it */
		return err;
	}
	if (pipe2(ready, O_CLOEXEC))
		return fault_set(f, -errno, "no pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		close(ready[0]);
		daemonize();
		_exit(keep(p, o, ready[1]));
	}
	close(ready[1]);
	close(lock);
	err = pid < 0 ? fault_set(f, -errno, "no process: %s", strerror(errno))
		      : ready_wait(ready[0], f);
	close(ready[0]);
	return err;
}
