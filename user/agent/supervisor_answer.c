/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the supervisor answers: one table of requests, one function each. Whatever concerns flows is
 * handed on to the engine process.
 */
#include "agent/supervisor_state.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/change.h"
#include "agent/engine_process.h"
#include "agent/why.h"

enum { DONE = 0, FAILED = 1, USAGE = 2, DENIED = 4, OUTPUT = 5 };

/* One request being answered. */
struct asked {
	struct supervisor *s;
	const json_t *json;
	struct slice data; /* what came with the request: a rules file's text */
	struct text *out, *err;
};

static const char *text_field(const struct asked *a, const char *name)
{
	const char *value = json_string_value(json_object_get(a->json, name));

	return value ? value : "";
}

static bool flag_field(const struct asked *a, const char *name)
{
	return json_is_true(json_object_get(a->json, name));
}

static int status_of(int err)
{
	switch (-err) {
	case 0: return DONE;
	case EINVAL: return USAGE;
	case EPERM:
	case EACCES:
	case EBUSY:
	case EOPNOTSUPP:
	case ENODEV: return DENIED;
	case ENOSPC:
	case EROFS:
	case EDQUOT: return OUTPUT;
	default: return FAILED;
	}
}

static int refuse(const struct asked *a, int err, const struct fault *f)
{
	text_puts(a->err, f->text[0] ? f->text : strerror(-err));
	text_putc(a->err, '\n');
	return status_of(err);
}

/* --- interfaces ------------------------------------------------------------------------------- */

static const char *mode_name(const struct attachment *a)
{
	return a->is_native ? "native" : "generic";
}

static void attached_tell(const struct asked *a, const struct attachment *at)
{
	struct supervisor *s = a->s;

	text_escaped(a->out, slice_text(at->name));
	text_printf(a->out, " is protected: %s XDP on receive%s, %u worker%s, %zu rule%s%s\n",
		    mode_name(at), at->has_transmit ? " and clsact on transmit" : "",
		    s->options.workers, s->options.workers == 1 ? "" : "s", rules_count(s->rules),
		    rules_count(s->rules) == 1 ? "" : "s",
		    s->options.is_monitor ? ", monitoring only" : "");
	if (at->note[0])
		text_printf(a->err, "%s\n", at->note);
}

static int mode_parse(const char *text, enum attach_mode *out)
{
	static const char *const names[] = {"auto", "native", "generic"};

	for (int i = 0; i < 3; i++)
		if (strcmp(text, names[i]) == 0) {
			*out = (enum attach_mode)i;
			return 0;
		}
	return -EINVAL;
}

/* Monitoring, failing closed and the action are the agent's, and stay as they are unless asked for.
 */
static int settings_take(struct asked *a, struct fault *f)
{
	struct agent_options *o = &a->s->options, old = *o;
	int err;

	if (flag_field(a, "set_monitor"))
		o->is_monitor = flag_field(a, "monitor");
	if (flag_field(a, "set_fail"))
		o->is_fail_closed = flag_field(a, "fail_closed");
	if (flag_field(a, "set_action"))
		o->is_reset = flag_field(a, "reset");
	if (o->is_monitor == old.is_monitor && o->is_fail_closed == old.is_fail_closed &&
	    o->is_reset == old.is_reset)
		return 0;
	err = rules_to_kernel(a->s, a->s->rules, f);
	if (err)
		*o = old;
	*a->s->kept = *o;
	return err;
}

