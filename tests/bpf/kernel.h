/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The two kernel programs under test: loaded by the loader that the agent uses, into a pin
 * directory of this process, attached to nothing, and given one frame at a time by
 * BPF_PROG_TEST_RUN. Everything runs on one CPU, so that what was counted can be foretold.
 */
#ifndef TESTS_BPF_KERNEL_H
#define TESTS_BPF_KERNEL_H

#include <sys/types.h>

#include "classify/catalogue.h"
#include "live/maps.h"
#include "live/ring.h"

struct loader;

enum { HOOKS = 2, KERNEL_FRAME_MAX = 70000, KERNEL_PIN_MAX = 64 };

/* The last sample that came out of the ring. */
struct kernel_sample {
	struct dpi_sample head;
	struct frame_hint hint;
	size_t len;
	uint8_t bytes[KERNEL_FRAME_MAX];
};

/* One test's view of the kernel. The first failed expectation is kept, the others are not. */
struct kernel {
	char pin_dir[KERNEL_PIN_MAX];
	struct loader *loader;
	const struct live_maps *maps;
	struct ring *ring;
	int frags; /* the map of fragments, which only the kernel uses */
	struct catalogue *catalogue;
	struct policy *policy; /* what the kernel holds at present */
	uint64_t sample_count; /* since the last kernel_drain() began */
	struct kernel_sample sample;
	bool has_failed;
	char why[400];
};

/* Where the test process pid pins: its own place, versioned as the agent's is. */
void kernel_pin_dir(char out[KERNEL_PIN_MAX], pid_t pid);
/* Returns 0, or -errno with *f. kernel_close() takes every pin away, in either case. */
int kernel_open(struct kernel *k, struct fault *f);
void kernel_close(struct kernel *k);

/* Empties the maps of flows, verdicts and facts, takes every rule away, drains the ring. */
void kernel_reset(struct kernel *k);
/* Gives the kernel these rules (text form) and flags of enum dpi_config_flag. */
void kernel_rules(struct kernel *k, const char *text, uint32_t flags);
/* The same for a set made elsewhere (borrowed). */
void kernel_rules_set(struct kernel *k, const struct rules *rules, uint32_t flags);

enum fate { PASS, DROP, REFUSED /* the kernel's test run takes no frame of this length */ };

/* Runs one frame through the program of a hook. The ring is not drained. */
enum fate kernel_run(struct kernel *k, enum dpi_hook hook, const void *bytes, size_t len);
/* Takes all samples out of the ring; returns how many. The last one is in k->sample. */
uint64_t kernel_drain(struct kernel *k);

void kernel_counts(const struct kernel *k, struct dpi_counts *out);
/* How much a counter has grown since *before. */
uint64_t kernel_grown(const struct kernel *k, const struct dpi_counts *before, enum dpi_counter c);
/* Frames a rule has dropped or would have. */
uint64_t kernel_hits(const struct kernel *k, uint64_t rule);
/* Forgets which flows the fragments that were seen are of. */
void kernel_forget_pieces(struct kernel *k);
/* Half-open connections that are remembered. 0 or -ENOENT. */
int kernel_syn(const struct kernel *k, const struct dpi_key *key, struct dpi_syn *out);

/* Notes a failure unless the condition holds; returns the condition. */
bool expect(struct kernel *k, bool condition, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static inline const char *hook_name(enum dpi_hook hook)
{
	return hook == DPI_HOOK_RECEIVE ? "receive" : "transmit";
}

/* Pseudo-random numbers, the same in every run (splitmix64). */
static inline uint64_t dice(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

#endif
