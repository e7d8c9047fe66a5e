/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The threads that run handlers, which may wait for the agent while the server's own thread goes on
 * with other clients. The queue is as long as there may be connections. Room: api.
 */
#include "api/conn.h"

#include <pthread.h>
#include <stdlib.h>

enum { THREADS_MAX = 32 };

struct api_work {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct api_conn *first, **last;
	bool is_ending;
	unsigned count;
	pthread_t thread[THREADS_MAX];
};

static struct api_conn *take(struct api_work *w)
{
	struct api_conn *c;

	pthread_mutex_lock(&w->lock);
	while (!w->first && !w->is_ending)
		pthread_cond_wait(&w->more, &w->lock);
	c = w->first;
	if (c) {
		w->first = c->next;
		if (!w->first)
			w->last = &w->first;
	}
	pthread_mutex_unlock(&w->lock);
	return c;
}

static void *thread_run(void *arg)
{
	struct api_work *w = arg;
	struct api_conn *c;

	while ((c = take(w))) {
		if (c->q.route->handle(&c->q, &c->a) < 0 && c->a.kind == ANSWER_NONE)
			api_problem(&c->a, 500,
				    "the request failed; `dpi-xdp status` shows "
				    "whether the agent is well");
		c->state = CONN_ANSWERED;
		MHD_resume_connection(c->mhd);
	}
	return NULL;
}

struct api_work *work_new(unsigned threads)
{
	struct api_work *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	w->last = &w->first;
	while (w->count < threads && w->count < THREADS_MAX &&
	       pthread_create(&w->thread[w->count], NULL, thread_run, w) == 0)
		w->count++;
	if (w->count)
		return w;
	work_free(w);
	return NULL;
}

void work_free(struct api_work *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->is_ending = true;
	pthread_cond_broadcast(&w->more);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->count; i++)
		pthread_join(w->thread[i], NULL);
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void work_add(struct api_work *w, struct api_conn *c)
{
	c->next = NULL;
	pthread_mutex_lock(&w->lock);
	*w->last = c;
	w->last = &c->next;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
}
