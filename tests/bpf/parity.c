/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Kernel and user space read the same frame alike: the parse result by what is counted, key and
 * direction by the flow that is stored, key, hash and bytes by the sample that comes out. Every
 * frame is a flow of its own here; what it should leave behind is worked out from packet_decode().
 */
#include "cases.h"

#include <stdio.h>

/* A test run makes no socket buffer without a whole IP header in it, nor one beyond a page. */
enum { SKB_LEAST = 54, SKB_MOST = 3400 };

struct tally {
	uint64_t frames, keyed, samples;
	uint64_t tunnels, pieces;
	uint64_t aside;	  /* in tunnels that only user space follows */
	uint64_t refused; /* by the test run, though it should take them */
};

/* The counters that a parse result moves, beside those every frame moves. */
static enum dpi_counter result_counter(enum dpi_parse result, const struct packet *p)
{
	switch (result) {
	case DPI_PARSE_NOT_IP: return DPI_COUNT_OTHER;
	case DPI_PARSE_SHORT: return DPI_COUNT_SHORT;
	case DPI_PARSE_BAD: return DPI_COUNT_BAD;
	case DPI_PARSE_DEEP: return DPI_COUNT_DEEP;
	default: break;
	}
	switch (p->head.key.proto) {
	case DPI_IP_TCP: return DPI_COUNT_TCP;
	case DPI_IP_UDP: return DPI_COUNT_UDP;
	case DPI_IP_ICMP:
	case DPI_IP_ICMPV6: return DPI_COUNT_ICMP;
	default: return DPI_COUNT_OTHER;
	}
}

static bool has_key(enum dpi_parse result)
{
	return result == DPI_PARSE_OK || result == DPI_PARSE_FRAGMENT || result == DPI_PARSE_TINY;
}

static bool is_piece(enum dpi_parse result, const struct packet *p)
{
	return result == DPI_PARSE_FRAGMENT || result == DPI_PARSE_TINY ||
	       (result == DPI_PARSE_OK && p->head.is_first_fragment);
}

/* Pieces are copied whatever they carry, but for ICMP; whole packets when they have payload. */
static bool is_sampled(enum dpi_parse result, const struct packet *p, bool has_flow)
{
	uint8_t proto = p->head.key.proto;

	if (is_piece(result, p))
		return proto != DPI_IP_ICMP && proto != DPI_IP_ICMPV6 &&
		       (!has_flow || p->payload.len);
	return has_flow && p->payload.len && (proto == DPI_IP_TCP || proto == DPI_IP_UDP);
}

static enum dpi_counter tunnel_counter(enum dpi_tunnel kind)
{
	switch (kind) {
	case DPI_TUNNEL_IP4: return DPI_COUNT_TUNNEL_IP4;
	case DPI_TUNNEL_IP6: return DPI_COUNT_TUNNEL_IP6;
	case DPI_TUNNEL_GRE: return DPI_COUNT_TUNNEL_GRE;
	case DPI_TUNNEL_VXLAN: return DPI_COUNT_TUNNEL_VXLAN;
	case DPI_TUNNEL_GENEVE: return DPI_COUNT_TUNNEL_GENEVE;
	case DPI_TUNNEL_TEREDO: return DPI_COUNT_TUNNEL_TEREDO;
	default: return DPI_COUNT_TUNNEL_GTPU;
	}
}

/* What one frame of a flow of its own should leave behind. */
struct foretold {
	struct dpi_counts grown;
	bool has_flow, has_syn, has_sample;
};

static struct foretold foretell(enum dpi_hook hook, enum dpi_parse result, const struct packet *p,
				size_t len)
{
	struct foretold w = {0};
	bool is_tcp = p->head.key.proto == DPI_IP_TCP;
	bool is_bare = is_tcp && ((p->head.tcp_flags & DPI_TCP_RST) ||
				  ((p->head.tcp_flags & DPI_TCP_SYN) && !p->payload.len));

	w.grown.n[hook == DPI_HOOK_RECEIVE ? DPI_COUNT_RX_PACKETS : DPI_COUNT_TX_PACKETS] = 1;
	w.grown.n[hook == DPI_HOOK_RECEIVE ? DPI_COUNT_RX_BYTES : DPI_COUNT_TX_BYTES] = len;
	w.grown.n[DPI_COUNT_PASSED] = 1;
	w.grown.n[result_counter(result, p)] = 1;
	w.grown.n[DPI_COUNT_FRAGMENT] = result == DPI_PARSE_FRAGMENT;
	w.grown.n[DPI_COUNT_TINY] = result == DPI_PARSE_TINY;
	if (!has_key(result))
		return w;
	if (p->tunnel)
		w.grown.n[tunnel_counter(p->tunnel)] = 1;
	w.has_flow = result == DPI_PARSE_OK && !is_bare;
	w.has_syn = result == DPI_PARSE_OK && is_tcp &&
		    (p->head.tcp_flags & (DPI_TCP_SYN | DPI_TCP_RST)) == DPI_TCP_SYN;
	w.has_sample = is_sampled(result, p, w.has_flow);
	w.grown.n[DPI_COUNT_SAMPLES] = w.has_sample;
	w.grown.n[DPI_COUNT_SAMPLE_BYTES] = w.has_sample ? len : 0;
	return w;
}

