/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where the service listens, and who is at the other end. Room: api.
 */
#ifndef API_LISTEN_H
#define API_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"

struct MHD_Connection;

/* Who asks: an address, or a user of this machine. Compared byte by byte. */
struct listen_source {
	uint16_t family;
	uint16_t zero;
	uint32_t uid;	  /* AF_UNIX */
	uint8_t addr[16]; /* IPv4 in its first four */
};

/* Reads "ADDRESS:PORT", "[ADDRESS]:PORT", "localhost:PORT" or "unix:PATH": is it this machine alone
 * that can reach it? 0, or -EINVAL with *f. */
int listen_describe(const char *text, bool *is_local, struct fault *f);
/* Opens it. Gives a listening, non-blocking descriptor, or -errno with *f. */
int listen_open(const char *text, struct fault *f);
/* Writes the URL that reaches a listening descriptor. */
void listen_url(int fd, const char *text, char *out, size_t size);

/* Who is at the other end of a connected socket. */
void listen_source_of(int fd, struct listen_source *out);
void listen_peer(struct MHD_Connection *mhd, struct listen_source *out);
/* The address that the client reached, as a Host field writes it; false when it has none. */
bool listen_local(struct MHD_Connection *mhd, char *out, size_t size);

#endif
