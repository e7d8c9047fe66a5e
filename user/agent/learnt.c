/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One memory of DNS answers for all workers; see learnt.h. Room: agent.
 */
#include "agent/learnt.h"

#include <pthread.h>
#include <stdlib.h>

struct learnt {
	pthread_mutex_t lock;
	struct dns_memory *memory; /* under the lock */
};

struct learnt *learnt_new(uint64_t seed)
{
	struct learnt *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->memory = dns_memory_new(LEARNT_ADDRESSES_MAX, seed);
	if (!l->memory || pthread_mutex_init(&l->lock, NULL)) {
		dns_memory_free(l->memory);
		free(l);
		return NULL;
	}
	return l;
}

void learnt_free(struct learnt *l)
{
	if (!l)
		return;
	pthread_mutex_destroy(&l->lock);
	dns_memory_free(l->memory);
	free(l);
}

void learnt_frame(struct learnt *l, const struct frame *f)
{
	struct packet p;

	if (packet_decode(f, &p) != DPI_PARSE_OK || !learn_is_answer(&p))
		return;
	pthread_mutex_lock(&l->lock);
	learn_answer(l->memory, &p);
	pthread_mutex_unlock(&l->lock);
}

bool learnt_name(void *ctx, const struct dpi_addr *addr, uint64_t ts_ns, struct name *name)
{
	struct learnt *l = ctx;
	bool is_known;

	pthread_mutex_lock(&l->lock);
	is_known = dns_memory_get(l->memory, addr, ts_ns, name);
	pthread_mutex_unlock(&l->lock);
	return is_known;
}
