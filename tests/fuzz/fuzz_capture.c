/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fuzzes the capture readers: any bytes as a file, read, kept and mapped, one record at a time and
 * in rows, which must all come to the same. What is delivered must be the file's own bytes in order
 * (libpcap's formats are made anew, packed ones unpacked), and frames must lie inside their pieces.
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
	uint64_t told; /* what the frames were, mixed */
};

enum { ROW = 7 };

/* A way to read; room and given_back choose how rows are cut. */
struct way {
	struct capture_guard *guard; /* NULL: not mapped */
	bool is_kept;
	size_t row, bytes;
	unsigned given_back; /* one row of so many is given back in part; 0: none */
};

static uint64_t mix(uint64_t told, uint64_t more)
{
	return (told ^ more) * 0x9e3779b97f4a7c15ULL + (told >> 29);
}

static void tell(struct tale *t, const struct capture_record *r)
{
	t->pieces++;
	if (!r->is_frame)
		return;
	t->frames++;
	if (r->frame.number != t->frames)
		abort();
	t->told = mix(t->told, r->frame.ts_ns);
	t->told = mix(t->told, r->frame.wire_len);
	t->told = mix(t->told, r->frame.bytes.len);
	t->told = mix(t->told, (uint64_t)r->frame.link << 32 | r->frame.ifindex);
	t->told = mix(t->told, r->linktype);
	for (size_t i = 0; i < r->frame.bytes.len; i += 61)
		t->told = mix(t->told, r->frame.bytes.at[i]);
}

/* The next records, one or more of them. As capture_in_take(). */
static int take(struct capture_in *in, const struct way *way, struct capture_record *r,
		size_t *count, struct fault *f)
{
	struct capture_room room = {r, sizeof(*r), way->row, way->bytes};

	*count = 1;
	return way->row ? capture_in_take(in, &room, count, f) : capture_in_next(in, r, f);
}

static void read_all(struct capture_in *in, const struct way *way, struct tale *t,
		     const uint8_t *data, size_t size)
{
	bool is_ours = strncmp(capture_in_format(in), "pcap", 4) == 0 && !is_packed(data, size);
	struct capture_record r[ROW];
	size_t at = 0, count;
	struct fault f;

	for (unsigned turn = 1; (t->end = take(in, way, r, &count, &f)) == 1; turn++) {
		if (!count || count > ROW)
			abort();
		if (way->given_back && turn % way->given_back == 0 && count > 1) {
			count = (count + 1) / 2;
			capture_in_untake(in, &r[count]);
		}
		for (size_t i = 0; i < count; i++) {
			if (i && r[i].raw.at != r[i - 1].raw.at + r[i - 1].raw.len)
				abort();
			check(&r[i], data, size, &at, is_ours);
			tell(t, &r[i]);
		}
		if (way->is_kept && turn % 3 == 0)
			capture_in_release(in, capture_in_position(in));
	}
}

static struct tale run(const char *path, const struct way *way, const uint8_t *data, size_t size)
{
	struct capture_in *in = NULL;
	struct tale t = {0};
	struct fault f;

	t.open_err = capture_in_open(path, NULL, &in, &f);
	if (t.open_err == 0) {
		if (way->guard)
			capture_in_map(in, way->guard);
		if (way->is_kept)
			capture_in_keep(in);
		read_all(in, way, &t, data, size);
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
	static const struct way
		plain = {.row = 0},
		ways[] = {
			{.guard = &guard},
			{.guard = &guard, .row = ROW, .bytes = SIZE_MAX, .given_back = 2},
			{.is_kept = true, .row = ROW, .bytes = 100, .given_back = 3},
			{.row = 3, .bytes = SIZE_MAX},
		};
	struct tale read, other;
	char path[64];

	if (fd < 0)
		fd = memfd_create("capture", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)size) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read = run(path, &plain, data, size);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		other = run(path, &ways[i], data, size);
		if (memcmp(&read, &other, sizeof(read)) != 0)
			abort();
	}
	return 0;
}
