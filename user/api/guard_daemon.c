/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What libmicrohttpd's thread tells the guard; see guard.h.
 */
#include "api/guard_state.h"

#include <unistd.h>

static struct slot *slot_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

void guard_ring(struct guard *g)
{
	const uint64_t one = 1;

	(void)!write(g->bell, &one, sizeof(one));
}

void guard_notified(void *cls, struct MHD_Connection *mhd, void **context,
		    enum MHD_ConnectionNotificationCode code)
{
	struct guard *g = *(struct guard **)cls;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (!g || !info)
		return;
	pthread_mutex_lock(&g->lock);
	for (size_t i = 0; i < SLOTS && code == MHD_CONNECTION_NOTIFY_STARTED; i++)
		if (g->slot[i].state == SLOT_SERVED && g->slot[i].fd == info->connect_fd)
			*context = &g->slot[i];
	if (code == MHD_CONNECTION_NOTIFY_CLOSED && *context) {
		((struct slot *)*context)->state = SLOT_FREE;
		*context = NULL;
	}
	pthread_mutex_unlock(&g->lock);
	if (code == MHD_CONNECTION_NOTIFY_CLOSED)
		guard_ring(g);
}

size_t guard_head_len(struct MHD_Connection *mhd)
{
	const struct slot *s = slot_of(mhd);

	return s ? s->head.line + 2 : 0; /* where its empty line begins, and CR LF */
}

void guard_answer_begins(struct MHD_Connection *mhd, uint64_t len)
{
	struct slot *s = slot_of(mhd);

	if (!s)
		return;
	pthread_mutex_lock(&s->guard->lock);
	s->until_ms = api_now_ms() + TAKE_MS + len / TAKE_BYTES_MS;
	pthread_mutex_unlock(&s->guard->lock);
}

bool guard_stream_begins(struct MHD_Connection *mhd)
{
	struct slot *s = slot_of(mhd);
	bool is_in = false;

	if (!s)
		return true;
	pthread_mutex_lock(&s->guard->lock);
	if (slots_in(s->guard, SLOT_STREAM) < GUARD_STREAMS_MAX) {
		s->state = SLOT_STREAM;
		is_in = true;
	}
	pthread_mutex_unlock(&s->guard->lock);
	guard_ring(s->guard);
	return is_in;
}
