/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * read_loop: the capture door alone, inwards: every record handed out, nothing looked at but the
 * lengths. Prints frames and captured bytes.
 *
 *     read_loop CAPTURE
 */
#include <stdio.h>

#include "pcap/capture_in.h"

int main(int argc, char **argv)
{
	struct capture_in *in = NULL;
	struct capture_record r;
	struct fault why = {""};
	unsigned long long frames = 0, total = 0;
	int got;

	if (argc != 2) {
		fputs("usage: read_loop CAPTURE\n", stderr);
		return 2;
	}
	got = capture_in_open(argv[1], NULL, &in, &why);
	while (!got && (got = capture_in_next(in, &r, &why)) == 1) {
		got = 0;
		if (!r.is_frame)
			continue;
		frames++;
		total += r.frame.bytes.len;
	}
	if (got)
		fprintf(stderr, "read_loop: %s: %s\n", argv[1], why.text);
	capture_in_close(in);
	printf("%llu %llu\n", frames, total);
	return got != 0;
}
