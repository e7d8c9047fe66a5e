/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the self-test makes, and how it counts: frames that are right by other means than those that
 * made them, rows that a person can read, a score that can be lost.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "extract/quic_wire.h"
#include "selftest/make_dns.h"
#include "selftest/rows.h"
#include "selftest/score.h"
#include "selftest/selftest.h"
#include "selftest/talk.h"

enum { SHOTS_MAX = 64, ETHER = 14 };

/* --- frames ---------------------------------------------------------------------------------- */

struct shots {
	size_t count, len[SHOTS_MAX];
	uint8_t bytes[SHOTS_MAX][MAKE_FRAME_MAX];
};

static void keep(void *ctx, const struct stage_shot *shot)
{
	struct shots *s = ctx;

	assert_true(s->count < SHOTS_MAX);
	memcpy(s->bytes[s->count], shot->frame.at, shot->frame.len);
	s->len[s->count++] = shot->frame.len;
}

static void stage_for(struct stage *s, struct shots *shots, bool is_v6)
{
	assert_true(stage_init(s));
	shots->count = 0;
	s->emit = keep;
	s->ctx = shots;
	s->is_v6 = is_v6;
	s->name = STAGE_BLOCKED;
}

/* The sum of 16-bit words, as RFC 1071 has it: 0xffff over what holds its own checksum. */
static uint32_t words(uint32_t sum, const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += (uint32_t)at[i] << (i % 2 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static bool is_sum_right(const uint8_t *ip, size_t len, uint8_t proto)
{
	size_t head = ip[0] >> 4 == 6 ? 40 : (size_t)(ip[0] & 15) * 4,
	       ends = ip[0] >> 4 == 6 ? 8 : 12;
	uint32_t sum = words(proto + (uint32_t)(len - head), ip + ends, head == 40 ? 32 : 8);

	return words(sum, ip + head, len - head) == 0xffff;
}

static void each_packet_is_right(void **state)
{
	struct shots shots;
	struct stage s;

	(void)state;
	for (int is_v6 = 0; is_v6 < 2; is_v6++) {
		struct talk *t;

		stage_for(&s, &shots, is_v6);
		t = talk_open(&s, 443);
		talk_say(&s, t, STAGE_CLIENT, slice_text("odd"));
		talk_segment(&s, t, STAGE_CLIENT, 3, slice_text("x"),
			     &(struct talk_way){.is_sum_wrong = true});
		t = stage_talk(&s, 53, true);
		talk_datagram(&s, t, STAGE_SERVER, slice_text("datagram"));
		assert_int_equal(shots.count, 6);
		for (size_t i = 0; i < shots.count; i++) {
			const uint8_t *ip = shots.bytes[i] + ETHER;
			size_t len = shots.len[i] - ETHER;

			if (!is_v6)
				assert_int_equal(words(0, ip, 20), 0xffff);
			assert_int_equal((is_v6 ? 40 : 0) +
						 (is_v6 ? ip[4] << 8 | ip[5] : ip[2] << 8 | ip[3]),
					 len);
			assert_int_equal(is_sum_right(ip, len, i == 5 ? 17 : 6), i != 4);
		}
		stage_clear(&s);
	}
}

/* The client's numbers go on where they ended; a decoy's do not count. */
static void a_talk_counts(void **state)
{
	const struct talk_way decoy = {.is_decoy = true};
	struct shots shots;
	struct stage s;
	struct talk *t;
	uint8_t next[4];

	(void)state;
	stage_for(&s, &shots, false);
	t = talk_open(&s, 443);
	talk_segment(&s, t, STAGE_CLIENT, 5000, slice_text("decoy"), &decoy);
	talk_say(&s, t, STAGE_CLIENT, slice_text("abc"));
	talk_say(&s, t, STAGE_CLIENT, slice_text("def"));
	bytes_put32(next, t->first[STAGE_CLIENT] + 1 + 3);
	assert_memory_equal(shots.bytes[5] + ETHER + 20 + 4, next, 4);
	bytes_put32(next, t->first[STAGE_SERVER] + 1);
	assert_memory_equal(shots.bytes[5] + ETHER + 20 + 8, next, 4);
	stage_clear(&s);
}

/* Fragments in any order hold the datagram's bytes, each once, and the last says that it is. */
static void fragments_make_the_whole(void **state)
{
	uint8_t data[300], whole[400];
	struct shots shots;
	struct stage s;

	(void)state;
	for (int round = 0; round < 6; round++) {
		const struct talk_way way = {.piece = 48, .order = (enum talk_order)(round % 3)};
		bool is_v6 = round >= 3;
		size_t ends = 0, total = 0;
		struct talk *t;

		stage_for(&s, &shots, is_v6);
		chance_noise(&s.chance, data, sizeof(data));
		t = stage_talk(&s, 443, true);
		talk_datagram_as(&s, t, STAGE_CLIENT, slice_of(data, sizeof(data)), &way);
		memset(whole, 0, sizeof(whole));
		for (size_t i = 0; i < shots.count; i++) {
			const uint8_t *ip = shots.bytes[i] + ETHER;
			size_t head = is_v6 ? 48 : 20, n = shots.len[i] - ETHER - head;
			unsigned word = is_v6 ? ip[42] << 8 | ip[43] : ip[6] << 8 | ip[7];
			size_t at = is_v6 ? word & 0xfff8 : (word & 0x1fff) * 8;

			ends += !(is_v6 ? word & 1 : word & 0x2000);
			total += n;
			assert_true(at + n <= 8 + sizeof(data));
			memcpy(whole + at, ip + head, n);
		}
		assert_int_equal(ends, 1);
		assert_int_equal(total, 8 + sizeof(data));
		assert_memory_equal(whole + 8, data, sizeof(data));
		stage_clear(&s);
	}
}

static void each_layer(void **state)
{
	static const struct {
		enum make_layer layer;
		uint16_t kind; /* of Ethernet, around IPv4 */
		size_t more;   /* bytes beside Ethernet and the packet */
	} rows[] = {
		{MAKE_BARE, 0x0800, 0},		{MAKE_VLAN, 0x8100, 4},
		{MAKE_QINQ, 0x88a8, 8},		{MAKE_MPLS, 0x8847, 8},
		{MAKE_PPPOE, 0x8864, 8},	{MAKE_IPIP, 0x0800, 20},
		{MAKE_GRE, 0x0800, 24},		{MAKE_GRE_BRIDGED, 0x0800, 38},
		{MAKE_GRE_IN_IPIP, 0x0800, 44}, {MAKE_VXLAN, 0x0800, 50},
		{MAKE_GENEVE, 0x0800, 50},	{MAKE_GTPU, 0x0800, 36},
	};
	struct make_ends e = {.src = {1}, .dst = {2}, .sport = 3, .dport = 4};
	uint8_t body[64], packet[MAKE_FRAME_MAX], frame[MAKE_FRAME_MAX];
	size_t n, len;

	(void)state;
	n = make_datagram(body, &e, slice_text("inside"));
	len = make_ip(packet, &e, &(struct make_ip){.ttl = 9}, MAKE_UDP, slice_of(body, n));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		n = make_frame(frame, rows[i].layer, slice_of(packet, len), false);
		assert_int_equal(frame[12] << 8 | frame[13], rows[i].kind);
		assert_int_equal(n, ETHER + rows[i].more + len);
		assert_memory_equal(frame + n - len, packet, len);
	}
}

/* --- messages -------------------------------------------------------------------------------- */

static void a_hello_ends_its_name_there(void **state)
{
	struct made_message m;
	struct stage s;

	(void)state;
	assert_true(stage_init(&s));
	s.name = STAGE_BLOCKED;
	for (int i = 0; i < 20; i++) {
		size_t len = strlen(STAGE_BLOCKED);
		struct slice hello = row_hello(&s, &m, i % 2);

		assert_true(m.name_end <= hello.len);
		assert_memory_equal(hello.at + m.name_end - len, STAGE_BLOCKED, len);
		assert_int_equal(hello.at[3] << 8 | hello.at[4], hello.len - 5);
		assert_true(!(i % 2) || hello.len > 1500);
	}
	stage_clear(&s);
}

/* What the library seals, the program's own cipher opens. */
static void an_initial_opens(void **state)
{
	static const uint32_t versions[] = {1, 0x6b3343cf};
	struct crypt *crypt = crypt_new();
	struct stage s;

	(void)state;
	assert_true(crypt && stage_init(&s));
	for (int is_v2 = 0; is_v2 < 2; is_v2++) {
		struct make_quic_flow f = {.first = "client01", .is_v2 = is_v2};
		const struct make_quic_piece piece = {(const uint8_t *)"the hello", 0, 9};
		uint8_t frames[200], packet[300], plain[300], mask[5];
		struct crypt_initial_keys keys;
		size_t n, head = 7 + MAKE_CID + 3;

		make_quic_frames(&s.chance, frames, sizeof(frames), &piece, 1, false);
		n = make_quic_initial(s.quic, packet, &f, false, frames, sizeof(frames));
		assert_int_equal(n, sizeof(frames) + MAKE_QUIC_OVERHEAD);
		crypt_initial_keys(crypt, &quic_version_find(versions[is_v2])->way,
				   slice_of("client01", MAKE_CID), true, &keys);
		crypt_initial_mask(crypt, &keys, packet + head + 4, mask);
		packet[0] ^= mask[0] & 15;
		packet[head] ^= mask[1];
		assert_int_equal(packet[0], is_v2 ? 0xd0 : 0xc0);
		assert_true(crypt_initial_open(crypt, &keys, 0, slice_of(packet, head + 1),
					       slice_of(packet + head + 1, n - head - 1), plain));
		assert_memory_equal(plain, frames, sizeof(frames));
	}
	stage_clear(&s);
	crypt_free(crypt);
}

static void a_question(void **state)
{
	static const char expected[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\1a\7example\0\0\x1c\0\1";
	uint8_t message[64];

	(void)state;
	assert_int_equal(make_dns_question(message, "a.example", 0x1234, 28), sizeof(expected) - 1);
	assert_memory_equal(message, expected, sizeof(expected) - 1);
}

/* --- rows and score -------------------------------------------------------------------------- */

static void each_row_reads_well(void **state)
{
	(void)state;
	assert_true(rows_count() >= 100);
	for (size_t i = 0; i < rows_count(); i++) {
		const struct row_group *group = NULL;
		const struct row *r = rows_at(i, &group);

		assert_true(group && r->play && strlen(r->what) <= 48 && strlen(r->name) <= 21);
		assert_true(!r->open || strlen(r->open) <= 90);
		for (const char *c = r->name; *c; c++)
			assert_true(islower((unsigned char)*c) || isdigit((unsigned char)*c) ||
				    *c == '-');
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(r->name, rows_at(k, NULL)->name);
	}
	assert_null(rows_at(rows_count(), NULL));
}

static struct stage_shot shot_of(uint16_t row, bool is_attack, const char *frame)
{
	return (struct stage_shot){.row = row,
				   .is_attack = is_attack,
				   .is_probe = is_attack,
				   .frame = slice_text(frame)};
}

static void the_score(void **state)
{
	struct stage_shot shots[] = {
		shot_of(0, true, "aaaaaabbbbbb--leaked"),
		shot_of(0, true, "aaaaaabbbbbb--dropped"),
		shot_of(1, false, "aaaaaabbbbbb--twice"),
		shot_of(1, false, "aaaaaabbbbbb--twice"),
		shot_of(1, false, "aaaaaabbbbbb\x81\1gone"),
	};
	struct score *s = score_new();
	struct score_row rows[2][2] = {0};

	(void)state;
	assert_non_null(s);
	for (size_t i = 0; i < sizeof(shots) / sizeof(shots[0]); i++)
		assert_true(score_sent(s, &shots[i]));
	/* Addresses and tags are nobody's business; the direction is. */
	assert_true(
		score_arrived(s, STAGE_CLIENT, slice_of("AAAAAABBBBBB\x81\0\0\x0a--leaked", 24)));
	assert_true(score_arrived(s, STAGE_SERVER, slice_text("aaaaaabbbbbb--dropped")));
	assert_true(score_arrived(s, STAGE_CLIENT, slice_text("aaaaaabbbbbb--twice")));
	assert_true(score_arrived(s, STAGE_CLIENT, slice_text("aaaaaabbbbbb--a stranger's")));
	score_count(s, rows);
	assert_int_equal(rows[0][0].probes, 2);
	assert_int_equal(rows[0][0].leaked, 1);
	assert_int_equal(rows[0][0].innocent, 0);
	assert_int_equal(rows[1][0].innocent, 3);
	assert_int_equal(rows[1][0].lost, 2);
	assert_int_equal(rows[1][1].innocent, 0);
	score_free(s);
}

/* --- the outcome ----------------------------------------------------------------------------- */

static size_t row_named(const char *name)
{
	for (size_t i = 0; i < rows_count(); i++)
		if (strcmp(rows_at(i, NULL)->name, name) == 0)
			return i;
	fail();
	return 0;
}

/* Each row as a run of it that went well leaves it. */
static void all_well(struct score_row (*rows)[2])
{
	for (size_t i = 0; i < rows_count(); i++)
		for (int is_v6 = 0; is_v6 < 2; is_v6++) {
			const struct row *r = rows_at(i, NULL);

			rows[i][is_v6] = (struct score_row){.probes = 4, .innocent = 8};
			if (r->open)
				rows[i][is_v6].leaked = 4;
			if (!row_is_of(r, is_v6))
				rows[i][is_v6] = (struct score_row){0};
		}
}

static bool says(const struct selftest_outcome *o, const char *words_of_it)
{
	const struct selftest_look look = {0};
	struct selftest_wish w = {0};
	struct text out = {0};
	bool is_said;

	selftest_table(&w, o, &look, &out);
	selftest_json(&w, o, &out);
	text_putc(&out, 0);
	is_said = strstr(out.at, words_of_it);
	text_clear(&out);
	return is_said;
}

static void the_outcome(void **state)
{
	size_t blocked = row_named("tcp-reversed"), alike = row_named("like-body");
	struct score_row(*rows)[2] = calloc(rows_count(), sizeof(*rows));
	struct selftest_outcome o = {.rows = rows, .how = "native"};
	struct selftest_wish all = {0}, one = {.only = "tls-case"};

	(void)state;
	assert_non_null(rows);
	all_well(rows);
	assert_true(selftest_is_good(&all, &o));
	assert_true(says(&o, "\"good\":true") && says(&o, " 0 leaked") && !says(&o, "LEAKED"));
	rows[blocked][1].leaked = 1;
	assert_false(selftest_is_good(&all, &o));
	assert_true(selftest_is_good(&one, &o));
	assert_true(says(&o, "LEAKED 1 of 8 (IPv6)") && says(&o, " 1 leaked"));
	all_well(rows);
	rows[blocked][0].lost = 2;
	assert_false(selftest_is_good(&all, &o));
	assert_true(says(&o, "BLOCKED          LOST 2 of 16 (IPv4)"));
	all_well(rows);
	rows[alike][0].lost = 3;
	assert_false(selftest_is_good(&all, &o));
	assert_true(says(&o, "LOST 3 of 16 (IPv4)"));
	all_well(rows);
	rows[blocked][1].probes = 0; /* of one version of IP nothing was tried */
	assert_false(selftest_is_good(&all, &o));
	assert_true(says(&o, "VOID") && says(&o, "\"void\":1"));
	free(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_packet_is_right),
		cmocka_unit_test(a_talk_counts),
		cmocka_unit_test(fragments_make_the_whole),
		cmocka_unit_test(each_layer),
		cmocka_unit_test(a_hello_ends_its_name_there),
		cmocka_unit_test(an_initial_opens),
		cmocka_unit_test(a_question),
		cmocka_unit_test(each_row_reads_well),
		cmocka_unit_test(the_score),
		cmocka_unit_test(the_outcome),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
