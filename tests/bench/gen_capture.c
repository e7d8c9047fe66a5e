/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * gen-capture: a capture of known contents, the same for the same options. Writes a pcap and a
 * manifest that says of each flow its addresses, its name and the number of the frame that
 * completes the name, so that a test can work out by itself what a filter must have dropped.
 *
 * Flows run interleaved, both directions, as a busy link would show them: TLS (RFC 8446) with
 * one-segment hellos and post-quantum ones of about 1.8 KB split in two, HTTP (RFC 9112), DNS
 * (RFC 1035); IPv4 and IPv6, with and without a VLAN tag. It shares no code with the program.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FRAME_MAX = 2048,
	HELLO_MAX = 2560,
	MSS = 1400,
	SYN = 2,
	ACK = 16,
	PSH = 8,
	FIN = 1,
	RST = 4
};
enum protocol { TLS, HTTP, DNS, BARE, PROTOCOLS };
static const char *const protocol_names[] = {"tls", "http", "dns", "-"};

/* Names and the application each belongs to. The first ones are those that tests block. */
static const struct site {
	const char *name, *app;
} sites[] = {
	{"www.youtube.com", "YouTube"},
	{"rr4---sn-h5q7knes.googlevideo.com", "YouTube"},
	{"i.ytimg.com", "YouTube"},
	{"m.youtube.com", "YouTube"},
	{"www.tiktok.com", "TikTok"},
	{"v16.tiktokcdn.com", "TikTok"},
	{"github.com", "GitHub"},
	{"api.github.com", "GitHub"},
	{"www.facebook.com", "Facebook"},
	{"www.instagram.com", "Instagram"},
	{"www.netflix.com", "Netflix"},
	{"open.spotify.com", "Spotify"},
	{"discord.com", "Discord"},
	{"web.whatsapp.com", "WhatsApp"},
	{"web.telegram.org", "Telegram"},
	{"zoom.us", "Zoom"},
	{"www.amazon.com", "Amazon"},
	{"www.apple.com", "Apple"},
	{"www.microsoft.com", "Microsoft"},
	{"www.cloudflare.com", "Cloudflare"},
	{"x.com", "Twitter"},
	/* look-alikes, which nobody may block */
	{"notyoutube.com", "-"},
	{"youtube.com.evil.example", "-"},
	{"my-youtube.com", "-"},
	{"youtube.example.org", "-"},
	{"www.example.org", "-"},
	{"intranet.example", "-"},
};
enum { SITES = sizeof(sites) / sizeof(sites[0]), SITES_BLOCKED = 4 };

struct options {
	const char *out, *manifest;
	uint64_t flows, seed;
	unsigned mix[PROTOCOLS];	/* shares of tls, http, dns */
	unsigned pq, v6, vlan, blocked; /* percent */
	unsigned packets, active;	/* packets a flow behind the hello; flows at once */
	unsigned scan, flood, odd_port; /* flows of each forensic kind */
	bool is_ns;
};

/* A flow under way. The frames of a conversation are numbered; `step` is the next one. */
struct conversation {
	uint64_t id;
	enum protocol protocol;
	const struct site *site;
	bool is_v6, is_vlan, is_reversed;
	uint8_t src[16], dst[16]; /* IPv4: the first four bytes */
	uint16_t sport, dport;
	uint32_t seq[2]; /* of client and server: the next byte */
	uint8_t hello[HELLO_MAX];
	size_t hello_len, name_end; /* the name is whole with this many bytes of the hello */
	unsigned step, steps;
	uint64_t naming_frame;
};

struct writer {
	FILE *pcap, *manifest;
	uint64_t frames, time_ns, rng;
	bool is_ns;
};

