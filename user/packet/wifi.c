/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * IEEE 802.11 data frames, for the packet room: the head, whose length the frame says in its first
 * two bytes, and the LLC/SNAP head with the EtherType. It must never take ciphertext or a piece of
 * a frame for a packet.
 *
 * Standards: IEEE 802.11-2020 9.2.4.1 (frame control), 9.3.2.1 (data frames), IEEE 802.2 and 802
 * 9.2 (SNAP), radiotap.org.
 */
#include "packet/link.h"

enum {
	/* frame control, first byte */
	FC_VERSION = 0x03,
	FC_TYPE = 0x0c,
	FC_DATA = 0x08,
	FC_NULL = 0x40, /* no data in it */
	FC_QOS = 0x80,
	/* second byte */
	FC_BOTH_DS = 0x03, /* from one access point to another: a fourth address */
	FC_MORE_FRAGMENTS = 0x04,
	FC_PROTECTED = 0x40,
	FC_ORDER = 0x80, /* with QoS: HT control follows */
	HEAD_LEN = 24,
	HEAD_SEQUENCE = 22, /* its low four bits are the fragment's number */
	ADDRESS_LEN = 6,
	QOS_LEN = 2,
	QOS_AMSDU = 0x80,
	HT_LEN = 4,
	SNAP_LEN = 8,
	SNAP_TYPE = 6,
	RADIOTAP_LEN = 8,
	RADIOTAP_TIME = 1,  /* bits of the first word: eight bytes, aligned so */
	RADIOTAP_FLAGS = 2, /* one byte */
	RADIOTAP_DATAPAD = 0x20,
};

/* AA AA 03, then RFC 1042's code or that of bridges (IEEE 802.1H), then an EtherType. */
static enum dpi_parse parse_snap(struct dpi_cursor *c, uint32_t wire_len, struct dpi_packet *p)
{
	const uint8_t *snap = dpi_take(c, SNAP_LEN);

	if (!snap)
		return DPI_PARSE_SHORT;
	if (memcmp(snap, "\xaa\xaa\x03\0\0", 5) != 0 || (snap[5] != 0 && snap[5] != 0xf8))
		return DPI_PARSE_NOT_IP;
	return dpi_parse_type(c, dpi_get16(snap + SNAP_TYPE), wire_len, p);
}

enum dpi_parse wifi_parse(struct dpi_cursor *c, struct wifi_form form, uint32_t wire_len,
			  struct dpi_packet *p)
{
	const uint8_t *head = dpi_take(c, HEAD_LEN), *qos = NULL;
	uint8_t kind, flags;
	uint32_t more = 0;

	if (!head)
		return DPI_PARSE_SHORT;
	kind = head[form.is_swapped];
	flags = head[!form.is_swapped];
	if (kind & FC_VERSION || (kind & FC_TYPE) != FC_DATA || kind & FC_NULL)
		return DPI_PARSE_NOT_IP;
	if (flags & (FC_PROTECTED | FC_MORE_FRAGMENTS) || head[HEAD_SEQUENCE] & 15)
		return DPI_PARSE_NOT_IP;
	if ((flags & FC_BOTH_DS) == FC_BOTH_DS) {
		more += ADDRESS_LEN;
		if (!dpi_take(c, ADDRESS_LEN))
			return DPI_PARSE_SHORT;
	}
	if (kind & FC_QOS) {
		more += QOS_LEN + (flags & FC_ORDER ? HT_LEN : 0);
		qos = dpi_take(c, QOS_LEN);
		if (!qos || !dpi_take(c, flags & FC_ORDER ? HT_LEN : 0))
			return DPI_PARSE_SHORT;
		if (qos[0] & QOS_AMSDU)
			return DPI_PARSE_NOT_IP;
	}
	if (form.is_padded && !dpi_take(c, (4 - (HEAD_LEN + more) % 4) % 4))
		return DPI_PARSE_SHORT;
	return parse_snap(c, wire_len, p);
}

/* The flags of a radiotap head of len bytes; 0 when it has none. */
static uint8_t radiotap_flags(const uint8_t *head, uint32_t len)
{
	uint32_t at = 4;
	uint8_t present = head[4];

	/* The highest bit of a word of 32 says that another one follows. */
	while (at + 4 <= len && head[at + 3] & 0x80)
		at += 4;
	at += 4;
	if (present & RADIOTAP_TIME)
		at = (at + 7) / 8 * 8 + 8;
	return present & RADIOTAP_FLAGS && at < len ? head[at] : 0;
}

/*
 *  0 version | 1 pad | 2 length of the whole head | 4 which fields are there | fields
 *
 * Little-endian; each field is aligned as its size.
 */
enum dpi_parse wifi_parse_radiotap(struct dpi_cursor *c, uint32_t wire_len, struct dpi_packet *p)
{
	const uint8_t *head = dpi_take(c, RADIOTAP_LEN);
	struct wifi_form form = {0};
	uint32_t len;

	if (!head)
		return DPI_PARSE_SHORT;
	len = (uint32_t)(head[2] | head[3] << 8);
	if (head[0] != 0 || len < RADIOTAP_LEN)
		return DPI_PARSE_BAD;
	if (!dpi_take(c, len - RADIOTAP_LEN))
		return DPI_PARSE_SHORT;
	form.is_padded = radiotap_flags(head, len) & RADIOTAP_DATAPAD;
	return wifi_parse(c, form, wire_len, p);
}
