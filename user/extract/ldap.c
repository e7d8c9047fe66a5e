/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: LDAP messages, one after the other, and the one that asks for TLS, behind which
 * TLS begins. A message counts when its operation begins as LDAP's do; in a connection that is
 * known to be LDAP's, any operation does. No distinguished name in it is a host's.
 *
 * Standards: RFC 4511 4.1.1 (LDAPMessage), 4.2 to 4.12 (operations), 4.14 (StartTLS), 5.1 (BER).
 */
#include "extract/extract.h"

enum {
	TAG_INTEGER = 0x02,
	TAG_OCTETS = 0x04,
	TAG_ENUMERATED = 0x0a,
	TAG_SEQUENCE = 0x30,
	TAG_NAME = 0x80, /* of an extended request */
	TAG_EXTENDED = 0x77,
	MESSAGE_MAX = 1 << 24,
	ID_LEN_MAX = 4,
	LENGTH_LEN_MAX = 8, /* leading zeros are allowed */
	RECORD_HANDSHAKE = 22,
};

enum ber_state { BER_OPEN, BER_SHORT, BER_BROKEN };

/* Where reading stands. `state` sticks. */
struct ber {
	struct slice bytes;
	size_t at;
	enum ber_state state;
};

static const char start_tls[] = "1.3.6.1.4.1.1466.20037";

/* How the content of an operation begins: tags, each with a content of its own; 0 ends. */
static const struct operation {
	uint8_t tag, inside[3];
} operations[] = {
	{0x60, {TAG_INTEGER, TAG_OCTETS}},		      /* bind */
	{0x61, {TAG_ENUMERATED, TAG_OCTETS, TAG_OCTETS}},     /* its response */
	{0x42, {0}},					      /* unbind */
	{0x63, {TAG_OCTETS, TAG_ENUMERATED, TAG_ENUMERATED}}, /* search */
	{0x64, {TAG_OCTETS, TAG_SEQUENCE}},		      /* an entry of what it found */
	{0x65, {TAG_ENUMERATED, TAG_OCTETS, TAG_OCTETS}},     /* the end of it */
	{0x73, {TAG_OCTETS}},				      /* a reference instead */
	{0x66, {TAG_OCTETS, TAG_SEQUENCE}},		      /* modify */
	{0x67, {TAG_ENUMERATED, TAG_OCTETS, TAG_OCTETS}},
	{0x68, {TAG_OCTETS, TAG_SEQUENCE}}, /* add */
	{0x69, {TAG_ENUMERATED, TAG_OCTETS, TAG_OCTETS}},
	{0x4a, {0}}, /* delete */
	{0x6b, {TAG_ENUMERATED, TAG_OCTETS, TAG_OCTETS}},
	{0x6c, {TAG_OCTETS, TAG_OCTETS}}, /* modify a name */
	{0x6d, {TAG_ENUMERATED, TAG_OCTETS, TAG_OCTETS}},
	{0x6e, {TAG_OCTETS, TAG_SEQUENCE}}, /* compare */
	{0x6f, {TAG_ENUMERATED, TAG_OCTETS, TAG_OCTETS}},
	{0x50, {0}},		    /* abandon */
	{TAG_EXTENDED, {TAG_NAME}}, /* extended */
	{0x78, {TAG_ENUMERATED, TAG_OCTETS, TAG_OCTETS}},
	{0x79, {0}}, /* intermediate response */
};

static uint8_t take_byte(struct ber *b)
{
	if (b->state == BER_OPEN && b->at < b->bytes.len)
		return b->bytes.at[b->at++];
	if (b->state == BER_OPEN)
		b->state = BER_SHORT;
	return 0;
}

static void check(struct ber *b, bool is_sound)
{
	if (b->state == BER_OPEN && !is_sound)
		b->state = BER_BROKEN;
}

