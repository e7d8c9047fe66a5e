/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * write_loop: the capture door alone, outwards: a file's bytes, already in memory, lent to an
 * output in runs such as many kept records make. Prints the bytes and the processor time from the
 * first run to the named file, in nanoseconds; mapping and reading come before.
 *
 *     write_loop FILE OUT
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pcap/capture_out.h"

enum { RUN = 256 * 1024, RUNS_A_FLUSH = 8 };

static bool map_file(const char *path, struct slice *all)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *at = MAP_FAILED;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
		at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (at == MAP_FAILED) {
		fprintf(stderr, "write_loop: %s: %s\n", path, strerror(errno));
	} else {
		all->at = at;
		all->len = (size_t)st.st_size;
	}
	if (fd >= 0)
		close(fd);
	return at != MAP_FAILED;
}

static long long cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int put_all(struct capture_out *o, struct slice all)
{
	int err = 0;

	for (size_t at = 0, n = 1; !err && at < all.len; at += RUN, n++) {
		size_t len = all.len - at < RUN ? all.len - at : RUN;

		err = capture_out_lend(o, (struct slice){all.at + at, len}, true);
		if (!err && n % RUNS_A_FLUSH == 0)
			err = capture_out_flush(o);
	}
	return err ? err : capture_out_flush(o);
}

int main(int argc, char **argv)
{
	struct capture_out *o = NULL;
	struct fault why = {""};
	struct slice all = {0};
	long long start;
	int err;

	if (argc != 3) {
		fputs("usage: write_loop FILE OUT\n", stderr);
		return 2;
	}
	if (!map_file(argv[1], &all))
		return 1;
	start = cpu_ns();
	err = capture_out_open(argv[2], &o, &why);
	if (!err) {
		(void)put_all(o, all); /* an error sticks */
		err = capture_out_finish(o, &why);
	}
	if (err) {
		fprintf(stderr, "write_loop: %s: %s\n", argv[2], why.text);
		return 1;
	}
	printf("%zu %lld\n", all.len, cpu_ns() - start);
	return 0;
}
