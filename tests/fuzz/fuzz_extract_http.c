/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fuzzes user/extract/http.c by the shared driver.
 */
#include "extract/extract.h"

#define FUZZ_TRY http_try
#include "driver.h"
