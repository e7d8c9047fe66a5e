/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Writing a file whole or not at all. Room: pcap. See capture_out.h.
 */
#include "pcap/capture_out.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>
#include "pcap/out_file.h"
#include "pcap/split.h"

enum {
	OUT_BUFFER = 1 << 20,
	OUT_PIECES = 8192,
	OUT_RUNS = 1024, /* what one writev() takes (IOV_MAX) */
};

struct capture_out {
	struct out_file file;
	struct split *split; /* NULL: all goes into one file */
	int err;
	bool is_kept;	 /* what is beside its name stays, though it failed */
	const char *why; /* ... in words; NULL: those of err */
	uint8_t *buf;	 /* copies of the pieces that are not lent */
	size_t len;
	/* What is held back: pieces that lie one behind the other in memory are one run. */
	struct iovec run[OUT_RUNS];
	size_t run_count;
	const uint8_t *run_end; /* of the last run */
	/* Ends of those pieces, counted from the first, so that a failed write can be cut back to
	 * whole ones. Of a row that was lent as one, the end of all: where they end one by one is
	 * only asked when writing fails. */
	struct piece_end {
		uint64_t at : 63, is_frame : 1;
		const uint32_t *row; /* their lengths, borrowed; NULL: it is one piece */
	} piece[OUT_PIECES];
	size_t piece_count;
	uint64_t held;	      /* bytes of all of them */
	uint64_t held_frames; /* frames among them */
	uint64_t written;     /* bytes in the file */
	uint64_t whole;	      /* bytes of them that are whole pieces */
	uint64_t whole_frames;
	uint64_t frames_before; /* of those, in files before this one */
};

/* Opens what comes next: a file, or of a split the next of its files. */
static int open_file(struct capture_out *o, const char *path)
{
	char *name = NULL;
	int err;

	if (o->split) {
		if (o->split->done_count == SPLIT_FILES_MAX) {
			o->why = "more than 99,999 files would be needed; give a greater size";
			return -EFBIG;
		}
		name = split_name(o->split, o->split->done_count + 1);
		if (!name)
			return -ENOMEM;
	}
	err = out_file_open(&o->file, name ? name : path);
	if (!err && o->split && !o->file.is_beside) /* a device by the name of one of the files */
		err = -EEXIST;
	free(name);
	return err;
}

int capture_out_open_split(const char *path, uint64_t size, struct capture_out **out,
			   struct fault *f)
{
	struct capture_out *o = calloc(1, sizeof(*o));
	int err = -ENOMEM;

	if (!o)
		return fault_set(f, -ENOMEM, "out of memory");
	o->file.fd = -1;
	o->buf = malloc(OUT_BUFFER);
	o->split = size ? split_new(path, size) : NULL;
	if (o->buf && (o->split || !size))
		err = open_file(o, path);
	if (err) {
		capture_out_abandon(o);
		return fault_set(f, err, "cannot be written: %s", strerror(-err));
	}
	*out = o;
	return 0;
}

int capture_out_open(const char *path, struct capture_out **out, struct fault *f)
{
	return capture_out_open_split(path, 0, out, f);
}

size_t capture_out_file_count(const struct capture_out *o)
{
	return o->split ? o->split->done_count + 1 : 1;
}

/* Notes those pieces of a row that were written, which begins and ends there, as far as it was. */
static void settle_row(struct capture_out *o, const struct piece_end *row, uint64_t begin,
		       uint64_t end)
{
	const uint32_t *len = row->row;

	for (uint64_t at = begin; at < end && *len <= o->written - at; len++) {
		at += *len;
		o->whole = at;
		o->whole_frames++;
	}
}

/* Notes which pieces the last bytes written completed, and drops them from the list. */
static void settle(struct capture_out *o, uint64_t start)
{
	uint64_t begin = start;

	if (o->held > 0 && o->written == start + o->held) { /* nearly always: all of them */
		o->whole = o->written;
		o->whole_frames += o->held_frames;
		o->piece_count = 0;
	}
	for (size_t i = 0; i < o->piece_count && begin < o->written; i++) {
		const struct piece_end *p = &o->piece[i];
		uint64_t end = start + p->at;

		if (p->row) {
			settle_row(o, p, begin, end);
		} else if (end <= o->written) {
			o->whole = end;
			o->whole_frames += p->is_frame;
		}
		begin = end;
	}
	o->held_frames = 0;
	o->piece_count = 0;
	o->held = 0;
	o->run_count = 0;
	o->run_end = NULL;
	o->len = 0;
}

