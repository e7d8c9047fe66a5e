/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The capture door's way to a shard: all pieces of a flow's datagrams whose flow is known go where
 * the flow goes, tunnels in pieces included; and what the reader knows of a fragment travels with
 * it, copied.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "offline/batch.h"
#include "offline/route.h"
#include "build.h"

enum { PAYLOAD = 64 };

static uint8_t wire[BUILD_MAX];

static struct capture_record record_of(const struct build_packet *b, uint16_t frag)
{
	struct capture_record r = {.is_frame = true};
	size_t len = build_frame(wire, b), head = b->link == LINK_ETHERNET ? 14 : 0;

	if (!b->is_v6) {
		wire[head + 6] = (uint8_t)(frag >> 8);
		wire[head + 7] = (uint8_t)frag;
	}
	r.raw = slice_of(wire, len);
	r.frame = (struct frame){
		.link = b->link, .ts_ns = 1, .bytes = r.raw, .wire_len = (uint32_t)len};
	return r;
}

static struct build_packet flow_packet(struct slice payload)
{
	return (struct build_packet){
		.link = LINK_RAW_IP,
		.src = 0x0a000001,
		.dst = 0x0a000002,
		.sport = 40000,
		.dport = 53,
		.proto = DPI_IP_UDP,
		.id = 77,
		.payload = payload,
	};
}

static uint8_t shard_of_flow(struct offline_route *r)
{
	struct build_packet b = flow_packet(slice_text("alone"));
	struct capture_record rec = record_of(&b, 0);
	struct frame_fragment fragment;
	struct packet p;
	uint8_t shard = offline_route_place(r, &rec.frame, &p, &fragment).shard;

	assert_null(rec.frame.fragment);
	return shard;
}

/* Sends packet b as two pieces, the first of `cut` bytes of its IP payload; checks what is said of
 * each. The last one's record is left in *rec. */
static void send_halves(struct offline_route *r, const struct build_packet *b, size_t cut,
			bool is_reversed, uint8_t shard, struct capture_record *rec,
			struct frame_fragment *fragment)
{
	static uint8_t whole[BUILD_MAX];
	size_t len = build_frame(whole, b) - 20;
	struct build_packet half = *b;

	for (int i = 0; i < 2; i++) {
		bool is_second = (i == 1) != is_reversed;
		struct packet p;
		uint8_t got;

		half.frag = 1; /* no transport header of the builder's */
		half.payload = is_second ? slice_of(whole + 20 + cut, len - cut)
					 : slice_of(whole + 20, cut);
		*rec = record_of(&half, is_second ? (uint16_t)(cut / 8) : 0x2000);
		got = offline_route_place(r, &rec->frame, &p, fragment).shard;
		assert_ptr_equal(rec->frame.fragment, fragment);
		assert_int_equal(fragment->whole[0].len != 0, i == 1);
		if (i == 1 || !is_reversed)
			assert_true(got == shard || b->proto != DPI_IP_UDP);
		if (i == 1)
			assert_int_equal(got, shard);
	}
}

static void pieces_go_where_their_flow_goes(void **state)
{
	static const uint8_t payload[PAYLOAD] = "a datagram in two pieces";
	struct build_packet b = flow_packet(slice_of(payload, PAYLOAD));

	for (int is_reversed = 0; is_reversed < 2; is_reversed++) {
		struct offline_route *r = offline_route_new();
		struct frame_fragment fragment;
		struct capture_record rec;

		assert_non_null(r);
		send_halves(r, &b, 40, is_reversed, shard_of_flow(r), &rec, &fragment);
		assert_int_equal(fragment.whole[0].len, 20 + 8 + PAYLOAD);
		assert_true(fragment.has_flow);
		assert_int_equal(offline_route_counters(r)->fragments_whole, 1);
		offline_route_free(r);
	}
}

