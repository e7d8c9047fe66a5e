/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the service and its porter may not do once they have begun: files (Landlock), the network
 * (Landlock, where the kernel has it), system calls that neither ever makes (seccomp). Each stands
 * by itself; one that this kernel lacks leaves the others. Room: api. The children that read
 * captures have narrower ones of their own: confine.h.
 */
#ifndef API_BARS_H
#define API_BARS_H

#include <stdbool.h>
#include <stddef.h>

struct bar_place {
	const char *path; /* what is not there needs no place */
	bool is_written;
};

/* Files below these places alone. may_connect: TCP connections can be made (none is ever taken on a
 * port bound later). 0, also where the kernel has no Landlock, or -errno. */
int bars_files(const struct bar_place *places, size_t count, bool may_connect);
/* No bpf, no execve, no process, no tracing, no mount, ...: EPERM. 0 or -errno. */
int bars_calls(void);
/* Closes every descriptor but the first three and this one. */
void bars_descriptors(int keep);

#endif
