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
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "control/privilege.h"

enum {
	CPU_S = 60,
	FILES_OPEN = 64,
	MEMORY_MORE = 768 << 20, /* beside what the process was born with */
};

/* The sanitizers reserve terabytes of addresses, and read of themselves in /proc. */
#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#else
#define ARCH 0 /* no filter: the other bars stand */
#endif

#define AT(field)   ((unsigned)offsetof(struct seccomp_data, field))
#define LOAD(at)    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (at))
#define GIVE(value) BPF_STMT(BPF_RET | BPF_K, (value))
#define FAIL(err)   GIVE(SECCOMP_RET_ERRNO | (err))
/* Two steps a call: is it this one? then allow. */
#define ALLOW(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), GIVE(SECCOMP_RET_ALLOW)

static const struct sock_filter filter[] = {
	LOAD(AT(arch)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
	GIVE(SECCOMP_RET_KILL_PROCESS),
	LOAD(AT(nr)),
	ALLOW(SYS_read),
	ALLOW(SYS_write),
	ALLOW(SYS_writev),
	ALLOW(SYS_readv),
	ALLOW(SYS_pread64),
	ALLOW(SYS_lseek),
	ALLOW(SYS_openat),
	ALLOW(SYS_close),
	ALLOW(SYS_fstat),
	ALLOW(SYS_newfstatat),
	ALLOW(SYS_statx),
	ALLOW(SYS_statfs),
	ALLOW(SYS_fstatfs),
	ALLOW(SYS_faccessat),
	ALLOW(SYS_faccessat2),
	ALLOW(SYS_readlinkat),
	ALLOW(SYS_getdents64),
	ALLOW(SYS_getcwd),
	ALLOW(SYS_fcntl),
	ALLOW(SYS_ioctl),
	ALLOW(SYS_dup),
	ALLOW(SYS_dup3),
	ALLOW(SYS_futex),
	ALLOW(SYS_madvise),
	ALLOW(SYS_mmap),
	ALLOW(SYS_munmap),
	ALLOW(SYS_mremap),
	ALLOW(SYS_mprotect),
	ALLOW(SYS_brk),
	ALLOW(SYS_connect),
	ALLOW(SYS_bind),
	ALLOW(SYS_socketpair),
	ALLOW(SYS_shutdown),
	ALLOW(SYS_sendto),
	ALLOW(SYS_sendmsg),
	ALLOW(SYS_sendmmsg),
	ALLOW(SYS_recvfrom),
	ALLOW(SYS_recvmsg),
	ALLOW(SYS_recvmmsg),
	ALLOW(SYS_getsockname),
	ALLOW(SYS_getpeername),
	ALLOW(SYS_setsockopt),
	ALLOW(SYS_getsockopt),
	ALLOW(SYS_ppoll),
	ALLOW(SYS_pselect6),
	ALLOW(SYS_eventfd2),
	ALLOW(SYS_pipe2),
	ALLOW(SYS_epoll_create1),
	ALLOW(SYS_epoll_ctl),
	ALLOW(SYS_epoll_pwait),
	ALLOW(SYS_rt_sigaction),
	ALLOW(SYS_rt_sigprocmask),
	ALLOW(SYS_rt_sigreturn),
	ALLOW(SYS_sigaltstack),
	ALLOW(SYS_restart_syscall),
	ALLOW(SYS_getpid),
	ALLOW(SYS_getppid),
	ALLOW(SYS_gettid),
	ALLOW(SYS_getuid),
	ALLOW(SYS_geteuid),
	ALLOW(SYS_getgid),
	ALLOW(SYS_getegid),
	ALLOW(SYS_uname),
	ALLOW(SYS_sysinfo),
	ALLOW(SYS_getrandom),
	ALLOW(SYS_getrusage),
	ALLOW(SYS_clock_gettime),
	ALLOW(SYS_clock_getres),
	ALLOW(SYS_clock_nanosleep),
	ALLOW(SYS_nanosleep),
	ALLOW(SYS_gettimeofday),
	ALLOW(SYS_sched_yield),
	ALLOW(SYS_sched_getaffinity),
	ALLOW(SYS_getcpu),
	ALLOW(SYS_set_robust_list),
	ALLOW(SYS_set_tid_address),
	ALLOW(SYS_rseq),
	ALLOW(SYS_membarrier),
	ALLOW(SYS_exit),
	ALLOW(SYS_exit_group),
#ifdef __x86_64__
	ALLOW(SYS_open),
	ALLOW(SYS_stat),
	ALLOW(SYS_lstat),
	ALLOW(SYS_access),
	ALLOW(SYS_readlink),
	ALLOW(SYS_poll),
	ALLOW(SYS_select),
	ALLOW(SYS_pipe),
	ALLOW(SYS_epoll_wait),
	ALLOW(SYS_arch_prctl),
	ALLOW(SYS_time),
#endif
#ifdef SYS_clone3
	/* Its flags a filter cannot read: the C library calls clone then. */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
	FAIL(ENOSYS),
#endif
	/* Servers, their names, and which of this machine's addresses lead there. */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 7),
	LOAD(AT(args[0])),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 4, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 3, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 2, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 1, 0),
	FAIL(EAFNOSUPPORT),
	GIVE(SECCOMP_RET_ALLOW),
	/* A thread, never a process. */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
	LOAD(AT(args[0])),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
	GIVE(SECCOMP_RET_ALLOW),
	FAIL(EPERM),
};

static int confine_calls(void)
{
	struct sock_fprog program = {
		.len = sizeof(filter) / sizeof(filter[0]),
		.filter = (struct sock_filter *)filter,
	};

	/* EINVAL: a kernel without it. */
	if (ARCH && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) && errno != EINVAL)
		return -errno;
	return 0;
}

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
		err = confine_calls();
	return err ? fault_set(f, err, "the process that fetches lists cannot be confined: %s",
			       strerror(-err))
		   : 0;
}