static const char *const counter_name[] = {
#define X(id, name, help) [DPI_COUNT_##id] = #name,
	DPI_COUNTERS(X)
#undef X
};

static void check_counts(struct kernel *k, const char *what, const struct dpi_counts *before,
			 const struct dpi_counts *grown)
{
	struct dpi_counts now;

	kernel_counts(k, &now);
	/* Deeper than four tunnels neither side goes; only the kernel says so. */
	now.n[DPI_COUNT_TUNNEL_DEEP] = before->n[DPI_COUNT_TUNNEL_DEEP];
	/* More connections were asked for in this second than are remembered: that is counted. */
	if (now.n[DPI_COUNT_SYN_UNTRACKED] > before->n[DPI_COUNT_SYN_UNTRACKED])
		now.n[DPI_COUNT_SYN_UNTRACKED]--;
	for (int c = 0; c < DPI_COUNT_MAX; c++)
		expect(k, now.n[c] - before->n[c] == grown->n[c], "%s: %s grew by %llu, not %llu",
		       what, counter_name[c], (unsigned long long)(now.n[c] - before->n[c]),
		       (unsigned long long)grown->n[c]);
}

static void check_flow(struct kernel *k, const char *what, const struct packet *p, size_t len,
		       bool has_flow)
{
	uint8_t dir = p->head.dir & 1;
	struct live_flow flow;
	int err = live_flow_get(k->maps, &p->head.key, &flow);

	expect(k, (err == 0) == has_flow, "%s: flow %s", what,
	       has_flow ? "is not stored under the key" : "is stored");
	if (err || !has_flow)
		return;
	expect(k, flow.packets[dir] == 1 && flow.bytes[dir] == len && flow.packets[!dir] == 0,
	       "%s: counted for the wrong end", what);
	expect(k, flow.opener == dpi_opener_guess(&p->head), "%s: another opener", what);
	expect(k, flow.tcp_flags[dir] == p->head.tcp_flags, "%s: other TCP flags", what);
}

static void check_syn(struct kernel *k, const char *what, const struct packet *p, bool has_syn,
		      bool is_untracked)
{
	uint8_t dir = p->head.dir & 1;
	struct dpi_syn syn;
	int err = kernel_syn(k, &p->head.key, &syn);

	expect(k, (err == 0) == (has_syn && !is_untracked), "%s: half-open connection %s", what,
	       has_syn ? "is not stored" : "is stored");
	if (err || !has_syn)
		return;
	expect(k,
	       syn.isn[dir] == p->head.seq && (syn.flags & (dir ? DPI_FLOW_ISN1 : DPI_FLOW_ISN0)),
	       "%s: another initial sequence number", what);
	expect(k, syn.opener == dpi_opener_guess(&p->head), "%s: another opener", what);
}

static void check_sample(struct kernel *k, const char *what, const struct packet *p,
			 enum dpi_parse result, const void *bytes, size_t len, enum dpi_hook hook)
{
	const struct dpi_sample *s = &k->sample.head;
	struct dpi_key pieces = dpi_key_of_pieces(&p->head.key, p->head.ip_version);
	uint32_t hash = is_piece(result, p) ? dpi_key_hash(&pieces) : p->hash;

	expect(k, memcmp(&s->key, &p->head.key, sizeof(s->key)) == 0, "%s: sample of another key",
	       what);
	expect(k, s->hash == hash && s->dir == p->head.dir, "%s: hash or direction", what);
	expect(k, !(s->flags & DPI_SAMPLE_FRAGMENT) == !is_piece(result, p),
	       "%s: a fragment or none", what);
	expect(k,
	       s->hook == hook && s->wire_len == len && s->flow_packets == (result == DPI_PARSE_OK),
	       "%s: hook, length or count of the sample", what);
	expect(k, k->sample.len == len && memcmp(k->sample.bytes, bytes, len) == 0,
	       "%s: the sample is not the frame", what);
}