static uint64_t draw(struct writer *w) /* splitmix64 */
{
	uint64_t z = w->rng += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static bool percent(struct writer *w, unsigned share)
{
	return draw(w) % 100 < share;
}

static void put16(uint8_t *at, size_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void put32(uint8_t *at, uint32_t v)
{
	put16(at, v >> 16);
	put16(at + 2, v & 0xffff);
}

static uint32_t sum16(uint32_t sum, const uint8_t *at, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)at[i] << 8 | at[i + 1];
	return len % 2 ? sum + ((uint32_t)at[len - 1] << 8) : sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put_record(struct writer *w, const uint8_t *frame, size_t len)
{
	uint32_t head[4];

	w->time_ns += 1000 + draw(w) % 40000;
	head[0] = (uint32_t)(w->time_ns / 1000000000);
	head[1] = (uint32_t)(w->time_ns % 1000000000) / (w->is_ns ? 1 : 1000);
	head[2] = (uint32_t)len;
	head[3] = (uint32_t)len;
	fwrite(head, sizeof(head), 1, w->pcap);
	fwrite(frame, len, 1, w->pcap);
	w->frames++;
}

/* Ethernet and IP heads around a transport header with its payload. */
static void put_packet(struct writer *w, const struct conversation *c, bool is_reply, uint8_t proto,
		       uint8_t *l4, size_t len, size_t check_off)
{
	uint8_t frame[FRAME_MAX] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	size_t alen = c->is_v6 ? 16 : 4, at = 12;
	const uint8_t *from = is_reply ? c->dst : c->src, *to = is_reply ? c->src : c->dst;
	uint16_t check =
		fold(sum16(sum16(sum16((uint32_t)(proto + len), from, alen), to, alen), l4, len));

	if (c->is_vlan) {
		put16(frame + at, 0x8100);
		put16(frame + at + 2, 100);
		at += 4;
	}
	put16(frame + at, c->is_v6 ? 0x86dd : 0x0800);
	at += 2;
	if (c->is_v6) {
		frame[at] = 0x60;
		put16(frame + at + 4, len);
		frame[at + 6] = proto;
		frame[at + 7] = 64;
		memcpy(frame + at + 8, from, 16);
		memcpy(frame + at + 24, to, 16);
		at += 40;
	} else {
		frame[at] = 0x45;
		put16(frame + at + 2, 20 + len);
		frame[at + 6] = 0x40;
		frame[at + 8] = 64;
		frame[at + 9] = proto;
		memcpy(frame + at + 12, from, 4);
		memcpy(frame + at + 16, to, 4);
		put16(frame + at + 10, fold(sum16(0, frame + at, 20)));
		at += 20;
	}
	put16(l4 + check_off, check);
	memcpy(frame + at, l4, len);
	put_record(w, frame, at + len);
}

static void put_tcp(struct writer *w, struct conversation *c, bool is_reply, uint8_t flags,
		    uint32_t seq, const uint8_t *payload, size_t len)
{
	uint8_t l4[FRAME_MAX] = {0};

	put16(l4, is_reply ? c->dport : c->sport);
	put16(l4 + 2, is_reply ? c->sport : c->dport);
	put32(l4 + 4, seq);
	put32(l4 + 8, flags & ACK ? c->seq[!is_reply] : 0);
	l4[12] = 5 << 4;
	l4[13] = flags;
	put16(l4 + 14, 64240);
	if (len > 0)
		memcpy(l4 + 20, payload, len);
	put_packet(w, c, is_reply, 6, l4, 20 + len, 16);
}

static void put_udp(struct writer *w, struct conversation *c, bool is_reply, const uint8_t *payload,
		    size_t len)
{
	uint8_t l4[FRAME_MAX] = {0};

	put16(l4, is_reply ? c->dport : c->sport);
	put16(l4 + 2, is_reply ? c->sport : c->dport);
	put16(l4 + 4, 8 + len);
	memcpy(l4 + 8, payload, len);
	put_packet(w, c, is_reply, 17, l4, 8 + len, 6);
}

/* An extension of random bytes, such as a key share. Returns its length. */
static size_t put_extension(struct writer *w, uint8_t *at, uint16_t type, size_t len)
{
	put16(at, type);
	put16(at + 2, len);
	for (size_t i = 0; i < len; i++)
		at[4 + i] = (uint8_t)draw(w);
	return 4 + len;
}

/* server_name (RFC 6066 3). Returns its length. */
static size_t put_sni(uint8_t *at, const char *name)
{
	size_t n = strlen(name);

	put16(at, 0);
	put16(at + 2, n + 5);
	put16(at + 4, n + 3);
	at[6] = 0;
	put16(at + 7, n);
	memcpy(at + 9, name, n);
	return 9 + n;
}

static void make_hello(struct writer *w, struct conversation *c, bool is_pq)
{
	uint8_t *b = c->hello;
	size_t at = 5 + 4, list;
	bool is_first = percent(w, 50);

	memset(b, 0, sizeof(c->hello));
	put16(b + at, 0x0303);
	for (at += 2; at < 43; at++)
		b[at] = (uint8_t)draw(w);
	b[at++] = 32;
	for (size_t i = 0; i < 32; i++)
		b[at++] = (uint8_t)draw(w);
	put16(b + at, 6);
	memcpy(b + at + 2, "\x13\x01\x13\x02\x13\x03", 6);
	memcpy(b + at + 8, "\x01\x00", 2);
	at += 10;
	list = at;
	at += 2;
	if (is_first) {
		at += put_sni(b + at, c->site->name);
		c->name_end = at;
	}
	at += put_extension(w, b + at, 0x0033, is_pq ? 1258 : 38);
	at += put_extension(w, b + at, 0xfe0d + 0x100, is_pq ? 256 : 32);
	if (!is_first) {
		at += put_sni(b + at, c->site->name);
		c->name_end = at;
	}
	put16(b + list, at - list - 2);
	b[0] = 22;
	put16(b + 1, 0x0301);
	put16(b + 3, at - 5);
	b[5] = 1;
	put16(b + 7, at - 9);
	c->hello_len = at;
}

static void make_request(struct conversation *c)
{
	int n = snprintf((char *)c->hello, sizeof(c->hello),
			 "GET /watch HTTP/1.1\r\nUser-Agent: test\r\nHost: %s\r\n", c->site->name);

	c->name_end = (size_t)n;
	n += snprintf((char *)c->hello + n, sizeof(c->hello) - (size_t)n, "Accept: */*\r\n\r\n");
	c->hello_len = (size_t)n;
}

static void make_question(struct conversation *c)
{
	uint8_t *b = c->hello;
	const char *label = c->site->name;
	size_t at = 12;

	memset(b, 0, sizeof(c->hello));
	put16(b, c->id & 0xffff);
	b[2] = 1;
	b[5] = 1;
	while (*label) {
		size_t n = strcspn(label, ".");

		b[at++] = (uint8_t)n;
		memcpy(b + at, label, n);
		at += n;
		label += n + (label[n] == '.');
	}
	put16(b + at + 1, c->is_v6 ? 28 : 1);
	put16(b + at + 3, 1);
	c->hello_len = at + 5;
	c->name_end = c->hello_len;
}

/* Everything that tells one flow from another follows from its number. */
static void start(struct writer *w, const struct options *o, struct conversation *c, uint64_t id)
{
	uint64_t share = draw(w) % (o->mix[TLS] + o->mix[HTTP] + o->mix[DNS]);
	static const uint16_t ports[] = {443, 80, 53};

	memset(c, 0, sizeof(*c));
	c->id = id;
	c->protocol = share < o->mix[TLS] ? TLS : share < o->mix[TLS] + o->mix[HTTP] ? HTTP : DNS;
	c->site = percent(w, o->blocked)
			  ? &sites[draw(w) % SITES_BLOCKED]
			  : &sites[SITES_BLOCKED + draw(w) % (SITES - SITES_BLOCKED)];
	c->is_v6 = percent(w, o->v6);
	c->is_vlan = percent(w, o->vlan);
	if (c->is_v6) {
		memcpy(c->src, "\x20\x01\x0d\xb8\x00\x01", 6);
		put32(c->src + 12, (uint32_t)id + 1);
		memcpy(c->dst, "\x2a\x00\x14\x50", 4);
		put16(c->dst + 14, 1 + draw(w) % 60000);
	} else {
		put32(c->src, 0x0a000001 + (uint32_t)id % 0xfffffe);
		put32(c->dst, 0x2d000001 + (uint32_t)(draw(w) % 0xfffff));
	}
	c->sport = (uint16_t)(1024 + draw(w) % 60000);
	c->dport = ports[c->protocol];
	c->seq[0] = (uint32_t)draw(w);
	c->seq[1] = (uint32_t)draw(w);
	if (c->protocol == TLS)
		make_hello(w, c, percent(w, o->pq));
	else if (c->protocol == HTTP)
		make_request(c);
	else
		make_question(c);
	c->is_reversed = c->hello_len > MSS && percent(w, 50);
	c->steps = c->protocol == DNS ? 2 : 3 + (c->hello_len > MSS ? 2 : 1) + o->packets + 2;
}

/* One of the segments of the hello. */
static void put_hello_part(struct writer *w, struct conversation *c, unsigned part)
{
	bool is_split = c->hello_len > MSS, is_second = is_split && part == !c->is_reversed;
	size_t from = is_second ? MSS : 0;
	size_t to = is_split && !is_second ? MSS : c->hello_len;
	/* The name is whole once everything up to its end has come, in any order. */
	bool is_naming = !is_split || (c->name_end > MSS || c->is_reversed ? part == 1 : part == 0);

	put_tcp(w, c, false, PSH | ACK, c->seq[0] + (uint32_t)from, c->hello + from, to - from);
	if (is_naming)
		c->naming_frame = w->frames;
	if (part == is_split)
		c->seq[0] += (uint32_t)c->hello_len;
}

static void step_dns(struct writer *w, struct conversation *c)
{
	if (c->step == 1) {
		c->hello[2] |= 0x80;
		c->hello[3] = 3; /* an answer without records */
	}
	put_udp(w, c, c->step == 1, c->hello, c->hello_len);
	if (c->step == 0)
		c->naming_frame = w->frames;
}

/* Puts the next frame of a TCP conversation: handshake, hello, data both ways, farewell. */
static void step_tcp(struct writer *w, struct conversation *c)
{
	static const uint8_t data[] = "\x17\x03\x03\x00\x40 data that nobody looks into, and a bit";
	unsigned hello = 3, parts = c->hello_len > MSS ? 2 : 1;

	if (c->step == 0) {
		put_tcp(w, c, false, SYN, c->seq[0]++, NULL, 0);
	} else if (c->step == 1) {
		put_tcp(w, c, true, SYN | ACK, c->seq[1]++, NULL, 0);
	} else if (c->step == 2) {
		put_tcp(w, c, false, ACK, c->seq[0], NULL, 0);
	} else if (c->step < hello + parts) {
		put_hello_part(w, c, c->step - hello);
	} else if (c->step + 2 < c->steps) {
		bool is_reply = (c->step - hello - parts) % 2 == 0;

		put_tcp(w, c, is_reply, PSH | ACK, c->seq[is_reply], data, sizeof(data));
		c->seq[is_reply] += sizeof(data);
	} else {
		bool is_reply = c->step + 1 == c->steps;

		put_tcp(w, c, is_reply, FIN | ACK, c->seq[is_reply]++, NULL, 0);
	}
}

/* A flow of the forensic modes: a SYN, and what the host says to it. */
static void step_bare(struct writer *w, struct conversation *c)
{
	put_tcp(w, c, c->step == 1, c->step == 1 ? RST | ACK : SYN, c->step == 1 ? 0 : c->seq[0]++,
		NULL, 0);
}

static void put_manifest(struct writer *w, const struct conversation *c)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	int family = c->is_v6 ? AF_INET6 : AF_INET;

	inet_ntop(family, c->src, src, sizeof(src));
	inet_ntop(family, c->dst, dst, sizeof(dst));
	fprintf(w->manifest, "%s\t%u\t%s\t%u\t%s\t%s\t%s\t%s\t%llu\n", src, c->sport, dst, c->dport,
		c->protocol == DNS ? "udp" : "tcp", c->site ? c->site->name : "-",
		protocol_names[c->protocol], c->site ? c->site->app : "-",
		(unsigned long long)c->naming_frame);
}

/* The n-th flow of the forensic modes, behind the ordinary ones. False when there are no more. */
static bool start_bare(struct writer *w, const struct options *o, struct conversation *c,
		       uint64_t n)
{
	static const uint8_t scanner[] = {192, 168, 7, 66}, host[] = {192, 168, 7, 1};
	static const uint8_t other[] = {192, 168, 7, 67};
	const uint64_t scan = o->scan, flood = scan + o->flood, odd = flood + o->odd_port;

	memset(c, 0, sizeof(*c));
	c->id = o->flows + n;
	c->protocol = BARE;
	c->steps = 2;
	c->seq[0] = (uint32_t)draw(w);
	memcpy(c->dst, host, 4);
	c->sport = (uint16_t)(20000 + n % 40000);
	if (n < scan) { /* one source asks one host for many ports */
		memcpy(c->src, scanner, 4);
		c->dport = (uint16_t)(1024 + n);
	} else if (n < flood) { /* many sources, one address and port */
		put32(c->src, 0xc0a80800 + (uint32_t)(n - scan) % 0xf000);
		c->dport = 443;
	} else if (n < odd) { /* ports below 1024 that are no service */
		memcpy(c->src, other, 4);
		c->dport = (uint16_t)(2 + (n - flood) % 5);
	}
	return n < odd;
}

static bool start_next(struct writer *w, const struct options *o, struct conversation *c,
		       uint64_t *next)
{
	bool is_there = true;

	if (*next < o->flows)
		start(w, o, c, *next);
	else
		is_there = start_bare(w, o, c, *next - o->flows);
	*next += is_there;
	return is_there;
}

static void run(struct writer *w, const struct options *o)
{
	static void (*const step[])(struct writer * w, struct conversation * c) = {
		step_tcp, step_tcp, step_dns, step_bare};
	struct conversation *active = calloc(o->active, sizeof(*active));
	uint64_t next = 0;
	size_t count = 0;

	if (!active)
		abort();
	while (count < o->active && start_next(w, o, &active[count], &next))
		count++;
	while (count > 0) {
		struct conversation *c = &active[draw(w) % count];

		step[c->protocol](w, c);
		if (++c->step < c->steps)
			continue;
		put_manifest(w, c);
		if (!start_next(w, o, c, &next))
			*c = active[--count];
	}
	free(active);
}

static int usage(void)
{
	fputs("usage: gen_capture --out FILE --manifest FILE [--flows N] [--seed N]\n"
	      "         [--mix TLS,HTTP,DNS] [--pq PERCENT] [--ipv6 PERCENT] [--vlan PERCENT]\n"
	      "         [--blocked PERCENT] [--packets N] [--active N] [--ns]\n"
	      "         [--scan N] [--flood N] [--odd-port N]\n",
	      stderr);
	return 2;
}

static bool parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"out", 1, 0, 'o'},	 {"manifest", 1, 0, 'm'},
		{"flows", 1, 0, 'f'},	 {"seed", 1, 0, 's'},
		{"mix", 1, 0, 'x'},	 {"pq", 1, 0, 'q'},
		{"ipv6", 1, 0, '6'},	 {"vlan", 1, 0, 'v'},
		{"blocked", 1, 0, 'b'},	 {"packets", 1, 0, 'p'},
		{"active", 1, 0, 'a'},	 {"ns", 0, 0, 'n'},
		{"scan", 1, 0, 'S'},	 {"flood", 1, 0, 'F'},
		{"odd-port", 1, 0, 'O'}, {0},
	};
	unsigned *const numbers[128] = {
		['q'] = &o->pq,	     ['6'] = &o->v6,	  ['v'] = &o->vlan,
		['b'] = &o->blocked, ['p'] = &o->packets, ['a'] = &o->active,
		['S'] = &o->scan,    ['F'] = &o->flood,	  ['O'] = &o->odd_port,
	};
	int got;

	while ((got = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (got == 'o')
			o->out = optarg;
		else if (got == 'm')
			o->manifest = optarg;
		else if (got == 'f')
			o->flows = strtoull(optarg, NULL, 10);
		else if (got == 's')
			o->seed = strtoull(optarg, NULL, 10);
		else if (got == 'n')
			o->is_ns = true;
		else if (got == 'x' &&
			 sscanf(optarg, "%u,%u,%u", &o->mix[TLS], &o->mix[HTTP], &o->mix[DNS]) == 3)
			continue;
		else if (got < 128 && numbers[got])
			*numbers[got] = (unsigned)strtoul(optarg, NULL, 10);
		else
			return false;
	}
	return o->out && o->manifest && optind == argc && o->active > 0 &&
	       o->mix[TLS] + o->mix[HTTP] + o->mix[DNS] > 0;
}

