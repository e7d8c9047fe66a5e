/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Explaining decisions; see why.h.
 */
#include "agent/why.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* One explanation, before it becomes text or JSON. */
struct answer {
	const char *subject;
	const char *kind; /* "name", "address", "flow" */
	const char *app;  /* NULL: does not apply */
	const char *category;
	struct name name; /* of a flow, when known */
	char rule[600];	  /* label; empty: no rule spoke */
	bool is_block;
	const char *how; /* what the rule was compared with */
};

static void label_set(struct answer *a, const struct policy *p, const struct decision *d,
		      const char *how)
{
	const struct rule *r = policy_rule(p, d->rule);

	if (!r || a->rule[0])
		return;
	rule_label(r, a->rule, sizeof(a->rule));
	a->is_block = d->is_block;
	a->how = how;
}

static void label_name(struct answer *a, const struct policy *p, const struct catalogue *c,
		       struct slice name, struct decision d)
{
	const struct rule *r = policy_rule(p, d.rule);
	int app = catalogue_classify(c, name);

	a->app = catalogue_name(c, app);
	a->category = catalogue_category(c, app);
	label_set(a, p, &d,
		  d.kind != RULE_APP	? "the name"
		  : r && r->is_category ? "the category of the name's application"
					: "the application of the name");
}

static void judge_name(struct answer *a, const struct policy *p, const struct catalogue *c,
		       struct slice name)
{
	label_name(a, p, c, name, policy_match_name(p, name));
}

/* An address rule may name a side; either counts here. */
static void judge_address(struct answer *a, const struct policy *p, const struct dpi_addr *addr)
{
	struct dpi_key key = {.proto = DPI_IP_TCP};
	struct decision d;

	key.addr[0] = *addr;
	d = policy_match_flow(p, &key, 0);
	label_set(a, p, &d, "the address as a flow's source");
	d = policy_match_flow(p, &key, 1);
	label_set(a, p, &d, "the address as a flow's destination");
}

/* "ADDR:PORT" or "[ADDR]:PORT". */
static int end_parse(struct slice s, struct dpi_addr *addr, __be16 *port)
{
	size_t colon = s.len;
	char digits[6] = "";
	unsigned long n;
	char *end;

	while (colon > 0 && s.at[colon - 1] != ':')
		colon--;
	if (colon < 2 || s.len - colon > 5 || s.len == colon)
		return -EINVAL;
	memcpy(digits, s.at + colon, s.len - colon);
	n = strtoul(digits, &end, 10);
	if (*end || n > 65535)
		return -EINVAL;
	s.len = colon - 1;
	if (s.len > 2 && s.at[0] == '[' && s.at[s.len - 1] == ']')
		s = slice_of(s.at + 1, s.len - 2);
	*port = (__be16)dpi_be16(n);
	return addr_parse(s, addr);
}

/* "SRC:PORT-DST:PORT[/udp|/tcp]": *opener is where the source ended up in the key. */
static int flow_parse(const char *what, struct dpi_key *key, uint8_t *opener)
{
	struct slice s = slice_text(what);
	const char *dash = strchr(what, '-'), *slash = strrchr(what, '/');

	memset(key, 0, sizeof(*key));
	key->proto = DPI_IP_TCP;
	if (!dash)
		return -EINVAL;
	if (slash) {
		if (strcmp(slash, "/udp") == 0)
			key->proto = DPI_IP_UDP;
		else if (strcmp(slash, "/tcp") != 0)
			return -EINVAL;
		s.len = (size_t)(slash - what);
	}
	if (end_parse(slice_first(s, (size_t)(dash - what)), &key->addr[0], &key->port[0]) ||
	    end_parse(slice_from(s, (size_t)(dash - what) + 1), &key->addr[1], &key->port[1]))
		return -EINVAL;
	*opener = dpi_key_order(key);
	return 0;
}

static void judge_flow(struct answer *a, const struct policy *p, const struct catalogue *c,
		       const struct live_maps *maps, const struct dpi_key *key, uint8_t opener)
{
	struct decision d = policy_match_flow(p, key, opener);
	struct dpi_verdict v;
	struct dpi_fact fact;

	label_set(a, p, &d, d.kind == RULE_PORT ? "the responder's port" : "an address");
	if (maps && live_verdict_get(maps, key, &v) == 0) {
		d = (struct decision){.rule = v.rule, .is_block = true};
		label_set(a, p, &d, "a name or protocol of the flow; the verdict is in the kernel");
	}
	if (maps && live_fact_get(maps, key, &fact) == 0 &&
	    name_set(&a->name, slice_of(fact.name, fact.name_len)))
		label_name(a, p, c, name_slice(&a->name),
			   fact.source == PROTO_LEARNT
				   ? policy_match_learnt(p, name_slice(&a->name))
				   : policy_match_name(p, name_slice(&a->name)));
}

static void write_json(const struct answer *a, struct text *out)
{
	text_printf(out, "{\"%s\":", a->kind);
	text_json(out, slice_text(a->subject));
	if (a->name.len) {
		text_puts(out, ",\"domain\":");
		text_json(out, name_slice(&a->name));
	}
	if (a->app) {
		text_puts(out, ",\"app\":");
		text_json(out, slice_text(a->app));
		text_puts(out, ",\"category\":");
		text_json(out, slice_text(a->category));
	}
	text_printf(out, ",\"blocked\":%s,\"rule\":", a->is_block ? "true" : "false");
	if (a->rule[0])
		text_json(out, slice_text(a->rule));
	else
		text_puts(out, "null");
	text_puts(out, "}\n");
}

static void write_text(const struct answer *a, struct text *out)
{
	text_escaped(out, slice_text(a->subject));
	text_printf(out, " is %s\n",
		    a->is_block	 ? "blocked"
		    : a->rule[0] ? "allowed"
				 : "not blocked");
	if (a->name.len) {
		text_puts(out, "  name         ");
		text_escaped(out, name_slice(&a->name));
		text_putc(out, '\n');
	}
	if (a->app)
		text_printf(out, "  application  %s (%s)\n", a->app, a->category);
	if (a->rule[0])
		text_printf(out, "  rule         %s, compared with %s\n", a->rule, a->how);
	else
		text_puts(out, "  rule         none speaks of it\n");
}

int why_explain(const struct policy *p, const struct catalogue *c, const struct live_maps *maps,
		const char *what, bool is_json, struct text *out, struct fault *f)
{
	struct answer a = {.subject = what, .kind = "name"};
	struct dpi_addr addr;
	struct dpi_key key;
	struct name name;
	uint8_t opener;

	if (addr_parse(slice_text(what), &addr) == 0) {
		a.kind = "address";
		judge_address(&a, p, &addr);
	} else if (flow_parse(what, &key, &opener) == 0) {
		a.kind = "flow";
		judge_flow(&a, p, c, maps, &key, opener);
	} else if (name_set(&name, slice_text(what)) && name_is_host(name_slice(&name))) {
		judge_name(&a, p, c, name_slice(&name));
	} else {
		return fault_set(f, -EINVAL,
				 "\"%s\" is neither a name, nor an address, nor a flow; "
				 "a flow is written 10.0.0.7:40000-203.0.113.9:443/tcp",
				 what);
	}
	if (is_json)
		write_json(&a, out);
	else
		write_text(&a, out);
	return 0;
}
