/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A tally as bytes: for workers that share no memory with whoever reports, but are the same program
 * on the same machine. Bytes from anywhere else are not to be unpacked.
 */
#ifndef REPORT_TALLY_PACK_H
#define REPORT_TALLY_PACK_H

#include "report/report.h"

/* Writes all that was counted. Returns 0, what `to` returned, or -EOVERFLOW when there were so many
 * connections that some are no rows any more. */
int tally_pack(struct tally *t, const struct report_out *to);
/* Adds it to another tally. Returns 0, or -EINVAL when it is cut short. */
int tally_unpack(struct tally *into, struct slice packed);

#endif
