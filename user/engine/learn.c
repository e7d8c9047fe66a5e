/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The engine room's memory of DNS answers; see learn.h. An address says nothing of a name by
 * itself, so what is learnt here never blocks unless a rule asks for it.
 */
#include "engine/learn.h"

#include "extract/dns_answer.h"

enum { PORT_DNS = 53, PORT_MDNS = 5353, PORT_LLMNR = 5355, HEAD_LEN = 12 };

bool learn_is_answer_from(uint16_t port, struct slice payload)
{
	return (port == PORT_DNS || port == PORT_MDNS || port == PORT_LLMNR) &&
	       payload.len > HEAD_LEN && (payload.at[2] & 0x80);
}

bool learn_is_answer(const struct packet *p)
{
	return p->head.key.proto == DPI_IP_UDP &&
	       learn_is_answer_from(dpi_be16(p->head.key.port[p->head.dir]), p->payload);
}

/* Addresses that name nobody in particular. */
static bool is_nobody(const struct dpi_addr *a)
{
	uint32_t v4 = dpi_be32(a->w[3]);

	if (dpi_addr_is4(a))
		return v4 == 0 || v4 >> 24 == 127 || v4 == 0xffffffff;
	return a->d[0] == 0 && dpi_be64(a->d[1]) <= 1;
}

void learn_answer(struct dns_memory *m, const struct packet *p)
{
	struct dns_answer a;
	unsigned count = 0;

	if (!learn_is_answer(p) || !dns_answer_read(p->payload, &a))
		return;
	for (unsigned i = 0; i < a.count; i++)
		if (!is_nobody(&a.addr[i]))
			a.addr[count++] = a.addr[i];
	dns_memory_put(m, a.addr, count, &a.name, p->frame->ts_ns, a.ttl_s);
}
