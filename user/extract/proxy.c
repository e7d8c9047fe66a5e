/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: how long a PROXY head is. Its addresses are not looked at: the flow has its own.
 *
 * Standard: "The PROXY protocol", versions 1 and 2 (HAProxy, proxy-protocol.txt 2.1, 2.2).
 */
#include "extract/proxy.h"

enum {
	LINE_MAX_V1 = 107, /* with its CRLF */
	HEAD_V2 = 16,	   /* signature (12), version and command, family, length (2) */
};

static const uint8_t start_v1[] = {'P', 'R', 'O', 'X', 'Y', ' '};
static const uint8_t start_v2[] = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

/* As far as both go, the bytes are those. */
static bool is_alike(struct slice bytes, struct slice start)
{
	return slice_equal(slice_first(bytes, start.len), slice_first(start, bytes.len));
}

enum proxy_answer proxy_head_read(struct slice bytes, size_t *len)
{
	const uint8_t *end;

	if (bytes.len && bytes.at[0] != start_v1[0] && bytes.at[0] != start_v2[0])
		return PROXY_ABSENT; /* nearly always */
	if (is_alike(bytes, slice_of(start_v1, sizeof(start_v1)))) {
		end = bytes.len ? memchr(bytes.at, '\n', slice_first(bytes, LINE_MAX_V1).len)
				: NULL;
		if (!end)
			return bytes.len < LINE_MAX_V1 ? PROXY_SHORT : PROXY_ABSENT;
		*len = (size_t)(end - bytes.at) + 1;
		return PROXY_WHOLE;
	}
	if (is_alike(bytes, slice_of(start_v2, sizeof(start_v2)))) {
		if (bytes.len < HEAD_V2)
			return PROXY_SHORT;
		if (bytes.at[12] >> 4 != 2)
			return PROXY_ABSENT;
		*len = HEAD_V2 + ((size_t)bytes.at[14] << 8 | bytes.at[15]);
		return PROXY_WHOLE;
	}
	return PROXY_ABSENT;
}
