/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the format readers of the pcap room share. Private to the room.
 */
#ifndef PCAP_READING_H
#define PCAP_READING_H

#include "dpi/types.h"
#include "pcap/capture_in.h"
#include "pcap/source.h"

/* An interface of a pcapng section; a pcap file has one. */
struct capture_link {
	enum link_type link;
	uint16_t linktype;
	uint32_t snap_len; /* 0: no limit is stated */
	uint64_t ticks;	   /* a second, when a power of ten; else 0 */
	uint8_t shift;	   /* ticks a second is 1 << shift, when ticks is 0 */
	int64_t offset_s;
};

struct capture_in {
	struct source source;
	const struct capture_format *format;
	bool is_swapped; /* written in the other byte order */
	bool is_begun;	 /* the file header is behind us */
	uint64_t frame_count;
	const uint8_t *ahead_end; /* of a mapped capture: how far ahead.h has looked */
	int strange_link;	  /* a LINKTYPE that is not parsed; -1: none */
	char strange_name[64];

	/* pcap */
	uint8_t minor;
	bool is_after_empty; /* the last record held no bytes */
	uint32_t frac_ns;    /* nanoseconds a unit of the fraction */
	uint32_t cap_max;    /* bytes of a record that is sound */

	/* pcap: one; pcapng: those of the section */
	struct capture_link *links;
	size_t link_count, link_cap;
	uint64_t last_ns;

	struct capture_set *set; /* when this is several captures as one: all of them */

	/* what libpcap reads */
	void *pcap;
	uint8_t *scratch; /* a record made anew: head and bytes */
};

struct capture_format {
	const char *name;
	int (*next)(struct capture_in *in, struct capture_record *r, struct fault *f);
	/* The frames that are there, whole and ordinary: what next() would give one by one, and
	 * their numbers. Stops before the first that is not, and when room is used up. Returns how
	 * many; NULL: there is no such short way. */
	size_t (*run)(struct capture_in *in, const struct capture_room *room);
};

extern const struct capture_format capture_classic, capture_blocks, capture_foreign;

/* Opens the capture by libpcap, from the bytes already buffered on. 0, or -EINVAL and *f. */
int foreign_open(struct capture_in *in, struct fault *f);
void foreign_close(struct capture_in *in);
/* What libpcap calls a link type; NULL: nothing. */
const char *foreign_link_name(uint32_t linktype);

/* Fills *f with "damaged at record N, byte offset M: what"; returns -EBADMSG. */
int capture_damage(const struct capture_in *in, struct fault *f, const char *what);
/* How frames of a LINKTYPE are decoded; notes the first that is not. */
enum link_type capture_link_type(struct capture_in *in, uint32_t linktype);
/* Adds an interface. 0, or -errno. */
int capture_link_add(struct capture_in *in, const struct capture_link *l);

static inline uint32_t capture_u32(const struct capture_in *in, const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, 4);
	return in->is_swapped ? __builtin_bswap32(v) : v;
}

static inline uint16_t capture_u16(const struct capture_in *in, const uint8_t *at)
{
	uint16_t v;

	memcpy(&v, at, 2);
	return in->is_swapped ? __builtin_bswap16(v) : v;
}

#endif
