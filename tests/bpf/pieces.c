/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * IP fragments: the later ones share the fate of the first, all of them meet in one ring, and those
 * that hide their ports do not pass while anything is blocked (RFC 1858).
 */
#include "cases.h"

#include <stdio.h>
#include <unistd.h>

enum { RULE = 0x2345678, MORE = 0x2000 };

static const uint8_t zeros[1400];
static const uint64_t second = 1000000000;

/* One piece of a UDP datagram from client to server, or back: off counts from its first byte. */
struct piece {
	bool is_v6, is_back, has_more;
	uint16_t id, off;
	uint16_t sport, dport; /* of the first one */
	uint8_t extension;     /* IPv6: the next header that a later one claims; 0: UDP */
	size_t len;	       /* bytes of payload */
	const uint8_t *bytes;  /* that it has; NULL: zeros */
};

static void put16(uint8_t *at, unsigned n)
{
	at[0] = (uint8_t)(n >> 8);
	at[1] = (uint8_t)n;
}

static void make_piece(struct made *m, const struct piece *f)
{
	struct build_packet p = {
		.is_v6 = f->is_v6,
		.src = f->is_back ? SERVER : CLIENT,
		.dst = f->is_back ? CLIENT : SERVER,
		.sport = f->sport,
		.dport = f->dport,
		.proto = DPI_IP_UDP,
		.frag = f->is_v6 ? (f->off ? 1 : 0)
				 : (uint16_t)((f->has_more ? MORE : 0) | f->off >> 3),
		.payload = slice_of(f->bytes ? f->bytes : zeros, f->len),
	};
	uint8_t *ip = m->bytes + 14;

	m->len = build_frame(m->bytes, &p);
	if (!f->is_v6) {
		put16(ip + 4, f->id);
		return;
	}
	memmove(ip + 48, ip + 40, m->len - 54);
	m->len += 8;
	memset(ip + 40, 0, 8);
	ip[6] = 44;
	ip[40] = f->extension ? f->extension : DPI_IP_UDP;
	put16(ip + 42, f->off | (f->has_more ? 1 : 0));
	put16(ip + 46, f->id);
	put16(ip + 4, dpi_get16(ip + 4) + 8U);
}

static enum fate run(struct kernel *k, const struct piece *f, enum dpi_hook hook)
{
	struct made *m = &(struct made){0};

	make_piece(m, f);
	return kernel_run(k, hook, m->bytes, m->len);
}

static const struct piece first = {
	.has_more = true, .id = 7, .sport = 5000, .dport = 6000, .len = 64};
static const struct piece later = {.id = 7, .off = 72, .len = 100};

static struct piece with(struct piece f, bool is_v6, bool is_back)
{
	f.is_v6 = is_v6;
	f.is_back = is_back;
	if (is_back) {
		uint16_t port = f.sport;

		f.sport = f.dport;
		f.dport = port;
	}
	return f;
}

static struct dpi_key key_of(const struct piece *f)
{
	struct made *m = &(struct made){0};

	make_piece(m, f);
	return made_key(m);
}

static void test_shares_fate(struct kernel *k)
{
	for (unsigned i = 0; i < 8; i++) {
		enum dpi_hook hook = i & 1;
		struct piece head = with(first, i & 2, i & 4), tail = with(later, i & 2, i & 4);
		struct dpi_key key = key_of(&head);
		struct live_flow flow = {0};
		struct piece other = tail;

		kernel_reset(k);
		expect(k, run(k, &head, hook) == PASS && run(k, &tail, hook) == PASS,
		       "pieces of a flow that is not blocked are dropped");
		expect(k,
		       live_flow_get(k->maps, &key, &flow) == 0 &&
			       flow.packets[0] + flow.packets[1] == 2,
		       "the flow does not count its later pieces");
		live_verdict_put(k->maps, &key, RULE, live_monotonic());
		expect(k, run(k, &tail, hook) == DROP, "a later piece of a blocked flow passes");
		expect(k, run(k, &head, hook) == DROP && run(k, &tail, hook) == DROP,
		       "pieces of a blocked flow pass");
		other.id++;
		expect(k, run(k, &other, hook) == PASS, "a piece of another datagram is dropped");
		other = tail;
		other.is_back = !other.is_back;
		expect(k, run(k, &other, hook) == PASS, "a piece from the other end is dropped");
		kernel_drain(k);
	}
}

