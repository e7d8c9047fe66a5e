/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Addresses: text to bytes and back, networks, and the ranges no public host has.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "base/addr.h"

/* An address or a network; out NULL: refused. */
static const struct net_row {
	const char *in, *out;
	uint8_t bits;
} nets[] = {
	{"10.0.0.1", "10.0.0.1", 128},
	{"10.1.2.3/8", "10.0.0.0", 104},
	{"0.0.0.0/0", "0.0.0.0", 96},
	{"192.168.1.129/25", "192.168.1.128", 121},
	{"192.168.1.129/32", "192.168.1.129", 128},
	{"2001:DB8:0:0:0:0:0:1", "2001:db8::1", 128},
	{"2001:db8:ffff::/33", "2001:db8:8000::", 33},
	{"::/0", "::", 0},
	{"::1", "::1", 128},
	{"1:0:0:2:0:0:0:3", "1:0:0:2::3", 128},
	{"::ffff:10.0.0.1", "10.0.0.1", 128},
	{"::ffff:10.9.9.9/104", "10.0.0.0", 104},
	{"", NULL, 0},
	{"/8", NULL, 0},
	{"10.0.0.1/", NULL, 0},
	{"10.0.0.1/33", NULL, 0},
	{"10.0.0.1/08", NULL, 0},
	{"10.0.0.1/-1", NULL, 0},
	{"10.0.0.1/ 8", NULL, 0},
	{"10.0.0.1/8/8", NULL, 0},
	{"10.0.0", NULL, 0},
	{"10.0.0.256", NULL, 0},
	{"10.0.0.01", NULL, 0},
	{" 10.0.0.1", NULL, 0},
	{"10.0.0.1 ", NULL, 0},
	{"::/129", NULL, 0},
	{"1:2", NULL, 0},
	{"fe80::1%eth0", NULL, 0},
	{"example", NULL, 0},
	{"1111:2222:3333:4444:5555:6666:123.123.123.1234567", NULL, 0},
};

static void each_net(void **state)
{
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++) {
		struct dpi_addr a;
		uint8_t bits = 7;
		int err;

		memset(&a, 0xaa, sizeof(a));
		err = addr_parse_net(slice_text(nets[i].in), &a, &bits);
		if (!nets[i].out) {
			if (err != -EINVAL || bits != 7 || a.b[0] != 0xaa || a.b[15] != 0xaa)
				fail_msg("\"%s\" was not refused cleanly", nets[i].in);
			continue;
		}
		if (err || bits != nets[i].bits || strcmp(addr_format(&a, text), nets[i].out) != 0)
			fail_msg("\"%s\": %d, %s/%u", nets[i].in, err, text, bits);
	}
}

static void plain_addresses_take_no_prefix(void **state)
{
	struct dpi_addr a;

	assert_int_equal(addr_parse(slice_text("10.0.0.1/8"), &a), -EINVAL);
	assert_int_equal(addr_parse(slice_of("10.0.0.1\0", 9), &a), -EINVAL);
	assert_int_equal(addr_parse(slice_text("10.0.0.1"), &a), 0);
	assert_true(dpi_addr_is4(&a));
}

static const struct member_row {
	const char *addr, *net;
	bool is_in;
} members[] = {
	{"10.255.0.1", "10.0.0.0/8", true},
	{"11.0.0.1", "10.0.0.0/8", false},
	{"192.168.1.127", "192.168.1.0/25", true},
	{"192.168.1.128", "192.168.1.0/25", false},
	{"2001:db8::1", "2001:db8::/32", true},
	{"2001:db9::1", "2001:db8::/32", false},
	{"2001:db8::1", "::/0", true},
	{"10.0.0.1", "::/0", true},
	{"2001:db8::1", "0.0.0.0/0", false},
	{"10.0.0.1", "10.0.0.1", true},
	{"10.0.0.2", "10.0.0.1", false},
};

