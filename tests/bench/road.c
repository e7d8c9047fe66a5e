/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * road: what a frame costs on the road, apart from any door. A capture is read into memory once;
 * then all its frames go through a fresh engine, round after round, and the least processor time of
 * a round is printed, in nanoseconds a frame: one number, alone on a line. It uses nothing that an
 * older tree of the project would lack, so that scripts/bench can build it there too.
 *
 *     road CAPTURE [ROUNDS [RULES]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/engine.h"
#include "pcap/capture_in.h"

struct load {
	struct frame *frame;
	size_t count, cap;
};

static bool keep(struct load *l, const struct frame *f)
{
	uint8_t *bytes = malloc(f->bytes.len ? f->bytes.len : 1);

	if (l->count == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 4096;
		l->frame = realloc(l->frame, l->cap * sizeof(*l->frame));
	}
	if (!bytes || !l->frame)
		return false;
	memcpy(bytes, f->bytes.at, f->bytes.len);
	l->frame[l->count] = *f;
	l->frame[l->count++].bytes.at = bytes;
	return true;
}

static bool read_all(const char *path, struct load *l)
{
	struct capture_in *in = NULL;
	struct capture_record r;
	struct fault why = {""};
	bool is_whole = true;
	int n = capture_in_open(path, NULL, &in, &why);

	while (!n && is_whole && capture_in_next(in, &r, &why) == 1)
		is_whole = !r.is_frame || keep(l, &r.frame);
	if (n || !is_whole)
		fprintf(stderr, "road: %s: %s\n", path, n ? why.text : "out of memory");
	capture_in_close(in);
	return !n && is_whole && l->count;
}

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double one_round(const struct load *l, const struct engine_config *config)
{
	struct engine *e = engine_new(config);
	double start = cpu_ns(), took;

	for (size_t i = 0; e && i < l->count; i++)
		(void)engine_frame(e, &l->frame[i]);
	took = cpu_ns() - start;
	engine_free(e);
	return took / (double)l->count;
}

int main(int argc, char **argv)
{
	struct load l = {0};
	struct engine_config config = {.seed = 1, .flow_max = 1 << 20};
	struct catalogue *catalogue = catalogue_new();
	struct rules *rules = NULL;
	int rounds = argc > 2 ? atoi(argv[2]) : 5;
	struct fault why = {""};
	double least = 0;

	if (argc < 2 || argc > 4 || rounds < 1) {
		fputs("usage: road CAPTURE [ROUNDS [RULES]]\n", stderr);
		return 2;
	}
	if (catalogue) {
		struct rule_apps names = catalogue_rule_apps(catalogue);
		struct policy_apps apps = catalogue_policy_apps(catalogue);

		rules = rules_new();
		if (argc == 4 && rules_load(argv[3], &names, 0, &rules, &why)) {
			fprintf(stderr, "road: %s\n", why.text);
			return 1;
		}
		config.catalogue = catalogue;
		config.policy = rules ? policy_new(rules, &apps, 1) : NULL;
	}
	if (!config.policy || !read_all(argv[1], &l))
		return 1;
	for (int i = 0; i < rounds; i++) {
		double ns = one_round(&l, &config);

		least = i == 0 || ns < least ? ns : least;
	}
	printf("%.1f\n", least);
	return 0;
}