/* An allow of the first piece's port or address reaches the later ones, as a block does. */
static void test_shares_rules(struct kernel *k)
{
	struct dpi_counts before;

	kernel_rules(k, "[BLOCKED_PORTS] 6000/udp", 0);
	kernel_counts(k, &before);
	for (int hook = 0; hook < HOOKS; hook++) {
		expect(k, run(k, &first, (enum dpi_hook)hook) == DROP, "a first piece passes");
		expect(k, run(k, &later, (enum dpi_hook)hook) == DROP, "a later piece passes");
	}
	expect(k, kernel_grown(k, &before, DPI_COUNT_DROP_PORT) == 4, "counted otherwise");
	kernel_drain(k);
}

static void test_meet(struct kernel *k)
{
	static const uint8_t extensions[] = {0, 60, DPI_IP_TCP};

	for (unsigned i = 0; i < 2 * COUNT(extensions); i++) {
		struct piece head = with(first, i & 1, false), tail = with(later, i & 1, false);
		uint32_t hash;

		tail.extension = extensions[i / 2];
		for (int is_known = 0; is_known < 2; is_known++) {
			kernel_reset(k);
			expect(k,
			       run(k, is_known ? &head : &tail, i & 1) == PASS &&
				       kernel_drain(k) == 1,
			       "a piece is not sampled");
			hash = k->sample.head.hash;
			expect(k, k->sample.head.flags & DPI_SAMPLE_FRAGMENT, "nor called one");
			expect(k,
			       run(k, is_known ? &tail : &head, i & 1) == PASS &&
				       kernel_drain(k) == 1,
			       "the other piece is not sampled");
			expect(k, k->sample.head.hash == hash, "pieces go to different workers");
			expect(k, k->sample.head.flags & DPI_SAMPLE_FRAGMENT, "not called one");
		}
	}
}

static void test_ration(struct kernel *k)
{
	const uint64_t more = 50, n = DPI_FRAG_PER_S + more;
	struct piece alone = later;
	struct dpi_counts before;
	uint64_t begin, unsampled, samples;

	usleep(1100000); /* a fresh ration */
	kernel_counts(k, &before);
	begin = live_monotonic();
	for (uint64_t i = 0; i < n; i++) {
		alone.id = (uint16_t)(i + 100);
		expect(k, run(k, &alone, DPI_HOOK_RECEIVE) == PASS, "a lone piece is dropped");
	}
	unsampled = kernel_grown(k, &before, DPI_COUNT_FRAGMENT_UNSAMPLED);
	if (live_monotonic() - begin < second)
		expect(k, unsampled == more, "%llu beyond the ration, not %llu",
		       (unsigned long long)unsampled, (unsigned long long)more);
	else
		expect(k, unsampled <= more, "the ration is too small");
	samples = kernel_drain(k);
	expect(k, samples + unsampled == n, "%llu of %llu are sampled", (unsigned long long)samples,
	       (unsigned long long)n);
	usleep(1100000); /* for the cases behind */
}

/* Pieces of a known flow are copied, within the ration, until the agent says enough: not from its
 * budget, which pieces that never make a datagram would use up. */
static void test_settled(struct kernel *k)
{
	const struct dpi_fact fact = {.settled = 1};
	uint64_t samples[2] = {0};
	struct dpi_key key = key_of(&first);

	for (int round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 100; i++) {
			struct piece head = first, tail = later;

			head.id = tail.id = (uint16_t)(1000 + i);
			run(k, &head, DPI_HOOK_RECEIVE);
			run(k, &tail, DPI_HOOK_RECEIVE);
			samples[round] += kernel_drain(k);
		}
		live_fact_put(k->maps, &key, &fact);
	}
	expect(k, samples[0] == 200, "%llu pieces are copied", (unsigned long long)samples[0]);
	expect(k, samples[1] == 0, "%llu are, though the flow is settled",
	       (unsigned long long)samples[1]);
}

