/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Places of connections, and refusing; see guard_state.h.
 */
#include "api/guard_state.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/conn.h"

/* --- places ----------------------------------------------------------------------------------- */

bool slot_is_active(const struct slot *s)
{
	return s->state == SLOT_HEAD || s->state == SLOT_LINGER || s->state == SLOT_SERVED;
}

unsigned slots_in(const struct guard *g, enum slot_state state)
{
	unsigned n = 0;

	for (size_t i = 0; i < SLOTS; i++)
		n += g->slot[i].state == state;
	return n;
}

unsigned slots_active(const struct guard *g, const struct listen_source *who)
{
	unsigned n = 0;

	for (size_t i = 0; i < SLOTS; i++)
		n += slot_is_active(&g->slot[i]) &&
		     (!who || memcmp(&g->slot[i].who, who, sizeof(*who)) == 0);
	return n;
}

void slot_close(struct slot *s)
{
	epoll_ctl(s->guard->epoll, EPOLL_CTL_DEL, s->fd, NULL);
	close(s->fd);
	s->state = SLOT_FREE;
}

/* Where all places are taken, one who has said nothing makes room for a source that has fewer. */
static bool make_room(struct guard *g, unsigned newcomer_has)
{
	struct slot *victim = NULL;
	unsigned most = newcomer_has + 1;

	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &g->slot[i];
		unsigned has;

		if (s->state != SLOT_HEAD && s->state != SLOT_LINGER)
			continue;
		has = slots_active(g, &s->who);
		if (has > most || (victim && has == most && s->since_ms < victim->since_ms)) {
			most = has;
			victim = s;
		}
	}
	if (!victim)
		return false;
	g->api->counters->clients_slow++;
	slot_close(victim);
	return true;
}

bool slots_have_place(struct guard *g, const struct listen_source *who)
{
	unsigned own = slots_active(g, who);

	if (own >= GUARD_SOURCE_MAX)
		return false;
	return slots_active(g, NULL) < GUARD_ACTIVE_MAX || make_room(g, own);
}

/* --- refusing --------------------------------------------------------------------------------- */

void guard_refuse(struct guard *g, int fd, unsigned status, const char *detail)
{
	struct text body = {0}, all = {0};
	char junk[1024];

	text_printf(&body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"detail\":",
		    answer_title(status), status);
	text_json(&body, slice_text(detail));
	text_puts(&body, "}\n");
	text_printf(&all,
		    "HTTP/1.1 %u %s\r\nContent-Type: application/problem+json\r\n"
		    "Content-Length: %zu\r\nX-Content-Type-Options: nosniff\r\n"
		    "Cache-Control: no-store\r\n%sConnection: close\r\n\r\n",
		    status, answer_title(status), body.len,
		    status == 503 ? "Retry-After: 1\r\n" : "");
	text_add(&all, body.at, body.len);
	if (!all.failed && send(fd, all.at, all.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		g->api->counters->clients_slow++;
	shutdown(fd, SHUT_WR);
	while (recv(fd, junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
	text_clear(&body);
	text_clear(&all);
}

void guard_refuse_full(struct guard *g, int fd)
{
	g->api->counters->connections_refused++;
	guard_refuse(g, fd, 503,
		     "there are too many connections, of all or of your address; try again "
		     "in a second");
}
