/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The kernel compares the name in the first segment of a TCP connection by itself. It must drop
 * what is plain, and nothing that the engine would pass: every conversation here goes through an
 * engine with the same rules too, frame by frame, as a capture would.
 */
#include "cases.h"

#include <stdio.h>

#include "../unit/hello_bytes.h"
#include "../unit/word_find.h"
#include "engine/engine.h"

enum { CLIENT_ISN = 0xfffffff0, SERVER_ISN = 5000, HTTPS = 443 };

static const struct slice data = {(const uint8_t *)"some data", 9};
static const struct slice none = {NULL, 0};

/* One connection through one program, and beside it through an engine. */
struct talk {
	struct kernel *k;
	struct engine *engine;
	enum dpi_hook hook;
	struct build_packet shape; /* addresses, ports, tags, family */
	bool is_tunnelled;
	struct outcome judged; /* what the engine made of the last frame */
	uint64_t hits;	       /* of the rule it names, before the kernel had the frame */
	struct made last;
};

static uint16_t next_port = 20000;

static bool talk_begin(struct talk *t, struct kernel *k, enum dpi_hook hook)
{
	const struct engine_config config = {
		.catalogue = k->catalogue, .policy = k->policy, .seed = 7};

	t->k = k;
	t->hook = hook;
	t->engine = engine_new(&config);
	t->shape.src = CLIENT;
	t->shape.dst = SERVER;
	t->shape.sport = next_port++;
	t->shape.dport = t->shape.dport ? t->shape.dport : HTTPS;
	t->shape.proto = DPI_IP_TCP;
	return expect(k, t->engine != NULL, "no memory for an engine");
}

/* As it is, or inside IPv4. */
static void make(struct talk *t, const struct build_packet *p)
{
	static uint8_t inner[BUILD_MAX];

	if (!t->is_tunnelled) {
		t->last.len = build_frame(t->last.bytes, p);
		return;
	}
	t->last.len = build_frame(
		t->last.bytes,
		&(struct build_packet){
			.src = 0xc0000201,
			.dst = 0xc0000202,
			.proto = p->is_v6 ? DPI_IP_IP6 : DPI_IP_IP4,
			.payload = slice_from(slice_of(inner, build_frame(inner, p)), 14)});
}

/* One frame to both. Whatever the kernel drops, the engine must drop. */
static enum fate say(struct talk *t, struct build_packet p)
{
	struct frame f = {.ts_ns = live_monotonic(), .number = 1, .link = LINK_ETHERNET};
	enum fate outcome;

	make(t, &p);
	f.wire_len = (uint32_t)t->last.len;
	f.bytes = slice_of(t->last.bytes, t->last.len);
	t->judged = engine_frame(t->engine, &f);
	t->hits = t->judged.rule ? kernel_hits(t->k, t->judged.rule) : 0;
	outcome = kernel_run(t->k, t->hook, t->last.bytes, t->last.len);
	expect(t->k, outcome != DROP || t->judged.action == DPI_DROP,
	       "the kernel drops what the engine passes");
	return outcome;
}

/* A segment at an offset of the client's stream or, with is_back, of the server's. */
static struct build_packet segment(const struct talk *t, bool is_back, int32_t off, uint8_t flags,
				   struct slice payload)
{
	struct build_packet p = t->shape;

	p.seq = (is_back ? SERVER_ISN : CLIENT_ISN) + 1 + (uint32_t)off;
	p.ack = flags & DPI_TCP_ACK ? (is_back ? CLIENT_ISN : SERVER_ISN) + 1U : 0;
	p.flags = flags;
	p.payload = payload;
	if (is_back) {
		p.src = t->shape.dst;
		p.dst = t->shape.src;
		p.sport = t->shape.dport;
		p.dport = t->shape.sport;
	}
	return p;
}

enum shake {
	SHAKE_WHOLE,
	SHAKE_NONE,	/* begun before anybody looked */
	SHAKE_ONE_WAY,	/* answers go by another way */
	SHAKE_TWICE,	/* the server is said to have accepted two connections */
	SHAKE_ELSEWHERE /* ... or another one than was asked for */
};

