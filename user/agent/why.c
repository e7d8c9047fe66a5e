/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Explaining decisions; see why.h.
 */
#include "agent/why.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/change.h"
#include "policy/list.h"
#include "policy/rules_when.h"

/* What may be asked about, as JSON calls it. */
enum kind { KIND_NAME, KIND_ADDRESS, KIND_FLOW, KIND_APP, KIND_PORT };
static const char *const kinds[] = {"name", "address", "flow", "app", "port"};

/* One explanation, before it becomes text or JSON. */
struct answer {
	const char *subject;
	enum kind kind;
	const char *app; /* NULL: does not apply */
	const char *category;
	struct name name; /* of a flow, when known */
	char rule[600];	  /* label; empty: no rule spoke */
	bool is_block;
	const char *how;    /* what the rule was compared with */
	uint64_t id;	    /* of the rule; 0: none */
	struct slice entry; /* of a list: what in it speaks; borrowed from the policy */
};

static void label_set(struct answer *a, const struct policy *p, const struct decision *d,
		      const char *how)
{
	const struct rule *r = policy_rule(p, d->rule);

	if (!r || a->rule[0])
		return;
	rule_label(r, a->rule, sizeof(a->rule));
	a->id = r->id;
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

/* What in a list speaks of a name, or else of an address. */
static void find_entry(struct answer *a, const struct policy *p, uint64_t rule, struct slice name,
		       const struct dpi_addr *addr)
{
	const struct list *list = rule ? rules_list(policy_rules(p), rule) : NULL;

	if (list && !a->entry.len)
		a->entry = name.len ? list_find_name(list, name) : list_find_addr(list, addr);
}

static void judge_name(struct answer *a, const struct policy *p, const struct catalogue *c,
		       const struct policy_whom *whom, struct slice name)
{
	struct decision d = policy_match_name(p, whom, name);

	label_name(a, p, c, name, d);
	find_entry(a, p, d.rule, name, NULL);
}

/* An address rule may name a side; either counts here. */
static void judge_address(struct answer *a, const struct policy *p, const struct dpi_addr *addr)
{
	struct dpi_key key = {.proto = DPI_IP_TCP};
	struct decision d;

	key.addr[0] = *addr;
	d = policy_match_flow(p, &key, 0);
	label_set(a, p, &d, "the address as a flow's source");
	find_entry(a, p, d.rule, slice_of("", 0), addr);
	d = policy_match_flow(p, &key, 1);
	label_set(a, p, &d, "the address as a flow's destination");
	find_entry(a, p, d.rule, slice_of("", 0), addr);
}

/* An application as such: what a rule says of all its names, and of flows that show none. */
static void judge_app(struct answer *a, const struct policy *p, const struct policy_whom *whom,
		      int app)
{
	struct decision d = policy_match_app(p, whom, app);
	const struct rule *r = policy_rule(p, d.rule);

	label_set(a, p, &d, r && r->is_category ? "its category" : "the application");
}

/* A port that flows are opened to: over one protocol, or (proto 0) over either. */
static void judge_port(struct answer *a, const struct policy *p, __be16 port, uint8_t proto)
{
	static const uint8_t protos[] = {DPI_IP_TCP, DPI_IP_UDP};

	for (size_t i = 0; i < sizeof(protos); i++) {
		struct dpi_key key = {.proto = protos[i], .port = {0, port}};
		struct decision d = policy_match_flow(p, &key, 0);

		if ((!proto || proto == protos[i]) && d.kind == RULE_PORT)
			label_set(a, p, &d, "the responder's port");
	}
}

/* "443", "443/tcp", "443/udp", as port rules are written; *proto is 0 where none is said. */
static bool port_parse(const char *what, __be16 *port, uint8_t *proto)
{
	char *end;
	unsigned long n = *what >= '0' && *what <= '9' ? strtoul(what, &end, 10) : 0;

	if (n < 1 || n > 65535 || (*end && strcmp(end, "/tcp") != 0 && strcmp(end, "/udp") != 0))
		return false;
	*port = (__be16)dpi_be16(n);
	*proto = !*end ? 0 : end[1] == 't' ? DPI_IP_TCP : DPI_IP_UDP;
	return true;
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
		       const struct live_maps *maps, const struct policy_whom *of,
		       const struct dpi_key *key, uint8_t opener)
{
	struct decision d = policy_match_flow(p, key, opener);
	struct policy_whom whom = *of;
	struct dpi_verdict v;
	struct dpi_fact fact;

	policy_whom_ends(p, key, &whom);
	label_set(a, p, &d, d.kind == RULE_PORT ? "the responder's port" : "an address");
	if (maps && live_verdict_get(maps, key, &v) == 0) {
		d = (struct decision){.rule = v.rule, .is_block = true};
		label_set(a, p, &d, "a name or protocol of the flow; the verdict is in the kernel");
	}
	if (maps && live_fact_get(maps, key, &fact) == 0 &&
	    name_set(&a->name, slice_of(fact.name, fact.name_len)))
		label_name(a, p, c, name_slice(&a->name),
			   fact.source == PROTO_LEARNT
				   ? policy_match_learnt(p, &whom, name_slice(&a->name))
				   : policy_match_name(p, &whom, name_slice(&a->name)));
}

/* What the answer's sentence is about, and what it was asked of. */
struct question {
	const char *what, *device;
	enum kind kind;
	struct dpi_addr addr;
	struct dpi_key key;
	struct name name;
	uint8_t opener, proto; /* of a flow; of a port */
	__be16 port;
	int app;
};

/* False when it is none of the kinds. */
static bool question_read(struct question *q, const struct catalogue *c, const char *what)
{
	q->what = what;
	q->app = catalogue_find(c, slice_text(what));
	if (q->app != APP_UNKNOWN && !strchr(what, '.')) { /* Booking.com is a name first */
		q->what = catalogue_name(c, q->app);
		q->kind = KIND_APP;
	} else if (port_parse(what, &q->port, &q->proto)) {
		q->kind = KIND_PORT;
	} else if (addr_parse(slice_text(what), &q->addr) == 0) {
		q->kind = KIND_ADDRESS;
	} else if (flow_parse(what, &q->key, &q->opener) == 0) {
		q->kind = KIND_FLOW;
	} else {
		q->kind = KIND_NAME;
		return name_set(&q->name, slice_text(what)) && name_is_host(name_slice(&q->name));
	}
	return true;
}

static void judge(struct answer *a, const struct policy *p, const struct catalogue *c,
		  const struct live_maps *maps, const struct question *q)
{
	struct policy_whom whom = {.count = 0};

	policy_whom_word(p, slice_text(q->device), &whom);
	switch (q->kind) {
	case KIND_NAME: judge_name(a, p, c, &whom, name_slice(&q->name)); break;
	case KIND_ADDRESS: judge_address(a, p, &q->addr); break;
	case KIND_FLOW: judge_flow(a, p, c, maps, &whom, &q->key, q->opener); break;
	case KIND_APP: judge_app(a, p, &whom, q->app); break;
	case KIND_PORT: judge_port(a, p, q->port, q->proto); break;
	}
}

/* Calls fn with each rule of an id that has times. */
static void each_timed(const struct rules *rules, uint64_t id,
		       void (*fn)(const struct rule *r, int64_t now_s, struct text *out,
				  bool is_first),
		       int64_t now_s, struct text *out)
{
	struct rules_walk w = {0};
	const struct rule *r;
	bool is_first = true;

	while ((r = rules_next_of(rules, &w, RULES_TIMED))) {
		if (r->id != id)
			continue;
		fn(r, now_s, out, is_first);
		is_first = false;
	}
}

static void time_json(const struct rule *r, int64_t now_s, struct text *out, bool is_first)
{
	text_puts(out, is_first ? "{" : ",{");
	change_times_json(r, now_s, out);
	text_putc(out, '}');
}

static void time_text(const struct rule *r, int64_t now_s, struct text *out, bool is_first)
{
	text_printf(out, "  %-13s%s: ", is_first ? "times" : "", rule_when(r));
	rule_state_write(r, now_s, out);
	text_putc(out, '\n');
}

static void write_json(const struct answer *a, const struct answer *later,
		       const struct why_rules *w, struct text *out)
{
	text_printf(out, "{\"%s\":", kinds[a->kind]);
	text_json(out, slice_text(a->subject));
	if (w->device && *w->device) {
		text_puts(out, ",\"device\":");
		text_json(out, slice_text(w->device));
	}
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
	if (a->entry.len) {
		text_puts(out, ",\"entry\":");
		text_json(out, a->entry);
	}
	if (later->id) {
		text_puts(out, ",\"not_now\":");
		text_json(out, slice_text(later->rule));
	}
	text_puts(out, ",\"times\":[");
	each_timed(w->rules, a->id ? a->id : later->id, time_json, w->now_s, out);
	text_puts(out, "]}\n");
}

static void write_text(const struct answer *a, const struct answer *later,
		       const struct why_rules *w, struct text *out)
{
	text_escaped(out, slice_text(a->subject));
	if (w->device && *w->device) {
		text_puts(out, " of ");
		text_escaped(out, slice_text(w->device));
	}
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
	else if (later->id)
		text_printf(out, "  rule         none is in force now; %s would %s it%s\n",
			    later->rule, later->is_block ? "block" : "allow",
			    w->is_paused && later->is_block ? ", but all is paused" : "");
	else
		text_puts(out, "  rule         none speaks of it\n");
	if (a->entry.len)
		text_printf(out, "  entry        %.*s\n", (int)a->entry.len,
			    (const char *)a->entry.at);
	each_timed(w->rules, a->id ? a->id : later->id, time_text, w->now_s, out);
}

int why_explain(const struct why_rules *w, const struct catalogue *c, const struct live_maps *maps,
		const char *what, bool is_json, struct text *out, struct fault *f)
{
	struct question q;
	struct answer a = {0}, later;

	if (!question_read(&q, c, what))
		return fault_set(f, -EINVAL,
				 "\"%s\" is no name, address, application, port or flow; a flow "
				 "is written 10.0.0.7:40000-203.0.113.9:443/tcp",
				 what);
	q.device = w->device ? w->device : "";
	if (*q.device && rules_find_device(w->rules, slice_text(q.device), f))
		return -EINVAL;
	a = later = (struct answer){.subject = q.what, .kind = q.kind};
	judge(&a, w->now, c, maps, &q);
	if (w->all && !a.id)
		judge(&later, w->all, c, maps, &q);
	(is_json ? write_json : write_text)(&a, &later, w, out);
	return 0;
}
