/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Keeping the agent's last lines and handing them to readers; see events.h. The lock guards all of
 * it; whoever holds it only copies.
 */
#include "api/events.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum {
	KEPT_BYTES = 8 << 20, /* what the agent keeps at most */
	KEPT_LINES = 32768,
	WAIT_MS = 1000,
	CALM_MS = 50, /* between two rounds of waking readers */
	BEAT_MS = 15000,
	FULL_BYTES = 128 << 10, /* an answer of the agent behind which there is another one */
};

/* A line that is kept, at its number modulo KEPT_LINES; numbers count from 0 here. */
struct kept {
	struct follow_id id;
	uint64_t at; /* modulo KEPT_BYTES; a line may go around the end */
	uint32_t len;
	uint32_t kind;
};

struct event_reader {
	struct api_events *set;
	struct event_reader *next;
	struct api_stream *stream; /* NULL: not to be woken yet */
	uint32_t kinds;
	uint64_t at;	       /* the number of the line it wants next */
	struct follow_id last; /* known to it; {0,0}: none */
	uint64_t beat;
	struct text out; /* one event, written out to out_at so far */
	size_t out_at;
	bool has_begun;
};

struct api_events {
	struct api *api;
	pthread_mutex_t lock;
	pthread_t thread;
	_Atomic bool is_ending;
	struct event_reader *first;
	size_t reader_count;
	uint64_t beat;	     /* rounds of keeping connections */
	uint64_t head, tail; /* numbers: of the next line, of the oldest that is kept */
	uint64_t bytes;	     /* ever added */
	struct kept *line;
	char *ring;
};

#define NAME(kind)  #kind,
#define WORDS(kind) " " #kind
static const char *const kind_names[] = {EVENT_KINDS(NAME)};
enum { KINDS = sizeof(kind_names) / sizeof(kind_names[0]) };

uint32_t events_kind(struct slice name)
{
	for (uint32_t i = 0; i < KINDS; i++)
		if (slice_equal(name, slice_text(kind_names[i])))
			return UINT32_C(1) << i;
	return 0;
}

const char *events_kinds(void)
{
	return &EVENT_KINDS(WORDS)[1];
}

/* Of a line: its own writer is the agent, so the field is where it always is. */
static uint32_t kind_of(struct slice line)
{
	static const char key[] = "\"event_type\":\"";
	const uint8_t *at = memmem(line.at, line.len, key, sizeof(key) - 1), *end;
	uint32_t kind;

	if (!at)
		return UINT32_C(1) << (KINDS - 1);
	at += sizeof(key) - 1;
	end = memchr(at, '"', line.len - (size_t)(at - line.at));
	kind = end ? events_kind(slice_of(at, (size_t)(end - at))) : 0;
	return kind ? kind : UINT32_C(1) << (KINDS - 1);
}

/* When readers were woken last, and for what they will be. The thread's own. */
struct rounds {
	uint64_t beat_ms, woken_ms;
	bool has_news;
};

/* --- the thread ------------------------------------------------------------------------------- */

/* Keeps one line; the oldest make room. */
static void keep(struct api_events *e, struct slice line, const struct follow_id *id)
{
	struct kept *k;
	size_t at = e->bytes % KEPT_BYTES, first;

	if (line.len > KEPT_BYTES)
		return;
	while (e->tail < e->head &&
	       (e->head - e->tail == KEPT_LINES ||
		e->bytes + line.len - e->line[e->tail % KEPT_LINES].at > KEPT_BYTES))
		e->tail++;
	first = KEPT_BYTES - at < line.len ? KEPT_BYTES - at : line.len;
	memcpy(e->ring + at, line.at, first);
	memcpy(e->ring, line.at + first, line.len - first);
	k = &e->line[e->head++ % KEPT_LINES];
	*k = (struct kept){
		.id = *id, .at = e->bytes, .len = (uint32_t)line.len, .kind = kind_of(line)};
	e->bytes += line.len;
}

