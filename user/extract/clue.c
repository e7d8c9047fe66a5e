/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the one way in which a name gets into a clue, so that every protocol's names are
 * canonical, bounded and flagged alike.
 */
#include "extract/clue.h"

#include "base/addr.h"

/* An address written as a name: "192.0.2.1", "2001:db8::1". */
static bool is_address(struct slice name)
{
	uint8_t last = name.at[name.len - 1];
	struct dpi_addr addr;

	if (!memchr(name.at, ':', name.len) && (last < '0' || last > '9'))
		return false;
	return addr_parse(name, &addr) == 0;
}

void clue_add_name(struct clue *c, struct slice name)
{
	struct name canonical;
	struct slice text;

	if (!name_set(&canonical, name)) {
		if (name.len > NAME_MAX_LEN)
			c->flags |= CLUE_ODD_NAME;
		return;
	}
	text = name_slice(&canonical);
	if (is_address(text))
		c->flags |= CLUE_IP_LITERAL;
	else if (!name_is_host(text))
		c->flags |= CLUE_ODD_NAME;
	for (uint8_t i = 0; i < c->name_count; i++)
		if (slice_equal(name_slice(&c->name[i]), text))
			return;
	if (c->name_count == CLUE_NAMES_MAX && c->spill) {
		c->spill(c->spill_ctx, c);
		c->name_count = 0;
	}
	if (c->name_count == CLUE_NAMES_MAX)
		c->flags |= CLUE_MANY_NAMES;
	else
		c->name[c->name_count++] = canonical;
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
