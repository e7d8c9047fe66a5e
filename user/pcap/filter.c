/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Filter expressions, by libpcap's compiler and interpreter. Room: pcap. See filter.h.
 */
#include "pcap/filter.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	FILTER_LINKTYPES_MAX = 64, /* frames of more link types than that do not match */
	FILE_HEAD = 24,
};

/* The expression for one link type. */
struct program {
	uint16_t linktype;
	bool is_usable;
	struct bpf_program code;
};

struct capture_filter {
	const char *expression;
	struct program program[FILTER_LINKTYPES_MAX];
	size_t count, last; /* last: of the frame before; most captures have no other */
	bool has_fault;
	struct fault fault;
};

/* libpcap's handle for a link type as a file numbers it, without a file of it. */
static pcap_t *open_linktype(uint16_t linktype, char *why)
{
	uint32_t head[FILE_HEAD / 4] = {0xa1b2c3d4, 0, 0, 0, CAPTURE_RECORD_MAX, linktype};
	const uint16_t version[2] = {2, 4};
	FILE *file;
	pcap_t *p;

	memcpy(&head[1], version, sizeof(version));
	file = fmemopen(head, sizeof(head), "r");
	if (!file) {
		snprintf(why, PCAP_ERRBUF_SIZE, "out of memory");
		return NULL;
	}
	p = pcap_fopen_offline(file, why);
	if (!p)
		fclose(file);
	return p;
}

/* Returns 0, or -EINVAL and libpcap's words. */
static int compile(const char *expression, uint16_t linktype, struct bpf_program *code,
		   struct fault *f)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_t *p = open_linktype(linktype, why);
	int err = 0;

	if (!p)
		return fault_set(f, -EINVAL, "%s", why);
	if (pcap_compile(p, code, expression, 1, PCAP_NETMASK_UNKNOWN) < 0)
		err = fault_set(f, -EINVAL, "%s", pcap_geterr(p));
	pcap_close(p);
	return err;
}

int capture_filter_check(const char *expression, struct fault *f)
{
	/* Ethernet first, since its words are the ones to show. */
	static const uint16_t linktypes[] = {1, 101, 113, 276, 0, 9, 50, 104, 105, 127, 192};
	struct bpf_program code;
	struct fault other;

	for (size_t i = 0; i < sizeof(linktypes) / sizeof(linktypes[0]); i++) {
		if (compile(expression, linktypes[i], &code, i ? &other : f) == 0) {
			pcap_freecode(&code);
			return 0;
		}
	}
	return -EINVAL;
}

struct capture_filter *capture_filter_new(const char *expression)
{
	struct capture_filter *filter = calloc(1, sizeof(*filter));

	if (filter)
		filter->expression = expression;
	return filter;
}

void capture_filter_free(struct capture_filter *filter)
{
	for (size_t i = 0; filter && i < filter->count; i++) {
		if (filter->program[i].is_usable)
			pcap_freecode(&filter->program[i].code);
	}
	free(filter);
}

static void note_fault(struct capture_filter *filter, uint16_t linktype, const char *why)
{
	const char *name = pcap_datalink_val_to_name(linktype);

	if (!filter->has_fault)
		fault_set(&filter->fault, -EINVAL, "frames of link type %s%s%u%s: %s",
			  name ? name : "", name ? " (" : "", linktype, name ? ")" : "", why);
	filter->has_fault = true;
}

/* The program for a link type, made when it is met first; NULL when there is room for no more. */
static const struct program *find(struct capture_filter *filter, uint16_t linktype)
{
	struct program *p = filter->program;
	struct fault why;

	for (filter->last = 0; filter->last < filter->count; filter->last++) {
		if (p[filter->last].linktype == linktype)
			return &p[filter->last];
	}
	if (filter->count == FILTER_LINKTYPES_MAX) {
		filter->last = 0;
		note_fault(filter, linktype, "more than 64 link types in one capture");
		return NULL;
	}
	p = &p[filter->count++];
	p->linktype = linktype;
	p->is_usable = compile(filter->expression, linktype, &p->code, &why) == 0;
	if (!p->is_usable)
		note_fault(filter, linktype, why.text);
	return p;
}

bool capture_filter_match(struct capture_filter *filter, const struct capture_record *r)
{
	const struct program *p = &filter->program[filter->last];
	struct pcap_pkthdr head = {
		.caplen = (uint32_t)r->frame.bytes.len,
		.len = r->frame.wire_len,
	};

	if (filter->count == 0 || p->linktype != r->linktype)
		p = find(filter, r->linktype);
	return p && p->is_usable && pcap_offline_filter(&p->code, &head, r->frame.bytes.at) != 0;
}

const char *capture_filter_fault(const struct capture_filter *filter)
{
	return filter->has_fault ? filter->fault.text : NULL;
}
