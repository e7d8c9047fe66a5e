/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Door 1, inwards: a capture file as frames, each with the very bytes it is stored in, so that the
 * output can keep everything. Room: pcap. One thread owns a capture.
 *
 * Reads pcap (both byte orders, microseconds and nanoseconds) and pcapng (several sections and
 * interfaces, both byte orders); libpcap reads any other format it knows. No length field is
 * trusted: a record longer than CAPTURE_RECORD_MAX is damage.
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
	struct slice raw; /* borrowed until the next call */
};

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
 * The next piece. Returns 1; 0 at the end; -EBADMSG when the capture is damaged or cut short from
 * here on (*f says at which record and offset); -EINTR when stopped; -errno when reading failed.
 */
int capture_in_next(struct capture_in *in, struct capture_record *r, struct fault *f);

/* "pcap", "pcapng", or what libpcap reads. */
const char *capture_in_format(const struct capture_in *in);
uint64_t capture_in_offset(const struct capture_in *in); /* bytes read so far */
uint64_t capture_in_size(const struct capture_in *in);	 /* of a regular file; else 0 */
/* A link type seen that is not parsed: its name, or NULL. */
const char *capture_in_strange_link(const struct capture_in *in);

#endif
