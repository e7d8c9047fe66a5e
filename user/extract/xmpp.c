/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: XMPP: the domain that the head of a stream is for is a name, and behind a starttls
 * element TLS begins. As tolerant of XML as its servers are (prefixes, both quotes, character
 * references); and the namespace of streams must be there, so that no other XML is taken for it.
 *
 * Standards: RFC 6120 4.7 (stream heads), 4.8 (namespaces), 5 (STARTTLS); RFC 7622 3.1 (addresses).
 */
#include "extract/extract.h"
#include "extract/http_text.h"
#include "extract/xml_tag.h"

enum {
	RECORD_HANDSHAKE = 22,
	TAGS_MAX = 8, /* in front of the stream's: a declaration, comments */
};

static enum extract_answer found(struct clue *clue, size_t consumed, enum clue_then then)
{
	clue->proto = PROTO_XMPP;
	clue->consumed = consumed;
	clue->then = then;
	return EXTRACT_FOUND;
}

static bool has_text(struct slice in, const char *text)
{
	struct slice want = slice_text(text);

	for (; in.len >= want.len; in = slice_from(in, 1))
		if (slice_equal(slice_first(in, want.len), want))
			return true;
	return false;
}

static bool is_local(const struct xml_tag *tag, const char *name)
{
	return slice_equal(tag->local, slice_text(name));
}

/* user@domain/resource: the domain. */
static struct slice domain_of(struct slice address)
{
	const uint8_t *slash = address.len ? memchr(address.at, '/', address.len) : NULL;
	const uint8_t *at;

	if (slash)
		address = slice_first(address, (size_t)(slash - address.at));
	at = address.len ? memchr(address.at, '@', address.len) : NULL;
	return at ? slice_from(address, (size_t)(at - address.at) + 1) : address;
}

/* Only a server gives a stream an id, and what it answers is for the client. */
static void add_domain(struct clue *clue, const struct xml_tag *tag, bool is_opener)
{
	uint8_t text[XML_VALUE_MAX];
	struct slice value;

	if (!is_opener && xml_tag_attribute(tag, "id", text, &value))
		return;
	if (xml_tag_attribute(tag, "to", text, &value))
		clue_add_host(clue, domain_of(value));
	if (!clue->name_count)
		clue->flags |= CLUE_NO_NAME;
}

/* The head of a stream or the wish for TLS, in front of which there may be a declaration. */
static enum extract_answer try_first(struct slice bytes, const struct extract_context *ctx,
				     struct clue *clue)
{
	struct xml_tag tag;
	size_t at = 0;

	for (int i = 0; i < TAGS_MAX; i++) {
		switch (xml_tag_read(bytes, at, &tag)) {
		case XML_BROKEN: return EXTRACT_NOT_MINE;
		case XML_SHORT:
			/* Its name is there and is another one. */
			return tag.is_named && !tag.is_aside && !is_local(&tag, "stream") &&
					       !is_local(&tag, "starttls")
				       ? EXTRACT_NOT_MINE
				       : EXTRACT_NEED_MORE;
		case XML_WHOLE: break;
		}
		if (is_local(&tag, "stream") && has_text(tag.text, "etherx.jabber.org/streams")) {
			add_domain(clue, &tag, ctx->is_opener);
			return found(clue, tag.end, CLUE_THEN_SAME);
		}
		if (is_local(&tag, "starttls") && has_text(tag.text, ":xmpp-tls"))
			return found(clue, tag.end, CLUE_THEN_ANY);
		if (!tag.is_aside)
			return EXTRACT_NOT_MINE;
		at = tag.end;
	}
	return EXTRACT_NOT_MINE;
}

/* A stream that is known: tags and text, whatever they are, up to a head or a wish for TLS. */
static enum extract_answer try_known(struct slice bytes, const struct extract_context *ctx,
				     struct clue *clue)
{
	struct xml_tag tag;
	size_t at = 0;

	if (bytes.len && bytes.at[0] == RECORD_HANDSHAKE)
		return tls_try(bytes, ctx, clue);
	while (at < bytes.len && bytes.at[at] != RECORD_HANDSHAKE) {
		const uint8_t *next = memchr(bytes.at + at, '<', bytes.len - at);

		/* Text is let pass; a tag that is no tag is text. */
		if (bytes.at[at] != '<') {
			at = next ? (size_t)(next - bytes.at) : bytes.len;
			continue;
		}
		switch (xml_tag_read(bytes, at, &tag)) {
		case XML_SHORT:
			clue->proto = PROTO_XMPP;
			return at ? found(clue, at, CLUE_THEN_SAME) : EXTRACT_NEED_MORE;
		case XML_BROKEN: at++; continue;
		case XML_WHOLE: break;
		}
		if (is_local(&tag, "stream") || is_local(&tag, "starttls"))
			break;
		at = tag.end;
	}
	if (at)
		return found(clue, at, CLUE_THEN_SAME);
	if (is_local(&tag, "stream"))
		add_domain(clue, &tag, ctx->is_opener);
	return found(clue, tag.end, is_local(&tag, "stream") ? CLUE_THEN_SAME : CLUE_THEN_ANY);
}

enum extract_answer xmpp_try(struct slice bytes, const struct extract_context *ctx,
			     struct clue *clue)
{
	if (!bytes.len)
		return EXTRACT_NEED_MORE;
	if (ctx->flow_proto == PROTO_XMPP)
		return try_known(bytes, ctx, clue);
	if (bytes.at[0] != '<' && !http_is_blank(bytes.at[0]) && bytes.at[0] != '\n' &&
	    bytes.at[0] != '\r')
		return EXTRACT_NOT_MINE;
	return try_first(bytes, ctx, clue);
}
