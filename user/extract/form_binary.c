/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the form table's binary protocols over streams, and those that look alike over
 * streams and datagrams.
 *
 * Standards: OASIS MQTT 3.1.1 and 5.0 3.1, AMQP 0-9-1 4.2.2 and 1.0 2.2, RFC 854 and RFC 855
 * (telnet), RFC 1001/1002 4.3 (NetBIOS sessions), MS-SMB 2.2.3.1 and MS-SMB2 2.2.1, RFC 4271 4.1
 * and 4.2 (BGP), the MongoDB wire protocol, RFC 8489 5 and RFC 8656 (STUN, TURN), RFC 4120 5
 * and 7.2.2 (Kerberos).
 */
#include "extract/form.h"

#include "base/reader.h"

static uint32_t little32(struct slice s, size_t at)
{
	return s.at[at] | (uint32_t)s.at[at + 1] << 8 | (uint32_t)s.at[at + 2] << 16 |
	       (uint32_t)s.at[at + 3] << 24;
}

/* Behind the type of CONNECT: how much remains, the protocol's name, its level. */
enum extract_answer form_mqtt(const struct form_look *l)
{
	static const struct {
		const char *name;
		size_t len;
	} heads[] = {{"\0\4MQTT\3", 7}, {"\0\4MQTT\4", 7}, {"\0\4MQTT\5", 7}, {"\0\6MQIsdp\3", 9}};
	enum extract_answer answer = EXTRACT_NOT_MINE;
	size_t n = 0;

	while (n < l->rest.len && n < 3 && l->rest.at[n] & 0x80)
		n++;
	if (n == l->rest.len)
		return EXTRACT_NEED_MORE;
	if (l->rest.at[n] & 0x80)
		return EXTRACT_NOT_MINE;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		enum extract_answer one = form_begins(slice_from(l->rest, n + 1), heads[i].name,
						      heads[i].len);

		if (one != EXTRACT_NOT_MINE)
			answer = one;
		if (one == EXTRACT_FOUND)
			break;
	}
	return answer;
}

/* Behind "AMQP": protocol id and version of 0-8 to 0-9-1 and of 1.0, with or without TLS or SASL.
 */
enum extract_answer form_amqp(const struct form_look *l)
{
	static const uint8_t versions[][4] = {{0, 0, 9, 1}, {0, 1, 0, 0},  {2, 1, 0, 0},
					      {3, 1, 0, 0}, {1, 1, 0, 10}, {1, 1, 0, 9},
					      {1, 1, 8, 0}, {1, 1, 9, 1}};
	enum extract_answer answer = EXTRACT_NOT_MINE;

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		enum extract_answer one = form_begins(l->rest, versions[i], sizeof(versions[i]));

		if (one != EXTRACT_NOT_MINE)
			answer = one;
		if (one == EXTRACT_FOUND)
			break;
	}
	return answer;
}

/*
 * On its own port, in the midst of a connection: a method of a class that exists, and the end of
 * its frame where the frame says. | 1 (8) | channel (16) | length (32) | class (16) | method (16) |
 * ... | end (8) |
 */
enum extract_answer form_amqp_frame(const struct form_look *l)
{
	enum { HEAD_LEN = 7, METHOD_LEN = 4, LEN_MAX = 4096, END = 0xce };
	static const uint8_t classes[] = {10, 20, 40, 50, 60, 85, 90};
	struct reader r = reader_of(l->bytes);
	uint32_t len, class;

	if (l->bytes.len < HEAD_LEN + METHOD_LEN)
		return EXTRACT_NEED_MORE;
	reader_skip(&r, 3);
	len = reader_u32(&r);
	class = reader_u16(&r);
	if (len < METHOD_LEN || len > LEN_MAX || class > 90 ||
	    !memchr(classes, (int)class, sizeof(classes)) || reader_u16(&r) > 120)
		return EXTRACT_NOT_MINE;
	if (l->bytes.len <= HEAD_LEN + len)
		return EXTRACT_NEED_MORE;
	return form_when(l->bytes.at[HEAD_LEN + len] == END);
}