/* --- pieces that hide their ports
 * ----------------------------------------------------------------- */

static void test_tiny(struct kernel *k)
{
	static const struct {
		const char *what, *rules;
		uint32_t flags;
		enum fate outcome;
		enum dpi_counter counter;
	} rows[] = {
		{"no rules", "", 0, PASS, DPI_COUNT_PASSED},
		{"allows alone", "[ALLOWED_IPS] 10.9.9.9", 0, PASS, DPI_COUNT_PASSED},
		{"a blocked name", "[BLOCKED_DOMAINS] bad.example", 0, DROP,
		 DPI_COUNT_DROP_FRAGMENT},
		{"a blocked application", "[BLOCKED_APPS] YouTube", 0, DROP,
		 DPI_COUNT_DROP_FRAGMENT},
		{"a blocked port", "[BLOCKED_PORTS] 9999", 0, DROP, DPI_COUNT_DROP_FRAGMENT},
		{"monitoring", "[BLOCKED_PORTS] 9999", DPI_CONFIG_MONITOR, PASS,
		 DPI_COUNT_MONITORED},
		{"its address blocked", "[BLOCKED_IPS] 10.0.0.2", 0, DROP, DPI_COUNT_DROP_ADDRESS},
		{"its address allowed", "[BLOCKED_PORTS] 9999\n[ALLOWED_IPS] 10.0.0.2", 0, PASS,
		 DPI_COUNT_PASSED},
		{"resets asked for", "[BLOCKED_PORTS] 9999", DPI_CONFIG_RESET, DROP,
		 DPI_COUNT_DROP_FRAGMENT},
	};
	struct made *m = &(struct made){0};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dpi_counts before;
		struct packet p;

		kernel_reset(k);
		kernel_rules(k, rows[i].rules, rows[i].flags);
		/* Eight bytes of TCP: the ports are there, the flags and the data's offset not. */
		m->len = build_frame(m->bytes, &(struct build_packet){.src = CLIENT,
								      .dst = SERVER,
								      .sport = CLIENT_PORT,
								      .dport = SERVER_PORT,
								      .proto = DPI_IP_TCP,
								      .frag = MORE,
								      .flags = DPI_TCP_ACK});
		m->len -= 12;
		put16(m->bytes + 16, 28);
		expect(k, made_decode(m->bytes, m->len, &p) == DPI_PARSE_TINY, "not tiny");
		kernel_counts(k, &before);
		for (int hook = 0; hook < HOOKS; hook++)
			expect(k,
			       kernel_run(k, (enum dpi_hook)hook, m->bytes, m->len) ==
				       rows[i].outcome,
			       "%s: a tiny fragment is %s", rows[i].what,
			       rows[i].outcome == DROP ? "passed" : "dropped");
		expect(k, kernel_grown(k, &before, DPI_COUNT_TINY) == 2, "%s: not counted",
		       rows[i].what);
		expect(k, kernel_grown(k, &before, rows[i].counter) == 2, "%s: counted otherwise",
		       rows[i].what);
		expect(k, kernel_drain(k) == (rows[i].outcome == PASS ? 2 : 0),
		       "%s: sampled otherwise", rows[i].what);
	}
}

/* --- pieces that hide a question ---------------------------------------------------------------
 */

/* A question for www.blocked.example, or for www.allowed.example, with padding behind. */
static size_t question_make(uint8_t out[600], bool is_blocked)
{
	static const uint8_t head[12] = {1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1};
	static const char name[] = "\3www\7blocked\7example", other[] = "\3www\7allowed\7example";

	memset(out, 0, 600);
	memcpy(out, head, sizeof(head));
	memcpy(out + 12, is_blocked ? name : other, sizeof(name));
	out[12 + sizeof(name) + 1] = out[12 + sizeof(name) + 3] = 1; /* A, Internet */
	return 12 + sizeof(name) + 4;
}

