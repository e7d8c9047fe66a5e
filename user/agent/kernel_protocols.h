/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the kernel must know of rules on protocols and signs (catalogue.h) to decide names by
 * itself. Room: agent.
 */
#ifndef AGENT_KERNEL_PROTOCOLS_H
#define AGENT_KERNEL_PROTOCOLS_H

#include "classify/catalogue.h"
#include "live/maps.h"

/* Works it out for a policy over this catalogue. */
struct live_protocols kernel_protocols(const struct catalogue *c, const struct policy *p);

#endif
