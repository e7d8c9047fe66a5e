/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Bytes into a descriptor; see write_all.h.
 */
#include "base/write_all.h"

#include <errno.h>
#include <unistd.h>

int write_all(int fd, struct slice s)
{
	while (s.len) {
		ssize_t n = write(fd, s.at, s.len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			s = slice_from(s, (size_t)n);
	}
	return 0;
}
