/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How far away an address is, as its number says: a server elsewhere may lead on to another one
 * elsewhere, but not to what only this machine or its neighbours can reach. Room: fetch.
 */
#ifndef FETCH_REACH_H
#define FETCH_REACH_H

#include <sys/socket.h>

enum reach { REACH_HOST, REACH_LINK, REACH_SITE, REACH_WORLD };

/* Of an address of IPv4 or IPv6; REACH_HOST of any other. */
enum reach reach_of(const struct sockaddr *at);
/* "this machine itself". */
const char *reach_name(enum reach r);

#endif
