/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The bars around the service and its porter: a process that has put them up tries what it must not
 * do. Each probe runs in a child of its own. A bar that this kernel or build lacks holds nothing.
 */
#include "probes.h"

#include <arpa/inet.h>
#include <linux/landlock.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "api/bars.h"

static int try_bpf(void)
{
	return probe_failed(syscall(SYS_bpf, 0, NULL, 0));
}

static int try_exec_at(void)
{
	return probe_failed(syscall(SYS_execveat, AT_FDCWD, "/bin/true", NULL, NULL, 0));
}

static int try_mount(void)
{
	return probe_failed(mount("none", "/mnt", "tmpfs", 0, NULL));
}

static int try_setns(void)
{
	return probe_failed(syscall(SYS_setns, -1, 0));
}

static int try_perf(void)
{
	return probe_failed(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
}

static int try_keys(void)
{
	return probe_failed(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
}

static int try_setuid(void)
{
	return probe_failed(syscall(SYS_setresuid, getuid(), getuid(), getuid()));
}

static int try_module(void)
{
	return probe_failed(syscall(SYS_init_module, NULL, 0UL, ""));
}

static const struct probe probes[] = {
	PROBES_EVERYWHERE,    {"bpf", try_bpf},		 {"execveat", try_exec_at},
	{"mount", try_mount}, {"setns", try_setns},	 {"perf", try_perf},
	{"keyctl", try_keys}, {"setresuid", try_setuid}, {"init_module", try_module},
};

/* Runs fn(arg) in a child; its exit status, or -1 when it was killed. */
static int in_child(int (*fn)(const void *arg), const void *arg)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn(arg));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void calls_are_denied(void **state)
{
	probes_are_refused(bars_calls, probes, sizeof(probes) / sizeof(probes[0]));
}

static int try_work(void)
{
	char line[8];
	int pair[2];

	/* What a service does: sockets, pipes, memory. */
	if (pipe(pair) || write(pair[1], "x", 1) != 1 || read(pair[0], line, 1) != 1)
		return errno;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return errno;
	free(malloc(1 << 22));
	return 0;
}

static void work_goes_on(void **state)
{
	int got = probe_run(bars_calls, try_work);

	if (got != PROBE_NO_FILTER)
		assert_int_equal(got, 0);
}

/* --- files and ports -------------------------------------------------------------------------- */

static long landlock_version(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

/* A sanitizer looks at its own process (bars.c). */
#if defined(__SANITIZE_ADDRESS__)
#define IS_TRACED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_TRACED 1
#endif
#endif
#ifndef IS_TRACED
#define IS_TRACED 0
#endif

static const char *const closed[] = {
	"/etc/passwd",
	"/etc/shadow",
	"/etc/hosts",
	"/proc/self/status",
	"/proc/1/environ",
	"/proc/self/mem",
	"/sys/kernel/notes",
	"/sys/fs/bpf",
	"/root",
	"/home",
	"/var/lib",
	"/var/log",
	"/run",
	"/boot",
	"/dev/mem",
	"/dev/zero",
	"/tmp",
	"/",
	"/etc",
	"/proc/sys/kernel/hostname",
};

/* How many of them are open all the same. */
static int opens(const void *arg)
{
	const struct bar_place places[] = {{"/usr", false}, {arg, true}};
	char own[200];
	int n = 0, fd;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || bars_files(places, 2, false))
		return 255;
	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++)
		if (!IS_TRACED || strncmp(closed[i], "/proc", 5) != 0)
			n += open(closed[i], O_RDONLY | O_NOFOLLOW) >= 0;
	n += open("/usr/new", O_WRONLY | O_CREAT, 0600) >= 0;
	n += mkdir("/usr/new", 0700) == 0;
	/* Its own places it has. */
	n += open("/usr", O_RDONLY) < 0;
	snprintf(own, sizeof(own), "%s/own", (const char *)arg);
	fd = open(own, O_RDWR | O_CREAT, 0600);
	n += fd < 0 || ftruncate(fd, 10) || unlink(own);
	return n;
}

static void files_are_closed(void **state)
{
	char dir[] = "/tmp/dpi-bars-XXXXXX";
	int got;

	if (landlock_version() < 1)
		return;
	assert_non_null(mkdtemp(dir));
	got = in_child(opens, dir);
	rmdir(dir);
	assert_int_equal(got, 0);
}

static int connects(const void *arg)
{
	const bool *may_connect = arg;
	struct sockaddr_in at = {.sin_family = AF_INET};
	static const uint16_t ports[] = {1, 22, 80, 443, 6379};
	int n = 0;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || bars_files(NULL, 0, *may_connect))
		return 255;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		at.sin_port = htons(ports[i]);
		n += connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0 && errno == EACCES;
		at.sin_port = 0;
		n += 10 * (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 && errno == EACCES);
		close(fd);
	}
	return n;
}

static void ports_are_closed(void **state)
{
	bool may_connect = false;

	if (landlock_version() < 4)
		return;
	assert_int_equal(in_child(connects, &may_connect), 55);
	may_connect = true;
	assert_int_equal(in_child(connects, &may_connect), 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_are_denied),
		cmocka_unit_test(work_goes_on),
		cmocka_unit_test(files_are_closed),
		cmocka_unit_test(ports_are_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