/* First pieces of every length: one that ends in front of the question's end does not pass, whoever
 * asks for what; of those that hold it the name decides. */
static void test_question_cut(struct kernel *k)
{
	static const struct {
		const char *rules;
		uint32_t flags;
		bool is_refused, is_decided; /* a question that is cut; one that is whole */
	} sets[] = {
		{"", 0, false, false},
		{"[BLOCKED_PORTS] 9999", 0, false, false},
		{"[BLOCKED_DOMAINS] blocked.example", 0, true, true},
		{"[BLOCKED_DOMAINS] blocked.example", DPI_CONFIG_MONITOR, false, false},
		{"[BLOCKED_DOMAINS] blocked.example\n[ALLOWED_IPS] 10.0.0.2\n2001:db8::a00:2", 0,
		 false, false},
		{"[BLOCKED_DOMAINS] blocked.example\n[ALLOWED_APPS] DNS", 0, false, false},
	};
	static uint8_t bytes[600];

	for (size_t i = 0; i < COUNT(sets); i++) {
		kernel_rules(k, sets[i].rules, sets[i].flags);
		for (unsigned way = 0; way < 96; way++) {
			bool is_blocked = way & 1;
			size_t whole = question_make(bytes, is_blocked), len = way / 16 * 8;
			bool is_cut = len < whole;
			bool is_dropped = is_cut ? sets[i].is_refused
						 : sets[i].is_decided && is_blocked;
			const struct piece head = {.has_more = true,
						   .is_v6 = way & 2,
						   .id = (uint16_t)(way + 1),
						   .sport = 40000,
						   .dport = way & 4 ? 53 : 5300,
						   .len = is_cut ? len : 592,
						   .bytes = bytes};
			struct dpi_counts before;

			kernel_counts(k, &before);
			expect(k,
			       run(k, &head, way & 8 ? DPI_HOOK_TRANSMIT : DPI_HOOK_RECEIVE) ==
				       (is_dropped ? DROP : PASS),
			       "'%s': %zu bytes of %zu, port %u: %s", sets[i].rules, head.len,
			       whole, head.dport, is_dropped ? "passed" : "dropped");
			expect(k,
			       kernel_grown(k, &before, DPI_COUNT_DROP_FRAGMENT) ==
					       (is_cut && is_dropped) &&
				       kernel_grown(k, &before, DPI_COUNT_DROP_DNS) ==
					       (!is_cut && is_dropped),
			       "'%s': counted otherwise", sets[i].rules);
			kernel_drain(k);
		}
	}
}

/* What is no question passes, however short its pieces are, but for those that show nothing. */
static void test_question_none(struct kernel *k)
{
	static uint8_t bytes[600];

	kernel_rules(k, "[BLOCKED_DOMAINS] blocked.example", 0);
	memset(bytes, 0x5a, sizeof(bytes));
	for (unsigned i = 0; i < 80; i++) {
		struct piece head = {.has_more = true,
				     .is_v6 = i & 1,
				     .id = (uint16_t)(i + 1),
				     .sport = 40000,
				     .dport = i & 2 ? 53 : 443,
				     .len = i / 4 * 8,
				     .bytes = bytes};

		expect(k, run(k, &head, i & 1) == (head.len ? PASS : DROP),
		       "%zu bytes to port %u: otherwise", head.len, head.dport);
		kernel_drain(k);
	}
}

const struct test_case piece_cases[] = {
	{"later fragments share the fate of the first", test_shares_fate, false},
	{"later fragments share the rules of the first", test_shares_rules, false},
	{"all fragments of a datagram meet in one ring", test_meet, false},
	{"fragments of no known flow are rationed", test_ration, false},
	{"fragments of a known flow are copied until it is settled", test_settled, false},
	{"a first fragment that hides its ports", test_tiny, false},
	{"a first fragment that hides a question", test_question_cut, false},
	{"a short first fragment that has no question", test_question_none, false},
	{0},
};
