/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The applications of this machine, and the list of them: what was seen of each, and the names and
 * categories that a rule may have. Room: control. The engine fills in what it saw; with no agent
 * the list has names alone.
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

struct apps_view {
	bool is_json;
	bool has_names; /* as text: those without a flow are named, by category */
};

/* Writes what was seen of each application, sums[i] being that of number i: as text the largest
 * first, and how many more there are; as JSON all, in the catalogue's order. */
void apps_write(const struct catalogue *c, const struct app_sum *sums, const struct apps_view *view,
		struct text *out);

#endif
