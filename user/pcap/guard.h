/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What keeps the process alive when a mapped capture loses bytes: a file that another program cuts
 * short, or a disk that cannot read a page, raises SIGBUS at the first touch. Room: pcap.
 *
 * Signals belong to whoever owns the process, so this room installs nothing: the command owns one
 * guard (all zero at first), gives it to capture_in_map(), and calls capture_guard_catch() from
 * its handler of SIGBUS, which every thread that touches a frame must leave unblocked:
 *
 *	static void on_lost_page(int signo, siginfo_t *info, void *context)
 *	{
 *		if (!capture_guard_catch(&guard, info->si_addr))
 *			signal(SIGBUS, SIG_DFL);	(the touch is made again, and ends it)
 *	}
 *
 * The lost page reads as zeros from then on and its capture is marked, which capture_in_next() and
 * capture_in_check() report. The kernel itself gets no signal: write() of lost bytes fails with
 * EFAULT until somebody has touched them.
 */
#ifndef PCAP_GUARD_H
#define PCAP_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CAPTURE_GUARD_MAX = 64 }; /* mapped captures open at once; more are read instead */

/* One mapping. Written by the capture's owner, read by the handler on any thread: atomic. */
struct capture_guard_range {
	atomic_uintptr_t at; /* 0: the place is free */
	atomic_size_t len;
	atomic_bool is_lost; /* a page of it was */
};

struct capture_guard {
	struct capture_guard_range range[CAPTURE_GUARD_MAX];
};

/* Watches len bytes at a page's start. Returns the place, for reading is_lost; NULL: all taken. */
struct capture_guard_range *capture_guard_add(struct capture_guard *g, const void *at, size_t len);
/* To be called before the mapping is undone. NULL is fine. */
void capture_guard_remove(struct capture_guard_range *range);

/* From a handler of SIGBUS, with si_addr. False: the address is no capture's. */
bool capture_guard_catch(struct capture_guard *g, const void *address);

#endif
