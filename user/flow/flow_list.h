/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Lists of flows, by their numbers. The neighbours of a flow stand apart from it, close together:
 * whoever is used touches two others' as well. Room: flow, and private to it.
 */
#ifndef FLOW_FLOW_LIST_H
#define FLOW_FLOW_LIST_H

#include "flow/flow_memory.h"

/* The neighbours of a flow, by number; 0: none. */
struct flow_links {
	uint32_t older, newer;
};

/* Links come in pieces that stay where they are, as many as the largest number asks for. */
struct flow_pieces {
	struct flow_links **piece;
	size_t count;
};

/* Owned by a table; {0} is empty. */
struct flow_list {
	struct flow_pieces of[FLOW_KINDS];
	uint32_t oldest, newest;
};

enum { FLOW_LIST_PIECE = 1024 /* links */ };

static inline enum flow_kind flow_number_kind(uint32_t number)
{
	return number & FLOW_NUMBER_SHORT ? FLOW_SHORT : FLOW_LONG;
}

/* A number among those of its kind. */
static inline uint32_t flow_number_place(uint32_t number)
{
	return number & ~FLOW_NUMBER_SHORT;
}

/* The links of a number, which are there. */
static inline struct flow_links *flow_links_at(const struct flow_list *l, uint32_t number)
{
	uint32_t at = flow_number_place(number);

	return &l->of[flow_number_kind(number)].piece[at / FLOW_LIST_PIECE][at % FLOW_LIST_PIECE];
}

/* True when there are links of a number: of all that flow_list_reach() was asked for, and of those
 * between. */
static inline bool flow_list_has_links(const struct flow_list *l, uint32_t number)
{
	return flow_number_place(number) / FLOW_LIST_PIECE < l->of[flow_number_kind(number)].count;
}

/* Makes room for the links of a number. Returns 0 or -ENOMEM. */
int flow_list_reach(struct flow_list *l, uint32_t number);
void flow_list_clear(struct flow_list *l);
/* True when a number is in the list. Number 0 of either kind is nobody's. */
bool flow_list_holds(const struct flow_list *l, uint32_t number);
/* Takes out a number that is in the list. */
void flow_list_remove(struct flow_list *l, uint32_t number);
/* Adds a number that has links, in front of another, or, in front of 0, as the newest. */
void flow_list_add(struct flow_list *l, uint32_t number, uint32_t newer);

#endif
