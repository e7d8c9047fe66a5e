/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: a list out of a file of somebody else's, in pieces as they come; see list_reader.h.
 * It holds the lines together, keeps what is there already from coming twice, and refuses what is
 * no list. What a line says is list_line.c's matter.
 */
#include "policy/list_reader.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE_MAX_LEN = 4096, CHUNK_BYTES = 65536, FIRST_SLOTS = 2048 };

/* Entries of one sort, and where each of them stands: a line of the text. */
struct heap {
	struct text text;
	size_t count;
	struct {
		uint32_t mark, at; /* upper half of its hash; place + 1, or 0 */
	} * slot;
	size_t slot_count;
};

struct list_reader {
	struct list_counts counts;
	struct heap names, addrs;
	uint8_t line[LINE_MAX_LEN]; /* one that has not ended yet */
	size_t line_len;
	uint64_t line_number;
	bool is_long;  /* it is longer than that: the rest of it is left out too */
	bool is_begun; /* something was in the file */
};

/* --- no entry twice --------------------------------------------------------------------------- */

static uint64_t hash_of(struct slice s)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < s.len; i++)
		hash = (hash ^ s.at[i]) * 0x100000001b3ULL;
	return hash ^ hash >> 29;
}

static bool is_at(const struct heap *h, uint32_t at, struct slice entry)
{
	return h->text.len - at > entry.len && h->text.at[at + entry.len] == '\n' &&
	       memcmp(h->text.at + at, entry.at, entry.len) == 0;
}

/* Four times the slots; the marks alone do not tell an entry's place, so each is hashed again. */
static int grow(struct heap *h)
{
	size_t slot_count = h->slot_count ? h->slot_count * 4 : FIRST_SLOTS;
	void *slot = calloc(slot_count, sizeof(*h->slot));

	if (!slot)
		return -ENOMEM;
	free(h->slot);
	h->slot = slot;
	h->slot_count = slot_count;
	for (size_t at = 0; at < h->text.len;) {
		const char *end = memchr(h->text.at + at, '\n', h->text.len - at);
		size_t len = (size_t)(end - (h->text.at + at));
		uint64_t hash = hash_of(slice_of(h->text.at + at, len));
		size_t i = hash & (slot_count - 1);

		while (h->slot[i].at)
			i = (i + 1) & (slot_count - 1);
		h->slot[i].mark = (uint32_t)(hash >> 32);
		h->slot[i].at = (uint32_t)at + 1;
		at += len + 1;
	}
	return 0;
}

/* Returns 1 when it was added, 0 when it was there, or -ENOMEM. */
static int heap_add(struct heap *h, struct slice entry)
{
	uint64_t hash = hash_of(entry);
	size_t i;

	if ((h->count + 1) * 3 > h->slot_count * 2 && grow(h))
		return -ENOMEM;
	for (i = hash & (h->slot_count - 1); h->slot[i].at; i = (i + 1) & (h->slot_count - 1))
		if (h->slot[i].mark == hash >> 32 && is_at(h, h->slot[i].at - 1, entry))
			return 0;
	h->slot[i].mark = (uint32_t)(hash >> 32);
	h->slot[i].at = (uint32_t)h->text.len + 1;
	text_add(&h->text, entry.at, entry.len);
	text_putc(&h->text, '\n');
	h->count++;
	return h->text.failed ? -ENOMEM : 1;
}

static void heap_clear(struct heap *h)
{
	text_clear(&h->text);
	free(h->slot);
}

/* --- the reader ------------------------------------------------------------------------------- */

struct list_reader *list_reader_new(void)
{
	return calloc(1, sizeof(struct list_reader));
}

void list_reader_free(struct list_reader *r)
{
	if (!r)
		return;
	heap_clear(&r->names);
	heap_clear(&r->addrs);
	free(r);
}

