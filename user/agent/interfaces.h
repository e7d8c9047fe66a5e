/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The interfaces to be protected, whether they exist at this moment or not. Remembered in the run
 * directory, so that a restarted supervisor protects the same ones; re-attached as soon as the
 * kernel says that one has come back.
 */
#ifndef AGENT_INTERFACES_H
#define AGENT_INTERFACES_H

#include "live/loader.h"

enum { INTERFACES_MAX = 64 };

struct interface {
	struct attachment attachment;
	bool is_protected; /* else waiting for the interface to appear */
};

struct interfaces {
	struct interface row[INTERFACES_MAX];
	size_t count;
	uint64_t reattached; /* times an interface came back */
};

struct interface *interfaces_find(struct interfaces *all, const char *name);
void interfaces_remove(struct interfaces *all, struct interface *i);
/* Reads and writes the list. A missing file is an empty list. 0 or -errno. */
int interfaces_load(struct interfaces *all, const char *path);
int interfaces_save(const struct interfaces *all, const char *path);
/* Looks at every interface again: follows renames, re-attaches what came back, notes what is gone.
 * Returns true when the list changed and should be saved. */
bool interfaces_check(struct interfaces *all, struct loader *l, const char *pin_dir);

struct paths;
/* Takes away what an agent that no longer runs has left on `name` (NULL: everywhere), and the pins
 * once no interface is left. Returns how many interfaces or pin directories went. */
size_t interfaces_clean(const struct paths *p, const char *name);

/* A netlink socket that becomes readable when an interface changes; -errno. */
int interfaces_watch(void);
/* Empties it. */
void interfaces_watch_read(int fd);

#endif
