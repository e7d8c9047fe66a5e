/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Asking the agent; see remote.h.
 */
#include "cli/remote.h"

#include <errno.h>

#include "control/control.h"
#include "base/log.h"

void remote_begin(struct text *request, const char *command)
{
	text_puts(request, "{\"command\":");
	text_json(request, slice_text(command));
}

void remote_string(struct text *request, const char *name, const char *value)
{
	text_printf(request, ",\"%s\":", name);
	remote_value(request, value);
}

/* How many bytes the UTF-8 character at `at` has (RFC 3629 4); 0 when it is none. */
static size_t utf8_len(const unsigned char *at)
{
	static const struct {
		unsigned char first, last, low, high; /* of the lead byte; of the one behind it */
		size_t len;
	} rows[] = {
		{0x01, 0x7f, 0, 0, 1},	     {0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = 1;

		if (at[0] < rows[i].first || at[0] > rows[i].last)
			continue;
		if (rows[i].len > 1 && (at[1] < rows[i].low || at[1] > rows[i].high))
			return 0;
		for (n = 2; n < rows[i].len; n++)
			if ((at[n] & 0xc0) != 0x80)
				return 0;
		return rows[i].len;
	}
	return 0;
}

/* Unlike text_json this keeps UTF-8 as it is: an internationalised name is still to be read. A byte
 * that is none becomes U+FFFD, which no name, address or interface has. */
void remote_value(struct text *request, const char *value)
{
	text_putc(request, '"');
	while (*value) {
		size_t len = utf8_len((const unsigned char *)value);

		if (len == 0)
			text_puts(request, "\\ufffd");
		else if ((unsigned char)*value < 0x20)
			text_printf(request, "\\u%04x", (unsigned)*value);
		else if (*value == '"' || *value == '\\')
			text_printf(request, "\\%c", *value);
		else
			text_add(request, value, len);
		value += len ? len : 1;
	}
	text_putc(request, '"');
}

void remote_flag(struct text *request, const char *name, bool value)
{
	text_printf(request, ",\"%s\":%s", name, value ? "true" : "false");
}

bool remote_paths(struct paths *p)
{
	if (paths_init(p) == 0)
		return true;
	log_error("DPI_XDP_STATE_DIR or DPI_XDP_RUN_DIR is too long; the run directory may have "
		  "%zu characters",
		  sizeof(p->run_dir) - 1);
	return false;
}

int remote_failed(int err, const struct fault *f, bool *no_agent)
{
	if (err != -ENOENT && err != -ECONNREFUSED) {
		log_error("%s", f->text);
		return err == -EACCES || err == -EPERM ? EXIT_DENIED : EXIT_FAILED;
	}
	if (no_agent)
		*no_agent = true;
	else
		log_error("no agent is running; start one with `dpi-xdp attach IFACE`");
	return EXIT_NO_AGENT;
}

int remote_run(struct text *request, struct slice data, bool is_quiet, bool *no_agent)
{
	struct wire answer = {0};
	struct fault f = {0};
	struct paths p;
	int err, status;

	text_putc(request, '}');
	if (!remote_paths(&p))
		return EXIT_USAGE;
	err = request->failed
		      ? fault_set(&f, -ENOMEM, "out of memory")
		      : control_request(&p, slice_of(request->at, request->len), data, &answer, &f);
	text_clear(request);
	if (err)
		return remote_failed(err, &f, no_agent);
	status = (int)(answer.kind & ~(uint32_t)CONTROL_ENDING);
	if (answer.kind & CONTROL_ENDING)
		control_wait_end(&p);
	if (answer.err_len && answer.err[answer.err_len - 1] == '\n')
		answer.err[answer.err_len - 1] = 0;
	if (answer.err_len && status != EXIT_DONE)
		log_error("%s", answer.err);
	else if (answer.err_len && !is_quiet)
		log_note("%s", answer.err);
	if (!is_quiet) /* main looks whether it arrived */
		fwrite(answer.out, 1, answer.out_len, stdout);
	wire_clear(&answer);
	return status;
}