/* Reads a byte of each page: one that a mapped capture has lost is then its guard's zeros. */
static void touch(const struct iovec *run)
{
	const volatile uint8_t *at = run->iov_base;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < run->iov_len; i += page)
		(void)at[i];
	(void)at[run->iov_len - 1];
}

/* Writes all runs, however often the kernel takes only a part. */
static int write_runs(struct capture_out *o)
{
	struct iovec *at = o->run;
	size_t count = o->run_count;
	bool is_touched = false;

	while (count > 0) {
		ssize_t n = writev(o->file.fd, at, (int)count);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EFAULT && !is_touched) {
			touch(at);
			is_touched = true;
			continue;
		}
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		is_touched = false;
		o->written += (uint64_t)n;
		for (; count > 0 && (size_t)n >= at->iov_len; at++, count--)
			n -= (ssize_t)at->iov_len;
		if (n > 0)
			*at = (struct iovec){(char *)at->iov_base + n, at->iov_len - (size_t)n};
	}
	return 0;
}

int capture_out_flush(struct capture_out *o)
{
	uint64_t start = o->written;

	if (!o->err)
		o->err = write_runs(o);
	settle(o, start);
	return o->err;
}

/* A run of its own, behind what is held back; makes room when there is none. */
static int begin_run(struct capture_out *o, struct slice piece)
{
	if (o->err ||
	    ((o->run_count == OUT_RUNS || o->piece_count == OUT_PIECES) && capture_out_flush(o)))
		return o->err;
	o->run[o->run_count++] = (struct iovec){(void *)(uintptr_t)piece.at, piece.len};
	return 0;
}

/* Takes bytes in without a copy: a piece, or a row of frames as long as row[] says. */
static inline int hold_all(struct capture_out *o, struct slice bytes, uint64_t frames,
			   const uint32_t *row)
{
	if (bytes.len == 0)
		return o->err;
	if (bytes.at == o->run_end && o->piece_count < OUT_PIECES)
		o->run[o->run_count - 1].iov_len += bytes.len;
	else if (begin_run(o, bytes))
		return o->err;
	o->run_end = bytes.at + bytes.len;
	o->held += bytes.len;
	o->held_frames += frames;
	o->piece[o->piece_count++] = (struct piece_end){o->held, frames > 0, row};
	return 0;
}

static inline int hold(struct capture_out *o, struct slice piece, bool is_frame)
{
	return hold_all(o, piece, is_frame, NULL);
}

/* Takes in a copy of a piece. */
static int hold_copy(struct capture_out *o, struct slice piece, bool is_frame)
{
	uint8_t *copy;

	if (piece.len > OUT_BUFFER) /* so large that a copy would cost more than a call */
		return hold(o, piece, is_frame) ? o->err : capture_out_flush(o);
	if (piece.len == 0 || (piece.len > OUT_BUFFER - o->len && capture_out_flush(o)))
		return o->err;
	copy = o->buf + o->len;
	memcpy(copy, piece.at, piece.len);
	if (hold(o, slice_of(copy, piece.len), is_frame))
		return o->err;
	/* Last, since holding may have flushed what was there. */
	o->len = (size_t)(copy - o->buf) + piece.len;
	return 0;
}

/* Ends the file, whose bytes are all written, and begins the next one of a split. */
static int next_file(struct capture_out *o)
{
	int err = capture_out_flush(o);

	if (!err)
		err = out_file_close(&o->file);
	if (!err)
		err = split_end_file(o->split, &o->file);
	if (!err)
		err = open_file(o, NULL);
	o->err = err;
	if (err)
		return err;
	o->written = o->whole = 0;
	o->frames_before = o->whole_frames;
	return hold_copy(o, slice_of(o->split->heads, o->split->heads_len), false);
}

