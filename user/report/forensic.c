/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The heuristics: one pass over the sums of addresses for the first four, one over the pairs for
 * what a flagged source contacted (one hop, no further).
 */
#include "report/forensic.h"

#include <errno.h>
#include <stdlib.h>

static const char *const kind_names[FORENSIC_KINDS] = {
	[FORENSIC_HIGH_VOLUME] = "HIGH VOLUME",	      [FORENSIC_PORT_SCAN] = "PORT SCAN",
	[FORENSIC_RESERVED_RANGE] = "RESERVED RANGE", [FORENSIC_UNUSUAL_PORT] = "UNUSUAL PORT",
	[FORENSIC_ASSOCIATED] = "ASSOCIATED",
};

const char *forensic_kind_name(enum forensic_kind k)
{
	return kind_names[k];
}

/*
 * Ranges an own network can lie in, and how much of such an address names the network. What a
 * laboratory uses in place of public addresses (RFC 5737, RFC 3849) is its own when it answers.
 */
static const struct range {
	uint8_t prefix[16];
	uint8_t bits, net_bits; /* of 128 */
	bool is_stand_in;
} ranges[] = {
#define V4(a, b, c)                                                    \
	{                                                              \
		[10] = 0xff, [11] = 0xff, [12] = a, [13] = b, [14] = c \
	}
	{V4(10, 0, 0), 104, 120, false},    /* RFC 1918 */
	{V4(172, 16, 0), 108, 120, false},  /* RFC 1918 */
	{V4(192, 168, 0), 112, 120, false}, /* RFC 1918 */
	{V4(100, 64, 0), 106, 120, false},  /* RFC 6598, carriers */
	{V4(169, 254, 0), 112, 112, false}, /* RFC 3927, link-local */
	{V4(127, 0, 0), 104, 104, false},   /* RFC 1122, loopback */
	{V4(192, 0, 2), 120, 120, true},    /* RFC 5737 */
	{V4(198, 51, 100), 120, 120, true}, /* RFC 5737 */
	{V4(203, 0, 113), 120, 120, true},  /* RFC 5737 */
	{V4(198, 18, 0), 111, 120, true},   /* RFC 2544, benchmarks */
#undef V4
	{{0xfc}, 7, 64, false},			  /* RFC 4193, unique local */
	{{0xfe, 0x80}, 10, 10, false},		  /* RFC 4291, link-local: always this link */
	{{0x20, 0x01, 0x0d, 0xb8}, 32, 64, true}, /* RFC 3849 */
	{{[15] = 1}, 128, 128, false},		  /* RFC 4291, loopback */
};

static const struct range *range_of(const struct dpi_addr *a)
{
	size_t lead = dpi_addr_is4(a) ? 12 : 0;

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		struct dpi_addr prefix;

		/* Most differ in the first byte that says something. */
		if (ranges[i].bits >= 8 * lead + 8 && a->b[lead] != ranges[i].prefix[lead])
			continue;
		memcpy(&prefix, ranges[i].prefix, sizeof(prefix));
		if (addr_in_net(a, &prefix, ranges[i].bits))
			return &ranges[i];
	}
	return NULL;
}

static struct report_net net_of(const struct dpi_addr *a, uint8_t bits)
{
	struct report_net n = {.bits = bits};

	memcpy(n.addr.b, a->b, bits / 8);
	if (bits % 8)
		n.addr.b[bits / 8] = (uint8_t)(a->b[bits / 8] & (0xff00 >> bits % 8));
	return n;
}

static int compare_nets(const void *a, const void *b)
{
	const struct report_net *x = a, *y = b;
	int by = memcmp(&x->addr, &y->addr, sizeof(x->addr));

	return by ? by : x->bits - y->bits;
}

static size_t unique_nets(struct report_net *nets, size_t count)
{
	size_t kept = 0;

	qsort(nets, count, sizeof(*nets), compare_nets);
	for (size_t i = 0; i < count; i++)
		if (!kept || compare_nets(&nets[kept - 1], &nets[i]))
			nets[kept++] = nets[i];
	return kept;
}

