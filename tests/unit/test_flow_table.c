/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The flow table: bounded, least recently used first, blocked flows last, linear in what is opened.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>
#include "flow/flow_find.h"

enum { S = 1000000000 };

static struct dpi_key key_of(uint32_t n, uint8_t proto)
{
	struct dpi_key k;

	memset(&k, 0, sizeof(k));
	dpi_addr_set4(&k.addr[0], n);
	dpi_addr_set4(&k.addr[1], 0x01010101);
	k.proto = proto;
	dpi_key_order(&k);
	return k;
}

static struct flow *open_flow(struct flow_table *t, uint32_t n, uint8_t proto, uint64_t ts_ns)
{
	struct dpi_key k = key_of(n, proto);

	return flow_table_open(t, &k, dpi_key_hash(&k), ts_ns);
}

static struct flow *find_flow(struct flow_table *t, uint32_t n, uint8_t proto)
{
	struct dpi_key k = key_of(n, proto);

	return flow_table_find(t, &k, dpi_key_hash(&k));
}

static void count_leaving(void *ctx, struct flow *f)
{
	++*(size_t *)ctx;
}

static void full_table_lets_the_oldest_go(void **state)
{
	size_t left = 0;
	struct flow_table *t = flow_table_new(3, 1, count_leaving, &left);

	for (uint32_t i = 0; i < 3; i++)
		open_flow(t, i, 17, i);
	flow_table_touch(t, find_flow(t, 0, 17), 10);
	open_flow(t, 3, 17, 11);
	assert_null(find_flow(t, 1, 17));
	assert_non_null(find_flow(t, 0, 17));
	assert_int_equal(flow_table_count(t), 3);
	assert_int_equal(flow_table_evicted(t), 1);
	assert_int_equal(left, 1);
	flow_table_free(t);
	assert_int_equal(left, 4);
}

/* Each look-up in steps gives what the plain one does, and a warm table is the same table. */
static void steps_find_what_a_look_up_finds(void **state)
{
	struct flow_table *t = flow_table_new(100, 7, NULL, NULL);
	struct dpi_key other;

	for (uint32_t i = 0; i < 50; i++) {
		struct dpi_key k = key_of(i, 17);
		uint64_t hash = flow_table_hash(t, &k, dpi_key_hash(&k));

		flow_table_warm_bucket(t, hash);
		flow_table_warm_flow(t, hash);
		assert_null(flow_table_find_hashed(t, &k, hash));
		assert_non_null(flow_table_open_hashed(t, &k, hash, i));
	}
	for (uint32_t i = 0; i < 50; i++) {
		struct dpi_key k = key_of(i, 17);
		uint64_t hash = flow_table_hash(t, &k, dpi_key_hash(&k));

		flow_table_warm_bucket(t, hash);
		flow_table_warm_flow(t, hash);
		assert_ptr_equal(flow_table_find_hashed(t, &k, hash), find_flow(t, i, 17));
		assert_int_equal(find_flow(t, i, 17)->last_ns, i);
		/* Whatever differs in a key is in its hash. */
		other = k;
		other.port[1] ^= 1;
		assert_int_not_equal(hash, flow_table_hash(t, &other, dpi_key_hash(&k)));
		other = k;
		other.proto ^= 1;
		assert_int_not_equal(hash, flow_table_hash(t, &other, dpi_key_hash(&k)));
		other = k;
		other.addr[0].b[10] ^= 1; /* no longer an IPv4 address in mapped form */
		assert_int_not_equal(hash, flow_table_hash(t, &other, dpi_key_hash(&k)));
	}
	assert_int_equal(flow_table_count(t), 50);
	flow_table_free(t);
}

static void assert_holders(const struct flow_table *t, const uint32_t *expected, size_t count)
{
	const struct flow *f = flow_table_holder(t);

	for (size_t i = 0; i < count; i++, f = flow_table_next_holder(t, f)) {
		assert_non_null(f);
		assert_int_equal(f->last_ns, expected[i]);
	}
	assert_null(f);
}

