/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The ways to the bytes of a capture: read, mapped, through a pipe, unpacked. All give the same
 * records; what is cut short, damaged or taken away gives those before it and says so.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>
#include "pcap/capture_in.h"
#include "pcap/guard.h"

struct bytes {
	uint8_t *at;
	size_t len, cap;
};

static struct capture_guard guard;

static void on_lost_page(int signo, siginfo_t *info, void *context)
{
	(void)context;
	if (!capture_guard_catch(&guard, info->si_addr))
		signal(signo, SIG_DFL);
}

/* In the place of the test library's own handler, which it puts back after the test. */
static void watch_lost_pages(void)
{
	struct sigaction act = {.sa_sigaction = on_lost_page, .sa_flags = SA_SIGINFO};

	assert_int_equal(sigaction(SIGBUS, &act, NULL), 0);
}

static void add(struct bytes *b, const void *at, size_t len)
{
	if (b->len + len > b->cap) {
		b->cap = (b->len + len) * 2;
		b->at = realloc(b->at, b->cap);
		assert_non_null(b->at);
	}
	if (len > 0)
		memcpy(b->at + b->len, at, len);
	b->len += len;
}

/* A capture of frames whose bytes are no noise: every fourth is full of what looks like heads. */
static struct bytes make_capture(bool is_ng, size_t frames)
{
	static const uint32_t pcap[6] = {0xa1b2c3d4, 0x00040002, 0, 0, 262144, 1};
	static const uint32_t ng[12] = {0x0a0d0d0a, 28, 0x1a2b3c4d, 1, ~0U,    ~0U,
					28,	    1,	20,	    1, 262144, 20};
	struct bytes b = {0};
	uint32_t x = 1;

	add(&b, is_ng ? ng : pcap, is_ng ? sizeof(ng) : sizeof(pcap));
	for (size_t i = 0; i < frames; i++) {
		uint32_t len = (x = x * 1664525 + 1013904223) >> 16 & 1023;
		uint32_t padded = (len + 3) & ~3U, whole = 32 + padded, s = 1700000000;
		uint32_t head[7] = {s, (uint32_t)i, len, len};
		uint32_t block[7] = {6, whole, 0, 0, s + (uint32_t)i, len, len};
		uint8_t body[1024];

		for (size_t k = 0; k < sizeof(body); k++)
			body[k] = i % 4 ? (uint8_t)(k * 7 + i) : ((uint8_t *)head)[(k + i) % 16];
		add(&b, is_ng ? block : head, is_ng ? 28 : 16);
		add(&b, body, is_ng ? padded : len);
		if (is_ng)
			add(&b, &whole, 4);
	}
	return b;
}

static struct bytes gzip(const uint8_t *at, size_t len)
{
	struct bytes b = {.cap = len + 4096};
	z_stream z = {0};

	b.at = malloc(b.cap);
	assert_non_null(b.at);
	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (z_const Bytef *)at;
	z.avail_in = (uInt)len;
	z.next_out = b.at;
	z.avail_out = (uInt)b.cap;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	b.len = b.cap - z.avail_out;
	deflateEnd(&z);
	return b;
}

static struct bytes zstd(const uint8_t *at, size_t len)
{
	struct bytes b = {.cap = ZSTD_compressBound(len)};
	ZSTD_CCtx *c = ZSTD_createCCtx();

	b.at = malloc(b.cap);
	assert_true(b.at && c);
	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	b.len = ZSTD_compress2(c, b.at, b.cap, at, len);
	assert_false(ZSTD_isError(b.len));
	ZSTD_freeCCtx(c);
	return b;
}

typedef struct bytes packer(const uint8_t *at, size_t len);

/* The capture packed as two members, one behind the other, with what may lie between them. */
static struct bytes pack_twice(packer *pack, struct bytes b, const void *between, size_t len)
{
	struct bytes one = pack(b.at, b.len / 3), two = pack(b.at + b.len / 3, b.len - b.len / 3);

	add(&one, between, len);
	add(&one, two.at, two.len);
	free(two.at);
	return one;
}

