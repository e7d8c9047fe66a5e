/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which system calls the analysis of an upload may make, by a seccomp filter (seccomp(2)); see
 * confine.h. The list is what a program with threads needs to start, to read its descriptors and to
 * have memory: no socket, no signal to another process, no bpf, no tracing. All else fails with
 * EPERM; clone3, whose flags a filter cannot read, with ENOSYS, so that the C library calls clone.
 */
#include "api/confine.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

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
	ALLOW(SYS_pwrite64),
	ALLOW(SYS_readv),
	ALLOW(SYS_pread64),
	ALLOW(SYS_futex),
	ALLOW(SYS_madvise),
	ALLOW(SYS_mmap),
	ALLOW(SYS_munmap),
	ALLOW(SYS_mremap),
	ALLOW(SYS_mprotect),
	ALLOW(SYS_brk),
	ALLOW(SYS_ppoll),
	ALLOW(SYS_lseek),
	ALLOW(SYS_openat),
	ALLOW(SYS_close),
	ALLOW(SYS_fstat),
	ALLOW(SYS_newfstatat),
	ALLOW(SYS_statx),
	ALLOW(SYS_statfs),
	ALLOW(SYS_fstatfs),
	ALLOW(SYS_faccessat),
	ALLOW(SYS_readlinkat),
	ALLOW(SYS_getdents64),
	ALLOW(SYS_getcwd),
	ALLOW(SYS_fcntl),
	ALLOW(SYS_ioctl),
	ALLOW(SYS_dup),
	ALLOW(SYS_dup3),
	ALLOW(SYS_fallocate),
	ALLOW(SYS_ftruncate),
	ALLOW(SYS_fsync),
	ALLOW(SYS_fdatasync),
	ALLOW(SYS_sync_file_range),
	ALLOW(SYS_fadvise64),
	ALLOW(SYS_splice),
	ALLOW(SYS_rt_sigaction),
	ALLOW(SYS_rt_sigprocmask),
	ALLOW(SYS_rt_sigreturn),
	ALLOW(SYS_sigaltstack),
	ALLOW(SYS_restart_syscall),
	ALLOW(SYS_getpid),
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
	ALLOW(SYS_prctl),
	ALLOW(SYS_execveat),
	ALLOW(SYS_exit),
	ALLOW(SYS_exit_group),
#ifdef __x86_64__
	ALLOW(SYS_open),
	ALLOW(SYS_stat),
	ALLOW(SYS_lstat),
	ALLOW(SYS_access),
	ALLOW(SYS_readlink),
	ALLOW(SYS_poll),
	ALLOW(SYS_arch_prctl),
	ALLOW(SYS_time),
#endif
#ifdef SYS_clone3
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
	FAIL(ENOSYS),
#endif
	/* Its own limits may be read, nobody's limits set: prlimit64(0, r, NULL, ...). */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prlimit64, 0, 8),
	LOAD(AT(args[0])),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 5),
	LOAD(AT(args[2])),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3),
	LOAD(AT(args[2]) + 4),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
	GIVE(SECCOMP_RET_ALLOW),
	FAIL(EPERM),
	/* A thread, never a process. */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
	LOAD(AT(args[0])),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
	GIVE(SECCOMP_RET_ALLOW),
	FAIL(EPERM),
};

int confine_calls(void)
{
	struct sock_fprog program = {
		.len = sizeof(filter) / sizeof(filter[0]),
		.filter = (struct sock_filter *)filter,
	};

	if (ARCH == 0)
		return 0;
	/* EINVAL: a kernel without it. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) && errno != EINVAL)
		return -errno;
	return 0;
}
