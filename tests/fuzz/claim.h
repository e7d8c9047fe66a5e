/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How a fuzzer says that what must hold does not: in words, then by ending where the fuzzer sees
 * it.
 */
#ifndef FUZZ_CLAIM_H
#define FUZZ_CLAIM_H

#include <stdio.h>
#include <stdlib.h>

#define CLAIM(x)                                             \
	do {                                                 \
		if (!(x)) {                                  \
			fprintf(stderr, "broken: %s\n", #x); \
			abort();                             \
		}                                            \
	} while (0)

#endif
