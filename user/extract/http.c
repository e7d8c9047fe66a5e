/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the head of an HTTP/1 request, on any port, and the host it is for. As tolerant as
 * servers are (case, blanks, folded lines, bare LF), because a name a server understands must be
 * understood here too; and as strict as needed to let every other protocol go at its first line. A
 * name in a query or a cookie is never a name, and one in a body only where servers do not agree
 * that it is in the body.
 *
 * One pass over the head; each byte is looked at a fixed number of times.
 *
 * Standards: RFC 9112 2, 3 (request line, Host), 5 (fields); RFC 9110 4.2, 7.8, 9.3.6; RFC
 * 3986 3.2.
 */
#include "extract/extract.h"
#include "extract/http_doubt.h"
#include "extract/http_fields.h"
#include "extract/http_host.h"
#include "extract/http_line.h"
#include "extract/http_text.h"
#include "extract/proxy.h"

struct request {
	struct http_line line;
	struct http_fields fields;
};

/* The other direction: a status line (RFC 9112 4). It names nothing. */
static enum extract_answer try_response(struct slice rest)
{
	static const char start[] = "HTTP/1.";
	size_t len = sizeof(start) - 1 < rest.len ? sizeof(start) - 1 : rest.len;

	if (rest.at[0] != (uint8_t)start[0] || memcmp(rest.at, start, len) != 0)
		return EXTRACT_NOT_MINE;
	return len < sizeof(start) - 1 ? EXTRACT_NEED_MORE : EXTRACT_FOUND;
}

/* The preface of HTTP/2 (RFC 9113 3.4), which looks like a request: FOUND when these bytes begin
 * with it, or NEED_MORE when they may. http2.c reads it. */
static enum extract_answer try_preface(struct slice rest)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	size_t len = slice_first(rest, sizeof(preface) - 1).len;

	if (!len || rest.at[0] != (uint8_t)preface[0] || memcmp(rest.at, preface, len) != 0)
		return EXTRACT_NOT_MINE;
	return len < sizeof(preface) - 1 ? EXTRACT_NEED_MORE : EXTRACT_FOUND;
}

static enum extract_answer found(struct clue *clue, size_t consumed, enum clue_then then)
{
	clue->proto = PROTO_HTTP;
	clue->consumed = consumed;
	clue->then = then;
	return EXTRACT_FOUND;
}

/* Servers and their applications often leave the body of these unread (RFC
 * 9110 9.3.1, 9.3.2, 9.3.5, 9.3.7), and take what follows the head for the next request. */
static bool is_body_unread(struct slice method)
{
	static const char *const names[] = {"get", "head", "delete", "options"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (http_is_word(method, names[i]))
			return true;
	return false;
}

/* Whether the body that begins at byte `start` is, to some servers, the next request. */
static enum extract_answer try_body(const struct request *r, struct slice bytes, size_t start)
{
	struct http_line next = {.has_no_version = false};

	if (!r->fields.body.length || !is_body_unread(r->line.method))
		return EXTRACT_NOT_MINE;
	http_line_skip_empty(bytes, &start);
	return http_line_take(bytes, &start, &next);
}

static enum extract_answer doubt(struct request *r, struct slice bytes, size_t start)
{
	http_doubt_read(&r->fields, bytes, start);
	return EXTRACT_NEED_MORE;
}

/* How far the message reaches whose fields end at byte `at`. */
static enum extract_answer take_body(struct request *r, struct slice bytes, size_t at)
{
	struct clue *clue = r->fields.clue;
	size_t end = 0;

	if (http_is_word(r->line.method, "connect"))
		return found(clue, at, CLUE_THEN_ANY);
	switch (http_body_end(&r->fields.body, bytes, at, &end)) {
	case HTTP_BODY_LASTS: return EXTRACT_NEED_MORE;
	case HTTP_BODY_UNCLEAR: return doubt(r, bytes, at);
	case HTTP_BODY_ENDS: break;
	}
	switch (try_body(r, bytes, at)) {
	case EXTRACT_NEED_MORE: return EXTRACT_NEED_MORE;
	case EXTRACT_FOUND: return doubt(r, bytes, at);
	case EXTRACT_NOT_MINE: break;
	}
	return found(clue, end, r->fields.is_switch ? CLUE_THEN_ANY : CLUE_THEN_SAME);
}

/* All of a simple request is there; what may follow are fields for other servers than its own. */
static bool is_simple(const struct request *r, struct slice bytes, size_t at)
{
	return r->line.has_no_version && at == bytes.len;
}

/* The request line is there and sound: names, fields, and how far the message reaches. */
static enum extract_answer take_request(struct request *r, struct slice bytes, size_t at)
{
	struct clue *clue = r->fields.clue;
	struct slice authority = http_is_word(r->line.method, "connect")
					 ? r->line.target
					 : http_host_of_target(r->line.target);
	enum http_fields_step step = HTTP_FIELDS_ON;
	enum extract_answer answer = EXTRACT_NEED_MORE;
	bool is_whole = is_simple(r, bytes, at);

	clue->proto = PROTO_HTTP;
	r->fields.body.is_plain = r->line.is_plain;
	if (authority.len)
		http_host_add(clue, authority);
	while (step == HTTP_FIELDS_ON)
		step = http_fields_take(&r->fields, bytes, &at);
	if (step == HTTP_FIELDS_OVER) {
		answer = take_body(r, bytes, at);
		is_whole = true;
	}
	if (is_whole && !clue->name_count)
		clue->flags |= CLUE_NO_NAME;
	return answer;
}

static enum extract_answer try_request(struct slice bytes, size_t at, struct clue *clue)
{
	struct request request = {.fields.clue = clue};
	enum extract_answer answer = http_line_take(bytes, &at, &request.line);

	return answer == EXTRACT_FOUND ? take_request(&request, bytes, at) : answer;
}

enum extract_answer http_try(struct slice bytes, const struct extract_context *ctx,
			     struct clue *clue)
{
	enum extract_answer answer;
	struct slice rest;
	size_t at = 0;

	if (proxy_head_read(bytes, &at) == PROXY_SHORT)
		return EXTRACT_NEED_MORE;
	answer = try_preface(slice_from(bytes, at));
	if (answer != EXTRACT_NOT_MINE)
		return answer == EXTRACT_FOUND ? EXTRACT_NOT_MINE : answer;
	http_line_skip_empty(bytes, &at);
	rest = slice_from(bytes, at);
	if (!rest.len)
		return EXTRACT_NEED_MORE;
	answer = try_response(rest);
	if (answer == EXTRACT_FOUND)
		return found(clue, bytes.len, CLUE_THEN_END);
	if (answer == EXTRACT_NEED_MORE)
		return answer;
	return http_is_token(rest.at[0]) ? try_request(bytes, at, clue) : EXTRACT_NOT_MINE;
}