/* True when the address shows which network it stands in. */
static bool teaches(const struct sum_addr *a, const struct range *r)
{
	return r && (a->is_own || (r->is_stand_in && a->is_answering));
}

enum { RECENT = 256 };

/* True when the network stands at its place among those met; else it is put there. */
static bool is_recent(const struct report_net *net, struct report_net *recent)
{
	uint64_t mix = net->addr.d[0] ^ net->addr.d[1] ^ net->bits;
	struct report_net *at = &recent[(mix * 0x9e3779b97f4a7c15ULL) >> 56];

	if (!compare_nets(at, net))
		return true;
	*at = *net;
	return false;
}

/* nets has room for one network an address. */
static void learn_nets(struct forensic *f, const struct sums *sums)
{
	struct report_net recent[RECENT] = {0}; /* none has 0 bits */
	const struct sum_addr *a;
	size_t at = 0;

	while ((a = sums_next_addr(sums, &at))) {
		struct report_net *net = &f->nets[f->net_count];
		const struct range *r;

		/* No range is public: most servers need not be looked up. */
		if (a->is_public || !(a->is_own || a->is_answering))
			continue;
		r = range_of(&a->addr);
		if (!teaches(a, r))
			continue;
		*net = net_of(&a->addr, r->net_bits);
		/* Many addresses, few networks: what was met not long ago need not be sorted. */
		if (is_recent(net, recent))
			continue;
		f->net_count++;
	}
	f->net_count = unique_nets(f->nets, f->net_count);
}

/* Networks are few when given and may be many when learnt, then all of the ranges' own lengths. */
static bool is_own(const struct forensic *f, const struct dpi_addr *a)
{
	const struct range *r = range_of(a);
	struct report_net probe;

	if (r && r->bits == 10 && r->net_bits == 10)
		return true;
	if (!f->is_learnt) {
		for (size_t i = 0; i < f->net_count; i++)
			if (addr_in_net(a, &f->nets[i].addr, f->nets[i].bits))
				return true;
		return false;
	}
	if (!r || !f->net_count)
		return false;
	probe = net_of(a, r->net_bits);
	return bsearch(&probe, f->nets, f->net_count, sizeof(probe), compare_nets) != NULL;
}

static bool judge(const struct forensic *f, struct sum_addr *a, struct forensic_suspect *s)
{
	uint64_t flows = a->from_flows + a->to_flows;
	bool is_group = addr_is_multicast(&a->addr);

	*s = (struct forensic_suspect){.addr = a};
	if (flows > FORENSIC_VOLUME_MAX && !is_group)
		s->count[FORENSIC_HIGH_VOLUME] = flows;
	if (sum_addr_ports(a) > FORENSIC_PORTS_MAX)
		s->count[FORENSIC_PORT_SCAN] = sum_addr_ports(a);
	if (a->reserved_flows && !is_own(f, &a->addr))
		s->count[FORENSIC_RESERVED_RANGE] = a->reserved_flows;
	if (a->unusual_flows) {
		s->count[FORENSIC_UNUSUAL_PORT] = a->unusual_flows;
		s->port = a->unusual_port;
	}
	for (int k = 0; k < FORENSIC_ASSOCIATED; k++)
		if (s->count[k])
			return true;
	return false;
}

static int compare_suspects(const void *a, const void *b)
{
	const struct forensic_suspect *x = a, *y = b;

	return memcmp(&x->addr->addr, &y->addr->addr, sizeof(x->addr->addr));
}

/* Sorts the suspects and tells each address its place. */
static void place_suspects(struct forensic *f)
{
	qsort(f->suspects, f->suspect_count, sizeof(*f->suspects), compare_suspects);
	for (size_t i = 0; i < f->suspect_count; i++)
		f->suspects[i].addr->suspect = (uint32_t)(i + 1);
}

