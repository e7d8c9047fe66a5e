/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Evasions by what a ClientHello may hold beside its name: other extensions, so many or so large
 * that the name is far in, and other names (RFC 8446 4.2, RFC 6066 3). Room: selftest.
 */
#include "selftest/rows.h"
#include "selftest/talk.h"

#include <stdio.h>

enum {
	TLS_PORT = 443,
	RECORD = 5,
	HANDSHAKE = 4,
	RANDOM = 32,
	RECORD_MAX = 16384,
	SEGMENT = 1400,
	STREAM_MAX = 48 * 1024,
	UNKNOWN = 0x7777,
};

static size_t number(const uint8_t *at)
{
	return (size_t)at[0] << 8 | at[1];
}

/* Where a hello's list of extensions begins: its length. */
static size_t extensions_at(struct slice hello)
{
	size_t at = HANDSHAKE + 2 + RANDOM;

	at += 1 + (size_t)hello.at[at];	      /* session */
	at += 2 + number(hello.at + at);      /* ciphers */
	return at + 1 + (size_t)hello.at[at]; /* compression */
}

/* The handshake message with more extensions before or behind its own, in records, at `out`. Its
 * length. */
static size_t put_with(uint8_t *out, struct slice hello, struct slice more, bool is_before)
{
	size_t list = extensions_at(hello), at = is_before ? list + 2 : hello.len, n = 0;
	uint8_t message[STREAM_MAX];
	struct slice left;

	memcpy(message, hello.at, at);
	memcpy(message + at, more.at, more.len);
	memcpy(message + at + more.len, hello.at + at, hello.len - at);
	bytes_put16(message + list, number(message + list) + more.len);
	bytes_put32(message, (uint32_t)(hello.len + more.len - HANDSHAKE));
	message[0] = hello.at[0];
	left = slice_of(message, hello.len + more.len);
	for (; left.len; left = slice_from(left, RECORD_MAX)) {
		struct slice part = slice_first(left, RECORD_MAX);

		memcpy(out + n, "\x16\3\1", 3);
		bytes_put16(out + n + 3, part.len);
		memcpy(out + n + RECORD, part.at, part.len);
		n += RECORD + part.len;
	}
	return n;
}

/* Says a hello for the stage's name that has these extensions too. */
static void say_with(struct stage *s, struct slice more, bool is_before)
{
	struct talk *t = talk_open(s, TLS_PORT);
	struct made_message m;
	uint8_t bytes[STREAM_MAX + MAKE_HELLO_MAX];
	struct slice stream, hello = slice_from(row_hello(s, &m, false), RECORD);

	stream = slice_of(bytes, put_with(bytes, hello, more, is_before));
	for (; stream.len; stream = slice_from(stream, SEGMENT))
		talk_say(s, t, STAGE_CLIENT, slice_first(stream, SEGMENT));
}

static size_t put_extension(uint8_t *at, uint16_t type, size_t len)
{
	bytes_put16(at, type);
	bytes_put16(at + 2, len);
	memset(at + 4, 0, len);
	return 4 + len;
}

static void play_far_in(struct stage *s)
{
	static const size_t sizes[] = {14000, 40000};
	uint8_t more[STREAM_MAX];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		say_with(s, slice_of(more, put_extension(more, UNKNOWN, sizes[i])), true);
}

static void play_many(struct stage *s)
{
	uint8_t more[STREAM_MAX];
	size_t n = 0;

	for (uint16_t i = 0; i < 300; i++)
		n += put_extension(more + n, (uint16_t)(UNKNOWN + i), i % 3);
	say_with(s, slice_of(more, n), true);
}

/* A second list of names, with a name that nobody minds. */
static void play_two_lists(struct stage *s)
{
	static const char other[] = "\0\0\0\x17\0\x15\0\0\x12" STAGE_INNOCENT;

	say_with(s, slice_of(other, sizeof(other) - 1), true);
	say_with(s, slice_of(other, sizeof(other) - 1), false);
}

/* Labels of what no name should hold. */
static void play_odd_bytes(struct stage *s)
{
	static const char *const odd[] = {"a b", "\x1b[31m", "\xff", "_"};
	struct made_message m;
	char name[64];

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct talk *t = talk_open(s, TLS_PORT);

		snprintf(name, sizeof(name), "%s.%s", odd[i], s->name);
		talk_say(s, t, STAGE_CLIENT, row_hello_for(s, &m, name));
	}
}

static const struct row rows[] = {
	ROW("hello-far-in", "has 14 or 40 KB of something before the name", play_far_in),
	ROW("hello-many", "has 300 extensions before it", play_many),
	ROW("hello-two-names", "has another name before it, or behind", play_two_lists),
	ROW("hello-odd-bytes", "puts labels of odd bytes before it", play_odd_bytes),
};

const struct row_group rows_hello = {"Hellos", rows, ROW_COUNT(rows)};
