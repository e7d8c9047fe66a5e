/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fuzzes user/extract/lines.c by the shared driver, on the ports and in the connections that change
 * what it takes: the driver's source port chooses one.
 */
#include "extract/extract.h"

static enum extract_answer try_somewhere(struct slice bytes, const struct extract_context *ctx,
					 struct clue *clue);

#define FUZZ_TRY try_somewhere
#include "driver.h"

static enum extract_answer try_somewhere(struct slice bytes, const struct extract_context *ctx,
					 struct clue *clue)
{
	static const struct {
		uint16_t driver, port;
		enum app_proto proto;
	} places[] = {
		{53, 25, PROTO_NONE},	    {5353, 143, PROTO_NONE},	{5355, 110, PROTO_NONE},
		{137, 21, PROTO_NONE},	    {80, 6667, PROTO_NONE},	{443, 40000, PROTO_SMTP},
		{1024, 40000, PROTO_SOCKS}, {40000, 40000, PROTO_NONE},
	};
	struct extract_context at = {.transport = ctx->transport};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (places[i].driver == ctx->src_port) {
			at.dst_port = places[i].port;
			at.flow_proto = places[i].proto;
		}
	return lines_try(bytes, &at, clue);
}
