/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The report by as many threads as there are workers, and its JSON as soon as what comes first is
 * known. Each thread takes whatever is due: a job of the report, the next piece of the JSON to be
 * made, or the oldest to be written, one at a time and in order. Room: cli.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include "cli/analyze.h"

enum { SLOTS = 8 /* pieces made or being made, and not written yet */ };

struct slot {
	struct text text;
	bool is_made;
};

struct crew {
	struct report *report;
	const struct report_out *to; /* NULL: the jobs are all */
	size_t depth; /* of the slots so many are used: one thread has its piece near it */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned waiting; /* threads */
	/* Under the lock. A slot belongs to whoever makes its piece, then to whoever writes it. */
	unsigned jobs_begun, jobs_done;
	bool is_done[REPORT_JOBS];
	bool is_beginning;	      /* somebody makes the document */
	struct report_json *document; /* NULL: not yet */
	bool is_finished;	      /* the report */
	size_t count;		      /* of the document's pieces that can be made */
	struct slot slot[SLOTS];      /* piece i is in slot i % depth */
	size_t next;		      /* that nobody makes yet */
	size_t written;		      /* so many, from the first on */
	bool is_writing;
	int err;
};

/* Ends a turn that began by giving up the lock. */
static void take_back(struct crew *c, int err)
{
	pthread_mutex_lock(&c->lock);
	if (!c->err)
		c->err = err;
	if (c->waiting)
		pthread_cond_broadcast(&c->changed);
}

static void count_pieces(struct crew *c)
{
	if (c->document)
		c->count = report_json_count(c->document);
}

static void do_job(struct crew *c)
{
	unsigned job = c->jobs_begun++;
	int err;

	pthread_mutex_unlock(&c->lock);
	err = report_do(c->report, job);
	take_back(c, err);
	c->is_done[job] = true;
	c->jobs_done++;
	if (c->jobs_done < REPORT_JOBS || c->err)
		return;
	c->err = report_finish(c->report);
	c->is_finished = true;
	count_pieces(c);
}

static void begin_document(struct crew *c)
{
	struct report_json *document;

	c->is_beginning = true;
	pthread_mutex_unlock(&c->lock);
	document = report_json_new(c->report);
	take_back(c, document ? 0 : -ENOMEM);
	c->document = document;
	count_pieces(c);
}

static void make_piece(struct crew *c)
{
	size_t piece = c->next++;
	struct slot *s = &c->slot[piece % c->depth];
	int err;

	pthread_mutex_unlock(&c->lock);
	s->text.len = 0;
	err = report_json_piece(c->document, piece, &s->text);
	take_back(c, err);
	s->is_made = true;
}

static void write_piece(struct crew *c, struct slot *s)
{
	int err;

	c->is_writing = true;
	pthread_mutex_unlock(&c->lock);
	err = c->to->write(c->to->ctx, s->text.at, s->text.len);
	take_back(c, err);
	s->is_made = c->is_writing = false;
	c->written++;
}

/* Nobody stays for the last pieces but whoever makes or writes one, who will write the others. */
static bool is_over(const struct crew *c)
{
	return c->err || (c->is_finished && (!c->to || (c->document && c->next == c->count)));
}

/* Takes a turn at what is due; false when there is nothing, for now or for good. */
static bool take_turn(struct crew *c)
{
	struct slot *oldest = &c->slot[c->written % c->depth];
	bool may_begin = c->to && !c->is_beginning;

	if (!c->is_writing && oldest->is_made)
		write_piece(c, oldest);
	else if (c->jobs_begun < REPORT_JOBS)
		do_job(c);
	else if (may_begin && c->is_done[REPORT_SORT] && c->is_done[REPORT_NAMES])
		begin_document(c);
	else if (c->next < c->count && c->next - c->written < c->depth)
		make_piece(c);
	else
		return false;
	return true;
}

static void *work(void *arg)
{
	struct crew *c = arg;

	pthread_mutex_lock(&c->lock);
	while (!c->err) {
		if (take_turn(c))
			continue;
		if (is_over(c))
			break;
		c->waiting++;
		pthread_cond_wait(&c->changed, &c->lock);
		c->waiting--;
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* The caller is one of the threads; with fewer than were wanted it takes longer. */
static void run_crew(struct crew *c, unsigned workers)
{
	pthread_t thread[DPI_RINGS_MAX];
	sigset_t all, before;
	unsigned count = 0;

	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	while (count + 1 < workers && count < DPI_RINGS_MAX &&
	       !pthread_create(&thread[count], NULL, work, c))
		count++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	work(c);
	while (count)
		pthread_join(thread[--count], NULL);
}

int analyze_report(const struct analyze *a, struct report *report, const struct report_out *to)
{
	struct crew c = {
		.report = report,
		.to = to,
		.depth = a->workers > 1 ? SLOTS : 1,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER,
	};

	run_crew(&c, a->workers);
	pthread_cond_destroy(&c.changed);
	pthread_mutex_destroy(&c.lock);
	for (size_t i = 0; i < SLOTS; i++)
		text_clear(&c.slot[i].text);
	report_json_free(c.document);
	return c.err;
}