/* IPv4 in IPv4, the outer packet in two pieces, and the inner one, too. */
static void tunnels_in_pieces_go_where_the_inner_flow_goes(void **state)
{
	static const uint8_t payload[PAYLOAD] = "a datagram in a tunnel in pieces";
	static uint8_t inner[2][BUILD_MAX];
	struct offline_route *r = offline_route_new();
	struct build_packet b = flow_packet(slice_of(payload, PAYLOAD)), outer = b;
	uint8_t shard = shard_of_flow(r);
	struct frame_fragment fragment;
	struct capture_record rec;
	size_t len[2];

	assert_non_null(r);
	outer.src = 0xc0000201;
	outer.dst = 0xc0000202;
	outer.proto = DPI_IP_IP4;
	outer.payload = slice_of(inner[0], build_frame(inner[0], &b));
	send_halves(r, &outer, 32, true, shard, &rec, &fragment);

	for (int i = 0; i < 2; i++) {
		struct build_packet half = b;
		static uint8_t whole[BUILD_MAX];

		build_frame(whole, &b);
		half.frag = 1;
		half.payload = i ? slice_of(whole + 60, 8 + PAYLOAD - 40)
				 : slice_of(whole + 20, 40);
		len[i] = build_frame(inner[i], &half);
		inner[i][6] = i ? 0 : 0x20;
		inner[i][7] = i ? 5 : 0;
	}
	for (int i = 0; i < 2; i++) {
		struct build_packet half = outer;

		half.id = (uint16_t)(90 + i);
		half.payload = slice_of(inner[i], len[i]);
		for (int k = 0; k < 2; k++) {
			static uint8_t whole[BUILD_MAX];
			size_t at = build_frame(whole, &half);
			struct build_packet piece = half;
			struct packet p;

			piece.payload = k ? slice_of(whole + 52, at - 52)
					  : slice_of(whole + 20, 32);
			rec = record_of(&piece, k ? 4 : 0x2000);
			if (k == 1)
				assert_int_equal(
					offline_route_place(r, &rec.frame, &p, &fragment).shard,
					shard);
			else
				(void)offline_route_place(r, &rec.frame, &p, &fragment);
		}
		assert_true(fragment.has_flow);
		assert_int_equal(dpi_be16(fragment.key.port[fragment.dir]), 40000);
	}
	assert_int_equal(fragment.whole[0].len, 20 + 8 + PAYLOAD);
	assert_memory_equal(fragment.whole[0].at + 28, payload, PAYLOAD);
	offline_route_free(r);
}

/* Where a glance is enough it says what decoding would, DNS answers included; of fragments it says
 * nothing. */
static void a_glance_places_as_decoding_does(void **state)
{
	static const uint16_t ports[] = {53, 5353, 5355, 443};
	struct offline_route *r = offline_route_new();
	static uint8_t message[BUILD_MAX];

	assert_non_null(r);
	for (int i = 0; i < 4 * 2 * 2 * 2; i++) {
		bool is_answer = i & 1, is_tcp = i & 2;
		size_t len = build_dns(message, "example.com", is_answer);
		struct build_packet b = {
			.sport = ports[i / 8],
			.dport = 40000,
			.src = 1,
			.dst = 2,
			.proto = is_tcp ? DPI_IP_TCP : DPI_IP_UDP,
			.payload = slice_of(message, i & 4 ? len : 12),
		};
		struct capture_record rec = record_of(&b, 0);
		struct offline_place glanced = {0}, placed;
		struct frame_fragment fragment;
		struct packet p;

		assert_true(offline_route_glance(&rec.frame, &glanced));
		placed = offline_route_place(r, &rec.frame, &p, &fragment);
		assert_int_equal(glanced.shard, placed.shard);
		assert_int_equal(glanced.parse, placed.parse);
		assert_int_equal(glanced.is_answer, placed.is_answer);
		assert_int_equal(placed.is_answer, is_answer && !is_tcp && i & 4 && i / 8 < 3);
		rec = record_of(&b, 0x2000);
		assert_false(offline_route_glance(&rec.frame, &glanced));
	}
	offline_route_free(r);
}

/* A piece of the largest kind: its datagram may have two readings. */
static struct frame_fragment largest_fragment(void)
{
	static uint8_t views[2][DEFRAG_WHOLE_MAX];
	struct frame_fragment f = {.has_flow = true, .is_refused = true, .dir = 1};

	for (int i = 0; i < 2; i++) {
		memset(views[i], i ? 'l' : 'f', sizeof(views[i]));
		f.whole[i] = slice_of(views[i], sizeof(views[i]));
	}
	return f;
}

static void a_batch_holds_copies(void **state)
{
	static const uint8_t payload[PAYLOAD] = "a datagram in two pieces";
	struct build_packet b = flow_packet(slice_of(payload, PAYLOAD));
	struct frame_fragment fragment = largest_fragment();
	struct batch_queue q;
	struct batch *batch;
	size_t count = 0;

	assert_int_equal(batch_queue_init(&q, 1), 0);
	assert_int_equal(batch_queue_turn(&q, 0, &batch), BATCH_FILL);
	for (; batch_is_open(batch); count++) {
		struct capture_record rec = record_of(&b, 0);
		const struct frame_fragment *copy;

		assert_int_equal(batch_hold(batch, &rec), 1);
		assert_true(rec.raw.at != wire &&
			    slice_equal(rec.raw, slice_of(wire, rec.raw.len)));
		assert_ptr_equal(rec.frame.bytes.at, rec.raw.at);
		copy = batch_hold_fragment(batch, &fragment);
		assert_true(copy->has_flow && copy->is_refused && copy->dir == 1);
		for (int i = 0; i < 2; i++)
			assert_true(copy->whole[i].at != fragment.whole[i].at &&
				    slice_equal(copy->whole[i], fragment.whole[i]));
		assert_int_equal((uintptr_t)copy % _Alignof(struct frame_fragment), 0);
		assert_true(batch->arena_len <= batch->arena_cap);
	}
	assert_in_range(count, 2, BATCH_PIECES - 1);
	batch_queue_clear(&q);
}

