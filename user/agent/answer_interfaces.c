/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the supervisor answers about interfaces: attach, detach, status; see asked.h.
 */
#include "agent/asked.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "dpi/version.h"
#include "policy/when.h"

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
		    s->options.is_monitor ? ", monitoring only"
		    : s->options.is_reset ? ", both ends told by a RST"
					  : "");
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

	if (asked_flag(a, "set_monitor"))
		o->is_monitor = asked_flag(a, "monitor");
	if (asked_flag(a, "set_fail"))
		o->is_fail_closed = asked_flag(a, "fail_closed");
	if (asked_flag(a, "set_action"))
		o->is_reset = asked_flag(a, "reset");
	if (o->is_monitor == old.is_monitor && o->is_fail_closed == old.is_fail_closed &&
	    o->is_reset == old.is_reset)
		return 0;
	err = rules_to_kernel(a->s, a->s->in_force, f);
	if (err)
		*o = old;
	*a->s->kept = *o;
	return err;
}

/* The hooks asked for; without a word those of before, at first both. */
static bool wants_transmit(const struct asked *a, const struct interface *known)
{
	const char *hook = asked_text(a, "hook");

	if (!*hook && known)
		return known->attachment.has_transmit;
	return strcmp(hook, "receive") != 0;
}

/* A service may begin before all of its interfaces are there: one that is not is attached when it
 * comes. */
static bool is_awaited(const struct asked *a, const char *name)
{
	return asked_flag(a, "wait") && *name && !strpbrk(name, "/: \t\n") && !if_nametoindex(name);
}

static int attach_later(struct asked *a, const struct attachment *at, struct interface *known)
{
	struct supervisor *s = a->s;

	if (!known)
		known = &s->interfaces.row[s->interfaces.count++];
	*known = (struct interface){.attachment = *at};
	interfaces_save(&s->interfaces, s->paths.interfaces);
	text_printf(a->err, "%s is not there yet; it is protected when it comes\n", at->name);
	return DONE;
}

