/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Evasions by what DNS lets a sender ask (RFC 1035, 6891, 7766). Each message over UDP is decided
 * by itself, so each frame here must be dropped or pass; behind a verdict they are sent once more.
 * Room: selftest.
 */
#include "selftest/make_dns.h"
#include "selftest/rows.h"
#include "selftest/talk.h"

#include <stdio.h>

enum { PORT = 53, MESSAGE_MAX = 512, A = 1, HTTPS = 65, HEAD = 12, QUESTIONS = 5 };

static size_t question(struct stage *s, uint8_t *at, const char *name, uint32_t type)
{
	return make_dns_question(at, name, (uint16_t)chance_draw(&s->chance), type);
}

/* Sends a message that the kernel decides, and its answer: neither may arrive. */
static void ask(struct stage *s, uint16_t port, const uint8_t *message, size_t len)
{
	struct talk *t = stage_talk(s, port, true);

	t->is_frame_wise = true;
	s->is_probe = s->is_attack;
	talk_message(s, t, slice_of(message, len));
	s->is_probe = false;
}

static void play_question(struct stage *s)
{
	uint8_t message[MESSAGE_MAX];
	char below[64];

	ask(s, PORT, message, question(s, message, s->name, A));
	ask(s, PORT, message, question(s, message, s->name, HTTPS));
	snprintf(below, sizeof(below), "www.%s", s->name);
	ask(s, PORT, message, question(s, message, below, A));
}

static void play_case(struct stage *s)
{
	uint8_t message[MESSAGE_MAX];
	char name[64];

	snprintf(name, sizeof(name), "%s", s->name);
	for (size_t i = 1; name[i]; i += 2)
		name[i] &= (char)(name[i] >= 'a' ? ~0x20 : ~0);
	ask(s, PORT, message, question(s, message, name, A));
}

static void play_odd_labels(struct stage *s)
{
	static const char *const odd[] = {"a b", "\x1b[3m", "\xff", "_dns"};
	uint8_t message[MESSAGE_MAX];
	char name[64];

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		snprintf(name, sizeof(name), "%s.%s", odd[i], s->name);
		ask(s, PORT, message, question(s, message, name, A));
	}
}

static void play_compressed(struct stage *s)
{
	uint8_t message[MESSAGE_MAX];
	size_t label = strcspn(s->name, "."), n;

	/* www.example, then the name's first label and a pointer to .example. */
	n = question(s, message, "www.example", A);
	message[QUESTIONS] = 2;
	message[n] = (uint8_t)label;
	memcpy(message + n + 1, s->name, label);
	memcpy(message + n + 1 + label, "\xc0\x10\0\1\0\1", 6);
	ask(s, PORT, message, n + 1 + label + 6);
}

static void play_several(struct stage *s)
{
	uint8_t message[MESSAGE_MAX], more[MESSAGE_MAX];
	size_t n = question(s, message, "allowed.example", A), m;

	m = question(s, more, s->name, A) - HEAD;
	memcpy(message + n, more + HEAD, m);
	message[QUESTIONS] = 2;
	ask(s, PORT, message, n + m);
	n = question(s, message, s->name, A);
	message[QUESTIONS] = 5; /* of which there is one */
	ask(s, PORT, message, n);
}

static void play_padded(struct stage *s)
{
	uint8_t message[MESSAGE_MAX];
	size_t n = question(s, message, s->name, A);

	/* And four bytes that belong to nothing. */
	n += make_dns_padding(message, n, 64);
	memset(message + n, 0, 4);
	ask(s, PORT, message, n + 4);
}

/* Many names on one pair of ports: each is decided by itself. */
static void play_one_port(struct stage *s)
{
	const char *const names[] = {"allowed.example", s->name, "other.example", s->name};
	struct talk *t = stage_talk(s, PORT, true);
	bool is_attack = s->is_attack;
	uint8_t message[MESSAGE_MAX];

	t->is_frame_wise = true;
	for (size_t i = 0; i < 4; i++) {
		s->is_attack = s->is_probe = is_attack && i % 2;
		talk_message(s, t, slice_of(message, question(s, message, names[i], A)));
	}
	s->is_attack = is_attack;
	s->is_probe = false;
}

static void play_odd_port(struct stage *s)
{
	static const uint16_t ports[] = {5300, 443, 5353};
	uint8_t message[MESSAGE_MAX];

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		ask(s, ports[i], message, question(s, message, s->name, A));
}

/* Messages of TCP have their length in front. */
static size_t framed(struct stage *s, uint8_t *at, const char *name)
{
	size_t n = question(s, at + 2, name, A);

	bytes_put16(at, n);
	return n + 2;
}

static void play_tcp(struct stage *s)
{
	uint8_t stream[MESSAGE_MAX];
	size_t n = framed(s, stream, "allowed.example");

	n += framed(s, stream + n, s->name);
	talk_say(s, talk_open(s, PORT), STAGE_CLIENT, slice_of(stream, n));
}

static void play_tcp_cut(struct stage *s)
{
	uint8_t stream[MESSAGE_MAX];

	for (size_t at = 1; at < 30; at += 7) {
		size_t n = framed(s, stream, s->name);

		talk_parts(s, talk_open(s, PORT), slice_of(stream, n), &at, 1, NULL);
	}
}

static const struct row rows[] = {
	ROW("dns-question", "asks for it, or for a name below", play_question),
	ROW("dns-case", "AsKs So", play_case),
	ROW("dns-odd-labels", "puts labels of odd bytes before it", play_odd_labels),
	ROW("dns-compressed", "points at parts of the name", play_compressed),
	ROW("dns-several", "asks several things, or lies about how many", play_several),
	ROW("dns-padded", "pads the question, and puts junk behind", play_padded),
	ROW("dns-one-port", "asks for many names from one port", play_one_port),
	ROW("dns-odd-port", "uses the ports of others", play_odd_port),
	ROW("dns-tcp", "asks by TCP, as the second of two", play_tcp),
	ROW("dns-tcp-cut", "cuts that amid the name", play_tcp_cut),
};

const struct row_group rows_dns = {"DNS", rows, ROW_COUNT(rows)};
