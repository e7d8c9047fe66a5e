/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Reading a request and refusing it; see asked.h.
 */
#include "agent/asked.h"

#include <errno.h>

const char *asked_text(const struct asked *a, const char *name)
{
	const char *value = json_string_value(json_object_get(a->json, name));

	return value ? value : "";
}

bool asked_flag(const struct asked *a, const char *name)
{
	return json_is_true(json_object_get(a->json, name));
}

static int status_of(int err)
{
	switch (-err) {
	case 0: return DONE;
	case EINVAL: return USAGE;
	case EPERM:
	case EACCES:
	case EBUSY:
	case EOPNOTSUPP:
	case ENODEV: return DENIED;
	case ENOSPC:
	case EROFS:
	case EDQUOT: return OUTPUT;
	default: return FAILED;
	}
}

int asked_refuse(const struct asked *a, int err, const struct fault *f)
{
	text_puts(a->err, f->text[0] ? f->text : strerror(-err));
	text_putc(a->err, '\n');
	return status_of(err);
}
