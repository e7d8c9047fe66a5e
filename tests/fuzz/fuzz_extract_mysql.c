/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fuzzes user/extract/mysql.c where it listens and elsewhere.
 */
#define FUZZ_EXTRACTOR mysql_try
#define FUZZ_PORT      3306
#define FUZZ_PROTO     PROTO_MYSQL
#include "places.h"