/* What flagged sources contacted: a destination each with its source, by destination. */
struct contact {
	struct sum_addr *dst, *src;
	uint64_t flows;
};

static int compare_contacts(const void *a, const void *b)
{
	const struct contact *x = a, *y = b;
	int by = memcmp(&x->dst->addr, &y->dst->addr, sizeof(x->dst->addr));

	if (!by)
		by = x->flows < y->flows ? 1 : x->flows > y->flows ? -1 : 0;
	return by ? by : memcmp(&x->src->addr, &y->src->addr, sizeof(x->src->addr));
}

static size_t find_contacts(const struct sums *sums, struct contact *out)
{
	size_t count = 0, at = 0;
	const struct sum_pair *p;

	while ((p = sums_next_pair(sums, &at))) {
		if (p->src == p->dst || !p->src->suspect || addr_is_multicast(&p->dst->addr))
			continue;
		out[count++] = (struct contact){.dst = p->dst, .src = p->src, .flows = p->flows};
	}
	qsort(out, count, sizeof(*out), compare_contacts);
	return count;
}

/* Flags the contacted; suspects has room for every address. */
static void associate(struct forensic *f, const struct contact *contacts, size_t count)
{
	struct forensic_suspect *s = NULL;

	for (size_t i = 0; i < count; i++) {
		if (!i || contacts[i].dst != contacts[i - 1].dst) {
			size_t place = contacts[i].dst->suspect;

			s = &f->suspects[place ? place - 1 : f->suspect_count++];
			s->addr = contacts[i].dst;
			s->source = contacts[i].src->addr;
		}
		s->count[FORENSIC_ASSOCIATED] += contacts[i].flows;
		s->source_count++;
	}
	place_suspects(f);
}

/* Flags what flagged sources contacted. */
static int find_associated(struct forensic *f, struct sums *sums)
{
	struct contact *contacts = calloc(sums_count(&sums->pairs) + 1, sizeof(*contacts));

	if (!contacts)
		return -ENOMEM;
	associate(f, contacts, find_contacts(sums, contacts));
	free(contacts);
	return 0;
}

static int find_suspects(struct forensic *f, struct sums *sums)
{
	struct sum_addr *a;
	size_t at = 0;

	f->suspects = calloc(sums_count(&sums->addrs) + 1, sizeof(*f->suspects));
	if (!f->suspects)
		return -ENOMEM;
	while ((a = sums_next_addr(sums, &at))) {
		if (!judge(f, a, &f->suspects[f->suspect_count]))
			continue;
		f->suspect_count++;
		f->has_opener |= a->from_flows > 0;
	}
	place_suspects(f);
	/* The first place past the last is still as judge left it. */
	memset(f->suspects + f->suspect_count, 0, sizeof(*f->suspects));
	return f->has_opener ? find_associated(f, sums) : 0;
}

int forensic_find(struct forensic *f, struct sums *sums, const struct report_net *nets,
		  size_t net_count)
{
	size_t room = net_count ? net_count : sums_count(&sums->addrs);

	*f = (struct forensic){.sums = sums, .is_learnt = net_count == 0};
	f->nets = calloc(room + 1, sizeof(*f->nets));
	if (!f->nets)
		return -ENOMEM;
	if (net_count) {
		memcpy(f->nets, nets, net_count * sizeof(*nets));
		f->net_count = net_count;
	} else {
		learn_nets(f, sums);
	}
	if (find_suspects(f, sums)) {
		forensic_clear(f);
		return -ENOMEM;
	}
	return 0;
}

void forensic_clear(struct forensic *f)
{
	free(f->suspects);
	free(f->nets);
	*f = (struct forensic){0};
}

const struct forensic_suspect *forensic_suspect_of(const struct forensic *f,
						   const struct dpi_addr *a)
{
	const struct sum_addr *sum = sums_addr(f->sums, a);

	return sum && sum->suspect ? &f->suspects[sum->suspect - 1] : NULL;
}