static void shake_hands(struct talk *t, enum shake shake)
{
	struct build_packet other;

	if (shake == SHAKE_NONE)
		return;
	say(t, segment(t, false, -1, DPI_TCP_SYN, none));
	if (shake == SHAKE_ONE_WAY)
		return;
	other = segment(t, true, -1, DPI_TCP_SYN | DPI_TCP_ACK, none);
	other.ack -= shake == SHAKE_ELSEWHERE ? 700 : 0;
	say(t, other);
	other.ack -= 1000;
	if (shake == SHAKE_TWICE)
		say(t, other);
	say(t, segment(t, false, 0, DPI_TCP_ACK, none));
}

/* --- what is said ----------------------------------------------------------------------------- */

enum words {
	HELLO,
	HELLO_ECH,     /* with an encrypted one inside: meet.google.com */
	HELLO_RECORDS, /* in several records */
	HELLO_LONG,    /* goes on in the next segment: www.ntop.org */
	HELLO_TWO,     /* two hellos, the second one's name is "www.blocked.example" */
	REQUEST,
	REQUEST_TARGET, /* the name is in the target alone */
};

static struct slice words_make(uint8_t *out, enum words words, const char *name)
{
	size_t len;

	switch (words) {
	case HELLO: return slice_of(out, build_hello(out, name, 300));
	case HELLO_ECH: return slice_of(hello_browser, sizeof(hello_browser));
	case HELLO_LONG: return slice_of(hello_curl, sizeof(hello_curl) - 200);
	case HELLO_RECORDS: return slice_of(out, build_hello_records(out, name, 30));
	case HELLO_TWO:
		len = build_hello(out, name, 0);
		return slice_of(out, len + build_hello(out + len, "www.blocked.example", 0));
	case REQUEST:
		len = (size_t)sprintf((char *)out,
				      "GET /a HTTP/1.1\r\nAccept: */*\r\nHost: %s\r\n\r\n", name);
		return slice_of(out, len);
	case REQUEST_TARGET:
		len = (size_t)sprintf(
			(char *)out, "GET http://%s/ HTTP/1.1\r\nHost: good.example\r\n\r\n", name);
		return slice_of(out, len);
	}
	return none;
}

#define BLOCK "[BLOCKED_DOMAINS] blocked.example\n"
#define NAME  "www.blocked.example"
/* A rule of two devices. */
#define OF(one, other) \
	"[BLOCKED_DOMAINS]\nblocked.example device " one "\nblocked.example device " other "\n"
#define GOOGLE "[BLOCKED_APPS] Google Meet\n"

