/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Packets inside packets: the innermost one's flow is what rules, verdicts, questions and samples
 * are about; the outermost one's ends can only block. What is no tunnel after all stays a packet.
 *
 * Standards: RFC 2003, RFC 4213, RFC 2784, RFC 2637, RFC 7348, RFC 8926, TS 29.281.
 */
#include "cases.h"

#include <stdio.h>

enum {
	RULE = 0x7654321,
	TUNNEL_A = 0xc0000201, /* 192.0.2.1 */
	TUNNEL_B = 0xc0000202,
};

static const struct slice data = {(const uint8_t *)"some data", 9};

/* What stands between the outer IP or UDP header and the packet inside. */
static const struct carrier {
	const char *name;
	uint8_t proto;
	uint16_t port; /* UDP */
	enum dpi_counter counter;
	bool is_bridged; /* an Ethernet frame is inside */
	uint8_t head_len;
	uint8_t head[24];
	uint8_t head_v6_at; /* where the head says IPv6 instead: two bytes; 0: nowhere */
	uint16_t type_v6;
} carriers[] = {
	{.name = "IPv4 or IPv6 in IP", .proto = DPI_IP_IP4, .counter = DPI_COUNT_TUNNEL_IP4},
	{.name = "GRE",
	 .proto = DPI_IP_GRE,
	 .counter = DPI_COUNT_TUNNEL_GRE,
	 .head_len = 4,
	 .head = {0, 0, 0x08, 0x00},
	 .head_v6_at = 2,
	 .type_v6 = DPI_ETH_IPV6},
	{.name = "GRE with checksum, key and sequence",
	 .proto = DPI_IP_GRE,
	 .counter = DPI_COUNT_TUNNEL_GRE,
	 .head_len = 16,
	 .head = {0xb0, 0, 0x08, 0x00},
	 .head_v6_at = 2,
	 .type_v6 = DPI_ETH_IPV6},
	{.name = "bridged GRE",
	 .proto = DPI_IP_GRE,
	 .counter = DPI_COUNT_TUNNEL_GRE,
	 .is_bridged = true,
	 .head_len = 4,
	 .head = {0, 0, 0x65, 0x58}},
	{.name = "MPLS in GRE",
	 .proto = DPI_IP_GRE,
	 .counter = DPI_COUNT_TUNNEL_GRE,
	 .head_len = 12,
	 .head = {0, 0, 0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64}},
	{.name = "PPTP",
	 .proto = DPI_IP_GRE,
	 .counter = DPI_COUNT_TUNNEL_GRE,
	 .head_len = 20,
	 .head = {0x30, 0x81, 0x88, 0x0b, 0, 9, 0, 1, 0, 0, 0, 7, 0, 0, 0, 6, 0xff, 0x03, 0, 0x21},
	 .head_v6_at = 18,
	 .type_v6 = 0x0057},
	{.name = "PPTP, compressed",
	 .proto = DPI_IP_GRE,
	 .counter = DPI_COUNT_TUNNEL_GRE,
	 .head_len = 13,
	 .head = {0x30, 0x01, 0x88, 0x0b, 0, 9, 0, 1, 0, 0, 0, 7, 0x21},
	 .head_v6_at = 11,
	 .type_v6 = 0x0757},
	{.name = "VXLAN",
	 .proto = DPI_IP_UDP,
	 .port = 4789,
	 .counter = DPI_COUNT_TUNNEL_VXLAN,
	 .is_bridged = true,
	 .head_len = 8,
	 .head = {8, 0, 0, 0, 0, 0, 42, 0}},
	{.name = "VXLAN on its old port",
	 .proto = DPI_IP_UDP,
	 .port = 8472,
	 .counter = DPI_COUNT_TUNNEL_VXLAN,
	 .is_bridged = true,
	 .head_len = 8,
	 .head = {8, 0, 0, 0, 0, 0, 42, 0}},
	{.name = "GENEVE with an option",
	 .proto = DPI_IP_UDP,
	 .port = 6081,
	 .counter = DPI_COUNT_TUNNEL_GENEVE,
	 .is_bridged = true,
	 .head_len = 16,
	 .head = {2, 0, 0x65, 0x58, 0, 0, 7, 0, 0, 0, 1, 1, 1, 2, 3, 4}},
	{.name = "GENEVE around IP",
	 .proto = DPI_IP_UDP,
	 .port = 6081,
	 .counter = DPI_COUNT_TUNNEL_GENEVE,
	 .head_len = 8,
	 .head = {0, 0, 0x08, 0x00, 0, 0, 7, 0},
	 .head_v6_at = 2,
	 .type_v6 = DPI_ETH_IPV6},
	{.name = "GTP-U",
	 .proto = DPI_IP_UDP,
	 .port = 2152,
	 .counter = DPI_COUNT_TUNNEL_GTPU,
	 .head_len = 8,
	 .head = {0x30, 255, 0, 0, 0, 0, 0, 1}},
	{.name = "GTP-U with the extension of 5G",
	 .proto = DPI_IP_UDP,
	 .port = 2152,
	 .counter = DPI_COUNT_TUNNEL_GTPU,
	 .head_len = 16,
	 .head = {0x34, 255, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0x10, 9, 0}},
};

