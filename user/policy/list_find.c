/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: which entry of a list speaks of a name or an address, for a person who asks. It goes
 * through the whole list: packets are decided by tables.
 */
#include "policy/list.h"

/* True when an entry speaks of a name. */
static bool is_about(const struct list_name *entry, struct slice name)
{
	size_t more = name.len - entry->name.len;

	if (entry->name.len > name.len || !slice_equal(slice_from(name, more), entry->name))
		return false;
	return more == 0 || (!entry->is_exact && name.at[more - 1] == '.');
}

struct slice list_find_name(const struct list *l, struct slice name)
{
	struct slice found = slice_of("", 0), text = list_text(l);
	struct list_name entry;
	size_t at = 0, longest = 0;

	for (size_t begin = 0; list_next_name(l, &at, &entry); begin = at) {
		if (entry.is_spare || entry.name.len <= longest || !is_about(&entry, name))
			continue;
		longest = entry.name.len;
		found = slice_of(text.at + begin, at - begin - 1);
	}
	return found;
}

struct slice list_find_addr(const struct list *l, const struct dpi_addr *addr)
{
	struct slice found = slice_of("", 0), text = list_text(l);
	size_t at = list_names_len(l);
	struct dpi_addr net;
	uint8_t bits, longest = 0;

	for (size_t begin = at; list_next_addr(l, &at, &net, &bits); begin = at) {
		if (bits <= longest || !addr_in_net(addr, &net, bits))
			continue;
		longest = bits;
		found = slice_of(text.at + begin, at - begin - 1);
	}
	return found;
}
