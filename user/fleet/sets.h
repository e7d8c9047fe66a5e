/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room fleet: the fleet's rules as Redis holds them. Reading takes them for what they are,
 * bytes from elsewhere: every member is read as a line of the rules file is (sets_member.c), and a
 * set with one bad member is refused whole. Writing happens in transactions: all of a change or
 * nothing.
 */
#ifndef FLEET_SETS_H
#define FLEET_SETS_H

#include "fleet/fleet.h"
#include "fleet/guard.h"
#include "fleet/link.h"

enum { SETS_VALUE_MAX = RULE_TEXT_MAX /* bytes of a member; a rule's own text is shorter */ };

struct keys {
	char set[FLEET_SET_COUNT][FLEET_NAME_MAX + 32];
	char version[FLEET_NAME_MAX + 32];
	char pause[FLEET_NAME_MAX + 32];
	char channel[FLEET_NAME_MAX + 32];
	char events[FLEET_NAME_MAX + 64]; /* Redis's own news of keys, where it gives them */
};
void keys_init(struct keys *k, const char *fleet, unsigned db);

/* What a glance shows; two that are equal mean that most likely nothing changed. */
struct glance {
	bool has_version;
	uint64_t version;
	long long size[FLEET_SET_COUNT]; /* members; -1: it is no set */
	char pause[64];			 /* what stands there, fit to be shown; "": nothing */
	char bad_version[96];		 /* what stands there instead of a number; "" */
	int64_t time_s;			 /* of the server's clock; 0: it does not tell */
};
int sets_glance(struct link *l, const struct keys *k, struct glance *out, struct fault *f);
/* The counter as GET answered: absent, a number, or something else, which *bad then shows. */
void sets_read_version(const redisReply *r, bool *has, uint64_t *version, char *bad, size_t size);
bool glance_equal(const struct glance *a, const struct glance *b);

/* A member that means a rule but is not written as we write it. */
struct alias {
	uint64_t rule; /* alias_key() */
	char *text;
	size_t len;
};
/* The same number for the same value at the same times. */
uint64_t alias_key(const struct rule *r);
/* A rule as a member says it: "TikTok", "TikTok mon-fri 21:00-07:00". The bytes are the rule's own,
 * or lie in room. */
struct slice sets_member(const struct rule *r, char room[RULE_TEXT_MAX]);

struct shared {
	bool has_version;
	uint64_t version;
	struct rules *rules;		       /* for a refused set, the last good ones */
	char reason[FLEET_SET_COUNT + 1][200]; /* why a set, or (last) the version, is refused */
	struct alias *alias;
	size_t alias_count;
};

/* What the reading is held against. */
struct sets_past {
	const struct rules *good; /* the last good ones */
	bool accepts_mass_change;
	const struct rule_apps *apps;
};

/* One set's member into `into`, a set of its own. 0; -EINVAL with *f: the whole set is refused;
 * -ENOMEM. */
int sets_read_member(const redisReply *member, const struct fleet_set *set,
		     const struct sets_past *past, struct rules *into, struct shared *out,
		     struct fault *f);

/* Reads everything at one moment. The caller clears *out. 0 though sets be refused; -errno when
 * the link is at fault, or memory. */
int sets_read(struct link *l, const struct keys *k, const struct glance *g,
	      const struct sets_past *past, struct shared *out, struct fault *f);
void shared_clear(struct shared *s);

/* Whether a text that ends in a moment says it for every zone: by Z or +01:00 behind it. */
bool sets_names_zone(struct slice text);

struct sets_change {
	const struct rules *add, *take; /* NULL: none */
	const struct rules *ended;	/* to be taken too: they are over. NULL: none */
	bool is_whole;	  /* the sets become `add` alone: what the server lost is put back */
	uint64_t version; /* the version from then on */
};
/* Writes a change if the version is still that of *seen, and tells the channel. 0; -EAGAIN when
 * somebody was faster; -errno. */
int sets_write(struct link *l, const struct keys *k, const struct shared *seen,
	       const struct sets_change *c, struct fault *f);

#endif
