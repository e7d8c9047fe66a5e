/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Door 1, outwards: a file that is written whole or not at all. Room: pcap.
 *
 * A regular file is written beside its name as NAME.part and renamed when it is whole, so that a
 * file called NAME is never half of one. "-" is standard output; devices and FIFOs are written
 * directly. Bytes come in pieces (records, lines); when writing fails, NAME.part is cut back to
 * whole pieces. One thread owns an output.
 */
#ifndef PCAP_CAPTURE_OUT_H
#define PCAP_CAPTURE_OUT_H

#include "base/fault.h"
#include "base/slice.h"

struct capture_out;

/*
 * Refuses paths that are the same file (device and inode) as the input, or whose .part is, before
 * anything is opened for writing. Opens nothing. Returns 0, or -EINVAL and *f.
 */
int capture_out_check(const char *path, const char *in_path, struct fault *f);

/* Opens path for writing. Gives *out. Returns 0, or -errno and *f. */
int capture_out_open(const char *path, struct capture_out **out, struct fault *f);

/*
 * The same in files of at most size bytes, each of them a capture: OUT.pcap becomes OUT-00001.pcap,
 * OUT-00002.pcap, ... A piece that is larger gets a file of its own. All appear together. size 0:
 * one file, OUT.
 */
int capture_out_open_split(const char *path, uint64_t size, struct capture_out **out,
			   struct fault *f);
/* Refuses what cannot be split, and a file that would be replaced although it is the input. */
int capture_out_check_split(const char *path, const char *in_path, struct fault *f);
/* Whether another path is one of the files that path would be split into. */
bool capture_out_is_of_split(const char *path, const char *other);
/* How many files there are by now. */
size_t capture_out_file_count(const struct capture_out *o);

/*
 * Writes one piece, whole; is_frame: it counts as a record. write copies it: for small things. lend
 * borrows its bytes until the next capture_out_flush() has returned; pieces that lie one behind the
 * other in memory are written as one. Both keep their order. Returns 0, or -errno, which sticks.
 */
int capture_out_write(struct capture_out *o, struct slice piece, bool is_frame);
int capture_out_lend(struct capture_out *o, struct slice piece, bool is_frame);
/* Lends `count` frames that lie one behind the other, each len[] bytes long (none is empty); len is
 * borrowed as long as they are. */
int capture_out_lend_row(struct capture_out *o, struct slice row, const uint32_t *len,
			 size_t count);

/* Writes what is still held back; nothing is borrowed any more, even when this fails. Returns 0,
 * or -errno, which sticks. */
int capture_out_flush(struct capture_out *o);

/*
 * Ends the file: the rest is written, the name is given. Returns 0, or -errno with *f saying how
 * many records were written and where they are. Frees o either way.
 */
int capture_out_finish(struct capture_out *o, struct fault *f);
/* Gives up: nothing is left behind. Frees o, which may be NULL. */
void capture_out_abandon(struct capture_out *o);

#endif