/* True when the kernel cannot be asked: it does not look into these tunnels (tunnels.c has rows for
 * what it does then). */
static bool is_aside(const struct packet *p)
{
	return p->tunnel == DPI_TUNNEL_CAPWAP;
}

/* What is expected to be counted but for what is rationed by the second, which is counted too. */
static void check_rationed(struct kernel *k, const char *name, const struct dpi_counts *before,
			   struct foretold *w, size_t len)
{
	uint64_t unsampled = kernel_grown(k, before, DPI_COUNT_FRAGMENT_UNSAMPLED);

	if (w->has_sample && unsampled == 1) {
		w->has_sample = false;
		w->grown.n[DPI_COUNT_FRAGMENT_UNSAMPLED] = 1;
		w->grown.n[DPI_COUNT_SAMPLES] = 0;
		w->grown.n[DPI_COUNT_SAMPLE_BYTES] -= len;
	}
	expect(k, kernel_drain(k) == w->has_sample, "%s: %s", name,
	       w->has_sample ? "no sample" : "a sample");
	check_counts(k, name, before, &w->grown);
}

/* One frame through one program, against what user space makes of it. */
static void check_frame(struct kernel *k, const char *what, enum dpi_hook hook, const void *bytes,
			size_t len, struct tally *t)
{
	struct packet p;
	enum dpi_parse result = made_decode(bytes, len, &p);
	struct foretold w = foretell(hook, result, &p, len);
	struct dpi_counts before;
	enum fate outcome;
	char name[160];

	snprintf(name, sizeof(name), "%s, %zu bytes, %s", what, len, hook_name(hook));
	if (is_aside(&p)) {
		t->aside++;
		return;
	}
	if (has_key(result))
		live_flow_forget(k->maps, &p.head.key);
	kernel_forget_pieces(k);
	kernel_counts(k, &before);
	outcome = kernel_run(k, hook, bytes, len);
	if (outcome == REFUSED) {
		t->refused += hook == DPI_HOOK_RECEIVE || (len >= SKB_LEAST && len < SKB_MOST);
		return;
	}
	t->frames++;
	expect(k, outcome == PASS, "%s: dropped, without any rule", name);
	check_rationed(k, name, &before, &w, len);
	if (!has_key(result))
		return;
	check_flow(k, name, &p, len, w.has_flow);
	check_syn(k, name, &p, w.has_syn, kernel_grown(k, &before, DPI_COUNT_SYN_UNTRACKED) > 0);
	if (w.has_sample)
		check_sample(k, name, &p, result, bytes, len, hook);
	t->keyed++;
	t->samples += w.has_sample;
	t->tunnels += p.tunnel != DPI_TUNNEL_NONE;
	t->pieces += is_piece(result, &p);
	live_flow_forget(k->maps, &p.head.key);
}

bool parity_check(struct kernel *k, const char *what, enum dpi_hook hook, const void *bytes,
		  size_t len)
{
	struct tally t = {0};

	check_frame(k, what, hook, bytes, len, &t);
	return t.frames == 1;
}

/* --- frames made by hand -------------------------------------------------------------------- */

/*
 * A frame from client to server with a few bytes of payload; what is 0 is ordinary: TCP, an ACK,
 * IPv4, no tags. Layers that build_frame() does not know are put into its frames afterwards.
 */
struct shape {
	const char *name;
	enum dpi_parse result; /* of the whole frame */
	uint8_t proto;
	uint8_t flags; /* TCP */
	uint16_t frag; /* IPv4, as on the wire */
	int tag_count;
	bool is_v6, is_back, is_empty, is_looped; /* looped: one address and port at both ends */
	bool has_pppoe, is_other_type;		  /* other: the EtherType is ARP's */
	uint8_t option_len;			  /* IPv4 options, bytes */
	uint8_t extension_count;		  /* IPv6 extension headers ... */
	uint8_t extension[10];			  /* ... by protocol number */
	uint16_t extension_frag;		  /* of a fragment header among them */
	uint16_t patch_at, patch; /* two bytes from the IP header on, overwritten; 0 for none */
};

