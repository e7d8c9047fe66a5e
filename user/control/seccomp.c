/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A filter of system calls in force; see seccomp.h.
 */
#include "control/seccomp.h"

#include <sys/prctl.h>

int seccomp_apply(const struct sock_filter *filter, size_t count)
{
	struct sock_fprog program = {
		.len = (unsigned short)count,
		.filter = (struct sock_filter *)filter,
	};

	/* EINVAL: a kernel without it. */
	if (SECCOMP_ARCH && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) && errno != EINVAL)
		return -errno;
	return 0;
}
