/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room fetch: what the process that fetches a list may do behind its bars, and what it may not.
 */
#include "probes.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "fetch/fetch.h"

static int fence(void)
{
	struct fault f;

	return fetch_confine(&f);
}

static int try_raw(void)
{
	int err = probe_failed(socket(AF_PACKET, SOCK_RAW, 0));

	return err == EAFNOSUPPORT ? EPERM : err;
}

static int try_new_file(void)
{
	int err = probe_failed(open("/tmp/dpi-xdp-fetch-test", O_WRONLY | O_CREAT, 0600));

	return err == EACCES ? EPERM : err;
}

static int try_listen(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? 0 : probe_failed(listen(fd, 1));
}

static int try_root(void)
{
	return probe_failed(setuid(0));
}

static const struct probe probes[] = {
	PROBES_EVERYWHERE,	  {"a raw socket", try_raw}, {"a new file", try_new_file},
	{"a server", try_listen}, {"root", try_root},
};

static void calls_are_denied(void **state)
{
	probes_are_refused(fence, probes, sizeof(probes) / sizeof(probes[0]));
}

static int try_work(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(9)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || (connect(fd, (struct sockaddr *)&at, sizeof(at)) && errno == EPERM))
		return 1;
	return open("/etc/passwd", O_RDONLY) < 0 ? 2 : getuid() == 0 ? 3 : 0;
}

static void work_goes_on(void **state)
{
	int got = probe_run(fence, try_work);

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
