/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: one tag of XML. It never looks at what stands between tags.
 *
 * Standard: XML 1.0 3.1 (tags), 2.5 (comments), 2.8 (declaration), 4.1 (references).
 */
#include "extract/xml_tag.h"

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Where the tag ends whose '<' is the first of s: behind the '>' outside quotes; 0 when that is not
 * there. */
static size_t find_end(struct slice s)
{
	uint8_t quote = 0;

	for (size_t i = 1; i < s.len; i++) {
		if (quote)
			quote = s.at[i] == quote ? 0 : quote;
		else if (s.at[i] == '"' || s.at[i] == '\'')
			quote = s.at[i];
		else if (s.at[i] == '>')
			return i + 1;
	}
	return 0;
}

/* Behind the name of the tag, which begins at `from`; s.len when all of s could be name. */
static size_t name_end(struct slice s, size_t from)
{
	while (from < s.len && !is_space(s.at[from]) && s.at[from] != '>' && s.at[from] != '/')
		from++;
	return from;
}

static void set_name(struct xml_tag *tag)
{
	struct slice text = tag->text;
	size_t end = name_end(text, 1);

	/* The end of an element, "</...", is named nothing. */
	if (text.len > 1 && text.at[1] == '/')
		end = 1;
	tag->is_named = end < text.len;
	tag->is_aside = text.len > 1 && (text.at[1] == '?' || text.at[1] == '!');
	tag->local = slice_from(slice_first(text, end), 1);
	for (size_t i = 0; i < tag->local.len; i++)
		if (tag->local.at[i] == ':') {
			tag->local = slice_from(tag->local, i + 1);
			break;
		}
}

enum xml_answer xml_tag_read(struct slice bytes, size_t from, struct xml_tag *tag)
{
	struct slice rest = slice_from(bytes, from);
	size_t len;

	*tag = (struct xml_tag){.end = 0};
	while (rest.len && is_space(rest.at[0]))
		rest = slice_from(rest, 1);
	if (bytes.len - rest.len - from > XML_TAG_MAX)
		return XML_BROKEN;
	tag->text = slice_first(rest, XML_TAG_MAX);
	if (!tag->text.len)
		return XML_SHORT;
	if (rest.at[0] != '<' || (tag->text.len > 1 && is_space(tag->text.at[1])))
		return XML_BROKEN;
	len = find_end(tag->text);
	if (!len && tag->text.len == XML_TAG_MAX)
		return XML_BROKEN;
	if (len)
		tag->text.len = len;
	set_name(tag);
	if (!len)
		return XML_SHORT;
	tag->end = bytes.len - rest.len + len;
	return XML_WHOLE;
}

/* --- attributes ------------------------------------------------------------------------------ */

/* The character that a reference "&...;" stands for, and its length; 0 when it is none of ASCII. */
static size_t resolve(struct slice s, uint8_t *c)
{
	static const struct {
		const char *text;
		uint8_t c;
	} names[] = {
		{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&apos;", '\''}, {"&quot;", '"'}};
	bool is_hex = s.len > 2 && s.at[2] == 'x';
	unsigned n = 0;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct slice name = slice_text(names[i].text);

		*c = names[i].c;
		if (slice_equal(slice_first(s, name.len), name))
			return name.len;
	}
	if (s.len < 4 || s.at[1] != '#')
		return 0;
	for (i = is_hex ? 3 : 2; i < s.len && s.at[i] != ';' && n < 0x80; i++) {
		uint8_t d = s.at[i], low = d | 0x20;

		if (d >= '0' && d <= '9')
			n = n * (is_hex ? 16 : 10) + (d - '0');
		else if (is_hex && low >= 'a' && low <= 'f')
			n = n * 16 + (low - 'a' + 10U);
		else
			return 0;
	}
	*c = (uint8_t)n;
	return i < s.len && s.at[i] == ';' && n && n < 0x80 ? i + 1 : 0;
}

static bool unescape(struct slice raw, uint8_t text[XML_VALUE_MAX], struct slice *value)
{
	size_t len = 0, step;

	if (!raw.len || !memchr(raw.at, '&', raw.len)) {
		*value = raw;
		return raw.len <= XML_VALUE_MAX;
	}
	for (size_t i = 0; i < raw.len; i += step) {
		uint8_t c = raw.at[i];

		if (len == XML_VALUE_MAX)
			return false;
		step = c == '&' ? resolve(slice_from(raw, i), &c) : 1;
		if (!step) {
			c = '&';
			step = 1;
		}
		text[len++] = c;
	}
	*value = slice_of(text, len);
	return true;
}

static void skip_space(struct slice *s)
{
	while (s->len && is_space(s->at[0]))
		*s = slice_from(*s, 1);
}

/* Takes name = "value". False at the end of the tag, or where it has another form. */
static bool take_attribute(struct slice *rest, struct slice *key, struct slice *raw)
{
	const uint8_t *quote;
	size_t len = 0;

	skip_space(rest);
	while (len < rest->len && !is_space(rest->at[len]) && rest->at[len] != '=')
		len++;
	*key = slice_first(*rest, len);
	*rest = slice_from(*rest, len);
	skip_space(rest);
	if (!rest->len || rest->at[0] != '=')
		return false;
	*rest = slice_from(*rest, 1);
	skip_space(rest);
	if (!rest->len || (rest->at[0] != '"' && rest->at[0] != '\''))
		return false;
	quote = memchr(rest->at + 1, rest->at[0], rest->len - 1);
	if (!quote)
		return false;
	*raw = slice_of(rest->at + 1, (size_t)(quote - rest->at) - 1);
	*rest = slice_from(*rest, raw->len + 2);
	return true;
}

bool xml_tag_attribute(const struct xml_tag *tag, const char *name, uint8_t text[XML_VALUE_MAX],
		       struct slice *value)
{
	struct slice rest = slice_from(tag->text, name_end(tag->text, 1)), key, raw;

	while (take_attribute(&rest, &key, &raw))
		if (slice_equal(key, slice_text(name)))
			return unescape(raw, text, value);
	return false;
}
