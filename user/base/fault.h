/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What went wrong, in words for a person: the fault and the next step. Lower floors fill one and
 * return a negative errno; the floor that handles the error prints it, once.
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stddef.h>

struct fault {
	char text[512];
};

/* Sets the text, printf-like, cut at its end. f may be NULL. Returns err, so that callers can
 * write `return fault_set(f, -EINVAL, "...")`. */
int fault_set(struct fault *f, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* What to do next about a file that cannot be opened or written: for want of a right, or of room;
 * else otherwise. err is negative. */
const char *fault_next(int err, const char *otherwise);

#endif
