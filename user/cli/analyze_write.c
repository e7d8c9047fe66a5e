/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What analyze leaves behind: reports, and the outputs of the run under their names. Room: cli.
 * Every file appears whole or not at all.
 */
#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "cli/analyze.h"

enum { LARGE = 32768 /* bytes, which a call costs less than a copy */ };

/* An output that is not whole, and what to do about it. A full disk has been spoken of; a reader
 * that has had enough needs no word. Returns the exit status. */
static int say_output(const char *path, const struct fault *f, int err)
{
	if (err && err != -EPIPE)
		log_error("%s: %s%s", path, f->text,
			  err == -ENOSPC ? ", or write elsewhere"
					 : "; check the path, or write elsewhere");
	return err ? EXIT_OUTPUT : 0;
}

static int write_out(void *ctx, const void *bytes, size_t len)
{
	struct slice piece = slice_of(bytes, len);
	int err = len < LARGE ? capture_out_write(ctx, piece, false)
			      : capture_out_lend(ctx, piece, false);

	return err || len < LARGE ? err : capture_out_flush(ctx);
}

/* Writes one document to a file that appears whole. Returns 0 or an exit status. */
static int write_document(const struct analyze *a, const char *path, struct report *report,
			  int (*write)(const struct analyze *a, struct report *r,
				       const struct report_out *to))
{
	struct capture_out *file = NULL;
	struct report_out to = {.write = write_out};
	struct fault f = {""};
	int err = capture_out_open(path, &file, &f);

	if (!err) {
		to.ctx = file;
		err = write(a, report, &to);
		if (err == -ENOMEM) {
			capture_out_abandon(file);
			log_error("%s: out of memory", path);
			return EXIT_FAILED;
		}
		err = capture_out_finish(file, &f);
	}
	return say_output(path, &f, err);
}

static int write_csv(const struct analyze *a, struct report *report, const struct report_out *to)
{
	(void)a;
	return report_csv(report, to);
}

static bool is_stdout(const char *path)
{
	return path && strcmp(path, "-") == 0;
}

bool analyze_has_text(const struct analyze *a)
{
	return !a->is_quiet && !is_stdout(a->json) && !is_stdout(a->csv) && !is_stdout(a->events);
}

static int write_text(const struct analyze *a, const struct report *report)
{
	FILE *to = is_stdout(a->out) ? stderr : stdout;
	struct report_style style = {
		.is_boxed = terminal_is_boxed(to),
		.is_coloured = terminal_is_coloured(to, a->color),
		.is_verbose = a->is_verbose,
		.width = terminal_width(to),
	};
	struct report_out out = report_to_file(to);
	int err;

	if (!analyze_has_text(a))
		return 0;
	err = report_text(report, &style, &out);
	if (err != -ENOMEM && (fflush(to) != 0 || ferror(to)))
		err = -errno;
	if (err)
		log_error("the report cannot be written: %s; write elsewhere, or use --quiet",
			  strerror(-err));
	return !err ? 0 : err == -ENOMEM ? EXIT_FAILED : EXIT_OUTPUT;
}

/* Every report that was asked for. Returns 0 or an exit status. */
static int write_reports(const struct analyze *a, const struct offline_result *r)
{
	const struct report_counter counters[] = {
		{"capture_damaged", "1 when the capture ended early or is damaged",
		 r->end == OFFLINE_DAMAGED},
		{"capture_interrupted", "1 when reading was stopped by a signal",
		 r->end == OFFLINE_STOPPED},
		{"frames_filtered", "frames left out by --filter: neither analysed nor written",
		 r->filtered},
		{"blocks_left_out",
		 "blocks of pcapng that joining several inputs could not carry over",
		 r->blocks_left_out},
		/* Last: only where rules know the time. */
		{"rules_late",
		 "frames judged by the rules of a later time: too many went back in time",
		 r->rules_late},
	};
	struct report_config config = {
		.tally = r->tally,
		.catalogue = a->catalogue,
		.rules = a->told,
		.input = a->in,
		.output = a->out,
		.duration_s = r->duration_s,
		.is_reproducible = a->is_reproducible,
		.workers = r->worker,
		.worker_count = r->worker_count,
		.counters = counters,
		.counter_count = sizeof(counters) / sizeof(counters[0]) - !rules_timed(a->rules),
		.local_nets = a->nets,
		.local_net_count = a->net_count,
	};
	struct report *report;
	int status = 0;

	if (!a->json && !a->csv && !analyze_has_text(a))
		return 0;
	report = report_open(&config);
	if (!report || (!a->json && analyze_report(a, report, NULL))) {
		log_error("no memory for the report");
		report_free(report);
		return EXIT_FAILED;
	}
	if (a->json)
		status = write_document(a, a->json, report, analyze_report);
	if (!status && a->csv)
		status = write_document(a, a->csv, report, write_csv);
	if (!status)
		status = write_text(a, report);
	if (!ANALYZE_IS_LAST)
		report_free(report);
	return status;
}

/* Ends an output of the run. Returns 0 or an exit status. */
static int finish(const char *path, struct capture_out **o)
{
	struct fault f = {""};
	int err = *o ? capture_out_finish(*o, &f) : 0;

	*o = NULL;
	return say_output(path, &f, err);
}

/* The order matters: OUT gets its name when all else is written, so that a failure leaves none. */
int analyze_write(const struct analyze *a, struct offline_result *r)
{
	size_t count;
	int status;

	if (capture_out_flush(r->out))
		return finish(a->out, &r->out);
	count = capture_out_file_count(r->out);
	status = finish(a->events, &r->events);
	if (!status)
		status = write_reports(a, r);
	if (status)
		return status;
	if (r->is_headless) { /* there is no capture to write */
		capture_out_abandon(r->out);
		r->out = NULL;
	}
	status = finish(a->out, &r->out);
	if (!status && a->split_size && !r->is_headless && !a->is_quiet)
		log_note("%s: split into %zu files, numbered from 00001", a->out, count);
	return status;
}
