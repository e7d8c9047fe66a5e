/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Several captures as one: their records in the order of time, read like one capture. Room: pcap.
 *
 * Of records of the same time, those of the capture named last come first, as in what mergecap
 * writes; records that are out of order within one capture stay so. One capture alone is handed
 * through, byte for byte. Several pcap captures of one link type are one such, in the byte order of
 * the first, with nanoseconds if any has them; any others become one section of pcapng, with an
 * interface for each of theirs.
 *
 * A damaged capture ends where it is damaged and the others go on; capture_in_next() says so at the
 * end. Standards: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
 */
#ifndef PCAP_CAPTURE_SET_H
#define PCAP_CAPTURE_SET_H

#include "pcap/capture_in.h"

/*
 * Opens count (at least 1) captures; paths and stop are borrowed while the capture is open. Gives
 * *out, for all that takes a capture (capture_in.h). Returns as capture_in_open; the text in *f
 * begins with the path that it is about.
 */
int capture_set_open(const char *const *paths, size_t count, const volatile sig_atomic_t *stop,
		     struct capture_in **out, struct fault *f);

#endif
