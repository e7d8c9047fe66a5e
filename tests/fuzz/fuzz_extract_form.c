/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fuzzes user/extract/form.c and its checks by the shared driver. The driver has eight ports; each
 * stands here for two others, one at either end, so that all ports that a form knows have their
 * turn.
 */
#include <stddef.h>

#include "extract/extract.h"

static enum extract_answer try_on_ports(struct slice bytes, const struct extract_context *ctx,
					struct clue *clue)
{
	static const struct {
		uint16_t from, src, dst;
	} ports[] = {
		{53, 123, 5672}, {5353, 5683, 27017}, {5355, 161, 11211}, {137, 137, 514},
		{80, 3478, 547}, {443, 4500, 138},    {1024, 69, 23},	  {40000, 500, 1812},
	};
	struct extract_context other = *ctx;

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		if (ports[i].from != ctx->src_port)
			continue;
		other.src_port = ports[i].src;
		other.dst_port = ports[i].dst;
	}
	return form_try(bytes, &other, clue);
}

#define FUZZ_TRY try_on_ports
#include "driver.h"
