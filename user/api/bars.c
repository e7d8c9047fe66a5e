/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Landlock and seccomp for the service and its porter; see bars.h.
 */
#include "api/bars.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The leak sanitizer looks at its own process as a debugger does. */
#if defined(__SANITIZE_ADDRESS__)
#define IS_TRACED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_TRACED 1
#endif
#endif
#ifndef IS_TRACED
#define IS_TRACED 0
#endif

/* --- files and ports -------------------------------------------------------------------------- */

/* Rights of the first version, up to MAKE_SYM; of the second, REFER; of the third, TRUNCATE; ports
 * came with the fourth. Headers may be older than the kernel. */
#define RIGHTS_FIRST   ((uint64_t)LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1)
#define RIGHT_REFER    ((uint64_t)1 << 13)
#define RIGHT_TRUNCATE ((uint64_t)1 << 14)
#define NET_BIND       ((uint64_t)1)
#define NET_CONNECT    ((uint64_t)2)
#define READ	       (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define OF_FILE                                                         \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
	 LANDLOCK_ACCESS_FS_EXECUTE | RIGHT_TRUNCATE)

struct ruleset {
	uint64_t files, net;
};

static uint64_t rights_of(long version)
{
	uint64_t rights = RIGHTS_FIRST;

	if (version >= 2)
		rights |= RIGHT_REFER;
	if (version >= 3)
		rights |= RIGHT_TRUNCATE;
	return rights;
}

static int allow(int ruleset, const struct bar_place *place, uint64_t all)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = place->is_written ? all & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE
						    : READ,
		.parent_fd = open(place->path, O_PATH | O_CLOEXEC),
	};
	struct stat st;
	int err = 0;

	if (rule.parent_fd < 0)
		return 0;
	if (fstat(rule.parent_fd, &st))
		err = -errno;
	else if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= OF_FILE;
	if (!err && syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
		err = -errno;
	close(rule.parent_fd);
	return err;
}

int bars_files(const struct bar_place *places, size_t count, bool may_connect)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
			       LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset r = {.files = rights_of(version),
			    .net = NET_BIND | (may_connect ? 0 : NET_CONNECT)};
	size_t size = version >= 4 ? sizeof(r) : sizeof(r.files);
	int ruleset, err = 0;

	if (version < 1)
		return 0;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &r, size, 0);
	if (ruleset < 0)
		return -errno;
	for (size_t i = 0; !err && i < count; i++)
		err = allow(ruleset, &places[i], r.files);
	if (!err && IS_TRACED && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0)
		err = allow(ruleset, &(struct bar_place){"/proc", false}, r.files);
	if (!err && syscall(SYS_landlock_restrict_self, ruleset, 0))
		err = -errno;
	close(ruleset);
	return err;
}

/* --- system calls ----------------------------------------------------------------------------- */

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#else
#define ARCH 0 /* no filter: the other bars stand */
#endif

#define LOAD(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, field))
#define FAIL(err) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (err))
#define DENY(nr)  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), FAIL(EPERM)

static const struct sock_filter filter[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	LOAD(nr),
#ifdef __x86_64__
	/* The 32-bit numbers of the same architecture (x32). */
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
	FAIL(EPERM),
	DENY(SYS_fork),
	DENY(SYS_vfork),
	DENY(SYS_chmod),
	DENY(SYS_chown),
	DENY(SYS_mknod),
#endif
	DENY(SYS_bpf),
	DENY(SYS_execve),
	DENY(SYS_execveat),
	DENY(SYS_ptrace),
	DENY(SYS_process_vm_readv),
	DENY(SYS_process_vm_writev),
	DENY(SYS_perf_event_open),
	DENY(SYS_userfaultfd),
	DENY(SYS_io_uring_setup),
	DENY(SYS_io_uring_enter),
	DENY(SYS_io_uring_register),
	DENY(SYS_mount),
	DENY(SYS_umount2),
	DENY(SYS_pivot_root),
	DENY(SYS_chroot),
	DENY(SYS_unshare),
	DENY(SYS_setns),
	DENY(SYS_init_module),
	DENY(SYS_finit_module),
	DENY(SYS_delete_module),
	DENY(SYS_kexec_load),
	DENY(SYS_reboot),
	DENY(SYS_swapon),
	DENY(SYS_swapoff),
	DENY(SYS_settimeofday),
	DENY(SYS_clock_settime),
	DENY(SYS_add_key),
	DENY(SYS_request_key),
	DENY(SYS_keyctl),
	DENY(SYS_open_by_handle_at),
	DENY(SYS_name_to_handle_at),
	DENY(SYS_mknodat),
	DENY(SYS_fchmodat),
	DENY(SYS_fchownat),
	DENY(SYS_setuid),
	DENY(SYS_setgid),
	DENY(SYS_setresuid),
	DENY(SYS_setresgid),
	DENY(SYS_setgroups),
	DENY(SYS_kcmp),
	DENY(SYS_pidfd_getfd),
#ifdef SYS_clone3
	/* Its flags cannot be read here: the C library falls back to clone. */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
	FAIL(ENOSYS),
#endif
	/* A thread, never a process. */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
	LOAD(args[0]),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0),
	FAIL(EPERM),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

int bars_calls(void)
{
	struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]),
				     .filter = (struct sock_filter *)filter};

	if (ARCH == 0 || IS_TRACED)
		return 0;
	/* EINVAL: a kernel without it. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) && errno != EINVAL)
		return -errno;
	return 0;
}

void bars_descriptors(int keep)
{
	if (keep > STDERR_FILENO + 1)
		syscall(SYS_close_range, STDERR_FILENO + 1, keep - 1, 0);
	syscall(SYS_close_range, keep + 1, ~0U, 0);
}
