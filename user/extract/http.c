/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the head of an HTTP/1 request, on any port, and the host it is for. As tolerant as
 * servers are (case, blanks, folded lines, bare LF), because a name a server understands must be
 * understood here too; and as strict as needed to let every other protocol go at its first line. A
 * name in a query, a cookie or a body is never a name.
 *
 * One pass over the head; each byte is looked at a fixed number of times.
 *
 * Standards: RFC 9112 2, 3 (request line, Host), 5 (fields); RFC 9110 4.2, 7.8, 9.3.6; RFC
 * 3986 3.2.
 */
#include "extract/extract.h"
#include "extract/http_body.h"
#include "extract/http_host.h"
#include "extract/http_text.h"
#include "extract/proxy.h"

enum {
	METHOD_MAX = 20,
	UNFOLDED_MAX = 512,
};

struct request {
	struct clue *clue;
	struct slice method, target;
	struct http_body body;
	unsigned host_count;
	uint8_t major;	/* digit of the version */
	bool is_old;	/* HTTP/0.9: no version, no fields */
	bool is_switch; /* asks for another protocol than HTTP/2 */
};

/* --- fields ---------------------------------------------------------------------------------- */

static void field_host(struct request *r, struct slice value)
{
	uint8_t unfolded[UNFOLDED_MAX];
	size_t len = 0;

	if (++r->host_count > 1)
		r->clue->flags |= CLUE_MANY_NAMES;
	if (!value.len || !memchr(value.at, '\n', value.len)) {
		http_host_add(r->clue, value);
		return;
	}
	/* A folded line: its end and the blanks around it count as one space (RFC 9112 5.2). */
	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = value.at[i];
		bool is_gap = http_is_blank(c) || c == '\r' || c == '\n';

		if (is_gap && len && unfolded[len - 1] == ' ')
			continue;
		if (len == sizeof(unfolded)) {
			r->clue->flags |= CLUE_ODD_NAME;
			return;
		}
		unfolded[len++] = is_gap ? ' ' : c;
	}
	http_host_add(r->clue, slice_of(unfolded, len));
}

static void field_length(struct request *r, struct slice value)
{
	http_body_length(&r->body, value);
}

static void field_coding(struct request *r, struct slice value)
{
	http_body_coding(&r->body, value);
}

static void field_upgrade(struct request *r, struct slice value)
{
	r->is_switch = !http_is_word(value, "h2c");
}

static const struct field {
	const char *name;
	void (*take)(struct request *r, struct slice value);
} fields[] = {
	{"host", field_host},
	{"content-length", field_length},
	{"transfer-encoding", field_coding},
	{"upgrade", field_upgrade},
};

/* Between the words of a request line: RFC 9112 3 lets servers take any of the controls here, and
 * some split at whatever is white space in Latin-1. */
static bool is_gap(uint8_t c)
{
	return c == ' ' || c == '\t' || c == 0x0b || c == 0x0c || c == '\r' ||
	       (c >= 0x1c && c <= 0x1f) || c == 0x85 || c == 0xa0;
}

static struct slice trim_gaps(struct slice s)
{
	while (s.len && is_gap(s.at[0]))
		s = slice_from(s, 1);
	while (s.len && is_gap(s.at[s.len - 1]))
		s.len--;
	return s;
}

/* One field with the lines folded into it: "name: value". */
static void take_field(struct request *r, struct slice raw)
{
	const uint8_t *colon = memchr(raw.at, ':', raw.len);
	struct slice name, value;

	if (!colon)
		return;
	name = http_trim(slice_of(raw.at, (size_t)(colon - raw.at)));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!http_is_word(name, fields[i].name))
			continue;
		value = slice_from(raw, (size_t)(colon - raw.at) + 1);
		fields[i].take(r, http_trim(value));
		return;
	}
}

/* Some servers end a line at a CR alone. */
static void take_field_lines(struct request *r, struct slice raw)
{
	size_t start = 0;

	for (size_t i = 0; i + 1 < raw.len; i++) {
		if (raw.at[i] != '\r' || raw.at[i + 1] == '\n')
			continue;
		take_field(r, slice_of(raw.at + start, i - start));
		start = i + 1;
	}
	take_field(r, slice_from(raw, start));
}

/*
 * Takes the fields from *at on and moves it behind the empty line that ends them. A field counts
 * once the byte after its line is there, which says whether the line goes on. Returns false when
 * the bytes end first.
 */
static bool take_fields(struct request *r, struct slice bytes, size_t *at)
{
	for (;;) {
		size_t start = *at;
		struct slice line;

		if (!http_take_line(bytes, at, &line))
			return false;
		if (!line.len)
			return true;
		while (*at < bytes.len && http_is_blank(bytes.at[*at]))
			if (!http_take_line(bytes, at, &line))
				return false;
		if (*at == bytes.len)
			return false;
		take_field_lines(r, slice_of(bytes.at + start, *at - start));
	}
}

/* --- the request line ------------------------------------------------------------------------ */

/* "HTTP/1.1", and what servers take for it: any case, leading zeros. */
static bool is_version(struct slice word, uint8_t *major)
{
	size_t at = sizeof("HTTP/") - 1, dot;

	if (!http_is_word(slice_first(word, at), "http/"))
		return false;
	for (dot = at; dot < word.len && word.at[dot] >= '0' && word.at[dot] <= '9'; dot++)
		*major = word.at[dot];
	if (dot == at || dot + 1 >= word.len || word.at[dot] != '.')
		return false;
	for (at = dot + 1; at < word.len; at++)
		if (word.at[at] < '0' || word.at[at] > '9')
			return false;
	return true;
}

