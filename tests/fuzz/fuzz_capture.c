/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fuzzes the capture readers: any bytes as a file. What is delivered must be the file's own bytes
 * in order (libpcap's formats are made anew), and frames must lie inside their pieces.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <stdio.h>
#include <unistd.h>
#include "pcap/capture_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct capture_record *r, const uint8_t *data, size_t size, size_t *at,
		  bool is_ours)
{
	if (r->is_frame && (r->frame.bytes.at < r->raw.at ||
			    r->frame.bytes.at + r->frame.bytes.len > r->raw.at + r->raw.len ||
			    r->frame.wire_len < r->frame.bytes.len))
		abort();
	if (!is_ours)
		return;
	if (r->raw.len > size - *at || memcmp(data + *at, r->raw.at, r->raw.len) != 0)
		abort();
	*at += r->raw.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1; /* one file for all runs: making one costs more than reading it */
	struct capture_in *in = NULL;
	struct capture_record r;
	struct fault f;
	char path[64];
	size_t at = 0;

	if (fd < 0)
		fd = memfd_create("capture", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)size) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (capture_in_open(path, NULL, &in, &f) == 0) {
		bool is_ours = strncmp(capture_in_format(in), "pcap", 4) == 0;

		while (capture_in_next(in, &r, &f) == 1)
			check(&r, data, size, &at, is_ours);
	}
	capture_in_close(in);
	return 0;
}
