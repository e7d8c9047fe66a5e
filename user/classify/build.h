/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room classify: the catalogue while it is being filled. What fills it (read.c) checks every
 * line before anything of it is visible; afterwards nothing changes and any thread may look.
 */
#ifndef CLASSIFY_BUILD_H
#define CLASSIFY_BUILD_H

#include "classify/catalogue.h"
#include "classify/suffix_set.h"

enum {
	APP_NAME_MAX = 48, /* bytes of a name or alias */
	APP_WORDS_MAX = 6, /* of a name or alias */
	APPS_MAX = 65536,
};

struct app {
	uint32_t name;	   /* place in the catalogue's words */
	uint32_t category; /* place in its list of them */
};

/* What an application may be called: its proper name first, then aliases. */
struct app_call {
	uint32_t text; /* place in the words */
	uint32_t len;
	int app;
};

/* A protocol on one port of the responder. */
struct app_port {
	enum app_proto proto;
	uint16_t port;
	int app;
};

/* No pointer leads from one part to another: the one of the program is a part of the program. */
struct catalogue {
	struct text words; /* each ends in NUL */
	struct app *app;
	uint32_t *category; /* places in the words; distinct, lower case */
	struct app_call *call;
	uint32_t *call_slot; /* open addressing over call[]: place + 1, or 0 */
	struct app_port *port;
	size_t app_count, category_count, call_count, call_slot_count, port_count;
	struct suffix_set suffix, resolver;
	int proto[PROTO_MAX]; /* the application of a protocol on any other port */
	int sign[SIGNS];
	bool is_built_in; /* its parts are the program's, and are never written to */
};

/* What catalogue.conf says, made ready when the program was built. */
extern const struct catalogue catalogue_built_in;

/* A catalogue of "Unknown" alone; NULL when out of memory. */
struct catalogue *catalogue_empty(void);

/*
 * Each adds one thing, copied. Returns what it says, or -ENOMEM, or -ENOSPC at a bound. Of what is
 * there already for another application, *owner says whose it is and -EEXIST comes back.
 */
int catalogue_add_app(struct catalogue *c, const char *name); /* its id */
int catalogue_set_category(struct catalogue *c, int app, const char *category);
int catalogue_add_call(struct catalogue *c, int app, const char *text, int *owner);
int catalogue_add_suffix(struct catalogue *c, int app, struct slice suffix, int *owner);
int catalogue_add_protocol(struct catalogue *c, int app, enum app_proto proto, uint16_t port,
			   int *owner);
int catalogue_add_sign(struct catalogue *c, int app, enum catalogue_sign sign, int *owner);
int catalogue_add_resolver(struct catalogue *c, int app, struct slice name, int *owner);

/* Up to three nearest categories that have applications, ", " between them. */
void catalogue_nearest_category(const struct catalogue *c, struct slice name, char *out,
				size_t size);

/* Adds what a text in catalogue form says. Returns 0, or -EINVAL with "NAME:LINE: fault" in *f;
 * then part of it may have been added. */
int catalogue_read(struct catalogue *c, struct slice text, const char *name, struct fault *f);

#endif
