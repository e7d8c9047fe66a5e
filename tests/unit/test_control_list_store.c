/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room control: stored copies of lists; and room fetch as far as files go: what is read without
 * rights, stored, cut short, and read again.
 */
#include "control/list_store.h"
#include "fetch/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static struct paths paths;
static char file[PATHS_MAX + 32];

static int make_place(void **state)
{
	char template[] = "/tmp/dpi-xdp-lists-XXXXXX";
	const char *dir = mkdtemp(template);

	if (!dir)
		return -1;
	snprintf(paths.state_dir, sizeof(paths.state_dir), "%s", dir);
	snprintf(file, sizeof(file), "%s/ads.txt", dir);
	return chmod(dir, 0755);
}

static int remove_place(void **state)
{
	struct rules *none = rules_new();
	char path[PATHS_MAX + 32];

	list_store_sweep(&paths, none);
	rules_free(none);
	unlink(file);
	snprintf(path, sizeof(path), "%s/lists", paths.state_dir);
	rmdir(path);
	return rmdir(paths.state_dir);
}

static struct rules *rules_of(const char *value)
{
	struct rules *r = rules_new();
	struct fault f = {""};

	if (rules_add(r, RULE_LIST, false, slice_text(value), NULL, 0, &f) != 1)
		fail_msg("%s", f.text);
	return r;
}

static void write_file(const char *text, mode_t mode)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void fetch_now(const char *source, struct fetch_result *r)
{
	struct fetch_ask ask = {.source = source};
	struct fetch one;
	struct fault f;

	assert_int_equal(fetch_start(&ask, &one, &f), 0);
	fetch_wait(&one);
	fetch_take(&one, r);
	assert_int_equal(one.pid, 0);
}

static void a_file_is_fetched(void **state)
{
	struct fetch_result r;

	write_file("0.0.0.0 ads.example\n||x.example^\n203.0.113.9\n##.x\n", 0644);
	fetch_now(file, &r);
	if (r.end != FETCH_NEW)
		fail_msg("%s", r.why);
	assert_true(slice_equal(list_text(r.list),
				slice_text("=ads.example\nx.example\n203.0.113.9\n")));
	assert_int_equal(r.counts.names, 2);
	assert_int_equal(r.counts.addrs, 1);
	assert_int_equal(r.counts.cosmetic, 1);
	list_drop(r.list);
}

static void what_cannot_be_fetched_says_why(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"<html>", "HTML"},
		{"", "no name and no address"},
		{"0.0.0.0/0\n", "much of the internet"},
		{"\\ \\x20 % not \\n\n", "not understood"},
	};
	struct fetch_result r;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		write_file(rows[i].text, 0644);
		fetch_now(file, &r);
		assert_int_equal(r.end, FETCH_FAILED);
		if (!strstr(r.why, rows[i].why))
			fail_msg("%s", r.why);
		assert_null(r.list);
	}
	fetch_now("/nowhere/at/all", &r);
	assert_int_equal(r.end, FETCH_FAILED);
	assert_non_null(strstr(r.why, "No such file"));
	if (geteuid() == 0) {
		/* Root may read it; the process that does may not. */
		write_file("ads.example\n", 0600);
		fetch_now(file, &r);
		assert_int_equal(r.end, FETCH_FAILED);
		assert_non_null(strstr(r.why, "for everyone to read"));
	}
}

/* Somebody else who can still write to the memory of the answer. */
static void memory_that_may_change_is_no_answer(void **state)
{
	struct fetch_ask ask = {.source = file};
	struct fetch_result r;
	struct fetch one;
	struct fault f;
	void *at;

	write_file("ads.example\n", 0644);
	assert_int_equal(fetch_start(&ask, &one, &f), 0);
	fetch_wait(&one);
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, one.out, 0);
	assert_true(at != MAP_FAILED);
	fetch_take(&one, &r);
	assert_int_equal(r.end, FETCH_FAILED);
	assert_null(r.list);
	munmap(at, 4096);
}

