/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the world calls a list made into one of ours (list.h): hosts files, plain names, `||name^`
 * with `@@` before exceptions, addresses and networks, all told by the line, mixed in one file.
 * What a line does not say in so many words is left out and counted, never guessed. A file that is
 * mostly something else is refused whole. Room: policy; bytes of strangers are read here.
 *
 * A row of a hosts file and a plain name mean that name alone, `||name^` and `*.name` the name and
 * all below it, as in AdGuard Home and Pi-hole.
 */
#ifndef POLICY_LIST_READER_H
#define POLICY_LIST_READER_H

#include "policy/list.h"

/* Every count of a list: name (in answers and files) and what it counts. */
#define LIST_COUNTS(X)                                                                       \
	X(lines, "lines that are neither empty nor a comment")                               \
	X(names, "names, exceptions too")                                                    \
	X(addrs, "addresses and networks")                                                   \
	X(duplicates, "entries that were there already")                                     \
	X(cosmetic, "left out: rules for what a page shows (##)")                            \
	X(options, "left out: rules with options ($third-party)")                            \
	X(patterns, "left out: regular expressions, wildcards, parts of addresses of pages") \
	X(local, "left out: localhost, names of one label, addresses of the host itself")    \
	X(suffixes, "left out: public suffixes such as co.uk")                               \
	X(rewrites, "left out: rows of a hosts file that give a name another address")       \
	X(unknown, "left out: not understood")

struct list_counts {
#define X(name, help) uint64_t name;
	LIST_COUNTS(X)
#undef X
};

/* Sets the count of a name, if there is such a one. */
void list_counts_set(struct list_counts *c, const char *name, uint64_t n);

struct list_reader;

struct list_reader *list_reader_new(void); /* NULL: out of memory */
void list_reader_free(struct list_reader *r);
/* The next bytes of the file, cut anywhere. 0, -EINVAL with *f: it is refused, or -ENOMEM. */
int list_reader_feed(struct list_reader *r, struct slice bytes, struct fault *f);
/* The file has ended. Gives a list, *counts too on a refusal. */
int list_reader_end(struct list_reader *r, struct list **out, struct list_counts *counts,
		    struct fault *f);

/* Reads a file with all of the above. -errno with *f, which names the file. */
int list_read_file(const char *path, struct list **out, struct list_counts *counts,
		   struct fault *f);

/* --- between list_reader.c and list_line.c -----------------------------------------------------
 */

/* The reader's counts, for what a line turns out to be. */
struct list_counts *list_reader_counts(struct list_reader *r);
/* Adds one canonical entry, "@=a.example" or "10.0.0.0/8". 0 or -ENOMEM. */
int list_reader_add(struct list_reader *r, struct slice entry, bool is_addr);
/* Reads one line, without its end. 0; -EINVAL with *f: the whole file is refused; -ENOMEM. */
int list_line_read(struct list_reader *r, struct slice line, struct fault *f);

#endif