static const struct shape shapes[] = {
	{.name = "TCP"},
	{.name = "TCP, back", .is_back = true},
	{.name = "TCP, bare SYN", .flags = DPI_TCP_SYN, .is_empty = true},
	{.name = "TCP, SYN and ACK", .flags = DPI_TCP_SYN | DPI_TCP_ACK, .is_empty = true},
	{.name = "TCP, SYN with data (RFC 7413)", .flags = DPI_TCP_SYN},
	{.name = "TCP, RST of nothing", .flags = DPI_TCP_RST, .is_empty = true},
	{.name = "TCP, FIN", .flags = DPI_TCP_FIN | DPI_TCP_ACK, .is_empty = true},
	{.name = "UDP", .proto = DPI_IP_UDP},
	{.name = "UDP, back", .proto = DPI_IP_UDP, .is_back = true},
	{.name = "UDP to itself", .proto = DPI_IP_UDP, .is_looped = true},
	{.name = "UDP without payload", .proto = DPI_IP_UDP, .is_empty = true},
	{.name = "ICMP", .proto = DPI_IP_ICMP},
	{.name = "GRE", .proto = 47},
	{.name = "not IP", .result = DPI_PARSE_NOT_IP, .is_other_type = true},
	{.name = "a tag", .tag_count = 1},
	{.name = "two tags", .tag_count = 2},
	{.name = "three tags", .tag_count = 3},
	{.name = "four tags", .tag_count = 4},
	{.name = "five tags", .result = DPI_PARSE_DEEP, .tag_count = 5},
	{.name = "PPPoE", .has_pppoe = true},
	{.name = "PPPoE with a tag", .has_pppoe = true, .tag_count = 1},
	{.name = "PPPoE, IPv6", .has_pppoe = true, .is_v6 = true},
	{.name = "IPv4 options, 4 bytes", .option_len = 4},
	{.name = "IPv4 options, 40 bytes", .option_len = 40},
	{.name = "IPv4, header length of 16", .result = DPI_PARSE_BAD, .patch = 0x4400},
	{.name = "IPv4 with another version", .result = DPI_PARSE_BAD, .patch = 0x6500},
	{.name = "IPv4, total length 0 (offload)", .patch_at = 2},
	{.name = "IPv4, total length short of a header",
	 .result = DPI_PARSE_BAD,
	 .patch_at = 2,
	 .patch = 19},
	{.name = "IPv4, total length inside TCP",
	 .result = DPI_PARSE_BAD,
	 .patch_at = 2,
	 .patch = 39},
	{.name = "IPv4, total length without payload", .patch_at = 2, .patch = 40},
	{.name = "IPv4, total length beyond the frame", .patch_at = 2, .patch = 0xffff},
	{.name = "IPv4, first fragment", .proto = DPI_IP_UDP, .frag = 0x2000},
	{.name = "IPv4, later fragment",
	 .result = DPI_PARSE_FRAGMENT,
	 .proto = DPI_IP_UDP,
	 .frag = 0x2001},
	{.name = "IPv4, last fragment", .result = DPI_PARSE_FRAGMENT, .frag = 0x00b9},
	{.name = "IPv4, first fragment that ends inside TCP",
	 .result = DPI_PARSE_TINY,
	 .frag = 0x2000,
	 .patch_at = 2,
	 .patch = 36},
	{.name = "IPv4, first fragment that ends inside UDP",
	 .result = DPI_PARSE_TINY,
	 .proto = DPI_IP_UDP,
	 .frag = 0x2000,
	 .patch_at = 2,
	 .patch = 24},
	{.name = "TCP data offset of 16", .result = DPI_PARSE_BAD, .patch_at = 32, .patch = 0x4010},
	{.name = "TCP data offset of 60", .result = DPI_PARSE_BAD, .patch_at = 32, .patch = 0xf010},
	{.name = "UDP length below its header", .proto = DPI_IP_UDP, .patch_at = 24, .patch = 7},
	{.name = "UDP length short of the payload",
	 .proto = DPI_IP_UDP,
	 .patch_at = 24,
	 .patch = 10},
	{.name = "UDP length beyond the frame",
	 .proto = DPI_IP_UDP,
	 .patch_at = 24,
	 .patch = 0xffff},
	{.name = "IPv6 TCP", .is_v6 = true},
	{.name = "IPv6 UDP", .is_v6 = true, .proto = DPI_IP_UDP},
	{.name = "ICMPv6", .is_v6 = true, .proto = DPI_IP_ICMPV6},
	{.name = "IPv6 with another version",
	 .result = DPI_PARSE_BAD,
	 .is_v6 = true,
	 .patch = 0x4000},
	{.name = "IPv6, payload length 0 (jumbo or offload)", .is_v6 = true, .patch_at = 4},
	{.name = "IPv6, 1 extension", .is_v6 = true, .extension_count = 1, .extension = {0}},
	{.name = "IPv6, 2 extensions", .is_v6 = true, .extension_count = 2, .extension = {0, 60}},
	{.name = "IPv6, 3 extensions",
	 .is_v6 = true,
	 .extension_count = 3,
	 .extension = {0, 43, 51}},
	{.name = "IPv6, 4 extensions",
	 .is_v6 = true,
	 .extension_count = 4,
	 .extension = {60, 60, 60, 60}},
	{.name = "IPv6, 5 extensions",
	 .is_v6 = true,
	 .extension_count = 5,
	 .extension = {135, 139, 140, 0, 60}},
	{.name = "IPv6, 6 extensions",
	 .is_v6 = true,
	 .extension_count = 6,
	 .extension = {0, 60, 43, 44, 51, 60}},
	{.name = "IPv6, 7 extensions",
	 .is_v6 = true,
	 .extension_count = 7,
	 .extension = {0, 0, 0, 0, 0, 0, 0}},
	{.name = "IPv6, 8 extensions",
	 .is_v6 = true,
	 .extension_count = 8,
	 .extension = {0, 60, 43, 44, 51, 60, 135, 140}},
	{.name = "IPv6, 9 extensions",
	 .result = DPI_PARSE_DEEP,
	 .is_v6 = true,
	 .extension_count = 9,
	 .extension = {0, 60, 60, 60, 60, 60, 60, 60, 60}},
	{.name = "IPv6, first fragment",
	 .is_v6 = true,
	 .proto = DPI_IP_UDP,
	 .extension_count = 1,
	 .extension = {44},
	 .extension_frag = 1},
	{.name = "IPv6, later fragment",
	 .result = DPI_PARSE_FRAGMENT,
	 .is_v6 = true,
	 .proto = DPI_IP_UDP,
	 .extension_count = 1,
	 .extension = {44},
	 .extension_frag = 8},
	{.name = "IPv6, later fragment behind options",
	 .result = DPI_PARSE_FRAGMENT,
	 .is_v6 = true,
	 .extension_count = 2,
	 .extension = {60, 44},
	 .extension_frag = 0x0109},
	{.name = "IPv6, extension longer than the packet",
	 .result = DPI_PARSE_BAD,
	 .is_v6 = true,
	 .extension_count = 1,
	 .extension = {60},
	 .patch_at = 40,
	 .patch = 0x06ff},
};

