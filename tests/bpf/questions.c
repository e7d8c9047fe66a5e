/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The kernel compares the questions of DNS messages with the name rules by itself. For every name
 * its decision must be policy_match_name()'s over the same policy. Names are written and read back
 * here by code of its own (RFC 1035 4.1), not by the lines under test.
 */
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>

struct message {
	uint8_t bytes[1500];
	size_t len;
};

/* A head with this many questions; an answer or a query. */
static void message_begin(struct message *m, unsigned questions, bool is_answer)
{
	static const uint8_t query[12] = {0x12, 0x34, 0x01}, answer[12] = {0x12, 0x34, 0x81, 0x80};

	memcpy(m->bytes, is_answer ? answer : query, 12);
	m->bytes[5] = (uint8_t)questions;
	m->len = 12;
}

static void message_put(struct message *m, const void *bytes, size_t len)
{
	memcpy(m->bytes + m->len, bytes, len);
	m->len += len;
}

/* A name as labels; an end, type and class behind it when is_whole. A backslash is a dot inside. */
static void message_name(struct message *m, const char *name, bool is_whole)
{
	while (*name) {
		uint8_t len = (uint8_t)strcspn(name, ".");

		message_put(m, &len, 1);
		for (uint8_t i = 0; i < len; i++)
			message_put(m, name[i] == '\\' ? "." : &name[i], 1);
		name += len + (name[len] == '.');
	}
	if (is_whole)
		message_put(m, "\0\0\1\0\1", 5);
}

/* --- reading them back
 * ---------------------------------------------------------------------------- */

enum { WINDOW = DPI_DNS_WINDOW };

/* Reads the name at *at into text, canonical; moves *at behind it. False: it cannot be read. */
static bool name_read(const uint8_t *bytes, size_t len, size_t *at, struct name *out)
{
	size_t pos = *at, floor = *at, text = 0;
	bool has_jumped = false;

	for (int jumps = 0; pos < len;) {
		uint8_t c = bytes[pos++];

		if (c >= 192) {
			size_t to;

			if (pos >= len || ++jumps > 16)
				return false;
			to = (size_t)(c & 63) << 8 | bytes[pos];
			if (to < 12 || to >= floor)
				return false;
			*at = has_jumped ? *at : pos + 1;
			has_jumped = true;
			floor = pos = to;
			continue;
		}
		if (c >= 64 || (c && (pos + c > len || text + c + (text > 0) > NAME_MAX_LEN)))
			return false;
		if (c == 0) {
			*at = has_jumped ? *at : pos;
			out->len = (uint8_t)text;
			return true;
		}
		if (text)
			out->text[text++] = '.';
		for (; c; c--, pos++, text++) {
			uint8_t b = bytes[pos];

			out->text[text] = (char)(b == '.'		? '\\'
						 : b >= 'A' && b <= 'Z' ? b + 32
									: b);
		}
	}
	return false;
}

/* What the kernel should do with a UDP payload. */
struct ruling {
	bool is_message, is_undecided;
	uint64_t rule; /* that blocks it, or 0 */
	struct name first;
};

/* The devices of whoever sends the frames of these tests, and gets them. */
static struct policy_whom whom_of(const struct policy *p)
{
	struct policy_whom whom = {.count = 0};
	struct made *m = &(struct made){0};
	struct dpi_key key;

	make_udp(m, 1, 2, slice_of("", 0));
	key = made_key(m);
	policy_whom_ends(p, &key, &whom);
	policy_whom_mac(p, m->bytes, &whom);
	policy_whom_mac(p, m->bytes + 6, &whom);
	return whom;
}

static struct ruling rule_on(const struct policy *p, struct slice payload)
{
	const uint8_t *b = payload.at;
	size_t len = payload.len < WINDOW ? payload.len : WINDOW, at = 12;
	unsigned opcode, count;
	struct policy_whom whom = whom_of(p);
	struct ruling r = {0};

