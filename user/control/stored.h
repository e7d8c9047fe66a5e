/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The stored rules as if an agent held them: where none runs, its requests about rules ("change",
 * "rules", "rules-set", "rules-version", "rules-history" and its kin, and those that pause) are
 * answered from the file, in the agent's own words. The next agent puts them in force. Room:
 * control.
 */
#ifndef CONTROL_STORED_H
#define CONTROL_STORED_H

#include <jansson.h>

#include "control/change.h"
#include "control/paths.h"
#include "control/wire.h"

/*
 * Reads a change out of a request:
 * {"kind","allow","remove","force","learnt","device","for","until","when", "values":[]}. The caller
 * frees c->values; all borrow from the request. 0, -EINVAL (no such kind, or no values), or
 * -ENOMEM.
 */
int stored_change_read(const json_t *request, struct change *c);
/* Writes what a change did: its notes, or with is_json {"changed","rules","notes":[lines]}. */
void stored_change_tell(struct slice notes, int changed, size_t rule_count, bool is_json,
			struct text *out);

/* Answers one request (the caller clears *answer). 0; -EOPNOTSUPP: it is not about rules; -errno
 * with *f. A request that is refused is an answer too, with its exit status. */
int stored_request(const struct paths *p, struct slice json, struct slice data, struct wire *answer,
		   struct fault *f);

/* Asks the agent, and where none runs the stored rules. *in_force tells which. As control_request
 * does otherwise. */
int stored_or_agent_request(const struct paths *p, struct slice json, struct slice data,
			    struct wire *answer, bool *in_force, struct fault *f);

#endif
