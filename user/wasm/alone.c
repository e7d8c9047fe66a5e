/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: a capture is one file here; several as one (pcap/set.h) are the program's business, so
 * that none of these is ever called with a set.
 */
#include "pcap/set.h"

void set_close(struct capture_set *set)
{
}

uint64_t set_offset(const struct capture_set *set)
{
	return 0;
}

uint64_t set_size(const struct capture_set *set)
{
	return 0;
}

const char *set_strange_link(const struct capture_set *set)
{
	return NULL;
}
