/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the protocols that speak in lines and may change to TLS in the midst of them: SMTP,
 * IMAP, POP3, FTP, NNTP and IRC. They name nothing here; what counts is that they are known, and
 * that the TLS behind STARTTLS and its kin is found.
 *
 * A connection is known by one line: a verb or greeting that no other protocol has, or one that
 * others have too and a port or a second line that settles it. From then on any line is let pass,
 * as servers answer what they do not know with an error and go on; so a line that asks for TLS in
 * a way of its own hides nothing either: TLS records at the beginning of a line are read as such.
 *
 * Standards: RFC 3207 (SMTP), RFC 2595 (POP3), RFC 9051 6.2.1 (IMAP), RFC 4217 (FTP), RFC 4642
 * (NNTP).
 */
#include "extract/extract.h"
#include "extract/http_text.h"
#include "extract/lines_forms.h"
#include "extract/proxy.h"

enum {
	HEAD_MAX = 16384,  /* of text in front of the line that says which protocol this is */
	RECORD_FIRST = 20, /* the types of TLS records (RFC 8446 5.1) */
	RECORD_LAST = 23,
};

static enum extract_answer found(struct clue *clue, enum app_proto proto, size_t consumed,
				 enum clue_then then)
{
	clue->proto = proto;
	clue->consumed = consumed;
	clue->then = then;
	return EXTRACT_FOUND;
}

/* The head of a TLS record, as far as it is there. */
static bool is_record(struct slice s)
{
	return s.len && s.at[0] >= RECORD_FIRST && s.at[0] <= RECORD_LAST &&
	       (s.len < 2 || s.at[1] == 3);
}

/* --- a connection that is known -------------------------------------------------------------- */

/* Where the lines from `at` on end that neither ask for TLS nor begin like it. */
static size_t ordinary_end(struct slice bytes, size_t at, enum app_proto proto)
{
	while (at < bytes.len && !is_record(slice_from(bytes, at))) {
		struct line line = line_at(bytes, at);

		if (!line.is_whole || line_asks_tls(&line, proto))
			break;
		at = line.next;
	}
	return at;
}

/* Whatever the lines are, up to one behind which TLS may begin. One that is longer than lines are
 * is passed in parts. */
static enum extract_answer try_known(struct slice bytes, const struct extract_context *ctx,
				     struct clue *clue)
{
	enum app_proto proto = ctx->flow_proto;
	struct line line = line_at(bytes, 0);

	if (is_record(bytes) && bytes.len > 1)
		return tls_try(bytes, ctx, clue);
	if (!line.is_whole && line.text.len < LINE_LEN_MAX) {
		clue->proto = proto;
		return EXTRACT_NEED_MORE;
	}
	if (!line.is_whole)
		return found(clue, proto, line.text.len, CLUE_THEN_SAME);
	if (line_asks_tls(&line, proto))
		return found(clue, proto, line.next, CLUE_THEN_ANY);
	return found(clue, proto, ordinary_end(bytes, line.next, proto), CLUE_THEN_SAME);
}

/* --- a connection that is not ---------------------------------------------------------------- */

/* Inside a tunnel the word alone says enough; which of the protocols it was does not matter much,
 * and most of it is mail. */
static enum line_match match_bare(const struct line *line, const struct extract_context *ctx)
{
	return ctx->flow_proto == PROTO_NONE ? LINE_NO : line_match_start(line, "starttls$");
}

/* One line. FOUND: it tells the protocol; NEED_MORE: the next one may. */
static enum extract_answer try_line(const struct line *line, struct slice bytes,
				    enum app_proto port, const struct extract_context *ctx,
				    struct clue *clue)
{
	bool may_be;
	const struct line_form *form = line_form_of(line, bytes, port, &may_be);
	enum line_match bare = form ? LINE_NO : match_bare(line, ctx);

	if (form && line_is_text(line->text))
		return found(clue, form->proto, line->next,
			     form->is_tls ? CLUE_THEN_ANY : CLUE_THEN_SAME);
	if (bare == LINE_YES)
		return found(clue, PROTO_SMTP, line->next, CLUE_THEN_ANY);
	/* Servers let some lines pass that they do not know, and empty ones. */
	if (!may_be && bare == LINE_NO && port == PROTO_NONE && line->text.len)
		return EXTRACT_NOT_MINE;
	return line->text.len < LINE_LEN_MAX && line_is_text(line->text) ? EXTRACT_NEED_MORE
									 : EXTRACT_NOT_MINE;
}

enum extract_answer lines_try(struct slice bytes, const struct extract_context *ctx,
			      struct clue *clue)
{
	enum app_proto port;
	size_t at = 0;

	if (line_proto_is(ctx->flow_proto))
		return try_known(bytes, ctx, clue);
	if (!line_is_text(slice_first(bytes, 1)))
		return EXTRACT_NOT_MINE;
	if (proxy_head_read(bytes, &at) == PROXY_SHORT)
		return EXTRACT_NEED_MORE;
	port = line_proto_of_port(ctx->dst_port);
	if (port == PROTO_NONE)
		port = line_proto_of_port(ctx->src_port);
	while (at < bytes.len && at < HEAD_MAX) {
		struct line line = line_at(bytes, at);
		enum extract_answer answer = try_line(&line, bytes, port, ctx, clue);

		if (answer != EXTRACT_NEED_MORE || !line.is_whole)
			return answer;
		at = line.next;
	}
	return at < HEAD_MAX ? EXTRACT_NEED_MORE : EXTRACT_NOT_MINE;
}
