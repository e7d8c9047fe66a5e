/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the host inside an authority, however it is dressed.
 *
 * Standard: RFC 3986 3.2.
 */
#include "extract/http_host.h"

#include "extract/http_text.h"

/* Without the port. More than one colon is a port only if this is no IPv6 address. */
static struct slice without_port(struct slice host)
{
	const uint8_t *colon = host.len ? memchr(host.at, ':', host.len) : NULL;
	struct clue probe;

	if (!colon)
		return host;
	if (memchr(colon + 1, ':', (size_t)(host.at + host.len - colon - 1))) {
		clue_clear(&probe);
		clue_add_name(&probe, host);
		if (probe.flags & CLUE_IP_LITERAL)
			return host;
	}
	return slice_first(host, (size_t)(colon - host.at));
}

void http_host_add(struct clue *clue, struct slice s)
{
	const uint8_t *close;
	size_t at = s.len;

	while (at && s.at[at - 1] != '@')
		at--;
	s = http_trim(slice_from(s, at));
	if (s.len && s.at[0] == '[') {
		close = memchr(s.at, ']', s.len);
		if (close) {
			clue_add_host(clue, slice_of(s.at + 1, (size_t)(close - s.at - 1)));
			return;
		}
	}
	clue_add_host(clue, http_trim(without_port(s)));
}

struct slice http_host_of_target(struct slice target)
{
	struct slice none = slice_of(target.at, 0), rest;
	size_t i = 0;

	while (i < target.len && http_is_token(target.at[i]))
		i++;
	rest = slice_from(target, i);
	if (i == 0 || rest.len < 3 || memcmp(rest.at, "://", 3) != 0)
		return none;
	rest = slice_from(rest, 3);
	for (i = 0; i < rest.len; i++)
		if (rest.at[i] == '/' || rest.at[i] == '?' || rest.at[i] == '#')
			break;
	return slice_first(rest, i);
}
