/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Landlock and seccomp for the service and its porter; see bars.h.
 */
#include "api/bars.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sanitized.h"
#include "control/seccomp.h"

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
	if (!err && IS_SANITIZED && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0)
		err = allow(ruleset, &(struct bar_place){"/proc", false}, r.files);
	if (!err && syscall(SYS_landlock_restrict_self, ruleset, 0))
		err = -errno;
	close(ruleset);
	return err;
}

/* --- system calls ----------------------------------------------------------------------------- */

static const struct sock_filter filter[] = {
	SECCOMP_BEGIN,
#ifdef __x86_64__
	/* The 32-bit numbers of the same architecture (x32). */
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
	SECCOMP_FAIL(EPERM),
	SECCOMP_DENY(SYS_fork),
	SECCOMP_DENY(SYS_vfork),
	SECCOMP_DENY(SYS_chmod),
	SECCOMP_DENY(SYS_chown),
	SECCOMP_DENY(SYS_mknod),
#endif
	SECCOMP_DENY(SYS_bpf),
	SECCOMP_DENY(SYS_execve),
	SECCOMP_DENY(SYS_execveat),
	SECCOMP_DENY(SYS_ptrace),
	SECCOMP_DENY(SYS_process_vm_readv),
	SECCOMP_DENY(SYS_process_vm_writev),
	SECCOMP_DENY(SYS_perf_event_open),
	SECCOMP_DENY(SYS_userfaultfd),
	SECCOMP_DENY(SYS_io_uring_setup),
	SECCOMP_DENY(SYS_io_uring_enter),
	SECCOMP_DENY(SYS_io_uring_register),
	SECCOMP_DENY(SYS_mount),
	SECCOMP_DENY(SYS_umount2),
	SECCOMP_DENY(SYS_pivot_root),
	SECCOMP_DENY(SYS_chroot),
	SECCOMP_DENY(SYS_unshare),
	SECCOMP_DENY(SYS_setns),
	SECCOMP_DENY(SYS_init_module),
	SECCOMP_DENY(SYS_finit_module),
	SECCOMP_DENY(SYS_delete_module),
	SECCOMP_DENY(SYS_kexec_load),
	SECCOMP_DENY(SYS_reboot),
	SECCOMP_DENY(SYS_swapon),
	SECCOMP_DENY(SYS_swapoff),
	SECCOMP_DENY(SYS_settimeofday),
	SECCOMP_DENY(SYS_clock_settime),
	SECCOMP_DENY(SYS_add_key),
	SECCOMP_DENY(SYS_request_key),
	SECCOMP_DENY(SYS_keyctl),
	SECCOMP_DENY(SYS_open_by_handle_at),
	SECCOMP_DENY(SYS_name_to_handle_at),
	SECCOMP_DENY(SYS_mknodat),
	SECCOMP_DENY(SYS_fchmodat),
	SECCOMP_DENY(SYS_fchownat),
	SECCOMP_DENY(SYS_setuid),
	SECCOMP_DENY(SYS_setgid),
	SECCOMP_DENY(SYS_setresuid),
	SECCOMP_DENY(SYS_setresgid),
	SECCOMP_DENY(SYS_setgroups),
	SECCOMP_DENY(SYS_kcmp),
	SECCOMP_DENY(SYS_pidfd_getfd),
	/* Where no users were made for them the engine is nobody too, and root's porter is root's
	 * user: what the user alone decides on, other processes are spared here. */
	SECCOMP_DENY(SYS_kill),
	SECCOMP_DENY(SYS_tkill),
	SECCOMP_DENY(SYS_tgkill),
	SECCOMP_DENY(SYS_rt_sigqueueinfo),
	SECCOMP_DENY(SYS_rt_tgsigqueueinfo),
	SECCOMP_DENY(SYS_pidfd_send_signal),
	SECCOMP_DENY(SYS_setpriority),
	SECCOMP_DENY(SYS_ioprio_set),
	SECCOMP_DENY(SYS_sched_setaffinity),
	SECCOMP_DENY(SYS_sched_setscheduler),
	SECCOMP_DENY(SYS_sched_setparam),
	SECCOMP_DENY(SYS_sched_setattr),
	SECCOMP_ALLOW_WITH(SYS_prlimit64, 0, 0),
	SECCOMP_ALLOW_IOCTL,
	SECCOMP_ALLOW_FCNTL,
	SECCOMP_THREADS_ALONE,
	SECCOMP_GIVE(SECCOMP_RET_ALLOW),
};

int bars_calls(void)
{
	return IS_SANITIZED ? 0 : seccomp_apply(filter, sizeof(filter) / sizeof(filter[0]));
}

void bars_descriptors(int keep)
{
	if (keep > STDERR_FILENO + 1)
		syscall(SYS_close_range, STDERR_FILENO + 1, keep - 1, 0);
	syscall(SYS_close_range, keep + 1, ~0U, 0);
}
