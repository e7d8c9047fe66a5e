/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Reading what changed the rules; see history.h. Room: control. A file that was cut or changed by
 * hand is read as far as it is one, and said to be damaged.
 */
#include "control/history_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "policy/rules_compare.h"

int history_slurp(const char *path, size_t most, char **out, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st = {0};
	char *text = NULL;
	size_t have = 0;
	int err = fd < 0 || fstat(fd, &st) ? -errno : 0;

	if (!err && (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > most))
		err = -EFBIG;
	if (!err && !(text = malloc((size_t)st.st_size + 1)))
		err = -ENOMEM;
	while (!err && have < (size_t)st.st_size) {
		ssize_t n = read(fd, text + have, (size_t)st.st_size - have);

		if (n < 0 && errno != EINTR)
			err = -errno;
		if (n == 0)
			break;
		have += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
	if (err) {
		free(text);
		return err;
	}
	text[have] = '\0';
	*out = text;
	*len = have;
	return 0;
}

void history_clear(struct history *h)
{
	free(h->text);
	*h = (struct history){0};
}

/* --- the index -------------------------------------------------------------------------------- */

static int place_of(const char *word)
{
	for (int i = 0; i < HISTORY_PLACES; i++)
		if (strcmp(word, history_place_name((enum history_place)i)) == 0)
			return i;
	return -1;
}

static bool time_of(const char *stamp, int64_t *out)
{
	struct tm tm = {0};
	const char *end = strptime(stamp, "%Y-%m-%dT%H:%M:%SZ", &tm);

	*out = (int64_t)timegm(&tm);
	return end && !*end;
}

/* What counts one by one comes nowhere near; and whoever reads JSON takes it for what it is (RFC
 * 8259 6). */
static bool is_count(uint64_t n)
{
	return n < (uint64_t)1 << 53;
}

/* Reads the line that begins an entry. */
static bool entry_read(const char *line, struct history_entry *e)
{
	char stamp[24], by[12], place[8];
	int end = 0, kind;

	if (sscanf(line,
		   "change %" SCNu64 " %23s %11s +%" SCNu64 " -%" SCNu64 " %16" SCNx64 " %16" SCNx64
		   " %" SCNu64 " %7s%n",
		   &e->number, stamp, by, &e->added, &e->removed, &e->before, &e->after, &e->bytes,
		   place, &end) != 9 ||
	    line[end])
		return false;
	e->by = history_by_of(by, HISTORY_BYS);
	kind = place_of(place);
	e->place = kind < 0 ? HISTORY_LOST : (enum history_place)kind;
	return e->number && is_count(e->number) && is_count(e->added) && is_count(e->removed) &&
	       e->by != HISTORY_BYS && kind >= 0 && time_of(stamp, &e->time_s) &&
	       e->bytes <= HISTORY_CHANGE_MAX &&
	       (e->place != HISTORY_HERE || e->bytes <= HISTORY_HERE_MAX);
}

/* The next line of a text, ended by a NUL in its place; NULL when there is no whole one left. */
static char *next_line(char **at, const char *end)
{
	char *line = *at, *newline = memchr(line, '\n', (size_t)(end - line));

	if (!newline)
		return NULL;
	*newline = '\0';
	*at = newline + 1;
	return line;
}

/* One more entry, which begins with this line, its own lines behind it. */
static bool entry_take(struct history *h, const char *line, char **at, const char *end)
{
	struct history_entry e = {0};

	if (h->count == HISTORY_MAX || !entry_read(line, &e))
		return false;
	/* Each change is one more than the one before it. */
	if (h->count && e.number >= h->entry[h->count - 1].number)
		return false;
	if (e.place == HISTORY_HERE) {
		if (e.bytes > (uint64_t)(end - *at) || (e.bytes && (*at)[e.bytes - 1] != '\n'))
			return false;
		e.lines = slice_of(*at, (size_t)e.bytes);
		*at += e.bytes;
	}
	h->entry[h->count++] = e;
	return true;
}

static bool left_out_read(const char *line, struct history *h)
{
	uint64_t n;

	if (sscanf(line, "left-out %" SCNu64, &n) != 1 || !is_count(n))
		return false;
	h->left_out = n;
	return true;
}

static void parse(struct history *h, size_t len)
{
	const char *end = h->text + len;
	char *at = h->text, *line;
	size_t count;

	h->is_damaged = true;
	while ((line = next_line(&at, end)) != NULL) {
		if (sscanf(line, "# end %zu", &count) == 1)
			h->is_damaged = count != h->count || at != end;
		if (line[0] == '#' || left_out_read(line, h))
			continue;
		if (!entry_take(h, line, &at, end))
			return;
	}
}

int history_load(const struct paths *p, struct history *h, struct fault *f)
{
	char path[HISTORY_PATH_MAX];
	size_t len = 0;
	int err = history_slurp(history_path(p, 0, path), HISTORY_BYTES_MAX, &h->text, &len);

	if (err == -ENOENT)
		return 0;
	/* One that is no history is begun anew by the next change: rules come first. */
	if (err == -EFBIG || err == -ELOOP) {
		h->is_damaged = true;
		return 0;
	}
	if (err)
		return fault_set(f, err,
				 "%s: %s; run as root, or as a member of the group " PATHS_GROUP,
				 path, strerror(-err));
	parse(h, len);
	return 0;
}

void history_drop_unmade(struct history *h, uint64_t fingerprint)
{
	if (!h->count || h->entry[0].after == fingerprint || h->entry[0].before != fingerprint)
		return;
	h->count--;
	memmove(h->entry, h->entry + 1, h->count * sizeof(*h->entry));
}

int history_read(const struct paths *p, const struct rules *now, struct history *h, struct fault *f)
{
	int err;

	*h = (struct history){0};
	err = history_load(p, h, f);
	if (!err)
		history_drop_unmade(h, rules_fingerprint(now));
	return err;
}

int history_find(const struct history *h, uint64_t number, struct fault *f)
{
	if (!h->count)
		return fault_set(f, -EINVAL, "no change of the rules is kept%s",
				 h->is_damaged ? ": history.txt is damaged" : "");
	for (size_t i = 0; i < h->count; i++)
		if (number ? h->entry[i].number == number : h->entry[i].by != HISTORY_END)
			return (int)i;
	if (!number)
		return 0;
	return fault_set(f, -EINVAL,
			 "no change %" PRIu64 " is kept; the kept ones are %" PRIu64 " to %" PRIu64
			 ", `dpi-xdp rules history` shows them",
			 number, h->entry[h->count - 1].number, h->entry[0].number);
}

size_t history_reach(const struct history *h, const struct rules *now)
{
	uint64_t fingerprint = rules_fingerprint(now);
	size_t i = 0;

	for (; i < h->count && h->entry[i].after == fingerprint; i++) {
		if (h->entry[i].place == HISTORY_LOST)
			break;
		fingerprint = h->entry[i].before;
	}
	return i;
}