static void put16(uint8_t *at, unsigned n)
{
	at[0] = (uint8_t)(n >> 8);
	at[1] = (uint8_t)n;
}

static void add16(uint8_t *at, unsigned n)
{
	put16(at, dpi_get16(at) + n);
}

/* Makes room for n zero bytes at offset at. */
static uint8_t *splice(struct made *m, size_t at, size_t n)
{
	memmove(m->bytes + at + n, m->bytes + at, m->len - at);
	memset(m->bytes + at, 0, n);
	m->len += n;
	return m->bytes + at;
}

static void add_extensions(struct made *m, size_t ip, const struct shape *s)
{
	uint8_t next = m->bytes[ip + 6];

	/* From the last to the first, each in front of the one before. */
	for (int i = s->extension_count - 1; i >= 0; i--) {
		uint8_t *x = splice(m, ip + 40, 8);

		x[0] = next;
		next = s->extension[i];
		if (next == 44)
			put16(x + 2, s->extension_frag);
	}
	m->bytes[ip + 6] = next;
	add16(m->bytes + ip + 4, s->extension_count * 8U);
}

static void shape_begin(struct made *m, const struct shape *s)
{
	struct build_packet p = {
		.tag_count = s->tag_count,
		.is_v6 = s->is_v6,
		.src = s->is_back ? SERVER : CLIENT,
		.dst = s->is_back || s->is_looped ? CLIENT : SERVER,
		.sport = s->is_back || s->is_looped ? SERVER_PORT : CLIENT_PORT,
		.dport = s->is_back ? CLIENT_PORT : SERVER_PORT,
		.proto = s->proto ? s->proto : DPI_IP_TCP,
		.flags = s->flags ? s->flags : DPI_TCP_ACK,
		.frag = s->frag,
		.seq = 0xfffffff0,
		.payload = slice_text(s->is_empty ? "" : "payload"),
	};

	m->len = build_frame(m->bytes, &p);
}