	if (payload.len < 17)
		return r;
	opcode = b[2] >> 3 & 15;
	count = (unsigned)b[4] << 8 | b[5];
	if (opcode > 5 || opcode == 3 || count < 1 || count > 8)
		return r;
	r.is_message = true;
	for (unsigned i = 0; i < count && !r.rule; i++, at += 4) {
		struct name name = {0};
		struct decision d;

		if (!name_read(b, len, &at, &name)) {
			r.is_undecided = true;
			break;
		}
		if (i == 0)
			r.first = name;
		d = policy_match_name(p, &whom, name_slice(&name));
		r.rule = d.is_block ? d.rule : 0;
	}
	return r;
}

/* A frame with a UDP message through both programs: dropped, sampled and counted as ruled. */
static void check_frame(struct kernel *k, const char *what, const void *bytes, size_t len,
			const struct ruling *r)
{
	for (int hook = 0; hook < HOOKS; hook++) {
		uint64_t hits = r->rule ? kernel_hits(k, r->rule) : 0;
		struct dpi_counts before;
		enum fate outcome;

		kernel_counts(k, &before);
		outcome = kernel_run(k, (enum dpi_hook)hook, bytes, len);
		if (outcome == REFUSED)
			continue;
		expect(k, outcome == (r->rule ? DROP : PASS), "%s: %s on %s", what,
		       r->rule ? "passed" : "dropped", hook_name((enum dpi_hook)hook));
		expect(k,
		       kernel_grown(k, &before, DPI_COUNT_DROP_DNS) == (r->rule != 0) &&
			       kernel_grown(k, &before, DPI_COUNT_DNS_MESSAGES) == r->is_message &&
			       kernel_grown(k, &before, DPI_COUNT_DNS_UNDECIDED) == r->is_undecided,
		       "%s: counted otherwise on %s", what, hook_name((enum dpi_hook)hook));
		if (!r->rule)
			continue;
		expect(k, kernel_hits(k, r->rule) == hits + 1, "%s: another rule is named", what);
		expect(k,
		       kernel_drain(k) == 1 && k->sample.head.flags & DPI_SAMPLE_DROPPED &&
			       k->sample.len == len,
		       "%s: the dropped message is not told to the agent", what);
	}
	kernel_drain(k);
}

static void check_message(struct kernel *k, const char *what, const struct message *m,
			  uint16_t sport, uint16_t dport, const struct ruling *r)
{
	struct made *frame = &(struct made){0};

	make_udp(frame, sport, dport, slice_of(m->bytes, m->len));
	check_frame(k, what, frame->bytes, frame->len, r);
}

/* The same over TCP, where messages have their length in front: in the segment, or in one before.
 */
static void check_stream(struct kernel *k, const char *what, const struct message *m, bool is_back,
			 const struct ruling *r)
{
	uint8_t bytes[2 + sizeof(m->bytes)] = {(uint8_t)(m->len >> 8), (uint8_t)m->len};
	static uint16_t port = 10000;

	memcpy(bytes + 2, m->bytes, m->len);
	for (int skip = 0; skip <= 2; skip += 2) {
		struct made *frame = &(struct made){0};

		port++;
		frame->len = build_frame(
			frame->bytes,
			&(struct build_packet){
				.src = is_back ? SERVER : CLIENT,
				.dst = is_back ? CLIENT : SERVER,
				.sport = is_back ? 53 : port,
				.dport = is_back ? port : 53,
				.proto = DPI_IP_TCP,
				.flags = DPI_TCP_ACK | DPI_TCP_PSH,
				.seq = 1000,
				.ack = 1,
				.payload = slice_of(bytes + 2 - skip, m->len + (size_t)skip)});
		check_frame(k, what, frame->bytes, frame->len, r);
	}
}

/* --- names and rules ---------------------------------------------------------------------------
 */

#define L10 "aaaaaaaaa."
#define L50 L10 L10 L10 L10 L10
#define L63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz01234567890"

