/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What other rules would do to the flows of now. Room: agent. The main thread makes the rules ready
 * and lays them down under a number; the clerk takes them up and asks the workers, which judge each
 * open flow by them as they would if they came in force.
 */
#include "agent/engine_gathered.h"

#include <errno.h>
#include <stdlib.h>

int engine_take_supposed(struct engine_state *e, struct slice body, struct fault *f)
{
	struct engine_supposition next = {0}, old, *slot;
	char number[17] = "";
	int err;

	if (body.len < 16)
		return fault_set(f, -EINVAL, "rules without their number");
	memcpy(number, body.at, 16);
	next.number = strtoull(number, NULL, 16);
	err = engine_policy_read(e, slice_from(body, 16), &next.policy, f);
	if (err)
		return err;
	slot = &e->supposed[next.number % ENGINE_SUPPOSED_MAX];
	pthread_mutex_lock(&e->lock);
	old = *slot;
	*slot = next;
	pthread_mutex_unlock(&e->lock);
	policy_free(old.policy); /* whoever asked for those comes too late */
	return 0;
}

/* Takes up what lies under a number; NULL: others took its place. */
static struct policy *supposed_take(struct engine_state *e, uint64_t number)
{
	struct engine_supposition *slot = &e->supposed[number % ENGINE_SUPPOSED_MAX];
	struct policy *policy = NULL;

	pthread_mutex_lock(&e->lock);
	if (slot->number == number) {
		policy = slot->policy;
		slot->policy = NULL;
	}
	pthread_mutex_unlock(&e->lock);
	return policy;
}

int engine_what_if(struct engine_state *e, const struct wire *request, struct text *out)
{
	struct difference_config config = {.catalogue = e->catalogue,
					   .before = policy_rules(e->lent)};
	struct engine_what_if_wish w;
	struct report_style style = {0};
	struct difference *d;
	struct policy *policy;
	struct gathered g;
	int err;

	if (request->out_len != sizeof(w))
		return -EINVAL;
	memcpy(&w, request->out, sizeof(w));
	policy = supposed_take(e, w.number);
	if (!policy)
		return -EAGAIN;
	config.after = policy_rules(policy);
	config.listed_max = w.limit;
	style.is_verbose = w.is_verbose;
	d = difference_new(&config);
	err = d ? engine_gather_supposed(e, &g, policy, d) : -ENOMEM;
	if (!err)
		err = w.is_json ? difference_json(d, out) : difference_text(d, &style, out);
	if (d)
		engine_gathered_clear(&g);
	difference_free(d);
	policy_free(policy);
	return err;
}
