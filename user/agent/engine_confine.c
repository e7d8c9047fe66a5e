/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which system calls the engine may make: what threads need, its own descriptors, and of bpf(2) the
 * elements of the maps that it was born with. It reads bytes that anybody may send: whoever finds a
 * way into it reaches no network, no program and no other process. Room: agent.
 */
#include "agent/engine_process.h"

#include <linux/bpf.h>

#include "base/sanitized.h"
#include "control/seccomp.h"

static const struct sock_filter filter[] = {
	SECCOMP_BEGIN,
	/* First, for they come with every frame. */
	SECCOMP_IS(SYS_bpf, 0, 11),
	SECCOMP_LOAD(args[0]),
	SECCOMP_IS(BPF_MAP_LOOKUP_ELEM, 8, 0),
	SECCOMP_IS(BPF_MAP_UPDATE_ELEM, 7, 0),
	SECCOMP_IS(BPF_MAP_DELETE_ELEM, 6, 0),
	SECCOMP_IS(BPF_MAP_GET_NEXT_KEY, 5, 0),
	SECCOMP_IS(BPF_OBJ_GET_INFO_BY_FD, 4, 0),
	SECCOMP_IS(BPF_MAP_LOOKUP_BATCH, 3, 0),
	SECCOMP_IS(BPF_MAP_UPDATE_BATCH, 2, 0),
	SECCOMP_IS(BPF_MAP_DELETE_BATCH, 1, 0),
	SECCOMP_FAIL(EPERM),
	SECCOMP_GIVE(SECCOMP_RET_ALLOW),
	SECCOMP_ALLOW(SYS_epoll_ctl),
	SECCOMP_ALLOW(SYS_epoll_pwait),
	SECCOMP_ALLOW(SYS_epoll_create1),
#ifdef __x86_64__
	SECCOMP_ALLOW(SYS_epoll_wait),
#endif
	SECCOMP_ALLOW_ORDINARY,
	/* The supervisor's sockets, and those of who asks, which it hands over. */
	SECCOMP_ALLOW(SYS_sendmsg),
	SECCOMP_ALLOW(SYS_recvmsg),
	SECCOMP_ALLOW(SYS_sendto),
	SECCOMP_ALLOW(SYS_recvfrom),
	SECCOMP_ALLOW(SYS_setsockopt),
	SECCOMP_ALLOW(SYS_getsockopt),
	SECCOMP_ALLOW(SYS_shutdown),
	SECCOMP_ALLOW(SYS_eventfd2),
	SECCOMP_ALLOW(SYS_prctl),
	/* The clerk gives the workers their turn. */
	SECCOMP_ALLOW(SYS_sched_setscheduler),
	SECCOMP_ALLOW(SYS_sched_getscheduler),
	SECCOMP_ALLOW(SYS_sched_getparam),
	SECCOMP_ALLOW(SYS_setpriority),
	SECCOMP_THREADS_ALONE,
	SECCOMP_FAIL(EPERM),
};

int engine_confine(void)
{
	return IS_SANITIZED ? 0 : seccomp_apply(filter, sizeof(filter) / sizeof(filter[0]));
}
