/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room base: the words of an error, filled on a low floor and printed on a high one. Never prints.
 */
#include "base/fault.h"

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