static const struct {
	const char *why, *rules, *name;
	bool is_blocked;
} rows[] = {
	{"a domain", "[BLOCKED_DOMAINS] bad.example", "bad.example", true},
	{"below it", "[BLOCKED_DOMAINS] bad.example", "a.b.c.bad.example", true},
	{"above it", "[BLOCKED_DOMAINS] bad.example", "example", false},
	{"a look-alike", "[BLOCKED_DOMAINS] bad.example", "notbad.example", false},
	{"a look-alike by hyphen", "[BLOCKED_DOMAINS] bad.example", "not-bad.example", false},
	{"the name below another", "[BLOCKED_DOMAINS] bad.example", "bad.example.org", false},
	{"a longer end", "[BLOCKED_DOMAINS] bad.example", "bad.examples", false},
	{"mixed case (draft-vixie-dnsext-dns0x20)", "[BLOCKED_DOMAINS] bad.example",
	 "wWw.BaD.eXaMpLe", true},
	{"a dot inside a label is no border", "[BLOCKED_DOMAINS] bad.example", "www\\bad.example",
	 false},
	{"a dot inside the last label", "[BLOCKED_DOMAINS] bad.example", "bad\\example", false},
	{"bytes no host has", "[BLOCKED_DOMAINS] bad.example", "\xff\x01 .bad.example", true},
	{"exactly", "[BLOCKED_DOMAINS] =bad.example", "bad.example", true},
	{"exactly, not below", "[BLOCKED_DOMAINS] =bad.example", "www.bad.example", false},
	{"an application", "[BLOCKED_APPS] YouTube", "www.youtube.com", true},
	{"another of its domains", "[BLOCKED_APPS] YouTube", "r1---sn.googlevideo.com", true},
	{"a suffix of another's", "[BLOCKED_APPS] YouTube", "youtubei.googleapis.com", true},
	{"the other keeps its own", "[BLOCKED_APPS] YouTube", "www.googleapis.com", false},
	{"and the other way round", "[BLOCKED_APPS] Google", "youtubei.googleapis.com", false},
	{"an application's look-alike", "[BLOCKED_APPS] YouTube", "notyoutube.com", false},
	{"an allow beats an application",
	 "[BLOCKED_APPS] YouTube\n[ALLOWED_DOMAINS] music.youtube.com", "x.music.youtube.com",
	 false},
	{"and allows only itself", "[BLOCKED_APPS] YouTube\n[ALLOWED_DOMAINS] music.youtube.com",
	 "www.youtube.com", true},
	{"an allow above a block", "[BLOCKED_DOMAINS] bad.example\n[ALLOWED_DOMAINS] =bad.example",
	 "bad.example", false},
	{"an exact allow, below it",
	 "[BLOCKED_DOMAINS] bad.example\n[ALLOWED_DOMAINS] =bad.example", "a.bad.example", true},
	{"an allowed application", "[BLOCKED_DOMAINS] youtube.com\n[ALLOWED_APPS] YouTube",
	 "youtube.com", false},
	{"a rule for a top-level domain", "[BLOCKED_DOMAINS] example", "a.example", true},
	{"the root", "[BLOCKED_DOMAINS] example", "", false},
	{"a label of 63 bytes", "[BLOCKED_DOMAINS] bad.example", L63 ".bad.example", true},
	{"labels of 63 bytes", "[BLOCKED_DOMAINS] bad.example", L63 "." L63 "." L63 ".bad.example",
	 true},
	{"a name of 253 bytes", "[BLOCKED_DOMAINS] bad.example",
	 L50 L50 L50 L50 L10 L10 L10 L10 "a.bad.example", true},
	{"of 255, the longest that is read", "[BLOCKED_DOMAINS] bad.example",
	 L50 L50 L50 L50 L10 L10 L10 L10 "aaa.bad.example", true},
	{"a rule for the longest name there is",
	 "[BLOCKED_DOMAINS] =" L50 L50 L50 L50 L10 L10 L10 L10 "a.bad.example",
	 L50 L50 L50 L50 L10 L10 L10 L10 "a.bad.example", true},
	{"no rule for it", "[BLOCKED_DOMAINS] bad.example", "good.example", false},
	{"of an address", "[BLOCKED_DOMAINS] bad.example device 10.0.0.1", "a.bad.example", true},
	{"of another address", "[BLOCKED_DOMAINS] bad.example device 10.0.0.3", "a.bad.example",
	 false},
	{"of a network", "[BLOCKED_APPS] YouTube device 10.0.0.0/29", "www.youtube.com", true},
	{"of a network, another name", "[BLOCKED_APPS] YouTube device 10.0.0.0/29",
	 "www.googleapis.com", false},
	{"of a hardware address", "[BLOCKED_DOMAINS] bad.example device 02:00:00:00:00:02",
	 "a.bad.example", true},
	{"of one that it is sent to", "[BLOCKED_DOMAINS] bad.example device 02:00:00:00:00:01",
	 "a.bad.example", true},
	{"of another hardware address", "[BLOCKED_DOMAINS] bad.example device 02:00:00:00:00:03",
	 "a.bad.example", false},
	{"of a name with both",
	 "[DEVICES]\nt 192.0.2.1 02:00:00:00:00:02\n[BLOCKED_DOMAINS] bad.example device t",
	 "a.bad.example", true},
	{"an allow of a device",
	 "[BLOCKED_DOMAINS]\nbad.example\n[ALLOWED_DOMAINS]\n"
	 "bad.example device 02:00:00:00:00:02",
	 "a.bad.example", false},
	{"an allow of another",
	 "[BLOCKED_DOMAINS]\nbad.example\n[ALLOWED_DOMAINS]\n"
	 "bad.example device 02:00:00:00:00:03",
	 "a.bad.example", true},
	{"an application for all beside one of a device",
	 "[BLOCKED_APPS]\nYouTube\nGoogle device 10.0.0.1", "www.googleapis.com", true},
	{"two devices, the second speaks",
	 "[BLOCKED_DOMAINS]\ngood.example device 10.0.0.1\nbad.example device 10.0.0.0/8",
	 "bad.example", true},
};