int main(int argc, char **argv)
{
	struct options o = {.flows = 1000,
			    .seed = 1,
			    .mix = {60, 20, 20},
			    .pq = 30,
			    .v6 = 20,
			    .vlan = 10,
			    .blocked = 10,
			    .packets = 6,
			    .active = 500};
	struct writer w = {.time_ns = 1700000000000000000ULL};
	uint32_t head[6] = {0, 0x00040002, 0, 0, 262144, 1};
	bool is_whole;

	if (!parse(argc, argv, &o))
		return usage();
	w.rng = o.seed;
	w.is_ns = o.is_ns;
	w.pcap = fopen(o.out, "wb");
	w.manifest = fopen(o.manifest, "w");
	if (!w.pcap || !w.manifest) {
		perror("gen_capture");
		return 1;
	}
	head[0] = o.is_ns ? 0xa1b23c4d : 0xa1b2c3d4;
	fwrite(head, sizeof(head), 1, w.pcap);
	fputs("src\tsport\tdst\tdport\tl4\tname\tprotocol\tapp\tnaming_frame\n", w.manifest);
	run(&w, &o);
	is_whole = !ferror(w.pcap) && !ferror(w.manifest);
	is_whole &= fclose(w.pcap) == 0;
	is_whole &= fclose(w.manifest) == 0;
	if (!is_whole)
		fputs("gen_capture: the files could not be written whole\n", stderr);
	return is_whole ? 0 : 1;
}
