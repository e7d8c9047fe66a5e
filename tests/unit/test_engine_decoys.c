/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a sender does so that the road reads one thing and the receiver another: decoys, handshakes
 * in dispute, faked ends, urgent bytes. A blocked name is found all the same.
 */
#include "engine_world.h"

/* Decoys: what else was sent must not hide the real hello. */
static const struct {
	const char *proves;
	uint8_t flags;	   /* of the decoy */
	uint32_t off;	   /* where it lies */
	const char *name;  /* decoy hello; NULL: no payload */
	uint32_t real_off; /* where the real one lies */
	const char *real;
} decoys[] = {
	{"an innocent hello in the same place first", DPI_TCP_ACK, 0, "allowed.example", 0,
	 "blocked.example"},
	{"an innocent hello in a packet without ACK", DPI_TCP_PSH, 0, "allowed.example", 0,
	 "blocked.example"},
	{"a reset", DPI_TCP_RST, 1000, NULL, 0, "blocked.example"},
	{"a reset with ACK", DPI_TCP_RST | DPI_TCP_ACK, 0, NULL, 0, "blocked.example"},
	{"a FIN", DPI_TCP_FIN | DPI_TCP_ACK, 0, NULL, 0, "blocked.example"},
	{"a second SYN", DPI_TCP_SYN, 50000, NULL, 0, "blocked.example"},
	{"a SYN-ACK from the client", DPI_TCP_SYN | DPI_TCP_ACK, 0, NULL, 0, "blocked.example"},
	{"data in a SYN", DPI_TCP_SYN, -1U, "allowed.example", 0, "blocked.example"},
	{"a SYN that moves the beginning", DPI_TCP_SYN, 0x20000000, NULL, 0x20000001,
	 "blocked.example"},
	{"bytes far beyond the window", DPI_TCP_ACK, 10000000, "allowed.example", 0,
	 "blocked.example"},
};

static void decoys_gain_nothing(void **state)
{
	static uint8_t bytes[BUILD_MAX];
	struct world w;

	open_world(&w, RULES);
	for (size_t i = 0; i < sizeof(decoys) / sizeof(decoys[0]); i++) {
		struct slice decoy = slice_of(NULL, 0);

		print_message("%s\n", decoys[i].proves);
		next_connection(&w);
		shake_hands(&w);
		if (decoys[i].name)
			decoy = slice_of(bytes, build_hello(bytes, decoys[i].name, 0));
		assert_false(send_at(&w, CLIENT, decoys[i].off, decoy, decoys[i].flags));
		/* In two pieces, so that none stands for itself. */
		decoy = slice_of(bytes, build_hello(bytes, decoys[i].real, 0));
		send_at(&w, CLIENT, decoys[i].real_off, slice_first(decoy, 40), DPI_TCP_ACK);
		assert_true(send_at(&w, CLIENT, decoys[i].real_off + 40, slice_from(decoy, 40),
				    DPI_TCP_ACK));
	}
	close_world(&w);
}

static void three_versions_of_a_hello(void **state)
{
	static uint8_t bytes[BUILD_MAX];
	struct slice real;
	struct world w;

	open_world(&w, RULES);
	shake_hands(&w);
	assert_false(send_hello(&w, "allowed.example"));
	assert_false(send_hello(&w, "another.example"));
	assert_true(w.last.flow->flags & FLOW_AMBIGUOUS);
	real = slice_of(bytes, build_hello(bytes, "blocked.example", 0));
	assert_false(send_at(&w, CLIENT, 0, slice_first(real, 40), DPI_TCP_ACK));
	assert_true(send_at(&w, CLIENT, 40, slice_from(real, 40), DPI_TCP_ACK));
	assert_int_equal(engine_counters(w.engine)->ambiguous, 1);
	close_world(&w);
}

/* The server's SYN-ACK for CLIENT_ISN. */
static void send_answer(struct world *w)
{
	struct build_packet p = w->shape;

	p.src = w->shape.dst;
	p.dst = w->shape.src;
	p.sport = w->shape.dport;
	p.dport = w->shape.sport;
	p.seq = SERVER_ISN;
	p.ack = CLIENT_ISN + 1U;
	p.flags = DPI_TCP_SYN | DPI_TCP_ACK;
	assert_false(send_packet(w, &p));
}

/* A false SYN whose beginning is a little off, with and without the server's word on it; the real
 * data begins left of the real beginning, too. */