static void take(struct api_events *e, const struct follow_lines *lines)
{
	struct follow_id id = lines->first;
	struct slice left = lines->text;

	while (left.len) {
		const uint8_t *end = memchr(left.at, '\n', left.len);
		size_t len = end ? (size_t)(end - left.at) : left.len;

		keep(e, slice_first(left, len), &id);
		left = slice_from(left, len + 1);
		id.number++;
	}
	e->api->counters->events += lines->count;
	e->api->counters->events_lost += lines->lost;
}

static void wake_all(struct api_events *e)
{
	for (struct event_reader *r = e->first; r; r = r->next)
		if (r->stream)
			api_stream_wake(r->stream);
}

/* Wakes readers when there is something to read and some time has gone by since the last round, so
 * that a storm of lines is not as many rounds of all readers. */
static void wake_calmly(struct api_events *e, struct rounds *r)
{
	uint64_t now = api_now_ms();

	if (now - r->beat_ms >= BEAT_MS) {
		r->beat_ms = now;
		e->beat++;
		r->has_news = true;
	}
	if (!r->has_news || now - r->woken_ms < CALM_MS)
		return;
	r->woken_ms = now;
	r->has_news = false;
	wake_all(e);
}

static void *events_thread(void *ctx)
{
	struct api_events *e = ctx;
	struct follow *follow = NULL;
	struct timespec calm = {.tv_nsec = CALM_MS * 1000000L};
	struct rounds r = {.beat_ms = api_now_ms()};
	struct fault f;

	if (follow_open(&e->api->paths, FOLLOW_OLDEST, &follow, &f))
		return NULL;
	while (!e->is_ending) {
		struct follow_lines lines = {.count = 0};
		int got = follow_next(follow, r.has_news ? 0 : WAIT_MS, &lines, &f);

		pthread_mutex_lock(&e->lock);
		if (got > 0) {
			take(e, &lines);
			r.has_news = true;
		}
		wake_calmly(e, &r);
		pthread_mutex_unlock(&e->lock);
		/* Where an answer was full there is more; and one who may not ask is told so at
		 * once, each time. */
		if (got <= 0 || lines.text.len < FULL_BYTES)
			nanosleep(&calm, NULL);
	}
	follow_close(follow);
	return NULL;
}

/* --- readers ---------------------------------------------------------------------------------- */

/* The number of the line behind the one with this id; the first of its agent's that are kept when
 * it is older, the oldest of all when none of them are. */
static uint64_t place_after(const struct api_events *e, const struct follow_id *id)
{
	uint64_t at = e->tail;

	for (uint64_t n = e->head; n > e->tail; n--) {
		const struct kept *k = &e->line[(n - 1) % KEPT_LINES];

		if (k->id.instance != id->instance)
			continue;
		if (k->id.number <= id->number)
			return n;
		at = n - 1;
	}
	return at;
}

struct event_reader *events_reader_open(struct api_events *e, uint32_t kinds,
					const struct follow_id *after)
{
	struct event_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->set = e;
	r->kinds = kinds;
	pthread_mutex_lock(&e->lock);
	if (e->reader_count == EVENTS_READERS_MAX) {
		pthread_mutex_unlock(&e->lock);
		free(r);
		return NULL;
	}
	/* What is not here yet, and known to it, is passed over by events_read(). */
	r->at = after ? place_after(e, after) : e->head;
	if (after)
		r->last = *after;
	r->beat = e->beat;
	r->next = e->first;
	e->first = r;
	e->reader_count++;
	pthread_mutex_unlock(&e->lock);
	return r;
}

void events_reader_start(struct event_reader *r, struct api_stream *s)
{
	pthread_mutex_lock(&r->set->lock);
	r->stream = s;
	pthread_mutex_unlock(&r->set->lock);
}

void events_reader_close(struct event_reader *r)
{
	struct api_events *e = r->set;
	struct event_reader **at;

	pthread_mutex_lock(&e->lock);
	for (at = &e->first; *at != r; at = &(*at)->next)
		continue;
	*at = r->next;
	e->reader_count--;
	if (r->at < e->tail)
		e->api->counters->events_dropped += e->tail - r->at;
	pthread_mutex_unlock(&e->lock);
	text_clear(&r->out);
	free(r);
}

