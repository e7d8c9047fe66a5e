/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * All rows, and what they have in common; see rows.h. Room: selftest.
 */
#include "selftest/rows.h"

static const struct row_group *const groups[] = {&rows_tcp,   &rows_decoy, &rows_tls,
						 &rows_hello, &rows_http,  &rows_dns,
						 &rows_quic,  &rows_ip,	   &rows_like};
enum { GROUPS = sizeof(groups) / sizeof(groups[0]) };

const char rows_rules[] = "# what the self-test blocks, of itself\n"
			  "[BLOCKED_DOMAINS]\n" STAGE_BLOCKED "\n"
			  "[BLOCKED_APPS]\nTikTok\nBitTorrent\n"
			  "[BLOCKED_PORTS]\n6881/tcp\n"
			  "[BLOCKED_IPS]\n198.51.100.66\n2001:db8:1::42\n";

size_t rows_count(void)
{
	size_t n = 0;

	for (size_t g = 0; g < GROUPS; g++)
		n += groups[g]->count;
	return n;
}

const struct row *rows_at(size_t i, const struct row_group **group)
{
	for (size_t g = 0; g < GROUPS; g++) {
		if (i < groups[g]->count) {
			if (group)
				*group = groups[g];
			return &groups[g]->rows[i];
		}
		i -= groups[g]->count;
	}
	return NULL;
}

struct slice row_hello_for(struct stage *s, struct made_message *m, const char *name)
{
	make_client_hello(&s->chance, m, &(struct make_hello_kind){0}, name);
	return slice_of(m->bytes, m->len);
}

struct slice row_hello(struct stage *s, struct made_message *m, bool is_pq)
{
	make_client_hello(&s->chance, m, &(struct make_hello_kind){.is_pq = is_pq}, s->name);
	return slice_of(m->bytes, m->len);
}
