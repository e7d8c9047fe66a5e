/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The bound on event lines: so many a second of each kind and no more, strange flows apart from
 * others, workers with their share; and each line is either let through or counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/event_limit.h"

enum { OFFERED = 30000 };
#define SECOND 1000000000ULL

struct row {
	const char *name, *type;
	uint32_t anomaly, flow_flags;
	unsigned sharers, let;
	enum event_kind kind;
};

static const struct row rows[] = {
	{"plain names", "tls", 0, 0, 1, EVENT_LIMIT_PLAIN, EVENT_KIND_TLS},
	{"plain ends of flows", "flow", 0, 0, 1, EVENT_LIMIT_PLAIN, EVENT_KIND_FLOW},
	{"ECH is not strange", "tls", 0, FLOW_ECH, 1, EVENT_LIMIT_PLAIN, EVENT_KIND_TLS},
	{"strange names", "http", 0, FLOW_ODD_NAME, 1, EVENT_LIMIT_STRANGE, EVENT_KIND_HTTP},
	{"verdicts on strange flows", "drop", 0, FLOW_AMBIGUOUS, 1, EVENT_LIMIT_STRANGE,
	 EVENT_KIND_DROP},
	{"an anomaly", "anomaly", FLOW_ODD_NAME, FLOW_ODD_NAME, 1, EVENT_LIMIT_ANOMALY,
	 EVENT_KIND_ANOMALY},
	{"a share of it", "anomaly", FLOW_ECH, FLOW_ECH, 3, 34, EVENT_KIND_ANOMALY},
	{"a type of our own", "dpi_xdp", 0, 0, 4, EVENT_LIMIT_PLAIN / 4, EVENT_KIND_OWN},
};

static void bounds_hold(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct event_limit l = {.sharers = r->sharers};
		struct flow flow = {.flags = r->flow_flags};
		struct event e = {.flow = &flow, .flags = r->anomaly};

		for (uint64_t second = 1; second <= 3; second++) {
			unsigned let = 0;

			for (unsigned n = 0; n < OFFERED; n++)
				let += event_limit_take(&l, &e, r->type, second * SECOND + n);
			if (let != r->let || l.left_out[r->kind] != second * (OFFERED - r->let))
				fail_msg("%s: %u let through", r->name, let);
		}
	}
}

/* A flood that lasts is told of less: seconds' worth of a minute, and the next minute again. */
static void minutes_hold(void **state)
{
	struct event_limit l = {.sharers = 1};
	struct flow odd = {.flags = FLOW_ODD_NAME}, plain = {0};
	struct event e = {.flow = &odd, .flags = FLOW_ODD_NAME}, p = {.flow = &plain};
	uint64_t anomalies = 0, strange = 0, ordinary = 0;

	for (uint64_t ms = 120000; ms < 240000; ms++) {
		anomalies += event_limit_take(&l, &e, "anomaly", ms * 1000000);
		strange += event_limit_take(&l, &e, "flow", ms * 1000000);
		ordinary += event_limit_take(&l, &p, "flow", ms * 1000000);
	}
	assert_int_equal(anomalies, 2 * EVENT_LIMIT_ANOMALY * EVENT_LIMIT_SECONDS);
	assert_int_equal(strange, 2 * EVENT_LIMIT_STRANGE * EVENT_LIMIT_SECONDS);
	assert_int_equal(ordinary, 120000);
}

/* One kind does not use up what another one has. */
static void kinds_are_apart(void **state)
{
	struct event_limit l = {.sharers = 1};
	struct flow odd = {.flags = FLOW_ODD_NAME}, plain = {0};
	struct event e = {.flow = &odd, .flags = FLOW_ODD_NAME};

	for (unsigned n = 0; n < OFFERED; n++)
		event_limit_take(&l, &e, "anomaly", SECOND);
	e.flags = FLOW_NO_NAME;
	assert_true(event_limit_take(&l, &e, "anomaly", SECOND));
	assert_true(event_limit_take(&l, &e, "tls", SECOND));
	for (unsigned n = 0; n < OFFERED; n++)
		event_limit_take(&l, &e, "tls", SECOND);
	e.flow = &plain;
	assert_true(event_limit_take(&l, &e, "tls", SECOND));
	assert_true(event_limit_take(&l, &e, "flow", SECOND));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds_hold),
		cmocka_unit_test(minutes_hold),
		cmocka_unit_test(kinds_are_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
