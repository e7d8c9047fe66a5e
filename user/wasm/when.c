/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: policy/when.h without a zone. The words that say when are kept as they are, and every
 * rule is in force in the browser; whoever takes the rules from here reads the words.
 */
#include "policy/value.h"

#include <errno.h>

int when_canonical(struct slice words, char out[WHEN_TEXT_MAX], struct fault *f)
{
	if (words.len >= WHEN_TEXT_MAX)
		return fault_set(f, -EINVAL, "the times of a rule are too long");
	memcpy(out, words.at, words.len);
	out[words.len] = '\0';
	return 0;
}
