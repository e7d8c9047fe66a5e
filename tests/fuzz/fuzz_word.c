/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fuzzes the readers by which the kernel decides on a first segment (include/dpi/hello.h,
 * request.h). Wherever they find a name, the road must hear the same one; and what they find must
 * be a plain name.
 */
#include "../unit/word_find.h"
#include "claim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* In memory of its exact size, where the sanitizer sees a read past it. */
	uint8_t *copy = malloc(size ? size : 1);
	struct slice payload = slice_of(copy, size);
	struct word_found w;

	CLAIM(copy);
	if (size)
		memcpy(copy, data, size);
	w = word_find(payload);
	if (w.is_found) {
		CLAIM(name_is_host(name_slice(&w.name)));
		CLAIM(word_is_heard(payload, &w));
	}
	free(copy);
	return 0;
}
