/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Giving up every privilege, before the first byte of a stranger is parsed. Room: control.
 */
#ifndef CONTROL_PRIVILEGE_H
#define CONTROL_PRIVILEGE_H

#include "base/fault.h"

/*
 * Becomes this user (nobody where there is none; NULL: stays who it is), without groups,
 * capabilities or a way to get any back. What a user who is not root keeps is the user alone. 0 or
 * -errno with *f, which names who.
 */
int privilege_drop(const char *user, const char *who, struct fault *f);

#endif
