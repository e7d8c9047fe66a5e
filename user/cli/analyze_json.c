/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The JSON report by as many threads as there are workers: each makes a piece, waits until those in
 * front of it are written, and writes its own. Room: cli.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include "cli/analyze.h"

struct crew {
	const struct report_json *document;
	const struct report_out *to;
	size_t count; /* of pieces */

	pthread_mutex_t lock;
	pthread_cond_t turn; /* a piece was written, or nothing more will be */
	/* Under the lock. */
	size_t next;	/* that nobody makes yet */
	size_t written; /* so many, from the first on */
	int err;
};

/* Takes the next piece; false when there is none, or no use in it. */
static bool take_piece(struct crew *c, size_t *piece)
{
	bool is_there;

	pthread_mutex_lock(&c->lock);
	is_there = !c->err && c->next < c->count;
	*piece = c->next;
	c->next += is_there;
	pthread_mutex_unlock(&c->lock);
	return is_there;
}

/* Waits for the pieces in front of it; false when one of them failed. */
static bool await_turn(struct crew *c, size_t piece)
{
	bool is_well;

	pthread_mutex_lock(&c->lock);
	while (c->written != piece && !c->err)
		pthread_cond_wait(&c->turn, &c->lock);
	is_well = !c->err;
	pthread_mutex_unlock(&c->lock);
	return is_well;
}

static void *make_pieces(void *arg)
{
	struct crew *c = arg;
	struct text t = {0};
	size_t piece;

	while (take_piece(c, &piece)) {
		int err;

		t.len = 0;
		err = report_json_piece(c->document, piece, &t);
		if (!await_turn(c, piece))
			break;
		if (!err)
			err = c->to->write(c->to->ctx, t.at, t.len);
		pthread_mutex_lock(&c->lock);
		c->err = err;
		c->written++;
		pthread_cond_broadcast(&c->turn);
		pthread_mutex_unlock(&c->lock);
	}
	text_clear(&t);
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
	       !pthread_create(&thread[count], NULL, make_pieces, c))
		count++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	make_pieces(c);
	while (count)
		pthread_join(thread[--count], NULL);
}

int analyze_json(const struct analyze *a, const struct report *report, const struct report_out *to)
{
	struct report_json *document = report_json_new(report);
	struct crew c = {
		.document = document,
		.to = to,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.turn = PTHREAD_COND_INITIALIZER,
	};

	if (!document)
		return -ENOMEM;
	c.count = report_json_count(document);
	run_crew(&c, a->workers);
	pthread_cond_destroy(&c.turn);
	pthread_mutex_destroy(&c.lock);
	report_json_free(document);
	return c.err;
}