static void test_names(struct kernel *k)
{
	static const struct {
		uint16_t sport, dport;
		bool is_answer;
	} ways[] = {
		{40000, 53, false},  {53, 40000, true},	  {40000, 5300, false},
		{5300, 40000, true}, {5353, 5353, false}, {40000, 5355, false},
	};
	struct message m;

	for (size_t i = 0; i < COUNT(rows); i++) {
		kernel_rules(k, rows[i].rules, 0);
		for (size_t w = 0; w < COUNT(ways); w++) {
			struct ruling r;

			message_begin(&m, 1, ways[w].is_answer);
			message_name(&m, rows[i].name, true);
			r = rule_on(k->policy, slice_of(m.bytes, m.len));
			expect(k, (r.rule != 0) == rows[i].is_blocked && r.is_message,
			       "%s: the policy says otherwise", rows[i].why);
			check_message(k, rows[i].why, &m, ways[w].sport, ways[w].dport, &r);
			check_stream(k, rows[i].why, &m, ways[w].is_answer, &r);
		}
		/* The flow itself is not blocked: resolvers use it for other names too. */
		message_begin(&m, 1, false);
		message_name(&m, "innocent.invalid", true);
		check_message(k, "another name in the same flow", &m, 40000, 53,
			      &(struct ruling){.is_message = true});
	}
}