/* Flags are of a segment; is_blocked: by the kernel. */
static const struct row {
	const char *what, *rules, *name;
	bool is_blocked;
	enum words words;
	enum shake shake;
	uint16_t port;
	uint8_t flags; /* beside ACK */
	bool is_back, is_second, is_cut, has_no_ack;
	int32_t seq, ack; /* added to what is right */
	uint32_t config;
	bool has_before; /* something is said first, at the offset ... */
	int32_t before;
} rows[] = {
	{"a hello", BLOCK, NAME, .is_blocked = true},
	{"a hello with PSH", BLOCK, NAME, true, .flags = DPI_TCP_PSH},
	{"capitals", BLOCK, "WWW.Blocked.EXAMPLE", .is_blocked = true},
	{"another name", BLOCK, "www.allowed.example", .is_blocked = false},
	{"a look-alike", BLOCK, "notblocked.example", .is_blocked = false},
	{"another port", BLOCK, NAME, true, .port = 9999},
	{"exactly", "[BLOCKED_DOMAINS] =www.blocked.example", NAME, .is_blocked = true},
	{"exactly, not below", "[BLOCKED_DOMAINS] =blocked.example", NAME, .is_blocked = false},
	{"an application", "[BLOCKED_APPS] YouTube", "www.youtube.com", .is_blocked = true},
	{"a category", "[BLOCKED_APPS] category:streaming", "www.youtube.com", .is_blocked = true},
	{"a name that answers may tell", "[BLOCKED_DOMAINS] learnt:blocked.example", NAME,
	 .is_blocked = true},
	{"application before domain", "[BLOCKED_APPS] YouTube\n[BLOCKED_DOMAINS] youtube.com",
	 "www.youtube.com", .is_blocked = true},
	{"no rule", "", NAME, .is_blocked = false},
	{"a rule on an address", "[BLOCKED_IPS] 192.0.2.77", NAME, .is_blocked = false},
	{"a request", BLOCK, NAME, true, REQUEST, .port = 80},
	{"a request on another port", BLOCK, NAME, true, REQUEST, .port = 9999},
	{"a request for another", BLOCK, "www.allowed.example", false, REQUEST, .port = 80},
	{"a target alone", BLOCK, NAME, false, REQUEST_TARGET, .port = 80},
	{"a hello that goes on", "[BLOCKED_DOMAINS] ntop.org", "", .is_blocked = true,
	 .words = HELLO_LONG},
	{"one that goes on, and ECH matters", "[BLOCKED_DOMAINS] ntop.org\n[BLOCKED_APPS] ECH", "",
	 .is_blocked = false, .words = HELLO_LONG},
	{"records", BLOCK, NAME, .is_blocked = false, .words = HELLO_RECORDS},
	{"the second hello", BLOCK, "a.example", .is_blocked = false, .words = HELLO_TWO},
	{"a dot behind", BLOCK, NAME ".", .is_blocked = false},
	{"an odd name", BLOCK, "b/d." NAME, .is_blocked = false},
	/* allows */
	{"an allowed address", BLOCK "[ALLOWED_IPS] 10.0.0.1\n2001:db8::a00:1", NAME,
	 .is_blocked = false},
	{"an allowed opener", BLOCK "[ALLOWED_IPS] src:10.0.0.1\nsrc:2001:db8::a00:1", NAME,
	 .is_blocked = false},
	{"an allowed responder that opens", BLOCK "[ALLOWED_IPS] dst:10.0.0.1\ndst:2001:db8::a00:1",
	 NAME, .is_blocked = true},
	{"an allowed name", BLOCK "[ALLOWED_DOMAINS] " NAME, NAME, .is_blocked = false},
	{"a name beside an allowed one", BLOCK "[ALLOWED_DOMAINS] good.blocked.example", NAME,
	 .is_blocked = true},
	{"an allowed application", "[BLOCKED_DOMAINS] youtube.com\n[ALLOWED_APPS] YouTube",
	 "www.youtube.com", .is_blocked = false},
	{"HTTPS allowed", BLOCK "[ALLOWED_APPS] HTTPS", NAME, .is_blocked = false},
	{"TLS allowed", BLOCK "[ALLOWED_APPS] TLS", NAME, false, .port = 8443},
	{"HTTP allowed", BLOCK "[ALLOWED_APPS] HTTP", NAME, false, REQUEST, .port = 80},
	{"HTTP allowed and a hello", BLOCK "[ALLOWED_APPS] HTTP", NAME, .is_blocked = true},
	{"DoH allowed", "[BLOCKED_DOMAINS] dns.google\n[ALLOWED_APPS] DoH", "dns.google",
	 .is_blocked = false},
	{"DoT allowed", BLOCK "[ALLOWED_APPS] DoT", NAME, false, .port = 853},
	/* protocols and signs */
	{"HTTPS", "[BLOCKED_APPS] HTTPS", NAME, .is_blocked = true},
	{"HTTPS on another port", "[BLOCKED_APPS] HTTPS", NAME, false, .port = 8443},
	{"TLS", "[BLOCKED_APPS] TLS", NAME, true, .port = 8443},
	{"TLS, and a name", BLOCK "[BLOCKED_APPS] TLS", NAME, true, .port = 8443},
	{"HTTP", "[BLOCKED_APPS] HTTP", NAME, true, REQUEST, .port = 80},
	{"HTTP and a hello", "[BLOCKED_APPS] HTTP", NAME, .is_blocked = false},
	{"an encrypted hello's outer name", GOOGLE, "", .is_blocked = true, .words = HELLO_ECH},
	{"ECH blocked", GOOGLE "ECH", "", .is_blocked = false, .words = HELLO_ECH},
	{"ECH allowed", GOOGLE "[ALLOWED_APPS] ECH", "", .is_blocked = false, .words = HELLO_ECH},
	{"ECH blocked, and a hello without", BLOCK "[BLOCKED_APPS] ECH", NAME, .is_blocked = true},
	/* devices */
	{"of an address", OF("10.0.0.1", "2001:db8::a00:1"), NAME, .is_blocked = true},
	{"of the responder's address", OF("10.0.0.2", "2001:db8::a00:2"), NAME, .is_blocked = true},
	{"of another address", OF("10.0.0.3", "2001:db8::a00:3"), NAME, .is_blocked = false},
	{"of a network", OF("10.0.0.0/30", "2001:db8::a00:0/126"), NAME, .is_blocked = true},
	{"of a network, a request", OF("10.0.0.0/30", "2001:db8::a00:0/126"), NAME, true, REQUEST,
	 .port = 80},
	{"of a hardware address", OF("02:00:00:00:00:02", "192.0.2.99"), NAME, .is_blocked = true},
	{"of where it is sent to", OF("02:00:00:00:00:01", "192.0.2.99"), NAME, .is_blocked = true},
	{"of another hardware address", OF("02:00:00:00:00:03", "192.0.2.99"), NAME,
	 .is_blocked = false},
	{"a device beside all", BLOCK OF("02:00:00:00:00:02", "192.0.2.99"), NAME,
	 .is_blocked = true},
	{"another name of a device", OF("02:00:00:00:00:02", "192.0.2.99"), "www.allowed.example",
	 .is_blocked = false},
	{"a name that a device may have",
	 BLOCK "[ALLOWED_DOMAINS]\nblocked.example device 02:00:00:00:00:02", NAME,
	 .is_blocked = false},
	{"a name that another may have",
	 BLOCK "[ALLOWED_DOMAINS]\nblocked.example device 02:00:00:00:00:03", NAME,
	 .is_blocked = true},
	{"HTTPS of a device", "[BLOCKED_APPS]\nHTTPS device 02:00:00:00:00:02", NAME,
	 .is_blocked = true},
	{"HTTPS of another", "[BLOCKED_APPS]\nHTTPS device 02:00:00:00:00:03", NAME,
	 .is_blocked = false},
	{"HTTP of a device", "[BLOCKED_APPS]\nHTTP device 02:00:00:00:00:02", NAME, true, REQUEST,
	 .port = 80},
	{"TLS of a device", "[BLOCKED_APPS]\nTLS device 02:00:00:00:00:02", NAME, true,
	 .port = 8443},
	{"HTTPS allowed to a device", BLOCK "[ALLOWED_APPS]\nHTTPS device 02:00:00:00:00:02", NAME,
	 .is_blocked = false},
	{"HTTPS allowed to another", BLOCK "[ALLOWED_APPS]\nHTTPS device 02:00:00:00:00:03", NAME,
	 .is_blocked = true},
	{"ECH of a device", GOOGLE "[BLOCKED_APPS]\nECH device 02:00:00:00:00:02", "",
	 .is_blocked = false, .words = HELLO_ECH},
	{"ECH of another", GOOGLE "[BLOCKED_APPS]\nECH device 02:00:00:00:00:03", "",
	 .is_blocked = true, .words = HELLO_ECH},
	{"a dot behind, of a device", OF("02:00:00:00:00:02", "192.0.2.99"), NAME ".",
	 .is_blocked = false},
	/* settings */
	{"only watching", BLOCK, NAME, false, .config = DPI_CONFIG_MONITOR},
	{"the agent is dead", BLOCK, NAME, true, .config = DPI_CONFIG_FAIL_CLOSED},
	/* the connection */
	{"no handshake", BLOCK, NAME, false, .shake = SHAKE_NONE},
	{"half a handshake", BLOCK, NAME, true, .shake = SHAKE_ONE_WAY},
	{"a disputed handshake", BLOCK, NAME, false, .shake = SHAKE_TWICE},
	{"another connection is accepted", BLOCK, NAME, false, .shake = SHAKE_ELSEWHERE},
	{"behind the beginning", BLOCK, NAME, false, .seq = 1},
	{"in front of it", BLOCK, NAME, false, .seq = -1},
	{"outside the window", BLOCK, NAME, false, .seq = 200000},
	{"an acknowledgement of nothing yet", BLOCK, NAME, false, .ack = 1000},
	{"an old acknowledgement", BLOCK, NAME, false, .ack = -1000},
	{"no acknowledgement", BLOCK, NAME, false, .has_no_ack = true},
	{"urgent bytes", BLOCK, NAME, false, .flags = DPI_TCP_URG},
	{"a FIN", BLOCK, NAME, false, .flags = DPI_TCP_FIN},
	{"a RST", BLOCK, NAME, false, .flags = DPI_TCP_RST},
	{"data in a SYN", BLOCK, NAME, false, .flags = DPI_TCP_SYN, .seq = -1},
	{"data in the SYN that opens", BLOCK, NAME, true, .shake = SHAKE_NONE, .flags = DPI_TCP_SYN,
	 .seq = -1, .has_no_ack = true},
	{"and another name", BLOCK, "www.allowed.example", false, .shake = SHAKE_NONE,
	 .flags = DPI_TCP_SYN, .seq = -1, .has_no_ack = true},
	{"data in a SYN and no first byte", BLOCK, NAME, false, .shake = SHAKE_ONE_WAY,
	 .flags = DPI_TCP_SYN, .has_no_ack = true},
	{"behind one in front of it", BLOCK, NAME, true, .has_before = true, .before = -20},
	{"behind one outside the window", BLOCK, NAME, true, .has_before = true, .before = 100000},
	{"in the place of another", BLOCK, NAME, true, .has_before = true},
	{"another in the place of another", BLOCK, "www.allowed.example", false,
	 .has_before = true},
	{"the responder's", BLOCK, NAME, false, .is_back = true},
	{"not the first", BLOCK, NAME, false, .is_second = true},
	{"a name that goes on", BLOCK, NAME, false, .is_cut = true},
};

