/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the fields of an HTTP/1 head. Heads of thousands of lines that say nothing come in
 * a byte at a time, and are read anew each time: a line costs no more than one look at each byte of
 * it, and only one that begins as a field of the table does is looked at again.
 *
 * Standards: RFC 9112 5 (fields), 5.2 (folded lines).
 */
#include "extract/http_fields.h"

#include "extract/http_host.h"
#include "extract/http_text.h"

enum { UNFOLDED_MAX = 512 };

static void field_host(struct http_fields *f, struct slice value)
{
	uint8_t unfolded[UNFOLDED_MAX];
	size_t len = 0;

	if (++f->host_count > 1)
		f->clue->flags |= CLUE_MANY_NAMES;
	if (!value.len || !memchr(value.at, '\n', value.len)) {
		http_host_add(f->clue, value);
		return;
	}
	/* A folded line: its end and the blanks around it count as one space (RFC 9112 5.2). */
	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = value.at[i];
		bool is_gap = http_is_blank(c) || c == '\r' || c == '\n';

		if (is_gap && len && unfolded[len - 1] == ' ')
			continue;
		if (len == sizeof(unfolded)) {
			f->clue->flags |= CLUE_ODD_NAME;
			return;
		}
		unfolded[len++] = is_gap ? ' ' : c;
	}
	http_host_add(f->clue, slice_of(unfolded, len));
}

static void field_length(struct http_fields *f, struct slice value)
{
	http_body_length(&f->body, value);
}

static void field_coding(struct http_fields *f, struct slice value)
{
	http_body_coding(&f->body, value);
}

static void field_upgrade(struct http_fields *f, struct slice value)
{
	(void)value;
	f->is_switch = true;
}

static const struct field {
	const char *name;
	size_t len;
	void (*take)(struct http_fields *f, struct slice value);
	bool is_of_body; /* servers that read it otherwise end the body elsewhere */
} table[] = {
	{"host", 4, field_host, false},
	{"content-length", 14, field_length, true},
	{"transfer-encoding", 17, field_coding, true},
	{"upgrade", 7, field_upgrade, false},
};

/* The first letters of the table's names. */
static bool may_be_known(uint8_t c)
{
	c |= 0x20;
	return c == 'h' || c == 'c' || c == 't' || c == 'u';
}

/* Around a name. */
static bool is_white(uint8_t c)
{
	return http_is_blank(c) || c == '\r' || c == '\n';
}

/* One field, "name: value", whose name begins at byte `name` of raw. is_odd: not every server takes
 * it for a field. */
static void take_known(struct http_fields *f, struct slice raw, size_t name, bool is_odd)
{
	struct slice rest = slice_from(raw, name);

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t colon = table[i].len;

		if ((rest.at[0] | 0x20) != table[i].name[0] ||
		    !http_is_word(slice_first(rest, colon), table[i].name))
			continue;
		while (colon < rest.len && is_white(rest.at[colon]))
			colon++;
		if (colon == rest.len || rest.at[colon] != ':')
			return;
		if (table[i].is_of_body && (is_odd || name || colon != table[i].len))
			f->body.is_unclear = true;
		table[i].take(f, http_trim(slice_from(rest, colon + 1)));
		return;
	}
}

static void take_field(struct http_fields *f, struct slice raw, bool is_odd)
{
	size_t name = 0;

	while (name < raw.len && is_white(raw.at[name]))
		name++;
	if (name < raw.len && may_be_known(raw.at[name]))
		take_known(f, raw, name, is_odd);
}

/* The next byte from `at` on that may end a line, or is below those that do; the last one when
 * there is none before. Eight at a time. */
static size_t next_control(struct slice bytes, size_t at)
{
	while (bytes.len - at > 8) {
		uint64_t hit = http_below(http_eight(bytes.at + at), '\r' + 1);

		if (hit)
			return at + (size_t)__builtin_ctzll(hit) / 8;
		at += 8;
	}
	while (at + 1 < bytes.len && bytes.at[at] > '\r')
		at++;
	return at;
}

/* Where a field ends: at a CR alone, as some servers have it, or with a line that no folded one
 * follows. False when the byte that says so is not there. */
static bool find_end(struct slice bytes, size_t at, size_t *end)
{
	for (; at + 1 < bytes.len; at++) {
		at = next_control(bytes, at);
		if (at + 1 >= bytes.len)
			return false;
		if ((bytes.at[at] == '\n' && !http_is_blank(bytes.at[at + 1])) ||
		    (bytes.at[at] == '\r' && bytes.at[at + 1] != '\n')) {
			*end = at;
			return true;
		}
	}
	return false;
}

enum http_fields_step http_fields_take(struct http_fields *f, struct slice bytes, size_t *at)
{
	struct slice rest = slice_from(bytes, *at);
	size_t start = *at, end;
	bool is_part = false;

	if (rest.len &&
	    (rest.at[0] == '\n' || (rest.len > 1 && rest.at[0] == '\r' && rest.at[1] == '\n'))) {
		*at += rest.at[0] == '\n' ? 1 : 2;
		return HTTP_FIELDS_OVER;
	}
	while (find_end(bytes, start, &end)) {
		bool is_end = bytes.at[end] == '\n';

		is_part |= !is_end;
		take_field(f, slice_of(bytes.at + start, end - start), is_part);
		start = end + 1;
		if (is_end) {
			*at = start;
			return HTTP_FIELDS_ON;
		}
	}
	return HTTP_FIELDS_MORE;
}
