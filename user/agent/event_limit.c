/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Counting lines by the second; see event_limit.h. Room: agent.
 */
#include "agent/event_limit.h"

#include <stddef.h>
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

static bool count_take(struct event_count *count, uint32_t most, uint32_t most_a_minute)
{
	if (count->second >= most || count->minute >= most_a_minute)
		return false;
	count->second++;
	count->minute++;
	return true;
}

static void counts_clear(struct event_count *count, size_t n, bool is_minute)
{
	for (size_t i = 0; i < n; i++) {
		count[i].second = 0;
		if (is_minute)
			count[i].minute = 0;
	}
}

static void second_begin(struct event_limit *l, uint64_t second)
{
	bool is_minute = second / 60 != l->second / 60;

	if (second == l->second)
		return;
	l->second = second;
	counts_clear(l->anomalies, sizeof(l->anomalies) / sizeof(l->anomalies[0]), is_minute);
	counts_clear(l->strange, EVENT_KINDS_MAX, is_minute);
	counts_clear(l->plain, EVENT_KINDS_MAX, is_minute);
}

bool event_limit_take(struct event_limit *l, const struct event *e, const char *type,
		      uint64_t now_ns)
{
	enum event_kind k = kind_of(type);
	struct event_count *count = &l->plain[k];
	uint32_t most = EVENT_LIMIT_PLAIN, seconds = 60;
	bool may;

	second_begin(l, now_ns / 1000000000);
	if (k == EVENT_KIND_ANOMALY && e->flags) {
		count = &l->anomalies[__builtin_ctz(e->flags)];
		most = EVENT_LIMIT_ANOMALY;
		seconds = EVENT_LIMIT_SECONDS;
	} else if (e->flow->flags & FLAGS_STRANGE) {
		count = &l->strange[k];
		most = EVENT_LIMIT_STRANGE;
		seconds = EVENT_LIMIT_SECONDS;
	}
	may = count_take(count, share(l, most), share(l, most) * seconds);
	l->left_out[k] += !may;
	return may;
}
