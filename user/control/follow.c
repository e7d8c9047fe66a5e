/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Following the agent's event lines; see follow.h. The agent holds a request without an answer
 * until there are lines, so they come at once and waiting costs nobody anything. After an answer
 * the follower rests a moment: under a flood lines then come in handfuls, not one by one.
 */
#include "control/follow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/control.h"

enum {
	REST_MS = 10,	    /* after lines */
	EMPTY_REST_MS = 20, /* after an answer without any that came before its time */
	AWAY_FIRST_MS = 50, /* after no answer, doubled each time up to the next */
	AWAY_MOST_MS = 1000,
	WAIT_MOST_MS = 10000, /* that the agent is asked to hold a request */
	ANSWER_MS = 35000,    /* and what it may then take: its engine may be starting again */
};

struct follow {
	struct paths paths;
	struct follow_id known;
	bool is_newest; /* no position yet, and what is there already is not wanted */
	struct wire answer;
	int64_t rest_until_ms;
	int away_ms;
	struct follow_counters counters;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void sleep_ms(int64_t ms)
{
	struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	if (ms > 0)
		nanosleep(&wait, NULL);
}

const char *follow_id_format(const struct follow_id *id, char *out)
{
	snprintf(out, FOLLOW_ID_MAX, "%016" PRIx64 "-%" PRIu64, id->instance, id->number);
	return out;
}

int follow_id_parse(const char *text, struct follow_id *out)
{
	struct follow_id id = {0};
	char again[FOLLOW_ID_MAX];

	/* What does not read back to itself has signs, spaces or a number too large in it. */
	if (sscanf(text, "%16" SCNx64 "-%20" SCNu64, &id.instance, &id.number) != 2 ||
	    strcmp(follow_id_format(&id, again), text) != 0)
		return -EINVAL;
	*out = id;
	return 0;
}

int follow_open(const struct paths *p, const char *after, struct follow **out, struct fault *f)
{
	struct follow *w = calloc(1, sizeof(*w));

	if (!w)
		return fault_set(f, -ENOMEM, "out of memory");
	w->paths = *p;
	w->is_newest = strcmp(after, FOLLOW_NEWEST) == 0;
	if (*after && !w->is_newest && follow_id_parse(after, &w->known)) {
		free(w);
		return fault_set(f, -EINVAL,
				 "not the id of an event: give one that an event came with, such "
				 "as 9f86d081884c7d65-42");
	}
	*out = w;
	return 0;
}

/* One request and its answer. 0, or -errno with *f. */
static int exchange(struct follow *w, int wait_ms, struct fault *f)
{
	char after[FOLLOW_ID_MAX] = "", request[160];
	int fd = control_connect(&w->paths), len, err;

	if (fd < 0)
		return fault_set(f, fd,
				 "%s: %s; `dpi-xdp attach IFACE` starts the agent; ask as root, or "
				 "as a member of the group dpi-xdp",
				 w->paths.socket, strerror(-fd));
	if (w->is_newest)
		snprintf(after, sizeof(after), FOLLOW_NEWEST);
	else if (w->known.instance)
		follow_id_format(&w->known, after);
	len = snprintf(request, sizeof(request),
		       "{\"command\":\"events\",\"after\":\"%s\",\"wait\":%d}", after, wait_ms);
	err = wire_send(fd, 0, slice_of(request, (size_t)len), slice_of("", 0));
	if (!err || err == -EPIPE || err == -ECONNRESET) {
		int got = wire_receive(fd, WIRE_ANSWER_MAX, wait_ms + ANSWER_MS, &w->answer);

		err = got && err ? err : got;
	}
	close(fd);
	return err ? fault_set(f, err, "the agent did not answer: %s", strerror(-err)) : 0;
}

/* Takes the answer in hand: its err block says "INSTANCE FIRST NEXT". 1, 0 or -errno with *f. */
static int answer_take(struct follow *w, struct follow_lines *out, struct fault *f)
{
	struct follow_lines got = {0};
	uint64_t next;

	if (w->answer.kind & CONTROL_ENDING)
		return fault_set(f, -ECONNRESET, "the agent is ending");
	if (w->answer.kind)
		return fault_set(f, w->answer.kind == 4 ? -EACCES : -EIO, "%s", w->answer.err);
	if (sscanf(w->answer.err, "%16" SCNx64 " %20" SCNu64 " %20" SCNu64, &got.first.instance,
		   &got.first.number, &next) != 3 ||
	    got.first.instance == 0 || next < got.first.number || got.first.number == 0)
		return fault_set(f, -EPROTO,
				 "the running agent is of another version; start it again with "
				 "`dpi-xdp detach --all` and `dpi-xdp attach IFACE`");
	got.is_new_start = w->known.instance && (w->known.instance != got.first.instance ||
						 w->known.number >= got.first.number);
	if (got.is_new_start)
		w->counters.new_starts++;
	/* Who asks for everything of an agent begins with what it still has: nothing is lost. */
	if (got.is_new_start)
		got.lost = got.first.number - 1;
	else if (w->known.instance)
		got.lost = got.first.number - 1 - w->known.number;
	got.count = next - got.first.number;
	got.text = slice_of(w->answer.out, w->answer.out_len);
	w->is_newest = false;
	w->known = (struct follow_id){got.first.instance, next - 1};
	w->counters.lines += got.count;
	w->counters.bytes += got.text.len;
	w->counters.lost += got.lost;
	if (got.count == 0 && !got.is_new_start && got.lost == 0)
		return 0;
	*out = got;
	return 1;
}

/* Asks once, and sets when to ask again at the earliest. */
static int ask(struct follow *w, int wait_ms, struct follow_lines *out, struct fault *f)
{
	int err, rest_ms;

	wire_clear(&w->answer);
	err = exchange(w, wait_ms, f);
	if (err)
		w->counters.failures++;
	else
		err = answer_take(w, out, f);
	if (err >= 0)
		w->away_ms = 0;
	else
		w->away_ms = w->away_ms == 0		     ? AWAY_FIRST_MS
			     : w->away_ms * 2 < AWAY_MOST_MS ? w->away_ms * 2
							     : AWAY_MOST_MS;
	rest_ms = err < 0 ? w->away_ms : err ? REST_MS : EMPTY_REST_MS;
	w->rest_until_ms = now_ms() + rest_ms;
	return err;
}

static bool is_final(int err)
{
	return err > 0 || err == -EACCES || err == -EPROTO || err == -ENOMEM;
}

int follow_next(struct follow *w, int timeout_ms, struct follow_lines *out, struct fault *f)
{
	int64_t until = now_ms() + timeout_ms, left = timeout_ms;
	int err = 0;

	do {
		int64_t rest = w->rest_until_ms - now_ms();

		/* A caller with no time to wait is not made to. */
		sleep_ms(rest < left ? rest : left);
		left = until - now_ms();
		left = left < 0 ? 0 : left;
		if (left || !timeout_ms || !err)
			err = ask(w, (int)(left < WAIT_MOST_MS ? left : WAIT_MOST_MS), out, f);
		left = until - now_ms();
	} while (!is_final(err) && left > 0);
	/* While it, or its engine, starts again it is away for a moment only. */
	if (err == -ENOENT || err == -ECONNREFUSED || err == -ECONNRESET || err == -EPIPE)
		return control_agent_lives(&w->paths) ? 0 : -ENOENT;
	return err;
}

struct follow_id follow_position(const struct follow *w)
{
	return w->known;
}

const struct follow_counters *follow_counters(const struct follow *w)
{
	return &w->counters;
}

void follow_close(struct follow *w)
{
	if (!w)
		return;
	wire_clear(&w->answer);
	free(w);
}