/* Puts a packet (of build_frame, with or without its Ethernet head) into a carrier. */
static void carry_bytes(struct made *m, const struct carrier *c, bool is_back, bool is_outer_v6,
			bool is_v6, const uint8_t *bytes, size_t len)
{
	uint8_t payload[2000];
	struct build_packet p = {
		.is_v6 = is_outer_v6,
		.src = is_back ? TUNNEL_B : TUNNEL_A,
		.dst = is_back ? TUNNEL_A : TUNNEL_B,
		.sport = 55555,
		.dport = c->port,
		.proto = c->proto == DPI_IP_IP4 && is_v6 ? DPI_IP_IP6 : c->proto,
	};

	memcpy(payload, c->head, c->head_len);
	if (is_v6 && c->head_v6_at) {
		payload[c->head_v6_at] = (uint8_t)(c->type_v6 >> 8);
		payload[c->head_v6_at + 1] = (uint8_t)c->type_v6;
	}
	memcpy(payload + c->head_len, bytes, len);
	p.payload = slice_of(payload, c->head_len + len);
	m->len = build_frame(m->bytes, &p);
}

/* One packet in a carrier; the inner one's link is set here. */
static void carry(struct made *m, const struct carrier *c, bool is_outer_v6,
		  const struct build_packet *inside)
{
	struct build_packet p = *inside;
	uint8_t bytes[1600];
	size_t len;

	p.link = c->is_bridged ? LINK_ETHERNET : LINK_RAW_IP;
	len = build_frame(bytes, &p);
	carry_bytes(m, c, p.src == SERVER, is_outer_v6, p.is_v6, bytes, len);
}

static struct build_packet inside_tcp(bool is_back, bool is_v6)
{
	return (struct build_packet){
		.is_v6 = is_v6,
		.src = is_back ? SERVER : CLIENT,
		.dst = is_back ? CLIENT : SERVER,
		.sport = is_back ? SERVER_PORT : CLIENT_PORT,
		.dport = is_back ? CLIENT_PORT : SERVER_PORT,
		.proto = DPI_IP_TCP,
		.flags = DPI_TCP_ACK,
		.seq = 1,
		.payload = data,
	};
}

static struct dpi_key inner_key(const struct build_packet *inside)
{
	struct made *m = &(struct made){0};
	struct build_packet p = *inside;

	p.link = LINK_ETHERNET;
	m->len = build_frame(m->bytes, &p);
	return made_key(m);
}

/* Every carrier, direction and version, whole and cut short at every length. */
static void test_shapes(struct kernel *k)
{
	struct made *m = &(struct made){0};
	uint64_t runs = 0;

	for (size_t i = 0; i < COUNT(carriers) * 8; i++) {
		const struct carrier *c = &carriers[i / 8];
		struct build_packet p = inside_tcp(i & 1, i & 2);
		struct dpi_key key = inner_key(&p);
		struct packet decoded;

		carry(m, c, i & 4, &p);
		made_decode(m->bytes, m->len, &decoded);
		expect(k,
		       decoded.tunnel_depth == 1 &&
			       memcmp(&decoded.head.key, &key, sizeof(key)) == 0,
		       "%s: user space finds no packet inside", c->name);
		for (size_t len = 14; len <= m->len; len++)
			for (int hook = 0; hook < HOOKS; hook++)
				runs += parity_check(k, c->name, (enum dpi_hook)hook, m->bytes,
						     len);
	}
	expect(k, runs > COUNT(carriers) * 8 * 100, "too few frames were taken");
}

/* The same with bytes changed at random: lengths that lie, heads that lead nowhere. GTP-U is left
 * out, for user space follows more of its heads. */
