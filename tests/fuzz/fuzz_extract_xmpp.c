/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fuzzes user/extract/xmpp.c where it listens and elsewhere.
 */
#define FUZZ_EXTRACTOR xmpp_try
#define FUZZ_PORT      5222
#define FUZZ_PROTO     PROTO_XMPP
#include "places.h"
