/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the form table's tunnels, by the messages that open them.
 *
 * Standards: RFC 2408 3.1, RFC 7296 3.1 and RFC 3948 2.2 (IKE); the protocols of WireGuard and
 * OpenVPN as their authors describe them.
 */
#include "extract/form.h"

#include "base/reader.h"

static uint32_t number_at(struct slice s, size_t at)
{
	struct reader r = reader_of(slice_from(s, at));

	return reader_u32(&r);
}

/* --- OpenVPN --------------------------------------------------------------------------------- */

enum {
	SESSION_LEN = 8,
	ACKS_AT = 1 + SESSION_LEN, /* behind opcode and session, where nothing protects the rest */
	REPLAY_LEN = 8,		   /* packet id, time */
	CRYPT_TAG_LEN = 32,
	ACKS_LEN = 1 + 4,	     /* no acknowledgement, message id */
	ACKED_LEN = 4 + SESSION_LEN, /* one of them */
	RESEND_LEN = 6,
	RESETS_MAX = 16, /* packet ids that an opening message has */
};

enum opcode { RESET_CLIENT = 0x38, RESET_SERVER = 0x40, RESET_CLIENT_V3 = 0x50 };

/* What --tls-auth adds is a digest of one of these lengths, and the replay protection. */
static const uint8_t digest_len[] = {20, 32, 64, 16, 48};

/* A packet id of the first few, and a time of our age. The high half of an id may say that a client
 * knows of early negotiation. */
static bool is_replay(struct slice p, size_t at)
{
	uint32_t id = number_at(p, at), time = number_at(p, at + 4), high = id & 0xffff0000;

	if (high && high != 0x0f000000 && high != 0x0a010000)
		return false;
	id &= 0xffff;
	return id && id <= RESETS_MAX && time >= 0x40000000 && time < 0x80000000;
}

/* The acknowledgements that belong to the opcode, and message 0. */
static bool are_acks(struct slice p, size_t at, bool is_server)
{
	if (p.at[at] != (is_server ? 1 : 0))
		return false;
	return number_at(p, at + 1) == 0 && number_at(p, at + 1 + (is_server ? ACKED_LEN : 0)) == 0;
}

/* A whole packet that opens a connection. */
static bool is_reset(struct slice p)
{
	bool is_server = p.len && p.at[0] == RESET_SERVER;
	size_t bare = ACKS_AT + ACKS_LEN + (is_server ? ACKED_LEN : 0);

	if (p.len < bare || !(number_at(p, 1) | number_at(p, 5)))
		return false;
	if (p.at[0] == RESET_CLIENT_V3)
		return p.len > bare + REPLAY_LEN + CRYPT_TAG_LEN && is_replay(p, ACKS_AT);
	if (p.at[0] != RESET_CLIENT && !is_server)
		return false;
	if (p.len == bare)
		return are_acks(p, ACKS_AT, is_server);
	for (size_t i = 0; i < sizeof(digest_len); i++) {
		size_t replay = ACKS_AT + digest_len[i];

		if (p.len == bare + digest_len[i] + REPLAY_LEN && is_replay(p, replay) &&
		    are_acks(p, replay + REPLAY_LEN, is_server))
			return true;
	}
	/* --tls-crypt: the replay protection in the clear, the rest not; in it, perhaps, the wish
	 * to have the client's key once more. */
	bare += REPLAY_LEN + CRYPT_TAG_LEN;
	return (p.len == bare || (is_server && p.len == bare + RESEND_LEN)) &&
	       is_replay(p, ACKS_AT);
}

enum extract_answer form_openvpn(const struct form_look *l)
{
	return form_when(is_reset(l->bytes));
}

/* The same behind a length of 16 bits; of less than 256, as all but those of version 3 are. */
enum extract_answer form_openvpn_stream(const struct form_look *l)
{
	struct slice b = l->bytes, packet = slice_from(b, 2);

	if (b.len >= 2 && b.at[1] < ACKS_AT + ACKS_LEN)
		return EXTRACT_NOT_MINE;
	if (packet.len && packet.at[0] != RESET_CLIENT && packet.at[0] != RESET_SERVER)
		return EXTRACT_NOT_MINE;
	if (b.len < 2 || packet.len < b.at[1])
		return EXTRACT_NEED_MORE;
	return form_when(is_reset(slice_first(packet, b.at[1])));
}

/* --- WireGuard ------------------------------------------------------------------------------- */

/* Data: a counter that is still far below what a key may be used for, and sealed bytes, which are
 * all but never zero, in blocks of 16. */
static bool is_wireguard_data(struct slice b)
{
	enum { DATA_MIN = 32, COUNTER_AT = 8, TAG_LEN = 16, ZEROS_MAX = 2 };
	unsigned zeros = 0;

	if (b.len < DATA_MIN || b.len % 16 || b.at[COUNTER_AT + 3] || number_at(b, COUNTER_AT + 4))
		return false;
	for (size_t i = b.len - TAG_LEN; i < b.len; i++)
		zeros += !b.at[i];
	return zeros <= ZEROS_MAX;
}

/* The magic is the type and three zeros; then an opening message has its one length, and all have
 * the number of an end. */
enum extract_answer form_wireguard(const struct form_look *l)
{
	static const uint8_t lengths[] = {[1] = 148, [2] = 92, [3] = 64};
	struct slice b = l->bytes;

	if (!number_at(b, 4))
		return EXTRACT_NOT_MINE;
	return form_when(b.at[0] < sizeof(lengths) ? b.len == lengths[b.at[0]]
						   : is_wireguard_data(b));
}

/* --- IKE ------------------------------------------------------------------------------------- */

/*
 *  | initiator (64) | responder (64) |
 *  | next payload (8) | version (8) | exchange (8) | flags (8) | message (32) | length (32) |
 */
static bool is_ike(struct slice b)
{
	enum { HEAD_LEN = 28 };
	uint8_t exchange, flags;

	if (b.len < HEAD_LEN || !(number_at(b, 0) | number_at(b, 4)))
		return false;
	exchange = b.at[18];
	flags = b.at[19];
	if (number_at(b, 24) != b.len)
		return false;
	if (b.at[17] == 0x10)
		return flags <= 7 && ((exchange >= 1 && exchange <= 6) || exchange == 32 ||
				      exchange == 33 || exchange == 243);
	return b.at[17] == 0x20 && (flags & ~0x38) == 0 && exchange >= 34 && exchange <= 44;
}

/* On its own ports; on 4500 behind a mark that tells it from ESP. */
enum extract_answer form_ike(const struct form_look *l)
{
	struct slice b = l->bytes;

	if (form_has_port(l, 4500) && b.len > 4 && !number_at(b, 0))
		b = slice_from(b, 4);
	return form_when(is_ike(b));
}