/* Whether the bytes are so many negotiations: IAC, WILL to DONT, an option that is in use. */
static enum extract_answer are_negotiations(struct slice s, size_t count)
{
	enum { IAC = 255, WILL = 251, DONT = 254, OPTION_LAST = 49 };

	for (size_t i = 0; i < s.len && i < 3 * count; i++) {
		uint8_t c = s.at[i];
		bool is_right = i % 3 == 0   ? c == IAC
				: i % 3 == 1 ? c >= WILL && c <= DONT
					     : c <= OPTION_LAST;

		if (!is_right)
			return EXTRACT_NOT_MINE;
	}
	return form_need(s, 3 * count);
}

/* Two on its own port, else three. */
enum extract_answer form_telnet(const struct form_look *l)
{
	return are_negotiations(l->bytes, form_has_port(l, 23) ? 2 : 3);
}

/* A session message (type 0, a length of 17 bits) that holds SMB 1, 2 or 3. */
enum extract_answer form_smb(const struct form_look *l)
{
	struct slice b = l->bytes, head = slice_from(b, 4);

	if (b.len > 1 && b.at[1] > 1)
		return EXTRACT_NOT_MINE;
	if (head.len && head.at[0] < 0xfc)
		return EXTRACT_NOT_MINE;
	if (form_begins(slice_from(head, 1), "SMB", 3) == EXTRACT_NOT_MINE)
		return EXTRACT_NOT_MINE;
	return form_need(head, 4);
}

/* A session request: the names called and calling, each 32 letters from A to P behind a length. */
enum extract_answer form_netbios_session(const struct form_look *l)
{
	enum { NAME_LEN = 34, CODED = 32 };

	for (size_t i = 0; i < l->rest.len && i < NAME_LEN; i++) {
		uint8_t c = l->rest.at[i];
		bool is_right = i == 0 ? c == CODED : i < 1 + CODED ? c >= 'A' && c <= 'P' : c == 0;

		if (!is_right)
			return EXTRACT_NOT_MINE;
	}
	return form_need(l->rest, NAME_LEN);
}

/* Behind the marker: length and type; an OPEN tells its version too. */
enum extract_answer form_bgp(const struct form_look *l)
{
	enum { HEAD_LEN = 19, OPEN = 1, OPEN_MIN = 29, KEEPALIVE = 4, TYPE_LAST = 5, MAX = 4096 };
	struct slice r = l->rest;
	unsigned len;

	if (r.len < 3)
		return EXTRACT_NEED_MORE;
	len = (unsigned)r.at[0] << 8 | r.at[1];
	if (len < HEAD_LEN || len > MAX || !r.at[2] || r.at[2] > TYPE_LAST)
		return EXTRACT_NOT_MINE;
	if (r.at[2] == KEEPALIVE)
		return form_when(len == HEAD_LEN);
	if (r.at[2] != OPEN)
		return EXTRACT_FOUND;
	return r.len < 4 ? EXTRACT_NEED_MORE : form_when(len >= OPEN_MIN && r.at[3] == 4);
}

/*
 * On its own ports. All numbers are little-endian.
 *  | length (32) | request (32) | response to (32) | opcode (32) | flags (32) |
 */
enum extract_answer form_mongodb(const struct form_look *l)
{
	enum {
		HEAD_LEN = 20,
		LEN_MAX = 48000000,
		OP_REPLY = 1,
		OP_QUERY = 2004,
		OP_COMPRESSED = 2012,
		OP_MSG = 2013
	};
	struct slice b = l->bytes;
	uint32_t len, flags;

	if (b.len < HEAD_LEN)
		return EXTRACT_NEED_MORE;
	len = little32(b, 0);
	flags = little32(b, 16);
	if (len <= HEAD_LEN || len > LEN_MAX)
		return EXTRACT_NOT_MINE;
	switch (little32(b, 12)) {
	case OP_REPLY: return form_when(flags <= 15);
	case OP_QUERY: return form_when(flags <= 255 && !little32(b, 8));
	case OP_COMPRESSED:
		return form_when(flags == OP_QUERY || flags == OP_MSG || flags == OP_REPLY);
	case OP_MSG: return form_when((flags & ~0x10003U) == 0);
	default: return EXTRACT_NOT_MINE;
	}
}