static bool has_verdict(struct talk *t, struct dpi_verdict *v)
{
	struct dpi_key key = made_key(&t->last);

	return live_verdict_get(t->k->maps, &key, v) == 0;
}

/* The segment that a row is about. */
static struct build_packet segment_of_row(struct talk *t, const struct row *r, struct slice payload)
{
	uint8_t flags = (uint8_t)(r->flags | (r->has_no_ack ? 0 : DPI_TCP_ACK));
	struct build_packet p;

	if (r->is_cut)
		payload.len -= 10;
	p = segment(t, r->is_back, r->seq, flags, payload);
	p.ack += (uint32_t)r->ack;
	p.urgent = r->flags & DPI_TCP_URG ? 3 : 0;
	if (r->is_second)
		p.seq += 9;
	return p;
}

/* It is dropped for the rule that the engine names, told to the agent, and so is what follows. */
static void check_blocked(struct talk *t, const struct row *r, const struct dpi_counts *before)
{
	struct kernel *k = t->k;
	struct dpi_verdict v = {.rule = 0};
	uint64_t rule = t->judged.rule, hits = kernel_hits(k, rule) - t->hits;

	expect(k, kernel_grown(k, before, DPI_COUNT_DROP_WORD) == 1, "%s: not counted", r->what);
	expect(k, has_verdict(t, &v) && v.rule == rule && v.is_untold && v.action == DPI_DROP,
	       "%s: the verdict is of rule %llx, the engine's of %llx", r->what,
	       (unsigned long long)v.rule, (unsigned long long)rule);
	expect(k, hits == 1, "%s: the rule has %llu hits more", r->what, (unsigned long long)hits);
	expect(k,
	       kernel_drain(k) == 1 && (k->sample.head.flags & DPI_SAMPLE_DROPPED) &&
		       k->sample.len == t->last.len &&
		       memcmp(k->sample.bytes, t->last.bytes, t->last.len) == 0,
	       "%s: the agent is not told of it", r->what);
	expect(k, say(t, segment(t, true, 0, DPI_TCP_ACK, data)) == DROP, "%s: an answer passes",
	       r->what);
	expect(k, say(t, segment(t, false, 600, DPI_TCP_ACK, data)) == DROP, "%s: more passes",
	       r->what);
	expect(k, kernel_drain(k) == 0 && kernel_grown(k, before, DPI_COUNT_DROP_VERDICT) == 2,
	       "%s: what follows is not of the verdict", r->what);
}