/* DNS as an application: every question but those of a name that is allowed; or none at all. */
static void test_protocol(struct kernel *k)
{
	static const struct {
		const char *why, *rules, *name;
		uint16_t port;
		bool is_blocked;
	} cases[] = {
		{"any name", "[BLOCKED_APPS] DNS", "good.example", 53, true},
		{"on any port", "[BLOCKED_APPS] DNS", "good.example", 5300, true},
		{"mDNS is another application", "[BLOCKED_APPS] DNS", "good.local", 5353, false},
		{"an allowed name", "[BLOCKED_APPS] DNS\n[ALLOWED_DOMAINS] good.example",
		 "good.example", 53, false},
		{"DNS allowed", "[BLOCKED_DOMAINS] bad.example\n[ALLOWED_APPS] DNS", "bad.example",
		 53, false},
		{"of a device", "[BLOCKED_APPS] DNS device 10.0.0.1", "good.example", 53, true},
		{"of another device", "[BLOCKED_APPS] DNS device 10.0.0.9", "good.example", 53,
		 false},
		{"allowed to a device",
		 "[BLOCKED_DOMAINS]\nbad.example\n[ALLOWED_APPS]\nDNS device 02:00:00:00:00:02",
		 "bad.example", 53, false},
		{"allowed to another device",
		 "[BLOCKED_DOMAINS]\nbad.example\n[ALLOWED_APPS]\nDNS device 02:00:00:00:00:09",
		 "bad.example", 53, true},
	};
	struct message m;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct made *frame = &(struct made){0};

		kernel_rules(k, cases[i].rules, 0);
		message_begin(&m, 1, false);
		message_name(&m, cases[i].name, true);
		make_udp(frame, 40000, cases[i].port, slice_of(m.bytes, m.len));
		for (int hook = 0; hook < HOOKS; hook++)
			expect(k,
			       kernel_run(k, (enum dpi_hook)hook, frame->bytes, frame->len) ==
				       (cases[i].is_blocked ? DROP : PASS),
			       "%s: decided otherwise on %s", cases[i].why,
			       hook_name((enum dpi_hook)hook));
		kernel_drain(k);
	}
}

/* Cut at every length: it is decided as soon as the name is whole, and not a byte before. */
static void test_truncated(struct kernel *k)
{
	struct message m;
	size_t whole;

	kernel_rules(k, "[BLOCKED_DOMAINS] bad.example", 0);
	message_begin(&m, 1, false);
	message_name(&m, "www.bad.example", true);
	whole = m.len - 4;
	for (size_t len = m.len; len > 0; len--) {
		struct ruling r;

		m.len = len;
		r = rule_on(k->policy, slice_of(m.bytes, m.len));
		expect(k, (r.rule != 0) == (len >= whole), "cut to %zu bytes", len);
		check_message(k, "cut short", &m, 40000, 53, &r);
		check_stream(k, "cut short", &m, false, &r);
	}
}

static void test_long_name(struct kernel *k)
{
	struct message m;

	kernel_rules(k, "[BLOCKED_DOMAINS] bad.example", 0);
	message_begin(&m, 1, false);
	message_name(&m, L50 L50 L50 L50 L10 L10 L10 L10 "aaaa.bad.example", true);
	check_message(k, "256 bytes", &m, 40000, 53,
		      &(struct ruling){.is_message = true, .is_undecided = true});
}

/* --- messages of odd shapes ----------------------------------------------------------------------
 */

#define BYTES(s) (const uint8_t *)(s), sizeof(s) - 1
#define HEAD(n)	 "\x12\x34\x01\0\0" n "\0\0\0\0\0\0"
#define BAD	 "\3bad\7example\0\0\1\0\1"
#define GOOD	 "\4good\7example\0\0\1\0\1"

