/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the one way in which a name gets into a clue, so that every protocol's names are
 * canonical, bounded and flagged alike.
 */
#include "extract/clue.h"

#include "base/addr.h"

static bool ends_in_digit(struct slice name)
{
	uint8_t last = name.at[name.len - 1];

	return last >= '0' && last <= '9';
}

/* What is to be said of a name: an address written as one ("192.0.2.1", "2001:db8::1"), or one that
 * is no host's. */
static uint32_t flags_of(struct slice name, bool is_host)
{
	struct dpi_addr addr;

	if ((ends_in_digit(name) || (!is_host && memchr(name.at, ':', name.len))) &&
	    addr_parse(name, &addr) == 0)
		return CLUE_IP_LITERAL;
	return is_host ? 0 : CLUE_ODD_NAME;
}

void clue_add_name(struct clue *c, struct slice name)
{
	bool is_full = c->name_count == CLUE_NAMES_MAX, is_host;
	struct name spare, *to = is_full ? &spare : &c->name[c->name_count];
	struct slice text;

	if (!name_set_host(to, name, &is_host)) {
		if (name.len > NAME_MAX_LEN)
			c->flags |= CLUE_ODD_NAME;
		return;
	}
	text = name_slice(to);
	c->flags |= flags_of(text, is_host);
	for (uint8_t i = 0; i < c->name_count; i++)
		if (slice_equal(name_slice(&c->name[i]), text))
			return;
	if (!is_full) {
		c->name_count++;
	} else if (c->spill) {
		c->spill(c->spill_ctx, c);
		c->name[0] = spare;
		c->name_count = 1;
	} else {
		c->flags |= CLUE_MANY_NAMES;
	}
}

void clue_add_host(struct clue *c, struct slice name)
{
	const uint8_t *nul = name.len ? memchr(name.at, '\0', name.len) : NULL;
	struct slice bare = name;

	clue_add_name(c, name);
	while (bare.len && bare.at[0] <= ' ')
		bare = slice_from(bare, 1);
	while (bare.len && bare.at[bare.len - 1] <= ' ')
		bare.len--;
	if (bare.len != name.len)
		clue_add_name(c, bare);
	if (nul)
		clue_add_name(c, slice_first(name, (size_t)(nul - name.at)));
}
