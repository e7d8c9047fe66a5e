/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room fleet: a whole conversation with Redis as bytes, true, cut short at each place, and damaged
 * a few thousand ways: it is read, or refused with a reason, at once and without a trace in memory.
 */
#include "fleet/sets.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

enum { DAMAGES = 4000 };

#define QUEUED_5 "+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n"

/* What a server says from the greeting to the end of a reading. */
static const char told[] =
	"+PONG\r\n"
	"$1\r\n7\r\n:1\r\n:2\r\n:1\r\n:0\r\n:0\r\n:0\r\n:1\r\n"
	":0\r\n:1\r\n:0\r\n:0\r\n:0\r\n:0\r\n:0\r\n:0\r\n:0\r\n"
	"$-1\r\n*2\r\n$10\r\n1700000000\r\n$1\r\n5\r\n"
	"+OK\r\n" QUEUED_5 QUEUED_5 QUEUED_5 "+QUEUED\r\n+QUEUED\r\n"
	"*17\r\n$1\r\n7\r\n*1\r\n$8\r\n10.0.0.1\r\n*2\r\n$7\r\na.b.com\r\n"
	"$8\r\nC.D.com.\r\n*1\r\n$6\r\nTikTok\r\n*0\r\n*0\r\n*0\r\n*1\r\n$1\r\nX\r\n"
	"*0\r\n*1\r\n$11\r\ne.f.com sat\r\n*0\r\n*0\r\n*0\r\n*0\r\n*0\r\n*0\r\n*0\r\n";

struct teller {
	int listen_fd, stop_fd;
	struct redis_url url;
	char bytes[sizeof(told) + 8];
	size_t len;
	pthread_t thread;
};

static const char *resolve(const void *ctx, struct slice name, struct fault *nearest)
{
	(void)ctx;
	(void)nearest;
	return slice_equal(name, slice_text("TikTok")) ? "TikTok"
	       : slice_equal(name, slice_text("X")) || slice_equal(name, slice_text("Twitter"))
		       ? "Twitter"
		       : NULL;
}
static const struct rule_apps apps = {.resolve = resolve};

/* Says its words to whoever comes, and hangs up; one after the other. */
static void *tell(void *ctx)
{
	struct teller *t = ctx;
	char heard[4096];

	for (;;) {
		int fd = accept4(t->listen_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return NULL;
		(void)!send(fd, t->bytes, t->len, MSG_NOSIGNAL);
		shutdown(fd, SHUT_WR);
		while (read(fd, heard, sizeof(heard)) > 0)
			;
		close(fd);
	}
}

static int set_up(void **state)
{
	static struct teller t;
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/dpi-link-XXXXXX";

	if (!mkdtemp(dir))
		return -1;
	snprintf(t.url.path, sizeof(t.url.path), "%s/s", dir);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", t.url.path);
	t.stop_fd = eventfd(0, EFD_CLOEXEC);
	t.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(t.listen_fd, (struct sockaddr *)&at, sizeof(at)) || listen(t.listen_fd, 8) ||
	    pthread_create(&t.thread, NULL, tell, &t))
		return -1;
	*state = &t;
	return 0;
}

static int tear_down(void **state)
{
	struct teller *t = *state;

	shutdown(t->listen_fd, SHUT_RDWR);
	pthread_join(t->thread, NULL);
	close(t->listen_fd);
	close(t->stop_fd);
	unlink(t->url.path);
	*strrchr(t->url.path, '/') = '\0';
	return rmdir(t->url.path);
}

/* Listens to the words there are now. 0 and *out, or -errno with a reason. */
static int converse(struct teller *t, struct shared *out)
{
	struct rules *none = rules_new();
	struct sets_past past = {.good = none, .apps = &apps};
	struct link *l = NULL;
	struct glance g;
	struct keys k;
	struct fault f = {""};
	int err;

	keys_init(&k, "fleet", 0);
	err = link_open(&t->url, t->stop_fd, &l, &f);
	if (!err)
		err = sets_glance(l, &k, &g, &f);
	if (!err)
		err = sets_read(l, &k, &g, &past, out, &f);
	link_close(l);
	rules_free(none);
	if (!err != !f.text[0])
		fail_msg("%d, said: %s", err, f.text);
	return err;
}

static void say(struct teller *t, const char *bytes, size_t len)
{
	memcpy(t->bytes, bytes, len);
	t->len = len;
}

static void hears_the_truth(void **state)
{
	struct shared s;

	say(*state, told, sizeof(told) - 1);
	assert_int_equal(converse(*state, &s), 0);
	assert_true(s.has_version);
	assert_int_equal(s.version, 7);
	assert_int_equal(rules_count(s.rules), 6);
	assert_int_equal(rules_timed(s.rules), 1);
	assert_int_equal(s.alias_count, 2);
	for (size_t i = 0; i <= FLEET_SET_COUNT; i++)
		assert_string_equal(s.reason[i], "");
	shared_clear(&s);
}

static void half_is_nothing(void **state)
{
	struct shared s;

	for (size_t cut = 0; cut < sizeof(told) - 1; cut++) {
		say(*state, told, cut);
		assert_true(converse(*state, &s) < 0);
	}
}

/* A byte changed, taken away or put in: what is heard has a version, rules, or a reason. */
static void survives_damage(void **state)
{
	struct timespec begun, ended;
	int heard = 0;

	clock_gettime(CLOCK_MONOTONIC, &begun);
	srand(7);
	for (int i = 0; i < DAMAGES; i++) {
		struct teller *t = *state;
		size_t at = (size_t)rand() % (sizeof(told) - 1);
		struct shared s;

		say(t, told, sizeof(told) - 1);
		switch (rand() % 4) {
		case 0: t->bytes[at] = (char)rand(); break;
		case 1: t->bytes[at] = "0123456789-*$:+\r\n"[rand() % 17]; break;
		case 2: memmove(t->bytes + at, t->bytes + at + 1, --t->len - at); break;
		default:
			memmove(t->bytes + at + 1, t->bytes + at, t->len++ - at);
			t->bytes[at] = "0123456789-*$:+\r\n"[rand() % 17];
		}
		if (converse(t, &s))
			continue;
		heard++;
		assert_non_null(s.rules);
		assert_true(rules_count(s.rules) <= 7);
		shared_clear(&s);
	}
	clock_gettime(CLOCK_MONOTONIC, &ended);
	/* A digit of an address more or less is still a rule; most damage is not. */
	assert_in_range(heard, 1, DAMAGES / 2);
	assert_in_range(ended.tv_sec - begun.tv_sec, 0, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hears_the_truth),
		cmocka_unit_test(half_is_nothing),
		cmocka_unit_test(survives_damage),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