static void add_line(struct event_reader *r, const struct kept *k)
{
	const struct api_events *e = r->set;
	size_t at = k->at % KEPT_BYTES;
	size_t first = KEPT_BYTES - at < k->len ? KEPT_BYTES - at : k->len;
	char id[FOLLOW_ID_MAX];

	text_printf(&r->out, "id: %s\ndata: ", follow_id_format(&k->id, id));
	text_add(&r->out, e->ring + at, first);
	text_add(&r->out, e->ring, k->len - first);
	text_puts(&r->out, "\n\n");
}

/* Lines are missing before this one: how many, or that an agent which numbered them is gone. */
static void add_gap(struct event_reader *r, const struct kept *k)
{
	char id[FOLLOW_ID_MAX];

	follow_id_format(&r->last, id);
	if (k->id.instance == r->last.instance)
		text_printf(&r->out,
			    "event: gap\ndata: {\"after\":\"%s\",\"lost\":%llu,"
			    "\"reason\":\"not kept\"}\n\n",
			    id, (unsigned long long)(k->id.number - r->last.number - 1));
	else
		text_printf(&r->out,
			    "event: gap\ndata: {\"after\":\"%s\",\"lost\":null,"
			    "\"reason\":\"the agent has started again\"}\n\n",
			    id);
}

/* Writes the next thing there is for this reader into its `out`; false: nothing now. */
static bool next(struct event_reader *r)
{
	struct api_events *e = r->set;

	r->out.len = r->out_at = 0;
	if (!r->has_begun) {
		r->has_begun = true;
		text_puts(&r->out, "retry: 2000\n\n");
		return true;
	}
	if (r->at < e->tail) { /* too slow: the oldest are gone */
		e->api->counters->events_dropped += e->tail - r->at;
		r->at = e->tail;
	}
	for (; r->at < e->head && !r->out.len; r->at++) {
		const struct kept *k = &e->line[r->at % KEPT_LINES];
		bool is_same = k->id.instance == r->last.instance;

		if (is_same && k->id.number <= r->last.number)
			continue;
		if (r->last.instance && (!is_same || k->id.number > r->last.number + 1))
			add_gap(r, k);
		r->last = k->id;
		if (!(k->kind & r->kinds))
			continue;
		add_line(r, k);
		e->api->counters->events_sent++;
	}
	if (!r->out.len && r->beat != e->beat)
		text_puts(&r->out, ":\n\n");
	r->beat = e->beat;
	return r->out.len > 0 && !r->out.failed;
}

ssize_t events_read(struct event_reader *r, char *to, size_t max)
{
	size_t n = 0;

	if (r->set->is_ending)
		return -1;
	pthread_mutex_lock(&r->set->lock);
	while (n < max && (r->out_at < r->out.len || next(r))) {
		size_t len = r->out.len - r->out_at;

		len = len < max - n ? len : max - n;
		memcpy(to + n, r->out.at + r->out_at, len);
		r->out_at += len;
		n += len;
	}
	pthread_mutex_unlock(&r->set->lock);
	return (ssize_t)n;
}

/* --- the room --------------------------------------------------------------------------------- */

int events_open(struct api *api, struct api_events **out, struct fault *f)
{
	struct api_events *e = calloc(1, sizeof(*e));

	if (e) {
		e->api = api;
		e->line = malloc(KEPT_LINES * sizeof(*e->line));
		e->ring = malloc(KEPT_BYTES);
		pthread_mutex_init(&e->lock, NULL);
		if (e->line && e->ring && pthread_create(&e->thread, NULL, events_thread, e) == 0) {
			*out = e;
			return 0;
		}
		free(e->line);
		free(e->ring);
		free(e);
	}
	return fault_set(f, -ENOMEM, "no memory, or no thread, for following events");
}

void events_stop(struct api_events *e)
{
	if (!e)
		return;
	e->is_ending = true;
	pthread_join(e->thread, NULL);
	pthread_mutex_lock(&e->lock);
	wake_all(e);
	pthread_mutex_unlock(&e->lock);
}

void events_close(struct api_events *e)
{
	if (!e)
		return;
	pthread_mutex_destroy(&e->lock);
	free(e->line);
	free(e->ring);
	free(e);
}