/* A file that is gone when it is closed. */
static int make_file(struct bytes b)
{
	FILE *f = tmpfile();
	int fd;

	assert_non_null(f);
	assert_int_equal(fwrite(b.at, 1, b.len, f), b.len);
	assert_int_equal(fflush(f), 0);
	fd = dup(fileno(f));
	fclose(f);
	return fd;
}

static const char *path_of(int fd, char path[64])
{
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return path;
}

/* What reading to the end came to. */
struct tale {
	int open_err, end, check;
	size_t frames, raw_len;
	uint32_t sum; /* over everything that a record says */
	bool is_verbatim, is_mapped, is_lasting;
	uint64_t offset, size;
	struct fault fault;
};

static void note(struct tale *t, const struct capture_record *r, struct bytes plain)
{
	const struct frame *f = &r->frame;
	uint64_t words[] = {f->ts_ns, f->number, f->wire_len, f->bytes.len, f->link};

	if (r->raw.len > plain.len - t->raw_len ||
	    memcmp(plain.at + t->raw_len, r->raw.at, r->raw.len) != 0)
		t->is_verbatim = false;
	t->raw_len += r->raw.len;
	if (!r->is_frame)
		return;
	t->frames++;
	t->sum = (uint32_t)crc32(t->sum, (const Bytef *)words, sizeof(words));
	t->sum = (uint32_t)crc32(t->sum, f->bytes.at, (uInt)f->bytes.len);
}

/* The next records, now one, now many; of the many the last are given back now and then. */
static int take(struct capture_in *in, size_t turn, struct capture_record *r, size_t most,
		size_t *count, struct fault *f)
{
	const struct capture_room room = {r, 2 * sizeof(*r), most / 2, 20000};
	int n;

	*count = 1;
	if (turn % 3 == 0)
		return capture_in_next(in, r, f);
	n = capture_in_take(in, &room, count, f);
	if (n == 1 && *count > 1 && turn % 5 == 0)
		capture_in_untake(in, &r[2 * --*count]);
	return n;
}

/* Pieces taken some turns ago, which are to be there still, and how far the capture was behind
 * them. */
struct behind {
	struct slice raw;
	uint32_t sum;
	uint64_t position;
};

static void look_behind(struct capture_in *in, struct behind *b, struct slice raw)
{
	if (b->raw.len) {
		assert_int_equal(crc32(0, b->raw.at, (uInt)b->raw.len), b->sum);
		capture_in_release(in, b->position);
	}
	*b = (struct behind){raw, (uint32_t)crc32(0, raw.at, (uInt)raw.len),
			     capture_in_position(in)};
}

static struct tale read_path(const char *path, bool is_mapped, struct bytes plain)
{
	enum { MOST = 200, BEHIND = 16 };
	struct behind behind[BEHIND] = {{.sum = 0}};
	struct tale t = {.is_verbatim = true};
	struct capture_in *in = NULL;
	struct capture_record r[MOST];
	size_t count;

	t.open_err = capture_in_open(path, NULL, &in, &t.fault);
	if (t.open_err)
		return t;
	if (is_mapped)
		capture_in_map(in, &guard);
	t.is_mapped = capture_in_is_mapped(in);
	if (is_mapped && !t.is_mapped)
		capture_in_keep(in);
	t.is_lasting = capture_in_is_lasting(in);
	for (size_t turn = 0;
	     (t.end = take(in, is_mapped ? turn : 0, r, MOST, &count, &t.fault)) == 1; turn++) {
		for (size_t i = 0; i < count; i++)
			note(&t, &r[2 * i], plain);
		if (t.is_lasting)
			look_behind(in, &behind[turn % BEHIND], r[0].raw);
		if (turn % 10 == 5)
			capture_in_turn(in);
	}
	t.check = capture_in_check(in, NULL);
	t.offset = capture_in_offset(in);
	t.size = capture_in_size(in);
	capture_in_close(in);
	return t;
}

static struct tale read_bytes(struct bytes b, bool is_mapped, struct bytes plain)
{
	int fd = make_file(b);
	char path[64];
	struct tale t = read_path(path_of(fd, path), is_mapped, plain);