static void one_is_ended(void **state)
{
	struct fetch_ask ask = {.source = file};
	struct fetch one = {0};
	struct fault f;

	fetch_stop(&one);
	assert_int_equal(fetch_start(&ask, &one, &f), 0);
	fetch_stop(&one);
	assert_int_equal(one.pid, 0);
	assert_false(fetch_is_over(&one));
}

static struct list_copy copy_of(const char *text)
{
	struct list_copy c = {.fetched_s = 1700000000, .etag = "\"a b\"", .modified = "now"};

	c.list = list_parse(slice_text(text), NULL);
	assert_non_null(c.list);
	c.counts.names = list_name_count(c.list);
	c.counts.addrs = list_addr_count(c.list);
	c.counts.unknown = 7;
	return c;
}

static void a_copy_comes_back(void **state)
{
	struct rules *rules = rules_of("ads https://a.example/ads.txt every 12h");
	struct rules *other = rules_of("ads https://b.example/ads.txt");
	struct list_copy c = copy_of("a.example\n=b.example\n"), back = {0};
	struct fault f = {""};

	assert_int_equal(list_store_load(&paths, rules_at(rules, 0), &back, &f), -ENOENT);
	if (list_store_save(&paths, rules_at(rules, 0), &c, &f))
		fail_msg("%s", f.text);
	list_store_touch(&paths, rules_at(rules, 0), 1700000005);
	assert_int_equal(list_store_load(&paths, rules_at(rules, 0), &back, &f), 0);
	assert_true(slice_equal(list_text(back.list), list_text(c.list)));
	assert_string_equal(back.etag, "\"a b\"");
	assert_string_equal(back.modified, "now");
	assert_int_equal(back.fetched_s, 1700000000);
	assert_int_equal(back.checked_s, 1700000005);
	assert_int_equal(back.counts.unknown, 7);
	list_copy_clear(&back);
	/* What came from elsewhere is not this list. */
	assert_int_equal(list_store_load(&paths, rules_at(other, 0), &back, &f), -ENOENT);
	assert_int_equal(list_store_fill(&paths, rules), 0);
	assert_int_equal(list_store_fill(&paths, other), 0);
	assert_non_null(rules_list(rules, rules_at(rules, 0)->id));
	assert_null(rules_list(other, rules_at(other, 0)->id));
	list_store_sweep(&paths, rules);
	assert_int_equal(list_store_load(&paths, rules_at(rules, 0), &back, &f), 0);
	list_copy_clear(&back);
	list_copy_clear(&c);
	rules_free(rules);
	rules_free(other);
}

/* Cut at any byte it is refused. */
static void a_damaged_copy_is_none(void **state)
{
	struct rules *rules = rules_of("ads /ads.txt");
	struct list_copy c = copy_of("a.example\n=b.example\n10.0.0.0/8\n"), back = {0};
	char path[PATHS_MAX + 64];
	struct fault f;
	struct stat st;

	assert_int_equal(list_store_save(&paths, rules_at(rules, 0), &c, &f), 0);
	snprintf(path, sizeof(path), "%s/lists/block-ads.list", paths.state_dir);
	assert_int_equal(stat(path, &st), 0);
	for (off_t cut = st.st_size - 1; cut >= 0; cut--) {
		assert_int_equal(truncate(path, cut), 0);
		assert_true(list_store_load(&paths, rules_at(rules, 0), &back, &f) < 0);
		assert_null(back.list);
	}
	list_copy_clear(&c);
	rules_free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_fetched),
		cmocka_unit_test(what_cannot_be_fetched_says_why),
		cmocka_unit_test(memory_that_may_change_is_no_answer),
		cmocka_unit_test(one_is_ended),
		cmocka_unit_test(a_copy_comes_back),
		cmocka_unit_test(a_damaged_copy_is_none),
	};

	return cmocka_run_group_tests(tests, make_place, remove_place);
}
