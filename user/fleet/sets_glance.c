/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room fleet: the names of a fleet's keys, and a glance at them, which costs some small answers,
 * however many rules there are.
 */
#include "fleet/sets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { BEHIND_SETS = 1 + FLEET_SET_COUNT /* answers: the counter and the sets stand before */ };

#define VERSION_MAX (1ULL << 53) /* what a JSON reader still takes for the same number */

void keys_init(struct keys *k, const char *fleet, unsigned db)
{
	for (size_t i = 0; i < FLEET_SET_COUNT; i++)
		snprintf(k->set[i], sizeof(k->set[i]), "dpi-xdp:{%s}:%s", fleet,
			 fleet_sets[i].name);
	snprintf(k->version, sizeof(k->version), "dpi-xdp:{%s}:version", fleet);
	snprintf(k->pause, sizeof(k->pause), "dpi-xdp:{%s}:pause", fleet);
	snprintf(k->channel, sizeof(k->channel), "dpi-xdp:{%s}:changed", fleet);
	snprintf(k->events, sizeof(k->events), "__keyspace@%u__:dpi-xdp:{%s}:*", db, fleet);
}

void sets_read_version(const redisReply *r, bool *has, uint64_t *version, char *bad, size_t size)
{
	struct text shown = {0};
	uint64_t n = 0;
	bool is_number = r->type == REDIS_REPLY_STRING && r->len > 0 && r->len <= 16;

	*has = false;
	*version = 0;
	bad[0] = '\0';
	if (r->type == REDIS_REPLY_NIL)
		return;
	for (size_t i = 0; is_number && i < (size_t)r->len; i++) {
		is_number = r->str[i] >= '0' && r->str[i] <= '9';
		n = n * 10 + (uint64_t)(r->str[i] - '0');
	}
	*has = true;
	if (is_number && n < VERSION_MAX) {
		*version = n;
		return;
	}
	if (r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_ERROR)
		text_escaped(&shown, slice_first(slice_of(r->str, (size_t)r->len), 40));
	snprintf(bad, size, "no version number: '%s'", shown.at ? shown.at : "");
	text_clear(&shown);
}

static bool is_wrong_type(const redisReply *r)
{
	return r->type == REDIS_REPLY_ERROR && strncmp(r->str, "WRONGTYPE", 9) == 0;
}

/* TIME's answer: seconds and microseconds. A server that tells none is as good a server. */
static int64_t read_time(const redisReply *r)
{
	if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 ||
	    r->element[0]->type != REDIS_REPLY_STRING)
		return 0;
	return strtoll(r->element[0]->str, NULL, 10);
}

static void read_pause(const redisReply *r, char *out, size_t size)
{
	struct text shown = {0};

	if (r->type == REDIS_REPLY_NIL)
		return;
	if (r->type == REDIS_REPLY_STRING)
		text_escaped(&shown, slice_first(slice_of(r->str, (size_t)r->len), size));
	snprintf(out, size, "%s", shown.at ? shown.at : "no text");
	text_clear(&shown);
}

int sets_glance(struct link *l, const struct keys *k, struct glance *out, struct fault *f)
{
	redisReply *r[BEHIND_SETS + 2];
	struct link_batch b = {0};
	struct glance g = {0};
	int err;

	link_batch_words(&b, "GET", k->version, NULL);
	for (size_t i = 0; i < FLEET_SET_COUNT; i++)
		link_batch_words(&b, "SCARD", k->set[i], NULL);
	link_batch_words(&b, "GET", k->pause, NULL);
	link_batch_words(&b, "TIME", NULL);
	err = link_ask(l, &b, r, f);
	if (err)
		return err;
	if (r[0]->type == REDIS_REPLY_ERROR && !is_wrong_type(r[0]) && link_refused(r[0], f))
		err = -EPERM;
	else
		sets_read_version(r[0], &g.has_version, &g.version, g.bad_version,
				  sizeof(g.bad_version));
	for (size_t i = 0; i < FLEET_SET_COUNT && !err; i++) {
		const redisReply *size = r[1 + i];

		if (size->type == REDIS_REPLY_INTEGER && size->integer >= 0)
			g.size[i] = size->integer;
		else if (is_wrong_type(size))
			g.size[i] = -1;
		else if (link_refused(size, f))
			err = -EPERM;
		else
			err = fault_set(f, -EPROTO, "an answer that is none to SCARD");
	}
	read_pause(r[BEHIND_SETS], g.pause, sizeof(g.pause));
	g.time_s = read_time(r[BEHIND_SETS + 1]);
	link_free(r, BEHIND_SETS + 2);
	if (!err)
		*out = g;
	return err;
}

bool glance_equal(const struct glance *a, const struct glance *b)
{
	return a->has_version == b->has_version && a->version == b->version &&
	       memcmp(a->size, b->size, sizeof(a->size)) == 0 && strcmp(a->pause, b->pause) == 0 &&
	       strcmp(a->bad_version, b->bad_version) == 0;
}
