/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How far analyze is, on one line of a terminal. Room: cli. Standard error alone; never data.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cli/analyze.h"

#define PROGRESS_S 0.2 /* at most five times a second */

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void analyze_progress_begin(struct analyze_progress *p, bool is_quiet)
{
	*p = (struct analyze_progress){
		.is_shown = !is_quiet && isatty(STDERR_FILENO),
		.at_s[0] = now_s(),
		.count = 1,
	};
}

/* Bytes a second since the oldest point that is remembered, which is seconds ago. */
static double rate_of(const struct analyze_progress *p, double now, uint64_t bytes)
{
	size_t first = p->count > PROGRESS_POINTS ? p->count % PROGRESS_POINTS : 0;
	double took = now - p->at_s[first];

	return took > 0 ? (double)(bytes - p->bytes[first]) / took : 0;
}

/* "7 s", "12:34", "1:02:03". */
static void add_time(char *out, size_t size, double s)
{
	unsigned long n = s < 1e9 ? (unsigned long)(s + 0.5) : 1000000000;

	if (n < 60)
		snprintf(out, size, "%lu s", n);
	else if (n < 3600)
		snprintf(out, size, "%lu:%02lu", n / 60, n % 60);
	else
		snprintf(out, size, "%lu:%02lu:%02lu", n / 3600, n / 60 % 60, n % 60);
}

/* Writes the line over the one before it, no longer than the terminal is wide. */
static void show(struct analyze_progress *p, const char *line)
{
	unsigned width = terminal_width(stderr);
	int most = width > 1 ? (int)width - 1 : width ? 0 : 79;
	int len = (int)strlen(line), blank;

	len = len < most ? len : most;
	blank = p->shown_len < most ? p->shown_len - len : most - len;
	fprintf(stderr, "\r%.*s", len, line);
	if (blank > 0)
		fprintf(stderr, "%*s\r%.*s", blank, "", len, line);
	fflush(stderr);
	p->shown_len = len;
}

void analyze_progress(void *ctx, const struct offline_progress *at)
{
	struct analyze_progress *p = ctx;
	double now, rate;
	char line[128], left[32] = "";

	if (!p->is_shown)
		return;
	now = now_s();
	if (now - p->at_s[(p->count - 1) % PROGRESS_POINTS] < PROGRESS_S)
		return;
	rate = rate_of(p, now, at->bytes);
	p->at_s[p->count % PROGRESS_POINTS] = now;
	p->bytes[p->count++ % PROGRESS_POINTS] = at->bytes;
	if (at->size == 0) {
		snprintf(line, sizeof(line), "%llu packets  %.1f MB  %.1f MB/s",
			 (unsigned long long)at->frames, (double)at->bytes / 1e6, rate / 1e6);
	} else {
		uint64_t more = at->size > at->bytes ? at->size - at->bytes : 0;

		if (rate > 0)
			add_time(left, sizeof(left), (double)more / rate);
		snprintf(line, sizeof(line), "%3.0f %%  %.1f MB/s%s%s%s",
			 100.0 * (double)(at->size - more) / (double)at->size, rate / 1e6,
			 *left ? "  " : "", left, *left ? " left" : "");
	}
	show(p, line);
}

void analyze_progress_end(struct analyze_progress *p)
{
	if (p->shown_len > 0)
		fprintf(stderr, "\r%*s\r", p->shown_len, "");
	fflush(stderr);
	p->is_shown = false;
	p->shown_len = 0;
}