/* A length in its short or long form, that ends no later than byte `end` (RFC 4511 5.1). */
static size_t take_length(struct ber *b, size_t end)
{
	size_t len = take_byte(b), count;

	if (len & 0x80) {
		count = len & 0x7f;
		check(b, count > 0 && count <= LENGTH_LEN_MAX);
		for (len = 0; count && b->state == BER_OPEN; count--) {
			check(b, len <= MESSAGE_MAX >> 8);
			len = len << 8 | take_byte(b);
		}
	}
	check(b, b->at <= end && len <= end - b->at);
	return b->state == BER_OPEN ? len : 0;
}

static size_t take_head(struct ber *b, uint8_t tag, size_t end)
{
	uint8_t is = take_byte(b);

	check(b, is == tag);
	return take_length(b, end);
}

/* The contents at the beginning of an operation that ends at `end`. */
static void check_inside(struct ber *b, const struct operation *op, size_t end)
{
	for (size_t i = 0; i < sizeof(op->inside) && op->inside[i]; i++) {
		size_t len = take_head(b, op->inside[i], end);

		check(b, op->inside[i] != TAG_ENUMERATED || len == 1);
		check(b, op->inside[i] != TAG_INTEGER || len == 1);
		if (i + 1 == sizeof(op->inside) || !op->inside[i + 1])
			return;
		/* What is not there yet cannot be stepped over. */
		if (b->state == BER_OPEN && len > b->bytes.len - b->at)
			b->state = BER_SHORT;
		else
			b->at += len;
	}
}

/* The name of an extended operation; *is_tls when it is that. */
static void check_extended(struct ber *b, size_t end, bool *is_tls)
{
	size_t len = take_head(b, TAG_NAME, end);
	struct slice name = slice_first(slice_from(b->bytes, b->at), len);

	for (size_t i = 0; i < name.len; i++)
		check(b, name.at[i] == '.' || (name.at[i] >= '0' && name.at[i] <= '9'));
	check(b, len > 0);
	if (b->state == BER_OPEN && name.len < len)
		b->state = BER_SHORT;
	*is_tls = b->state == BER_OPEN && slice_equal(name, slice_text(start_tls));
}

static const struct operation *operation_of(uint8_t tag)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (operations[i].tag == tag)
			return &operations[i];
	return NULL;
}

/* Reads the message; returns where it ends. */
static size_t read_message(struct ber *b, bool is_known, bool *is_tls)
{
	size_t len = take_head(b, TAG_SEQUENCE, MESSAGE_MAX), end = b->at + len, id_len;
	const struct operation *op;
	uint8_t tag;

	id_len = take_head(b, TAG_INTEGER, end);
	check(b, id_len > 0 && id_len <= ID_LEN_MAX);
	for (size_t i = 0; i < id_len; i++)
		(void)take_byte(b);
	tag = take_byte(b);
	op = operation_of(tag);
	check(b, op != NULL);
	len = take_length(b, end);
	if (b->state != BER_OPEN)
		return end;
	/* Those without a form of their own are too short to be known by. */
	if (tag == TAG_EXTENDED)
		check_extended(b, b->at + len, is_tls);
	else if (!is_known && op->inside[0])
		check_inside(b, op, b->at + len);
	else
		check(b, is_known || (tag == 0x42 && !len));
	return end;
}

enum extract_answer ldap_try(struct slice bytes, const struct extract_context *ctx,
			     struct clue *clue)
{
	bool is_known = ctx->flow_proto == PROTO_LDAP, is_tls = false;
	struct ber b = {.bytes = bytes};
	size_t end;

	if (is_known && bytes.len && bytes.at[0] == RECORD_HANDSHAKE)
		return tls_try(bytes, ctx, clue);
	if (bytes.len && bytes.at[0] != TAG_SEQUENCE)
		return EXTRACT_NOT_MINE;
	end = read_message(&b, is_known, &is_tls);
	if (b.state != BER_OPEN)
		return b.state == BER_SHORT ? EXTRACT_NEED_MORE : EXTRACT_NOT_MINE;
	clue->proto = PROTO_LDAP;
	clue->consumed = end;
	clue->then = is_tls ? CLUE_THEN_ANY : CLUE_THEN_SAME;
	return EXTRACT_FOUND;
}
