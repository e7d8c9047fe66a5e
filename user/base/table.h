/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * An intrusive chained hash table: the element holds a struct table_node and is found by the
 * caller's own comparison. It grows by doubling up to a bound the owner sets by not adding more.
 * The hash must be keyed by the caller where a sender can choose the key.
 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_node {
	struct table_node *next;
	uint64_t hash;
};

struct table {
	struct table_node **bucket;
	size_t bucket_count; /* a power of two, or 0 while empty */
	size_t count;
};

#define table_entry(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))

/* Frees the bucket array, not the elements. */
void table_clear(struct table *t);
/* Adds node under hash. Returns 0 or -ENOMEM (then it is not in the table). */
int table_add(struct table *t, struct table_node *node, uint64_t hash);
void table_remove(struct table *t, struct table_node *node);
/* The first node with this hash, or NULL; table_next goes on with the same hash. */
struct table_node *table_first(const struct table *t, uint64_t hash);
struct table_node *table_next(const struct table_node *node);
/* Asks the processor for what table_first(t, hash) will read first: the bucket, then the node in
 * front of it, which must have been asked for before. Both change nothing. */
void table_warm_bucket(const struct table *t, uint64_t hash);
/* The node in front of a hash's bucket, whatever its hash; or NULL. */
const struct table_node *table_front(const struct table *t, uint64_t hash);
/* Every node, in no order; NULL ends. Start with NULL. Nothing may be added or removed meanwhile.
 */
struct table_node *table_walk(const struct table *t, const struct table_node *after);
/* A 64-bit keyed mix of bytes for such tables. */
uint64_t table_hash(uint64_t seed, const void *bytes, size_t len);

#endif
