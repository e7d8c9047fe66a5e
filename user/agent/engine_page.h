/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Connections a page at a time. A cursor says which row a page ended with, not how many came
 * before: rows that come and go between two pages move no others. Room: agent.
 */
#ifndef AGENT_ENGINE_PAGE_H
#define AGENT_ENGINE_PAGE_H

#include "agent/engine_process.h"
#include "base/text.h"

enum { ENGINE_PAGE_MAX = 1000 };

/* A cursor as hex digits. Reading: 0 or -EINVAL. */
void engine_cursor_write(const struct engine_cursor *c, struct text *out);
int engine_cursor_parse(const char *text, struct engine_cursor *out);

#endif
