/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The rights and the limits of the analysis of an upload; see confine.h.
 */
#include "api/confine.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/api.h"
#include "base/sanitized.h"
#include "control/privilege.h"

enum { FILES_OPEN = 64, CPU_GRACE_S = 2 };

int confine_process(struct fault *f)
{
	bool is_root = geteuid() == 0;

	/* An ordinary user may have a network of one's own only with a user namespace around it.
	 * Where neither is permitted, the system calls that would reach a network still are not. */
	if (unshare(CLONE_NEWNET) && !is_root)
		(void)unshare(CLONE_NEWUSER | CLONE_NEWNET);
	return privilege_drop(is_root ? SERVICE_USER : NULL, "the analysis of uploads", f);
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

	/* Sanitizers reserve terabytes of addresses, and read of themselves in /proc. */
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
