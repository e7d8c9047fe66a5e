/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Any bytes as the head of an HTTP request. It must not matter in which pieces they come, and a
 * head that is taken has one meaning only: no bare line end, no byte that ends a text, one length.
 */
#include "api/head.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool is_so)
{
	if (!is_so)
		abort();
}

/* A good head ends with its first empty line. */
static size_t end_of(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i + 4 <= size; i++)
		if (memcmp(data + i, "\r\n\r\n", 4) == 0)
			return i + 4;
	return 0;
}

static void demand_plain(const uint8_t *data, size_t len)
{
	demand(len > 0 && len <= HEAD_MAX);
	for (size_t i = 0; i < len; i++) {
		demand(data[i] != 0 && data[i] != 0x7f);
		if (data[i] == '\n')
			demand(i && data[i - 1] == '\r' && data[i + (i + 1 < len)] != ' ');
		if (data[i] == '\r')
			demand(i + 1 < len && data[i + 1] == '\n');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct head whole = {0}, pieces = {0};
	enum head_state at_once = head_read(&whole, slice_of(data, size)), state = HEAD_MORE;
	size_t step = size ? data[0] % 7 + 1 : 1;

	for (size_t n = 0; n <= size && state == HEAD_MORE;
	     n = n < size && n + step > size ? size : n + step)
		state = head_read(&pieces, slice_of(data, n));
	demand(state == at_once);
	if (at_once == HEAD_BAD)
		demand(whole.status >= 400 && whole.fault && pieces.status == whole.status);
	if (at_once == HEAD_WHOLE) {
		demand_plain(data, end_of(data, size));
		demand(whole.hosts <= 1 && whole.lengths + whole.encodings <= 1);
	}
	return 0;
}
