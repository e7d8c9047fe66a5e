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

static int copy_names(struct connection *out, const struct flow *f)
{
	size_t size = 0;
	uint8_t *at;

	if (!f->names && f->learnt)
		return connection_add_name(out, f->learnt->source,
					   slice_of(f->learnt->text, f->learnt->len));
	for (const struct flow_name *n = f->names; n; n = n->next) {
		size += NAME_HEAD + (size_t)n->len + 1;
		out->name_count++;
	}
	if (!size)
		return 0;
	at = out->names = malloc(size);
	if (!at)
		return -ENOMEM;
	out->names_len = (uint32_t)size;
	for (const struct flow_name *n = f->names; n; n = n->next) {
		pack(at, n->source, n->text, n->len);
		at += NAME_HEAD + (size_t)n->len + 1;
	}
	return 0;
}

int connection_of_flow(struct connection *out, const struct flow *f)
{
	*out = (struct connection){
		.key = f->key,
		.first_ns = f->first_ns,
		.last_ns = f->last_ns,
		.first_number = f->first_number,
		.packets = {f->packets[0], f->packets[1]},
		.bytes = {f->bytes[0], f->bytes[1]},
		.dropped_packets = flow_rare(f)->dropped_packets,
		.dropped_bytes = flow_rare(f)->dropped_bytes,
		.late_packets = flow_rare(f)->late_packets,
		.rule = f->decision.rule,
		.flags = f->flags,
		.app = f->app,
		.opener = f->opener & 1,
		.proto = f->proto,
		.state = f->state,
		.tcp_flags = {f->tcp_flags[0], f->tcp_flags[1]},
		.is_blocked = f->is_verdict ||
			      (f->decision.is_block && flow_rare(f)->dropped_packets > 0),
		.has_payload = f->payload[0] || f->payload[1],
		.tunnel = flow_rare(f)->tunnel,
		.outer = {flow_rare(f)->outer[0], flow_rare(f)->outer[1]},
	};
	memcpy(out->ja4, f->ja4, sizeof(out->ja4));
	if (copy_names(out, f)) {
		*out = (struct connection){0};
		return -ENOMEM;
	}
	return 0;
}

int connection_copy(struct connection *out, const struct connection *from)
{
	*out = *from;
	if (!from->names_len)
		return 0;
	out->names = malloc(from->names_len);
	if (!out->names) {
		*out = (struct connection){0};
		return -ENOMEM;
	}
	memcpy(out->names, from->names, from->names_len);
	return 0;
}

void connection_clear(struct connection *c)
{
	free(c->names);
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
	uint8_t *names = realloc(c->names, size);

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
