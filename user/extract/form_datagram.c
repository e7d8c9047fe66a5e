/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the form table's protocols of datagrams. A datagram is there whole, so every length
 * in it must come out: fields are walked to the end, and the last must end where the datagram does.
 *
 * Standards: RFC 3489 11 (STUN without a cookie), RFC 5905 7.3 and RFC 1305 B (NTP), RFC 2131 2 and
 * RFC 8415 8 (DHCP), RFC 1157 4 and RFC 3412 6 (SNMP), RFC 1350 5 (TFTP), RFC
 * 2865 3 (RADIUS), RFC 1002 4.2 and 4.4 (NetBIOS), BEP 5 (DHT), BEP 15 (trackers), BEP 29 (uTP).
 */
#include "extract/form.h"

#include "base/reader.h"
#include "extract/http_text.h"

/* Walks fields of a type and a length, each of the given width; `counted` bytes of a field's head
 * are in its length. True when they end at the end of the bytes. */
static bool are_fields(struct slice b, int width, uint32_t counted, uint32_t round)
{
	struct reader r = reader_of(b);

	while (r.left && !r.bad) {
		uint32_t len = 0;

		(void)(width == 1 ? reader_u8(&r) : reader_u16(&r));
		len = width == 1 ? reader_u8(&r) : reader_u16(&r);
		if (len < counted)
			return false;
		reader_skip(&r, (len - counted + round - 1) / round * round);
	}
	return !r.bad;
}

/* Of RFC 3489, or one of those that makers add beside them. */
static bool is_stun_attribute(const uint8_t *type)
{
	return type[0] ? type[0] == 0x80 || (type[0] == 1 && type[1] == 1) : type[1] <= 0x20;
}

/* Without a cookie: a binding, and attributes to the end, at least one of them in an answer. */
enum extract_answer form_stun_classic(const struct form_look *l)
{
	enum { HEAD_LEN = 20 };
	struct reader r = reader_of(l->bytes);
	struct slice fields = slice_from(l->bytes, HEAD_LEN);
	uint16_t type = reader_u16(&r), len = reader_u16(&r);

	if (l->bytes.len < HEAD_LEN || len != fields.len || len % 4)
		return EXTRACT_NOT_MINE;
	if (type != 0x0001 && type != 0x0101 && type != 0x0111)
		return EXTRACT_NOT_MINE;
	if (fields.len >= 2 && !is_stun_attribute(fields.at))
		return EXTRACT_NOT_MINE;
	return form_when(are_fields(fields, 2, 0, 1) && (fields.len || type == 0x0001));
}

/* Mode 6: an opcode, and as much data as it says, in words, perhaps with a digest behind it. */
static bool is_ntp_control(struct slice b)
{
	enum { HEAD_LEN = 12, OPCODE_LAST = 12, OPCODE_UNSET = 31, DIGEST_MAX = 24 };
	uint8_t opcode = b.len >= HEAD_LEN ? b.at[1] & 31 : OPCODE_LAST + 1;
	size_t len = HEAD_LEN;

	if (opcode > OPCODE_LAST && opcode != OPCODE_UNSET)
		return false;
	len += ((size_t)b.at[10] << 8 | b.at[11]) + 3;
	return b.len >= len / 4 * 4 && b.len <= len + DIGEST_MAX && b.len % 4 == 0;
}

/* Mode 7, of version 2 alone: who asks for what, and items that fit. */
static bool is_ntp_private(struct slice b)
{
	enum { HEAD_LEN = 8, MAKER_LAST = 3, REQUEST_LAST = 45 };

	if (b.len < HEAD_LEN || (b.at[0] >> 3 & 7) != 2 || b.at[2] > MAKER_LAST ||
	    b.at[3] > REQUEST_LAST || b.at[6] >> 4)
		return false;
	return (((size_t)b.at[4] & 15) << 8 | b.at[5]) * (((size_t)b.at[6] & 15) << 8 | b.at[7]) <=
	       b.len - HEAD_LEN;
}

/* On its own port. Modes 1 to 5 tell the time, 6 and 7 manage. */
enum extract_answer form_ntp(const struct form_look *l)
{
	enum { LEN_MIN = 48, STRATUM_LAST = 16, POLL_LAST = 17, PRECISION_FIRST = 0xe0 };
	struct slice b = l->bytes;
	unsigned version = b.at[0] >> 3 & 7, mode = b.at[0] & 7;

	if (version < 1 || version > 4 || mode < 1)
		return EXTRACT_NOT_MINE;
	if (mode > 5)
		return form_when(mode == 6 ? is_ntp_control(b) : is_ntp_private(b));
	return form_when(b.len >= LEN_MIN && b.len % 4 == 0 && b.at[1] <= STRATUM_LAST &&
			 b.at[2] <= POLL_LAST && (b.at[3] == 0 || b.at[3] >= PRECISION_FIRST));
}

/* A request or reply of BOOTP with the cookie of DHCP. */
enum extract_answer form_dhcp(const struct form_look *l)
{
	enum { COOKIE_AT = 236, HARDWARE_MAX = 16, HOPS_MAX = 16 };
	static const uint8_t cookie[] = {0x63, 0x82, 0x53, 0x63};
	struct slice b = l->bytes;

	if (form_begins(slice_from(b, COOKIE_AT), cookie, sizeof(cookie)) != EXTRACT_FOUND)
		return EXTRACT_NOT_MINE;
	return form_when(b.at[2] <= HARDWARE_MAX && b.at[3] <= HOPS_MAX);
}

/* On its own ports: a client's or server's message, or one that a relay carries. */
enum extract_answer form_dhcp6(const struct form_look *l)
{
	enum { HEAD_LEN = 4, RELAY_LEN = 34, RELAY = 12, RELAY_REPLY = 13, TYPE_LAST = 36 };
	struct slice b = l->bytes;
	bool is_relay = b.at[0] == RELAY || b.at[0] == RELAY_REPLY;
	size_t head = is_relay ? RELAY_LEN : HEAD_LEN;

