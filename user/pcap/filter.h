/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which frames are looked at at all: an expression of pcap-filter(7), compiled by libpcap for each
 * link type that a capture holds. Room: pcap. A filter belongs to one thread.
 */
#ifndef PCAP_FILTER_H
#define PCAP_FILTER_H

#include "pcap/capture_in.h"

struct capture_filter;

/* Whether an expression is one, for Ethernet or for any other link type that is parsed. Returns 0;
 * or -EINVAL, with libpcap's own words in *f; or -ENOMEM. */
int capture_filter_check(const char *expression, struct fault *f);

/* expression: borrowed for as long as the filter lives. Gives the filter, or NULL: no memory. */
struct capture_filter *capture_filter_new(const char *expression);
void capture_filter_free(struct capture_filter *filter); /* may be NULL */

/* Whether a frame matches. One of a link type that the expression makes no sense for ("ether host"
 * without Ethernet) does not; capture_filter_fault() then says so. */
bool capture_filter_match(struct capture_filter *filter, const struct capture_record *r);

/* Why frames of some link type could not be asked, the first of them; NULL: none was met. */
const char *capture_filter_fault(const struct capture_filter *filter);

#endif
