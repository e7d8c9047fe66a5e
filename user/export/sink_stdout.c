/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Event lines to standard output. Room: export. Whoever reads it slowly is waited for; what the
 * agent cannot keep so long is counted as lost by the follower.
 */
#include "export/sink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int stdout_open(const char *where, const struct sink_options *o, struct sink **out,
		       struct fault *f)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : fault_set(f, -ENOMEM, "out of memory");
}

static void stdout_take(struct sink *s, struct slice lines, struct follow_id first, uint64_t count)
{
	s->done = (struct follow_id){first.instance, first.number + count - 1};
	if (fwrite(lines.at, 1, lines.len, stdout) < lines.len || fflush(stdout)) {
		s->is_troubled = true; /* main says why; whoever runs the sinks ends */
		s->counters.lost += count;
		return;
	}
	s->counters.lines += count;
	s->counters.bytes += lines.len;
}

static void stdout_free(struct sink *s)
{
	free(s);
}

const struct sink_kind sink_stdout = {
	.prefix = "-",
	.open = stdout_open,
	.take = stdout_take,
	.free = stdout_free,
};
