/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The report's tables: sorted views of the sums (report_jobs.c). Every order ends in a name, an
 * address or an id, so it is the same in every run. And the words for rules and protocols.
 */
#include "report/model.h"

#include "report/domain_order.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int descending(uint64_t a, uint64_t b)
{
	return a > b ? -1 : a < b;
}

static int compare_apps(const void *a, const void *b)
{
	const struct model_app *x = a, *y = b;
	int by = descending(x->sum.packets, y->sum.packets);

	return by ? by : strcmp(x->name, y->name);
}

static uint64_t rest(uint64_t total, uint64_t part)
{
	return total > part ? total - part : 0;
}

/* Applications that were seen. Frames that belong to no flow are Unknown's, so that the packets of
 * all applications add up to the packets that were read. */
int model_apps(struct report *r)
{
	const struct engine_counters *t = &r->totals;
	const struct sums *s = r->names;

	r->apps = calloc(s->app_count + 1, sizeof(*r->apps));
	if (!r->apps)
		return -ENOMEM;
	for (size_t i = 0; i < s->app_count || i == 0; i++) {
		struct sum_app sum = i < s->app_count ? s->apps[i] : (struct sum_app){0};

		if (i == APP_UNKNOWN) {
			sum.packets += rest(t->packets, s->packets);
			sum.bytes += rest(t->bytes, s->bytes);
			sum.dropped_packets += rest(t->dropped, s->dropped_packets);
		}
		if (!sum.flows && !sum.packets)
			continue;
		r->apps[r->app_count++] = (struct model_app){
			.name = catalogue_name(r->config.catalogue, (int)i),
			.category = catalogue_category(r->config.catalogue, (int)i),
			.sum = sum,
		};
	}
	qsort(r->apps, r->app_count, sizeof(*r->apps), compare_apps);
	return 0;
}

static int compare_domains(const void *a, const void *b)
{
	const struct sum_domain *x = a, *y = b;
	int by = descending(x->flows, y->flows);

	return by ? by : domain_compare(x, y);
}

int model_domains(struct report *r)
{
	const struct sum_domain *d;
	size_t at = 0;

	if (top_init(&r->domains, REPORT_SUMMARY_DOMAINS, compare_domains))
		return -ENOMEM;
	while ((d = sums_next_domain(r->names, &at)))
		top_offer(&r->domains, d);
	r->domain_count = sums_count(&r->names->domains);
	return 0;
}

static int compare_dsts(const void *a, const void *b)
{
	const struct sum_addr *x = a, *y = b;
	int by = descending(x->to_packets, y->to_packets);

	return by ? by : memcmp(&x->addr, &y->addr, sizeof(x->addr));
}

int model_dsts(struct report *r)
{
	const struct sum_addr *a;
	size_t at = 0;

	if (top_init(&r->dsts, REPORT_TOP, compare_dsts))
		return -ENOMEM;
	while ((a = sums_next_addr(r->ends, &at))) {
		if (!a->to_flows)
			continue;
		r->dst_count++;
		top_offer(&r->dsts, a);
	}
	return 0;
}

static struct model_rule rule_of(const struct report *r, const struct rule *rule, uint64_t id)
{
	const struct sum_rule *sum = sums_rule(r->names, id);
	struct model_rule m = {.rule = rule, .id = id, .flows = sum ? sum->flows : 0};
	struct tally_rule t;

	if (tally_find_rule(r->config.tally, id, &t)) {
		m.packets = t.packets;
		m.bytes = t.bytes;
		m.flows += t.flows;
	}
	return m;
}

/* Adds a rule that is no longer in force, unless it is. */
static void add_gone(struct report *r, uint64_t id)
{
	if (!r->config.rules || !rules_by_id(r->config.rules, id))
		r->rules[r->rule_count++] = rule_of(r, NULL, id);
}

static int compare_gone(const void *a, const void *b)
{
	return descending(((const struct model_rule *)b)->id, ((const struct model_rule *)a)->id);
}

