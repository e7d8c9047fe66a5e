/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The shared driver for an extractor that takes more on its own port, in a connection known to be
 * its protocol's, or from the end that opened the flow: the driver's source port chooses one. The
 * fuzzer defines FUZZ_EXTRACTOR, FUZZ_PORT and FUZZ_PROTO and includes this.
 */
#ifndef FUZZ_PLACES_H
#define FUZZ_PLACES_H

#include "extract/extract.h"

static enum extract_answer try_somewhere(struct slice bytes, const struct extract_context *ctx,
					 struct clue *clue)
{
	struct extract_context at = {.transport = ctx->transport, .dst_port = 40000};

	if (ctx->src_port == 80)
		at.dst_port = FUZZ_PORT;
	if (ctx->src_port == 443)
		at.flow_proto = FUZZ_PROTO;
	at.is_opener = ctx->src_port == 1024;
	return FUZZ_EXTRACTOR(bytes, &at, clue);
}

#define FUZZ_TRY try_somewhere
#include "driver.h"

#endif
