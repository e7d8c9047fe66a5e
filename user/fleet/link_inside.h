/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room fleet: a connection to Redis as link.c and link_open.c share it.
 */
#ifndef FLEET_LINK_INSIDE_H
#define FLEET_LINK_INSIDE_H

#include "fleet/link.h"

struct link {
	int fd, wake_fd;
	redisReader *reader;
	const redisReplyObjectFunctions *plain; /* of the reader */
	redisReplyObjectFunctions bounded;
};

/* Milliseconds of the monotonic clock. */
int64_t link_now_ms(void);
/* Waits for the socket. 0; -ETIMEDOUT; -ECANCELED when all is to end; -errno. */
int link_await(const struct link *l, short events, int64_t until_ms);

#endif
