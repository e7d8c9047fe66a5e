/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the files that join captures share. Private to the pcap room; see capture_set.h.
 */
#ifndef PCAP_SET_H
#define PCAP_SET_H

#include "dpi/types.h"
#include "pcap/capture_in.h"

/* The head of a pcap file, or what a pcapng file has instead. */
struct set_head {
	bool is_blocks;	 /* pcapng; then only is_swapped counts, of the section */
	bool is_swapped; /* not in this machine's byte order */
	bool is_nano;
	uint16_t minor;
	uint32_t snap_len, linktype; /* linktype: the whole field, with what is said of the FCS */
	uint8_t bytes[24];
};

/* One capture of several. */
struct set_member {
	const char *path; /* borrowed */
	struct capture_in *in;
	struct set_head head;
	bool has_head, is_ended;
	bool is_same;		      /* its records need no re-encoding */
	struct capture_record record; /* its next frame, while it is in the heap */
	uint64_t key;		      /* 0: a frame without a time; else its time and one */
	/* pcapng output: interface ids there, by those of the member's section. */
	uint32_t *ids;
	size_t id_count, id_cap;
};

/* All of them. */
struct capture_set {
	struct set_member *member;
	size_t count;
	struct set_member **heap; /* those with a frame waiting, the earliest first */
	size_t heap_count;
	struct set_member *moving; /* whose next piece is to be read; NULL: the heap is complete */
	size_t primed;		   /* members that have been asked for their first frame */
	struct set_head head;	   /* of the output */
	bool has_head;
	uint32_t interface_count;
	uint64_t left_out; /* blocks that could not be carried over */
	uint8_t *scratch;  /* a piece made anew */
	size_t scratch_cap;
	size_t damage_count;
	struct fault damage; /* the first */
};

void set_close(struct capture_set *set);
uint64_t set_offset(const struct capture_set *set);
uint64_t set_size(const struct capture_set *set);
const char *set_strange_link(const struct capture_set *set);

/* At least len bytes of scratch, or NULL. */
uint8_t *set_scratch(struct capture_set *set, size_t len);

/* Reads a pcap head, or the byte order of a pcapng section. */
void set_read_head(struct set_head *h, struct slice raw);

/* pcap output. The head; and a member's waiting record, as it is or made anew. 1 or -ENOMEM. */
void classic_set_head(struct capture_set *set);
int classic_set_record(struct capture_set *set, struct set_member *m, struct capture_record *r);

/*
 * pcapng output. The section's head; the interface of a pcap member; a frame of any member; and a
 * block of a pcapng member that is no frame: 0 when there is nothing to hand out for it. 1, 0,
 * -ENOMEM, or -EOVERFLOW: too many interfaces.
 */
int blocks_set_head(struct capture_set *set, struct capture_record *r);
int blocks_set_interface(struct capture_set *set, struct set_member *m, struct capture_record *r);
int blocks_set_record(struct capture_set *set, struct set_member *m, struct capture_record *r);
int blocks_set_other(struct capture_set *set, struct set_member *m, struct slice raw,
		     struct capture_record *r);

static inline uint32_t set_u32(const struct set_head *h, const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, 4);
	return h->is_swapped ? __builtin_bswap32(v) : v;
}

static inline uint16_t set_u16(const struct set_head *h, const uint8_t *at)
{
	uint16_t v;

	memcpy(&v, at, 2);
	return h->is_swapped ? __builtin_bswap16(v) : v;
}

static inline void set_put32(const struct set_head *h, uint8_t *at, uint32_t v)
{
	v = h->is_swapped ? __builtin_bswap32(v) : v;
	memcpy(at, &v, 4);
}

static inline void set_put16(const struct set_head *h, uint8_t *at, uint16_t v)
{
	v = h->is_swapped ? __builtin_bswap16(v) : v;
	memcpy(at, &v, 2);
}

#endif
