/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The applications of this machine, and the list of them: what was seen of each, and the names of
 * all others that a rule may have; and the categories. Room: control. The engine fills in what it
 * saw; with no agent the list has names alone.
 */
#ifndef CONTROL_APPS_H
#define CONTROL_APPS_H

#include "base/text.h"
#include "classify/catalogue.h"

#define APPS_USER_DIR "/etc/dpi-xdp/apps.d"

/*
 * The applications that the agent and every command know: those of the program and those that users
 * added in APPS_USER_DIR. Gives *out (catalogue_free). 0, or -errno with *f.
 */
int apps_load(struct catalogue **out, struct fault *f);

struct app_sum {
	uint64_t flows, packets, bytes, dropped;
	bool is_blocked;
};

/* Writes every application, sums[i] being that of number i. As text those without a flow are named
 * behind the table; as JSON they are rows of zeros. */
void apps_write(const struct catalogue *c, const struct app_sum *sums, bool is_json,
		struct text *out);

#endif