static void test_damaged(struct kernel *k)
{
	const uint64_t count = 8000;
	struct made *m = &(struct made){0};
	uint64_t seed = 5, runs = 0;

	for (uint64_t i = 0; i < count && !k->has_failed; i++) {
		uint64_t n = dice(&seed);
		const struct carrier *c = &carriers[n % COUNT(carriers)];
		struct build_packet p = inside_tcp(n >> 8 & 1, n >> 9 & 1);

		if (c->port == 2152)
			continue;
		p.proto = n >> 10 & 1 ? DPI_IP_TCP : n >> 11 & 1 ? DPI_IP_UDP : DPI_IP_ICMPV6;
		carry(m, c, n >> 12 & 1, &p);
		for (uint64_t flips = 1 + (n >> 16) % 4; flips; flips--) {
			uint64_t r = dice(&seed);

			/* A length's upper byte is small as a rule, and so are most bytes. */
			m->bytes[14 + r % (m->len - 14)] = (uint8_t)(r >> 32 &
								     (r >> 16 & 1 ? 0xff : 0x3f));
		}
		runs += parity_check(k, c->name, (enum dpi_hook)(n >> 20 & 1), m->bytes,
				     m->len - (n >> 24 & 1 ? (n >> 25) % 40 : 0));
	}
	expect(k, k->has_failed || runs > count / 2, "too few frames were taken");
}

/* One frame by both programs; each must answer alike. */
static void want(struct kernel *k, const char *what, const char *carrier, const struct made *m,
		 enum fate outcome)
{
	for (int hook = 0; hook < HOOKS; hook++)
		expect(k, kernel_run(k, (enum dpi_hook)hook, m->bytes, m->len) == outcome,
		       "%s: %s is %s on %s", carrier, what, outcome == DROP ? "passed" : "dropped",
		       hook_name((enum dpi_hook)hook));
}

static void test_verdict(struct kernel *k)
{
	struct made *m = &(struct made){0};

	for (size_t i = 0; i < COUNT(carriers) * 2; i++) {
		const struct carrier *c = &carriers[i / 2];
		struct build_packet p = inside_tcp(false, i & 1), back = inside_tcp(true, i & 1);
		struct build_packet other = p;
		struct dpi_key key = inner_key(&p);
		struct dpi_counts before;
		struct live_flow flow = {0};

		kernel_reset(k);
		kernel_rules(k, "", DPI_CONFIG_RESET); /* and nothing in a tunnel is rewritten */
		other.sport++;
		kernel_counts(k, &before);
		carry(m, c, false, &p);
		want(k, "a frame before the verdict", c->name, m, PASS);
		live_verdict_put(k->maps, &key, RULE, live_monotonic());
		want(k, "a frame of a blocked flow", c->name, m, DROP);
		carry(m, c, true, &back);
		want(k, "a frame the other way, by another tunnel", c->name, m, DROP);
		carry(m, c, false, &other);
		want(k, "another flow in the same tunnel", c->name, m, PASS);
		expect(k, kernel_grown(k, &before, DPI_COUNT_DROP_VERDICT) == 4,
		       "%s: drops are counted otherwise", c->name);
		expect(k,
		       live_flow_get(k->maps, &key, &flow) == 0 && flow.dropped_packets == 4 &&
			       flow.packets[0] + flow.packets[1] == 2,
		       "%s: the flow inside is counted otherwise", c->name);
		expect(k, kernel_grown(k, &before, DPI_COUNT_RESETS) == 0, "%s: a reset was made",
		       c->name);
		kernel_drain(k);
	}
}

/* Of a tunnel that sends fragments the first one shows whose packet it is; what it is not told of
 * passes, and is the agent's to put together. */
static void test_pieces(struct kernel *k)
{
	enum { FLAGS = 14 + 6, MORE = 0x20 };
	struct made *m = &(struct made){0};

	for (size_t i = 0; i < COUNT(carriers) * 2; i++) {
		const struct carrier *c = &carriers[i / 2];
		struct build_packet p = inside_tcp(false, i & 1), back = inside_tcp(true, i & 1);
		struct build_packet other = p;
		struct dpi_key key = inner_key(&p);
		struct dpi_counts before;

		kernel_reset(k);
		kernel_rules(k, "", DPI_CONFIG_RESET);
		other.sport++;
		kernel_counts(k, &before);
		carry(m, c, false, &p);
		m->bytes[FLAGS] |= MORE;
		want(k, "a first fragment before the verdict", c->name, m, PASS);
		expect(k,
		       kernel_drain(k) > 0 && (k->sample.head.flags & DPI_SAMPLE_FRAGMENT) &&
			       k->sample.head.key.addr[0].w[3] == dpi_be32(TUNNEL_A),
		       "%s: it is sampled as another's", c->name);
		live_verdict_put(k->maps, &key, RULE, live_monotonic());
		want(k, "a first fragment of a blocked flow", c->name, m, DROP);
		carry(m, c, false, &back);
		m->bytes[FLAGS] |= MORE;
		want(k, "one the other way", c->name, m, DROP);
		carry(m, c, false, &other);
		m->bytes[FLAGS] |= MORE;
		want(k, "one of another flow", c->name, m, PASS);
		expect(k, kernel_grown(k, &before, DPI_COUNT_DROP_VERDICT) == 4,
		       "%s: drops are counted otherwise", c->name);
		kernel_drain(k);
	}
}

