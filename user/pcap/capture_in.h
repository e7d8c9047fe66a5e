/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Door 1, inwards: a capture file as frames, each with the very bytes it is stored in, so that the
 * output can keep everything. Room: pcap. One thread owns a capture.
 *
 * Reads pcap (both byte orders, microseconds and nanoseconds) and pcapng (several sections and
 * interfaces, both byte orders), also when compressed by gzip or zstd, which the first bytes tell;
 * libpcap reads any other format it knows. No length field is trusted: a record longer than
 * CAPTURE_RECORD_MAX is damage.
 *
 * A file that grows meanwhile is read to where it ends when the reader gets there; when mapped, to
 * where it ended when it was opened. One that is cut short meanwhile ends there as damage.
 *
 * Standards: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
 */
#ifndef PCAP_CAPTURE_IN_H
#define PCAP_CAPTURE_IN_H

#include <signal.h>
#include "base/fault.h"
#include "packet/frame.h"

enum {
	CAPTURE_RECORD_MAX = 262144,  /* captured bytes of one frame */
	CAPTURE_BLOCK_MAX = 16 << 20, /* bytes of one pcapng block of any kind */
	CAPTURE_INTERFACES_MAX = 65536,
};

/*
 * One piece of the file. Pieces laid end to end are the file again; those that are no frame (file
 * header, section, interface, name or statistics block, ...) belong into every output.
 */
struct capture_record {
	struct frame frame; /* when is_frame; its bytes lie in raw */
	bool is_frame;
	uint16_t linktype; /* of a frame, as the file numbers it (LINKTYPE) */
	struct slice raw;  /* borrowed until the next call; of a lasting capture, until released */
};

/* Where many records go. */
struct capture_room {
	struct capture_record *at;
	size_t stride;	/* bytes from one to the next: they may be part of something larger */
	size_t records; /* at most */
	size_t bytes;	/* of the pieces: at most, and what the last one has more */
};

struct capture_guard;
struct capture_in;

/*
 * Opens path ("-": standard input) and looks at its first bytes. stop (borrowed, may be NULL) ends
 * a wait for input when raised. Gives *out. Returns 0; -EINVAL when it is not a capture, -EINTR,
 * or another -errno, with the reason in *f.
 */
int capture_in_open(const char *path, const volatile sig_atomic_t *stop, struct capture_in **out,
		    struct fault *f);
void capture_in_close(struct capture_in *in);

/*
 * Before the first capture_in_next(): from now on the capture is memory, where it is a regular file
 * of ours, uncompressed; else nothing changes. guard (pcap/guard.h) is borrowed until
 * capture_in_close(), and its handler of SIGBUS must be in place. What another program writes over
 * the file meanwhile changes the bytes under whoever looks at them.
 */
void capture_in_map(struct capture_in *in, struct capture_guard *guard);
/*
 * The same for all other ways: from now on the bytes of the records stay in memory, where the
 * format is ours and it is one capture. Memory is then used for all that is not released.
 */
void capture_in_keep(struct capture_in *in);
/* True when the bytes of all records stay where they are until capture_in_release(). */
bool capture_in_is_lasting(const struct capture_in *in);
/* True when capture_in_map() did what it can. */
bool capture_in_is_mapped(const struct capture_in *in);
/*
 * Before the first capture_in_next(), of one capture that is not memory: it is the part `name` of a
 * form (RFC 7578) with this boundary, and ends in front of it. That another part of the name
 * follows is damage. 0 or -ENOMEM.
 */
int capture_in_form(struct capture_in *in, const char *boundary, const char *name);
/*
 * The next records are read by another thread than the last: what was fetched into the cache ahead
 * of that one is of no use to it. For speed alone, once a batch of records.
 */
void capture_in_turn(struct capture_in *in);
/* Of a lasting capture: how many bytes of it are behind us, unpacked. */
uint64_t capture_in_position(const struct capture_in *in);
/*
 * Of a lasting capture: no byte before this capture_in_position() is used any more, so that memory
 * stays flat. From one thread at a time, which need not be the reader's.
 */
void capture_in_release(struct capture_in *in, uint64_t offset);
/*
 * Of a lasting capture, when all its records have been used: were their bytes there all the time?
 * 0; or -EIO with the reason in *f, when the file was cut short, or could not be read, where
 * records lay that capture_in_next() had given before: they may have been zeros when they were
 * used. A file cut short behind them is damage that capture_in_next() reports, and no loss.
 */
int capture_in_check(struct capture_in *in, struct fault *f);

/*
 * The next piece. Returns 1; 0 at the end; -EBADMSG when the capture is damaged or cut short from
 * here on (*f says at which record and offset); -EINTR when stopped; -errno when reading failed.
 */
int capture_in_next(struct capture_in *in, struct capture_record *r, struct fault *f);

/*
 * The same for as many as are there without waiting, quickly; at least one, when room has any. They
 * lie one behind the other in memory, and all stay until the next call. Gives how many there are in
 * *count; none when it does not return 1.
 */
int capture_in_take(struct capture_in *in, const struct capture_room *room, size_t *count,
		    struct fault *f);
/* A record of the last capture_in_take() and those behind it are to be given once more. */
void capture_in_untake(struct capture_in *in, const struct capture_record *r);

/* "pcap", "pcapng", or what libpcap reads. */
const char *capture_in_format(const struct capture_in *in);
/* Bytes of the file that are behind us, and in all (0: not known, of what is no regular file). Of a
 * compressed file both count compressed bytes; a fault always names bytes of the capture. */
uint64_t capture_in_offset(const struct capture_in *in);
uint64_t capture_in_size(const struct capture_in *in);
/* Blocks that several captures as one could not carry over (capture_set.h). */
uint64_t capture_in_left_out(const struct capture_in *in);
/* A link type seen that is not parsed: its name, or NULL. */
const char *capture_in_strange_link(const struct capture_in *in);

#endif
