/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The views of `top`; see top_views.h. Room: cli.
 */
#include "cli/top_views.h"

#include <stdio.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void text_cell(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%.*s", (int)size - 1, text);
}

static void count_cell(char *out, size_t size, uint64_t n)
{
	char text[8];

	text_cell(out, size, top_short(n, text));
}

/* --- applications ----------------------------------------------------------------------------- */

static const struct top_column app_columns[] = {
	{"APPLICATION", 0, 0, false}, {"CATEGORY", 12, 70, false}, {"FLOWS", 7, 56, true},
	{"PACKETS", 7, 0, true},      {"BYTES", 6, 0, true},	   {"DROPPED", 7, 0, true},
	{"BITS/S", 6, 64, true},      {"", 7, 76, false},
};

static size_t app_count(const struct top_shown *s)
{
	return s->sample->app_count;
}

/* The catalogue has a thousand; those without a flow or a rule are no news. */
static const void *app_item(const struct top_shown *s, size_t i)
{
	const struct top_app *a = &s->sample->apps[i];

	return a->flows || a->is_ruled ? a : NULL;
}

static void app_cell(const void *item, size_t column, char *out, size_t size)
{
	const struct top_app *a = item;

	switch (column) {
	case 0: text_cell(out, size, a->name); break;
	case 1: text_cell(out, size, a->category); break;
	case 2: count_cell(out, size, a->flows); break;
	case 3: count_cell(out, size, a->packets); break;
	case 4: count_cell(out, size, a->bytes); break;
	case 5: count_cell(out, size, a->dropped); break;
	case 6: count_cell(out, size, a->bits_per_s); break;
	default: text_cell(out, size, a->is_ruled ? "BLOCKED" : ""); break;
	}
}

static const char *app_name(const void *item)
{
	return ((const struct top_app *)item)->name;
}

static void app_identity(const void *item, char *out, size_t size)
{
	text_cell(out, size, ((const struct top_app *)item)->name);
}

static uint64_t app_key(const void *item, enum top_sort sort)
{
	const struct top_app *a = item;

	switch (sort) {
	case TOP_BY_BYTES: return a->bytes;
	case TOP_BY_FLOWS: return a->flows;
	case TOP_BY_DROPPED: return a->dropped;
	case TOP_BY_RATE: return a->bits_per_s;
	default: return a->packets;
	}
}

static enum top_style app_style(const void *item)
{
	return ((const struct top_app *)item)->is_ruled ? TOP_BAD : TOP_PLAIN;
}

static bool app_target(const void *item, struct top_change *out)
{
	const struct top_app *a = item;

	*out = (struct top_change){.kind = "app", .is_removal = a->is_ruled};
	text_cell(out->value, sizeof(out->value), a->name);
	return true;
}

/* --- flows ------------------------------------------------------------------------------------ */

static const struct top_column flow_columns[] = {
	{"PROTO", 6, 66, false},  {"SOURCE", 21, 92, false}, {"DESTINATION", 21, 60, false},
	{"APP", 12, 0, false},	  {"STATE", 11, 112, false}, {"PACKETS", 7, 0, true},
	{"BYTES", 6, 84, true},	  {"DROPPED", 7, 100, true}, {"NAME", 0, 0, false},
	{"RULE", 18, 130, false},
};

static size_t flow_count(const struct top_shown *s)
{
	return s->sample->flow_count;
}

static const void *flow_item(const struct top_shown *s, size_t i)
{
	return &s->sample->flows[i];
}

static void end_cell(char *out, size_t size, const char *addr, uint64_t port)
{
	if (port)
		snprintf(out, size, strchr(addr, ':') ? "[%s]:%u" : "%s:%u", addr, (unsigned)port);
	else
		text_cell(out, size, addr);
}

static void flow_cell(const void *item, size_t column, char *out, size_t size)
{
	const struct top_flow *f = item;

	switch (column) {
	case 0: text_cell(out, size, f->proto); break;
	case 1: end_cell(out, size, f->src, f->src_port); break;
	case 2: end_cell(out, size, f->dst, f->dst_port); break;
	case 3: text_cell(out, size, f->app); break;
	case 4: text_cell(out, size, f->state); break;
	case 5: count_cell(out, size, f->packets); break;
	case 6: count_cell(out, size, f->bytes); break;
	case 7: count_cell(out, size, f->dropped); break;
	case 8: text_cell(out, size, f->name); break;
	default: text_cell(out, size, f->reason); break;
	}
}

