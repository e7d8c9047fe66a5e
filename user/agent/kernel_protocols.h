/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the kernel must know of rules on protocols and signs (catalogue.h) to decide names by
 * itself. Room: agent.
 */
#ifndef AGENT_KERNEL_PROTOCOLS_H
#define AGENT_KERNEL_PROTOCOLS_H

#include "classify/catalogue.h"
#include "live/maps.h"

/* Works it out for a policy over this catalogue. Returns 0 or -ENOMEM; clear it in either case. */
int kernel_protocols(const struct catalogue *c, const struct policy *p, struct live_protocols *out);
void kernel_protocols_clear(struct live_protocols *p);

#endif
