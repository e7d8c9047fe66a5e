/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Giving up every privilege, before the first hostile byte is parsed.
 */
#ifndef AGENT_PRIVILEGE_H
#define AGENT_PRIVILEGE_H

#include "base/fault.h"

/*
 * Becomes the user dpi-xdp (nobody where there is none), without groups, capabilities or a way to
 * get any back; dies with the parent process. 0 or -errno with *f.
 */
int privilege_drop(struct fault *f);

#endif
