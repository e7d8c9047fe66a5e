/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The entries of a list: names and addresses that somebody collected, as one rule uses them. A list
 * is an immutable value with a count of those who hold it; one thread takes and drops, any may
 * read.
 *
 * It is held, stored and sent as one canonical text, a line an entry: "a.example" is the name and
 * all below it, "=a.example" the name alone, "@a.example" and "@=a.example" exceptions; behind all
 * names the addresses and networks. list_reader.h makes it of what the world calls a list.
 */
#ifndef POLICY_LIST_H
#define POLICY_LIST_H

#include "base/addr.h"
#include "base/fault.h"

enum {
	LIST_ENTRIES_MAX = 2000000,
	LIST_BYTES_MAX = 1 << 27, /* of the canonical text */
	LISTS_MAX = 64,		  /* in one set of rules */
};

struct list;

struct list_name {
	struct slice name;
	bool is_exact; /* the name alone */
	bool is_spare; /* an exception: no list blocks it */
};

/* Reads the canonical text, in which nothing else may be (copied). NULL with *f: what is wrong in
 * which line, or no memory. */
struct list *list_parse(struct slice text, struct fault *f);
/* Makes a list of a text known to be canonical, with so many bytes of names before its addresses.
 * Takes the text (malloc). NULL when out of memory, and the text is freed. */
struct list *list_of(char *text, size_t names_len, size_t len);
/* One more that holds it; returns it. NULL is fine in both. */
struct list *list_hold(struct list *l);
void list_drop(struct list *l);

size_t list_name_count(const struct list *l); /* exceptions too */
size_t list_addr_count(const struct list *l);
struct slice list_text(const struct list *l); /* all of it */
size_t list_names_len(const struct list *l);  /* bytes of it that are names */

/* The name that begins at byte `at` of the text, which is below list_names_len(). */
struct list_name list_name_at(const struct list *l, size_t at);
/* A walk over the names: *at is where the next begins, 0 at first. False at the end. */
bool list_next_name(const struct list *l, size_t *at, struct list_name *out);
/* A walk over the addresses; *at is list_names_len() at first. */
bool list_next_addr(const struct list *l, size_t *at, struct dpi_addr *addr, uint8_t *bits);

/* The entry that speaks of a name, the longest; of an address, the narrowest. Empty: none does. No
 * exception is looked at. Borrowed. (list_find.c) */
struct slice list_find_name(const struct list *l, struct slice name);
struct slice list_find_addr(const struct list *l, const struct dpi_addr *addr);

#endif
