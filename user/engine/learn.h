/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What DNS answers teach of addresses. A door shows every frame that may be one to the memory that
 * its engines ask (engine_config.learnt), in the order of the frames.
 */
#ifndef ENGINE_LEARN_H
#define ENGINE_LEARN_H

#include "flow/dns_memory.h"
#include "packet/packet.h"

/* Quick: true when a decoded packet may be a DNS, mDNS or LLMNR answer over UDP, by its port and QR
 * bit. */
bool learn_is_answer(const struct packet *p);
/* The same of a UDP payload, by the port it comes from. */
bool learn_is_answer_from(uint16_t port, struct slice payload);
/* Puts what an answer says into the memory, when it is one. */
void learn_answer(struct dns_memory *m, const struct packet *p);

#endif
