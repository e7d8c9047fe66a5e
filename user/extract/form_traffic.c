/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the form table's live video, tables of SQL Server, and reports of traffic.
 *
 * Standards: Adobe's RTMP 1.0 5.2 (handshake), MS-TDS 2.2.3 and 2.2.6.5 (packet, PRELOGIN),
 * RFC 3954 5 (NetFlow 9) and Cisco's NetFlow 5, RFC 7011 3 (IPFIX), sFlow 5.
 */
#include "extract/form.h"

#include "base/reader.h"

/* Behind C0, which is the version, 3: C1 | time (32) | zero (32) | random (1528 bytes) |. That is
 * little to tell it by, so anywhere but on its port all of C1 must come. */
enum extract_answer form_rtmp(const struct form_look *l)
{
	enum { PORT = 1935, C1_LEN = 1536 };
	static const uint8_t zero[4];
	enum extract_answer answer = form_begins(slice_from(l->rest, 4), zero, sizeof(zero));

	if (answer == EXTRACT_FOUND && !form_has_port(l, PORT))
		answer = form_need(l->rest, C1_LEN);
	return answer;
}

/* | type (8) | status (8) | length (16) | process (16) | number (8) | window (8), 0 | */
enum { TDS_HEAD = 8, TDS_MAX = 32767 };

/* Behind type and status of PRELOGIN: its first option is the version, of six bytes, which stands
 * behind the list of options. | option (8), 0 | offset (16) | length (16), 6 | ... */
enum extract_answer form_tds_hello(const struct form_look *l)
{
	struct reader r = reader_of(l->rest);
	uint16_t len = reader_u16(&r), offset;
	bool is_head = reader_u16(&r) == 0 && reader_u8(&r) <= 1 && reader_u8(&r) == 0;
	bool is_version = reader_u8(&r) == 0;

	offset = reader_u16(&r);
	is_version &= reader_u16(&r) == 6;
	if (r.bad)
		return EXTRACT_NEED_MORE;
	return form_when(is_head && is_version && offset % 5 == 1 && offset + 6 <= len - TDS_HEAD);
}

/* On its own port, in the midst of a connection: a packet of a type that exists. */
enum extract_answer form_tds(const struct form_look *l)
{
	static const uint8_t types[] = {1, 3, 4, 7, 14, 16, 18};
	struct reader r = reader_of(l->bytes);
	uint8_t type = reader_u8(&r), status = reader_u8(&r);
	uint16_t len = reader_u16(&r);
	uint8_t window;

	reader_skip(&r, 3);
	window = reader_u8(&r);
	if (l->bytes.len && !memchr(types, type, sizeof(types)))
		return EXTRACT_NOT_MINE;
	if (r.bad)
		return EXTRACT_NEED_MORE;
	return form_when((status & ~9U) == 0 && len > TDS_HEAD && len <= TDS_MAX && !window);
}

/* Sets of NetFlow 9 and IPFIX, which end where the datagram does: | id (16) | length (16) | ... */
static bool are_sets(struct slice s, uint16_t first_template)
{
	enum { DATA_FIRST = 256, SETS_MAX = 64 };

	for (int i = 0; s.len && i < SETS_MAX; i++) {
		struct reader r = reader_of(s);
		uint16_t id = reader_u16(&r), len = reader_u16(&r);

		if (r.bad || len < 4 || len > s.len)
			return false;
		if (id < DATA_FIRST && id != first_template && id != first_template + 1)
			return false;
		s = slice_from(s, len);
	}
	return s.len == 0;
}

enum extract_answer form_netflow(const struct form_look *l)
{
	enum { HEAD_5 = 24, ROW_5 = 48, ROWS_5 = 30, HEAD_9 = 20, HEAD_10 = 16 };
	struct slice b = l->bytes;
	struct reader r = reader_of(b);
	uint16_t version = reader_u16(&r), n = reader_u16(&r);

	switch (version) {
	case 5: return form_when(n >= 1 && n <= ROWS_5 && b.len == HEAD_5 + (size_t)n * ROW_5);
	case 9: return form_when(n && b.len > HEAD_9 && are_sets(slice_from(b, HEAD_9), 0));
	case 10: return form_when(n == b.len && n > HEAD_10 && are_sets(slice_from(b, HEAD_10), 2));
	default: return EXTRACT_NOT_MINE;
	}
}

/* Behind version 5 and three bytes of the kind of the agent's address: IPv4 or IPv6. */
enum extract_answer form_sflow(const struct form_look *l)
{
	return form_when(l->rest.len > 24 && (l->rest.at[0] == 1 || l->rest.at[0] == 2));
}
