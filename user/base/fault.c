/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room base: the words of an error, filled on a low floor and printed on a high one. Never prints.
 */
#include "base/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int fault_set(struct fault *f, int err, const char *format, ...)
{
	va_list args;

	if (!f)
		return err;
	va_start(args, format);
	if (vsnprintf(f->text, sizeof(f->text), format, args) < 0)
		f->text[0] = '\0';
	va_end(args);
	return err;
}

const char *fault_next(int err, const char *otherwise)
{
	switch (-err) {
	case EACCES:
	case EPERM: return "run as one who may, such as root";
	case ENOSPC:
	case EDQUOT: return "make room on that disk";
	default: return otherwise;
	}
}
