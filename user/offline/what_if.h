/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What other rules would make of a capture: it takes the road twice, and the connections of both
 * runs are laid beside each other. Room: offline. Nothing is written.
 */
#ifndef OFFLINE_WHAT_IF_H
#define OFFLINE_WHAT_IF_H

#include "offline/offline.h"
#include "report/difference.h"

/*
 * Runs config (its policy and outputs are of no matter) under each of the policies and adds every
 * connection to *d. *end tells how far the capture could be read, with why in *f when that was not
 * to its end. 0, or what offline_run() returned with *f, or -ENOMEM.
 */
int offline_what_if(const struct offline_config *config, const struct policy *before,
		    const struct policy *after, struct difference *d, enum offline_end *end,
		    struct fault *f);

#endif
