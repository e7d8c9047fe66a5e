/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One connection in JSON, and the words of it that other parts of the report share. Private to this
 * room; report.h has the one for lists of live flows.
 */
#ifndef REPORT_JSON_ROW_H
#define REPORT_JSON_ROW_H

#include "report/json.h"
#include "report/model.h"

void json_pair_addr(struct json *j, const char *key, const struct dpi_addr *a);
/* The address as a string, at most ADDR_TEXT_MAX + 2 bytes; as print.h does. */
char *json_print_addr(char *at, const struct dpi_addr *a);
/* What a rule is called in reports (report_rule_label). */
void json_rule_label(struct json *j, const struct rules *rules, uint64_t id);
void json_connection(struct json *j, const struct connection *c, const struct catalogue *catalogue,
		     const struct rules *rules);

#endif