/* Rules that dropped something or decided a flow and are no longer in force, each once. */
static void add_gone_rules(struct report *r)
{
	size_t first = r->rule_count, kept = r->rule_count;
	const struct sum_rule *sum;
	struct tally_rule t;

	for (size_t at = 0; tally_next_rule(r->config.tally, &at, &t);)
		add_gone(r, t.id);
	for (size_t at = 0; (sum = sums_next_rule(r->names, &at));)
		add_gone(r, sum->id);
	qsort(r->rules + first, r->rule_count - first, sizeof(*r->rules), compare_gone);
	for (size_t i = first; i < r->rule_count; i++)
		if (kept == first || r->rules[kept - 1].id != r->rules[i].id)
			r->rules[kept++] = r->rules[i];
	r->rule_count = kept;
}

/* Rules that did something, and the others too while they are not a block list. */
int model_rules(struct report *r)
{
	size_t count = r->config.rules ? rules_count(r->config.rules) : 0;
	size_t hits = 0;
	struct tally_rule t;

	for (size_t at = 0; tally_next_rule(r->config.tally, &at, &t);)
		hits++;
	r->rules = calloc(count + hits + sums_count(&r->names->rules) + 1, sizeof(*r->rules));
	if (!r->rules)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct rule *rule = rules_at(r->config.rules, i);
		struct model_rule m = rule_of(r, rule, rule->id);

		if (m.packets || m.flows || count <= REPORT_RULES_MAX)
			r->rules[r->rule_count++] = m;
	}
	add_gone_rules(r);
	return 0;
}

int model_counters(struct report *r)
{
	const struct defrag_counters *defrag = tally_defrag(r->config.tally);
	const struct report_counter own[] = {
#define X(field, text) {#field, text, r->totals.field},
		ENGINE_COUNTERS(X)
#undef X
#define X(field, text) {#field, text, defrag->field},
			DEFRAG_COUNTERS(X)
#undef X
				{"connections", "connections that the report counts",
				 r->names->flows},
		{"connections_unlisted", "connections counted but no longer listed",
		 tally_unlisted(r->config.tally)},
		{"sums_unlisted", "addresses, names or pairs beyond what is kept",
		 r->names->unlisted + r->ends->unlisted},
		{"report_incomplete", "1 when memory ran out and numbers are too low",
		 tally_failed(r->config.tally) || r->names->failed || r->ends->failed},
	};
	size_t count = sizeof(own) / sizeof(own[0]);

	r->counters = calloc(count + r->config.counter_count, sizeof(*r->counters));
	if (!r->counters)
		return -ENOMEM;
	memcpy(r->counters, own, sizeof(own));
	if (r->config.counter_count)
		memcpy(r->counters + count, r->config.counters,
		       r->config.counter_count * sizeof(*r->counters));
	r->counter_count = count + r->config.counter_count;
	return 0;
}

const char *model_domain_app(const struct report *r, const struct sum_domain *d)
{
	const struct catalogue *c = r->config.catalogue;

	return catalogue_name(c, catalogue_classify(c, slice_of(d->text, d->len)));
}

void report_rule_label(const struct rules *rules, uint64_t id, char *out, size_t size)
{
	const struct rule *rule = rules && id ? rules_by_id(rules, id) : NULL;

	if (rule)
		rule_label(rule, out, size);
	else
		snprintf(out, size, "rule:%016llx", (unsigned long long)id);
}

const char *report_protocol(uint8_t proto, char buf[8])
{
	static const struct {
		uint8_t proto;
		const char *name;
	} names[] = {
		{DPI_IP_TCP, "TCP"}, {DPI_IP_UDP, "UDP"}, {DPI_IP_ICMP, "ICMP"}, {2, "IGMP"},
		{4, "IPIP"},	     {41, "IPv6"},	  {47, "GRE"},		 {50, "ESP"},
		{51, "AH"},	     {58, "ICMPv6"},	  {89, "OSPF"},		 {103, "PIM"},
		{112, "VRRP"},	     {132, "SCTP"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].proto == proto)
			return names[i].name;
	snprintf(buf, 8, "IP-%u", proto);
	return buf;
}

static int write_file(void *ctx, const void *bytes, size_t len)
{
	if (fwrite(bytes, 1, len, ctx) == len)
		return 0;
	return errno ? -errno : -EIO;
}

struct report_out report_to_file(void *file)
{
	return (struct report_out){.ctx = file, .write = write_file};
}

static int write_text(void *ctx, const void *bytes, size_t len)
{
	struct text *t = ctx;

	text_add(t, bytes, len);
	return t->failed ? -ENOMEM : 0;
}

struct report_out report_to_text(struct text *t)
{
	return (struct report_out){.ctx = t, .write = write_text};
}
