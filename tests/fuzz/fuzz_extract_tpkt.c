/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fuzzes user/extract/tpkt.c where it listens and elsewhere.
 */
#define FUZZ_EXTRACTOR tpkt_try
#define FUZZ_PORT      3389
#define FUZZ_PROTO     PROTO_RDP
#include "places.h"