	close(fd);
	return t;
}

static struct tale read_pipe(struct bytes b, struct bytes plain)
{
	char path[64];
	struct tale t;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], b.at, b.len), (ssize_t)b.len); /* it all fits in */
	path_of(ends[0], path);
	/* The pipe ends when its last writer is gone. */
	close(ends[1]);
	t = read_path(path, true, plain);
	close(ends[0]);
	return t;
}

static void assert_same(const char *name, const struct tale *t, const struct tale *as)
{
	if (t->open_err || t->end != 0 || !t->is_verbatim || t->frames != as->frames ||
	    t->sum != as->sum || t->raw_len != as->raw_len)
		fail_msg("%s: open %d end %d frames %zu: %s", name, t->open_err, t->end, t->frames,
			 t->fault.text);
}

static void every_way_gives_the_same_records(void **state)
{
	static const uint8_t nothing[12] = {0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct bytes b = make_capture(i & 1, i & 2 ? 8000 : 60);
		struct tale as = read_bytes(b, false, b);
		const struct {
			const char *name;
			struct bytes bytes;
		} rows[] = {
			{"gzip", gzip(b.at, b.len)},
			{"gzip, two members", pack_twice(gzip, b, NULL, 0)},
			{"zstd", zstd(b.at, b.len)},
			{"zstd, two frames", pack_twice(zstd, b, NULL, 0)},
			{"zstd, a frame without data between", pack_twice(zstd, b, nothing, 12)},
		};
		struct tale t = read_bytes(b, true, b);

		assert_same("read", &as, &as);
		assert_int_equal(as.frames, i & 2 ? 8000 : 60);
		assert_false(as.is_lasting);
		assert_same("mapped", &t, &as);
		assert_true(t.is_mapped && t.check == 0);
		if (b.len < 65536) {
			t = read_pipe(b, b);
			assert_same("pipe", &t, &as);
			assert_true(!t.is_mapped && t.is_lasting);
		}
		for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
			t = read_bytes(rows[k].bytes, true, b);
			assert_same(rows[k].name, &t, &as);
			assert_true(!t.is_mapped && t.is_lasting);
			assert_true(t.offset == rows[k].bytes.len && t.size == t.offset);
			if (rows[k].bytes.len < 65536) {
				t = read_pipe(rows[k].bytes, b);
				assert_same(rows[k].name, &t, &as);
			}
			free(rows[k].bytes.at);
		}
		free(b.at);
	}
}

/* Reads what is packed, cut at each byte: no record twice, none invented, none after the damage. */
static void cut_everywhere(packer *pack, const char *name)
{
	struct bytes b = make_capture(false, 12), p = pack_twice(pack, b, NULL, 0);
	struct bytes one = pack(b.at, b.len / 3);
	size_t frames = 0;

	for (size_t cut = 1; cut < p.len; cut++) {
		struct tale t = read_bytes((struct bytes){.at = p.at, .len = cut}, false, b);

		if (t.open_err) {
			assert_int_equal(t.open_err, -EINVAL);
			assert_int_equal(frames, 0);
			continue;
		}
		/* Where the first member ends it is the capture itself that is cut short. */
		if (t.end != -EBADMSG || !t.is_verbatim || t.frames < frames ||
		    (cut != one.len && !strstr(t.fault.text, name)))
			fail_msg("%s cut at %zu: end %d: %s", name, cut, t.end, t.fault.text);
		frames = t.frames;
	}
	assert_int_equal(frames, 12); /* the last bytes cut off are a checksum's */
	free(b.at);
	free(p.at);
	free(one.at);
}

static void packed_and_cut_at_each_byte(void **state)
{
	(void)state;
	cut_everywhere(gzip, "gzip");
	cut_everywhere(zstd, "zstd");
}

