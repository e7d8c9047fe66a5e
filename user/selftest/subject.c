/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The agent under test; see subject.h. Room: selftest.
 */
#include "selftest/subject.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "control/answer.h"
#include "control/control.h"
#include "live/loader.h"
#include "selftest/rows.h"

#define PLACE  "/run"
#define PREFIX "dpi-xdp-selftest-"

enum { START_MS = 12000, ANSWER_MS = 3000, DEPTH = 8, NEW_TRIES = 5 };

/* --- its directory --------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

/* Takes away the pins of an agent that was in this directory, then the directory. */
static void directory_remove(const char *dir)
{
	struct paths p;

	setenv("DPI_XDP_RUN_DIR", dir, 1);
	if (paths_init(&p) == 0)
		loader_unpin(p.pin_dir);
	nftw(dir, remove_one, DEPTH, FTW_DEPTH | FTW_PHYS);
}

/* The directory, held: nobody else's as long as its descriptor is open. -1: it is somebody's, or
 * gone. */
static int directory_hold(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && (flock(fd, LOCK_EX | LOCK_NB) || fstat(fd, &st) || st.st_nlink == 0 ||
			st.st_uid != 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* What self-tests have left that were killed: directories that nobody holds any more. */
static void clean_old(void)
{
	DIR *place = opendir(PLACE);
	struct dirent *entry;
	char dir[PATHS_MAX];

	while (place && (entry = readdir(place))) {
		int lock;

		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0 ||
		    snprintf(dir, sizeof(dir), PLACE "/%s", entry->d_name) >= (int)sizeof(dir))
			continue;
		lock = directory_hold(dir);
		if (lock < 0)
			continue;
		directory_remove(dir);
		close(lock);
	}
	if (place)
		closedir(place);
}

static int rules_write(const char *dir)
{
	char path[PATHS_MAX + 16];
	FILE *to;
	int bad;

	snprintf(path, sizeof(path), "%s/rules", dir);
	to = fopen(path, "we");
	if (!to)
		return -errno;
	bad = fputs(rows_rules, to) < 0;
	return fclose(to) || bad ? -EIO : 0;
}

/* A new directory, held. Another self-test may take it for an old one before it is: then there is
 * another. */
static int directory_new(struct subject *s)
{
	for (int i = 0; i < NEW_TRIES && s->lock < 0; i++) {
		snprintf(s->dir, sizeof(s->dir), PLACE "/" PREFIX "XXXXXX");
		if (!mkdtemp(s->dir)) {
			s->dir[0] = 0;
			return -errno;
		}
		s->lock = directory_hold(s->dir);
	}
	return s->lock < 0 ? -EBUSY : 0;
}

static int directory_make(struct subject *s, struct fault *f)
{
	char state[PATHS_MAX + 8];
	int err = directory_new(s);

	if (err)
		return fault_set(f, err, PLACE ": %s; run as root", strerror(-err));
	snprintf(state, sizeof(state), "%s/state", s->dir);
	setenv("DPI_XDP_STATE_DIR", state, 1);
	setenv("DPI_XDP_RUN_DIR", s->dir, 1);
	unsetenv("NOTIFY_SOCKET");
	err = paths_init(&s->paths);
	if (!err)
		err = rules_write(s->dir);
	return err ? fault_set(f, err, "%s: %s; is there room?", s->dir, strerror(-err)) : 0;
}

/* --- its process ----------------------------------------------------------------------------- */

/* Becomes the agent's keeper. go: closed without a byte when the parent died before it could be
 * known to the kernel whose death ends this process. Returns when it cannot. */
static void become(const struct subject *s, const struct lab *lab, const struct subject_wish *w,
		   int go, int said)
{
	char rules[PATHS_MAX + 16], byte;
	const char *argv[16] = {"dpi-xdp",	"attach",    LAB_SERVER_DEVICE,
				"--foreground", "--workers", "1"};
	int n = 6, null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(go, &byte, 1) != 1 || setsid() < 0 || null < 0)
		return;
	snprintf(rules, sizeof(rules), "%s/rules", s->dir);
	argv[n++] = "--mode";
	argv[n++] = w->mode;
	argv[n++] = "--rules";
	argv[n++] = rules;
	if (w->is_monitor)
		argv[n++] = "--monitor";
	if (lab_enter_server(lab) || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(said, STDOUT_FILENO) < 0 || dup2(said, STDERR_FILENO) < 0)
		return;
	execv("/proc/self/exe", (char *const *)argv);
}

