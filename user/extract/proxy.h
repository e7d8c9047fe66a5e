/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The head that a load balancer puts in front of a connection's own bytes to say who the client is
 * (the PROXY protocol, versions 1 and 2). What matters begins behind it.
 */
#ifndef EXTRACT_PROXY_H
#define EXTRACT_PROXY_H

#include "base/slice.h"

enum proxy_answer {
	PROXY_ABSENT, /* the bytes do not begin with one */
	PROXY_SHORT,  /* they may, but end too early to tell where it ends */
	PROXY_WHOLE,  /* *len is set; for version 2 it may lie past the bytes */
};

enum proxy_answer proxy_head_read(struct slice bytes, size_t *len);

#endif
