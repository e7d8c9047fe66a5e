/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * ndpi_loop: the least that libndpi (4.2, Debian's) asks for telling every flow of a capture: one
 * thread, a hash table of its own, every dissector on, nothing printed, no statistics. A flow is
 * given to libndpi until it is told or PAYLOADS_MAX packets with payload have passed; then its
 * state is freed. Uses none of the program's code, so that scripts/bench has something to hold it
 * against.
 *
 *     ndpi_loop CAPTURE
 *
 * Prints frames, flows, flows told and flows with a name.
 */
#include <arpa/inet.h>
#include <ndpi/ndpi_api.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAYLOADS_MAX = 16, TABLE_BITS = 12, ETH_LEN = 14, VLAN_LEN = 4, TCP = 6, UDP = 17 };

/* Both directions of a flow have one key: the lesser end stands first. */
struct key {
	uint8_t addr[2][16];
	uint16_t port[2];
	uint32_t proto;
};

struct flow {
	struct key key;
	struct flow *next;
	struct ndpi_flow_struct *state; /* NULL: told, or given up */
	unsigned payloads;
};

struct table {
	struct flow **slot;
	size_t mask, count;
};

struct counts {
	unsigned long long frames, told, named;
};

/* An IP packet: its key and how many bytes of payload it has. */
struct view {
	struct key key;
	const uint8_t *ip;
	size_t ip_len, payload;
};

static uint64_t hash(const struct key *k)
{
	uint64_t word[5], h = 0x9e3779b97f4a7c15ULL;

	memcpy(word, k, sizeof(word));
	for (size_t i = 0; i < 5; i++) {
		h = (h ^ word[i]) * 0xff51afd7ed558ccdULL;
		h ^= h >> 32;
	}
	return h;
}

static void put_ends(struct key *k, const uint8_t *src, const uint8_t *dst, size_t len,
		     const uint8_t *l4)
{
	uint16_t sport, dport;
	int order = memcmp(src, dst, len);
	bool is_turned;

	memcpy(&sport, l4, 2);
	memcpy(&dport, l4 + 2, 2);
	is_turned = order > 0 || (order == 0 && sport > dport);
	memcpy(k->addr[is_turned], src, len);
	memcpy(k->addr[!is_turned], dst, len);
	k->port[is_turned] = sport;
	k->port[!is_turned] = dport;
}

/* True for TCP or UDP over IP, whole and without extension headers. */
static bool look(const uint8_t *at, size_t len, struct view *v)
{
	size_t head, l3 = ETH_LEN;
	uint16_t type;

	memset(v, 0, sizeof(*v));
	if (len < ETH_LEN + VLAN_LEN + 20)
		return false;
	memcpy(&type, at + 12, 2);
	if (ntohs(type) == 0x8100) {
		memcpy(&type, at + 16, 2);
		l3 += VLAN_LEN;
	}
	v->ip = at + l3;
	v->ip_len = len - l3;
	if (ntohs(type) == 0x0800) {
		head = (size_t)(v->ip[0] & 15) * 4;
		v->key.proto = v->ip[9];
	} else if (ntohs(type) == 0x86dd) {
		head = 40;
		v->key.proto = v->ip[6];
	} else {
		return false;
	}
	if ((v->key.proto != TCP && v->key.proto != UDP) ||
	    v->ip_len < head + (v->key.proto == TCP ? 20 : 8))
		return false;
	if (head == 40 && ntohs(type) == 0x86dd)
		put_ends(&v->key, v->ip + 8, v->ip + 24, 16, v->ip + head);
	else
		put_ends(&v->key, v->ip + 12, v->ip + 16, 4, v->ip + head);
	head += v->key.proto == UDP ? 8 : (size_t)(v->ip[head + 12] >> 4) * 4;
	v->payload = v->ip_len > head ? v->ip_len - head : 0;
	return true;
}

static void *must(void *memory)
{
	if (!memory) {
		fputs("ndpi_loop: out of memory\n", stderr);
		exit(1);
	}
	return memory;
}

static void grow(struct table *t)
{
	size_t mask = t->slot ? 2 * t->mask + 1 : (1u << TABLE_BITS) - 1;
	struct flow **slot = must(calloc(mask + 1, sizeof(struct flow *)));

	for (size_t i = 0; t->slot && i <= t->mask; i++) {
		for (struct flow *f = t->slot[i], *next; f; f = next) {
			size_t to = hash(&f->key) & mask;

			next = f->next;
			f->next = slot[to];
			slot[to] = f;
		}
	}
	free(t->slot);
	t->slot = slot;
	t->mask = mask;
}

static struct flow *find(struct table *t, const struct key *k)
{
	uint64_t h = hash(k);
	struct flow *f = t->slot[h & t->mask];

	while (f && memcmp(&f->key, k, sizeof(*k)) != 0)
		f = f->next;
	if (f)
		return f;
	if (t->count++ > t->mask)
		grow(t);
	f = must(calloc(1, sizeof(*f)));
	f->key = *k;
	f->state = must(ndpi_calloc(1, SIZEOF_FLOW_STRUCT));
	f->next = t->slot[h & t->mask];
	t->slot[h & t->mask] = f;
	return f;
}

/* What libndpi says at last; its state of the flow is no longer needed. */
static void close_flow(struct flow *f, ndpi_protocol p, struct counts *c)
{
	c->told += p.app_protocol != NDPI_PROTOCOL_UNKNOWN ||
		   p.master_protocol != NDPI_PROTOCOL_UNKNOWN;
	c->named += f->state->host_server_name[0] != '\0';
	ndpi_free_flow(f->state);
	f->state = NULL;
}

static void give(struct ndpi_detection_module_struct *n, struct flow *f, const struct view *v,
		 uint64_t ms, struct counts *c)
{
	ndpi_protocol p = ndpi_detection_process_packet(n, f->state, v->ip, (uint16_t)v->ip_len,
							ms);
	uint8_t is_guess = 0;

	f->payloads += v->payload > 0;
	if (p.app_protocol == NDPI_PROTOCOL_UNKNOWN && p.master_protocol == NDPI_PROTOCOL_UNKNOWN) {
		if (f->payloads < PAYLOADS_MAX)
			return;
		p = ndpi_detection_giveup(n, f->state, 1, &is_guess);
	}
	close_flow(f, p, c);
}

static struct ndpi_detection_module_struct *start(void)
{
	struct ndpi_detection_module_struct *n = ndpi_init_detection_module(ndpi_no_prefs);
	NDPI_PROTOCOL_BITMASK all;

	if (!n)
		return NULL;
	NDPI_BITMASK_SET_ALL(all);
	ndpi_set_protocol_detection_bitmask2(n, &all);
	ndpi_finalize_initialization(n);
	return n;
}

/* Flows that ended before they were told, and the table itself. */
static void finish(struct ndpi_detection_module_struct *n, struct table *t, struct counts *c)
{
	uint8_t is_guess = 0;

	for (size_t i = 0; i <= t->mask; i++) {
		for (struct flow *f = t->slot[i], *next; f; f = next) {
			next = f->next;
			if (f->state)
				close_flow(f, ndpi_detection_giveup(n, f->state, 1, &is_guess), c);
			free(f);
		}
	}
	free(t->slot);
	ndpi_exit_detection_module(n);
}

/* Every frame to its flow. False when the capture is damaged. */
static bool run(pcap_t *p, struct ndpi_detection_module_struct *n, struct table *t,
		struct counts *c)
{
	struct pcap_pkthdr *head;
	const uint8_t *bytes;
	struct view v;
	int got;

	while ((got = pcap_next_ex(p, &head, &bytes)) == 1) {
		struct flow *f = look(bytes, head->caplen, &v) ? find(t, &v.key) : NULL;
		uint64_t ms = (uint64_t)head->ts.tv_sec * 1000 + (uint64_t)head->ts.tv_usec / 1000;

		c->frames++;
		if (f && f->state)
			give(n, f, &v, ms, c);
	}
	if (got != PCAP_ERROR_BREAK)
		fprintf(stderr, "ndpi_loop: %s\n", pcap_geterr(p));
	return got == PCAP_ERROR_BREAK;
}

int main(int argc, char **argv)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	struct ndpi_detection_module_struct *n;
	struct counts c = {0};
	struct table t = {0};
	bool is_whole;
	pcap_t *p;

	if (argc != 2) {
		fputs("usage: ndpi_loop CAPTURE\n", stderr);
		return 2;
	}
	p = pcap_open_offline(argv[1], why);
	n = p ? start() : NULL;
	if (!n || pcap_datalink(p) != DLT_EN10MB) {
		fprintf(stderr, "ndpi_loop: %s\n", p ? "not Ethernet, or out of memory" : why);
		return 1;
	}
	grow(&t);
	is_whole = run(p, n, &t, &c);
	pcap_close(p);
	finish(n, &t, &c);
	printf("%llu %zu %llu %llu\n", c.frames, t.count, c.told, c.named);
	return !is_whole;
}