/* All under a block of bad.example. Offsets count from the message's first byte. */
static const struct {
	const char *why;
	const uint8_t *bytes;
	size_t len;
	bool is_message, is_blocked, is_undecided;
} shapes[] = {
	{"the second of two questions", BYTES(HEAD("\2") GOOD BAD), true, true, false},
	{"the first of two questions", BYTES(HEAD("\2") BAD GOOD), true, true, false},
	{"the eighth question", BYTES(HEAD("\x8") GOOD GOOD GOOD GOOD GOOD GOOD GOOD BAD), true,
	 true, false},
	{"nine questions are no DNS", BYTES(HEAD("\x9") BAD BAD), false, false, false},
	{"no question", BYTES(HEAD("\0") BAD), false, false, false},
	{"fewer questions than said", BYTES(HEAD("\3") GOOD GOOD), true, false, true},
	{"a blocked one before the missing one", BYTES(HEAD("\3") GOOD BAD), true, true, false},
	{"a blocked one behind what cannot be read", BYTES(HEAD("\2") "\x40x\0\0\1\0\1" BAD), true,
	 false, true},
	{"the second question points into the first",
	 BYTES(HEAD("\2") GOOD "\3bad\xc0\x11\0\1\0\1"), true, true, false},
	{"the second question is a pointer", BYTES(HEAD("\2") GOOD "\xc0\x0c\0\1\0\1"), true, false,
	 false},
	{"behind a pointer goes the next question", BYTES(HEAD("\3") GOOD "\xc0\x0c\0\1\0\1" BAD),
	 true, true, false},
	{"a pointer to itself", BYTES(HEAD("\1") "\xc0\x0c\0\1\0\1"), true, false, true},
	{"a pointer forwards", BYTES(HEAD("\1") "\xc0\x12\0\1\0\1" BAD), true, false, true},
	{"a pointer into the head", BYTES(HEAD("\1") "\3bad\xc0\x02\0\1\0\1"), true, false, true},
	{"two pointers at each other", BYTES(HEAD("\2") GOOD "\1a\xc0\x1e\1b\xc0\x1e\0\1\0\1"),
	 true, false, true},
	{"a label type that is none", BYTES(HEAD("\1") "\x80xx\0\0\1\0\1"), true, false, true},
	{"a label longer than the message",
	 BYTES(HEAD("\1") "\x3f"
			  "bad\7example\0\0\1\0\1"),
	 true, false, true},
	{"an update (RFC 2136)", BYTES("\x12\x34\x28\0\0\1\0\0\0\0\0\0" BAD), true, true, false},
	{"an opcode that is none", BYTES("\x12\x34\x18\0\0\1\0\0\0\0\0\0" BAD), false, false,
	 false},
	{"data behind the question", BYTES(HEAD("\1") BAD "any bytes at all"), true, true, false},
	{"17 bytes, the least there can be", BYTES(HEAD("\1") "\0\0\1\0\1"), true, false, false},
};

static void test_shapes(struct kernel *k)
{
	kernel_rules(k, "[BLOCKED_DOMAINS] bad.example", 0);
	for (size_t i = 0; i < COUNT(shapes); i++) {
		struct slice bytes = slice_of(shapes[i].bytes, shapes[i].len);
		struct ruling r = rule_on(k->policy, bytes);
		struct message m = {.len = bytes.len};

		expect(k,
		       r.is_message == shapes[i].is_message &&
			       (r.rule != 0) == shapes[i].is_blocked &&
			       r.is_undecided == shapes[i].is_undecided,
		       "%s: is read otherwise", shapes[i].why);
		memcpy(m.bytes, bytes.at, bytes.len);
		check_message(k, shapes[i].why, &m, 40000, 53, &r);
	}
}

/* Pointers: as many as are followed, and more. The chain lies in the bytes of a label. */
static void test_pointers(struct kernel *k)
{
	static const uint8_t bad[] = "\3bad\7example"; /* and the 0 that ends it */

	kernel_rules(k, "[BLOCKED_DOMAINS] bad.example", 0);
	for (unsigned hops = 1; hops <= 20; hops++) {
		uint8_t len = (uint8_t)(sizeof(bad) + 2 * hops);
		struct message m;
		struct ruling r;
		uint8_t to = 13;

		message_begin(&m, 2, false);
		message_put(&m, &len, 1);
		message_put(&m, bad, sizeof(bad));
		for (unsigned i = 0; i < hops; i++) {
			uint8_t hop[2] = {0xc0, to};

			to = (uint8_t)m.len;
			message_put(&m, hop, 2);
		}
		message_put(&m, "\0\0\1\0\1\xc0", 6);
		message_put(&m, &to, 1);
		message_put(&m, "\0\1\0\1", 4);
		r = rule_on(k->policy, slice_of(m.bytes, m.len));
		expect(k, (r.rule != 0) == (hops < 16) && r.is_undecided == (hops >= 16),
		       "%u pointers: otherwise", hops + 1);
		check_message(k, "a chain of pointers", &m, 40000, 53, &r);
	}
}

