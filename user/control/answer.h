/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fields of what the agent answers in JSON, for whoever shows them. Room: control. An agent of
 * another version may leave one out or have another kind there: then it is 0, or an empty text.
 */
#ifndef CONTROL_ANSWER_H
#define CONTROL_ANSWER_H

#include <jansson.h>
#include <stdint.h>

/* A count; one below 0 is 0. object may be NULL. */
static inline uint64_t control_number(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return n < 0 ? 0 : (uint64_t)n;
}

/* A text; borrowed from object, which may be NULL. */
static inline const char *control_words(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

#endif
