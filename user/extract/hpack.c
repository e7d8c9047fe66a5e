/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: header blocks of HTTP/2, field by field. A name that a server reads must be read
 * here too, so the dynamic table is followed exactly, and a field that is not known because it left
 * the part of the table that is kept is passed over, not taken for the end.
 *
 * Memory is fixed, whatever the numbers on the wire say.
 *
 * Standard: RFC 7541 4 (table), 6 (fields).
 */
#include "extract/hpack.h"

#include "extract/hpack_string.h"
#include "extract/http_text.h"

/* The names of the static table (RFC 7541 appendix A). The index counts from 1; row 0 is none. */
static const char *const static_name[] = {
	"",
	":authority",
	":method",
	":method",
	":path",
	":path",
	":scheme",
	":scheme",
	":status",
	":status",
	":status",
	":status",
	":status",
	":status",
	":status",
	"accept-charset",
	"accept-encoding",
	"accept-language",
	"accept-ranges",
	"accept",
	"access-control-allow-origin",
	"age",
	"allow",
	"authorization",
	"cache-control",
	"content-disposition",
	"content-encoding",
	"content-language",
	"content-length",
	"content-location",
	"content-range",
	"content-type",
	"cookie",
	"date",
	"etag",
	"expect",
	"expires",
	"from",
	"host",
	"if-match",
	"if-modified-since",
	"if-none-match",
	"if-range",
	"if-unmodified-since",
	"last-modified",
	"link",
	"location",
	"max-forwards",
	"proxy-authenticate",
	"proxy-authorization",
	"range",
	"referer",
	"refresh",
	"retry-after",
	"server",
	"set-cookie",
	"strict-transport-security",
	"transfer-encoding",
	"user-agent",
	"vary",
	"via",
	"www-authenticate",
};

enum {
	STATIC_COUNT = sizeof(static_name) / sizeof(static_name[0]) - 1,
	NAME_KEPT = 16, /* longer than ":authority" */
};

/* --- the table ------------------------------------------------------------------------------- */

static void evict(struct hpack_table *t, uint32_t size)
{
	while (t->count && t->size > size) {
		unsigned oldest = ((unsigned)t->newest + HPACK_ENTRIES + 1 - t->count) %
				  HPACK_ENTRIES;

		t->size -= t->entry[oldest].size;
		t->count--;
	}
}

/* RFC 7541 4.4: an entry that does not fit empties the table, and that is no fault. */
static void insert(struct hpack_table *t, const struct hpack_entry *e)
{
	evict(t, e->size <= t->max ? t->max - e->size : 0);
	if (e->size > t->max)
		return;
	t->newest = (uint16_t)((t->newest + 1U) % HPACK_ENTRIES);
	t->entry[t->newest] = *e;
	t->size += e->size;
	t->count++;
}

static void resize(struct hpack_table *t, uint32_t max)
{
	t->is_cut = max > HPACK_TABLE_HELD;
	t->max = t->is_cut ? HPACK_TABLE_HELD : max;
	evict(t, t->max);
}

/* The dynamic entry of an index; NULL when it is not here. */
static const struct hpack_entry *entry_at(const struct hpack_table *t, uint32_t index)
{
	uint32_t back = index - STATIC_COUNT - 1;

	if (index <= STATIC_COUNT || back >= t->count)
		return NULL;
	return &t->entry[(t->newest + HPACK_ENTRIES - back) % HPACK_ENTRIES];
}

static enum hpack_kind kind_of(struct slice name)
{
	if (http_is_word(name, ":authority"))
		return HPACK_AUTHORITY;
	return http_is_word(name, "host") ? HPACK_HOST : HPACK_OTHER;
}

/* --- fields ---------------------------------------------------------------------------------- */

/* Sets the name in e by an index. One that only the client's table holds is some other name. */
static enum hpack_answer name_by_index(const struct hpack_table *t, uint32_t index,
				       struct hpack_entry *e)
{
	const struct hpack_entry *known = entry_at(t, index);
	const char *text;

