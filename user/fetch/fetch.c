/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room fetch, the side that has rights: it starts the other, and takes from it what is harmless.
 * The other may have been taken over by what it read: its words are bounded, shown escaped, and its
 * list is parsed as if it came from anywhere.
 */
#include "fetch/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HEAD_MAX = 4096 };

static _Noreturn void child(const struct fetch_ask *ask, int out, pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	/* Dead before this line: then it is too late for the signal. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || getppid() != parent)
		_exit(1);
	/* Nothing of the parent's but the memory for the answer, as descriptor 3. */
	if (out != 3 && dup2(out, 3) != 3)
		_exit(1);
	syscall(SYS_close_range, 4U, ~0U, 0);
	fetch_child_run(ask, 3);
}

int fetch_start(const struct fetch_ask *ask, struct fetch *out, struct fault *f)
{
	int fd = memfd_create("list", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	pid_t parent = getpid(), pid;

	if (fd < 0)
		return fault_set(f, -errno, "no memory to fetch a list into: %s", strerror(errno));
	pid = fork();
	if (pid == 0)
		child(ask, fd, parent);
	if (pid < 0) {
		int err = -errno;

		close(fd);
		return fault_set(f, err, "no process to fetch a list: %s", strerror(-err));
	}
	*out = (struct fetch){.pid = pid, .out = fd};
	return 0;
}

bool fetch_is_over(struct fetch *f)
{
	return f->pid > 0 && waitpid(f->pid, NULL, WNOHANG) == f->pid;
}

void fetch_wait(struct fetch *f)
{
	while (f->pid > 0 && waitpid(f->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void fetch_stop(struct fetch *f)
{
	if (f->pid <= 0)
		return;
	kill(f->pid, SIGKILL);
	fetch_wait(f);
	close(f->out);
	*f = (struct fetch){0};
}

/* --- the answer: lines "KEY VALUE", an empty one, canonical text ---------------------------------
 */

static void copy_word(char *to, size_t size, const char *value)
{
	size_t n = 0;

	for (; value[n] && n < size - 1; n++)
		to[n] = value[n] >= 0x20 && value[n] <= 0x7e ? value[n] : '?';
	to[n] = '\0';
}

static void take_count(struct list_counts *c, const char *value)
{
	char name[32] = "";
	unsigned long long n;

	if (sscanf(value, "%31s %llu", name, &n) == 2)
		list_counts_set(c, name, n);
}

static void take_line(struct fetch_result *r, char *line)
{
	char *value = strchr(line, ' ');

	if (!value)
		return;
	*value++ = '\0';
	if (strcmp(line, "count") == 0)
		take_count(&r->counts, value);
	else if (strcmp(line, "etag") == 0)
		copy_word(r->etag, sizeof(r->etag), value);
	else if (strcmp(line, "modified") == 0)
		copy_word(r->modified, sizeof(r->modified), value);
	else if (strcmp(line, "why") == 0)
		copy_word(r->why, sizeof(r->why), value);
	else if (strcmp(line, "end") == 0)
		r->end = strcmp(value, "new") == 0    ? FETCH_NEW
			 : strcmp(value, "same") == 0 ? FETCH_SAME
						      : FETCH_FAILED;
}

/* Reads the head. Returns its bytes; 0: there is no whole one. */
static size_t take_head(struct fetch_result *r, struct slice all)
{
	const char *end = memmem(all.at, all.len < HEAD_MAX ? all.len : HEAD_MAX, "\n\n", 2);
	char head[HEAD_MAX + 1], *rest = head, *line;
	size_t len = end ? (size_t)(end - (const char *)all.at) : 0;

	if (!end)
		return 0;
	memcpy(head, all.at, len);
	head[len] = '\0';
	while ((line = strsep(&rest, "\n")))
		take_line(r, line);
	return len + 2;
}

static void fail(struct fetch_result *r, const char *why)
{
	list_drop(r->list);
	r->list = NULL;
	r->end = FETCH_FAILED;
	if (!r->why[0])
		snprintf(r->why, sizeof(r->why), "%s", why);
}

static void take_answer(struct fetch_result *r, struct slice all)
{
	struct fault f = {""};
	size_t head = take_head(r, all);

	if (!head) {
		fail(r, "it took longer than is given to it, or more memory: is it a list at all?");
	} else if (r->end == FETCH_NEW) {
		r->list = list_parse(slice_from(all, head), &f);
		if (!r->list)
			fail(r, f.text);
	} else if (r->end == FETCH_FAILED) {
		fail(r, "it could not be fetched");
	}
}

void fetch_take(struct fetch *f, struct fetch_result *out)
{
	/* The process may have handed the memory on to another: what is looked at here stays so. */
	const int still = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	struct stat st = {0};
	void *at = MAP_FAILED;

	*out = (struct fetch_result){.end = FETCH_FAILED};
	if (fcntl(f->out, F_ADD_SEALS, still) == 0 && fstat(f->out, &st) == 0 && st.st_size > 0 &&
	    st.st_size < (off_t)LIST_BYTES_MAX + HEAD_MAX)
		at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, f->out, 0);
	take_answer(out, at == MAP_FAILED ? slice_of("", 0) : slice_of(at, (size_t)st.st_size));
	if (at != MAP_FAILED)
		munmap(at, (size_t)st.st_size);
	close(f->out);
	*f = (struct fetch){0};
}