	return form_when(b.at[0] && b.at[0] <= TYPE_LAST && b.len > head &&
			 are_fields(slice_from(b, head), 2, 0, 1));
}

/* The length of a BER value of less than 64 KiB. */
static uint32_t take_length(struct reader *r)
{
	uint8_t first = reader_u8(r);

	if (first == 0x81)
		return reader_u8(r);
	if (first == 0x82)
		return reader_u16(r);
	r->bad |= first >= 0x80;
	return first;
}

/* On its own ports: a sequence of version, community and PDU, or of version and head. */
enum extract_answer form_snmp(const struct form_look *l)
{
	struct reader r = reader_of(l->rest);
	uint32_t len = take_length(&r);
	uint8_t version;

	if (r.bad || len != r.left || reader_u8(&r) != 2 || reader_u8(&r) != 1)
		return EXTRACT_NOT_MINE;
	version = reader_u8(&r);
	if (version == 3)
		return form_when(reader_u8(&r) == 0x30 && take_length(&r) < len && !r.bad);
	if (version > 1 || reader_u8(&r) != 4)
		return EXTRACT_NOT_MINE;
	reader_skip(&r, take_length(&r));
	len = reader_u8(&r);
	return form_when(len >= 0xa0 && len <= 0xa8 && take_length(&r) == r.left && !r.bad);
}

/* On its own port. Behind a zero: read or write, a file name, a mode. */
enum extract_answer form_tftp(const struct form_look *l)
{
	struct slice s = slice_from(l->rest, 1), mode;
	const uint8_t *nul;

	if (!l->rest.len || l->rest.at[0] < 1 || l->rest.at[0] > 2)
		return EXTRACT_NOT_MINE;
	nul = s.len ? memchr(s.at, '\0', s.len) : NULL;
	if (!nul || nul == s.at)
		return EXTRACT_NOT_MINE;
	mode = slice_from(s, (size_t)(nul - s.at) + 1);
	nul = mode.len ? memchr(mode.at, '\0', mode.len) : NULL;
	if (!nul)
		return EXTRACT_NOT_MINE;
	mode.len = (size_t)(nul - mode.at);
	return form_when(http_is_word(mode, "octet") || http_is_word(mode, "netascii") ||
			 http_is_word(mode, "mail"));
}

/* On its own ports: a code that is in use, the datagram's length, attributes to the end. */
enum extract_answer form_radius(const struct form_look *l)
{
	enum { HEAD_LEN = 20 };
	struct slice b = l->bytes;
	size_t len;

	if (b.len < HEAD_LEN)
		return EXTRACT_NOT_MINE;
	len = (size_t)b.at[2] << 8 | b.at[3];
	if (!b.at[0] || (b.at[0] > 13 && (b.at[0] < 40 || b.at[0] > 45)))
		return EXTRACT_NOT_MINE;
	return form_when(len >= HEAD_LEN && len <= b.len &&
			 are_fields(slice_from(slice_first(b, len), HEAD_LEN), 1, 2, 1));
}

/* A name of NetBIOS: 32 letters from A to P behind their count. */
static bool is_netbios_name(struct slice s)
{
	enum { CODED = 32 };

	if (s.len <= CODED || s.at[0] != CODED)
		return false;
	for (size_t i = 1; i <= CODED; i++)
		if (s.at[i] < 'A' || s.at[i] > 'P')
			return false;
	return true;
}

/* On its own port: the head of a DNS message with one question or record, and such a name. */
enum extract_answer form_netbios_name(const struct form_look *l)
{
	enum { HEAD_LEN = 12 };
	struct slice b = l->bytes;

	return form_when(b.len > HEAD_LEN && !b.at[4] && b.at[5] <= 1 && !b.at[6] &&
			 is_netbios_name(slice_from(b, HEAD_LEN)));
}

/* On its own port: a type, the sender's address and port, the name of the sender. */
enum extract_answer form_netbios_datagram(const struct form_look *l)
{
	enum { NAME_AT = 14, TYPE_FIRST = 0x10, TYPE_LAST = 0x12 };
	struct slice b = l->bytes;

	return form_when(b.at[0] >= TYPE_FIRST && b.at[0] <= TYPE_LAST &&
			 is_netbios_name(slice_from(b, NAME_AT)));
}

/*
 * The first packet of a uTP connection: nothing has been received, so the difference of clocks is
 * 0, the number is 1, and nothing follows.
 */
enum extract_answer form_utp(const struct form_look *l)
{
	enum { HEAD_LEN = 20 };
	static const uint8_t no_difference[4], number_one[2] = {0, 1};
	struct slice b = l->bytes;

	if (b.len != HEAD_LEN || b.at[1])
		return EXTRACT_NOT_MINE;
	return form_when(memcmp(b.at + 8, no_difference, sizeof(no_difference)) == 0 &&
			 memcmp(b.at + 16, number_one, sizeof(number_one)) == 0);
}

/* The magic and action 0 of a first packet to a tracker; then a number, and that is all. */
enum extract_answer form_tracker(const struct form_look *l)
{
	return form_when(l->rest.len == 4);
}

/* Messages of the DHT that begin with another key: they must still say what they are. */
enum extract_answer form_dht(const struct form_look *l)
{
	static const char *const ends[] = {"1:y1:re", "1:y1:ee", "1:y1:qe"};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (l->rest.len > 7 && !memcmp(l->rest.at + l->rest.len - 7, ends[i], 7))
			return EXTRACT_FOUND;
	return EXTRACT_NOT_MINE;
}