static int attach_asked(struct asked *a)
{
	const char *name = asked_text(a, "interface");
	struct supervisor *s = a->s;
	struct interface *known = interfaces_find(&s->interfaces, name);
	struct attachment at = {.has_transmit = wants_transmit(a, known)};
	struct fault f = {0};
	int err;

	if (mode_parse(asked_text(a, "mode"), &at.want))
		return asked_refuse(a, -EINVAL, &f);
	if (strlen(name) >= sizeof(at.name))
		return asked_refuse(a,
				    fault_set(&f, -ENODEV,
					      "there is no interface \"%s\", as names have up to "
					      "%zu bytes; `ip link` lists them",
					      name, sizeof(at.name) - 1),
				    &f);
	if (s->interfaces.count == INTERFACES_MAX && !known)
		return asked_refuse(a,
				    fault_set(&f, -EINVAL, "an agent protects up to %d interfaces",
					      INTERFACES_MAX),
				    &f);
	snprintf(at.name, sizeof(at.name), "%s", name);
	if (known)
		at.made_clsact = known->attachment.made_clsact;
	err = settings_take(a, &f);
	if (err)
		return asked_refuse(a, err, &f);
	if (is_awaited(a, name))
		return attach_later(a, &at, known);
	err = attach_interface(s->loader, &at, &f);
	if (err) {
		if (known) /* as it was, if it still can be */
			interfaces_check(&s->interfaces, s->loader, s->paths.pin_dir);
		/* An agent that protects nothing has no reason to stay. */
		s->is_ending = s->interfaces.count == 0 && !asked_flag(a, "more");
		return asked_refuse(a, err, &f);
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

int answer_attach(struct asked *a)
{
	int status = attach_asked(a);

	/* The last of those that a service begins with: the manager is told. */
	if (asked_flag(a, "ready") && !a->s->is_ending)
		a->s->is_ready = true;
	return status;
}

int answer_detach(struct asked *a)
{
	struct supervisor *s = a->s;
	const char *name = asked_text(a, "interface");
	bool all = asked_flag(a, "all"), found = false;

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
	struct dpi_counts counts;

	text_printf(
		a->out,
		"{\"agent\":\"running\",\"version\":\"%s\",\"supervisor_pid\":%d,"
		"\"engine_pid\":%d,\"engine_restarts\":%llu,\"started_s\":%lld,\"uptime_s\":%llu,"
		"\"workers\":%u,"
		"\"monitor\":%s,\"action\":\"%s\",\"fail\":\"%s\",\"rules\":%zu,\"rules_in_force\":"
		"%zu,"
		"\"rule_moments\":%llu,\"rules_ended\":%llu,\"verdicts\":%zu,"
		"\"reattached\":%llu,\"pin_dir\":",
		DPI_VERSION, (int)getpid(), (int)s->engine_pid,
		(unsigned long long)s->engine_restarts, (long long)s->started_s,
		(unsigned long long)((live_monotonic() - s->started_ns) / 1000000000ULL),
		s->options.workers, s->options.is_monitor ? "true" : "false",
		s->options.is_reset ? "reset" : "drop",
		s->options.is_fail_closed ? "closed" : "open", rules_count(s->rules),
		rules_count(s->in_force), (unsigned long long)s->rule_moments,
		(unsigned long long)s->rules_ended, live_verdict_count(loader_maps(s->loader)),
		(unsigned long long)s->interfaces.reattached);
	text_json(a->out, slice_text(s->paths.pin_dir));
	text_putc(a->out, ',');
	pause_json(&s->pause, a->out);
	rule_fill_json(s->in_force, s->policy, a->out);
	text_putc(a->out, ',');
	lists_json(s, a->out);
	live_counts(loader_maps(s->loader), &counts);
	text_printf(a->out,
		    ",\"verdicts_max\":%d,\"samples\":%llu,\"samples_lost\":%llu,"
		    "\"samples_cut\":%llu",
		    DPI_VERDICTS_MAX, (unsigned long long)counts.n[DPI_COUNT_SAMPLES],
		    (unsigned long long)counts.n[DPI_COUNT_SAMPLE_LOST],
		    (unsigned long long)counts.n[DPI_COUNT_SAMPLE_CUT]);
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

int answer_status(struct asked *a)
{
	struct supervisor *s = a->s;
	char up[WHEN_MOMENT_MAX];
	int64_t up_s;

	if (asked_flag(a, "json")) {
		status_json(a);
		return DONE;
	}
	up_s = (int64_t)((live_monotonic() - s->started_ns) / 1000000000ULL);
	text_printf(a->out, "agent        running for %s, supervisor %d, ",
		    when_length_format(up_s, up), (int)getpid());
	if (s->engine_pid)
		text_printf(a->out, "engine %d", (int)s->engine_pid);
	else
		text_puts(a->out, "engine is being started");
	if (s->engine_restarts)
		text_printf(a->out, " (started again %llu time%s)",
			    (unsigned long long)s->engine_restarts,
			    s->engine_restarts == 1 ? "" : "s");
	text_printf(a->out, ", %u worker%s\n", s->options.workers,
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
	if (s->pause.is_on) {
		text_puts(a->out, "PAUSED       ");
		pause_tell(&s->pause, false, a->out);
	}
	text_printf(a->out, "rules        %zu", rules_count(s->rules));
	if (rules_timed(s->rules))
		text_printf(a->out, ", in force now %zu", rules_count(s->in_force));
	text_printf(a->out, " (%s)\n",
		    s->pause.is_on	    ? "paused"
		    : s->options.is_monitor ? "monitoring: nothing is dropped"
		    : s->options.is_reset   ? "enforced: TCP ends are told by a RST"
					    : "enforced");
	text_printf(a->out, "fail         %s\n",
		    s->options.is_fail_closed ? "closed: without an engine new flows do not pass"
					      : "open: without an engine new flows pass");
	text_printf(a->out, "verdicts     %zu of %d held in the kernel\n",
		    live_verdict_count(loader_maps(s->loader)), DPI_VERDICTS_MAX);
	return DONE;
}
