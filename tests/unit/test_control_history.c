/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The history of the rules: what is kept leads back; its bounds; damaged files; and a writer that
 * is killed at each of its system calls leaves what was before or what comes after, and a history
 * that fits.
 */
#include "control/change.h"
#include "control/history_answer.h"
#include "policy/rules_when.h"
#include "policy/rules_compare.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* A state directory of its own, and the rules that are stored in it. */
struct place {
	struct paths paths;
	struct catalogue *catalogue;
	struct rules *now;
};

static void open_place(struct place *p)
{
	char memory[] = "/dev/shm/dpi-history-XXXXXX", disk[] = "/tmp/dpi-history-XXXXXX";
	const char *dir = mkdtemp(memory) ? memory : mkdtemp(disk);

	assert_non_null(dir);
	setenv("DPI_XDP_STATE_DIR", dir, 1);
	assert_int_equal(paths_init(&p->paths), 0);
	p->catalogue = catalogue_new();
	p->now = rules_new();
	assert_true(p->catalogue && p->now);
}

static int unlink_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static void close_place(struct place *p)
{
	assert_int_equal(nftw(p->paths.state_dir, unlink_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	rules_free(p->now);
	catalogue_free(p->catalogue);
}

static struct rules *parse(const struct place *p, const char *text)
{
	struct rule_apps apps = catalogue_rule_apps(p->catalogue);
	struct rules *r = NULL;
	struct fault f = {""};

	if (rules_parse(slice_text(text), "test", &apps, RULES_FORCE, &r, &f))
		fail_msg("%s", f.text);
	return r;
}

/* Rules for so many ports, from the first one on. */
static struct rules *ports(const struct place *p, int first, int count)
{
	struct rule_apps apps = catalogue_rule_apps(p->catalogue);
	struct rules *r = rules_new();
	char value[16];

	for (int i = 0; i < count; i++) {
		snprintf(value, sizeof(value), "%d/%s", (first + i) % 60000 + 1,
			 (first + i) / 60000 ? "udp" : "tcp");
		assert_int_equal(rules_add(r, RULE_PORT, false, slice_text(value), &apps, 0, NULL),
				 1);
	}
	return r;
}

static int save(struct place *p, struct rules *next, enum history_by by)
{
	struct fault f = {""};
	int err = history_save(&p->paths, p->now, next, by, &f);

	if (err) {
		rules_free(next);
		return err;
	}
	rules_free(p->now);
	p->now = next;
	return 0;
}

static void put(struct place *p, const char *text)
{
	assert_int_equal(save(p, parse(p, text), HISTORY_COMMAND), 0);
}

/* What is on the disk, as whoever comes next reads it. */
static struct rules *stored(const struct place *p)
{
	struct rules *r = NULL;
	struct fault f = {""};

	if (change_load(p->paths.rules, p->catalogue, &r, &f))
		fail_msg("%s", f.text);
	return r;
}

static bool is_same(const struct rules *a, const struct rules *b)
{
	return rules_count(a) == rules_count(b) && rules_fingerprint(a) == rules_fingerprint(b);
}

/* True when undoing to before change `number` gives these rules. */
static bool leads_to(const struct place *p, uint64_t number, const struct rules *want)
{
	struct history_entry e;
	struct rules *got = NULL;
	struct fault f = {""};
	bool is_good;

	if (history_before(&p->paths, p->now, number, p->catalogue, &got, &e, &f)) {
		print_message("%s\n", f.text);
		return false;
	}
	is_good = is_same(got, want);
	rules_free(got);
	return is_good;
}

static size_t count_kept(const struct place *p, struct history *h)
{
	struct fault f = {""};

	assert_int_equal(history_read(&p->paths, p->now, h, &f), 0);
	return h->count;
}

/* --- what is kept leads back ------------------------------------------------------------------ */

static void each_change_leads_back(void **state)
{
	static const char *const texts[] = {
		"",
		"[BLOCKED_APPS]\nTikTok\ncategory:gambling\nlearnt:YouTube\n",
		"[BLOCKED_DOMAINS]\n=a.example\nb.example\nco.uk\n",
		"[BLOCKED_DOMAINS]\nb.example  mon-fri 08:00-09:00\nb.example  sat\n",
		"[BLOCKED_DOMAINS]\nb.example\n[ALLOWED_IPS]\nsrc:10.0.0.0/8\n2001:db8::/32\n",
		"[BLOCKED_PORTS]\n443/udp\n80\n[ALLOWED_APPS]\nNetflix\n",
		"[BLOCKED_IPS]\ndst:203.0.113.9\n10.0.0.1\n",
		"[BLOCKED_LISTS]\nads https://lists.example/ads.txt every 12h\n",
		"[BLOCKED_LISTS]\nads https://other.example/ads.txt\nmore /tmp/more.txt\n",
		"[ALLOWED_LISTS]\nads /tmp/ads.txt\n",
	};
	enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };
	struct rules *was[TEXTS];
	struct history h;
	struct place p;

	(void)state;
	open_place(&p);
	for (int i = 0; i < TEXTS; i++) {
		was[i] = parse(&p, texts[i]);
		if (i)
			put(&p, texts[i]);
	}
	assert_int_equal(count_kept(&p, &h), TEXTS - 1);
	assert_int_equal(history_reach(&h, p.now), TEXTS - 1);
	history_clear(&h);
	for (int i = 1; i < TEXTS; i++)
		assert_true(leads_to(&p, (uint64_t)i, was[i - 1]));
	assert_true(leads_to(&p, 0, was[TEXTS - 2]));
	assert_false(leads_to(&p, TEXTS, was[0]));
	for (int i = 0; i < TEXTS; i++)
		rules_free(was[i]);
	close_place(&p);
}

static void what_changes_nothing_is_no_change(void **state)
{
	struct history h;
	struct place p;

	(void)state;
	open_place(&p);
	put(&p, "[BLOCKED_PORTS]\n1\n2\n");
	put(&p, "[BLOCKED_PORTS]\n2\n1\n");
	assert_int_equal(count_kept(&p, &h), 1);
	history_clear(&h);
	close_place(&p);
}

static void rules_that_end_by_themselves_leave_no_gap(void **state)
{
	struct rules *want;
	struct history h;
	struct place p;

	(void)state;
	open_place(&p);
	put(&p, "[BLOCKED_PORTS]\n1\n");
	put(&p, "[BLOCKED_PORTS]\n1\n2  until 2100-01-01T00:00:00Z\n");
	put(&p, "[BLOCKED_PORTS]\n1\n2  until 2100-01-01T00:00:00Z\n3\n");
	rules_free(p.now); /* as if it were over */
	p.now = parse(&p, "[BLOCKED_PORTS]\n1\n3\n");
	assert_int_equal(count_kept(&p, &h), 3);
	assert_int_equal(history_reach(&h, p.now), 3);
	history_clear(&h);
	want = parse(&p, "[BLOCKED_PORTS]\n1\n");
	assert_true(leads_to(&p, 2, want));
	rules_free(want);
	close_place(&p);
}

/* The kernel would not have it, or the disk was full: what was stored is put back. */
static void a_change_that_was_taken_back_leaves_no_trace(void **state)
{
	struct rules *never;
	struct history h;
	struct fault f;
	struct place p;

	(void)state;
	open_place(&p);
	put(&p, "[BLOCKED_PORTS]\n1\n");
	never = parse(&p, "[BLOCKED_PORTS]\n1\n2\n");
	assert_int_equal(history_save(&p.paths, p.now, never, HISTORY_COMMAND, &f), 0);
	assert_int_equal(rules_save(p.now, p.paths.rules, &f), 0);
	assert_int_equal(count_kept(&p, &h), 1);
	history_clear(&h);
	put(&p, "[BLOCKED_PORTS]\n1\n3\n");
	assert_int_equal(count_kept(&p, &h), 2);
	assert_int_equal(h.entry[0].number, 2);
	assert_int_equal(history_reach(&h, p.now), 2);
	history_clear(&h);
	rules_free(never);
	close_place(&p);
}

static void a_change_by_other_means_is_a_gap(void **state)
{
	struct rules *want;
	struct history h;
	struct place p;

	(void)state;
	open_place(&p);
	put(&p, "[BLOCKED_PORTS]\n1\n");
	rules_free(p.now);
	p.now = parse(&p, "[BLOCKED_PORTS]\n1\n2\n");
	put(&p, "[BLOCKED_PORTS]\n1\n2\n3\n");
	assert_int_equal(count_kept(&p, &h), 2);
	assert_int_equal(history_reach(&h, p.now), 1);
	history_clear(&h);
	want = parse(&p, "[BLOCKED_PORTS]\n1\n2\n");
	assert_true(leads_to(&p, 2, want));
	assert_false(leads_to(&p, 1, want));
	rules_free(want);
	close_place(&p);
}

/* --- bounds ----------------------------------------------------------------------------------- */

static off_t size_of(const struct place *p, const char *name)
{
	char path[PATHS_MAX + 64];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", p->paths.state_dir, name);
	return stat(path, &st) ? -1 : st.st_size;
}

/* Ends are told, one behind the other as one change, and whoever goes back means what somebody did.
 */
static void ends_are_told_and_stepped_over(void **state)
{
	struct rules *want, *left;
	struct history h;
	struct place p;
	size_t ended;

	(void)state;
	open_place(&p);
	put(&p, "[BLOCKED_PORTS]\n1\n");
	put(&p, "[BLOCKED_PORTS]\n1\n2 until 2100-01-01T00:00:00Z\n3 until 2100-01-02T00:00:00Z\n");
	for (int day = 1; day <= 2; day++) {
		left = rules_not_over(p.now, 4102444800 + (day - 1) * 86400, &ended);
		assert_int_equal(ended, 1);
		assert_int_equal(save(&p, left, HISTORY_END), 0);
	}
	assert_int_equal(count_kept(&p, &h), 3);
	assert_int_equal(h.entry[0].by, HISTORY_END);
	assert_int_equal(h.entry[0].number, 3);
	assert_int_equal(h.entry[0].removed, 2);
	assert_true(slice_equal(h.entry[0].lines,
				slice_text("- block port 3  until 2100-01-02T00:00:00Z\n"
					   "- block port 2  until 2100-01-01T00:00:00Z\n")));
	assert_int_equal(history_reach(&h, p.now), 3);
	assert_int_equal(history_find(&h, 0, NULL), 1);
	assert_int_equal(history_find(&h, 3, NULL), 0);
	history_clear(&h);
	want = parse(&p, "[BLOCKED_PORTS]\n1\n");
	assert_true(leads_to(&p, 2, want));
	assert_true(leads_to(&p, 0, want));
	rules_free(want);
	put(&p, "[BLOCKED_PORTS]\n4\n");
	assert_int_equal(count_kept(&p, &h), 4);
	assert_int_equal(history_find(&h, 0, NULL), 0);
	history_clear(&h);
	close_place(&p);
}

static void the_oldest_make_room(void **state)
{
	struct rules *want;
	struct history h;
	struct place p;

	(void)state;
	open_place(&p);
	for (int i = 0; i < HISTORY_MAX + 7; i++)
		assert_int_equal(save(&p, ports(&p, i, 1), HISTORY_HTTP), 0);
	assert_int_equal(count_kept(&p, &h), HISTORY_MAX);
	assert_int_equal(h.left_out, 7);
	assert_int_equal(h.entry[0].number, HISTORY_MAX + 7);
	assert_int_equal(h.entry[0].by, HISTORY_HTTP);
	assert_int_equal(history_reach(&h, p.now), HISTORY_MAX);
	history_clear(&h);
	want = ports(&p, 6, 1);
	assert_true(leads_to(&p, 8, want));
	assert_false(leads_to(&p, 7, want));
	rules_free(want);
	close_place(&p);
}

/* A small change of many rules costs a line; a large one has a file, which goes with its entry. */
static void large_changes_have_a_file_of_their_own(void **state)
{
	struct rules *many, *none = rules_new();
	struct place p;
	off_t size;

	(void)state;
	open_place(&p);
	many = ports(&p, 0, 10000);
	assert_int_equal(save(&p, rules_copy(many), HISTORY_LOAD), 0);
	assert_true(size_of(&p, "history-1.txt") > HISTORY_HERE_MAX);
	assert_true(leads_to(&p, 1, none));
	size = size_of(&p, "history.txt");
	assert_int_equal(save(&p, ports(&p, 0, 10001), HISTORY_COMMAND), 0);
	assert_true(size_of(&p, "history.txt") - size < 200);
	assert_true(leads_to(&p, 2, many));
	for (int i = 0; i < HISTORY_MAX; i++)
		assert_int_equal(save(&p, ports(&p, i, 9999), HISTORY_COMMAND), 0);
	assert_int_equal(size_of(&p, "history-1.txt"), -1);
	rules_free(many);
	rules_free(none);
	close_place(&p);
}

/* --- damaged files ---------------------------------------------------------------------------- */

static void spoil(const struct place *p, const char *name, off_t at, const char *bytes)
{
	char path[PATHS_MAX + 64];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", p->paths.state_dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	if (bytes)
		assert_int_equal(pwrite(fd, bytes, strlen(bytes), at), (ssize_t)strlen(bytes));
	else
		assert_int_equal(ftruncate(fd, at), 0);
	close(fd);
}

/* Cut at each length, and with each byte changed: nothing but what was before ever comes of it. */
static void a_damaged_index_misleads_nobody(void **state)
{
	struct rules *was[3], *next;
	struct history h;
	struct fault f;
	struct place p;
	char *good = NULL, path[PATHS_MAX + 64];
	size_t len;
	FILE *from;

	(void)state;
	open_place(&p);
	was[0] = rules_new();
	for (int i = 1; i < 3; i++) {
		was[i] = ports(&p, i, 3);
		assert_int_equal(save(&p, rules_copy(was[i]), HISTORY_COMMAND), 0);
	}
	len = (size_t)size_of(&p, "history.txt");
	good = calloc(1, len + 1);
	snprintf(path, sizeof(path), "%s/history.txt", p.paths.state_dir);
	from = fopen(path, "r");
	assert_true(good && from && fread(good, 1, len, from) == len);
	fclose(from);
	for (size_t i = 0; i < 2 * len; i++) {
		char other[2] = {i % 3 ? '0' : '\n', 0};

		spoil(&p, "history.txt", 0, good);
		if (i < len)
			spoil(&p, "history.txt", (off_t)i, NULL);
		else
			spoil(&p, "history.txt", (off_t)(i - len), other);
		assert_int_equal(history_read(&p.paths, p.now, &h, &f), 0);
		assert_true(i >= len || h.is_damaged);
		for (size_t k = 0; k < history_reach(&h, p.now); k++) {
			struct history_entry e;

			next = NULL;
			if (history_before(&p.paths, p.now, h.entry[k].number, p.catalogue, &next,
					   &e, &f) == 0)
				assert_true(is_same(next, was[1 - k]));
			rules_free(next);
		}
		history_clear(&h);
	}
	/* The next change begins it anew. */
	spoil(&p, "history.txt", 0, "garbage\n");
	assert_int_equal(save(&p, ports(&p, 7, 1), HISTORY_COMMAND), 0);
	assert_true(leads_to(&p, 0, was[2]));
	for (int i = 0; i < 3; i++)
		rules_free(was[i]);
	free(good);
	close_place(&p);
}

/* Numbers that no count comes to, and that would be other ones in JSON. */
static void a_number_out_of_reach_is_damage(void **state)
{
	static const char *const lines[] = {
		"left-out 9007199254740992\n",
		"change 18446744073709551615 2026-11-22T23:00:29Z command +0 -0 0 0 0 lost\n",
		"change 5 2026-11-22T23:00:29Z command +99999999999999999999 -0 0 0 0 lost\n",
	};
	struct history h;
	struct fault f;
	struct place p;

	open_place(&p);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		spoil(&p, "history.txt", 0, NULL);
		spoil(&p, "history.txt", 0, lines[i]);
		spoil(&p, "history.txt", (off_t)strlen(lines[i]), "# end 0\n");
		assert_int_equal(history_read(&p.paths, p.now, &h, &f), 0);
		assert_true(h.is_damaged && !h.count && !h.left_out);
		history_clear(&h);
	}
	close_place(&p);
}

