/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fuzzes user/extract/tls.c by the shared driver.
 */
#include "extract/extract.h"

#define FUZZ_TRY tls_try
#include "driver.h"
