/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The capture readers: hand-made files with every lie a length can tell, pieces that add up to the
 * file again, and record by record the same as libpcap on real captures.
 */
#include <dirent.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "pcap/capture_in.h"

/* A file under construction, in either byte order. */
struct maker {
	uint8_t bytes[8192];
	size_t len;
	bool is_big;
};

static void put(struct maker *m, uint64_t v, size_t size)
{
	for (size_t i = 0; i < size; i++)
		m->bytes[m->len++] = (uint8_t)(v >> 8 * (m->is_big ? size - 1 - i : i));
}

static void put_fill(struct maker *m, size_t n)
{
	memset(m->bytes + m->len, 0xab, n);
	m->len += n;
}

static void put_pcap_head(struct maker *m, uint32_t magic, uint32_t snap, uint32_t link)
{
	put(m, magic, 4);
	put(m, 2, 2);
	put(m, 4, 2);
	put(m, 0, 8);
	put(m, snap, 4);
	put(m, link, 4);
}

static void put_pcap_record(struct maker *m, uint32_t s, uint32_t frac, uint32_t cap, uint32_t wire,
			    size_t bytes)
{
	put(m, s, 4);
	put(m, frac, 4);
	put(m, cap, 4);
	put(m, wire, 4);
	put_fill(m, bytes);
}

static void put_section(struct maker *m)
{
	put(m, 0x0a0d0d0a, 4);
	put(m, 28, 4);
	put(m, 0x1a2b3c4d, 4);
	put(m, 1, 2);
	put(m, 0, 2);
	put(m, UINT64_MAX, 8);
	put(m, 28, 4);
}

/* resol: if_tsresol, or -1 to leave the option out. */
static void put_interface(struct maker *m, uint16_t link, uint32_t snap, int resol, int64_t offset)
{
	uint32_t len = 20 + (resol >= 0 ? 8 : 0) + (offset ? 12 : 0);

	put(m, 1, 4);
	put(m, len, 4);
	put(m, link, 2);
	put(m, 0, 2);
	put(m, snap, 4);
	if (resol >= 0) {
		put(m, 9, 2);
		put(m, 1, 2);
		m->bytes[m->len++] = (uint8_t)resol;
		put(m, 0, 3);
	}
	if (offset) {
		put(m, 14, 2);
		put(m, 8, 2);
		put(m, (uint64_t)offset, 8);
	}
	put(m, len, 4);
}

static void put_enhanced(struct maker *m, uint32_t iface, uint64_t ticks, uint32_t cap,
			 uint32_t wire, size_t bytes)
{
	uint32_t len = 32 + (uint32_t)((bytes + 3) & ~3UL);

	put(m, 6, 4);
	put(m, len, 4);
	put(m, iface, 4);
	put(m, ticks >> 32, 4);
	put(m, ticks & 0xffffffff, 4);
	put(m, cap, 4);
	put(m, wire, 4);
	put_fill(m, (bytes + 3) & ~3UL);
	put(m, len, 4);
}

/* The bytes as a file that is gone when it is closed; the path stays valid as long as *fd. */
static void path_of(const void *bytes, size_t len, int *fd, char path[64])
{
	FILE *f = tmpfile();

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fflush(f), 0);
	*fd = dup(fileno(f));
	fclose(f);
	snprintf(path, 64, "/proc/self/fd/%d", *fd);
}

/* What reading a file to its end or its damage came to. */
struct tale {
	int open_err, end;
	size_t frames;
	size_t raw_len;	   /* of all pieces */
	bool is_verbatim;  /* pieces laid end to end are the file, as far as they go */
	uint64_t ts_ns[8]; /* of the first frames */
	uint32_t wire_len[8], cap_len[8];
	enum link_type link[8];
	struct fault fault;
};

static struct tale read_bytes(const uint8_t *bytes, size_t len)
{
	struct tale t = {.is_verbatim = true};
	struct capture_in *in = NULL;
	struct capture_record r;
	char path[64];
	int fd;

