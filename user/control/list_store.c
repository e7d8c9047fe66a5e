/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Stored copies of lists; see list_store.h. A file begins with lines "# KEY VALUE" and an empty
 * one.
 */
#include "control/list_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

#define FIRST_LINE "# dpi-xdp list 1\n"
#define SUFFIX	   ".list"

enum { FILE_MAX = PATHS_MAX + 80, HEAD_MAX = 4096 };

void list_copy_clear(struct list_copy *c)
{
	list_drop(c->list);
	*c = (struct list_copy){0};
}

/* "block-ads.list" */
static void file_name(const struct rule *r, char *out, size_t size)
{
	struct slice name = rule_list_name(r);

	snprintf(out, size, "%s-%.*s" SUFFIX, r->is_allow ? "allow" : "block", (int)name.len,
		 (const char *)name.at);
}

static void file_path(const struct paths *p, const struct rule *r, char out[FILE_MAX])
{
	char name[64];

	file_name(r, name, sizeof(name));
	snprintf(out, FILE_MAX, "%s/lists/%s", p->state_dir, name);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void take_line(struct list_copy *c, char *line, char **source)
{
	char *value = strncmp(line, "# ", 2) == 0 ? strchr(line + 2, ' ') : NULL;
	const char *key = line + 2;

	if (!value)
		return;
	*value++ = '\0';
	if (strcmp(key, "source") == 0)
		*source = value;
	else if (strcmp(key, "etag") == 0)
		snprintf(c->etag, sizeof(c->etag), "%s", value);
	else if (strcmp(key, "modified") == 0)
		snprintf(c->modified, sizeof(c->modified), "%s", value);
	else if (strcmp(key, "fetched") == 0)
		c->fetched_s = strtoll(value, NULL, 10);
	else
		list_counts_set(&c->counts, key, strtoull(value, NULL, 10));
}

/* Reads the head. Returns its bytes, 0 when it is none, or -ENOENT for another source's. */
static int take_head(struct list_copy *c, struct slice all, struct slice wanted)
{
	const char *end = memmem(all.at, all.len < HEAD_MAX ? all.len : HEAD_MAX, "\n\n", 2);
	size_t len = end ? (size_t)(end - (const char *)all.at) : 0;
	char head[HEAD_MAX + 1], *rest = head, *line, *source = NULL;

	if (!end || all.len < strlen(FIRST_LINE) ||
	    memcmp(all.at, FIRST_LINE, strlen(FIRST_LINE)) != 0)
		return 0;
	memcpy(head, all.at, len);
	head[len] = '\0';
	while ((line = strsep(&rest, "\n")))
		take_line(c, line, &source);
	return source && slice_equal(slice_text(source), wanted) ? (int)len + 2 : -ENOENT;
}

static int take_file(struct list_copy *c, struct slice all, const struct rule *rule,
		     const char *path, struct fault *f)
{
	int head = take_head(c, all, rule_list_source(rule));
	struct fault why = {"its beginning is damaged"};

	if (head < 0)
		return head;
	if (head)
		c->list = list_parse(slice_from(all, (size_t)head), &why);
	/* What lost its end on the disk may still be a list. */
	if (c->list && (list_name_count(c->list) != c->counts.names ||
			list_addr_count(c->list) != c->counts.addrs)) {
		list_copy_clear(c);
		fault_set(&why, 0, "it holds other entries than it should");
	}
	return c->list ? 0 : fault_set(f, -EINVAL, "%s: %.300s", path, why.text);
}

int list_store_load(const struct paths *p, const struct rule *rule, struct list_copy *out,
		    struct fault *f)
{
	struct list_copy c = {0};
	void *at = MAP_FAILED;
	char path[FILE_MAX];
	struct stat st;
	int fd, err;

	file_path(p, rule, path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return fault_set(f, -errno, "%s: %s", path, strerror(errno));
	err = fstat(fd, &st) ? -errno : st.st_size <= 0 ? -EINVAL : 0;
	if (!err)
		at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (!err && at == MAP_FAILED)
		err = -errno;
	close(fd);
	if (err)
		return fault_set(f, err, "%s: %s", path, strerror(-err));
	c.checked_s = st.st_mtim.tv_sec;
	err = take_file(&c, slice_of(at, (size_t)st.st_size), rule, path, f);
	munmap(at, (size_t)st.st_size);
	if (!err)
		*out = c;
	return err;
}

int list_store_fill(const struct paths *p, struct rules *rules)
{
	struct rules_walk w = {0};
	const struct rule *r;
	int err = 0;

	while (!err && (r = rules_next_of(rules, &w, RULES_OF_KIND(RULE_LIST)))) {
		struct list_copy c = {0};

		if (rules_list(rules, r->id) || list_store_load(p, r, &c, NULL))
			continue;
		err = rules_set_list(rules, r->id, c.list);
		list_copy_clear(&c);
	}
	return err;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void write_head(struct text *t, const struct rule *rule, const struct list_copy *c)
{
	struct slice source = rule_list_source(rule);

	text_puts(t, FIRST_LINE);
	text_printf(t, "# source %.*s\n", (int)source.len, (const char *)source.at);
	if (c->etag[0])
		text_printf(t, "# etag %s\n", c->etag);
	if (c->modified[0])
		text_printf(t, "# modified %s\n", c->modified);
	text_printf(t, "# fetched %" PRId64 "\n", c->fetched_s);
#define X(name, help) text_printf(t, "# " #name " %" PRIu64 "\n", c->counts.name);
	LIST_COUNTS(X)
#undef X
	text_putc(t, '\n');
}

int list_store_save(const struct paths *p, const struct rule *rule, const struct list_copy *c,
		    struct fault *f)
{
	struct slice entries = list_text(c->list);
	struct text t = {0};
	char path[FILE_MAX];
	int err;

	snprintf(path, sizeof(path), "%s/lists", p->state_dir);
	if (mkdir(path, 0750) && errno != EEXIST)
		return fault_set(f, -errno, "%s: %s", path, strerror(errno));
	file_path(p, rule, path);
	write_head(&t, rule, c);
	text_add(&t, entries.at, entries.len);
	err = t.failed ? fault_set(f, -ENOMEM, "out of memory") : rules_save_text(t.at, path, f);
	text_clear(&t);
	return err;
}

void list_store_touch(const struct paths *p, const struct rule *rule, int64_t now_s)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = now_s}};
	char path[FILE_MAX];

	file_path(p, rule, path);
	utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}

static bool is_used(const struct rules *rules, const char *file)
{
	struct rules_walk w = {0};
	const struct rule *r;
	char name[64];

	while ((r = rules_next_of(rules, &w, RULES_OF_KIND(RULE_LIST)))) {
		file_name(r, name, sizeof(name));
		if (strcmp(name, file) == 0)
			return true;
	}
	return false;
}

void list_store_sweep(const struct paths *p, const struct rules *rules)
{
	char path[FILE_MAX];
	const struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/lists", p->state_dir);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		const char *end = strstr(e->d_name, SUFFIX);

		/* Also what a process left that died while it wrote: "NAME.list.PID.new". */
		if (end && !is_used(rules, e->d_name))
			unlinkat(dirfd(dir), e->d_name, 0);
	}
	if (dir)
		closedir(dir);
}