static const char *flow_name(const void *item)
{
	return ((const struct top_flow *)item)->name;
}

static void flow_identity(const void *item, char *out, size_t size)
{
	const struct top_flow *f = item;

	snprintf(out, size, "%.60s %.60s:%u %.60s:%u", f->proto, f->src, (unsigned)f->src_port,
		 f->dst, (unsigned)f->dst_port);
}

static uint64_t flow_key(const void *item, enum top_sort sort)
{
	const struct top_flow *f = item;

	switch (sort) {
	case TOP_BY_RATE:
	case TOP_BY_BYTES: return f->bytes;
	case TOP_BY_FLOWS: return 1;
	case TOP_BY_DROPPED: return f->dropped;
	default: return f->packets;
	}
}

static enum top_style flow_style(const void *item)
{
	return ((const struct top_flow *)item)->is_blocked ? TOP_BAD : TOP_PLAIN;
}

static bool flow_target(const void *item, struct top_change *out)
{
	const struct top_flow *f = item;

	*out = (struct top_change){.kind = "app"};
	text_cell(out->value, sizeof(out->value), f->app);
	return true;
}

/* --- domains ---------------------------------------------------------------------------------- */

static const struct top_column domain_columns[] = {
	{"DOMAIN", 0, 0, false}, {"APP", 14, 64, false}, {"FLOWS", 6, 54, true},
	{"PACKETS", 7, 0, true}, {"BYTES", 6, 48, true}, {"DROPPED", 7, 0, true},
};

static size_t domain_count(const struct top_shown *s)
{
	return s->sample->domain_count;
}

static const void *domain_item(const struct top_shown *s, size_t i)
{
	return &s->sample->domains[i];
}

static void domain_cell(const void *item, size_t column, char *out, size_t size)
{
	const struct top_domain *d = item;

	switch (column) {
	case 0: text_cell(out, size, d->name); break;
	case 1: text_cell(out, size, d->app); break;
	case 2: count_cell(out, size, d->flows); break;
	case 3: count_cell(out, size, d->packets); break;
	case 4: count_cell(out, size, d->bytes); break;
	default: count_cell(out, size, d->dropped); break;
	}
}

static const char *domain_name(const void *item)
{
	return ((const struct top_domain *)item)->name;
}

static void domain_identity(const void *item, char *out, size_t size)
{
	text_cell(out, size, ((const struct top_domain *)item)->name);
}

static uint64_t domain_key(const void *item, enum top_sort sort)
{
	const struct top_domain *d = item;

	switch (sort) {
	case TOP_BY_RATE:
	case TOP_BY_BYTES: return d->bytes;
	case TOP_BY_FLOWS: return d->flows;
	case TOP_BY_DROPPED: return d->dropped;
	default: return d->packets;
	}
}

static enum top_style domain_style(const void *item)
{
	return ((const struct top_domain *)item)->is_blocked ? TOP_BAD : TOP_PLAIN;
}

static bool domain_target(const void *item, struct top_change *out)
{
	*out = (struct top_change){.kind = "domain"};
	text_cell(out->value, sizeof(out->value), ((const struct top_domain *)item)->name);
	return true;
}

/* --- rules ------------------------------------------------------------------------------------ */

static const struct top_column rule_columns[] = {
	{"RULE", 0, 0, false},
	{"PACKETS", 7, 0, true},
	{"BYTES", 6, 0, true},
	{"", 8, 60, false},
};

static size_t rule_count(const struct top_shown *s)
{
	return s->sample->rule_count;
}

static const void *rule_item(const struct top_shown *s, size_t i)
{
	return &s->sample->rules[i];
}