	path_of(bytes, len, &fd, path);
	t.open_err = capture_in_open(path, NULL, &in, &t.fault);
	while (t.open_err == 0 && (t.end = capture_in_next(in, &r, &t.fault)) == 1) {
		if (t.raw_len + r.raw.len > len ||
		    memcmp(bytes + t.raw_len, r.raw.at, r.raw.len) != 0)
			t.is_verbatim = false;
		t.raw_len += r.raw.len;
		if (!r.is_frame)
			continue;
		if (t.frames < 8) {
			t.ts_ns[t.frames] = r.frame.ts_ns;
			t.wire_len[t.frames] = r.frame.wire_len;
			t.cap_len[t.frames] = (uint32_t)r.frame.bytes.len;
			t.link[t.frames] = r.frame.link;
		}
		t.frames++;
		assert_int_equal(r.frame.number, t.frames);
	}
	capture_in_close(in);
	close(fd);
	return t;
}

static void both_orders_and_precisions_of_pcap(void **state)
{
	static const struct {
		uint32_t magic;
		uint64_t ts_ns;
	} rows[] = {{0xa1b2c3d4, 1700000000000007000}, {0xa1b23c4d, 1700000000000000007}};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct maker m = {.is_big = i % 2};
		struct tale t;

		put_pcap_head(&m, rows[i / 2].magic, 96, 101);
		put_pcap_record(&m, 1700000000, 7, 20, 1500, 20);
		put_pcap_record(&m, 1700000001, 0, 0, 0, 0);
		t = read_bytes(m.bytes, m.len);
		assert_int_equal(t.end, 0);
		assert_int_equal(t.frames, 2);
		assert_int_equal(t.ts_ns[0], rows[i / 2].ts_ns);
		assert_int_equal(t.wire_len[0], 1500);
		assert_int_equal(t.cap_len[0], 20);
		assert_int_equal(t.link[0], LINK_RAW_IP);
		assert_true(t.is_verbatim && t.raw_len == m.len);
	}
}

static void sections_interfaces_and_orders_of_pcapng(void **state)
{
	struct maker m = {0};
	struct tale t;

	(void)state;
	put_section(&m);
	put_interface(&m, 1, 0, -1, 0);	    /* microseconds by default */
	put_interface(&m, 113, 96, 9, 100); /* nanoseconds, 100 s on */
	put_enhanced(&m, 0, 5000001, 20, 20, 20);
	put_enhanced(&m, 1, 5000000001, 33, 900, 33);
	m.is_big = true; /* another section, in the other order, with interfaces of its own */
	put_section(&m);
	put_interface(&m, 276, 0, 0x80 | 10, 0); /* 1024 ticks a second */
	put_enhanced(&m, 0, 2048 + 512, 8, 8, 8);
	put(&m, 3, 4); /* a simple packet: no time of its own */
	put(&m, 24, 4);
	put(&m, 6, 4);
	put_fill(&m, 8);
	put(&m, 24, 4);
	put(&m, 0x0bad, 4); /* a block nobody knows */
	put(&m, 12, 4);
	put(&m, 12, 4);
	t = read_bytes(m.bytes, m.len);
	assert_int_equal(t.end, 0);
	assert_int_equal(t.frames, 4);
	assert_int_equal(t.ts_ns[0], 5000001000);
	assert_int_equal(t.ts_ns[1], 105000000001);
	assert_int_equal(t.ts_ns[2], 2500000000);
	assert_int_equal(t.ts_ns[3], 2500000000);
	assert_int_equal(t.link[0], LINK_ETHERNET);
	assert_int_equal(t.link[1], LINK_COOKED1);
	assert_int_equal(t.link[2], LINK_COOKED2);
	assert_int_equal(t.cap_len[3], 6);
	assert_int_equal(t.wire_len[1], 900);
	assert_true(t.is_verbatim && t.raw_len == m.len);
}