/* A Teredo client's address begins with 2001:0 (RFC 4380 2.6): what has none is no Teredo. */
static void test_teredo(struct kernel *k)
{
	static const struct carrier heads[] = {
		{.name = "Teredo", .proto = DPI_IP_UDP, .port = 3544},
		{.name = "Teredo, the origin told",
		 .proto = DPI_IP_UDP,
		 .port = 3544,
		 .head_len = 8,
		 .head = {0, 0, 0x12, 0x34, 1, 2, 3, 4}},
		{.name = "Teredo, authentic",
		 .proto = DPI_IP_UDP,
		 .port = 3544,
		 .head_len = 16,
		 .head = {0, 1, 2, 1, 'a', 'b', 'c', 1, 2, 3, 4, 5, 6, 7, 8, 0}},
		{.name = "Teredo, authentic and the origin told",
		 .proto = DPI_IP_UDP,
		 .port = 3544,
		 .head_len = 21,
		 .head = {0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0x12, 0x34, 1, 2, 3, 4}},
	};
	enum { OUTER = 14 + 28, SOURCE = 8 };
	struct made *m = &(struct made){0};

	for (unsigned i = 0; i < COUNT(heads) * 2; i++) {
		const struct carrier *c = &heads[i / 2];
		struct build_packet p = inside_tcp(false, true);
		struct dpi_counts before;
		struct packet decoded;
		bool is_client = i & 1;

		kernel_reset(k);
		kernel_counts(k, &before);
		carry(m, c, false, &p);
		if (is_client)
			memset(m->bytes + OUTER + c->head_len + SOURCE + 2, 0, 2);
		made_decode(m->bytes, m->len, &decoded);
		expect(k, decoded.tunnel_depth == is_client, "%s: user space reads otherwise",
		       c->name);
		for (int hook = 0; hook < HOOKS; hook++)
			parity_check(k, c->name, (enum dpi_hook)hook, m->bytes, m->len);
		want(k, "a frame before the verdict", c->name, m, PASS);
		decoded.head.key = is_client ? decoded.head.key : inner_key(&p);
		live_verdict_put(k->maps, &decoded.head.key, RULE, live_monotonic());
		want(k, "a frame of a blocked flow", c->name, m, is_client ? DROP : PASS);
		kernel_drain(k);
	}
}

static void test_counters(struct kernel *k)
{
	struct made *m = &(struct made){0};

	for (size_t i = 0; i < COUNT(carriers) * 2; i++) {
		const struct carrier *c = &carriers[i / 2];
		struct build_packet p = inside_tcp(false, i & 1);
		enum dpi_counter counter = c->proto == DPI_IP_IP4 && (i & 1) ? DPI_COUNT_TUNNEL_IP6
									     : c->counter;
		struct dpi_counts before;

		kernel_counts(k, &before);
		carry(m, c, false, &p);
		want(k, "a frame", c->name, m, PASS);
		expect(k,
		       kernel_grown(k, &before, counter) == 2 &&
			       kernel_grown(k, &before, DPI_COUNT_TCP) == 2,
		       "%s: counted as something else", c->name);
		kernel_drain(k);
	}
}

/* --- rules --------------------------------------------------------------------------------------
 */

