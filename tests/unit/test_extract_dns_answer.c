/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a DNS answer says of addresses. Each message is also read cut short at each length, against
 * an unmapped page: then it may say less, never something else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/addr.h"
#include "dpi/name.h"
#include "extract/dns_answer.h"
#include "support.h"

/* A message under way. */
struct message {
	uint8_t at[2048];
	size_t len;
};

#define HEAD(flags, questions, answers) "\x12\x34" flags "\0" questions "\0" answers "\0\0\0\0"
#define QUESTION			"\3www\7example\0\0\1\0\1"
#define A_RECORD(owner, ttl, addr)	owner "\0\1\0\1" ttl "\0\4" addr
#define AAAA_RECORD(owner, ttl, addr)	owner "\0\x1c\0\1" ttl "\0\x10" addr
#define ALIAS				"\xc0\x0c\0\5\0\1\0\0\1\0\0\6\3cdn\xc0\x10"
#define V6				"\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"

static const struct row {
	const char *proves;
	const char *bytes;
	size_t len;
	const char *name; /* NULL: no answer with an address */
	uint32_t ttl_s;
	const char *addrs; /* each with a blank behind */
} rows[] = {
#define ROW(what, bytes, name, ttl, addrs)                       \
	{                                                        \
		what, bytes, sizeof(bytes) - 1, name, ttl, addrs \
	}
	ROW("one address",
	    HEAD("\x81\x80", "\1", "\1") QUESTION A_RECORD("\xc0\x0c", "\0\0\0\x3c", "\xc0\0\2\1"),
	    "www.example", 60, "192.0.2.1 "),
	ROW("an alias, then addresses of both families; the least time counts",
	    HEAD("\x81\x80", "\1", "\3")
		    QUESTION ALIAS A_RECORD("\xc0\x29", "\0\0\0\x3c", "\xc0\0\2\1")
			    AAAA_RECORD("\xc0\x29", "\0\0\0\x1e", V6),
	    "www.example", 30, "192.0.2.1 2001:db8::1 "),
	ROW("mDNS: no question, the cache-flush bit",
	    HEAD("\x84\0", "\0", "\1") "\2tv\5local\0\0\1\x80\1\0\0\0\x78\0\4\xa\0\0\5", "tv.local",
	    120, "10.0.0.5 "),
	ROW("a query",
	    HEAD("\1\0", "\1", "\1") QUESTION A_RECORD("\xc0\x0c", "\0\0\0\x3c", "\xc0\0\2\1"),
	    NULL, 0, ""),
	ROW("no such name",
	    HEAD("\x81\x83", "\1", "\1") QUESTION A_RECORD("\xc0\x0c", "\0\0\0\x3c", "\xc0\0\2\1"),
	    NULL, 0, ""),
	ROW("an alias alone", HEAD("\x81\x80", "\1", "\1") QUESTION ALIAS, NULL, 0, ""),
	ROW("another class",
	    HEAD("\x81\x80", "\1", "\1") QUESTION "\xc0\x0c\0\1\0\3\0\0\0\1\0\4\xc0\0\2\1", NULL, 0,
	    ""),
	ROW("an address of the wrong length",
	    HEAD("\x81\x80", "\1", "\1") QUESTION "\xc0\x0c\0\1\0\1\0\0\0\1\0\5\xc0\0\2\1\1", NULL,
	    0, ""),
	ROW("two questions",
	    HEAD("\x81\x80", "\2", "\1")
		    QUESTION QUESTION A_RECORD("\xc0\x0c", "\0\0\0\x3c", "\xc0\0\2\1"),
	    NULL, 0, ""),
	ROW("an owner that points to itself",
	    HEAD("\x81\x80", "\1", "\1") QUESTION A_RECORD("\xc0\x1d", "\0\0\0\x3c", "\xc0\0\2\1"),
	    NULL, 0, ""),
	ROW("a count that lies",
	    HEAD("\x81\x80", "\1", "\xff")
		    QUESTION A_RECORD("\xc0\x0c", "\0\0\0\x3c", "\xc0\0\2\1"),
	    "www.example", 60, "192.0.2.1 "),
	ROW("a name that no host has",
	    HEAD("\x81\x80", "\1",
		 "\1") "\3w w\7example\0\0\1\0\1" A_RECORD("\xc0\x0c", "\0\0\0\x3c", "\xc0\0\2\1"),
	    NULL, 0, ""),
	ROW("nothing", "", NULL, 0, ""),
#undef ROW
};

static void say_addrs(const struct dns_answer *a, char *out)
{
	char text[ADDR_TEXT_MAX];

	*out = '\0';
	for (unsigned i = 0; i < a->count; i++) {
		strcat(out, addr_format(&a->addr[i], text));
		strcat(out, " ");
	}
}

