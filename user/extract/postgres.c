/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: how clients of PostgreSQL begin: a request for TLS or GSSAPI of eight fixed bytes,
 * behind which TLS begins, or the start-up message itself.
 *
 * Standard: PostgreSQL documentation, "Message Formats" (SSLRequest, GSSENCRequest,
 * StartupMessage, CancelRequest).
 */
#include "base/reader.h"
#include "extract/extract.h"

enum {
	REQUEST_LEN = 8,
	STARTUP_MAX = 10000, /* servers take no longer one */
	CANCEL_LEN_MIN = 16,
	CODE_CANCEL = 80877102,
	CODE_TLS = 80877103,
	CODE_GSS = 80877104,
	MAJOR = 3,
};

static enum extract_answer found(struct clue *clue, size_t consumed, enum clue_then then)
{
	clue->proto = PROTO_POSTGRESQL;
	clue->consumed = consumed;
	clue->then = then;
	return EXTRACT_FOUND;
}

/* The text up to a NUL; false when there is none. */
static bool take_text(struct slice *rest, struct slice *text)
{
	const uint8_t *nul = rest->len ? memchr(rest->at, '\0', rest->len) : NULL;

	if (!nul)
		return false;
	*text = slice_of(rest->at, (size_t)(nul - rest->at));
	*rest = slice_from(*rest, text->len + 1);
	return true;
}

/* Pairs of a parameter and its value, each ended by a NUL, and an empty one; one is the user. */
static bool is_startup(struct slice rest)
{
	struct slice key, value;
	bool has_user = false;

	while (take_text(&rest, &key) && key.len && take_text(&rest, &value))
		has_user |= slice_equal(key, slice_text("user")) && value.len;
	return has_user && !rest.len;
}

/* The high bytes of a length and of a code, as far as they are there. */
static bool may_begin(struct slice b)
{
	return (b.len < 1 || b.at[0] == 0) && (b.len < 2 || b.at[1] == 0) &&
	       (b.len < 3 || b.at[2] <= STARTUP_MAX >> 8) &&
	       (b.len < 5 || b.at[4] == 0 || b.at[4] == CODE_TLS >> 24) &&
	       (b.len < 6 || b.at[5] == (b.at[4] ? CODE_TLS >> 16 & 0xff : MAJOR));
}

enum extract_answer postgres_try(struct slice bytes, const struct extract_context *ctx,
				 struct clue *clue)
{
	struct reader r = reader_of(bytes);
	uint32_t len, code;

	if (!may_begin(bytes))
		return EXTRACT_NOT_MINE;
	len = reader_u32(&r);
	code = reader_u32(&r);
	if (r.bad)
		return EXTRACT_NEED_MORE;
	if (code == CODE_TLS || code == CODE_GSS)
		return len == REQUEST_LEN ? found(clue, len, CLUE_THEN_ANY) : EXTRACT_NOT_MINE;
	if (len < CANCEL_LEN_MIN || len > STARTUP_MAX)
		return EXTRACT_NOT_MINE;
	if (code == CODE_CANCEL)
		return found(clue, len, CLUE_THEN_END);
	if (code >> 16 != MAJOR)
		return EXTRACT_NOT_MINE;
	if (bytes.len < len)
		return EXTRACT_NEED_MORE;
	if (!is_startup(slice_from(slice_first(bytes, len), REQUEST_LEN)))
		return EXTRACT_NOT_MINE;
	return found(clue, len, CLUE_THEN_END);
}
