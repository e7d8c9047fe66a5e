/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A sample for `top`: the agent's answers of one moment as tables, with rates against the sample
 * before; see top.h. Room: cli.
 */
#include "cli/top.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/remote.h"
#include "control/answer.h"
#include "control/control.h"

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

uint64_t top_counter(const struct top_sample *s, const char *name)
{
	return control_number(json_object_get(s->stats, "counters"), name);
}

/* --- asking ----------------------------------------------------------------------------------- */

/* One request that answers with a document; *answer has it (wire_clear). 0 or -errno with *f. */
static int ask_text(const struct paths *p, const char *command, struct wire *answer,
		    struct fault *f)
{
	struct text request = {0};
	int err;

	remote_begin(&request, command);
	remote_flag(&request, "json", true);
	remote_flag(&request, "verbose", true);
	text_putc(&request, '}');
	err = request.failed ? fault_set(f, -ENOMEM, "out of memory")
			     : control_request(p, slice_of(request.at, request.len),
					       slice_of("", 0), answer, f);
	text_clear(&request);
	if (!err && answer->kind) {
		err = fault_set(f, -EIO, "%s", answer->err);
		wire_clear(answer);
	}
	return err;
}

static int ask(const struct paths *p, const char *command, json_t **out, struct fault *f)
{
	struct wire answer = {0};
	int err = ask_text(p, command, &answer, f);

	if (err)
		return err;
	*out = json_loadb(answer.out, answer.out_len, 0, NULL);
	if (!*out)
		err = fault_set(f, -EPROTO,
				"the agent's answer is no JSON; are this program and the running "
				"agent of one version?");
	wire_clear(&answer);
	return err;
}

/* Flows are many: their document is read a row at a time. */
static int ask_flows(const struct paths *p, struct top_sample *s)
{
	struct wire answer = {0};
	int err = ask_text(p, "flows", &answer, &s->fault);

	if (err)
		return err;
	err = top_flows_read(s, answer.out, answer.out_len);
	wire_clear(&answer);
	return err ? fault_set(&s->fault, err, "out of memory") : 0;
}

int top_change_ask(const struct paths *p, const struct top_change *c, struct fault *said)
{
	struct text request = {0};
	struct wire answer = {0};
	int err;

	remote_begin(&request, "change");
	remote_string(&request, "kind", c->kind);
	remote_flag(&request, "allow", c->is_allow);
	remote_flag(&request, "remove", c->is_removal);
	text_puts(&request, ",\"values\":[");
	remote_value(&request, c->value);
	text_puts(&request, "]}");
	err = request.failed ? fault_set(said, -ENOMEM, "out of memory")
			     : control_request(p, slice_of(request.at, request.len),
					       slice_of("", 0), &answer, said);
	text_clear(&request);
	if (err)
		return err;
	err = answer.kind ? -EINVAL : 0;
	fault_set(said, 0, "%s", err ? answer.err : answer.out);
	wire_clear(&answer);
	return err;
}

/* --- tables ----------------------------------------------------------------------------------- */

static uint64_t per_second(uint64_t now, uint64_t before, uint64_t span_ns)
{
	/* An engine that was started anew counts from the beginning. */
	if (now <= before || !span_ns)
		return 0;
	return (uint64_t)((double)(now - before) * 1e9 / (double)span_ns);
}

static int rule_order(const void *a, const void *b)
{
	return strcmp(((const struct top_rule *)a)->label, ((const struct top_rule *)b)->label);
}

/* The rule in force of this label, or NULL. */
static struct top_rule *rule_find(const struct top_sample *s, const char *label)
{
	const struct top_rule key = {.label = label};

	return bsearch(&key, s->rules, s->in_force, sizeof(key), rule_order);
}

/* True when a rule in force names this application. */
static bool is_ruled(const struct top_sample *s, const char *app)
{
	char label[TOP_NAME_MAX];

	snprintf(label, sizeof(label), "app:%s", app);
	return rule_find(s, label) != NULL;
}

static int apps_fill(struct top_sample *s, const struct top_sample *before)
{
	const json_t *list = json_object_get(s->apps_json, "apps"), *row;
	uint64_t span = before ? s->at_ns - before->at_ns : 0;
	size_t i, count = json_array_size(list);

	s->apps = calloc(count + 1, sizeof(*s->apps));
	if (!s->apps)
		return -ENOMEM;
	json_array_foreach(list, i, row)
	{
		struct top_app *a = &s->apps[s->app_count++];

		*a = (struct top_app){
			.name = control_words(row, "app"),
			.category = control_words(row, "category"),
			.flows = control_number(row, "flows"),
			.packets = control_number(row, "packets"),
			.bytes = control_number(row, "bytes"),
			.dropped = control_number(row, "dropped_packets"),
		};
		a->is_ruled = is_ruled(s, a->name);
		/* The list is the catalogue, always in its order. */
		if (before && i < before->app_count && strcmp(before->apps[i].name, a->name) == 0)
			a->bits_per_s = 8 * per_second(a->bytes, before->apps[i].bytes, span);
	}
	return 0;
}

