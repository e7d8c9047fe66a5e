/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fuzzes the capture readers: any bytes as a file, read and mapped, which must come to the same.
 * What is delivered must be the file's own bytes in order (libpcap's formats are made anew, packed
 * ones unpacked), and frames must lie inside their pieces.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <stdio.h>
#include <unistd.h>
#include "pcap/capture_in.h"
#include "pcap/guard.h"

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

/* Packed bytes are not those that are delivered. */
static bool is_packed(const uint8_t *data, size_t size)
{
	return (size >= 2 && data[0] == 0x1f && data[1] == 0x8b) ||
	       (size >= 4 && (memcmp(data, "\x28\xb5\x2f\xfd", 4) == 0 ||
			      memcmp(data, "\x50\x2a\x4d\x18", 4) == 0));
}

/* What reading came to, for comparing one way with another. */
struct tale {
	int open_err, end;
	uint64_t frames, pieces, offset;
};

static struct tale run(const char *path, struct capture_guard *guard, const uint8_t *data,
		       size_t size)
{
	struct capture_in *in = NULL;
	struct tale t = {0};
	struct capture_record r;
	struct fault f;
	size_t at = 0;

	t.open_err = capture_in_open(path, NULL, &in, &f);
	if (t.open_err == 0) {
		bool is_ours = strncmp(capture_in_format(in), "pcap", 4) == 0 &&
			       !is_packed(data, size);

		if (guard)
			capture_in_map(in, guard);
		while ((t.end = capture_in_next(in, &r, &f)) == 1) {
			check(&r, data, size, &at, is_ours);
			t.pieces++;
			t.frames += r.is_frame;
		}
		t.offset = capture_in_offset(in);
		if (capture_in_check(in, &f))
			abort();
	}
	capture_in_close(in);
	return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1; /* one file for all runs: making one costs more than reading it */
	static struct capture_guard guard;
	struct tale read, mapped;
	char path[64];

	if (fd < 0)
		fd = memfd_create("capture", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)size) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read = run(path, NULL, data, size);
	mapped = run(path, &guard, data, size);
	if (memcmp(&read, &mapped, sizeof(read)) != 0)
		abort();
	return 0;
}