/* Those that hold memory are walked in the order in which they took it. */
static void holders_are_known(void **state)
{
	struct flow_table *t = flow_table_new(10, 1, NULL, NULL);
	struct flow *f[6];

	for (uint32_t i = 0; i < 6; i++)
		f[i] = open_flow(t, i, 17, i);
	assert_holders(t, NULL, 0);
	for (uint32_t i = 0; i < 5; i++)
		flow_table_hold(t, f[i], 100 + i);
	assert_holders(t, (uint32_t[]){0, 1, 2, 3, 4}, 5);
	flow_table_hold(t, f[1], 7);
	flow_table_hold(t, f[1], 8);
	flow_table_hold(t, f[5], 0);
	assert_holders(t, (uint32_t[]){0, 2, 3, 4, 1}, 5);
	assert_int_equal(f[1]->held, 8);
	flow_table_hold(t, f[3], 0);
	flow_table_close(t, f[0]);
	assert_holders(t, (uint32_t[]){2, 4, 1}, 3);
	flow_table_close(t, f[1]);
	flow_table_hold(t, f[3], 1);
	assert_holders(t, (uint32_t[]){2, 4, 3}, 3);
	flow_table_free(t);
}

static void flood_does_not_wash_verdicts_away(void **state)
{
	struct flow_table *t = flow_table_new(100, 1, NULL, NULL);
	size_t walked = 0;

	for (uint32_t i = 0; i < 50; i++) {
		struct flow *f = open_flow(t, i, 6, i);

		f->is_verdict = true;
		if (i % 2)
			flow_table_touch(t, f, i);
	}
	for (uint32_t i = 1000; i < 11000; i++)
		open_flow(t, i, 6, i);
	for (uint32_t i = 0; i < 50; i++)
		assert_non_null(find_flow(t, i, 6));
	for (const struct flow *f = flow_table_oldest(t); f; f = flow_table_newer(t, f))
		walked++;
	assert_int_equal(walked, 100);
	/* But they, too, are bounded. */
	for (uint32_t i = 20000; i < 20200; i++)
		open_flow(t, i, 6, i)->is_verdict = true;
	assert_int_equal(flow_table_count(t), 100);
	assert_null(find_flow(t, 0, 6));
	assert_non_null(find_flow(t, 20199, 6));
	flow_table_free(t);
}

static const struct {
	const char *proves;
	uint8_t proto;
	bool is_closed, is_verdict;
	uint64_t idle_s;
	bool expect;
} idle_rows[] = {
	{"UDP at 60 s", 17, false, false, 60, false},
	{"UDP past 60 s", 17, false, false, 61, true},
	{"ICMP past 60 s", 1, false, false, 61, true},
	{"open TCP past 60 s", 6, false, false, 61, false},
	{"open TCP past 300 s", 6, false, false, 301, true},
	{"closed TCP past 60 s", 6, true, false, 61, true},
	{"blocked TCP at 60 s", 6, false, true, 60, false},
	{"blocked TCP past 60 s: it may send again what was dropped", 6, false, true, 61, false},
	{"blocked TCP past 300 s", 6, false, true, 301, true},
	{"blocked UDP past 60 s", 17, false, true, 61, true},
};

static void idle_flows_leave(void **state)
{
	for (size_t i = 0; i < sizeof(idle_rows) / sizeof(idle_rows[0]); i++) {
		struct flow_table *t = flow_table_new(8, 1, NULL, NULL);
		struct flow *f = open_flow(t, 1, idle_rows[i].proto, 5ULL * S);

		print_message("%s\n", idle_rows[i].proves);
		f->is_closed = idle_rows[i].is_closed;
		f->is_verdict = idle_rows[i].is_verdict;
		assert_false(flow_is_idle(f, 0));
		assert_int_equal(flow_is_idle(f, (5 + idle_rows[i].idle_s) * S),
				 idle_rows[i].expect);
		assert_int_equal(flow_table_expire(t, (5 + idle_rows[i].idle_s) * S, 8),
				 idle_rows[i].expect);
		assert_int_equal(flow_table_count(t), !idle_rows[i].expect);
		flow_table_free(t);
	}
}

static void expiry_looks_at_no_more_than_told(void **state)
{
	struct flow_table *t = flow_table_new(100, 1, NULL, NULL);

	for (uint32_t i = 0; i < 100; i++)
		open_flow(t, i, 17, 1);
	assert_true(flow_table_expire(t, 100ULL * S, 10) <= 10);
	assert_true(flow_table_count(t) >= 90);
	flow_table_free(t);
}

