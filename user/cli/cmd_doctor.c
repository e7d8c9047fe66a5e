/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * doctor: what this machine can and cannot do, one line a thing, each with what to do about it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "control/control.h"
#include "cli/options.h"
#include "cli/remote.h"
#include "live/loader.h"

struct finding {
	bool is_good;
	char text[600];
};

enum { OPT_JSON = 256 };

static const struct option_row doctor_rows[] = {
	{"json", 'j', NULL, "one JSON document on stdout", OPT_JSON},
	OPTIONS_COMMON,
};

static int doctor_take(void *ctx, int id, const char *value)
{
	(void)value;
	*(bool *)ctx |= id == OPT_JSON;
	return 0;
}

static void check_kernel(struct finding *f)
{
	int major = 0, minor = 0;
	struct utsname name;

	uname(&name);
	f->is_good = sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
		     (major > 6 || (major == 6 && minor >= 1));
	snprintf(f->text, sizeof(f->text), "Linux %s%s", name.release,
		 f->is_good ? "" : ": 6.1 or later is needed");
}

static void check_root(struct finding *f)
{
	f->is_good = geteuid() == 0;
	snprintf(f->text, sizeof(f->text),
		 f->is_good ? "running as root" : "not root: attach needs it (analyze does not)");
}

static void check_btf(struct finding *f)
{
	f->is_good = access("/sys/kernel/btf/vmlinux", R_OK) == 0;
	snprintf(f->text, sizeof(f->text),
		 f->is_good ? "kernel type information (BTF)"
			    : "no BTF: the kernel was built without CONFIG_DEBUG_INFO_BTF");
}

/* The whole thing, in a pin directory of its own that goes away again. */
static void check_load(struct finding *f)
{
	struct loader *loader = NULL;
	struct fault fault = {0};
	char dir[64];

	snprintf(dir, sizeof(dir), "/sys/fs/bpf/dpi-xdp-doctor-%d/v1", (int)getpid());
	f->is_good = loader_open(&loader, dir, 1, &fault) == 0;
	snprintf(f->text, sizeof(f->text), "%s",
		 f->is_good ? "the kernel takes both programs and all maps" : fault.text);
	loader_close(loader);
	loader_unpin(dir);
}

static void check_agent(struct finding *f)
{
	struct wire answer = {0};
	struct fault fault = {0};
	struct paths p;
	const char *json = "{\"command\":\"status\"}";
	int err;

	if (!remote_paths(&p)) {
		snprintf(f->text, sizeof(f->text), "no agent can run in a directory so long");
		return;
	}
	err = control_request(&p, slice_text(json), slice_of("", 0), &answer, &fault);
	if (err == -ENOENT || err == -ECONNREFUSED)
		snprintf(f->text, sizeof(f->text), "no agent is running (dpi-xdp attach IFACE)");
	else if (err)
		snprintf(f->text, sizeof(f->text), "%s", fault.text);
	else
		snprintf(f->text, sizeof(f->text), "an agent is running (dpi-xdp status)");
	f->is_good = !err || err == -ENOENT || err == -ECONNREFUSED;
	wire_clear(&answer);
}

static void finding_write(struct text *out, const struct finding *f, bool is_json, bool is_first)
{
	if (is_json) {
		text_printf(out, "%s{\"good\":%s,\"finding\":", is_first ? "{\"findings\":[" : ",",
			    f->is_good ? "true" : "false");
		text_json(out, slice_text(f->text));
		text_putc(out, '}');
		return;
	}
	text_printf(out, "%-4s ", f->is_good ? "ok" : "no");
	text_escaped(out, slice_text(f->text));
	text_putc(out, '\n');
}

int cmd_doctor(const struct command *c, int argc, char **argv)
{
	bool is_json = false;
	static void (*const checks[])(struct finding * f) = {check_kernel, check_root, check_btf,
							     check_load, check_agent};
	int first = options_parse(c, doctor_rows, sizeof(doctor_rows) / sizeof(doctor_rows[0]),
				  argc, argv, doctor_take, &is_json);
	bool all_good = true;
	struct text out = {0};

	if (first < 0)
		return options_status(first);
	if (first != argc)
		return command_refuse(c, argc, argv, first);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		struct finding f = {0};

		checks[i](&f);
		finding_write(&out, &f, is_json, i == 0);
		all_good &= f.is_good;
	}
	if (is_json)
		text_puts(&out, "]}\n");
	fwrite(out.at, 1, out.len, stdout);
	text_clear(&out);
	return all_good ? EXIT_DONE : EXIT_DENIED;
}