	if (index > STATIC_COUNT) {
		e->kind = known ? known->kind : HPACK_OTHER;
		e->name_len = known ? known->name_len : 0;
		return known || t->is_cut ? HPACK_OK : HPACK_BAD;
	}
	text = static_name[index];
	e->name_len = (uint32_t)strlen(text);
	e->kind = kind_of(slice_of(text, e->name_len));
	return index ? HPACK_OK : HPACK_BAD;
}

/* Sets the name in e by what stands in the block. */
static enum hpack_answer name_by_text(struct hpack_block *b, struct hpack_entry *e)
{
	uint8_t bytes[NAME_KEPT];
	struct hpack_text text = {.at = bytes, .room = sizeof(bytes)};
	struct hpack_string string;
	enum hpack_answer answer = hpack_take_string(b, &string);

	if (answer == HPACK_OK)
		answer = hpack_read_string(b, &string, &text);
	if (answer != HPACK_OK)
		return answer;
	e->name_len = text.len;
	e->kind = text.len <= sizeof(bytes) ? kind_of(slice_of(bytes, text.len)) : HPACK_OTHER;
	return HPACK_OK;
}

/* RFC 7541 6.1: a field that is in the table. The static table has no host in it, and one of the
 * dynamic table was read when it went in. */
static enum hpack_answer read_indexed(const struct hpack_table *t, struct hpack_block *b,
				      uint8_t first)
{
	struct hpack_entry e;
	enum hpack_answer answer;
	uint32_t index;

	answer = hpack_take_number(b, first, 7, &index);
	return answer == HPACK_OK ? name_by_index(t, index, &e) : answer;
}

/* RFC 7541 6.2: a field with its value, and perhaps its name. */
static enum hpack_answer read_literal(struct hpack_table *t, struct hpack_block *b, uint8_t first,
				      struct hpack_field *field)
{
	bool is_kept = first & 0x40, is_wanted;
	struct hpack_text text = {.at = field->value};
	struct hpack_string value;
	struct hpack_entry e;
	enum hpack_answer answer;
	uint32_t index;

	answer = hpack_take_number(b, first, is_kept ? 6 : 4, &index);
	if (answer == HPACK_OK)
		answer = index ? name_by_index(t, index, &e) : name_by_text(b, &e);
	if (answer == HPACK_OK)
		answer = hpack_take_string(b, &value);
	if (answer != HPACK_OK)
		return answer;
	is_wanted = e.kind != HPACK_OTHER;
	text.room = is_wanted ? sizeof(field->value) : 0;
	answer = is_wanted || is_kept ? hpack_read_string(b, &value, &text)
				      : hpack_skip_bytes(b, value.wire_len);
	if (answer != HPACK_OK)
		return answer;
	field->kind = e.kind;
	field->len = text.len;
	if (is_kept) {
		uint64_t size = (uint64_t)e.name_len + text.len + HPACK_ENTRY_OVERHEAD;

		e.size = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
		insert(t, &e);
	}
	return HPACK_OK;
}

static enum hpack_answer read_size(struct hpack_table *t, struct hpack_block *b, uint8_t first)
{
	uint32_t max;
	enum hpack_answer answer = hpack_take_number(b, first, 5, &max);

	if (answer == HPACK_OK)
		resize(t, max);
	return answer;
}

/*
 * The first byte of a field says what it is:
 *   1xxxxxxx  indexed           01xxxxxx  literal, goes into the table
 *   001xxxxx  size of the table 000xxxxx  literal, stays out of it (or never may go in)
 */
enum hpack_answer hpack_read(struct hpack_table *t, struct hpack_block *b,
			     struct hpack_field *field)
{
	enum hpack_answer answer = hpack_reach_byte(b);
	uint8_t first;

	if (answer != HPACK_OK)
		return answer;
	field->kind = HPACK_OTHER;
	field->len = 0;
	first = b->wire.at[b->place.at++];
	if (first & 0x80)
		return read_indexed(t, b, first);
	if ((first & 0xe0) == 0x20)
		return read_size(t, b, first);
	return read_literal(t, b, first, field);
}