static int answer_attach(struct asked *a)
{
	const char *name = text_field(a, "interface");
	struct supervisor *s = a->s;
	struct attachment at = {.has_transmit = strcmp(text_field(a, "hook"), "receive") != 0};
	struct interface *known = interfaces_find(&s->interfaces, name);
	struct fault f = {0};
	int err;

	if (strlen(name) >= sizeof(at.name) || mode_parse(text_field(a, "mode"), &at.want))
		return refuse(a, -EINVAL, &f);
	if (s->interfaces.count == INTERFACES_MAX && !known)
		return refuse(a,
			      fault_set(&f, -EINVAL, "an agent protects up to %d interfaces",
					INTERFACES_MAX),
			      &f);
	snprintf(at.name, sizeof(at.name), "%s", name);
	if (known)
		at.made_clsact = known->attachment.made_clsact;
	err = settings_take(a, &f);
	if (err)
		return refuse(a, err, &f);
	err = attach_interface(s->loader, &at, &f);
	if (err) {
		if (known) /* as it was, if it still can be */
			interfaces_check(&s->interfaces, s->loader, s->paths.pin_dir);
		/* An agent that protects nothing has no reason to stay. */
		s->is_ending = s->interfaces.count == 0;
		return refuse(a, err, &f);
	}
	if (known && known->attachment.has_transmit && !at.has_transmit)
		attach_remove_transmit(&at);
	if (!known)
		known = &s->interfaces.row[s->interfaces.count++];
	*known = (struct interface){.attachment = at, .is_protected = true};
	interfaces_save(&s->interfaces, s->paths.interfaces);
	attached_tell(a, &at);
	return DONE;
}

static int answer_detach(struct asked *a)
{
	struct supervisor *s = a->s;
	const char *name = text_field(a, "interface");
	bool all = flag_field(a, "all"), found = false;

	for (size_t i = s->interfaces.count; i-- > 0;) {
		struct interface *row = &s->interfaces.row[i];

		if (!all && strcmp(row->attachment.name, name) != 0)
			continue;
		attach_remove(s->paths.pin_dir, &row->attachment);
		text_escaped(a->out, slice_text(row->attachment.name));
		text_puts(a->out, " is no longer protected\n");
		interfaces_remove(&s->interfaces, row);
		found = true;
	}
	interfaces_save(&s->interfaces, s->paths.interfaces);
	s->is_ending = s->interfaces.count == 0;
	if (!found && !all) {
		text_printf(a->err,
			    "%s is not protected by this agent; `dpi-xdp status` lists what "
			    "is\n",
			    name);
		return USAGE;
	}
	return DONE;
}

static void status_json(struct asked *a)
{
	struct supervisor *s = a->s;

	text_printf(
		a->out,
		"{\"agent\":\"running\",\"version\":\"%s\",\"supervisor_pid\":%d,"
		"\"engine_pid\":%d,\"engine_restarts\":%llu,\"uptime_s\":%llu,\"workers\":%u,"
		"\"monitor\":%s,\"action\":\"%s\",\"fail\":\"%s\",\"rules\":%zu,\"verdicts\":%zu,"
		"\"reattached\":%llu,\"pin_dir\":",
		DPI_VERSION, (int)getpid(), (int)s->engine_pid,
		(unsigned long long)s->engine_restarts,
		(unsigned long long)((live_monotonic() - s->started_ns) / 1000000000ULL),
		s->options.workers, s->options.is_monitor ? "true" : "false",
		s->options.is_reset ? "reset" : "drop",
		s->options.is_fail_closed ? "closed" : "open", rules_count(s->rules),
		live_verdict_count(loader_maps(s->loader)),
		(unsigned long long)s->interfaces.reattached);
	text_json(a->out, slice_text(s->paths.pin_dir));
	text_puts(a->out, ",\"interfaces\":[");
	for (size_t i = 0; i < s->interfaces.count; i++) {
		const struct interface *row = &s->interfaces.row[i];

		text_puts(a->out, i ? ",{\"name\":" : "{\"name\":");
		text_json(a->out, slice_text(row->attachment.name));
		text_printf(a->out,
			    ",\"ifindex\":%u,\"state\":\"%s\",\"mode\":\"%s\","
			    "\"hooks\":\"%s\"}",
			    row->attachment.ifindex,
			    row->is_protected ? "protected" : "waiting-for-interface",
			    mode_name(&row->attachment),
			    row->attachment.has_transmit ? "both" : "receive");
	}
	text_puts(a->out, "]}\n");
}

