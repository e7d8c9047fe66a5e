/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fuzzes user/extract/ldap.c where it listens and elsewhere.
 */
#define FUZZ_EXTRACTOR ldap_try
#define FUZZ_PORT      389
#define FUZZ_PROTO     PROTO_LDAP
#include "places.h"
