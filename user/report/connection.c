/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Rows of the report: copying a flow, its names packed in one block, and the order of rows.
 */
#include "report/connection.h"

#include <errno.h>
#include <stdlib.h>

enum { NAME_HEAD = 2 }; /* source and length in front of each packed name */

static void pack(uint8_t *at, uint8_t source, const void *text, uint8_t len)
{
	at[0] = source;
	at[1] = len;
	memcpy(at + NAME_HEAD, text, len);
	at[NAME_HEAD + len] = 0;
}

/* The names that count: a flow's own, else the one that a DNS answer gave. */
static const struct flow_name *names_of(const struct flow *f)
{
	return f->names ? f->names : f->learnt;
}

size_t connection_names_len(const struct flow *f)
{
	size_t len = 0;

	for (const struct flow_name *n = names_of(f); n; n = n->next)
		len += NAME_HEAD + (size_t)n->len + 1;
	return len;
}

uint16_t connection_names_count(const struct flow *f)
{
	uint16_t count = 0;

	for (const struct flow_name *n = names_of(f); n; n = n->next)
		count++;
	return count;
}

void connection_pack_names(const struct flow *f, uint8_t *at)
{
	for (const struct flow_name *n = names_of(f); n; n = n->next) {
		pack(at, n->source, n->text, n->len);
		at += NAME_HEAD + (size_t)n->len + 1;
	}
}

void connection_nameless(struct connection *out, const struct flow *f)
{
	const struct flow_rare *rare = flow_rare(f);
	const char *ja4 = flow_ja4(f);

	*out = (struct connection){
		.key = f->key,
		.first_ns = f->first_ns,
		.last_ns = f->last_ns,
		.first_number = f->first_number,
		.packets = {f->packets[0], f->packets[1]},
		.bytes = {f->bytes[0], f->bytes[1]},
		.dropped_packets = rare->dropped_packets,
		.dropped_bytes = rare->dropped_bytes,
		.late_packets = rare->late_packets,
		.rule = f->decision.rule,
		.flags = f->flags,
		.app = f->app,
		.opener = f->opener & 1,
		.proto = f->proto,
		.state = f->state,
		.tcp_flags = {f->tcp_flags[0], f->tcp_flags[1]},
		.is_blocked = f->is_verdict || (f->decision.is_block && rare->dropped_packets > 0),
		.has_payload = f->payload[0] || f->payload[1],
		.tunnel = rare->tunnel,
		.outer = {rare->outer[0], rare->outer[1]},
	};
	if (ja4[0])
		memcpy(out->ja4, ja4, sizeof(out->ja4));
}

int connection_of_flow(struct connection *out, const struct flow *f)
{
	size_t len = connection_names_len(f);
	uint8_t *names = len ? malloc(len) : NULL;

	if (len && !names) {
		*out = (struct connection){0};
		return -ENOMEM;
	}
	connection_nameless(out, f);
	connection_pack_names(f, names);
	out->names = names;
	out->names_len = (uint32_t)len;
	out->name_count = connection_names_count(f);
	return 0;
}

void connection_clear(struct connection *c)
{
	free((void *)c->names);
	*c = (struct connection){0};
}

bool connection_next_name(const struct connection *c, size_t *at, struct connection_name *out)
{
	const uint8_t *n;

	if (*at >= c->names_len)
		return false;
	n = c->names + *at;
	out->source = n[0];
	out->text = slice_of(n + NAME_HEAD, n[1]);
	*at += NAME_HEAD + (size_t)n[1] + 1;
	return true;
}

int connection_add_name(struct connection *c, enum app_proto source, struct slice name)
{
	uint8_t len = (uint8_t)(name.len < NAME_MAX_LEN ? name.len : NAME_MAX_LEN);
	size_t size = c->names_len + NAME_HEAD + (size_t)len + 1;
	uint8_t *names = realloc((void *)c->names, size);

	if (!names)
		return -ENOMEM;
	pack(names + c->names_len, (uint8_t)source, name.at, len);
	c->names = names;
	c->names_len = (uint32_t)size;
	c->name_count++;
	return 0;
}

static int order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

int connection_compare(const struct connection *a, const struct connection *b)
{
	int by = order(a->first_number, b->first_number);

	if (!by)
		by = order(a->first_ns, b->first_ns);
	if (!by)
		by = memcmp(&a->key, &b->key, sizeof(a->key));
	return by;
}