static void each_member(void **state)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		struct dpi_addr a, net;
		uint8_t bits;

		assert_int_equal(addr_parse(slice_text(members[i].addr), &a), 0);
		assert_int_equal(addr_parse_net(slice_text(members[i].net), &net, &bits), 0);
		if (addr_in_net(&a, &net, bits) != members[i].is_in)
			fail_msg("%s in %s", members[i].addr, members[i].net);
	}
}

static const struct kind_row {
	const char *addr;
	bool is_reserved, is_multicast;
} kinds[] = {
	{"8.8.8.8", false, false},
	{"10.0.0.1", true, false},
	{"100.63.255.255", false, false},
	{"100.64.0.0", true, false},
	{"100.128.0.0", false, false},
	{"127.0.0.1", true, false},
	{"172.15.0.1", false, false},
	{"172.31.255.255", true, false},
	{"172.32.0.0", false, false},
	{"169.254.0.1", true, false},
	{"192.168.0.1", true, false},
	{"192.0.2.1", true, false},
	{"198.19.0.1", true, false},
	{"198.20.0.1", false, false},
	{"223.255.255.255", false, false},
	{"224.0.0.1", true, true},
	{"239.255.255.250", true, true},
	{"240.0.0.1", true, false},
	{"255.255.255.255", true, true},
	{"0.0.0.0", true, false},
	{"2606:4700::1", false, false},
	{"2001:db8::1", true, false},
	{"2001:4860::1", false, false},
	{"fc00::1", true, false},
	{"fd00::1", true, false},
	{"fe80::1", true, false},
	{"ff02::fb", true, true},
	{"::", true, false},
	{"::1", true, false},
	{"::2", false, false},
	{"64:ff9b:1::1", true, false},
	{"64:ff9b::808:808", false, false},
	{"192.0.0.8", true, false},
	{"192.0.1.8", false, false},
	{"198.51.100.1", true, false},
	{"198.51.101.1", false, false},
	{"203.0.113.255", true, false},
	{"203.0.112.255", false, false},
	{"100::1", true, false},
	{"100:0:0:1::1", false, false},
	{"2001:2::1", true, false},
	{"2001:2:1::1", false, false},
	{"2001:1f::1", true, false},
	{"2001:20::1", false, false},
	{"3fff:fff::1", true, false},
	{"3fff:1000::1", false, false},
	{"fbff::1", false, false},
	{"febf::1", true, false},
	{"fec0::1", true, false},
	{"0:0:0:1::1", false, false},
	{"::808:808", false, false},
};

static void each_kind(void **state)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct dpi_addr a;

		assert_int_equal(addr_parse(slice_text(kinds[i].addr), &a), 0);
		if (addr_is_reserved(&a) != kinds[i].is_reserved ||
		    addr_is_multicast(&a) != kinds[i].is_multicast)
			fail_msg("%s", kinds[i].addr);
	}
}

/* The C library writes every address the same way. */
static void text_is_the_librarys(void **state)
{
	uint32_t seed = 1;

	for (int i = 0; i < 200000; i++) {
		char ours[ADDR_TEXT_MAX], theirs[ADDR_TEXT_MAX];
		struct dpi_addr a = {0};

		for (int k = 0; k < 16; k++) {
			seed = seed * 1664525 + 1013904223;
			/* Many empty groups and short ones. */
			a.b[k] = (uint8_t)(seed >> 30 && seed >> 28 != 5 ? 0 : seed >> 20);
		}
		if (i % 4 == 0)
			dpi_addr_set4(&a, seed);
		if (dpi_addr_is4(&a))
			inet_ntop(AF_INET, &a.w[3], theirs, sizeof(theirs));
		else
			inet_ntop(AF_INET6, a.b, theirs, sizeof(theirs));
		assert_string_equal(addr_format(&a, ours), theirs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_net),
		cmocka_unit_test(plain_addresses_take_no_prefix),
		cmocka_unit_test(each_member),
		cmocka_unit_test(each_kind),
		cmocka_unit_test(text_is_the_librarys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