static int answer_status(struct asked *a)
{
	struct supervisor *s = a->s;

	if (flag_field(a, "json")) {
		status_json(a);
		return DONE;
	}
	text_printf(a->out, "agent        running, supervisor %d, engine %d, %u worker%s\n",
		    (int)getpid(), (int)s->engine_pid, s->options.workers,
		    s->options.workers == 1 ? "" : "s");
	for (size_t i = 0; i < s->interfaces.count; i++) {
		const struct interface *row = &s->interfaces.row[i];

		text_puts(a->out, "interface    ");
		text_escaped(a->out, slice_text(row->attachment.name));
		text_printf(a->out, ": %s, %s, %s\n",
			    row->is_protected ? "protected" : "waiting for the interface",
			    mode_name(&row->attachment),
			    row->attachment.has_transmit ? "receive and transmit" : "receive only");
	}
	text_printf(a->out, "rules        %zu (%s)\n", rules_count(s->rules),
		    s->options.is_monitor ? "monitoring: nothing is dropped" : "enforced");
	text_printf(a->out, "fail         %s\n",
		    s->options.is_fail_closed ? "closed: without an engine new flows do not pass"
					      : "open: without an engine new flows pass");
	text_printf(a->out, "verdicts     %zu of %d held in the kernel\n",
		    live_verdict_count(loader_maps(s->loader)), DPI_VERDICTS_MAX);
	return DONE;
}

/* --- rules ------------------------------------------------------------------------------------ */

static int kind_parse(const char *text, enum rule_kind *out)
{
	for (int k = 0; k < RULE_KINDS; k++)
		if (strcmp(text, rule_kind_name((enum rule_kind)k)) == 0) {
			*out = (enum rule_kind)k;
			return 0;
		}
	return -EINVAL;
}

static int answer_change(struct asked *a)
{
	const json_t *values = json_object_get(a->json, "values");
	const char **list = calloc(json_array_size(values) + 1, sizeof(*list));
	struct change c = {.is_allow = flag_field(a, "allow"),
			   .is_remove = flag_field(a, "remove"),
			   .is_forced = flag_field(a, "force"),
			   .values = list};
	struct rules *next = rules_copy(a->s->rules);
	struct fault f = {0};
	int changed = -EINVAL, err = 0;

	for (size_t i = 0; list && i < json_array_size(values); i++) {
		const char *v = json_string_value(json_array_get(values, i));

		list[c.value_count++] = v ? v : "";
	}
	if (next && c.value_count && kind_parse(text_field(a, "kind"), &c.kind) == 0)
		changed = change_apply(&next, &c, a->s->catalogue, a->out, &f);
	if (changed > 0) {
		err = rules_publish(a->s, next, &f);
		if (!err)
			next = NULL;
	}
	rules_free(next);
	free(list);
	if (changed < 0 || err) {
		text_clear(a->out);
		return refuse(a, changed < 0 ? changed : err, &f);
	}
	return DONE;
}

static int answer_rules(struct asked *a)
{
	char *text;

	if (flag_field(a, "json")) {
		change_rules_json(a->s->rules, a->out);
		return DONE;
	}
	text = rules_format(a->s->rules);
	if (!text)
		return FAILED;
	text_puts(a->out, text);
	free(text);
	return DONE;
}

/* Puts other rules, in text form, in place of those in force; no text clears them. */
static int answer_rules_set(struct asked *a)
{
	struct rule_apps apps = catalogue_rule_apps(a->s->catalogue);
	struct rules *next = NULL;
	struct fault f = {0};
	size_t count;
	int err;

	err = rules_parse(a->data, text_field(a, "name"), &apps,
			  flag_field(a, "force") ? RULES_FORCE : 0, &next, &f);
	if (!err)
		err = rules_publish(a->s, next, &f);
	if (err) {
		rules_free(next);
		return refuse(a, err, &f);
	}
	count = rules_count(a->s->rules);
	text_printf(a->out, "%zu rule%s in force\n", count, count == 1 ? "" : "s");
	return DONE;
}