static void test_rules(struct kernel *k)
{
	static const struct {
		const char *what, *rules;
		bool is_udp_only; /* of carriers over UDP alone */
		enum fate outcome;
	} rows[] = {
		{"no rule for it", "[BLOCKED_IPS] 10.9.9.9", false, PASS},
		{"an end of the tunnel", "[BLOCKED_IPS] 192.0.2.1", false, DROP},
		{"the other end", "[BLOCKED_IPS] 192.0.2.2", false, DROP},
		{"the tunnel's network", "[BLOCKED_IPS] 192.0.2.0/24", false, DROP},
		{"the end the opener is behind", "[BLOCKED_IPS] src:192.0.2.1", false, DROP},
		{"the end the responder is behind", "[BLOCKED_IPS] dst:192.0.2.2", false, DROP},
		{"an end that opens nothing", "[BLOCKED_IPS] src:192.0.2.2", false, PASS},
		{"an address inside", "[BLOCKED_IPS] 10.0.0.2", false, DROP},
		{"a port inside", "[BLOCKED_PORTS] 443/tcp", false, DROP},
		{"an allowed tunnel allows nothing inside",
		 "[BLOCKED_IPS] 10.0.0.2\n[ALLOWED_IPS] 192.0.2.1", false, DROP},
		{"an allowed tunnel to a blocked end",
		 "[BLOCKED_IPS] 192.0.2.1\n[ALLOWED_IPS] 192.0.2.2", false, PASS},
		{"an allowed end inside a blocked tunnel",
		 "[BLOCKED_IPS] 192.0.2.1\n[ALLOWED_IPS] 10.0.0.2", false, DROP},
		{"the tunnel's own port", "[BLOCKED_PORTS] 4789 8472 6081 2152", true, DROP},
		{"a tunnel's port of TCP", "[BLOCKED_PORTS] 4789/tcp 8472/tcp 6081/tcp 2152/tcp",
		 true, PASS},
	};
	struct made *m = &(struct made){0}, *back = &(struct made){0};

	for (size_t i = 0; i < COUNT(rows) * COUNT(carriers); i++) {
		const struct carrier *c = &carriers[i % COUNT(carriers)];
		const char *what = rows[i / COUNT(carriers)].what;
		enum fate outcome = rows[i / COUNT(carriers)].outcome;
		struct build_packet p = inside_tcp(false, false), q = inside_tcp(true, false);

		if (rows[i / COUNT(carriers)].is_udp_only && c->proto != DPI_IP_UDP)
			continue;
		kernel_reset(k);
		kernel_rules(k, rows[i / COUNT(carriers)].rules, 0);
		carry(m, c, false, &p);
		carry(back, c, false, &q);
		want(k, what, c->name, m, outcome);
		want(k, what, c->name, back, outcome);
		kernel_drain(k);
	}
}

static void test_question(struct kernel *k)
{
	struct made *m = &(struct made){0};
	uint8_t blocked[100], other[100];
	size_t len = build_dns(blocked, "www.bad.example", false);
	size_t other_len = build_dns(other, "www.good.example", false);

	kernel_rules(k, "[BLOCKED_DOMAINS] bad.example", 0);
	for (size_t i = 0; i < COUNT(carriers) * 2; i++) {
		const struct carrier *c = &carriers[i / 2];
		struct build_packet p = {
			.is_v6 = i & 1,
			.src = CLIENT,
			.dst = SERVER,
			.sport = 40000,
			.dport = 53,
			.proto = DPI_IP_UDP,
			.payload = slice_of(blocked, len),
		};
		struct dpi_counts before;

		kernel_drain(k);
		kernel_counts(k, &before);
		carry(m, c, false, &p);
		want(k, "a blocked question", c->name, m, DROP);
		expect(k,
		       kernel_grown(k, &before, DPI_COUNT_DROP_DNS) == 2 && kernel_drain(k) == 2 &&
			       (k->sample.head.flags & DPI_SAMPLE_DROPPED),
		       "%s: a blocked question is not told to the agent", c->name);
		p.payload = slice_of(other, other_len);
		carry(m, c, false, &p);
		want(k, "another question", c->name, m, PASS);
	}
}

/* --- depth --------------------------------------------------------------------------------------
 */

/* Tunnels in tunnels, up to and beyond what is followed. */
static void test_depth(struct kernel *k)
{
	struct made *m = &(struct made){0};

	for (size_t i = 0; i < COUNT(carriers); i++) {
		struct build_packet p = inside_tcp(false, false);

		carry(m, &carriers[i], false, &p);
		for (int depth = 2; depth <= DPI_TUNNELS_MAX + 1; depth++) {
			const struct carrier *c =
				&carriers[(i + (size_t)depth * 5) % COUNT(carriers)];
			size_t skip = c->is_bridged ? 0 : 14;
			struct made *in = &(struct made){0};
			struct dpi_counts before;

			*in = *m;
			carry_bytes(m, c, false, false, false, in->bytes + skip, in->len - skip);
			kernel_counts(k, &before);
			for (int hook = 0; hook < HOOKS; hook++)
				expect(k,
				       parity_check(k, "a tunnel in a tunnel", (enum dpi_hook)hook,
						    m->bytes, m->len),
				       "depth %d was not taken", depth);
			expect(k,
			       kernel_grown(k, &before, DPI_COUNT_TUNNEL_DEEP) ==
				       (depth > DPI_TUNNELS_MAX ? 2 : 0),
			       "depth %d: %llu are called too deep", depth,
			       (unsigned long long)kernel_grown(k, &before, DPI_COUNT_TUNNEL_DEEP));
		}
	}
}