static void check_row(struct kernel *k, const struct row *r, enum dpi_hook hook, bool is_v6,
		      int tags, bool is_tunnelled)
{
	static uint8_t bytes[BUILD_MAX];
	struct slice payload = words_make(bytes, r->words, r->name);
	struct talk *t = &(struct talk){
		.is_tunnelled = is_tunnelled,
		.shape = {.is_v6 = is_v6, .tag_count = is_tunnelled ? 0 : tags, .dport = r->port}};
	struct dpi_counts before;
	struct dpi_verdict v;
	enum fate outcome;

	kernel_rules(k, r->rules, r->config);
	if (!talk_begin(t, k, hook))
		return;
	shake_hands(t, r->shake);
	if (r->is_second || r->has_before)
		say(t, segment(t, false, r->before, DPI_TCP_ACK, data));
	kernel_drain(k);
	kernel_counts(k, &before);
	outcome = say(t, segment_of_row(t, r, payload));
	expect(k, outcome == (r->is_blocked ? DROP : PASS), "%s: %s on %s, IPv%d, %d tags%s",
	       r->what, r->is_blocked ? "passed" : "dropped", hook_name(hook), is_v6 ? 6 : 4, tags,
	       is_tunnelled ? ", in a tunnel" : "");
	if (r->is_blocked)
		check_blocked(t, r, &before);
	else
		expect(k,
		       kernel_grown(k, &before, DPI_COUNT_DROP_WORD) == 0 && !has_verdict(t, &v) &&
			       !(kernel_drain(k) && k->sample.head.flags & DPI_SAMPLE_DROPPED),
		       "%s: something is blocked all the same", r->what);
	engine_free(t->engine);
}

