/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the beginning of Remote Desktop: an X.224 connection request or its confirmation in
 * a TPKT, behind which TLS begins. Others begin alike (S7, MMS, T.120 itself), so what only Remote
 * Desktop has must be there: its cookie, its negotiation, or its port.
 *
 * Standards: RFC 1006 6 (TPKT), ITU-T X.224 13.3, 13.4, [MS-RDPBCGR] 2.2.1.1, 2.2.1.2.
 */
#include "extract/extract.h"
#include "extract/http_text.h"

enum {
	PORT_RDP = 3389,
	TPKT_HEAD = 4,
	HEAD = TPKT_HEAD + 7, /* and X.224's, up to its variable part */
	TPKT_VERSION = 3,
	TPKT_MAX = 1024,
	CODE_REQUEST = 0xe0, /* the low half is the credit, 0 */
	CODE_CONFIRM = 0xd0,
	NEGOTIATION_LEN = 8,
	NEGOTIATION_REQUEST = 1,
	NEGOTIATION_RESPONSE = 2,
	NEGOTIATION_FAILURE = 3,
};

/* Type, flags, length 8 (little-endian), and the four bytes that it says. */
static bool has_negotiation(struct slice s, unsigned first, unsigned last)
{
	return s.len >= NEGOTIATION_LEN && s.at[0] >= first && s.at[0] <= last &&
	       s.at[2] == NEGOTIATION_LEN && s.at[3] == 0;
}

/* A cookie or routing token, a line of its own, and then perhaps a negotiation. */
static bool is_rdp_request(struct slice s)
{
	static const char cookie[] = "cookie: msts";
	struct slice line;
	size_t at = 0;

	if (has_negotiation(s, NEGOTIATION_REQUEST, NEGOTIATION_REQUEST))
		return true;
	if (!http_take_line(s, &at, &line))
		return false;
	return http_is_word(slice_first(line, sizeof(cookie) - 1), cookie) ||
	       has_negotiation(slice_from(s, at), NEGOTIATION_REQUEST, NEGOTIATION_REQUEST);
}

/*
 *    0   1   2   3    4      5       6   7    8   9     10
 *  +---+---+-------+------+------+---------+---------+-------+-----------
 *  | 3 | 0 |length | rest | code |  to 0   |  from   | class | variable
 *  +---+---+-------+------+------+---------+---------+-------+-----------
 *
 * The bytes that every such head has alike, as far as they are there.
 */
static bool is_head(struct slice b)
{
	if ((b.len > 0 && b.at[0] != TPKT_VERSION) || (b.len > 1 && b.at[1] != 0) ||
	    (b.len > 5 && b.at[5] != CODE_REQUEST && b.at[5] != CODE_CONFIRM))
		return false;
	if (b.len > 3 && (b.at[2] > TPKT_MAX >> 8 || (b.at[2] == 0 && b.at[3] < HEAD)))
		return false;
	return b.len <= 5 || b.at[5] == CODE_CONFIRM || b.len <= 7 || (!b.at[6] && !b.at[7]);
}

enum extract_answer tpkt_try(struct slice bytes, const struct extract_context *ctx,
			     struct clue *clue)
{
	struct slice variable;
	size_t len;
	bool is_rdp;

	if (!is_head(bytes))
		return EXTRACT_NOT_MINE;
	if (bytes.len < HEAD)
		return EXTRACT_NEED_MORE;
	len = (size_t)bytes.at[2] << 8 | bytes.at[3];
	/* "rest" counts what follows it up to the end. */
	if (bytes.at[4] + TPKT_HEAD + 1U != len && ctx->dst_port != PORT_RDP)
		return EXTRACT_NOT_MINE;
	if (bytes.len < len)
		return EXTRACT_NEED_MORE;
	variable = slice_from(slice_first(bytes, len), HEAD);
	if (bytes.at[5] == CODE_REQUEST)
		is_rdp = is_rdp_request(variable);
	else
		is_rdp = has_negotiation(variable, NEGOTIATION_RESPONSE, NEGOTIATION_FAILURE);
	if (!is_rdp && (variable.len || (ctx->src_port != PORT_RDP && ctx->dst_port != PORT_RDP)))
		return EXTRACT_NOT_MINE;
	clue->proto = PROTO_RDP;
	clue->consumed = len;
	clue->then = CLUE_THEN_ANY;
	return EXTRACT_FOUND;
}