/* One lie, told after a good first record. */
static void a_lying_length_is_damage_after_the_frames_before_it(void **state)
{
	static const struct {
		const char *name;
		bool is_ng;
		uint32_t cap, wire, len; /* len: of the block, pcapng only; 0: the right one */
	} rows[] = {
		{"captured length 2^31", false, 0x80000000, 60, 0},
		{"captured length all ones", false, 0xffffffff, 60, 0},
		{"captured length above 256 KiB", false, 262145, 262145, 0},
		{"captured length above the snap length", false, 97, 97, 0},
		{"captured length past the end", false, 90, 90, 0},
		{"captured length 2^31 in a block", true, 0x80000000, 60, 0},
		{"captured length past its block", true, 33, 33, 0},
		{"block length 0", true, 20, 20, 1},
		{"block length below its head", true, 20, 20, 8},
		{"block length odd", true, 20, 20, 53},
		{"block length past the end", true, 20, 20, 4096},
		{"block length above 16 MiB", true, 20, 20, 0x7ffffffc},
		{"block length too short for its packet", true, 20, 20, 36},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct maker m = {0};
		struct tale t;
		size_t at;

		if (rows[i].is_ng) {
			put_section(&m);
			put_interface(&m, 1, 0, -1, 0);
			put_enhanced(&m, 0, 1, 20, 20, 20);
			at = m.len;
			put_enhanced(&m, 0, 1, rows[i].cap, rows[i].wire, 20);
			if (rows[i].len) {
				uint32_t lie = rows[i].len == 1 ? 0 : rows[i].len;

				memcpy(m.bytes + at + 4, &lie, 4);
			}
		} else {
			put_pcap_head(&m, 0xa1b2c3d4, 96, 1);
			put_pcap_record(&m, 1, 1, 20, 20, 20);
			at = m.len;
			put_pcap_record(&m, 1, 1, rows[i].cap, rows[i].wire, 60);
		}
		t = read_bytes(m.bytes, m.len);
		if (t.end != -EBADMSG || t.frames != 1 || t.raw_len != at)
			fail_msg("%s: end %d frames %zu", rows[i].name, t.end, t.frames);
		assert_non_null(strstr(t.fault.text, "damaged at record 2, byte offset "));
	}
}

static void cut_at_each_byte_delivers_the_whole_records_before(void **state)
{
	(void)state;
	for (int is_ng = 0; is_ng < 2; is_ng++) {
		struct maker m = {0};
		size_t border[5], n = 0;

		if (is_ng) {
			put_section(&m);
			border[n++] = m.len;
			put_interface(&m, 1, 0, -1, 0);
		} else {
			put_pcap_head(&m, 0xa1b2c3d4, 96, 1);
		}
		border[n++] = m.len;
		for (int i = 0; i < 3; i++) {
			if (is_ng)
				put_enhanced(&m, 0, 1, 21, 21, 21);
			else
				put_pcap_record(&m, 1, 1, 21, 21, 21);
			border[n++] = m.len;
		}
		for (size_t cut = 4; cut < m.len; cut++) {
			struct tale t = read_bytes(m.bytes, cut);
			size_t whole = 0;
			bool is_border = false;

			for (size_t i = 0; i < n && border[i] <= cut; i++) {
				whole = border[i];
				is_border = border[i] == cut;
			}
			assert_int_equal(t.open_err, 0);
			assert_int_equal(t.end, is_border ? 0 : -EBADMSG);
			assert_int_equal(t.raw_len, whole);
			assert_true(t.is_verbatim);
		}
	}
}

static void what_is_no_capture_is_refused_by_name(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *word;
	} rows[] = {
		{"", 0, "empty"},
		{"\x1f\x8b\x08\0\0\0\0\0", 8, "gzip"},
		{"\x28\xb5\x2f\xfd\0\0\0\0", 8, "zstd"},
		{"hello, this is a letter\n", 24, "text"},
		{"\x7f"
		 "ELF\2\1\1\0\0\0\0\0",
		 12, "ELF"},
		{"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24, "neither pcap nor pcapng"},
		{"\1\2", 2, "only 2 bytes"},
	};
	struct capture_in *in = NULL;
	struct fault f;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tale t = read_bytes((const uint8_t *)rows[i].bytes, rows[i].len);

		assert_int_equal(t.open_err, -EINVAL);
		if (!strstr(t.fault.text, rows[i].word))
			fail_msg("%s: %s", rows[i].word, t.fault.text);
	}
	assert_int_equal(capture_in_open("/", NULL, &in, &f), -EINVAL);
	assert_non_null(strstr(f.text, "directory"));
	assert_int_equal(capture_in_open("/nonexistent", NULL, &in, &f), -ENOENT);
}

