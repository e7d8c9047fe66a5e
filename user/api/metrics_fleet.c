/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How a fleet's rules arrive, as metrics; see metrics.h. Room: api. Only a service that was given a
 * Redis server has these.
 */
#include "api/metrics.h"

#include "fleet/fleet.h"

void metrics_fleet_write(struct metrics *m, const struct fleet_status *s)
{
	const struct {
		const char *name, *help;
		enum metric_type type;
		uint64_t value;
	} rows[] = {
		{"fleet_connected", "1 while there is a connection to Redis", METRIC_GAUGE,
		 s->is_connected},
		{"fleet_version", "of the last good rules of the fleet; 0: none yet", METRIC_GAUGE,
		 s->version},
		{"fleet_rules", "rules of the fleet, the last good ones", METRIC_GAUGE,
		 s->rule_count},
		{"fleet_local_rules", "rules of this host alone", METRIC_GAUGE, s->local_count},
		{"fleet_pending_changes", "changes made here that the fleet has not got yet",
		 METRIC_GAUGE, s->pending_count},
		{"fleet_refused_sets", "rule sets in Redis whose content is refused", METRIC_GAUGE,
		 s->refused_count},
		{"fleet_syncs", "times that rules here and there were made equal", METRIC_COUNTER,
		 s->syncs},
		{"fleet_connects", "connections made to Redis", METRIC_COUNTER, s->connects},
		{"fleet_failures", "connections and commands that failed", METRIC_COUNTER,
		 s->failures},
		{"fleet_published", "changes of this host that the fleet got", METRIC_COUNTER,
		 s->published},
		{"fleet_applied", "changes of the fleet that were put in force here",
		 METRIC_COUNTER, s->applied},
		{"fleet_conflicts", "changes made on both sides at once", METRIC_COUNTER,
		 s->conflicts},
		{"fleet_refusals", "contents of Redis that were refused", METRIC_COUNTER,
		 s->refusals},
		{"fleet_restored", "times that rules lost by Redis were put back", METRIC_COUNTER,
		 s->restored},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		metrics_one(m, rows[i].name, rows[i].type, rows[i].help, rows[i].value);
	if (s->sync_age_ms >= 0)
		metrics_seconds(m, "fleet_sync_age_seconds",
				"since rules here and there were last known to be equal",
				(uint64_t)s->sync_age_ms * 1000000);
}