void list_counts_set(struct list_counts *c, const char *name, uint64_t n)
{
#define X(field, help)                 \
	if (strcmp(name, #field) == 0) \
		c->field = n;
	LIST_COUNTS(X)
#undef X
}

struct list_counts *list_reader_counts(struct list_reader *r)
{
	return &r->counts;
}

int list_reader_add(struct list_reader *r, struct slice entry, bool is_addr)
{
	int added = heap_add(is_addr ? &r->addrs : &r->names, entry);

	if (added < 0)
		return added;
	++*(!added ? &r->counts.duplicates : is_addr ? &r->counts.addrs : &r->counts.names);
	return 0;
}

static int refuse_large(struct fault *f)
{
	return fault_set(f, -EINVAL, "it has more than %d entries or %d MiB: take a smaller list",
			 LIST_ENTRIES_MAX, LIST_BYTES_MAX >> 20);
}

static bool is_too_large(const struct list_reader *r)
{
	return r->names.count + r->addrs.count > LIST_ENTRIES_MAX ||
	       r->names.text.len + r->addrs.text.len > LIST_BYTES_MAX;
}

/* What no list has: whoever sent it meant something else. */
static int refuse_strange(struct list_reader *r, struct slice line, struct fault *f)
{
	size_t at = 0;

	if (memchr(line.at, 0, line.len))
		return fault_set(f, -EINVAL,
				 "it is not text (a NUL in line %" PRIu64 "): check the address, "
				 "and unpack it if it is packed",
				 r->line_number);
	while (at < line.len && (line.at[at] <= ' ' || line.at[at] >= 0x80))
		at++; /* blanks, and the mark that some editors put first */
	if (r->is_begun || at == line.len)
		return 0;
	r->is_begun = true;
	if (line.at[at] == '<')
		return fault_set(f, -EINVAL,
				 "it is a page of HTML or XML and not a list: check the address");
	return 0;
}

static int end_line(struct list_reader *r, struct slice line, struct fault *f)
{
	static const uint8_t mark[] = {0xef, 0xbb, 0xbf};
	int err;

	r->line_number++;
	if (r->line_number == 1 && slice_equal(slice_first(line, 3), slice_of(mark, 3)))
		line = slice_from(line, 3);
	err = refuse_strange(r, line, f);
	if (err)
		return err;
	if (r->is_long) {
		r->is_long = false;
		r->counts.lines++;
		r->counts.unknown++;
		return 0;
	}
	err = list_line_read(r, line, f);
	if (!err && is_too_large(r))
		err = refuse_large(f);
	return err == -ENOMEM ? fault_set(f, err, "out of memory") : err;
}

/* Keeps the beginning of a line whose end is still to come. */
static void keep(struct list_reader *r, struct slice part)
{
	size_t room = sizeof(r->line) - r->line_len;

	r->is_long |= part.len > room;
	part = slice_first(part, room);
	if (part.len)
		memcpy(r->line + r->line_len, part.at, part.len);
	r->line_len += part.len;
}

int list_reader_feed(struct list_reader *r, struct slice bytes, struct fault *f)
{
	while (bytes.len) {
		const uint8_t *end = memchr(bytes.at, '\n', bytes.len);
		struct slice line = slice_first(bytes, end ? (size_t)(end - bytes.at) : bytes.len);
		int err;

		bytes = slice_from(bytes, line.len + 1);
		if (!end || r->line_len || r->is_long || line.len > sizeof(r->line)) {
			keep(r, line);
			line = slice_of(r->line, r->line_len);
		}
		if (!end)
			return 0;
		r->line_len = 0;
		err = end_line(r, line, f);
		if (err)
			return err;
	}
	return 0;
}

static int refuse_empty(const struct list_counts *c, struct fault *f)
{
	return fault_set(f, -EINVAL,
			 "no name and no address is in it (%" PRIu64 " lines, %" PRIu64
			 " not understood, %" PRIu64 " left out): check the address or the path",
			 c->lines, c->unknown,
			 c->cosmetic + c->options + c->patterns + c->local + c->suffixes +
				 c->rewrites);
}

int list_reader_end(struct list_reader *r, struct list **out, struct list_counts *counts,
		    struct fault *f)
{
	const struct list_counts *c = &r->counts;
	size_t names_len;
	struct text all;
	int err = 0;

	if (r->line_len || r->is_long)
		err = end_line(r, slice_of(r->line, r->line_len), f);
	r->line_len = 0;
	*counts = *c;
	if (err)
		return err;
	if (c->unknown * 2 > c->lines)
		return fault_set(f, -EINVAL,
				 "%" PRIu64 " of its %" PRIu64 " lines are not understood: it is "
				 "no hosts file and no list of names, filter rules or addresses",
				 c->unknown, c->lines);
	if (!c->names && !c->addrs)
		return refuse_empty(c, f);
	all = r->names.text;
	names_len = all.len;
	r->names.text = (struct text){0};
	text_add(&all, r->addrs.text.at, r->addrs.text.len);
	if (all.failed)
		text_clear(&all);
	*out = all.at ? list_of(all.at, names_len, all.len) : NULL;
	return *out ? 0 : fault_set(f, -ENOMEM, "out of memory");
}

int list_read_file(const char *path, struct list **out, struct list_counts *counts, struct fault *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	struct list_reader *r = list_reader_new();
	uint8_t *chunk = malloc(CHUNK_BYTES);
	struct fault why = {"out of memory"};
	ssize_t got = 1;

	if (fd < 0)
		err = fault_set(&why, -errno, "%s; check the path", strerror(errno));
	else if (!r || !chunk)
		err = -ENOMEM;
	while (!err && got) {
		got = read(fd, chunk, CHUNK_BYTES);
		if (got > 0)
			err = list_reader_feed(r, slice_of(chunk, (size_t)got), &why);
		else if (got < 0 && errno != EINTR)
			err = fault_set(&why, -errno, "%s; check the path", strerror(errno));
	}
	if (!err)
		err = list_reader_end(r, out, counts, &why);
	list_reader_free(r);
	free(chunk);
	if (fd >= 0)
		close(fd);
	return err ? fault_set(f, err, "%s: %.400s", path, why.text) : 0;
}
