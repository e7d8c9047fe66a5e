/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The members of the report's JSON that are no long lists, and what its lists are made of. Private
 * to this room; report_json.c puts them together.
 */
#ifndef REPORT_JSON_PARTS_H
#define REPORT_JSON_PARTS_H

#include "report/json_row.h"
#include "report/model.h"

/* Begins a member that is a list or an object, on its own line. */
void json_part(struct json *j, const char *key, char bracket);

void json_part_head(struct json *j, const struct report *r);
void json_part_totals(struct json *j, const struct report *r);
void json_part_apps(struct json *j, const struct report *r);
/* In place of domains and connections: how many there are, and the first domains. */
void json_part_sizes(struct json *j, const struct report *r);
void json_part_nets(struct json *j, const struct report *r);
void json_part_workers(struct json *j, const struct report *r);
void json_part_counters(struct json *j, const struct report *r);

void json_domain(struct json *j, const struct report *r, const struct sum_domain *domain);
void json_rule(struct json *j, const struct report *r, const struct model_rule *rule);
/* suspect: index into forensic.suspects. */
void json_suspect(struct json *j, const struct report *r, size_t suspect);

#endif
