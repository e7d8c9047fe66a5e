/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The header compression of HTTP/2 (RFC 7541), as far as the host of a request needs it: which
 * fields are `:authority` or `host`, and their values. Of every other field only the length counts,
 * for what it pushes out of the dynamic table. The table keeps no text: a host that a request takes
 * from it was said when it went in, and says nothing new.
 */
#ifndef EXTRACT_HPACK_H
#define EXTRACT_HPACK_H

#include "base/slice.h"

enum {
	HPACK_WIRE_MAX = 1 << 20,  /* bytes of a stream that are looked at */
	HPACK_TABLE_START = 4096,  /* RFC 7541 4.2 and RFC 9113 6.5.2: until the client says more */
	HPACK_TABLE_HELD = 16384,  /* of a greater table only the newest entries are known */
	HPACK_ENTRY_OVERHEAD = 32, /* RFC 7541 4.1 */
	HPACK_ENTRIES = HPACK_TABLE_HELD / HPACK_ENTRY_OVERHEAD,
	HPACK_VALUE_MAX = 2048, /* bytes of a host's value that are read */
};

enum hpack_answer {
	HPACK_OK,    /* a field was read; hpack_block.next: there is another piece */
	HPACK_END,   /* the block ends here */
	HPACK_SHORT, /* the bytes end first */
	HPACK_BAD,   /* no decoder takes this */
};

enum hpack_kind { HPACK_OTHER, HPACK_AUTHORITY, HPACK_HOST };

/* Where in the stream a block is read on. Offsets into the stream; all but `at` may lie past it. */
struct hpack_place {
	uint32_t at, end;   /* the rest of the piece in this frame */
	uint32_t frame_end; /* behind the frame, its padding included */
	uint32_t id;	    /* of the frame's stream */
	bool is_last;	    /* END_HEADERS: no piece follows */
};

/* A header block, which may lie in several frames. */
struct hpack_block {
	struct slice wire; /* the stream as far as it is there, at most HPACK_WIRE_MAX */
	struct hpack_place place;
	/* Moves to the piece in the next frame: OK, SHORT or BAD. Called when !is_last. */
	enum hpack_answer (*next)(struct hpack_block *b);
};

struct hpack_entry {
	uint32_t size, name_len;
	enum hpack_kind kind;
};

/* The dynamic table; only the entries in use are ever set. */
struct hpack_table {
	uint32_t max, size; /* RFC 7541 4.1 */
	bool is_cut;	    /* the client's table may hold more than this one */
	uint16_t newest, count;
	struct hpack_entry entry[HPACK_ENTRIES];
};

struct hpack_field {
	enum hpack_kind kind;
	uint32_t len; /* of the value; more than HPACK_VALUE_MAX: only its beginning is there */
	uint8_t value[HPACK_VALUE_MAX]; /* only of an authority or a host */
};

/* A table as a connection begins with. */
static inline void hpack_init(struct hpack_table *t)
{
	memset(t, 0, offsetof(struct hpack_table, entry));
	t->max = HPACK_TABLE_START;
}

/* Reads the next field of a block. field is set when OK comes back. */
enum hpack_answer hpack_read(struct hpack_table *t, struct hpack_block *b,
			     struct hpack_field *field);

#endif
