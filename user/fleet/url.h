/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room fleet: where Redis is, as a person writes it.
 * redis://[[USER]:PASSWORD@]HOST[:PORT][/DB] (RFC 3986; the scheme as registered with IANA), or
 * unix:/PATH[?db=N]. What would be encrypted is refused, never tried in the clear.
 */
#ifndef FLEET_URL_H
#define FLEET_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"

struct redis_url {
	char host[256]; /* a name or an address without brackets; "" for a unix socket */
	char path[104]; /* of a unix socket; "" otherwise */
	uint16_t port;
	unsigned db;
	bool has_password;
	char user[128]; /* "": the server's default user */
	char password[256];
};

/* Fills *out. A password that the URL lacks is taken from the environment (REDISCLI_AUTH), where
 * nobody sees it in a list of processes. 0, or -EINVAL with the fault and the next step in *f. */
int redis_url_parse(const char *text, struct redis_url *out, struct fault *f);
/* Where it leads, without user and password: "host:6379/0", "unix:/run/redis.sock". */
void redis_url_show(const struct redis_url *u, char *out, size_t size);

#endif