static void test_rows(struct kernel *k)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		for (int hook = 0; hook < HOOKS; hook++)
			for (int way = 0; way < 8; way++)
				check_row(k, &rows[i], (enum dpi_hook)hook, way & 1, way / 2 % 3,
					  way >= 6);
}

/* A name in the first fragment: it goes no further, but the verdict is left to whoever has them
 * all.
 */
static void test_piece(struct kernel *k)
{
	static uint8_t bytes[BUILD_MAX];

	kernel_rules(k, BLOCK, 0);
	for (int way = 0; way < 8; way++) {
		bool is_blocked = way & 1;
		const char *name = is_blocked ? NAME : "www.allowed.example";
		struct slice payload = words_make(bytes, way & 2 ? REQUEST : HELLO, name);
		struct talk *t = &(struct talk){.k = NULL};
		struct build_packet p;
		struct dpi_counts before;
		struct dpi_verdict v;

		if (!talk_begin(t, k, way & 4 ? DPI_HOOK_TRANSMIT : DPI_HOOK_RECEIVE))
			return;
		shake_hands(t, SHAKE_WHOLE);
		kernel_drain(k);
		kernel_counts(k, &before);
		p = segment(t, false, 0, DPI_TCP_ACK, payload);
		p.frag = 0x2000;
		expect(k, say(t, p) == (is_blocked ? DROP : PASS), "'%s' is %s", name,
		       is_blocked ? "passed" : "dropped");
		expect(k,
		       kernel_grown(k, &before, DPI_COUNT_DROP_WORD) == is_blocked &&
			       !has_verdict(t, &v),
		       "'%s': there is a verdict, or no count", name);
		expect(k,
		       kernel_drain(k) == 1 &&
			       !(k->sample.head.flags & DPI_SAMPLE_DROPPED) == !is_blocked &&
			       (k->sample.head.flags & DPI_SAMPLE_FRAGMENT),
		       "'%s': the agent is told otherwise", name);
		engine_free(t->engine);
	}
}