/* Before a piece of a split: does it begin a new file? */
static int turn_page(struct capture_out *o, struct slice piece, bool is_frame)
{
	int err = o->err;

	if (!err && split_is_due(o->split, o->written + o->held, piece)) {
		split_forget(o->split, piece, is_frame);
		err = next_file(o);
	}
	if (err)
		return err;
	err = split_note(o->split, piece, is_frame);
	if (err == -EFBIG)
		o->why = "its heads alone are larger than a file may be; give a greater size";
	return o->err = err;
}

int capture_out_lend(struct capture_out *o, struct slice piece, bool is_frame)
{
	if (o->split && turn_page(o, piece, is_frame))
		return o->err;
	return hold(o, piece, is_frame);
}

int capture_out_lend_row(struct capture_out *o, struct slice row, const uint32_t *len, size_t count)
{
	if (!o->split)
		return hold_all(o, row, count, len);
	for (size_t i = 0; i < count; row = slice_from(row, len[i++]))
		if (capture_out_lend(o, slice_first(row, len[i]), true))
			break;
	return o->err;
}

int capture_out_write(struct capture_out *o, struct slice piece, bool is_frame)
{
	if (o->split && turn_page(o, piece, is_frame))
		return o->err;
	return hold_copy(o, piece, is_frame);
}

/* What is left of what could not be written: whole pieces, or nothing. */
static void cut_back(struct capture_out *o, struct fault *f)
{
	unsigned long long frames = o->whole_frames;
	bool is_here = o->file.is_beside && o->whole_frames > o->frames_before &&
		       ftruncate(o->file.fd, (off_t)o->whole) == 0;
	size_t done = o->split ? o->split->done_count : 0;
	const char *why = o->why ? o->why : strerror(-o->err);
	const char *room = o->err == -ENOSPC && !o->why ? "; make room" : "";
	const char *first = done ? o->split->done[0].part : o->file.part;
	const char *last = is_here ? o->file.part : done ? o->split->done[done - 1].part : NULL;

	if (!o->file.is_beside && !o->split) {
		fault_set(f, o->err, "%s after %llu records%s", why, frames, room);
	} else if (last) {
		fault_set(f, o->err, "%s; %llu whole records are in %s%s%s; %srun it again", why,
			  frames, first, first == last ? "" : " to ", first == last ? "" : last,
			  o->why ? "" : "make room and ");
		o->is_kept = true; /* they stay */
		if (!is_here)
			out_file_drop(&o->file, false);
	} else {
		fault_set(f, o->err, "%s; nothing was written%s", why, room);
	}
}

struct later {
	size_t count; /* files of this run */
	struct fault *f;
};

/* Of the files of an earlier run, one behind the last of this one: the two would look like one. */
static int refuse_later(void *ctx, const char *path, unsigned number)
{
	const struct later *l = ctx;
	size_t len = strlen(path);

	if (number <= l->count || (len > 5 && strcmp(path + len - 5, ".part") == 0))
		return 0;
	return fault_set(l->f, -EEXIST,
			 "%s is there from an earlier run, which made more files; remove what is "
			 "behind number %zu and run it again",
			 path, l->count);
}

/* All files get their names, or none does. */
static int publish(struct capture_out *o)
{
	size_t done = o->split ? o->split->done_count : 0, i;
	int err = 0;

	for (i = 0; i < done && !err; i++)
		err = out_file_publish(&o->split->done[i]);
	if (!err)
		err = out_file_publish(&o->file);
	while (err && i > 0)
		out_file_withdraw(&o->split->done[--i]);
	return err;
}

int capture_out_finish(struct capture_out *o, struct fault *f)
{
	struct later later = {capture_out_file_count(o), f};
	int err = capture_out_flush(o);

	if (err) {
		cut_back(o, f);
		goto out;
	}
	err = o->split ? split_each(o->split->out, refuse_later, &later) : 0;
	if (err)
		goto out;
	err = out_file_close(&o->file);
	if (!err)
		err = publish(o);
	if (err)
		fault_set(f, err, "cannot be completed: %s", strerror(-err));
out:
	capture_out_abandon(o);
	return err;
}

void capture_out_abandon(struct capture_out *o)
{
	if (!o)
		return;
	for (size_t i = 0; o->split && i < o->split->done_count; i++)
		out_file_drop(&o->split->done[i], o->is_kept);
	out_file_drop(&o->file, o->is_kept);
	split_free(o->split);
	free(o->buf);
	free(o);
}
