/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the analysis of an uploaded capture may not do: bytes of strangers are parsed there. Room:
 * api. Each bar stands by itself, so one that this kernel does not have leaves the others; the
 * rights of a user and the limits always hold.
 */
#ifndef API_CONFINE_H
#define API_CONFINE_H

#include <stdint.h>

#include "base/fault.h"

/*
 * For the launcher, once: a network namespace with nothing in it (where permitted), the user
 * dpi-xdp-api (nobody where there is none) if this is root, no capability, no way to get one.
 * 0 or -errno with *f.
 */
int confine_process(struct fault *f);

struct confine_limits {
	uint64_t cpu_s;	 /* processor seconds, of all threads together */
	uint64_t memory; /* bytes of address space */
	uint64_t file;	 /* bytes a file may grow to */
};

/*
 * For a child that is about to execute exe_fd: limits, files (Landlock: the program, the system's
 * libraries, files without a name in spool_dir), system calls (seccomp). Between fork and exec:
 * allocates nothing. 0 or -errno.
 */
int confine_child(const struct confine_limits *limits, int exe_fd, const char *spool_dir);

/* confine_files.c, confine_calls.c: 0, also where the kernel has no such thing, or -errno. */
int confine_files(int exe_fd, const char *spool_dir);
int confine_calls(void);

#endif