/* --- the names -------------------------------------------------------------------------------- */

/* Without a rule that could block a name no segment is read; nor is any but the first. */
static void test_cost(struct kernel *k)
{
	static const struct {
		const char *rules;
		uint64_t hellos, requests;
	} sets[] = {
		{"", 0, 0},
		{"[BLOCKED_IPS] 192.0.2.1", 0, 0},
		{"[BLOCKED_PORTS] 9", 0, 0},
		{"[ALLOWED_DOMAINS] a.example", 0, 0},
		{BLOCK, 1, 1},
		{"[BLOCKED_APPS] HTTP", 0, 1},
		{"[BLOCKED_APPS] TLS", 1, 0},
		{BLOCK "[ALLOWED_APPS] DoH", 0, 1},
	};
	static uint8_t bytes[BUILD_MAX];

	for (size_t i = 0; i < COUNT(sets); i++) {
		kernel_rules(k, sets[i].rules, 0);
		for (int words = HELLO; words <= REQUEST; words += REQUEST) {
			struct slice payload = words_make(bytes, (enum words)words, "a.example");
			struct talk *t = &(struct talk){.k = NULL};
			struct dpi_counts before;
			uint64_t read;

			if (!talk_begin(t, k, DPI_HOOK_RECEIVE))
				return;
			kernel_counts(k, &before);
			shake_hands(t, SHAKE_WHOLE);
			for (int n = 0; n < 5; n++) {
				say(t, segment(t, false, n * 1000, DPI_TCP_ACK, payload));
				say(t, segment(t, true, n * 1000, DPI_TCP_ACK, payload));
			}
			read = kernel_grown(k, &before, DPI_COUNT_WORDS);
			expect(k, read == (words == HELLO ? sets[i].hellos : sets[i].requests),
			       "'%s': %llu segments are read", sets[i].rules,
			       (unsigned long long)read);
			engine_free(t->engine);
			kernel_drain(k);
		}
	}
}

/* What the agent does not hear of is dropped all the same, each time, but no verdict stays that
 * nobody would take away. */
static void test_untold(struct kernel *k)
{
	static const uint8_t zeros[1400];
	static uint8_t bytes[BUILD_MAX];
	struct slice payload = words_make(bytes, HELLO, NAME);
	struct talk *t = &(struct talk){.k = NULL};
	struct made *m = &(struct made){0};
	struct dpi_counts before;
	struct dpi_verdict v;

	kernel_rules(k, BLOCK, 0);
	if (!talk_begin(t, k, DPI_HOOK_RECEIVE))
		return;
	shake_hands(t, SHAKE_WHOLE);
	/* Long ones, then short ones for what is left. */
	for (uint16_t i = 0; i < 4200; i++) {
		make_udp(m, (uint16_t)(i + 1), 443, slice_of(zeros, i < 4000 ? sizeof(zeros) : 30));
		kernel_run(k, DPI_HOOK_RECEIVE, m->bytes, m->len);
	}
	kernel_counts(k, &before);
	for (int n = 1; n < 4; n++) {
		expect(k, say(t, segment(t, false, 0, DPI_TCP_ACK, payload)) == DROP,
		       "passed, for a full ring");
		expect(k, !has_verdict(t, &v), "a verdict that nobody knows of stays");
	}
	expect(k, kernel_grown(k, &before, DPI_COUNT_DROP_WORD) == 3, "not counted each time");
	kernel_drain(k);
	expect(k, say(t, segment(t, false, 0, DPI_TCP_ACK, payload)) == DROP && has_verdict(t, &v),
	       "no verdict, though the ring has room");
	expect(k, kernel_drain(k) == 1 && (k->sample.head.flags & DPI_SAMPLE_DROPPED),
	       "the agent is not told");
	engine_free(t->engine);
}

