/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Notes to stderr, one line each, with the program's name in front. Not for data, not below the
 * floor that handles an error.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

/* For notes that something from outside can bring about again and again: one in ten seconds is
 * written. Zero to begin with; one thread. */
struct log_limit {
	uint64_t next_ns, left_out;
};
/* True when a note may be written at now_ns, of a clock that does not go back; *left_out is then
 * how many were not since the one before. */
bool log_limit_take(struct log_limit *l, uint64_t now_ns, uint64_t *left_out);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
