/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the process that fetches a list may do: reach servers, read files that everybody may read,
 * have memory. Nobody's user, no capability, limits; files by Landlock (landlock(7)) for reading
 * alone; system calls by a filter (seccomp(2)): no signal to another process, no program started,
 * no bpf, no tracing, sockets of no other kind. Each bar stands by itself, so one that this kernel
 * does not have leaves the others. Room: fetch.
 */
#include "fetch/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sanitized.h"
#include "control/privilege.h"
#include "control/seccomp.h"

enum {
	CPU_S = 60,
	FILES_OPEN = 64,
	MEMORY_MORE = 768 << 20, /* beside what the process was born with */
};

static const struct sock_filter filter[] = {
	SECCOMP_BEGIN,
	SECCOMP_ALLOW_ORDINARY,
	SECCOMP_ALLOW(SYS_faccessat2),
	SECCOMP_ALLOW(SYS_connect),
	SECCOMP_ALLOW(SYS_bind),
	SECCOMP_ALLOW(SYS_socketpair),
	SECCOMP_ALLOW(SYS_shutdown),
	SECCOMP_ALLOW(SYS_sendto),
	SECCOMP_ALLOW(SYS_sendmsg),
	SECCOMP_ALLOW(SYS_sendmmsg),
	SECCOMP_ALLOW(SYS_recvfrom),
	SECCOMP_ALLOW(SYS_recvmsg),
	SECCOMP_ALLOW(SYS_recvmmsg),
	SECCOMP_ALLOW(SYS_getsockname),
	SECCOMP_ALLOW(SYS_getpeername),
	SECCOMP_ALLOW(SYS_setsockopt),
	SECCOMP_ALLOW(SYS_getsockopt),
	SECCOMP_ALLOW(SYS_pselect6),
	SECCOMP_ALLOW(SYS_eventfd2),
	SECCOMP_ALLOW(SYS_pipe2),
	SECCOMP_ALLOW(SYS_epoll_create1),
	SECCOMP_ALLOW(SYS_epoll_ctl),
	SECCOMP_ALLOW(SYS_epoll_pwait),
	SECCOMP_ALLOW(SYS_getppid),
#ifdef __x86_64__
	SECCOMP_ALLOW(SYS_select),
	SECCOMP_ALLOW(SYS_pipe),
	SECCOMP_ALLOW(SYS_epoll_wait),
#endif
	SECCOMP_THREADS_ALONE,
	/* Servers, their names, and which of this machine's addresses lead there. */
	SECCOMP_IS(SYS_socket, 0, 7),
	SECCOMP_LOAD(args[0]),
	SECCOMP_IS(AF_INET, 4, 0),
	SECCOMP_IS(AF_INET6, 3, 0),
	SECCOMP_IS(AF_UNIX, 2, 0),
	SECCOMP_IS(AF_NETLINK, 1, 0),
	SECCOMP_FAIL(EAFNOSUPPORT),
	SECCOMP_GIVE(SECCOMP_RET_ALLOW),
	SECCOMP_FAIL(EPERM),
};

/* Every file for reading, none for anything else. */
static int confine_files(void)
{
	struct landlock_ruleset_attr all = {.handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_SYM * 2 -
								 1};
	struct landlock_path_beneath_attr reading = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR};
	int ruleset, err = 0;

	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 1)
		return 0; /* not in this kernel, or not switched on */
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
	reading.parent_fd = open("/", O_PATH | O_CLOEXEC);
	if (ruleset < 0 || reading.parent_fd < 0 ||
	    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &reading, 0) ||
	    syscall(SYS_landlock_restrict_self, ruleset, 0))
		err = -errno;
	if (ruleset >= 0)
		close(ruleset);
	if (reading.parent_fd >= 0)
		close(reading.parent_fd);
	return err;
}

static int limit(int resource, uint64_t most)
{
	struct rlimit to = {.rlim_cur = most, .rlim_max = most}, now;

	/* A lower one that was set before stays. */
	if (getrlimit(resource, &now) == 0 && now.rlim_max < most)
		to.rlim_cur = to.rlim_max = now.rlim_max;
	return setrlimit(resource, &to) ? -errno : 0;
}

/* What the process has inherited of its parent's memory, in bytes. */
static uint64_t memory_now(void)
{
	unsigned long long pages = 0;
	FILE *from = fopen("/proc/self/statm", "re");

	if (from) {
		if (fscanf(from, "%llu", &pages) != 1)
			pages = 0;
		fclose(from);
	}
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

int fetch_confine(struct fault *f)
{
	pid_t parent = getppid();
	int err = privilege_drop("nobody", "the process that fetches lists", f);

	if (err)
		return err;
	/* A change of user forgets what was asked for before. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || getppid() != parent)
		return fault_set(f, -ESRCH, "the agent is gone");
	err = limit(RLIMIT_CPU, CPU_S);
	if (!err && !IS_SANITIZED)
		err = limit(RLIMIT_AS, memory_now() + MEMORY_MORE);
	if (!err)
		err = limit(RLIMIT_FSIZE, (uint64_t)LIST_BYTES_MAX + (1 << 20));
	if (!err)
		err = limit(RLIMIT_NOFILE, FILES_OPEN);
	if (!err)
		err = limit(RLIMIT_CORE, 0);
	if (!err)
		err = confine_files();
	if (!err && !IS_SANITIZED)
		err = seccomp_apply(filter, sizeof(filter) / sizeof(filter[0]));
	return err ? fault_set(f, err, "the process that fetches lists cannot be confined: %s",
			       strerror(-err))
		   : 0;
}