/* What lies behind the window is not looked at, and what crosses its edge is left to the agent. */
static void test_window(struct kernel *k)
{
	kernel_rules(k, "[BLOCKED_DOMAINS] bad.example", 0);
	for (size_t pad = 200; pad < 300; pad++) {
		char name[256] = "";
		struct message m;
		struct ruling r;

		message_begin(&m, 3, false);
		for (size_t left = pad, at = 0; left > 1; at = strlen(name)) {
			size_t n = left > 61 ? 60 : left - 1;

			if (at + n + 1 > 250)
				break;
			if (at)
				name[at++] = '.';
			memset(name + at, 'p', n);
			name[at + n] = 0;
			left -= n + 1;
		}
		message_name(&m, name, true);
		message_name(&m, name, true);
		message_name(&m, "bad.example", true);
		r = rule_on(k->policy, slice_of(m.bytes, m.len));
		expect(k, (r.rule != 0) == (m.len - 4 <= WINDOW), "%zu bytes: otherwise", m.len);
		check_message(k, "at the edge of the window", &m, 40000, 53, &r);
	}
}

/* --- many
 * ------------------------------------------------------------------------------------------ */

static const char rules_many[] =
	"[BLOCKED_DOMAINS] bad.example =exact.example a.b.example ads.net tracker =ads.example\n"
	"[BLOCKED_APPS] YouTube Facebook Google\n"
	"[ALLOWED_DOMAINS] good.bad.example =music.youtube.com a.tracker\n"
	"[ALLOWED_APPS] WhatsApp\n";

static const char *const labels[] = {
	"bad",		"example",  "good",	"a",	  "b",	     "exact",	    "ads",
	"net",		"tracker",  "youtube",	"com",	  "music",   "googlevideo", "googleapis",
	"youtubei",	"facebook", "whatsapp", "google", "www",     "x-y",	    "_srv",
	"bad\\example", "\xc3\xbc", "WWW",	"Bad",	  "eXample",
};

static void test_random_names(struct kernel *k)
{
	enum { NAMES = 5000 };
	uint64_t seed = 20240607, blocked = 0;

	kernel_rules(k, rules_many, 0);
	for (int i = 0; i < NAMES && !k->has_failed; i++) {
		unsigned count = 1 + dice(&seed) % 5;
		char name[256] = "", what[300];
		struct message m;
		struct ruling r;

		for (unsigned n = 0; n < count; n++) {
			strcat(name, n ? "." : "");
			strcat(name, labels[dice(&seed) % COUNT(labels)]);
		}
		/* Known ends more often than chance would have them. */
		if (dice(&seed) % 2)
			strcat(name, dice(&seed) % 2 ? ".bad.example" : ".youtube.com");
		snprintf(what, sizeof(what), "'%s'", name);
		message_begin(&m, 1, dice(&seed) % 2);
		message_name(&m, name, true);
		r = rule_on(k->policy, slice_of(m.bytes, m.len));
		check_message(k, what, &m, 40000, 53, &r);
		blocked += r.rule != 0;
	}
	expect(k, blocked > NAMES / 8 && blocked < NAMES - NAMES / 8, "%llu names are blocked",
	       (unsigned long long)blocked);
}