static void each_row(void **state)
{
	char addrs[DNS_ANSWER_ADDRESSES_MAX * (ADDR_TEXT_MAX + 1)];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];

		print_message("%s\n", r->proves);
		for (size_t len = 0; len <= r->len; len++) {
			const uint8_t *at = lay_against_wall(r->bytes, len);
			struct dns_answer a;
			bool is = dns_answer_read(slice_of(at, len), &a);

			wall_free(at);
			assert_true(!is || r->name);
			if (is) {
				say_addrs(&a, addrs);
				assert_string_equal(a.name.text, r->name);
				assert_int_equal(strncmp(addrs, r->addrs, strlen(addrs)), 0);
			}
			if (len == r->len) {
				assert_int_equal(is, r->name != NULL);
				assert_true(!is || a.ttl_s == r->ttl_s);
				assert_true(!is || strcmp(addrs, r->addrs) == 0);
			}
		}
	}
}

static void many_addresses_are_bounded(void **state)
{
	static const char record[] = "\xc0\x0c\0\1\0\1\0\0\0\1\0\4\xc0\0\2\1";
	struct message m = {.len = 12 + 17};
	struct dns_answer a;

	memcpy(m.at, HEAD("\x81\x80", "\1", "\x32") QUESTION, m.len);
	for (int i = 0; i < 50; i++) {
		memcpy(m.at + m.len, record, sizeof(record) - 1);
		m.len += sizeof(record) - 1;
	}
	assert_true(dns_answer_read(slice_of(m.at, m.len), &a));
	assert_int_equal(a.count, DNS_ANSWER_ADDRESSES_MAX);
}

static void random_bytes_are_read_to_their_end(void **state)
{
	uint64_t seed = 3;

	for (int i = 0; i < 20000; i++) {
		uint8_t bytes[128];
		size_t len = next_random(&seed) % sizeof(bytes);
		struct dns_answer a;
		const uint8_t *at;

		for (size_t k = 0; k < len; k++)
			bytes[k] = (uint8_t)(next_random(&seed) >> (next_random(&seed) % 8));
		if (len > 12)
			memcpy(bytes, HEAD("\x81\x80", "\1", "\5"), 12);
		at = lay_against_wall(bytes, len);
		if (dns_answer_read(slice_of(at, len), &a))
			assert_true(a.count >= 1 && a.count <= DNS_ANSWER_ADDRESSES_MAX &&
				    a.name.len);
		wall_free(at);
	}
}

/* Writes labels of random letters, then an end, or a pointer to somewhere. */
static void add_random_name(struct message *m, uint64_t *seed)
{
	static const char letters[] = "aZ-_09.x";

	for (size_t labels = next_random(seed) % 7; labels--;) {
		size_t len = 1 + next_random(seed) % (next_random(seed) % 8 ? 12 : 63);

		m->at[m->len++] = (uint8_t)len;
		while (len--)
			m->at[m->len++] = (uint8_t)letters[next_random(seed) % 64 ? len % 6 : 6];
	}
	m->at[m->len++] = next_random(seed) % 3 ? 0xc0 : 0;
	if (m->at[m->len - 1]) {
		m->at[m->len] = (uint8_t)(next_random(seed) % (m->len + 4));
		m->len++;
	}
}

/* What the kernel's reader makes of the name at a place; false when it is none. */
static bool read_slowly(const struct message *m, size_t at, struct name *name)
{
	uint8_t text[256];
	struct dpi_qname q;

	dpi_qname_init(&q, (uint32_t)at, (uint32_t)m->len);
	while (dpi_qname_step(&q, m->at, sizeof(m->at) - 1, text))
		;
	return q.state == DPI_QNAME_DONE && !q.is_odd && name_set(name, slice_of(text, q.len));
}

static void names_are_the_kernels(void **state)
{
	uint64_t seed = 5;
	size_t found = 0;

	for (int i = 0; i < 200000; i++) {
		struct message m = {.len = 12};
		struct name name = {.len = 0};
		struct dns_answer a;
		size_t owner, from;
		bool is;

		/* A record of another type, with names in it to point to; then an address. */
		memcpy(m.at, HEAD("\x84\0", "\0", "\2"), 12);
		memcpy(m.at + m.len, "\1x\0\0\x10\0\1\0\0\0\1\0", 12);
		m.len += 13;
		from = m.len;
		for (int n = 0; n < 4; n++)
			add_random_name(&m, &seed);
		m.at[from - 1] = (uint8_t)(m.len - from);
		owner = m.len;
		if (m.len - from > 255)
			continue;
		add_random_name(&m, &seed);
		memcpy(m.at + m.len, "\0\1\0\1\0\0\0\1\0\4\xc0\0\2\1", 14);
		m.len += 14;
		is = read_slowly(&m, owner, &name);
		found += is;
		assert_int_equal(dns_answer_read(slice_of(m.at, m.len), &a), is);
		assert_true(!is || strcmp(a.name.text, name.text) == 0);
	}
	assert_true(found > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(many_addresses_are_bounded),
		cmocka_unit_test(random_bytes_are_read_to_their_end),
		cmocka_unit_test(names_are_the_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
