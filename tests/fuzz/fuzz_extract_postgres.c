/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fuzzes user/extract/postgres.c where it listens and elsewhere.
 */
#define FUZZ_EXTRACTOR postgres_try
#define FUZZ_PORT      5432
#define FUZZ_PROTO     PROTO_POSTGRESQL
#include "places.h"
