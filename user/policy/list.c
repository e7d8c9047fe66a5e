/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: a list as memory holds it, one text; see list.h. What is read here was written by
 * list_reader.c, but may have lain in a file meanwhile: every line is looked at.
 */
#include "policy/list.h"
#include "base/name.h"

#include <errno.h>
#include <stdlib.h>

enum { NAME_BYTES_MAX = 253 /* RFC 1035 2.3.4 */ };

struct list {
	size_t owners;
	size_t names_len, len;
	size_t name_count, addr_count;
	char *text;
};

/* The line at a byte of a text, without its end. */
static struct slice line_at(struct slice text, size_t at)
{
	struct slice rest = slice_from(text, at);
	const uint8_t *end = memchr(rest.at, '\n', rest.len);

	return end ? slice_first(rest, (size_t)(end - rest.at)) : rest;
}

static struct list_name name_of(struct slice line)
{
	struct list_name n = {.name = line};

	n.is_spare = n.name.len && n.name.at[0] == '@';
	n.name = slice_from(n.name, n.is_spare);
	n.is_exact = n.name.len && n.name.at[0] == '=';
	n.name = slice_from(n.name, n.is_exact);
	return n;
}

/* No name has a colon or a slash, or ends as a quad of numbers does. */
static bool is_addr(struct slice line, struct dpi_addr *addr, uint8_t *bits)
{
	uint8_t last = line.len ? line.at[line.len - 1] : 0;

	return ((last >= '0' && last <= '9') || memchr(line.at, ':', line.len)) &&
	       addr_parse_net(line, addr, bits) == 0;
}

static bool is_canonical_name(struct slice name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.at[i] >= 'A' && name.at[i] <= 'Z')
			return false;
	return name.len && name.len <= NAME_BYTES_MAX && name_is_host(name);
}

/* Counts the lines of a text and sees that each is one of a list. Returns 0 or the number of a line
 * that is not. */
static size_t survey(struct slice text, struct list *l)
{
	size_t line_count = 0;

	for (size_t at = 0; at < text.len;) {
		struct slice line = line_at(text, at);
		struct dpi_addr addr;
		uint8_t bits;

		line_count++;
		at += line.len + 1;
		if (at > text.len)
			return line_count; /* the last line has no end: the text was cut */
		if (is_addr(line, &addr, &bits)) {
			l->addr_count++;
			continue;
		}
		if (l->addr_count || !is_canonical_name(name_of(line).name))
			return line_count;
		l->name_count++;
		l->names_len = at;
	}
	return 0;
}

struct list *list_parse(struct slice text, struct fault *f)
{
	struct list *l = calloc(1, sizeof(*l));
	size_t bad;

	if (!l)
		goto no_memory;
	bad = survey(text, l);
	if (bad) {
		fault_set(f, -EINVAL, "line %zu of a stored list is damaged: fetch it again", bad);
		free(l);
		return NULL;
	}
	if (text.len > LIST_BYTES_MAX || l->name_count + l->addr_count > LIST_ENTRIES_MAX) {
		fault_set(f, -EINVAL, "a list has at most %d entries", LIST_ENTRIES_MAX);
		free(l);
		return NULL;
	}
	l->text = malloc(text.len + 1);
	if (!l->text)
		goto no_memory;
	if (text.len)
		memcpy(l->text, text.at, text.len);
	l->len = text.len;
	l->owners = 1;
	return l;
no_memory:
	free(l);
	fault_set(f, -ENOMEM, "out of memory");
	return NULL;
}

struct list *list_of(char *text, size_t names_len, size_t len)
{
	struct list *l = calloc(1, sizeof(*l));

	if (!l) {
		free(text);
		return NULL;
	}
	*l = (struct list){.owners = 1, .names_len = names_len, .len = len, .text = text};
	for (size_t at = 0; at < len; at++) {
		const char *end = memchr(text + at, '\n', len - at);

		if (!end)
			break;
		++*(at < names_len ? &l->name_count : &l->addr_count);
		at = (size_t)(end - text);
	}
	return l;
}

struct list *list_hold(struct list *l)
{
	if (l)
		l->owners++;
	return l;
}

void list_drop(struct list *l)
{
	if (!l || --l->owners)
		return;
	free(l->text);
	free(l);
}

size_t list_name_count(const struct list *l)
{
	return l->name_count;
}

size_t list_addr_count(const struct list *l)
{
	return l->addr_count;
}

struct slice list_text(const struct list *l)
{
	return slice_of(l->text, l->len);
}

size_t list_names_len(const struct list *l)
{
	return l->names_len;
}

struct list_name list_name_at(const struct list *l, size_t at)
{
	return name_of(line_at(slice_of(l->text, l->names_len), at));
}

bool list_next_name(const struct list *l, size_t *at, struct list_name *out)
{
	struct slice line;

	if (*at >= l->names_len)
		return false;
	line = line_at(slice_of(l->text, l->names_len), *at);
	*at += line.len + 1;
	*out = name_of(line);
	return true;
}

bool list_next_addr(const struct list *l, size_t *at, struct dpi_addr *addr, uint8_t *bits)
{
	struct slice line;

	if (*at >= l->len)
		return false;
	line = line_at(slice_of(l->text, l->len), *at);
	*at += line.len + 1;
	return addr_parse_net(line, addr, bits) == 0;
}