static void damage_in_what_is_packed_is_named_after_all_before_it(void **state)
{
	static const struct {
		const char *name;
		packer *pack;
		int flip; /* this byte from the end */
		const char *more, *word;
		size_t frames;
	} rows[] = {
		{"gzip, another checksum", gzip, 5, "", "its gzip data is damaged", 40},
		{"gzip, another length", gzip, 1, "", "its gzip data is damaged", 40},
		{"gzip, more behind it", gzip, 0, "hello", "its gzip data is damaged", 40},
		{"gzip, half a magic behind it", gzip, 0, "\x1f", "cut short", 40},
		{"zstd, another checksum", zstd, 1, "", "its zstd data is damaged", 0},
		{"zstd, more behind it", zstd, 0, "hello", "its zstd data is damaged", 40},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes b = make_capture(true, 40), p = rows[i].pack(b.at, b.len);
		struct tale t;

		if (rows[i].flip)
			p.at[p.len - (size_t)rows[i].flip] ^= 0x55;
		add(&p, rows[i].more, strlen(rows[i].more));
		t = read_bytes(p, false, b);
		/* A frame of zstd is checked before its last block is given. */
		if (rows[i].frames == 0 ? !t.open_err && t.end != -EBADMSG
					: t.end != -EBADMSG || t.frames != rows[i].frames)
			fail_msg("%s: end %d frames %zu", rows[i].name, t.end, t.frames);
		if (!strstr(t.fault.text, rows[i].word))
			fail_msg("%s: %s", rows[i].name, t.fault.text);
		free(b.at);
		free(p.at);
	}
}

static void packed_things_that_are_refused(void **state)
{
	static const uint8_t wide[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x21, 0, 0, 1, 2, 3, 4};
	struct bytes b = make_capture(false, 3), once = gzip(b.at, b.len);
	struct bytes text = {.at = (uint8_t *)"a letter, to nobody in particular", .len = 33};
	const struct {
		struct bytes bytes;
		const char *word;
	} rows[] = {
		{gzip(once.at, once.len), "compressed twice"},
		{zstd(once.at, once.len), "compressed twice"},
		{gzip(b.at, 0), "empty"},
		{gzip(text.at, text.len), "text"},
		{{.at = (uint8_t *)wide, .len = sizeof(wide)}, "a window above 128 MiB"},
	};
	size_t count = sizeof(rows) / sizeof(rows[0]);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		struct tale t = read_bytes(rows[i].bytes, false, b);

		assert_int_equal(t.open_err, -EINVAL);
		if (!strstr(t.fault.text, rows[i].word))
			fail_msg("%s: %s", rows[i].word, t.fault.text);
		if (i + 1 < count)
			free(rows[i].bytes.at);
	}
	free(b.at);
	free(once.at);
}

/* Cut short at `keep` bytes when `read` were read: at once met, or a step later. */
static void a_file_cut_short_under_its_reader_ends_there(void **state)
{
	static const struct {
		size_t read, keep;
	} rows[] = {
		{0, 100},	    {0, 0},
		{4096, 300000},	    {4096, 4096},
		{1000000, 1500000}, {1000000, 1500001},
		{1000000, 999},	    {1000000, 3 << 20},
		{2000000, 2100000}, {2000000, 3 << 20},
		{3500000, 3600000}, {1 << 30, 50000},
	};
	struct bytes b = make_capture(false, 8000);

	(void)state;
	watch_lost_pages();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tale t = {.is_verbatim = true};
		int fd = make_file(b), asked = 0;
		struct capture_in *in = NULL;
		struct capture_record r;
		size_t begun = 0; /* where the last record given after the cut begins */
		char path[64];

		assert_int_equal(capture_in_open(path_of(fd, path), NULL, &in, &t.fault), 0);
		capture_in_map(in, &guard);
		assert_true(capture_in_is_lasting(in));
		for (;;) {
			if (!asked && t.raw_len >= rows[i].read)
				asked = ftruncate(fd, (off_t)rows[i].keep) == 0;
			t.end = capture_in_next(in, &r, &t.fault);
			if (t.end != 1)
				break;
			begun = asked ? t.raw_len : 0;
			note(&t, &r, b);
			if (t.raw_len <= rows[i].keep)
				assert_true(t.is_verbatim);
		}
		if (!asked) /* all was read before */
			assert_true(t.end == 0 && ftruncate(fd, (off_t)rows[i].keep) == 0);
		else if (t.end != -EBADMSG || !strstr(t.fault.text, "became shorter") ||
			 begun > rows[i].keep)
			fail_msg("row %zu: end %d after %zu: %s", i, t.end, t.raw_len,
				 t.fault.text);
		/* What had been given is lost only where the cut reaches it. */
		assert_int_equal(capture_in_check(in, &t.fault),
				 rows[i].keep < t.raw_len ? -EIO : 0);
		capture_in_close(in);
		close(fd);
	}
	free(b.at);
}

