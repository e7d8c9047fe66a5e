/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room fleet: how it stands with the fleet, as JSON (RFC 8259) for /health and the dashboard.
 */
#include "fleet/fleet.h"

#include <inttypes.h>

static void add_string(struct text *out, const char *name, const char *value)
{
	text_printf(out, "\"%s\":", name);
	text_json(out, slice_text(value));
	text_putc(out, ',');
}

static void add_count(struct text *out, const char *name, uint64_t n)
{
	text_printf(out, "\"%s\":%" PRIu64 ",", name, n);
}

static void add_refused(struct text *out, const struct fleet_status *s)
{
	text_puts(out, "\"refused\":[");
	for (size_t i = 0; i < s->refused_count; i++) {
		text_puts(out, i ? ",{\"set\":" : "{\"set\":");
		text_json(out, slice_text(s->refused[i].set));
		text_puts(out, ",\"reason\":");
		text_json(out, slice_text(s->refused[i].reason));
		text_putc(out, '}');
	}
	text_putc(out, ']');
}

void fleet_status_json(const struct fleet_status *s, struct text *out)
{
	text_putc(out, '{');
	add_string(out, "name", s->name);
	add_string(out, "server", s->server);
	text_printf(out, "\"connected\":%s,", s->is_connected ? "true" : "false");
	if (s->sync_age_ms < 0)
		text_puts(out, "\"sync_age_s\":null,");
	else
		text_printf(out, "\"sync_age_s\":%.3f,", (double)s->sync_age_ms / 1000);
	add_count(out, "version", s->version);
	add_count(out, "rules", s->rule_count);
	add_count(out, "local_rules", s->local_count);
	add_count(out, "pending", s->pending_count);
	add_count(out, "syncs", s->syncs);
	add_count(out, "connects", s->connects);
	add_count(out, "failures", s->failures);
	add_count(out, "published", s->published);
	add_count(out, "applied", s->applied);
	add_count(out, "conflicts", s->conflicts);
	add_count(out, "refusals", s->refusals);
	add_count(out, "restored", s->restored);
	add_string(out, "fault", s->fault);
	add_refused(out, s);
	text_putc(out, '}');
}
