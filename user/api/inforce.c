/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fetching the rules in force; see inforce.h.
 */
#include "api/inforce.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/write_all.h"
#include "control/control.h"
#include "control/stored.h"

/* What a request about rules answers. */
static int fetch(const struct api *api, const char *request, struct text *out, struct fault *f)
{
	struct wire answer = {0};
	bool in_force;
	int err = stored_or_agent_request(&api->paths, slice_text(request), slice_of("", 0),
					  &answer, &in_force, f);

	if (!err && (answer.kind & ~(uint32_t)CONTROL_ENDING) != 0)
		err = fault_set(f, -EIO, "the rules in force cannot be had: %.400s",
				answer.err_len ? answer.err : "the agent is ending");
	if (!err)
		text_add(out, answer.out, answer.out_len);
	wire_clear(&answer);
	return err;
}

int inforce_text(const struct api *api, struct text *out, struct fault *f)
{
	return fetch(api, "{\"command\":\"rules\",\"now\":true,\"whole\":true}", out, f);
}

int inforce_state(const struct api *api, struct text *out, struct fault *f)
{
	int err = fetch(api, "{\"command\":\"rules\",\"now\":true}", out, f);

	/* What is in a list changes behind the same words. */
	return err ? err : fetch(api, "{\"command\":\"rules-version\"}", out, f);
}

int inforce_file(const struct api *api, int *out, struct fault *f)
{
	struct text text = {0};
	int err = fetch(api, "{\"command\":\"rules\",\"whole\":true}", &text, f), fd = -1;

	if (!err) {
		fd = memfd_create("rules", MFD_CLOEXEC);
		err = fd < 0 ? -errno : text.failed ? -ENOMEM : 0;
		if (!err)
			err = write_all(fd, slice_of(text.at, text.len));
		if (!err && lseek(fd, 0, SEEK_SET) < 0)
			err = -errno;
		if (err)
			fault_set(f, err, "the rules in force cannot be handed on: %s",
				  strerror(-err));
	}
	text_clear(&text);
	if (err && fd >= 0)
		close(fd);
	if (!err)
		*out = fd;
	return err;
}
