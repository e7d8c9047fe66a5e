/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a service manager is told (sd_notify(3)), when one started the agent: ready, reloading, how
 * things are, and that it is alive. The keeper is the process that the manager knows, and the only
 * one it listens to; the supervisor's words reach it over a socket that the engine never has. So
 * hostile bytes that take the engine over cannot speak for the service. Room: agent.
 */
#ifndef AGENT_NOTIFY_H
#define AGENT_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* The supervisor's end. One process, one thread. */
struct notify {
	int fd;		       /* to the keeper; -1: there is no manager, and nothing is sent */
	uint64_t watchdog_ns;  /* how often a word is due; 0: no watchdog */
	uint64_t last_beat_ns; /* monotonic */
};

/* In the keeper, before the supervisor is forked: makes the socket if the environment names a
 * manager, and reads its watchdog. keeper_fd becomes the keeper's end, or -1. */
void notify_open(struct notify *n, int *keeper_fd);
/* In the keeper: hands on what comes, until the supervisor is gone. Closes fd. */
void notify_relay(int fd);

/* In the supervisor. Never waits: a keeper that is slow loses words, not the supervisor time. */
void notify_say(const struct notify *n, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Rules are being read anew; READY=1 ends it. */
void notify_reloading(const struct notify *n);
/* True when the watchdog is to be fed by now; the time is taken note of. */
bool notify_beat_is_due(struct notify *n, uint64_t now_ns);

#endif
