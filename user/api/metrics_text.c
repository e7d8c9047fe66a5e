/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The text formats of metrics: Prometheus exposition format 0.0.4 and OpenMetrics 1.0.0; see
 * metrics_text.h. Room: api.
 */
#include "api/metrics_text.h"

#define PREFIX "dpi_xdp_"

static const char *suffix(const struct metrics *m)
{
	return m->type == METRIC_COUNTER ? "_total" : "";
}

void metrics_family(struct metrics *m, const char *name, enum metric_type type, const char *help)
{
	m->name = name;
	m->type = type;
	/* In OpenMetrics the family of a counter has its name without "_total". */
	text_printf(m->out, "# HELP " PREFIX "%s%s %s\n", name, m->is_open ? "" : suffix(m), help);
	text_printf(m->out, "# TYPE " PREFIX "%s%s %s\n", name, m->is_open ? "" : suffix(m),
		    type == METRIC_COUNTER ? "counter" : "gauge");
}

/* Backslash, quote and newline would end a value. What the agent says is plain ASCII already; a
 * byte that is not is shown as everywhere, so that no reader has to guess an encoding. */
static void value_escape(struct text *out, const char *value)
{
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		if (c < 0x20 || c > 0x7e) {
			text_printf(out, "\\\\x%02x", c);
			continue;
		}
		if (c == '\\' || c == '"')
			text_putc(out, '\\');
		text_putc(out, *value);
	}
}

static void head(struct metrics *m, const struct metric_label *labels)
{
	text_printf(m->out, PREFIX "%s%s", m->name, suffix(m));
	for (size_t i = 0; labels && i < METRIC_LABELS_MAX && labels[i].name; i++) {
		text_printf(m->out, "%s%s=\"", i ? "," : "{", labels[i].name);
		value_escape(m->out, labels[i].value);
		text_puts(m->out, "\"");
	}
	text_puts(m->out, labels && labels[0].name ? "} " : " ");
}

void metrics_value(struct metrics *m, const struct metric_label *labels, uint64_t value)
{
	head(m, labels);
	text_u64(m->out, value);
	text_putc(m->out, '\n');
}

void metrics_one(struct metrics *m, const char *name, enum metric_type type, const char *help,
		 uint64_t value)
{
	metrics_family(m, name, type, help);
	metrics_value(m, NULL, value);
}

void metrics_seconds(struct metrics *m, const char *name, const char *help, uint64_t ns)
{
	metrics_family(m, name, METRIC_GAUGE, help);
	head(m, NULL);
	text_time(m->out, ns);
	text_putc(m->out, '\n');
}

void metrics_end(struct metrics *m)
{
	if (m->is_open)
		text_puts(m->out, "# EOF\n");
}

const char *metrics_content_type(bool is_open)
{
	return is_open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
		       : "text/plain; version=0.0.4; charset=utf-8";
}

bool metrics_accepts_open(const char *accept)
{
	return accept && strstr(accept, "application/openmetrics-text") != NULL;
}
