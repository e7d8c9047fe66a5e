/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The applications and the domain suffixes that are theirs, read from INI files: the catalogue
 * that ships inside the binary, then files that users add. A suffix matches on label borders and
 * the longest one wins.
 *
 *     [YouTube]
 *     category = streaming
 *     alias = YT
 *     domain = youtube.com
 *     domain = googlevideo.com
 *     protocol = QUIC          (an application that is a protocol, not a set of names)
 *     sign = doh               (one that is something a flow shows: ech, no-name, doh, dot, doq)
 *     resolver = dns.google    (who speaks DNS over HTTPS: this name and those below it)
 */
#ifndef CLASSIFY_CATALOGUE_H
#define CLASSIFY_CATALOGUE_H

#include "base/fault.h"
#include "base/name.h"
#include "policy/policy.h"

struct catalogue;

enum { APP_UNKNOWN = 0 }; /* id of "Unknown", category "unknown"; always there */

/* The catalogue built into the binary. NULL when out of memory. */
struct catalogue *catalogue_new(void);
void catalogue_free(struct catalogue *c);
/* Adds a file's applications, or suffixes to existing ones. A file with one fault, or a suffix that
 * another application owns, is refused whole: -EINVAL and *f. */
int catalogue_load(struct catalogue *c, const char *path, struct fault *f);
/* Adds every *.conf of a directory, in name order. A missing directory is no fault. */
int catalogue_load_dir(struct catalogue *c, const char *dir, struct fault *f);

size_t catalogue_count(const struct catalogue *c);
const char *catalogue_name(const struct catalogue *c, int app);
const char *catalogue_category(const struct catalogue *c, int app);
/* The categories, by number from 0, and how many applications that rules may name each has (0 when
 * all have moved to others). NULL past the last. */
size_t catalogue_category_count(const struct catalogue *c);
const char *catalogue_category_at(const struct catalogue *c, size_t i, size_t *app_count);
/* By proper name or alias, any case. APP_UNKNOWN when there is none. */
int catalogue_find(const struct catalogue *c, struct slice name);
/* Up to three nearest proper names, ", " between them, for "did you mean". */
void catalogue_nearest(const struct catalogue *c, struct slice name, char *out, size_t size);

/* The application that owns a canonical name: the longest suffix on a label border. */
int catalogue_classify(const struct catalogue *c, struct slice name);
/*
 * The application a protocol is when no name says more: HTTP, DNS, QUIC; TLS is "HTTPS" on the
 * responder port 443, else "TLS". APP_UNKNOWN for PROTO_NONE.
 */
int catalogue_of_proto(const struct catalogue *c, enum app_proto proto, uint16_t responder_port);

/* What a flow shows beside a name or instead of one; each is an application that rules may name. */
enum catalogue_sign {
	SIGN_ECH,     /* an encrypted ClientHello */
	SIGN_NO_NAME, /* a hello or request that names nothing */
	SIGN_DOH,     /* DNS over HTTPS (RFC 8484) */
	SIGN_DOT,     /* DNS over TLS (RFC 7858) */
	SIGN_DOQ,     /* DNS over QUIC (RFC 9250) */
	SIGNS
};
/* The application a sign is; APP_UNKNOWN when the catalogue has none. */
int catalogue_of_sign(const struct catalogue *c, enum catalogue_sign sign);
/* True when a canonical name is, or lies below, that of a resolver that speaks DNS over HTTPS. */
bool catalogue_is_resolver(const struct catalogue *c, struct slice name);

/* The views policy takes; they borrow c. */
struct rule_apps catalogue_rule_apps(const struct catalogue *c);
struct policy_apps catalogue_policy_apps(const struct catalogue *c);

#endif
