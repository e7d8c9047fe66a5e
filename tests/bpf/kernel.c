/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Loading, running and reading back; see kernel.h.
 */
#include "kernel.h"

#include "agent/kernel_protocols.h"
#include "live/pinned.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool expect(struct kernel *k, bool condition, const char *format, ...)
{
	va_list args;

	if (condition || k->has_failed)
		return condition;
	k->has_failed = true;
	va_start(args, format);
	vsnprintf(k->why, sizeof(k->why), format, args);
	va_end(args);
	return false;
}

static int sample_keep(void *ctx, const struct frame *f, const struct dpi_sample *s)
{
	struct kernel *k = ctx;

	k->sample_count++;
	k->sample.head = *s;
	k->sample.hint = f->hint;
	k->sample.len = f->bytes.len < KERNEL_FRAME_MAX ? f->bytes.len : KERNEL_FRAME_MAX;
	memcpy(k->sample.bytes, f->bytes.at, k->sample.len);
	return 0;
}

/* Stays on the CPU it is on: per-CPU values are then all of one CPU. */
static void cpu_pin(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
}

void kernel_pin_dir(char out[KERNEL_PIN_MAX], pid_t pid)
{
	snprintf(out, KERNEL_PIN_MAX, LIVE_BPFFS "/dpi-xdp-test-%d/v%d", (int)pid, DPI_ABI_VERSION);
}

static int frags_open(const char *pin_dir)
{
	char path[KERNEL_PIN_MAX + 8];

	snprintf(path, sizeof(path), "%s/frags", pin_dir);
	return bpf_obj_get(path);
}

int kernel_open(struct kernel *k, struct fault *f)
{
	int err;

	cpu_pin();
	kernel_pin_dir(k->pin_dir, getpid());
	err = loader_open(&k->loader, k->pin_dir, 1, f);
	if (err)
		return err;
	k->maps = loader_maps(k->loader);
	k->ring = ring_open(k->maps->ring[0], live_clock_now(), sample_keep, k, f);
	k->catalogue = catalogue_new();
	k->frags = frags_open(k->pin_dir);
	return k->ring && k->catalogue && k->frags >= 0 ? 0 : -ENOMEM;
}

void kernel_close(struct kernel *k)
{
	ring_close(k->ring);
	close(k->frags);
	loader_close(k->loader);
	loader_unpin(k->pin_dir);
	policy_free(k->policy);
	catalogue_free(k->catalogue);
}

static void map_empty(int fd)
{
	unsigned char key[64];

	while (bpf_map_get_next_key(fd, NULL, key) == 0 && bpf_map_delete_elem(fd, key) == 0)
		continue;
}

void kernel_forget_pieces(struct kernel *k)
{
	map_empty(k->frags);
}

void kernel_reset(struct kernel *k)
{
	map_empty(k->maps->flows);
	map_empty(k->maps->syns);
	map_empty(k->maps->verdicts);
	map_empty(k->maps->facts);
	kernel_forget_pieces(k);
	live_heartbeat(k->maps, 0);
	kernel_rules(k, "", 0);
	kernel_drain(k);
}

void kernel_rules_set(struct kernel *k, const struct rules *rules, uint32_t flags)
{
	struct policy_apps owned = catalogue_policy_apps(k->catalogue);
	struct policy *p = policy_new(rules, &owned, 0x5eed);
	struct fault f = {""};
	struct live_protocols protocols;

	if (!expect(k, p != NULL, "no memory for a policy"))
		return;
	expect(k, kernel_protocols(k->catalogue, p, &protocols) == 0, "out of memory");
	expect(k, live_policy_apply(k->maps, p, flags, &protocols, &f) == 0, "%s", f.text);
	kernel_protocols_clear(&protocols);
	policy_free(k->policy);
	k->policy = p;
}

void kernel_rules(struct kernel *k, const char *text, uint32_t flags)
{
	struct rule_apps apps = catalogue_rule_apps(k->catalogue);
	struct rules *rules = NULL;
	struct fault f = {""};

	if (expect(k, rules_parse(slice_text(text), "rules", &apps, RULES_FORCE, &rules, &f) == 0,
		   "%s", f.text))
		kernel_rules_set(k, rules, flags);
	rules_free(rules);
}

enum fate kernel_run(struct kernel *k, enum dpi_hook hook, const void *bytes, size_t len)
{
	bool is_receive = hook == DPI_HOOK_RECEIVE;
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = bytes, .data_size_in = (__u32)len,
		    .repeat = 1);
	int err = bpf_prog_test_run_opts(
		is_receive ? k->loader->receive_fd : k->loader->transmit_fd, &run);
	uint32_t pass = is_receive ? 2 : (uint32_t)-1, drop = is_receive ? 1 : 2;

	if (err)
		return REFUSED;
	expect(k, run.retval == pass || run.retval == drop, "the %s program returned %d",
	       hook_name(hook), (int)run.retval);
	return run.retval == drop ? DROP : PASS;
}

uint64_t kernel_drain(struct kernel *k)
{
	k->sample_count = 0;
	expect(k, ring_drain(k->ring) >= 0, "the ring cannot be drained");
	return k->sample_count;
}

void kernel_counts(const struct kernel *k, struct dpi_counts *out)
{
	live_counts(k->maps, out);
}

uint64_t kernel_grown(const struct kernel *k, const struct dpi_counts *before, enum dpi_counter c)
{
	struct dpi_counts now;

	kernel_counts(k, &now);
	return now.n[c] - before->n[c];
}

uint64_t kernel_hits(const struct kernel *k, uint64_t rule)
{
	struct dpi_hits *cpu = calloc(k->maps->cpu_count, sizeof(*cpu));
	uint64_t packets = 0;

	if (cpu && bpf_map_lookup_elem(k->maps->hits, &rule, cpu) == 0)
		for (uint32_t i = 0; i < k->maps->cpu_count; i++)
			packets += cpu[i].packets;
	free(cpu);
	return packets;
}

int kernel_syn(const struct kernel *k, const struct dpi_key *key, struct dpi_syn *out)
{
	return bpf_map_lookup_elem(k->maps->syns, key, out) ? -errno : 0;
}