static void modified_pcap_is_read_by_libpcap(void **state)
{
	struct maker m = {0};
	struct tale t;

	(void)state;
	put_pcap_head(&m, 0xa1b2cd34, 96, 1); /* records have 8 bytes more in their head */
	for (int i = 0; i < 2; i++) {
		put(&m, 10, 4);
		put(&m, 20, 4);
		put(&m, 30, 4);
		put(&m, 40, 4);
		put(&m, 0, 8);
		put_fill(&m, 30);
	}
	t = read_bytes(m.bytes, m.len);
	assert_int_equal(t.open_err, 0);
	assert_int_equal(t.end, 0);
	assert_int_equal(t.frames, 2);
	assert_int_equal(t.ts_ns[0], 10000020000);
	assert_int_equal(t.cap_len[0], 30);
	assert_int_equal(t.wire_len[1], 40);
}

static void a_raised_stop_ends_a_wait_for_input(void **state)
{
	volatile sig_atomic_t stop = 1;
	struct capture_in *in = NULL;
	struct fault f;
	char path[64];
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
	assert_int_equal(capture_in_open(path, &stop, &in, &f), -EINTR);
	close(ends[0]);
	close(ends[1]);
}

/* Returns frames compared; -1 when libpcap does not take the file. */
static int compare_with_libpcap(const char *path)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *p = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
	struct capture_in *in = NULL;
	struct capture_record r;
	struct pcap_pkthdr *h;
	const u_char *bytes;
	struct fault f;
	int n = 0, ours, theirs;

	if (!p)
		return -1;
	if (capture_in_open(path, NULL, &in, &f))
		fail_msg("%s: %s", path, f.text);
	for (;;) {
		do
			ours = capture_in_next(in, &r, &f);
		while (ours == 1 && !r.is_frame);
		theirs = pcap_next_ex(p, &h, &bytes);
		if (ours != 1 || theirs != 1)
			break;
		if (h->caplen != r.frame.bytes.len || memcmp(bytes, r.frame.bytes.at, h->caplen) ||
		    (h->len > h->caplen ? h->len : h->caplen) != r.frame.wire_len ||
		    (uint64_t)h->ts.tv_sec * 1000000000 + (uint64_t)h->ts.tv_usec != r.frame.ts_ns)
			fail_msg("%s: record %d differs", path, n + 1);
		n++;
	}
	if ((ours == 1) != (theirs == 1))
		fail_msg("%s: after %d records ours says %d, libpcap %d", path, n, ours, theirs);
	capture_in_close(in);
	pcap_close(p);
	return n;
}

static void real_captures_read_as_libpcap_reads_them(void **state)
{
	const char *top = getenv("DPI_CAPTURES");
	DIR *dir = opendir(top ? top : "../shared/captures");
	struct dirent *entry;
	char path[4096];
	int files = 0, refused = 0;

	(void)state;
	if (!dir) {
		print_message("skip: no captures; set DPI_CAPTURES\n");
		skip();
	}
	while ((entry = readdir(dir))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (!dot || (strcmp(dot, ".pcap") && strcmp(dot, ".pcapng") && strcmp(dot, ".cap")))
			continue;
		snprintf(path, sizeof(path), "%s/%s", top ? top : "../shared/captures",
			 entry->d_name);
		refused += compare_with_libpcap(path) < 0;
		files++;
	}
	closedir(dir);
	print_message("%d captures compared, %d refused by libpcap\n", files - refused, refused);
	assert_true(files > 0 && refused * 50 < files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_orders_and_precisions_of_pcap),
		cmocka_unit_test(sections_interfaces_and_orders_of_pcapng),
		cmocka_unit_test(a_lying_length_is_damage_after_the_frames_before_it),
		cmocka_unit_test(cut_at_each_byte_delivers_the_whole_records_before),
		cmocka_unit_test(what_is_no_capture_is_refused_by_name),
		cmocka_unit_test(modified_pcap_is_read_by_libpcap),
		cmocka_unit_test(a_raised_stop_ends_a_wait_for_input),
		cmocka_unit_test(real_captures_read_as_libpcap_reads_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
