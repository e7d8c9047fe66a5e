/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Filter expressions: which frames match, of which link type, and what is said of a bad one.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "pcap/filter.h"

/* clang-format off */
#define IP_UDP_53 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, \
	0x12, 0x34, 0, 53, 0, 8, 0, 0
static const uint8_t ethernet[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, IP_UDP_53};
static const uint8_t raw[] = {IP_UDP_53};
static const uint8_t cooked[] = {0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0, IP_UDP_53};
/* clang-format on */

enum { ETHERNET = 1, RAW_IP = 101, COOKED = 113, UNKNOWN = 147 };

static struct capture_record record(uint16_t linktype, const uint8_t *bytes, size_t len)
{
	return (struct capture_record){
		.is_frame = true,
		.linktype = linktype,
		.frame = {.wire_len = (uint32_t)len, .bytes = slice_of(bytes, len)},
	};
}

/* The same question of each link type by its own program, in turn. */
static void each_link_type_has_its_program(void **state)
{
	static const struct {
		const char *expression;
		bool matches[3]; /* Ethernet, raw IP, cooked */
	} cases[] = {
		{"udp port 53", {true, true, true}},
		{"tcp", {false, false, false}},
		{"not tcp and src host 10.0.0.1 and greater 28", {true, true, true}},
		{"greater 42", {true, false, true}},
		{"len = 44", {false, false, true}},
		{"ether src 02:00:00:00:00:02", {true, false, false}},
		{"", {true, true, true}},
	};
	const struct capture_record r[3] = {
		record(ETHERNET, ethernet, sizeof(ethernet)),
		record(RAW_IP, raw, sizeof(raw)),
		record(COOKED, cooked, sizeof(cooked)),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct capture_filter *filter = capture_filter_new(cases[i].expression);

		assert_non_null(filter);
		for (size_t turn = 0; turn < 6; turn++)
			assert_int_equal(capture_filter_match(filter, &r[turn % 3]),
					 cases[i].matches[turn % 3]);
		capture_filter_free(filter);
	}
}

static void a_bad_expression_is_refused_in_words(void **state)
{
	struct fault f = {""};

	(void)state;
	assert_int_equal(capture_filter_check("udp port", &f), -EINVAL);
	assert_non_null(strstr(f.text, "syntax error"));
	assert_int_equal(capture_filter_check("port 99999", &f), -EINVAL);
	assert_non_null(strstr(f.text, "99999"));
	assert_int_equal(capture_filter_check("udp port 53", &f), 0);
	assert_int_equal(capture_filter_check("type mgt", &f), 0); /* of 802.11 alone */
	assert_int_equal(capture_filter_check("", &f), 0);
}

static void what_cannot_be_asked_does_not_match_and_is_said(void **state)
{
	struct capture_filter *filter = capture_filter_new("type mgt");
	struct capture_record r = record(ETHERNET, ethernet, sizeof(ethernet));

	(void)state;
	assert_non_null(filter);
	assert_null(capture_filter_fault(filter));
	assert_false(capture_filter_match(filter, &r));
	assert_non_null(strstr(capture_filter_fault(filter), "EN10MB (1)"));
	capture_filter_free(filter);

	filter = capture_filter_new("ip"); /* what is IP in a link type that nobody knows */
	r = record(UNKNOWN, raw, sizeof(raw));
	assert_false(capture_filter_match(filter, &r));
	assert_non_null(strstr(capture_filter_fault(filter), "147"));
	for (uint16_t i = 0; i < 200; i++) {
		r.linktype = (uint16_t)(300 + i);
		capture_filter_match(filter, &r);
	}
	r = record(ETHERNET, ethernet, sizeof(ethernet)); /* after 64 others: too many */
	assert_false(capture_filter_match(filter, &r));
	capture_filter_free(filter);
	capture_filter_free(NULL);
}

/* A frame cut at each length is asked without a read past its end. */
static void short_frames_are_asked(void **state)
{
	struct capture_filter *filter = capture_filter_new("udp port 53 or ip6 or vlan");

	(void)state;
	for (size_t len = 0; len <= sizeof(ethernet); len++) {
		uint8_t *exact = test_malloc(len + 1);
		struct capture_record r = record(ETHERNET, exact + 1, len);

		memcpy(exact + 1, ethernet, len);
		assert_int_equal(capture_filter_match(filter, &r), len >= 14 + 24);
		test_free(exact);
	}
	capture_filter_free(filter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_link_type_has_its_program),
		cmocka_unit_test(a_bad_expression_is_refused_in_words),
		cmocka_unit_test(what_cannot_be_asked_does_not_match_and_is_said),
		cmocka_unit_test(short_frames_are_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
