/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Counting lines by the second; see event_limit.h. Room: agent.
 */
#include "agent/event_limit.h"

#include <string.h>

/* Normal traffic has none of these; ECH, DNS over TLS and the like it has. */
enum {
	FLAGS_STRANGE = FLOW_AMBIGUOUS | FLOW_ODD_NAME | FLOW_NAMES_FULL | FLOW_NO_NAME |
			FLOW_IP_LITERAL
};

static const char *const names[EVENT_KINDS_MAX] = {
#define X(id, name) name,
	EVENT_KINDS(X)
#undef X
};

const char *event_kind_name(enum event_kind k)
{
	return names[k];
}

static enum event_kind kind_of(const char *type)
{
	enum event_kind k = 0;

	while (k < EVENT_KIND_OWN && strcmp(names[k], type) != 0)
		k++;
	return k;
}

static uint32_t share(const struct event_limit *l, uint32_t most)
{
	return l->sharers > 1 ? (most + l->sharers - 1) / l->sharers : most;
}

static bool count_take(uint32_t *count, uint32_t most)
{
	if (*count >= most)
		return false;
	++*count;
	return true;
}

bool event_limit_take(struct event_limit *l, const struct event *e, const char *type,
		      uint64_t now_ns)
{
	enum event_kind k = kind_of(type);
	bool is_strange = e->flow->flags & FLAGS_STRANGE, may;

	if (now_ns / 1000000000 != l->second) {
		l->second = now_ns / 1000000000;
		memset(l->anomalies, 0, sizeof(l->anomalies));
		memset(l->lines, 0, sizeof(l->lines));
	}
	if (k == EVENT_KIND_ANOMALY && e->flags)
		may = count_take(&l->anomalies[__builtin_ctz(e->flags)],
				 share(l, EVENT_LIMIT_ANOMALY));
	else
		may = count_take(&l->lines[k][is_strange],
				 share(l, is_strange ? EVENT_LIMIT_STRANGE : EVENT_LIMIT_PLAIN));
	l->left_out[k] += !may;
	return may;
}