/* Heads that are almost right: the packet itself counts, whatever its port says. */
static void test_no_tunnel(struct kernel *k)
{
	static const struct {
		const char *what;
		size_t carrier, at;
		uint8_t byte;
	} rows[] = {
		{"GRE with routing", 1, 0, 0x40},
		{"GRE of version 2", 1, 1, 2},
		{"GRE around ARP", 1, 3, 6},
		{"VXLAN without its bit", 7, 0, 0},
		{"VXLAN with a bit too many", 7, 0, 0x0c},
		{"GENEVE of version 1", 9, 0, 0x42},
		{"GENEVE around nothing known", 10, 3, 1},
		{"GTP of version 2", 11, 0, 0x48},
		{"GTP control", 11, 1, 1},
		{"GTP with a longer extension", 12, 12, 2},
	};
	struct made *m = &(struct made){0};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct carrier c = carriers[rows[i].carrier];
		struct build_packet p = inside_tcp(false, false);
		struct packet decoded;

		c.head[rows[i].at] = rows[i].byte;
		carry(m, &c, false, &p);
		made_decode(m->bytes, m->len, &decoded);
		expect(k, !decoded.tunnel, "%s: user space goes inside", rows[i].what);
		for (int hook = 0; hook < HOOKS; hook++)
			parity_check(k, rows[i].what, (enum dpi_hook)hook, m->bytes, m->len);
	}
}

/*
 * Where the two sides differ: user space alone goes on here. The kernel's flow is the one around,
 * its frames are copied, and a verdict on the flow inside finds nothing to drop.
 */
static const struct carrier user_carriers[] = {
	{.name = "GTP-U with two extensions",
	 .proto = DPI_IP_UDP,
	 .port = 2152,
	 .head_len = 20,
	 .head = {0x34, 255, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0x10, 9, 0xc0, 1, 0, 0, 0}},
};

static void test_user_alone(struct kernel *k)
{
	struct made *m = &(struct made){0}, *around = &(struct made){0};

	for (size_t i = 0; i < COUNT(user_carriers); i++) {
		const struct carrier *c = &user_carriers[i];
		struct build_packet p = inside_tcp(false, true);
		struct dpi_key outer;
		struct live_flow flow;
		struct packet decoded;

		carry_bytes(around, c, false, false, false, data.at, data.len);
		outer = made_key(around);
		carry(m, c, false, &p);
		made_decode(m->bytes, m->len, &decoded);
		expect(k, decoded.tunnel_depth == 1, "%s: user space finds no packet inside",
		       c->name);
		live_verdict_put(k->maps, &decoded.head.key, RULE, live_monotonic());
		want(k, "a frame", c->name, m, PASS);
		expect(k,
		       live_flow_get(k->maps, &decoded.head.key, &flow) != 0 &&
			       live_flow_get(k->maps, &outer, &flow) == 0 &&
			       flow.packets[0] + flow.packets[1] == 2,
		       "%s: the kernel's flow is not the one around", c->name);
		expect(k, kernel_drain(k) == 2, "%s: not copied for user space", c->name);
	}
}

const struct test_case tunnel_cases[] = {
	{"parity of every tunnel", test_shapes, false},
	{"parity of damaged tunnels", test_damaged, false},
	{"tunnels are counted by kind", test_counters, false},
	{"a verdict on a flow in a tunnel", test_verdict, false},
	{"a verdict on a flow in a tunnel that sends fragments", test_pieces, false},
	{"a verdict on a flow in Teredo", test_teredo, false},
	{"address and port rules in and around tunnels", test_rules, false},
	{"questions inside tunnels", test_question, false},
	{"tunnels in tunnels", test_depth, false},
	{"what only looks like a tunnel", test_no_tunnel, false},
	{"tunnels that user space alone follows", test_user_alone, false},
	{0},
};
