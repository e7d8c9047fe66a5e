/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the handshake of MySQL and MariaDB: the server's greeting, the client's request for
 * TLS, behind which TLS begins, or the client's answer in the clear.
 *
 * Standard: MySQL Internals, "Connection Phase Packets" (Handshake v10, SSLRequest,
 * HandshakeResponse41). Numbers are little-endian.
 */
#include "extract/extract.h"

enum {
	PORT_MYSQL = 3306,
	HEAD = 4,	       /* length (3), number of the packet */
	GREETING_LEN_MIN = 40, /* with a version of one byte */
	GREETING_LEN_MAX = 512,
	VERSION_MAX = 96,
	PROTOCOL_10 = 10,
	REQUEST_LEN = 32,	 /* capabilities (4), packet size (4), charset, unused (23) */
	UNUSED = HEAD + 9,	 /* where the unused bytes of a request begin */
	UNUSED_COUNT = 23 - 4,	 /* MariaDB has found a use for the last four */
	RESPONSE_LEN_MAX = 4096, /* user, answer, database, attributes */
	CAN_PROTOCOL_41 = 0x0200,
	CAN_TLS = 0x0800,
	USER_MAX = 255,
};

static enum extract_answer found(struct clue *clue, size_t consumed, enum clue_then then)
{
	clue->proto = PROTO_MYSQL;
	clue->consumed = consumed;
	clue->then = then;
	return EXTRACT_FOUND;
}

static bool is_zero(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i])
			return false;
	return true;
}

/*
 *   4     5 ...               (4)      (8)     (1)    (2)      (1)     (2)     (2)   (1)    (10)
 *  +----+-----------+----+--------+---------+---+---------+---------+--------+------+---+---------
 *  | 10 | version   |  0 | thread | random  | 0 | can low | charset | status | can  |len| 0, or ...
 *  +----+-----------+----+--------+---------+---+---------+---------+--------+------+---+---------
 */
static enum extract_answer try_greeting(struct slice bytes, size_t len, struct clue *clue)
{
	struct slice b = slice_first(slice_from(bytes, HEAD), len);
	struct slice version = slice_first(slice_from(b, 1), VERSION_MAX);
	size_t at = 0;

	if (len < GREETING_LEN_MIN || len > GREETING_LEN_MAX || (b.len && b.at[0] != PROTOCOL_10) ||
	    (version.len && (version.at[0] < '0' || version.at[0] > '9')))
		return EXTRACT_NOT_MINE;
	while (at < version.len && version.at[at] >= ' ' && version.at[at] < 0x7f)
		at++;
	if (at == version.len)
		return at < VERSION_MAX && b.len < len ? EXTRACT_NEED_MORE : EXTRACT_NOT_MINE;
	/* Behind the version: a NUL, and another one behind the first part of the random bytes. */
	if (version.at[at] || !memchr(version.at, '.', at))
		return EXTRACT_NOT_MINE;
	at += 1 + 1 + 4 + 8;
	if (at < b.len && b.at[at])
		return EXTRACT_NOT_MINE;
	if (at >= b.len)
		return b.len < len ? EXTRACT_NEED_MORE : EXTRACT_NOT_MINE;
	return found(clue, HEAD + len, CLUE_THEN_ANY);
}

/* The answer in the clear: a request's head, the name of the user, the rest. */
static enum extract_answer try_response(struct slice bytes, size_t len, struct clue *clue)
{
	struct slice user = slice_first(
		slice_from(slice_first(bytes, HEAD + len), HEAD + REQUEST_LEN), USER_MAX);
	size_t at = 0;

	while (at < user.len && user.at[at] >= ' ' && user.at[at] != 0x7f)
		at++;
	if (at < user.len)
		return user.at[at] ? EXTRACT_NOT_MINE : found(clue, HEAD + len, CLUE_THEN_END);
	return at < USER_MAX && bytes.len < HEAD + len ? EXTRACT_NEED_MORE : EXTRACT_NOT_MINE;
}

/* What a client sends first. Servers do not look at the unused bytes, so in a connection that is
 * known to be MySQL's they say nothing here either. */
static enum extract_answer try_client(struct slice bytes, size_t len, bool is_known,
				      struct clue *clue)
{
	struct slice unused;
	unsigned can;

	if (len < REQUEST_LEN || len > RESPONSE_LEN_MAX)
		return EXTRACT_NOT_MINE;
	if (bytes.len < HEAD + 2)
		return EXTRACT_NEED_MORE;
	can = (unsigned)bytes.at[HEAD + 1] << 8 | bytes.at[HEAD];
	if (!(can & CAN_PROTOCOL_41))
		return EXTRACT_NOT_MINE;
	if (!is_known) {
		unused = slice_first(slice_from(bytes, UNUSED), UNUSED_COUNT);
		if (!is_zero(unused) || ((can & CAN_TLS) && len != REQUEST_LEN))
			return EXTRACT_NOT_MINE;
	}
	if (bytes.len < HEAD + REQUEST_LEN)
		return EXTRACT_NEED_MORE;
	if (can & CAN_TLS)
		return found(clue, HEAD + len, CLUE_THEN_ANY);
	return try_response(bytes, len, clue);
}

enum extract_answer mysql_try(struct slice bytes, const struct extract_context *ctx,
			      struct clue *clue)
{
	bool is_known = ctx->flow_proto == PROTO_MYSQL || ctx->dst_port == PORT_MYSQL;
	size_t len;

	if (bytes.len < HEAD)
		return bytes.len == 3 && bytes.at[2] ? EXTRACT_NOT_MINE : EXTRACT_NEED_MORE;
	len = (size_t)bytes.at[2] << 16 | (size_t)bytes.at[1] << 8 | bytes.at[0];
	if (bytes.at[3] == 0)
		return try_greeting(bytes, len, clue);
	return bytes.at[3] == 1 ? try_client(bytes, len, is_known, clue) : EXTRACT_NOT_MINE;
}
