/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What all sinks have in common; see sink.h. Room: export.
 */
#include "export/sink.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

enum { NOTE_MS = 10000, FLUSH_STEP_MS = 10 };

/* The file comes last: what no other prefix claims is one. */
static const struct sink_kind *const kinds[] = {
	&sink_stdout, &sink_unix, &sink_unix_dgram, &sink_kafka, &sink_file,
};

int64_t sink_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static const struct sink_kind *kind_of(const char *spec)
{
	size_t i = 0;

	if (strcmp(spec, "-") == 0)
		return &sink_stdout;
	for (i = 1; strncmp(spec, kinds[i]->prefix, strlen(kinds[i]->prefix)) != 0; i++)
		;
	return kinds[i];
}

int sink_open(const char *spec, const struct sink_options *o, struct sink **out, struct fault *f)
{
	const struct sink_kind *kind = kind_of(spec);
	struct sink *s = NULL;
	int err;

	if (!*spec)
		return fault_set(f, -EINVAL,
				 "an output without a name: give FILE, -, unix:PATH, "
				 "unix-dgram:PATH or kafka://HOST:PORT/TOPIC");
	err = kind->open(spec + strlen(kind->prefix), o, &s, f);
	if (err)
		return err;
	s->kind = kind;
	s->spec = strdup(spec);
	if (!s->spec) {
		sink_free(s);
		return fault_set(f, -ENOMEM, "out of memory");
	}
	*out = s;
	return 0;
}

void sink_free(struct sink *s)
{
	char *spec = s ? s->spec : NULL;

	if (s)
		s->kind->free(s);
	free(spec);
}

uint64_t sink_count_lines(struct slice lines)
{
	const uint8_t *at = lines.at, *end = lines.at + lines.len;
	uint64_t count = 0;

	for (; at < end && (at = memchr(at, '\n', (size_t)(end - at))); at++)
		count++;
	return count;
}

struct slice sink_first_lines(struct slice lines, uint64_t n)
{
	const uint8_t *at = lines.at, *end = lines.at + lines.len;

	while (n-- && at < end) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : end;
	}
	return slice_of(lines.at, (size_t)(at - lines.at));
}

void sink_take(struct sink *s, const struct follow_lines *lines)
{
	struct follow_id first = lines->first;
	struct slice text = lines->text;
	uint64_t count = lines->count, known = 0;

	if (s->done.instance == first.instance && s->done.number >= first.number)
		known = s->done.number - first.number + 1;
	if (known >= count)
		return;
	text = slice_from(text, sink_first_lines(text, known).len);
	first.number += known;
	s->kind->take(s, text, first, count - known);
}

void sink_work(struct sink *s)
{
	if (s->kind->work)
		s->kind->work(s);
}

void sink_reopen(struct sink *s)
{
	if (s->kind->reopen)
		s->kind->reopen(s);
}

bool sink_flush(struct sink *s, int timeout_ms)
{
	struct timespec step = {.tv_nsec = FLUSH_STEP_MS * 1000000};
	int64_t until = sink_now_ms() + timeout_ms;
	uint64_t least = s->counters.pending;

	for (;;) {
		sink_work(s);
		if (s->counters.pending == 0)
			return true;
		if (s->counters.pending < least)
			until = sink_now_ms() + timeout_ms;
		else if (sink_now_ms() >= until)
			return false;
		least = s->counters.pending;
		nanosleep(&step, NULL);
	}
}

void sink_trouble(struct sink *s, const char *format, ...)
{
	int64_t now = sink_now_ms();
	char why[300];
	va_list args;

	if (s->is_troubled && now - s->noted_ms < NOTE_MS)
		return;
	s->is_troubled = true;
	s->noted_ms = now;
	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	log_error("%s: %s; %llu events wait, %llu were lost so far", s->spec, why,
		  (unsigned long long)s->counters.pending, (unsigned long long)s->counters.lost);
}

void sink_trouble_over(struct sink *s)
{
	if (!s->is_troubled)
		return;
	s->is_troubled = false;
	log_note("%s: takes events again; %llu were lost meanwhile", s->spec,
		 (unsigned long long)(s->counters.lost - s->noted_lost));
	s->noted_lost = s->counters.lost;
}
