/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Flows as lines for a person: what `dpi-xdp flows` prints. Room: agent.
 */
#ifndef AGENT_FLOW_LINES_H
#define AGENT_FLOW_LINES_H

#include "base/text.h"
#include "classify/catalogue.h"
#include "policy/rules.h"
#include "report/connection.h"

void flow_lines_head(struct text *out);
/* One flow; is_verbose: below it what was dropped, how long it has been open, and what it shows. */
void flow_lines_add(struct text *out, const struct connection *c, const struct catalogue *catalogue,
		    const struct rules *rules, bool is_verbose);

#endif
