/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room classify: the catalogue while it is being filled. What fills it (read.c) checks every
 * line before anything of it is visible; afterwards nothing changes and any thread may look.
 */
#ifndef CLASSIFY_BUILD_H
#define CLASSIFY_BUILD_H

#include "classify/catalogue.h"

enum {
	APP_NAME_MAX = 48, /* bytes of a name or alias */
	APP_WORDS_MAX = 6, /* of a name or alias */
	APPS_MAX = 65536,
	SUFFIXES_MAX = 1 << 20,
};

struct app {
	char *name, *category; /* owned */
};

/* What an application may be called: its proper name first, then aliases. */
struct app_call {
	char *text; /* owned */
	int app;
};

struct app_suffix {
	char *text; /* owned; canonical */
	size_t len;
	uint64_t hash;
	int app;
};

struct app_protocol {
	enum app_proto proto;
	uint16_t port; /* of the responder; 0: any */
	int app;
};

struct catalogue {
	struct app *app;
	struct app_call *call;
	struct app_suffix *suffix;
	struct app_protocol *protocol;
	size_t app_count, call_count, suffix_count, protocol_count;
	uint32_t *slot; /* open addressing over suffix[]: place + 1, or 0 */
	size_t slot_count;
};

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

/* Adds what a text in catalogue form says. Returns 0, or -EINVAL with "NAME:LINE: fault" in *f;
 * then part of it may have been added. */
int catalogue_read(struct catalogue *c, struct slice text, const char *name, struct fault *f);

#endif
