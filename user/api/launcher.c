/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The service's end of the launcher; see launcher.h. The process itself is launcher_process.c.
 */
#include "api/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_S = 5 };

struct api_launcher {
	pthread_mutex_t lock; /* one question at a time */
	struct launcher_config config;
	char spool_dir[256];
	int socket;
	pid_t pid;
};

static const char *spool_default(void)
{
	const char *place = getenv("TMPDIR");

	return place && *place == '/' ? place : "/var/tmp";
}

int launcher_start(const struct launcher_config *config, struct api_launcher **out, struct fault *f)
{
	const char *dir = config->spool_dir ? config->spool_dir : spool_default();
	struct timeval wait = {.tv_sec = ANSWER_S};
	struct api_launcher *l;
	int pair[2];

	if (strlen(dir) >= sizeof(l->spool_dir))
		return fault_set(f, -ENAMETOOLONG,
				 "the directory for uploads has a longer name "
				 "than is taken; give another");
	l = calloc(1, sizeof(*l));
	if (!l)
		return fault_set(f, -ENOMEM, "out of memory");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		goto failed;
	pthread_mutex_init(&l->lock, NULL);
	strcpy(l->spool_dir, dir);
	l->config = *config;
	l->config.spool_dir = l->spool_dir;
	l->socket = pair[0];
	l->pid = fork();
	if (l->pid == 0)
		launcher_process(&l->config, pair[1]);
	close(pair[1]);
	if (l->pid < 0) {
		close(pair[0]);
		goto failed;
	}
	setsockopt(l->socket, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(l->socket, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	*out = l;
	return 0;
failed:
	free(l);
	return fault_set(f, -errno, "the analysis of uploads cannot be started: %s",
			 strerror(errno));
}

void launcher_stop(struct api_launcher *l)
{
	if (!l)
		return;
	close(l->socket);
	while (waitpid(l->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	pthread_mutex_destroy(&l->lock);
	free(l);
}

const struct launcher_config *launcher_config(const struct api_launcher *l)
{
	return &l->config;
}

/* Writes the question; its length, or 0 when it is too long. */
static size_t write_ask(const struct launch *what, char *to, size_t size)
{
	struct launch_ask ask = {.cpu_s = what->cpu_s,
				 .arg_count = (uint32_t)what->arg_count,
				 .has_rules = what->rules_fd >= 0};
	size_t len = sizeof(ask);

	memcpy(to, &ask, sizeof(ask));
	for (size_t i = 0; i < what->arg_count; i++) {
		size_t n = strlen(what->args[i]) + 1;

		if (n > size - len)
			return 0;
		memcpy(to + len, what->args[i], n);
		len += n;
	}
	return len;
}

int launcher_run(struct api_launcher *l, const struct launch *what, struct launched *out,
		 struct fault *f)
{
	char *ask = malloc(LAUNCH_ASK_MAX);
	size_t len = ask && what->arg_count <= LAUNCH_ARGS_MAX
			     ? write_ask(what, ask, LAUNCH_ASK_MAX)
			     : 0;
	struct launch_answer answer;
	int fd[LAUNCH_FDS];
	ssize_t n;

	if (!len) {
		free(ask);
		return fault_set(f, ask ? -E2BIG : -ENOMEM,
				 "too many rules for one capture; give "
				 "fewer, or put them in force");
	}
	pthread_mutex_lock(&l->lock);
	n = rights_send(l->socket, ask, len, &what->rules_fd, what->rules_fd >= 0);
	if (n > 0)
		n = rights_receive(l->socket, &answer, sizeof(answer), fd, LAUNCH_FDS, 0);
	pthread_mutex_unlock(&l->lock);
	free(ask);
	if (n != sizeof(answer))
		return fault_set(f, n < 0 ? (int)n : -EPIPE,
				 "the process that starts analyses is "
				 "gone; start `dpi-xdp serve` again");
	if (answer.err)
		return fault_set(f, answer.err, "%s", answer.fault);
	*out = (struct launched){.input = fd[0], .output = fd[1], .notes = fd[2], .life = fd[3]};
	return 0;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void launched_close(struct launched *l)
{
	close_one(&l->life);
	close_one(&l->input);
	close_one(&l->output);
	close_one(&l->notes);
}

int launched_end(const struct launched *l, struct launch_end *end)
{
	ssize_t n;

	do {
		n = recv(l->life, end, sizeof(*end), MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	return n == sizeof(*end) ? 0 : -EPIPE;
}