/* A method and class of RFC 8489 and RFC 8656. */
static bool is_stun_type(unsigned type)
{
	unsigned method = (type & 0x0f) | (type >> 1 & 0x70) | (type >> 2 & 0xf80);

	return (type & 0xc000) == 0 && method >= 1 && method <= 0x00c;
}

/* | type (16) | length (16) | cookie (32) | transaction (96) | */
enum extract_answer form_stun(const struct form_look *l)
{
	enum { HEAD_LEN = 20 };
	static const uint8_t cookie[] = {0x21, 0x12, 0xa4, 0x42};
	struct slice b = l->bytes;
	unsigned len;

	if (b.len >= 2 && !is_stun_type((unsigned)b.at[0] << 8 | b.at[1]))
		return EXTRACT_NOT_MINE;
	if (b.len < 4)
		return EXTRACT_NEED_MORE;
	len = (unsigned)b.at[2] << 8 | b.at[3];
	if (len % 4)
		return EXTRACT_NOT_MINE;
	if (l->ctx->transport == EXTRACT_DATAGRAM && len + HEAD_LEN > b.len)
		return EXTRACT_NOT_MINE;
	return form_begins(slice_from(b, 4), cookie, sizeof(cookie));
}

/* Over TCP it may stand behind a length of its own (RFC 4571); here of less than 256 bytes. */
enum extract_answer form_stun_framed(const struct form_look *l)
{
	enum { HEAD_LEN = 20 };
	struct form_look inner = *l;
	struct slice b = l->bytes;

	inner.bytes = slice_from(b, 2);
	if (inner.bytes.len >= 4 && b.at[1] != HEAD_LEN + ((size_t)b.at[4] << 8 | b.at[5]))
		return EXTRACT_NOT_MINE;
	return form_stun(&inner);
}

/* The length of a DER value whose head begins here; the reader then stands at the value. */
static uint32_t take_der_length(struct reader *r)
{
	uint8_t first = reader_u8(r);

	switch (first) {
	case 0x81: return reader_u8(r);
	case 0x82: return reader_u16(r);
	case 0x83: return reader_u24(r);
	default:
		if (first >= 0x80)
			r->bad = true;
		return first;
	}
}

/*
 * [APPLICATION t] SEQUENCE { version 5, type t, ... }: the same number three times. The bytes are
 * at least the first KERBEROS_HEAD of the message.
 */
static bool is_kerberos(struct slice b, size_t whole)
{
	static const uint8_t tags[] = {10, 11, 12, 13, 30};
	struct reader r = reader_of(b);
	uint8_t tag = reader_u8(&r), type = tag & 0x1f, first;
	uint32_t len = take_der_length(&r);
	size_t left = whole - (b.len - r.left);

	if ((tag & 0xe0) != 0x60 || !memchr(tags, type, sizeof(tags)) || len != left)
		return false;
	if (reader_u8(&r) != 0x30 || take_der_length(&r) >= len)
		return false;
	first = reader_u8(&r);
	if ((first != 0xa0 && first != 0xa1) || reader_u32(&r) != 0x03020105)
		return false;
	return reader_u8(&r) == first + 1 && reader_u32(&r) == (0x03020100U | type) && !r.bad;
}

enum { KERBEROS_HEAD = 20 };

enum extract_answer form_kerberos(const struct form_look *l)
{
	return form_when(l->bytes.len >= KERBEROS_HEAD && is_kerberos(l->bytes, l->bytes.len));
}

/* The same behind a length of 32 bits, of which the highest byte is 0. */
enum extract_answer form_kerberos_stream(const struct form_look *l)
{
	struct slice b = slice_from(l->bytes, 4);
	uint32_t len;

	if (b.len && (b.at[0] & 0xe0) != 0x60)
		return EXTRACT_NOT_MINE;
	if (b.len < KERBEROS_HEAD)
		return EXTRACT_NEED_MORE;
	len = (uint32_t)l->bytes.at[1] << 16 | (uint32_t)l->bytes.at[2] << 8 | l->bytes.at[3];
	return form_when(len >= KERBEROS_HEAD && is_kerberos(slice_first(b, len), len));
}
