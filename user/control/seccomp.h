/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a filter of system calls (seccomp(2)) is written with: a table of steps that begins with
 * SECCOMP_BEGIN and ends with a step for all calls that are left. Room: control.
 */
#ifndef CONTROL_SECCOMP_H
#define CONTROL_SECCOMP_H

#include <asm/sockios.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define SECCOMP_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define SECCOMP_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define SECCOMP_ARCH AUDIT_ARCH_RISCV64
#else
#define SECCOMP_ARCH 0 /* no filter: the other bars stand */
#endif

/* One step each: a field to look at; its low half an argument's; an answer. */
#define SECCOMP_LOAD(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, field))
#define SECCOMP_HIGH(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, field) + 4)
#define SECCOMP_GIVE(value) BPF_STMT(BPF_RET | BPF_K, (value))
#define SECCOMP_FAIL(err)   SECCOMP_GIVE(SECCOMP_RET_ERRNO | (err))
/* Jumps over this many steps when what was loaded is the value, and over so many when not. */
#define SECCOMP_IS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))
/* Two steps a call: is it this one? then that. */
#define SECCOMP_ALLOW(nr) SECCOMP_IS((nr), 0, 1), SECCOMP_GIVE(SECCOMP_RET_ALLOW)
#define SECCOMP_DENY(nr)  SECCOMP_IS((nr), 0, 1), SECCOMP_FAIL(EPERM)
/* Four: with this value of an argument's low half alone. */
#define SECCOMP_ALLOW_WITH(nr, arg, value)                                          \
	SECCOMP_IS((nr), 0, 4), SECCOMP_LOAD(args[arg]), SECCOMP_IS((value), 0, 1), \
		SECCOMP_GIVE(SECCOMP_RET_ALLOW), SECCOMP_FAIL(EPERM)
/* Any ioctl but those that type on a terminal, which may be the one that root started this from and
 * goes on with when this is over (ioctl_tty(2)), and any fcntl, but those that have signals sent to
 * another process of the same user (fcntl(2), F_SETOWN). */
#define SECCOMP_ALLOW_IOCTL                                                            \
	SECCOMP_IS(SYS_ioctl, 0, 7), SECCOMP_LOAD(args[1]), SECCOMP_IS(TIOCSTI, 4, 0), \
		SECCOMP_IS(TIOCLINUX, 3, 0), SECCOMP_IS(FIOSETOWN, 2, 0),              \
		SECCOMP_IS(SIOCSPGRP, 1, 0), SECCOMP_GIVE(SECCOMP_RET_ALLOW), SECCOMP_FAIL(EPERM)
#define SECCOMP_ALLOW_FCNTL                                                              \
	SECCOMP_IS(SYS_fcntl, 0, 5), SECCOMP_LOAD(args[1]), SECCOMP_IS(F_SETOWN, 2, 0),  \
		SECCOMP_IS(15 /* F_SETOWN_EX */, 1, 0), SECCOMP_GIVE(SECCOMP_RET_ALLOW), \
		SECCOMP_FAIL(EPERM)

/* Another architecture's numbers mean other calls. */
#define SECCOMP_BEGIN                                       \
	SECCOMP_LOAD(arch), SECCOMP_IS(SECCOMP_ARCH, 1, 0), \
		SECCOMP_GIVE(SECCOMP_RET_KILL_PROCESS), SECCOMP_LOAD(nr)

/* Older calls, which newer architectures do not have. */
#ifdef __x86_64__
#define SECCOMP_AND_OLD                                                                          \
	, SECCOMP_ALLOW(SYS_open), SECCOMP_ALLOW(SYS_stat), SECCOMP_ALLOW(SYS_lstat),            \
		SECCOMP_ALLOW(SYS_access), SECCOMP_ALLOW(SYS_readlink), SECCOMP_ALLOW(SYS_poll), \
		SECCOMP_ALLOW(SYS_arch_prctl), SECCOMP_ALLOW(SYS_time)
#else
#define SECCOMP_AND_OLD
#endif