static void two_handshakes_in_dispute(void **state)
{
	static uint8_t bytes[BUILD_MAX];

	for (int has_answer = 0; has_answer < 2; has_answer++) {
		for (int is_later = 0; is_later < 2; is_later++) {
			size_t len = 4 + build_hello(bytes + 4, "blocked.example", 0);
			struct slice real = slice_of(bytes, len);
			struct world w;

			memset(bytes, 'x', 4);
			open_world(&w, RULES);
			assert_false(send_flags(&w, CLIENT, is_later ? 9 : -10U, DPI_TCP_SYN));
			assert_false(send_flags(&w, CLIENT, -1U, DPI_TCP_SYN));
			if (has_answer)
				send_answer(&w);
			assert_false(send_at(&w, CLIENT, -4U, slice_first(real, 70), DPI_TCP_ACK));
			assert_true(send_at(&w, CLIENT, 66, slice_from(real, 70), DPI_TCP_ACK));
			assert_int_equal(w.events[EVENT_FLOW_OPENED], 1);
			close_world(&w);
		}
	}
}

/* The server's SYN-ACK names the client's beginning: when it was not seen, and among several. */
static void the_answer_to_a_syn_is_believed(void **state)
{
	static uint8_t bytes[BUILD_MAX];

	for (int syn_count = 0; syn_count < 4; syn_count += 3) {
		size_t len = 4 + build_hello(bytes + 4, "blocked.example", 0);
		struct slice real = slice_of(bytes, len);
		struct world w;

		memset(bytes, 'x', 4);
		open_world(&w, RULES);
		for (int i = 0; i < syn_count; i++)
			send_flags(&w, CLIENT, i == 1 ? -1U : 20U + (uint32_t)i, DPI_TCP_SYN);
		send_answer(&w);
		assert_false(w.last.flow->flags & FLOW_MIDSTREAM);
		assert_false(send_at(&w, CLIENT, -4U, slice_first(real, 70), DPI_TCP_ACK));
		assert_true(send_at(&w, CLIENT, 66, slice_from(real, 70), DPI_TCP_ACK));
		close_world(&w);
	}
}

static void data_in_a_syn_is_in_its_place(void **state)
{
	static uint8_t bytes[BUILD_MAX];
	struct slice real = slice_of(bytes, build_hello(bytes, "blocked.example", 0));
	struct world w;

	open_world(&w, RULES);
	assert_false(send_at(&w, CLIENT, -1U, slice_first(real, 70), DPI_TCP_SYN));
	assert_true(send_at(&w, CLIENT, 70, slice_from(real, 70), DPI_TCP_ACK));
	close_world(&w);
}

static void a_faked_end_and_beginning_gain_nothing(void **state)
{
	static uint8_t bytes[BUILD_MAX];
	struct slice real = slice_of(bytes, build_hello(bytes, "blocked.example", 0));
	struct world w;

	open_world(&w, RULES);
	shake_hands(&w);
	assert_false(send_flags(&w, CLIENT, 0, DPI_TCP_RST));
	assert_int_equal(w.last.flow->state, FLOW_CLOSED);
	/* Neither end took this one in; both go on with the first numbers. */
	assert_false(send_flags(&w, CLIENT, 0x30000000, DPI_TCP_SYN));
	assert_int_equal(w.events[EVENT_FLOW_OPENED], 2);
	assert_false(send_at(&w, CLIENT, 60, slice_from(real, 60), DPI_TCP_ACK));
	assert_true(send_at(&w, CLIENT, 0, slice_first(real, 60), DPI_TCP_ACK));
	close_world(&w);
}

static void an_urgent_byte_is_no_hiding_place(void **state)
{
	static uint8_t bytes[BUILD_MAX], with[BUILD_MAX];
	struct world w;
	size_t len = build_hello(bytes, "blocked.example", 0);
	struct build_packet p;

	open_world(&w, RULES);
	shake_hands(&w);
	memcpy(with, bytes, 4);
	with[4] = 'x';
	memcpy(with + 5, bytes + 4, len - 4);
	p = w.shape;
	p.seq = CLIENT_ISN + 1;
	p.flags = DPI_TCP_ACK | DPI_TCP_URG;
	p.urgent = 5;
	p.payload = slice_of(with, len + 1);
	assert_true(send_packet(&w, &p));
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decoys_gain_nothing),
		cmocka_unit_test(three_versions_of_a_hello),
		cmocka_unit_test(two_handshakes_in_dispute),
		cmocka_unit_test(the_answer_to_a_syn_is_believed),
		cmocka_unit_test(data_in_a_syn_is_in_its_place),
		cmocka_unit_test(a_faked_end_and_beginning_gain_nothing),
		cmocka_unit_test(an_urgent_byte_is_no_hiding_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
