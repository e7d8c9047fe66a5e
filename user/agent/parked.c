/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Waiting askers in a small array; see parked.h. Room: agent.
 */
#include "agent/parked.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/engine_state.h"

/* Answers with what there is after row->after. When that is nothing and may_wait, nothing is said,
 * and row->after becomes a number of this engine's. True: answered, the connection is given away.
 */
static bool row_answer(struct parked_row *row, struct engine_state *e, struct clients *askers,
		       bool may_wait)
{
	struct text out = {0}, err = {0};
	struct wire request = {
		.kind = ENGINE_EVENTS, .out = row->after, .out_len = strlen(row->after)};
	uint32_t status = engine_answer(e, &request, &out, &err);
	struct follow_id id;
	uint64_t next;

	if (status || out.len || !may_wait ||
	    sscanf(err.at, "%16" SCNx64 " %*u %20" SCNu64, &id.instance, &next) != 2) {
		clients_add_answer(askers, row->fd, status, &out, &err);
		return true;
	}
	id.number = next - 1;
	follow_id_format(&id, row->after);
	text_clear(&out);
	text_clear(&err);
	return false;
}

void parked_take(struct parked *p, struct engine_state *e, struct clients *askers,
		 const char *asked, int fd)
{
	struct parked_row row = {.fd = fd};
	char *after;
	long long wait_ms = strtoll(asked, &after, 10);

	if (wait_ms > PARKED_WAIT_MS)
		wait_ms = PARKED_WAIT_MS;
	snprintf(row.after, sizeof(row.after), "%s", *after == ' ' ? after + 1 : after);
	row.until_ns = live_monotonic() + (uint64_t)(wait_ms > 0 ? wait_ms : 0) * 1000000;
	if (!row_answer(&row, e, askers, wait_ms > 0 && p->count < PARKED_MAX))
		p->row[p->count++] = row;
}

size_t parked_poll(const struct parked *p, struct pollfd *out)
{
	for (size_t i = 0; i < p->count; i++)
		out[i] = (struct pollfd){.fd = p->row[i].fd, .events = POLLRDHUP};
	return p->count;
}

int parked_due_ms(const struct parked *p, int most_ms)
{
	uint64_t now = live_monotonic();

	for (size_t i = 0; i < p->count; i++) {
		uint64_t until = p->row[i].until_ns;
		uint64_t left = until > now ? (until - now + 999999) / 1000000 : 0;

		if (left < (uint64_t)most_ms)
			most_ms = (int)left;
	}
	return most_ms;
}

void parked_serve(struct parked *p, struct engine_state *e, struct clients *askers,
		  const struct pollfd *polled, bool is_rung)
{
	uint64_t now = live_monotonic();
	size_t kept = 0;

	for (size_t i = 0; i < p->count; i++) {
		struct parked_row *row = &p->row[i];
		bool is_due = now >= row->until_ns;

		if (polled[i].revents)
			close(row->fd);
		else if (!(is_due || is_rung) || !row_answer(row, e, askers, !is_due))
			p->row[kept++] = *row;
	}
	p->count = kept;
}