static void names_are_kept_once(void **state)
{
	struct flow_table *t = flow_table_new(1, 1, NULL, NULL);
	struct flow *f = open_flow(t, 1, 6, 1);
	struct name n;

	name_set(&n, slice_text("a.example"));
	assert_int_equal(flow_add_name(f, PROTO_TLS, &n), 1);
	assert_int_equal(flow_add_name(f, PROTO_TLS, &n), 0);
	assert_int_equal(flow_add_name(f, PROTO_HTTP, &n), 1);
	assert_string_equal(f->names->text, "a.example");
	for (int i = 0; i < FLOW_NAMES_MAX; i++) {
		n.text[0] = (char)i;
		flow_add_name(f, PROTO_DNS, &n);
	}
	assert_int_equal(f->name_count, FLOW_NAMES_MAX);
	assert_true(f->flags & FLOW_NAMES_FULL);
	n.text[1] = 'b';
	assert_int_equal(flow_add_name(f, PROTO_DNS, &n), -ENOSPC);
	flow_table_free(t);
}

static void a_million_opens_are_linear(void **state)
{
	struct flow_table *t = flow_table_new(65536, 99, NULL, NULL);
	clock_t start = clock();

	for (uint32_t i = 0; i < 1000000; i++)
		assert_non_null(open_flow(t, i, 6, i));
	assert_int_equal(flow_table_count(t), 65536);
	assert_int_equal(flow_table_evicted(t), 1000000 - 65536);
	assert_non_null(find_flow(t, 999999, 6));
	assert_null(find_flow(t, 1000000 - 65537, 6));
	/* Well under a second; a scan of the table at each would be an hour. */
	assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 30);
	flow_table_free(t);
}

/* Some flows come and go between the steps of a walk; all that stay are met once. */
static void a_walk_in_parts_meets_all_that_stay(void **state)
{
	struct flow_table *t = flow_table_new(5000, 7, NULL, NULL);
	static int met[6000];
	uint32_t at = 0, opened = 1000;
	struct flow *f;

	memset(met, 0, sizeof(met));
	assert_null(flow_table_walk(t, &at));
	for (uint32_t i = 0; i < 1000; i++)
		open_flow(t, i, 6, i);
	for (uint32_t i = 0; i < 1000; i += 3)
		flow_table_close(t, find_flow(t, i, 6));
	for (at = 0; (f = flow_table_walk(t, &at));) {
		met[f->first_ns]++;
		/* Every other one that was met leaves; others come. */
		if (f->first_ns % 2)
			flow_table_close(t, f);
		else if (opened < 3000)
			open_flow(t, opened, 6, opened), opened++;
	}
	for (uint32_t i = 1; i < 1000; i++)
		assert_int_equal(met[i], i % 3 != 0);
	for (uint32_t i = 1000; i < opened; i++)
		assert_true(met[i] <= 1);
	flow_table_free(t);
}

static struct flow *open_udp(struct flow_table *t, uint32_t n, uint16_t port)
{
	struct dpi_key k = key_of(n, DPI_IP_UDP);

	k.port[n % 2] = dpi_be16(port);
	return flow_table_open(t, &k, dpi_key_hash(&k), n);
}