/* Kilobytes of files that this process has in memory. */
static long file_kib(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	long sum = 0, n;
	char line[128];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "RssFile: %ld", &n) == 1 || sscanf(line, "RssShmem: %ld", &n) == 1)
			sum += n;
	fclose(f);
	return sum;
}

static void what_was_released_is_not_held_in_memory(void **state)
{
	struct bytes b = make_capture(true, 60000); /* 32 MB */
	struct capture_in *in = NULL;
	struct capture_record r;
	long before, most = 0;
	int fd = make_file(b);
	struct fault f;
	char path[64];

	(void)state;
	before = file_kib();
	assert_int_equal(capture_in_open(path_of(fd, path), NULL, &in, &f), 0);
	capture_in_map(in, &guard);
	for (size_t n = 0; capture_in_next(in, &r, &f) == 1; n++) {
		uint64_t at = capture_in_offset(in);

		if (n % 1000 == 999) {
			capture_in_release(in, at - r.raw.len);
			assert_memory_equal(r.raw.at, b.at + at - r.raw.len, r.raw.len);
			most = file_kib() > most ? file_kib() : most;
		}
	}
	assert_true(b.len > 30000000 && most - before < 16 * 1024);
	capture_in_close(in);
	close(fd);
	free(b.at);
}

/* Standard input may be a file that somebody has read a part of. */
static void standard_input_is_read_from_where_it_stands(void **state)
{
	struct bytes b = make_capture(false, 50), junk = {0};
	int was = dup(STDIN_FILENO), fd;
	struct tale t[2];

	(void)state;
	add(&junk, b.at, 5000);
	add(&junk, b.at, b.len);
	fd = make_file(junk);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(lseek(fd, 5000, SEEK_SET), 5000);
		assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
		t[i] = read_path("-", i, b);
		assert_int_equal(t[i].size, b.len);
	}
	dup2(was, STDIN_FILENO);
	assert_same("read", &t[0], &t[0]);
	assert_same("mapped", &t[1], &t[0]);
	assert_true(t[1].is_mapped && t[0].frames == 50);
	close(was);
	close(fd);
	free(b.at);
	free(junk.at);
}

static void the_guard_knows_its_own(void **state)
{
	static struct capture_guard g;
	struct capture_guard_range *range[CAPTURE_GUARD_MAX];
	char page[1];

	(void)state;
	for (size_t i = 0; i < CAPTURE_GUARD_MAX; i++)
		range[i] = capture_guard_add(&g, (void *)((i + 1) << 20), 1 << 16);
	assert_non_null(range[CAPTURE_GUARD_MAX - 1]);
	assert_null(capture_guard_add(&g, (void *)(1 << 20), 1)); /* full */
	assert_false(capture_guard_catch(&g, page));
	assert_false(capture_guard_catch(&g, (void *)((1 << 20) + (1 << 16))));
	capture_guard_remove(range[3]);
	assert_ptr_equal(capture_guard_add(&g, (void *)(1 << 20), 1), range[3]);
	capture_guard_remove(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_gives_the_same_records),
		cmocka_unit_test(packed_and_cut_at_each_byte),
		cmocka_unit_test(damage_in_what_is_packed_is_named_after_all_before_it),
		cmocka_unit_test(packed_things_that_are_refused),
		cmocka_unit_test(a_file_cut_short_under_its_reader_ends_there),
		cmocka_unit_test(what_was_released_is_not_held_in_memory),
		cmocka_unit_test(standard_input_is_read_from_where_it_stands),
		cmocka_unit_test(the_guard_knows_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
