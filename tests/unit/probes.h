/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a process that was taken over would try, for the tests of the filters around those that read
 * strangers' bytes. Each probe runs in a child of its own, behind the filter.
 */
#ifndef UNIT_PROBES_H
#define UNIT_PROBES_H

#include <asm/sockios.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PROBE_NO_FILTER = 254, PROBE_NO_FENCE = 255 };

struct probe {
	const char *name;
	int (*run)(void); /* 0 when what it tried was done, else errno */
};

static inline int probe_failed(long result)
{
	return result < 0 ? errno : 0;
}

static inline int try_exec(void)
{
	char name[] = "true", *const args[] = {name, NULL};

	return probe_failed(execve("/bin/true", args, environ));
}

static inline int try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return probe_failed(pid);
}

static inline int try_trace(void)
{
	return probe_failed(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static inline int try_peek(void)
{
	return probe_failed(syscall(SYS_process_vm_readv, getppid(), NULL, 0UL, NULL, 0UL, 0UL));
}

static inline int try_load(void)
{
	return probe_failed(syscall(SYS_bpf, BPF_PROG_LOAD, NULL, 0));
}

static inline int try_map(void)
{
	return probe_failed(syscall(SYS_bpf, BPF_MAP_GET_FD_BY_ID, NULL, 0));
}

static inline int try_unshare(void)
{
	return probe_failed(syscall(SYS_unshare, 0));
}

static inline int try_ring(void)
{
	return probe_failed(syscall(SYS_io_uring_setup, 0, NULL));
}

/* Processes of the same user: by a signal, by one that the kernel sends, by limits and turns. */
static inline int try_kill(void)
{
	return probe_failed(kill(getppid(), 0));
}

static inline int try_thread_kill(void)
{
	return probe_failed(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static inline int try_owner(void)
{
	return probe_failed(fcntl(STDIN_FILENO, F_SETOWN, getppid()));
}

static inline int try_socket_owner(void)
{
	return probe_failed(ioctl(STDIN_FILENO, FIOSETOWN, &(int){getppid()}));
}

static inline int try_limit(void)
{
	return probe_failed(syscall(SYS_prlimit64, getppid(), RLIMIT_NOFILE, NULL, NULL));
}

/* What is typed here root's shell would read later. */
static inline int try_type(void)
{
	return probe_failed(ioctl(STDIN_FILENO, TIOCSTI, "x"));
}

/* clang-format off */
#define PROBES_EVERYWHERE \
	{"execve", try_exec}, {"fork", try_fork}, {"ptrace", try_trace}, \
	{"process_vm_readv", try_peek}, {"a program for the kernel", try_load}, \
	{"a map by its number", try_map}, {"unshare", try_unshare}, {"io_uring", try_ring}, \
	{"a signal", try_kill}, {"a signal to a thread", try_thread_kill}, \
	{"a signal by a descriptor", try_owner}, {"a signal by ioctl", try_socket_owner}, \
	{"another's limits", try_limit}, {"typing on the terminal", try_type}
/* clang-format on */

/* Has the kernel's word for what a terminal would say, where there is none: a real one. */
static inline void probes_terminal(void)
{
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY), slave;

	if (master < 0 || grantpt(master) || unlockpt(master))
		return;
	setsid();
	slave = open(ptsname(master), O_RDWR);
	if (slave >= 0)
		dup2(slave, STDIN_FILENO);
}

/* Runs a probe behind a fence, which returns 0 when it is up. Its errno; -1: it was killed. */
static inline int probe_run(int (*fence)(void), int (*run)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		probes_terminal();
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || fence())
			_exit(PROBE_NO_FENCE);
		/* None here: a sanitizer's build, or this kernel's. */
		_exit(prctl(PR_GET_SECCOMP) != 2 ? PROBE_NO_FILTER : run());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Every probe is refused. */
static inline void probes_are_refused(int (*fence)(void), const struct probe *probes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int got = probe_run(fence, probes[i].run);

		if (got == PROBE_NO_FILTER)
			return;
		if (got != -1 && got != EPERM)
			fail_msg("%s: %s", probes[i].name, got ? strerror(got) : "was done");
	}
}

#endif
