/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room agent: what the engine may do behind its filter, and what it may not.
 */
#include "probes.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "agent/engine_process.h"

static int try_network(void)
{
	return probe_failed(socket(AF_INET, SOCK_STREAM, 0));
}

static int try_raw(void)
{
	return probe_failed(socket(AF_PACKET, SOCK_RAW, 0));
}

static int try_new_map(void)
{
	return probe_failed(syscall(SYS_bpf, BPF_MAP_CREATE, NULL, 0));
}

static int try_pinned(void)
{
	return probe_failed(syscall(SYS_bpf, BPF_OBJ_GET, NULL, 0));
}

static int try_remove(void)
{
	return probe_failed(unlink("/tmp/dpi-xdp-no-such-file"));
}

static const struct probe probes[] = {
	PROBES_EVERYWHERE,
	{"a network", try_network},
	{"a raw socket", try_raw},
	{"a map of its own", try_new_map},
	{"a pinned map", try_pinned},
	{"a file taken away", try_remove},
};

static void calls_are_denied(void **state)
{
	probes_are_refused(engine_confine, probes, sizeof(probes) / sizeof(probes[0]));
}

static void *wait_a_moment(void *arg)
{
	usleep(1000);
	return arg;
}

/* Elements of a map whose descriptor is none: the kernel says so, the filter lets it be asked. */
static int try_elements(void)
{
	static const int commands[] = {BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM,
				       BPF_MAP_DELETE_ELEM, BPF_MAP_GET_NEXT_KEY,
				       BPF_OBJ_GET_INFO_BY_FD};
	union bpf_attr attr = {.map_fd = ~0U};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (syscall(SYS_bpf, commands[i], &attr, sizeof(attr)) >= 0 || errno == EPERM)
			return (int)i + 1;
	return 0;
}

static int try_work(void)
{
	int bell = eventfd(0, EFD_CLOEXEC), epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e = {.events = EPOLLIN};
	pthread_t thread;
	char c;

	if (bell < 0 || epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, bell, &e) ||
	    epoll_wait(epoll, &e, 1, 1) < 0)
		return errno ? errno : 1;
	if (pthread_create(&thread, NULL, wait_a_moment, NULL) || pthread_join(thread, NULL))
		return 2;
	if (mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
		return 3;
	if (read(open("/etc/localtime", O_RDONLY), &c, 1) < 0 && errno == EPERM)
		return 4;
	return try_elements();
}

static void work_goes_on(void **state)
{
	int got = probe_run(engine_confine, try_work);

	if (got != PROBE_NO_FILTER)
		assert_int_equal(got, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_are_denied),
		cmocka_unit_test(work_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
