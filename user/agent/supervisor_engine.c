/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The supervisor's side of the engine process; see supervisor_state.h.
 */
#include "agent/supervisor_state.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/engine_process.h"
#include "agent/question.h"
#include "base/log.h"
#include "policy/rules_step.h"

enum { ASK_MS = 30000, ALIVE_MS = 5000, FLOWS_A_SHARD = 65536 };

/* --- descriptors ------------------------------------------------------------------------------ */

static int fd_compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static size_t engine_fds(const struct live_maps *m, int socket, int questions, int *keep)
{
	const int fixed[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, socket,
			     questions,	   m->flows,	  m->syns,	 m->verdicts,
			     m->facts,	   m->hits,	  m->counts,	 m->heartbeat};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		keep[n++] = fixed[i];
	for (uint32_t i = 0; i < m->ring_count; i++)
		keep[n++] = m->ring[i];
	return n;
}

/* Closes every descriptor that the engine has no business with: programs, links, rule maps. */
static void fds_close_others(int *keep, size_t count)
{
	unsigned next = 0;

	qsort(keep, count, sizeof(*keep), fd_compare);
	for (size_t i = 0; i < count; i++) {
		if ((unsigned)keep[i] > next)
			syscall(SYS_close_range, next, (unsigned)keep[i] - 1, 0);
		next = (unsigned)keep[i] + 1;
	}
	syscall(SYS_close_range, next, ~0U, 0);
}

/* --- the process ------------------------------------------------------------------------------ */

static _Noreturn void engine_child(struct supervisor *s, int socket, int questions)
{
	struct engine_options o = {.maps = loader_maps(s->loader),
				   .lock_path = s->paths.engine_lock,
				   .socket = socket,
				   .questions = questions,
				   .flow_max = FLOWS_A_SHARD};
	int keep[16 + DPI_RINGS_MAX];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_IGN);
	fds_close_others(keep, engine_fds(o.maps, socket, questions, keep));
	engine_process_run(&o);
}

static int engine_fork(struct supervisor *s)
{
	int rules[2], questions[2], err = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, rules))
		return -errno;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, questions)) {
		err = -errno;
		close(rules[0]);
		close(rules[1]);
		return err;
	}
	s->engine_pid = fork();
	if (s->engine_pid == 0) {
		close(rules[0]);
		close(questions[0]);
		engine_child(s, rules[1], questions[1]);
	}
	if (s->engine_pid < 0)
		err = -errno;
	close(rules[1]);
	close(questions[1]);
	if (err) {
		close(rules[0]);
		close(questions[0]);
		return err;
	}
	s->engine_socket = rules[0];
	s->engine_questions = questions[0];
	s->engine_started_ns = live_monotonic();
	return 0;
}

static int ask_within(struct supervisor *s, int wait_ms, uint32_t request, struct slice body,
		      struct wire *answer)
{
	int err;

	if (s->engine_socket < 0)
		return -ECONNRESET;
	err = wire_send(s->engine_socket, request, body, slice_of("", 0));
	return err ? err : wire_receive(s->engine_socket, WIRE_ANSWER_MAX, wait_ms, answer);
}

static int ask_once(struct supervisor *s, uint32_t request, struct slice body, struct wire *answer)
{
	return ask_within(s, ASK_MS, request, body, answer);
}

bool engine_is_answering(struct supervisor *s)
{
	struct wire answer = {0};
	int err = ask_within(s, ALIVE_MS, ENGINE_ALIVE, slice_of("", 0), &answer);

	err = err ? err : (int)answer.kind;
	wire_clear(&answer);
	return err == 0;
}