/* The rules in force, and what each dropped; a rule that is gone keeps what it did. */
static int rules_fill(struct top_sample *s)
{
	const json_t *force = json_object_get(s->rules_json, "rules"),
		     *hits = json_object_get(s->stats, "rules"), *row;
	size_t i;

	s->rules = calloc(json_array_size(force) + json_array_size(hits) + 1, sizeof(*s->rules));
	if (!s->rules)
		return -ENOMEM;
	json_array_foreach(force, i, row) s->rules[s->rule_count++] =
		(struct top_rule){.label = control_words(row, "rule"), .is_in_force = true};
	s->in_force = s->rule_count;
	qsort(s->rules, s->in_force, sizeof(*s->rules), rule_order);
	json_array_foreach(hits, i, row)
	{
		const char *label = control_words(row, "rule");
		struct top_rule *r = rule_find(s, label);

		if (!r) {
			r = &s->rules[s->rule_count++];
			r->label = label;
			r->is_in_force = !s->rules_json; /* too many to be asked for: unknown */
		}
		r->packets = control_number(row, "packets");
		r->bytes = control_number(row, "bytes");
	}
	return 0;
}

static void rates_fill(struct top_sample *s, const struct top_sample *before)
{
	uint64_t span = before ? s->at_ns - before->at_ns : 0;

	if (!before || before->err)
		return;
	s->rates = (struct top_rates){
		.packets_per_s = per_second(top_counter(s, "packets"),
					    top_counter(before, "packets"), span),
		.bits_per_s = 8 * per_second(top_counter(s, "bytes"), top_counter(before, "bytes"),
					     span),
		.drops_per_s = per_second(top_counter(s, "dropped"), top_counter(before, "dropped"),
					  span),
	};
}

int top_sample_fill(struct top_sample *s, const struct top_sample *before)
{
	int err = rules_fill(s);

	if (!err)
		err = apps_fill(s, before);
	rates_fill(s, before);
	return err;
}

struct top_sample *top_sample_take(const struct paths *p, unsigned wants,
				   const struct top_sample *before)
{
	struct top_sample *s = calloc(1, sizeof(*s));
	uint64_t begin;

	if (!s)
		return NULL;
	s->err = ask(p, "status", &s->status, &s->fault);
	begin = now_ns(); /* the first answer may have waited for an agent that was starting */
	if (!s->err)
		s->err = ask(p, "stats", &s->stats, &s->fault);
	s->at_ns = now_ns();
	if (!s->err)
		s->err = ask(p, "apps", &s->apps_json, &s->fault);
	if (!s->err && control_number(s->status, "rules") <= TOP_RULES_ASKED)
		s->err = ask(p, "rules", &s->rules_json, &s->fault);
	if (!s->err && (wants & TOP_WANT_FLOWS))
		s->err = ask_flows(p, s);
	if (!s->err && top_sample_fill(s, before))
		s->err = fault_set(&s->fault, -ENOMEM, "out of memory");
	s->took_ns = now_ns() - begin;
	return s;
}

void top_sample_free(struct top_sample *s)
{
	if (!s)
		return;
	json_decref(s->status);
	json_decref(s->stats);
	json_decref(s->apps_json);
	json_decref(s->rules_json);
	free(s->apps);
	free(s->flows);
	free(s->flow_words);
	free(s->domains);
	free(s->rules);
	free(s);
}

/* --- events ----------------------------------------------------------------------------------- */

static void copy(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%.*s", (int)size - 1, text);
}

static void end_copy(char *out, size_t size, const json_t *root, const char *addr, const char *port)
{
	const char *a = control_words(root, addr);
	uint64_t n = control_number(root, port);

	if (n)
		snprintf(out, size, strchr(a, ':') ? "[%s]:%llu" : "%s:%llu", a,
			 (unsigned long long)n);
	else
		copy(out, size, a);
}

bool top_event_read(struct slice line, struct top_event *out)
{
	static const char *const names[][2] = {
		{"tls", "sni"}, {"http", "hostname"}, {"dns", "rrname"}, {"quic", "sni"}};
	json_t *root = json_loadb((const char *)line.at, line.len, 0, NULL);
	const json_t *own = json_object_get(root, "dpi_xdp");
	const char *time = strchr(control_words(root, "timestamp"), 'T');

	*out = (struct top_event){0};
	copy(out->type, sizeof(out->type), control_words(root, "event_type"));
	if (time)
		snprintf(out->time, sizeof(out->time), "%.8s", time + 1);
	end_copy(out->src, sizeof(out->src), root, "src_ip", "src_port");
	end_copy(out->dst, sizeof(out->dst), root, "dest_ip", "dest_port");
	copy(out->app, sizeof(out->app), control_words(own, "app"));
	copy(out->rule, sizeof(out->rule), control_words(own, "rule"));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !*out->name; i++)
		copy(out->name, sizeof(out->name),
		     control_words(json_object_get(root, names[i][0]), names[i][1]));
	json_decref(root);
	return *out->type && strcmp(out->type, "stats") != 0 && strcmp(out->type, "flow") != 0;
}