/* Random damage to good messages: the same reading of whatever comes out. */
static void test_random_damage(struct kernel *k)
{
	enum { MESSAGES = 5000 };
	uint64_t seed = 99, blocked = 0, undecided = 0;

	kernel_rules(k, "[BLOCKED_DOMAINS] bad.example", 0);
	for (int i = 0; i < MESSAGES && !k->has_failed; i++) {
		struct message m;
		struct ruling r;
		char what[64];

		message_begin(&m, 1 + dice(&seed) % 4, false);
		message_name(&m, "www.good.example", true);
		message_name(&m, "www.bad", false);
		message_put(&m, "\xc0\x15\0\1\0\1", 6);
		message_name(&m, "a.bad.example", true);
		for (uint64_t n = dice(&seed) % 4; n; n--)
			m.bytes[4 + dice(&seed) % (m.len - 4)] =
				(uint8_t)(dice(&seed) % 2 ? 0xc0 + dice(&seed) % 2 : dice(&seed));
		r = rule_on(k->policy, slice_of(m.bytes, m.len));
		snprintf(what, sizeof(what), "damaged message %d", i);
		check_message(k, what, &m, 40000, 53, &r);
		blocked += r.rule != 0;
		undecided += r.is_undecided;
	}
	expect(k, blocked > 500 && undecided > 500, "too few of a kind");
}

/* --- captures
 * ------------------------------------------------------------------------------------- */

struct hunt {
	struct rules *rules;
	uint64_t messages, blocked, undecided;
};

static struct slice udp_payload(const void *bytes, size_t len)
{
	struct packet p;

	if (made_decode(bytes, len, &p) != DPI_PARSE_OK || p.head.key.proto != DPI_IP_UDP)
		return slice_of(NULL, 0);
	return p.payload;
}

/* Every other name that is asked for becomes an exact rule. */
static void collect(struct kernel *k, const void *bytes, size_t len, void *ctx)
{
	struct ruling r = rule_on(k->policy, udp_payload(bytes, len));
	struct hunt *h = ctx;
	char value[NAME_MAX_LEN + 2] = "=";
	struct fault f;
	uint64_t hash;

	if (!r.is_message || !r.first.len)
		return;
	memcpy(value + 1, r.first.text, r.first.len);
	hash = 0;
	for (unsigned i = 0; i < r.first.len; i++)
		hash = hash * 31 + (uint8_t)r.first.text[i];
	/* Names that no rule can be made for are left out. */
	if (dice(&hash) & 1)
		rules_add(h->rules, RULE_DOMAIN, false, slice_of(value, r.first.len + 1UL), NULL,
			  RULES_FORCE, &f);
}

static void compare(struct kernel *k, const void *bytes, size_t len, void *ctx)
{
	struct ruling r = rule_on(k->policy, udp_payload(bytes, len));
	struct hunt *h = ctx;
	char what[320];

	if (!r.is_message)
		return;
	snprintf(what, sizeof(what), "captured '%.*s'", r.first.len, r.first.text);
	check_frame(k, what, bytes, len, &r);
	h->messages++;
	h->blocked += r.rule != 0;
	h->undecided += r.is_undecided;
}

static void test_captures(struct kernel *k)
{
	struct hunt h = {.rules = rules_new()};

	if (!expect(k, h.rules != NULL, "no memory"))
		return;
	each_captured(k, collect, &h);
	kernel_rules_set(k, h.rules, 0);
	each_captured(k, compare, &h);
	printf("# %llu captured messages, %zu rules, %llu blocked, %llu undecided\n",
	       (unsigned long long)h.messages, rules_count(h.rules), (unsigned long long)h.blocked,
	       (unsigned long long)h.undecided);
	expect(k, h.blocked > h.messages / 10, "too few are blocked");
	rules_free(h.rules);
}

const struct test_case question_cases[] = {
	{"the kernel decides names as the policy does", test_names, false},
	{"a question cut short", test_truncated, false},
	{"DNS as an application", test_protocol, false},
	{"a name too long to be one", test_long_name, false},
	{"questions of odd shapes", test_shapes, false},
	{"chains of pointers", test_pointers, false},
	{"questions at the edge of the window", test_window, false},
	{"5,000 random names", test_random_names, false},
	{"5,000 damaged messages", test_random_damage, false},
	{"every captured DNS message", test_captures, true},
	{0},
};