static void a_damaged_file_of_a_change_is_refused(void **state)
{
	struct rules *none = rules_new(), *few;
	struct place p;

	(void)state;
	open_place(&p);
	assert_int_equal(save(&p, ports(&p, 0, 10000), HISTORY_LOAD), 0);
	assert_true(leads_to(&p, 1, none));
	spoil(&p, "history-1.txt", 100, "+ block port 7/tcp\n");
	assert_false(leads_to(&p, 1, none));
	spoil(&p, "history-1.txt", 70000, NULL);
	assert_false(leads_to(&p, 1, none));
	few = ports(&p, 0, 5);
	assert_int_equal(save(&p, rules_copy(few), HISTORY_COMMAND), 0);
	assert_int_equal(save(&p, ports(&p, 3, 9), HISTORY_COMMAND), 0);
	assert_true(leads_to(&p, 3, few)); /* behind it all is well */
	rules_free(none);
	rules_free(few);
	close_place(&p);
}

/* --- killed at each step ---------------------------------------------------------------------- */

/* Lets a child save `next` and kills it as it enters system call number n. True: it had done. */
static bool save_killed(struct place *p, const struct rules *next, int n)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct fault f;

		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(history_save(&p->paths, p->now, next, HISTORY_COMMAND, &f) ? 1 : 0);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	for (int i = 0; i < n; i++) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			return true;
		}
		assert_true(WIFSTOPPED(status));
	}
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	return false;
}

