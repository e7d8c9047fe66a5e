/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which files analyze may read and write together. Room: cli. Nothing is opened here.
 */
#include <string.h>
#include <sys/stat.h>
#include "base/log.h"
#include "cli/analyze.h"

/* True when two names would be written to the same regular file. */
static bool is_same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	if (strcmp(a, "/dev/null") == 0)
		return false;
	if (strcmp(a, b) == 0)
		return true;
	return stat(a, &sa) == 0 && stat(b, &sb) == 0 && S_ISREG(sa.st_mode) &&
	       sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

static int check_split(const struct analyze *a)
{
	struct fault f = {""};

	for (size_t i = 0; i < a->input_count && a->split_size; i++) {
		if (capture_out_check_split(a->out, a->inputs[i], &f)) {
			log_error("%s: --split: %s", a->out, f.text);
			return EXIT_USAGE;
		}
	}
	return 0;
}

int analyze_check_files(const struct analyze *a)
{
	const char *const files[] = {a->out, a->json, a->csv, a->events};
	struct fault f = {""};
	size_t stdins = 0;
	int status;

	for (size_t i = 0; i < a->input_count; i++)
		stdins += strcmp(a->inputs[i], "-") == 0;
	if (stdins > 1) {
		log_error("-: standard input can be read once; give it once");
		return EXIT_USAGE;
	}
	status = *a->out ? check_split(a) : 0;
	if (status)
		return status;
	for (size_t i = 0; i < 4; i++) {
		if (!files[i])
			continue;
		if (!*files[i]) {
			log_error("an output without a name; give a file, - or /dev/null");
			return EXIT_USAGE;
		}
		for (size_t j = 0; j < a->input_count; j++) {
			if (capture_out_check(files[i], a->inputs[j], &f)) {
				log_error("%s: %s", files[i], f.text);
				return EXIT_USAGE;
			}
		}
		if (i > 0 && a->split_size && capture_out_is_of_split(a->out, files[i])) {
			log_error("%s: is the name of a file that OUT is split into; give another",
				  files[i]);
			return EXIT_USAGE;
		}
		for (size_t j = 0; j < i; j++) {
			if (files[j] && is_same_file(files[j], files[i])) {
				log_error("%s: given for two outputs; give each a file of its own",
					  files[i]);
				return EXIT_USAGE;
			}
		}
	}
	return 0;
}