static void shape_make(struct made *m, const struct shape *s)
{
	static const uint8_t session[] = {0x11, 0, 0, 1};
	size_t ip = 14 + (size_t)s->tag_count * 4;

	shape_begin(m, s);
	if (s->is_other_type)
		put16(m->bytes + ip - 2, 0x0806);
	if (s->option_len) {
		splice(m, ip + 20, s->option_len);
		m->bytes[ip] = (uint8_t)(m->bytes[ip] + s->option_len / 4);
		add16(m->bytes + ip + 2, s->option_len);
	}
	if (s->extension_count)
		add_extensions(m, ip, s);
	if (s->patch_at || s->patch)
		put16(m->bytes + ip + s->patch_at, s->patch);
	if (s->has_pppoe) {
		uint8_t *ppp = splice(m, ip, 8);

		put16(m->bytes + ip - 2, DPI_ETH_PPPOE);
		memcpy(ppp, session, sizeof(session));
		put16(ppp + 4, (unsigned)(m->len - ip - 6));
		put16(ppp + 6, s->is_v6 ? 0x0057 : 0x0021);
	}
}

/* Each shape whole, and cut short at every length that the test run takes. */
static void test_shapes(struct kernel *k)
{
	struct made *m = &(struct made){0};
	struct tally t = {0};

	for (size_t i = 0; i < COUNT(shapes); i++) {
		struct packet p;
		enum dpi_parse result;

		shape_make(m, &shapes[i]);
		result = made_decode(m->bytes, m->len, &p);
		expect(k, result == shapes[i].result, "%s: parsed as %d, not %d", shapes[i].name,
		       (int)result, (int)shapes[i].result);
		for (int hook = 0; hook < HOOKS; hook++)
			for (size_t len = 14; len <= m->len; len++)
				check_frame(k, shapes[i].name, (enum dpi_hook)hook, m->bytes, len,
					    &t);
	}
	expect(k, t.refused == 0, "the test run refused %llu frames",
	       (unsigned long long)t.refused);
	expect(k, t.keyed > t.frames / 8 && t.samples, "too few frames had a key");
}

/* Long frames: behind the first page XDP sees them in pieces. */
static void test_long(struct kernel *k)
{
	static const size_t payloads[] = {1446, 1460, 3000, 3400, 8946, 16000, 65000};
	static const uint8_t bytes[65000];
	struct made *m = &(struct made){0};
	struct tally t = {0};

	for (size_t i = 0; i < COUNT(payloads); i++) {
		make_tcp(m, false, DPI_TCP_ACK, 1, slice_of(bytes, payloads[i]));
		memset(m->bytes + m->len - 8, (int)i + 1, 8);
		check_frame(k, "long", DPI_HOOK_RECEIVE, m->bytes, m->len, &t);
		if (m->len < SKB_MOST)
			check_frame(k, "long", DPI_HOOK_TRANSMIT, m->bytes, m->len, &t);
	}
	expect(k, t.refused == 0, "the test run refused %llu frames",
	       (unsigned long long)t.refused);
}

static void captured_frame(struct kernel *k, const void *bytes, size_t len, void *ctx)
{
	if (len < 14)
		return;
	for (int hook = 0; hook < HOOKS; hook++)
		check_frame(k, "captured", (enum dpi_hook)hook, bytes, len, ctx);
}

static void test_captures(struct kernel *k)
{
	struct tally t = {0};
	size_t frames = each_captured(k, captured_frame, &t);

	printf("# %zu captured frames, %llu runs, %llu with a key, %llu samples, %llu refused\n",
	       frames, (unsigned long long)t.frames, (unsigned long long)t.keyed,
	       (unsigned long long)t.samples, (unsigned long long)t.refused);
	printf("# %llu in tunnels, %llu fragments, %llu in tunnels of user space alone\n",
	       (unsigned long long)t.tunnels, (unsigned long long)t.pieces,
	       (unsigned long long)t.aside);
	expect(k, t.frames > frames && t.samples > 1000, "too few frames in the captures");
	expect(k, t.refused == 0, "the test run refused %llu frames",
	       (unsigned long long)t.refused);
}

const struct test_case parity_cases[] = {
	{"parity of frames made by hand", test_shapes, false},
	{"parity of long frames", test_long, false},
	{"parity of every captured frame", test_captures, true},
	{0},
};