static void rule_cell(const void *item, size_t column, char *out, size_t size)
{
	const struct top_rule *r = item;

	switch (column) {
	case 0: text_cell(out, size, r->label); break;
	case 1: count_cell(out, size, r->packets); break;
	case 2: count_cell(out, size, r->bytes); break;
	default: text_cell(out, size, r->is_in_force ? "" : "lifted"); break;
	}
}

static const char *rule_name(const void *item)
{
	return ((const struct top_rule *)item)->label;
}

static void rule_identity(const void *item, char *out, size_t size)
{
	text_cell(out, size, ((const struct top_rule *)item)->label);
}

static uint64_t rule_key(const void *item, enum top_sort sort)
{
	const struct top_rule *r = item;

	return sort == TOP_BY_BYTES || sort == TOP_BY_RATE ? r->bytes : r->packets;
}

static enum top_style rule_style(const void *item)
{
	const struct top_rule *r = item;

	return !r->is_in_force ? TOP_DIM : strncmp(r->label, "allow-", 6) == 0 ? TOP_GOOD : TOP_BAD;
}

/* "allow-domain:NAME" as a change; a rule whose text is gone has only a number. */
static bool rule_target(const void *item, struct top_change *out)
{
	const struct top_rule *r = item;
	const char *label = r->label, *colon;

	*out = (struct top_change){.is_removal = r->is_in_force};
	out->is_allow = strncmp(label, "allow-", 6) == 0;
	label += out->is_allow ? 6 : 0;
	colon = strchr(label, ':');
	if (!colon || (size_t)(colon - label) >= sizeof(out->kind) ||
	    strlen(colon + 1) >= sizeof(out->value) || strncmp(label, "rule:", 5) == 0)
		return false;
	memcpy(out->kind, label, (size_t)(colon - label));
	text_cell(out->value, sizeof(out->value), colon + 1);
	return true;
}

/* --- events ----------------------------------------------------------------------------------- */

static const struct top_column event_columns[] = {
	{"TIME", 8, 0, false},		{"TYPE", 4, 0, false},	{"SOURCE", 21, 110, false},
	{"DESTINATION", 21, 84, false}, {"APP", 12, 60, false}, {"NAME", 0, 0, false},
	{"RULE", 16, 72, false},
};

static size_t event_count(const struct top_shown *s)
{
	return s->event_count;
}

/* The newest stands first. */
static const void *event_item(const struct top_shown *s, size_t i)
{
	return &s->events[s->event_count - 1 - i];
}

static void event_cell(const void *item, size_t column, char *out, size_t size)
{
	const struct top_event *e = item;
	const char *const cells[] = {e->time, e->type, e->src, e->dst, e->app, e->name, e->rule};

	text_cell(out, size, cells[column]);
}

static const char *event_name(const void *item)
{
	return ((const struct top_event *)item)->name;
}

static void event_identity(const void *item, char *out, size_t size)
{
	text_cell(out, size, ((const struct top_event *)item)->time);
}

static enum top_style event_style(const void *item)
{
	return strcmp(((const struct top_event *)item)->type, "drop") == 0 ? TOP_BAD : TOP_PLAIN;
}

#define VIEW(view, is_shared, sorts, targets, when_empty)                         \
	{                                                                         \
		.columns = view##_columns, .column_count = COUNT(view##_columns), \
		.empty = when_empty, .share = is_shared, .count = view##_count,   \
		.item = view##_item, .cell = view##_cell, .name = view##_name,    \
		.identity = view##_identity, .key = sorts, .style = view##_style, \
		.target = targets,                                                \
	}

const struct top_view_rows top_view_rows[TOP_VIEWS] = {
	[TOP_APPS] = VIEW(app, true, app_key, app_target, "no flow was seen yet"),
	[TOP_FLOWS] = VIEW(flow, false, flow_key, flow_target, "no flow is open"),
	[TOP_DOMAINS] = VIEW(domain, false, domain_key, domain_target, "no open flow has a name"),
	[TOP_RULES] = VIEW(rule, false, rule_key, rule_target,
			   "no rules: block something with b, or `dpi-xdp block-app NAME`"),
	[TOP_EVENTS_VIEW] = VIEW(event, false, NULL, NULL, "no event yet"),
};