/* What is too large for the arena waits for an empty batch, which grows for it. */
static void a_large_piece_waits_for_an_empty_batch(void **state)
{
	size_t len = 3 * BATCH_BYTES;
	uint8_t *bytes = calloc(1, len);
	struct capture_record rec = {.raw = slice_of(bytes, len)};
	struct batch_queue q;
	struct batch *batch;

	assert_non_null(bytes);
	assert_int_equal(batch_queue_init(&q, 1), 0);
	assert_int_equal(batch_queue_turn(&q, 0, &batch), BATCH_FILL);
	batch->count = 1;
	assert_int_equal(batch_hold(batch, &rec), 0);
	assert_ptr_equal(rec.raw.at, bytes);
	batch_clear(batch);
	assert_int_equal(batch_hold(batch, &rec), 1);
	assert_true(rec.raw.at != bytes && slice_equal(rec.raw, slice_of(bytes, len)));
	batch_queue_clear(&q);
	free(bytes);
}

/* One worker: it fills ahead, walks in order, writes as soon as it can, and ends. */
static void turns_of_one_worker(void **state)
{
	static const enum batch_turn wanted[] = {
		BATCH_FILL, BATCH_FILL,	 BATCH_WALK, BATCH_WRITE, BATCH_FILL,
		BATCH_WALK, BATCH_WRITE, BATCH_WALK, BATCH_WRITE, BATCH_DONE,
	};
	unsigned filled = 0, walked = 0, written = 0;
	struct batch_queue q;

	assert_int_equal(batch_queue_init(&q, 1), 0);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		struct batch *b;

		assert_int_equal(batch_queue_turn(&q, 0, &b), wanted[i]);
		if (wanted[i] == BATCH_FILL) {
			b->count = ++filled;
			batch_queue_filled(&q, filled == 3);
		} else if (wanted[i] == BATCH_WALK) {
			assert_int_equal(b->count, ++walked);
			batch_queue_walked(&q, 0, b);
		} else if (wanted[i] == BATCH_WRITE) {
			assert_int_equal(b->count, ++written);
			batch_queue_written(&q);
		}
	}
	batch_queue_clear(&q);
}

/* The turn that a worker is given; what it calls for is done at once, but for writing. */
static enum batch_turn take_turn(struct batch_queue *q, unsigned worker, uint64_t end)
{
	struct batch *b;
	enum batch_turn turn = batch_queue_turn(q, worker, &b);

	if (turn == BATCH_FILL) {
		b->start = 0;
		b->end = end;
		batch_queue_filled(q, false);
	} else if (turn == BATCH_WALK) {
		batch_queue_walked(q, worker, b);
	}
	return turn;
}

/* Two workers: who has frames of its own left leaves writing to one who waits. */
static void writing_is_left_to_who_waits(void **state)
{
	struct batch_queue q;

	for (unsigned waiting = 0; waiting < 2; waiting++) {
		assert_int_equal(batch_queue_init(&q, 2), 0);
		assert_int_equal(take_turn(&q, 0, 1), BATCH_FILL);
		assert_int_equal(take_turn(&q, 0, 1), BATCH_FILL);
		batch_queue_end(&q);
		assert_int_equal(take_turn(&q, 0, 1), BATCH_WALK);
		assert_int_equal(take_turn(&q, 0, 1), BATCH_WALK);
		assert_int_equal(take_turn(&q, 1, 1), BATCH_WALK);
		q.waiting = waiting; /* as if the first did */
		assert_int_equal(take_turn(&q, 1, 1), waiting ? BATCH_WALK : BATCH_WRITE);
		assert_int_equal(q.waiting ? take_turn(&q, 0, 1) : BATCH_WRITE, BATCH_WRITE);
		q.waiting = 0;
		batch_queue_clear(&q);
	}
}

/* However few batches they are, no more bytes than are allowed are under way. */
static void bytes_under_way_are_bounded(void **state)
{
	struct batch_queue q;

	assert_int_equal(batch_queue_init(&q, 2), 0);
	assert_int_equal(take_turn(&q, 0, BATCH_UNDER_WAY - 1), BATCH_FILL);
	assert_int_equal(take_turn(&q, 0, BATCH_UNDER_WAY), BATCH_FILL);
	assert_int_equal(take_turn(&q, 0, 0), BATCH_WALK);
	assert_int_equal(take_turn(&q, 0, 0), BATCH_WALK); /* and not a third */
	batch_queue_clear(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_go_where_their_flow_goes),
		cmocka_unit_test(tunnels_in_pieces_go_where_the_inner_flow_goes),
		cmocka_unit_test(a_glance_places_as_decoding_does),
		cmocka_unit_test(a_batch_holds_copies),
		cmocka_unit_test(a_large_piece_waits_for_an_empty_batch),
		cmocka_unit_test(turns_of_one_worker),
		cmocka_unit_test(writing_is_left_to_who_waits),
		cmocka_unit_test(bytes_under_way_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
