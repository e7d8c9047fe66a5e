/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fuzzes user/extract/socks.c where it listens and elsewhere.
 */
#define FUZZ_EXTRACTOR socks_try
#define FUZZ_PORT      1080
#define FUZZ_PROTO     PROTO_SOCKS
#include "places.h"
