/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The real kernel programs, frame by frame, by BPF_PROG_TEST_RUN: what they parse must be what user
 * space parses, what they decide must be what the policy decides, what they copy must be exact.
 *
 *     test_programs [--handmade | CASE...]
 *
 * Prints `ok NAME`, `FAIL NAME: why` or `skip NAME: why` and at the end `N passed, N failed`.
 * DPI_CAPTURES names the captures (else ../shared/captures); without them those cases are skipped.
 * --handmade leaves those cases out.
 */
#include "cases.h"

#include "live/loader.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct test_case *const tables[] = {
	parity_cases, verdict_cases, question_cases, sampling_cases,
	tunnel_cases, piece_cases,   word_cases,     change_cases,
};

struct score {
	unsigned passed, failed;
};

/* Every frame that came in went on or was dropped, for one reason. */
static void check_balance(struct kernel *k, const struct dpi_counts *before)
{
	static const enum dpi_counter reasons[] = {
		DPI_COUNT_DROP_VERDICT,	 DPI_COUNT_DROP_ADDRESS, DPI_COUNT_DROP_PORT,
		DPI_COUNT_DROP_DNS,	 DPI_COUNT_DROP_WORD,	 DPI_COUNT_DROP_FAIL_CLOSED,
		DPI_COUNT_DROP_FRAGMENT,
	};
	uint64_t seen = kernel_grown(k, before, DPI_COUNT_RX_PACKETS) +
			kernel_grown(k, before, DPI_COUNT_TX_PACKETS);
	uint64_t passed = kernel_grown(k, before, DPI_COUNT_PASSED);
	uint64_t dropped = kernel_grown(k, before, DPI_COUNT_DROPPED), of_reasons = 0;

	for (size_t i = 0; i < COUNT(reasons); i++)
		of_reasons += kernel_grown(k, before, reasons[i]);
	expect(k, seen > 0, "no frame was counted");
	expect(k, seen == passed + dropped, "seen %llu is not passed %llu + dropped %llu",
	       (unsigned long long)seen, (unsigned long long)passed, (unsigned long long)dropped);
	expect(k, dropped == of_reasons, "%llu are dropped, %llu for a reason",
	       (unsigned long long)dropped, (unsigned long long)of_reasons);
	expect(k, kernel_grown(k, before, DPI_COUNT_FLOW_FULL) == 0,
	       "the kernel refused to store a flow");
}

static void run_case(struct kernel *k, const struct test_case *c, struct score *s)
{
	struct dpi_counts before;

	if (c->needs_captures && !captures_dir()) {
		printf("skip %s: no captures: DPI_CAPTURES names no directory\n", c->name);
		return;
	}
	k->has_failed = false;
	kernel_reset(k);
	kernel_counts(k, &before);
	c->run(k);
	check_balance(k, &before);
	if (k->has_failed) {
		printf("FAIL %s: %s\n", c->name, k->why);
		s->failed++;
	} else {
		printf("ok %s\n", c->name);
		s->passed++;
	}
	fflush(stdout);
}

static bool is_wanted(const struct test_case *c, int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--handmade") == 0)
		return !c->needs_captures;
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], c->name) == 0)
			return true;
	return argc == 1;
}

static int run_all(int argc, char **argv)
{
	struct kernel *k = calloc(1, sizeof(*k));
	struct score s = {0};
	struct fault f = {""};

	if (!k || kernel_open(k, &f)) {
		printf("FAIL programs load: %s\n", f.text);
		s.failed++;
	} else {
		printf("ok programs load\n");
		s.passed++;
		for (size_t t = 0; t < COUNT(tables); t++)
			for (const struct test_case *c = tables[t]; c->name; c++)
				if (is_wanted(c, argc, argv))
					run_case(k, c, &s);
	}
	if (k)
		kernel_close(k);
	free(k);
	printf("%u passed, %u failed\n", s.passed, s.failed);
	return s.failed ? 1 : 0;
}

/* Waits for the child and takes its pins away, however it ended. Returns its exit status. */
static int watch(pid_t child, const sigset_t *wanted)
{
	char pin_dir[KERNEL_PIN_MAX];
	int status = 0;

	while (waitpid(child, &status, WNOHANG) != child)
		if (sigwaitinfo(wanted, NULL) != SIGCHLD)
			kill(child, SIGKILL);
	kernel_pin_dir(pin_dir, child);
	loader_unpin(pin_dir);
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	printf("FAIL programs: ended by signal %d\n", WTERMSIG(status));
	return 1;
}

int main(int argc, char **argv)
{
	sigset_t wanted;
	pid_t child;

	if (geteuid() != 0) {
		printf("skip programs: needs root\n0 passed, 0 failed\n");
		return 0;
	}
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGCHLD);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGINT);
	sigprocmask(SIG_BLOCK, &wanted, NULL);
	child = fork();
	if (child < 0) {
		perror("fork");
		return 1;
	}
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return run_all(argc, argv);
	}
	return watch(child, &wanted);
}