/* Asks the engine to take what is in *body (cleared). 0 or -errno with *f. */
static int body_send(struct supervisor *s, uint32_t request, struct text *body, struct fault *f)
{
	struct wire answer = {0};
	int err = body->failed ? -ENOMEM
			       : ask_once(s, request, slice_of(body->at, body->len), &answer);

	text_clear(body);
	if (err)
		return fault_set(f, err, "the engine does not take the rules: %s", strerror(-err));
	if (answer.kind)
		err = fault_set(f, -EIO, "%s", answer.err);
	wire_clear(&answer);
	return err;
}

/* Sends rules behind a head; see enum engine_request. */
static int rules_send(struct supervisor *s, uint32_t request, const char *head,
		      const struct rules *rules, struct fault *f)
{
	struct text body = {0};
	size_t len;
	char *text = rules_format_whole(rules, &len);

	if (!text)
		return fault_set(f, -ENOMEM, "out of memory");
	text_puts(&body, head);
	text_printf(&body, "%016llx", (unsigned long long)s->name_seed);
	text_add(&body, text, len);
	free(text);
	return body_send(s, request, &body, f);
}

/* Sends what differs from what the engine has. -E2BIG: that is too much. */
static int step_send(struct supervisor *s, const struct rules *rules, struct fault *f)
{
	struct rules_step *step = malloc(sizeof(*step));
	int err = step && s->engine_has ? rules_step_find(s->engine_has, rules, step) : -E2BIG;
	struct text body = {0};

	if (!err) {
		text_printf(&body, "%016zx", rules_count(rules));
		rules_step_write(step, &body);
		err = body_send(s, ENGINE_CHANGE, &body, f);
	}
	free(step);
	return err;
}

int engine_give_rules(struct supervisor *s, struct fault *f)
{
	int err = step_send(s, s->in_force, f);

	if (err)
		err = rules_send(s, ENGINE_POLICY, "", s->in_force, f);
	rules_free(s->engine_has);
	s->engine_has = err ? NULL : rules_copy(s->in_force);
	return err;
}

int engine_suppose_rules(struct supervisor *s, const struct rules *rules, uint64_t *number,
			 struct fault *f)
{
	char head[17];

	*number = ++s->suppositions;
	snprintf(head, sizeof(head), "%016llx", (unsigned long long)*number);
	return rules_send(s, ENGINE_SUPPOSE, head, rules, f);
}

int engine_start(struct supervisor *s, struct fault *f)
{
	int err = engine_fork(s);

	if (err)
		return fault_set(f, err, "the engine process cannot be started: %s",
				 strerror(-err));
	err = engine_give_rules(s, f);
	if (err)
		engine_stop(s);
	return err;
}

void engine_stop(struct supervisor *s)
{
	if (s->engine_socket >= 0) {
		close(s->engine_socket);
		close(s->engine_questions);
	}
	s->engine_socket = s->engine_questions = -1;
	rules_free(s->engine_has);
	s->engine_has = NULL;
	if (s->engine_pid > 0) {
		kill(s->engine_pid, SIGKILL);
		while (waitpid(s->engine_pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	s->engine_pid = 0;
}

void engine_restart(struct supervisor *s)
{
	struct fault f = {0};
	uint64_t left_out;

	engine_stop(s);
	s->engine_restarts++;
	if (engine_start(s, &f) && log_limit_take(&s->restart_notes, live_monotonic(), &left_out))
		log_error("%s; trying again (%llu times more since the last such line)", f.text,
			  (unsigned long long)left_out);
}

int engine_question(struct supervisor *s, uint32_t request, struct slice body, int fd,
		    struct fault *f)
{
	int err = question_send(s->engine_questions, request, body, fd);

	if (err == -ECONNRESET || err == -EPIPE || err == -EBADF) {
		engine_restart(s);
		err = question_send(s->engine_questions, request, body, fd);
	}
	if (err == -EAGAIN)
		return fault_set(f, err, "too many are asking at once; ask again in a few seconds");
	if (err)
		return fault_set(f, err,
				 "the engine does not answer: %s; it is being started "
				 "again, what is blocked stays blocked",
				 strerror(-err));
	return 0;
}
