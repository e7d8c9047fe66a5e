/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One capture in several files: their names, and what each must begin with to be a capture itself.
 * Private to the pcap room; see capture_out.h. It opens and writes nothing.
 */
#ifndef PCAP_SPLIT_H
#define PCAP_SPLIT_H

#include "base/slice.h"
#include "pcap/out_file.h"

enum { SPLIT_FILES_MAX = 99999 };

struct split {
	char *out;	       /* the name that theirs are made of */
	const char *extension; /* in it: ".pcap", or "" */
	uint64_t size;	       /* of a file, at most */
	/* The heads of the section, for the next file: that of the pcap file; or the section's and
	 * those of its interfaces. */
	uint8_t *heads;
	size_t heads_len, heads_cap;
	bool is_swapped; /* the byte order of the section */
	bool has_body;	 /* the file holds more than heads */
	/* Files that are full. */
	struct out_file *done;
	size_t done_count, done_cap;
};

/* Gives a split, or NULL: no memory. */
struct split *split_new(const char *path, uint64_t size);
void split_free(struct split *s); /* may be NULL; the files are the caller's to drop */

/* The name of a file, from 1. Gives it, or NULL. */
char *split_name(const struct split *s, size_t number);
/* Which number of the files of OUT a path is, or the .part of; 0: none. */
unsigned split_number(const char *out, const char *path);

/* Whether a new file is to begin with this piece, when the last holds len bytes. */
bool split_is_due(const struct split *s, uint64_t len, struct slice piece);
/* Notes a piece before it is written. 0; -ENOMEM; -EFBIG: the heads alone are more than a file. */
int split_note(struct split *s, struct slice piece, bool is_frame);
/* Before a new file: of an old section's heads none is needed when the piece begins a new one. */
void split_forget(struct split *s, struct slice piece, bool is_frame);
/* Notes that a file is full. Takes what *file holds, when it returns 0; or -ENOMEM. */
int split_end_file(struct split *s, struct out_file *file);

/*
 * Looks at each file in the directory that has the name of one of OUT: ask returns what ends the
 * walk, or 0 to go on. Returns that; a directory that cannot be read has none.
 */
int split_each(const char *out, int (*ask)(void *ctx, const char *path, unsigned number),
	       void *ctx);

#endif