/* Flows of both kinds stand in one table, and a short one keeps a hello as well. */
static void short_flows_are_flows(void **state)
{
	static const char ja4[] = "q13d0312h3_55b375c5d22e_06cda9e17597";
	static const uint16_t port[] = {443, 53, 5353, 4433, 5355, 123, 137};
	enum { PORTS = sizeof(port) / sizeof(port[0]), FLOWS = 200 * PORTS };
	size_t left = 0, met = 0, short_count = 0, place = 0;
	struct flow_table *t = flow_table_new(FLOWS, 5, count_leaving, &left);
	uint32_t at = 0;
	struct flow *f;

	for (uint32_t i = 0; i < FLOWS; i++) {
		f = open_udp(t, i, port[i % PORTS]);
		assert_string_equal(flow_ja4(f), "");
		flow_keep_ja4(f, i % 3 ? ja4 : "q13d0312h3_000000000000_06cda9e17597");
		flow_keep_ja4(f, ja4);
	}
	for (f = flow_table_oldest(t); f; f = flow_table_newer(t, f), place++) {
		assert_int_equal(f->first_ns, place);
		assert_ptr_equal(flow_table_find(t, &f->key, dpi_key_hash(&f->key)), f);
		assert_int_equal(strcmp(flow_ja4(f), ja4) == 0, place % 3 != 0);
		assert_int_equal(strlen(flow_ja4(f)), FLOW_JA4_LEN);
		short_count += !!(f->number & FLOW_NUMBER_SHORT);
	}
	assert_int_equal(place, FLOWS);
	assert_int_equal(short_count, FLOWS / PORTS * (PORTS - 2));
	while ((f = flow_table_walk(t, &at))) {
		met++;
		if (f->first_ns % 2)
			flow_table_close(t, f);
	}
	assert_int_equal(met, FLOWS);
	assert_int_equal(left, FLOWS / 2);
	assert_int_equal(flow_table_count(t), FLOWS / 2);
	flow_table_free(t);
	assert_int_equal(left, FLOWS);
}

/* However many, one more at a time, and whichever end's budget ends; runs beside them. */
static void ids_and_runs_stay_with_their_flow(void **state)
{
	struct flow_table *t = flow_table_new(10, 1, NULL, NULL);

	for (uint32_t n = 0; n < 3; n++) {
		struct flow *f = open_flow(t, n, 17, n);
		struct ids ids = {.count = 0};

		assert_null(flow_ids(f));
		for (uint8_t i = 0; i < IDS_KEPT; i++) {
			uint8_t id[4] = {(uint8_t)n, i, 2, 3};

			ids_keep(&ids, i, slice_of(id, sizeof(id)));
			flow_keep_ids(f, &ids);
			assert_int_equal(flow_ids(f)->count, i + 1);
			assert_memory_equal(flow_ids(f), &ids, ids_size(&ids));
			if (i < 40) {
				struct flow_run *run;

				flow_side_open(f, i % 2);
				run = flow_run_open(f, i % 2, i);
				stream_set_isn(&run->stream, 0);
				stream_add(&run->stream, 1, slice_of(id, sizeof(id)));
			}
		}
		for (uint8_t i = 0; i < 40; i++) {
			const struct flow_run *run = &f->side[i % 2]->run[i / 2];

			assert_int_equal(run->id, i);
			assert_int_equal(stream_view(&run->stream, 0).len, 4);
			assert_int_equal(stream_view(&run->stream, 0).at[1], i);
		}
		flow_side_clear(f->side[f->opener]);
		assert_int_equal(f->side[f->opener]->run_count, 0);
		assert_memory_equal(flow_ids(f), &ids, ids_size(&ids));
		if (n == 0)
			continue; /* it goes with its table */
		flow_settle(f);
		assert_null(flow_ids(f));
		if (n == 2)
			flow_table_close(t, f);
	}
	flow_table_free(t);
}

static void states_and_flags_have_names(void **state)
{
	for (int s = 0; s < FLOW_STATES; s++)
		assert_non_null(flow_state_name(s));
	for (unsigned f = FLOW_NO_NAME; f <= FLOW_ADOPTED; f <<= 1)
		assert_non_null(flow_flag_name(f));
	assert_null(flow_state_name(FLOW_STATES));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_table_lets_the_oldest_go),
		cmocka_unit_test(steps_find_what_a_look_up_finds),
		cmocka_unit_test(holders_are_known),
		cmocka_unit_test(flood_does_not_wash_verdicts_away),
		cmocka_unit_test(idle_flows_leave),
		cmocka_unit_test(expiry_looks_at_no_more_than_told),
		cmocka_unit_test(names_are_kept_once),
		cmocka_unit_test(a_million_opens_are_linear),
		cmocka_unit_test(a_walk_in_parts_meets_all_that_stay),
		cmocka_unit_test(short_flows_are_flows),
		cmocka_unit_test(ids_and_runs_stay_with_their_flow),
		cmocka_unit_test(states_and_flags_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
