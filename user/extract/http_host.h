/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which host the value of a Host field or the target of a request is about.
 */
#ifndef EXTRACT_HTTP_HOST_H
#define EXTRACT_HTTP_HOST_H

#include "extract/clue.h"

/* Adds the host of userinfo@host:port (RFC 3986 3.2); brackets around an IPv6 address go. */
void http_host_add(struct clue *clue, struct slice authority);

/* The authority of an absolute target, "scheme://authority/..."; empty when it is not absolute. */
struct slice http_host_of_target(struct slice target);

#endif