static int answer_why(struct asked *a)
{
	struct fault f = {0};
	int err = why_explain(a->s->policy, a->s->catalogue, loader_maps(a->s->loader),
			      text_field(a, "what"), flag_field(a, "json"), a->out, &f);

	return err ? refuse(a, err, &f) : DONE;
}

/* --- what the engine knows -------------------------------------------------------------------- */

static int relay(struct asked *a, uint32_t request, const struct text *body)
{
	struct wire answer = {0};
	struct fault f = {0};
	int err = body->failed
			  ? -ENOMEM
			  : engine_ask(a->s, request, slice_of(body->at, body->len), &answer, &f);

	if (err)
		return refuse(a, err, &f);
	text_add(a->out, answer.out, answer.out_len);
	text_add(a->err, answer.err, answer.err_len);
	err = (int)answer.kind;
	wire_clear(&answer);
	return err;
}

static int relay_view(struct asked *a, uint32_t request)
{
	struct engine_view v = {
		.is_json = flag_field(a, "json"),
		.is_boxed = flag_field(a, "boxed"),
		.is_coloured = flag_field(a, "coloured"),
		.is_verbose = flag_field(a, "verbose"),
		.width = (unsigned)json_integer_value(json_object_get(a->json, "width")),
	};
	struct text body = {0};
	int status;

	text_add(&body, &v, sizeof(v));
	for (size_t i = 0; i < a->s->interfaces.count; i++)
		text_printf(&body, "%s%s", i ? " " : "", a->s->interfaces.row[i].attachment.name);
	status = relay(a, request, &body);
	text_clear(&body);
	return status;
}

static int answer_report(struct asked *a)
{
	return relay_view(a, ENGINE_REPORT);
}

static int answer_flows(struct asked *a)
{
	return relay_view(a, ENGINE_FLOWS);
}

static int answer_apps(struct asked *a)
{
	return relay_view(a, ENGINE_APPS);
}

static int answer_stats(struct asked *a)
{
	return relay_view(a, ENGINE_STATS);
}

static int answer_events(struct asked *a)
{
	struct text body = {0};
	int status;

	text_puts(&body, text_field(a, "from"));
	status = relay(a, ENGINE_EVENTS, &body);
	text_clear(&body);
	return status;
}

static const struct {
	const char *name;
	int (*answer)(struct asked *a);
} requests[] = {
	{"attach", answer_attach}, {"detach", answer_detach}, {"status", answer_status},
	{"change", answer_change}, {"rules", answer_rules},   {"rules-set", answer_rules_set},
	{"why", answer_why},	   {"report", answer_report}, {"flows", answer_flows},
	{"apps", answer_apps},	   {"stats", answer_stats},   {"events", answer_events},
};

int supervisor_answer(struct supervisor *s, const struct wire *request, struct text *out,
		      struct text *err)
{
	json_error_t fault;
	json_t *root = json_loadb(request->out, request->out_len, JSON_REJECT_DUPLICATES, &fault);
	struct asked a = {.s = s,
			  .json = root,
			  .data = slice_of(request->err, request->err_len),
			  .out = out,
			  .err = err};
	const char *command = root ? text_field(&a, "command") : "";
	int status = USAGE;
	size_t i;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (strcmp(command, requests[i].name) == 0) {
			status = requests[i].answer(&a);
			break;
		}
	if (i == sizeof(requests) / sizeof(requests[0]))
		text_puts(err, "this agent does not know that request; are the program and the "
			       "running agent of one version?\n");
	json_decref(root);
	return status;
}
