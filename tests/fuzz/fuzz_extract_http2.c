/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fuzzes user/extract/http2.c, and hpack.c below it, by the shared driver.
 */
#include "extract/extract.h"

#define FUZZ_TRY http2_try
#include "driver.h"
