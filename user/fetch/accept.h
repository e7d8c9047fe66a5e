/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Whether a list that came takes the place of the one that is there. Whoever keeps a list may lose
 * it: one that has lost more than half of its entries at once stays out until a person accepts it.
 * Room: fetch.
 */
#ifndef FETCH_ACCEPT_H
#define FETCH_ACCEPT_H

#include "policy/list.h"

/* old may be NULL. 0; -EPERM with *f, which names the numbers: a person has to say; -ENOMEM. */
int accept_list(const struct list *old, const struct list *new, struct fault *f);

#endif
