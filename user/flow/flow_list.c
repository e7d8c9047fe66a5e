/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The flow room's lists: doubly linked, through links that a flow's number tells.
 */
#include "flow/flow_list.h"

#include <errno.h>
#include <stdlib.h>

int flow_list_reach(struct flow_list *l, uint32_t number)
{
	struct flow_pieces *p = &l->of[flow_number_kind(number)];
	struct flow_links **piece;

	while (!flow_list_has_links(l, number)) {
		piece = realloc(p->piece, (p->count + 1) * sizeof(struct flow_links *));
		if (!piece)
			return -ENOMEM;
		p->piece = piece;
		piece[p->count] = calloc(FLOW_LIST_PIECE, sizeof(struct flow_links));
		if (!piece[p->count])
			return -ENOMEM;
		p->count++;
	}
	return 0;
}

void flow_list_clear(struct flow_list *l)
{
	for (int kind = 0; kind < FLOW_KINDS; kind++) {
		for (size_t i = 0; i < l->of[kind].count; i++)
			free(l->of[kind].piece[i]);
		free(l->of[kind].piece);
	}
	*l = (struct flow_list){.oldest = 0};
}

bool flow_list_holds(const struct flow_list *l, uint32_t number)
{
	const struct flow_links *at = flow_list_has_links(l, number) ? flow_links_at(l, number)
								     : NULL;

	return at && (at->older || at->newer || l->oldest == number);
}

void flow_list_remove(struct flow_list *l, uint32_t number)
{
	struct flow_links *at = flow_links_at(l, number);

	if (at->older)
		flow_links_at(l, at->older)->newer = at->newer;
	else
		l->oldest = at->newer;
	if (at->newer)
		flow_links_at(l, at->newer)->older = at->older;
	else
		l->newest = at->older;
	*at = (struct flow_links){.older = 0};
}

void flow_list_add(struct flow_list *l, uint32_t number, uint32_t newer)
{
	struct flow_links *at = flow_links_at(l, number);

	at->newer = newer;
	at->older = newer ? flow_links_at(l, newer)->older : l->newest;
	if (at->older)
		flow_links_at(l, at->older)->newer = number;
	else
		l->oldest = number;
	if (newer)
		flow_links_at(l, newer)->older = number;
	else
		l->newest = number;
}
