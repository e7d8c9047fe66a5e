/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The rights and the limits of the analysis of an upload; see confine.h.
 */
#include "api/confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NOBODY = 65534, FILES_OPEN = 64, CPU_GRACE_S = 2 };

/* The sanitizers reserve terabytes of addresses, and read of themselves in /proc. */
#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

static int capabilities_clear(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

static int user_change(void)
{
	const struct passwd *user = getpwnam("dpi-xdp-api");
	uid_t uid = user ? user->pw_uid : NOBODY;
	gid_t gid = user ? user->pw_gid : NOBODY;

	if (setgroups(0, NULL) || setresgid(gid, gid, gid))
		return -errno;
	/* The bounding set can only be emptied while the capability to do so is there. */
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
		return -errno;
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno != EINVAL)
			return -errno;
	return setresuid(uid, uid, uid) ? -errno : 0;
}

int confine_process(struct fault *f)
{
	int err = 0;

	/* An ordinary user may have a network of one's own only with a user namespace around it.
	 * Where neither is permitted, the system calls that would reach a network still are not. */
	if (unshare(CLONE_NEWNET) && geteuid() != 0)
		(void)unshare(CLONE_NEWUSER | CLONE_NEWNET);
	if (geteuid() == 0)
		err = user_change();
	if (!err)
		err = capabilities_clear();
	if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err = -errno;
	return err ? fault_set(f, err, "the analysis of uploads cannot give up its privileges: %s",
			       strerror(-err))
		   : 0;
}

static int limit(int resource, uint64_t soft, uint64_t hard)
{
	struct rlimit now, to = {.rlim_cur = soft, .rlim_max = hard};

	/* A lower one that was set before stays. */
	if (getrlimit(resource, &now) == 0 && to.rlim_max > now.rlim_max)
		to.rlim_max = now.rlim_max;
	if (to.rlim_cur > to.rlim_max)
		to.rlim_cur = to.rlim_max;
	return setrlimit(resource, &to) ? -errno : 0;
}

int confine_child(const struct confine_limits *limits, int exe_fd, const char *spool_dir)
{
	int err = limit(RLIMIT_CPU, limits->cpu_s, limits->cpu_s + CPU_GRACE_S);

	if (!err && !IS_SANITIZED)
		err = limit(RLIMIT_AS, limits->memory, limits->memory);
	if (!err)
		err = limit(RLIMIT_FSIZE, limits->file, limits->file);
	if (!err)
		err = limit(RLIMIT_NOFILE, FILES_OPEN, FILES_OPEN);
	if (!err)
		err = limit(RLIMIT_CORE, 0, 0);
	if (!err)
		err = limit(RLIMIT_MEMLOCK, 0, 0);
	if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err = -errno;
	if (!err && !IS_SANITIZED)
		err = confine_files(exe_fd, spool_dir);
	if (!err && !IS_SANITIZED)
		err = confine_calls();
	return err;
}
