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

void remote_value(struct text *request, const char *value)
{
	text_json_utf8(request, value);
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