/* As fork(), the child being the first process of a namespace. */
static pid_t fork_apart(void)
{
	struct clone_args args = {.flags = CLONE_NEWPID, .exit_signal = SIGCHLD};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* The next line that the agent says, without its end. False: none came in time. */
static bool hear(int fd, char *line, size_t room)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t n = 0;

	while (n + 1 < room && poll(&p, 1, START_MS) > 0 && read(fd, line + n, 1) == 1) {
		if (line[n] == '\n')
			break;
		n++;
	}
	line[n] = 0;
	return n > 0;
}

/* Waits until the agent protects the lab's device: it says how, or why it cannot. */
static int wait_ready(struct subject *s, int said, struct fault *f)
{
	static const char done[] = LAB_SERVER_DEVICE " is protected: ", bad[] = "error: ";
	char line[sizeof(f->text)];

	while (hear(said, line, sizeof(line))) {
		const char *found = strstr(line, bad);

		if (found)
			return fault_set(f, -EOPNOTSUPP, "%s", found + strlen(bad));
		found = strstr(line, done);
		if (found) {
			snprintf(s->how, sizeof(s->how), "%s", found + strlen(done));
			return 0;
		}
	}
	return fault_set(f, -EIO,
			 "the agent of the self-test ended, or says nothing; `dpi-xdp doctor` "
			 "tells what this machine can do");
}

int subject_start(struct subject *s, const struct lab *lab, const struct subject_wish *w,
		  struct fault *f)
{
	int go[2] = {-1, -1}, said[2] = {-1, -1}, err;

	*s = (struct subject){.lock = -1};
	clean_old();
	err = directory_make(s, f);
	if (!err && (pipe2(go, O_CLOEXEC) || pipe2(said, O_CLOEXEC)))
		err = fault_set(f, -errno, "no pipe: %s", strerror(errno));
	if (!err) {
		fflush(NULL);
		s->pid = fork_apart();
		if (s->pid == 0) {
			close(go[1]);
			become(s, lab, w, go[0], said[1]);
			_exit(127);
		}
		if (s->pid < 0)
			err = fault_set(f, -errno, "no process namespace: %s; run as root",
					strerror(errno));
	}
	if (said[1] >= 0)
		close(said[1]);
	if (!err)
		err = write(go[1], "", 1) == 1 ? wait_ready(s, said[0], f) : -EIO;
	for (size_t i = 0; i < 2; i++)
		if (go[i] >= 0)
			close(go[i]);
	if (said[0] >= 0)
		close(said[0]);
	if (err)
		subject_stop(s);
	return err;
}

void subject_stop(struct subject *s)
{
	if (s->pid > 0) { /* all of the namespace dies with its first process */
		kill(s->pid, SIGKILL);
		while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (s->dir[0])
		directory_remove(s->dir);
	if (s->lock >= 0)
		close(s->lock);
	*s = (struct subject){.lock = -1};
}

/* --- its flows ------------------------------------------------------------------------------- */

static void mark(const json_t *flow, bool is_blocked[65536])
{
	static const char *const ends[] = {"src_port", "dst_port"};

	if (strcmp(control_words(flow, "state"), "BLOCKED") != 0)
		return;
	for (size_t i = 0; i < 2; i++)
		is_blocked[control_number(flow, ends[i]) & 0xffff] = true;
}

/* As control_request, but who does not answer soon is not waited for. */
static int ask(const struct paths *p, const char *request, struct wire *answer)
{
	int fd = control_connect(p), err;

	if (fd < 0)
		return fd;
	err = wire_send(fd, 0, slice_text(request), slice_of("", 0));
	if (!err)
		err = wire_receive(fd, WIRE_ANSWER_MAX, ANSWER_MS, answer);
	close(fd);
	return err;
}

int subject_ask(const struct subject *s, bool is_blocked[65536], struct fault *f)
{
	struct wire answer = {0};
	json_t *all = NULL, *flow;
	size_t i;
	int err = ask(&s->paths, "{\"command\":\"flows\",\"json\":true}", &answer);

	if (!err)
		all = json_loadb(answer.out, answer.out_len, 0, NULL);
	if (!err && !json_is_array(json_object_get(all, "flows")))
		err = -EPROTO;
	if (err)
		fault_set(f, err, "the agent of the self-test does not tell its flows: %s",
			  strerror(-err));
	memset(is_blocked, 0, 65536 * sizeof(bool));
	json_array_foreach(json_object_get(all, "flows"), i, flow) mark(flow, is_blocked);
	json_decref(all);
	wire_clear(&answer);
	return err;
}