static void kill_at_each_step(int before_count, int after_count)
{
	bool is_done = false, seen[2] = {false, false};
	struct place p;

	for (int n = 1; !is_done; n++) {
		struct rules *before, *after, *there;
		struct history h;

		open_place(&p);
		before = ports(&p, 0, before_count);
		after = ports(&p, before_count / 2, after_count);
		assert_int_equal(save(&p, ports(&p, 5, 2), HISTORY_COMMAND), 0);
		assert_int_equal(save(&p, rules_copy(before), HISTORY_COMMAND), 0);
		is_done = save_killed(&p, after, n);
		there = stored(&p);
		assert_true(is_same(there, before) || is_same(there, after));
		assert_true(!is_done || is_same(there, after));
		seen[is_same(there, after)] = true;
		rules_free(p.now);
		p.now = there;
		assert_int_equal(count_kept(&p, &h), is_same(there, after) ? 3 : 2);
		assert_int_equal(history_reach(&h, p.now), h.count);
		assert_false(h.is_damaged);
		if (is_same(there, after))
			assert_true(leads_to(&p, 0, before));
		history_clear(&h);
		/* And on it goes. */
		there = rules_copy(p.now);
		assert_int_equal(save(&p, ports(&p, 9000, 1), HISTORY_COMMAND), 0);
		assert_true(leads_to(&p, 0, there));
		rules_free(there);
		rules_free(before);
		rules_free(after);
		close_place(&p);
	}
	assert_true(seen[0] && seen[1]);
}

static void a_killed_writer_leaves_old_or_new(void **state)
{
	(void)state;
	kill_at_each_step(3, 4);
}

static void a_killed_writer_of_much_leaves_old_or_new(void **state)
{
	(void)state;
	kill_at_each_step(10, 6000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_change_leads_back),
		cmocka_unit_test(what_changes_nothing_is_no_change),
		cmocka_unit_test(rules_that_end_by_themselves_leave_no_gap),
		cmocka_unit_test(a_change_that_was_taken_back_leaves_no_trace),
		cmocka_unit_test(a_change_by_other_means_is_a_gap),
		cmocka_unit_test(ends_are_told_and_stepped_over),
		cmocka_unit_test(the_oldest_make_room),
		cmocka_unit_test(large_changes_have_a_file_of_their_own),
		cmocka_unit_test(a_damaged_index_misleads_nobody),
		cmocka_unit_test(a_number_out_of_reach_is_damage),
		cmocka_unit_test(a_damaged_file_of_a_change_is_refused),
		cmocka_unit_test(a_killed_writer_leaves_old_or_new),
		cmocka_unit_test(a_killed_writer_of_much_leaves_old_or_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
