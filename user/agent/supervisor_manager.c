/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the supervisor tells the service manager of itself; see supervisor_state.h and notify.h.
 * Room: agent.
 */
#include "agent/supervisor_state.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "live/maps.h"

/* One line for `systemctl status`, when it has changed; the first one says ready. */
void manager_tell(struct supervisor *s)
{
	char line[sizeof(s->told)] = "";
	size_t len = 0, missing = 0;
	const size_t rules = rules_count(s->rules);

	for (size_t i = 0; i < s->interfaces.count && len < sizeof(line) - 1; i++) {
		const struct interface *row = &s->interfaces.row[i];

		missing += !row->is_protected;
		if (row->is_protected)
			len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%s",
						len ? ", " : "protecting ", row->attachment.name);
	}
	if (len < sizeof(line) - 1 && missing)
		len += (size_t)snprintf(line + len, sizeof(line) - len,
					"%swaiting for %zu interface%s", len ? "; " : "", missing,
					missing == 1 ? "" : "s");
	if (len < sizeof(line) - 1)
		snprintf(line + len, sizeof(line) - len, "%s%zu rule%s%s", len ? "; " : "", rules,
			 rules == 1 ? "" : "s",
			 s->pause.is_on		 ? ", paused: nothing is blocked"
			 : s->options.is_monitor ? ", monitoring: nothing is dropped"
						 : "");
	if (strcmp(line, s->told) != 0)
		notify_say(s->notify, "STATUS=%s", line);
	memcpy(s->told, line, sizeof(line));
	if (s->is_ready && !s->has_told_ready)
		notify_say(s->notify, "READY=1");
	s->has_told_ready = s->is_ready;
}

/* Only a supervisor that came round, and an engine that answers, feed the watchdog. An engine that
 * is silent gets a new life at once; when that does not help either, the manager ends it all. */
void watchdog_feed(struct supervisor *s)
{
	if (!notify_beat_is_due(s->notify, live_monotonic()))
		return;
	if (engine_is_answering(s)) {
		notify_say(s->notify, "WATCHDOG=1");
		return;
	}
	log_error("the engine is silent; it is being started again");
	engine_restart(s);
}
