/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The porter: who may reach the agent, the stored rules and the fleet for the service. Where
 * `serve` is started by root it is a process of its own, forked before the service becomes nobody:
 * root's user without a capability, with no files but the agent's, no HTTP, and ended when the
 * service is. It opens connections to the agent and hands them over, answers for the stored rules
 * where no agent runs, and holds the fleet's thread. Where another user starts `serve`, that user's
 * own rights are all there is, and the porter is but the fleet's thread. Room: api.
 */
#ifndef API_PORTER_H
#define API_PORTER_H

#include "api/api.h"
#include "fleet/fleet.h"

struct porter;

/* Call while there is one thread; api->paths then leads through it. 0, -EINVAL (the fleet's
 * options) or -errno, with *f. */
int porter_start(struct api *api, struct fault *f);
/* NULL in api->porter is fine. */
void porter_stop(struct api *api);

/* Hangs up (POLLHUP) when the porter's process has ended before its time; -1: there is none. */
int porter_fd(const struct porter *p);

/* False: there is no fleet. Any thread. */
bool porter_fleet_status(struct porter *p, struct fleet_status *out);
void porter_fleet_poke(struct porter *p);

#endif
