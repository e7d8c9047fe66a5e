/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which system calls the analysis of an upload may make, by a seccomp filter (seccomp(2)); see
 * confine.h. The list is what a program with threads needs to start, to read its descriptors and to
 * have memory: no socket, no signal to another process, no bpf, no tracing. All else fails with
 * EPERM.
 */
#include "api/confine.h"

#include "control/seccomp.h"

static const struct sock_filter filter[] = {
	SECCOMP_BEGIN,
	SECCOMP_ALLOW_ORDINARY,
	SECCOMP_ALLOW(SYS_pwrite64),
	SECCOMP_ALLOW(SYS_fallocate),
	SECCOMP_ALLOW(SYS_ftruncate),
	SECCOMP_ALLOW(SYS_fsync),
	SECCOMP_ALLOW(SYS_fdatasync),
	SECCOMP_ALLOW(SYS_sync_file_range),
	SECCOMP_ALLOW(SYS_fadvise64),
	SECCOMP_ALLOW(SYS_splice),
	SECCOMP_ALLOW(SYS_prctl),
	SECCOMP_ALLOW(SYS_execveat),
	SECCOMP_THREADS_ALONE,
	/* Its own limits may be read, nobody's limits set: prlimit64(0, r, NULL, ...). */
	SECCOMP_IS(SYS_prlimit64, 0, 7),
	SECCOMP_LOAD(args[0]),
	SECCOMP_IS(0, 0, 5),
	SECCOMP_LOAD(args[2]),
	SECCOMP_IS(0, 0, 3),
	SECCOMP_HIGH(args[2]),
	SECCOMP_IS(0, 0, 1),
	SECCOMP_GIVE(SECCOMP_RET_ALLOW),
	SECCOMP_FAIL(EPERM),
};

int confine_calls(void)
{
	return seccomp_apply(filter, sizeof(filter) / sizeof(filter[0]));
}