/* Splits a whole line into method, target and version. Returns false when it is no request. */
static bool split_request_line(struct request *r, struct slice line)
{
	struct slice rest = trim_gaps(slice_from(line, r->method.len));
	size_t at = rest.len;

	while (at && !is_gap(rest.at[at - 1]))
		at--;
	if (is_version(slice_from(rest, at), &r->major)) {
		r->target = trim_gaps(slice_first(rest, at));
		return r->target.len > 0;
	}
	/* RFC 1945 5.1: a simple request is "GET" and a path or URL, and that is all. */
	r->is_old = true;
	r->target = rest;
	return slice_equal(r->method, slice_text("GET")) && rest.len && at == 0 &&
	       (rest.at[0] == '/' || http_is_word(slice_first(rest, 7), "http://"));
}

/* Bytes that a request line may hold. */
static bool is_line_byte(uint8_t c)
{
	return (c >= 0x20 && c != 0x7f) || is_gap(c);
}

/* Reads the request line at *at and moves behind it. FOUND: it is one. */
static enum extract_answer take_request_line(struct request *r, struct slice bytes, size_t *at)
{
	struct slice rest = slice_from(bytes, *at), line;
	size_t len = 0, i;

	while (len < rest.len && len <= METHOD_MAX && http_is_token(rest.at[len]))
		len++;
	if (len > METHOD_MAX)
		return EXTRACT_NOT_MINE;
	if (len == rest.len)
		return EXTRACT_NEED_MORE;
	if (len == 0 || !is_gap(rest.at[len]))
		return EXTRACT_NOT_MINE;
	r->method = slice_first(rest, len);
	for (i = len; i < rest.len && rest.at[i] != '\n'; i++)
		if (!is_line_byte(rest.at[i]))
			return EXTRACT_NOT_MINE;
	if (!http_take_line(bytes, at, &line))
		return EXTRACT_NEED_MORE;
	return split_request_line(r, line) ? EXTRACT_FOUND : EXTRACT_NOT_MINE;
}

/* Moves *at over the empty lines that servers allow before a request (RFC 9112 2.2), some of them
 * any number. */
static void skip_empty_lines(struct slice bytes, size_t *at)
{
	while (*at < bytes.len && (bytes.at[*at] == '\n' || bytes.at[*at] == '\r'))
		*at += 1;
}

/* --- the whole message ----------------------------------------------------------------------- */

/* The other direction: a status line (RFC 9112 4). It names nothing. */
static enum extract_answer try_response(struct slice rest)
{
	static const char start[] = "HTTP/1.";
	size_t len = sizeof(start) - 1 < rest.len ? sizeof(start) - 1 : rest.len;

	if (memcmp(rest.at, start, len) != 0)
		return EXTRACT_NOT_MINE;
	return len < sizeof(start) - 1 ? EXTRACT_NEED_MORE : EXTRACT_FOUND;
}

static enum extract_answer found(struct clue *clue, size_t consumed, enum clue_then then)
{
	clue->proto = PROTO_HTTP;
	clue->consumed = consumed;
	clue->then = then;
	return EXTRACT_FOUND;
}

/* The request line is there and sound: names, fields, and how far the message reaches. */
static enum extract_answer take_request(struct request *r, struct slice bytes, size_t at)
{
	bool is_connect = http_is_word(r->method, "connect");
	struct slice authority = is_connect ? r->target : http_host_of_target(r->target);
	size_t end = 0;

	r->clue->proto = PROTO_HTTP;
	/* RFC 9113 3.4: the preface of HTTP/2; its names are compressed. */
	if (r->major == '2' && slice_equal(r->method, slice_text("PRI")))
		return found(r->clue, at, CLUE_THEN_END);
	if (authority.len)
		http_host_add(r->clue, authority);
	if (!r->is_old && !take_fields(r, bytes, &at))
		return EXTRACT_NEED_MORE;
	switch (is_connect ? HTTP_BODY_ENDS : http_body_end(&r->body, bytes, at, &end)) {
	case HTTP_BODY_LASTS: return EXTRACT_NEED_MORE;
	case HTTP_BODY_UNCLEAR: found(r->clue, at, CLUE_THEN_END); break;
	case HTTP_BODY_ENDS:
		if (r->is_old)
			found(r->clue, at, CLUE_THEN_END);
		else if (is_connect)
			found(r->clue, at, CLUE_THEN_ANY);
		else
			found(r->clue, end, r->is_switch ? CLUE_THEN_ANY : CLUE_THEN_SAME);
		break;
	}
	if (!r->clue->name_count)
		r->clue->flags |= CLUE_NO_NAME;
	return EXTRACT_FOUND;
}

enum extract_answer http_try(struct slice bytes, const struct extract_context *ctx,
			     struct clue *clue)
{
	struct request request = {.clue = clue};
	enum extract_answer answer;
	struct slice rest;
	size_t at = 0;

	if (proxy_head_read(bytes, &at) == PROXY_SHORT)
		return EXTRACT_NEED_MORE;
	skip_empty_lines(bytes, &at);
	rest = slice_from(bytes, at);
	if (!rest.len)
		return EXTRACT_NEED_MORE;
	answer = try_response(rest);
	if (answer == EXTRACT_FOUND)
		return found(clue, bytes.len, CLUE_THEN_END);
	if (answer == EXTRACT_NEED_MORE)
		return answer;
	answer = take_request_line(&request, bytes, &at);
	return answer == EXTRACT_FOUND ? take_request(&request, bytes, at) : answer;
}