/* Of a flow that the agent has named and not blocked, the agent decides. */
static void test_known(struct kernel *k)
{
	static uint8_t bytes[BUILD_MAX];
	struct slice payload = words_make(bytes, HELLO, NAME);
	struct dpi_fact fact = {.name_len = 1, .name = "a"};
	struct talk *t = &(struct talk){.k = NULL};
	struct dpi_key key;

	kernel_rules(k, BLOCK, 0);
	if (!talk_begin(t, k, DPI_HOOK_RECEIVE))
		return;
	shake_hands(t, SHAKE_WHOLE);
	key = made_key(&t->last);
	live_fact_put(k->maps, &key, &fact);
	expect(k, say(t, segment(t, false, 0, DPI_TCP_ACK, payload)) == PASS,
	       "what the agent has passed is dropped");
	engine_free(t->engine);
}

/* --- captures --------------------------------------------------------------------------------- */

struct hunt {
	struct rules *rules;
	uint64_t segments, blocked, by_engine;
};

static struct slice tcp_payload(const void *bytes, size_t len)
{
	struct packet p;

	if (made_decode(bytes, len, &p) != DPI_PARSE_OK || p.head.key.proto != DPI_IP_TCP)
		return none;
	return p.payload;
}

/* Every other name becomes a rule. */
static void collect(struct kernel *k, const void *bytes, size_t len, void *ctx)
{
	struct word_found w = word_find(tcp_payload(bytes, len));
	struct hunt *h = ctx;
	uint64_t chance = w.name.len ? (uint8_t)w.name.text[0] * 31U + w.name.len : 0;
	struct fault f;

	(void)k;
	if (w.is_found && (dice(&chance) & 1))
		rules_add(h->rules, RULE_DOMAIN, false, name_slice(&w.name), NULL, RULES_FORCE, &f);
}

/* The payload as the first of a connection. */
static void compare(struct kernel *k, const void *bytes, size_t len, void *ctx)
{
	struct slice payload = tcp_payload(bytes, len);
	struct talk *t = &(struct talk){.k = NULL};
	struct hunt *h = ctx;
	enum fate outcome;

	if (!payload.len || payload.len > 1400 ||
	    (payload.at[0] != 22 && (payload.at[0] < 'A' || payload.at[0] > 'Z')))
		return;
	if (!talk_begin(t, k, h->segments & 1 ? DPI_HOOK_TRANSMIT : DPI_HOOK_RECEIVE))
		return;
	shake_hands(t, SHAKE_WHOLE);
	outcome = say(t, segment(t, false, 0, DPI_TCP_ACK, payload));
	h->segments++;
	h->blocked += outcome == DROP;
	h->by_engine += t->judged.action == DPI_DROP;
	engine_free(t->engine);
	if (h->segments % 64 == 0)
		kernel_drain(k);
	if (h->segments % 8192 == 0)
		kernel_reset(k), kernel_rules_set(k, h->rules, 0);
}

static void test_captures(struct kernel *k)
{
	struct hunt h = {.rules = rules_new()};

	if (!expect(k, h.rules != NULL, "no memory"))
		return;
	each_captured(k, collect, &h);
	kernel_rules_set(k, h.rules, 0);
	each_captured(k, compare, &h);
	printf("# %llu captured first segments, %zu rules, the kernel blocks %llu, the engine "
	       "%llu\n",
	       (unsigned long long)h.segments, rules_count(h.rules), (unsigned long long)h.blocked,
	       (unsigned long long)h.by_engine);
	expect(k, h.blocked > 100 && h.blocked >= h.by_engine * 9 / 10,
	       "too few are blocked by the kernel alone");
	rules_free(h.rules);
}

const struct test_case word_cases[] = {
	{"the kernel decides first words as the engine does", test_rows, false},
	{"only first segments are read, and only for a rule", test_cost, false},
	{"a first word in a first fragment", test_piece, false},
	{"a first word that the agent cannot be told of", test_untold, false},
	{"a first word of a flow that the agent knows", test_known, false},
	{"every captured first word", test_captures, true},
	{0},
};