/* What any program with threads needs to start, to read what it has open and to have memory. */
#define SECCOMP_ALLOW_ORDINARY                                                                     \
	SECCOMP_ALLOW(SYS_read), SECCOMP_ALLOW(SYS_write), SECCOMP_ALLOW(SYS_writev),              \
		SECCOMP_ALLOW(SYS_readv), SECCOMP_ALLOW(SYS_pread64), SECCOMP_ALLOW(SYS_futex),    \
		SECCOMP_ALLOW(SYS_madvise), SECCOMP_ALLOW(SYS_mmap), SECCOMP_ALLOW(SYS_munmap),    \
		SECCOMP_ALLOW(SYS_mremap), SECCOMP_ALLOW(SYS_mprotect), SECCOMP_ALLOW(SYS_brk),    \
		SECCOMP_ALLOW(SYS_ppoll), SECCOMP_ALLOW(SYS_lseek), SECCOMP_ALLOW(SYS_openat),     \
		SECCOMP_ALLOW(SYS_close), SECCOMP_ALLOW(SYS_fstat), SECCOMP_ALLOW(SYS_newfstatat), \
		SECCOMP_ALLOW(SYS_statx), SECCOMP_ALLOW(SYS_statfs), SECCOMP_ALLOW(SYS_fstatfs),   \
		SECCOMP_ALLOW(SYS_faccessat), SECCOMP_ALLOW(SYS_readlinkat),                       \
		SECCOMP_ALLOW(SYS_getdents64), SECCOMP_ALLOW(SYS_getcwd), SECCOMP_ALLOW_FCNTL,     \
		SECCOMP_ALLOW_IOCTL, SECCOMP_ALLOW(SYS_dup), SECCOMP_ALLOW(SYS_dup3),              \
		SECCOMP_ALLOW(SYS_rt_sigaction), SECCOMP_ALLOW(SYS_rt_sigprocmask),                \
		SECCOMP_ALLOW(SYS_rt_sigreturn), SECCOMP_ALLOW(SYS_sigaltstack),                   \
		SECCOMP_ALLOW(SYS_restart_syscall), SECCOMP_ALLOW(SYS_getpid),                     \
		SECCOMP_ALLOW(SYS_gettid), SECCOMP_ALLOW(SYS_getuid), SECCOMP_ALLOW(SYS_geteuid),  \
		SECCOMP_ALLOW(SYS_getgid), SECCOMP_ALLOW(SYS_getegid), SECCOMP_ALLOW(SYS_uname),   \
		SECCOMP_ALLOW(SYS_sysinfo), SECCOMP_ALLOW(SYS_getrandom),                          \
		SECCOMP_ALLOW(SYS_getrusage), SECCOMP_ALLOW(SYS_clock_gettime),                    \
		SECCOMP_ALLOW(SYS_clock_getres), SECCOMP_ALLOW(SYS_clock_nanosleep),               \
		SECCOMP_ALLOW(SYS_nanosleep), SECCOMP_ALLOW(SYS_gettimeofday),                     \
		SECCOMP_ALLOW(SYS_sched_yield), SECCOMP_ALLOW(SYS_sched_getaffinity),              \
		SECCOMP_ALLOW(SYS_getcpu), SECCOMP_ALLOW(SYS_set_robust_list),                     \
		SECCOMP_ALLOW(SYS_set_tid_address), SECCOMP_ALLOW(SYS_rseq),                       \
		SECCOMP_ALLOW(SYS_membarrier), SECCOMP_ALLOW(SYS_exit),                            \
		SECCOMP_ALLOW(SYS_exit_group) SECCOMP_AND_OLD

/* clone3, whose flags a filter cannot read, is not there: the C library calls clone then. */
#ifdef SYS_clone3
#define SECCOMP_NO_CLONE3 SECCOMP_IS(SYS_clone3, 0, 1), SECCOMP_FAIL(ENOSYS),
#else
#define SECCOMP_NO_CLONE3
#endif
/* Goes on behind this when a thread is asked for or it is another call; a process fails. */
#define SECCOMP_THREADS_ALONE                                                 \
	SECCOMP_NO_CLONE3 SECCOMP_IS(SYS_clone, 0, 4), SECCOMP_LOAD(args[0]), \
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),     \
		SECCOMP_GIVE(SECCOMP_RET_ALLOW), SECCOMP_FAIL(EPERM)

/* Puts a filter in force for this process and those it makes. 0, also where the kernel has no such
 * thing, or -errno. */
int seccomp_apply(const struct sock_filter *filter, size_t count);

#endif
