/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One matcher for both sides: reading the question of a DNS message, the canonical form of a
 * domain name, and the hashes of its suffixes, against which name rules are kept.
 *
 * A name is walked from its right end: at each label border, and at the whole name, the hash so
 * far is looked up in a table of struct dpi_name_rule. So a rule matches on label borders only,
 * any number of rules costs the same, and kernel and user cannot disagree.
 *
 * Every function here is one step of a loop that the caller bounds (bpf_loop or for). Standards:
 * RFC 1035 4.1 (messages, names, compression), RFC 4343 (case).
 */
#ifndef DPI_NAME_H
#define DPI_NAME_H

#include "dpi/parse.h"

/* Lower case for ASCII letters; every other byte as it is (RFC 4343 3). */
dpi_inline __u8 dpi_lower(__u8 c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* A walk over one canonical name from its last byte to its first. */
struct dpi_name_walk {
	__u64 hash;
	__u64 app_block, app_allow;	  /* from the longest suffix an application owns */
	__u64 own_block, own_allow;	  /* the same, of walks before this one */
	__u64 domain_block, domain_allow; /* from any suffix, the shortest first */
	__u64 list_block, list_allow;	  /* the same, of lists */
	__u64 is_spared;		  /* a list has it as an exception */
};

dpi_inline void dpi_name_walk_init(struct dpi_name_walk *w, __u64 seed)
{
	w->hash = 0xcbf29ce484222325ULL ^ seed;
	w->app_block = w->app_allow = 0;
	w->own_block = w->own_allow = 0;
	w->domain_block = w->domain_allow = 0;
	w->list_block = w->list_allow = 0;
	w->is_spared = 0;
}

/* Takes the next byte from the right. The hash is FNV-1a's, 64 bits, seeded. */
dpi_inline void dpi_name_walk_byte(struct dpi_name_walk *w, __u8 c)
{
	w->hash = (w->hash ^ c) * 0x100000001b3ULL;
}

dpi_inline void dpi_name_walk_hear(__u64 *field, __u64 rule)
{
	if (!*field)
		*field = rule;
}

/* Begins again at the right end of the same name, with the rules of somebody else: those of devices
 * first, those of all last. What was found so far stays, and comes first. */
dpi_inline void dpi_name_walk_again(struct dpi_name_walk *w, __u64 seed)
{
	w->hash = 0xcbf29ce484222325ULL ^ seed;
	dpi_name_walk_hear(&w->own_block, w->app_block);
	dpi_name_walk_hear(&w->own_allow, w->app_allow);
	w->app_block = w->app_allow = 0;
}

/* Takes what the table holds for the suffix read so far; whole: it is the entire name. */
dpi_inline void dpi_name_walk_found(struct dpi_name_walk *w, const struct dpi_name_rule *r,
				    bool whole)
{
	if (r->flags & DPI_NAME_APP) {
		w->app_block = r->app_block;
		w->app_allow = r->app_allow;
	}
	dpi_name_walk_hear(r->flags & DPI_NAME_LIST_SUFFIX_BLOCK ? &w->list_block
								 : &w->domain_block,
			   r->suffix_block);
	dpi_name_walk_hear(r->flags & DPI_NAME_LIST_SUFFIX_ALLOW ? &w->list_allow
								 : &w->domain_allow,
			   r->suffix_allow);
	w->is_spared |= r->flags & DPI_NAME_SPARE;
	if (!whole)
		return;
	dpi_name_walk_hear(r->flags & DPI_NAME_LIST_EXACT_BLOCK ? &w->list_block : &w->domain_block,
			   r->exact_block);
	dpi_name_walk_hear(r->flags & DPI_NAME_LIST_EXACT_ALLOW ? &w->list_allow : &w->domain_allow,
			   r->exact_allow);
	w->is_spared |= r->flags & DPI_NAME_SPARE_EXACT;
}

/*
 * The rule that blocks the walked name, or 0: an allow first, then application, then domain, a
 * list's last. protocol_block is the rule against the protocol that named it, as an application; 0
 * where there is none.
 */
dpi_inline __u64 dpi_name_walk_block(const struct dpi_name_walk *w, __u64 protocol_block)
{
	if (w->domain_allow || w->app_allow || w->own_allow || w->list_allow)
		return 0;
	if (w->own_block)
		return w->own_block;
	if (w->app_block || protocol_block)
		return w->app_block ? w->app_block : protocol_block;
	if (w->domain_block)
		return w->domain_block;
	return w->is_spared ? 0 : w->list_block;
}

/* True when these 12 bytes can head a DNS message with 1 to 8 questions (RFC 1035 4.1.1). */
dpi_inline bool dpi_dns_head(const __u8 *m)
{
	__u8 opcode = (m[2] >> 3) & 15;
	__u32 questions = (__u32)m[4] << 8 | m[5];

	return opcode <= 5 && opcode != 3 && questions >= 1 && questions <= DPI_QUESTIONS_MAX;
}

enum dpi_qname_state { DPI_QNAME_READING = 0, DPI_QNAME_DONE = 1, DPI_QNAME_BAD = 2 };

/*
 * Reading one question's name, byte by byte, into canonical text: labels joined by dots, lower
 * case, no dot at the end. A dot inside a label becomes a backslash, so it is never a border.
 */
struct dpi_qname {
	__u32 pos;    /* next byte of the message */
	__u32 limit;  /* bytes of the message that are there */
	__u32 label;  /* bytes of the current label still to come */
	__u32 len;    /* bytes of text so far */
	__u32 after;  /* where the question goes on behind the name */
	__u32 floor;  /* a compression pointer must go below this */
	__u32 jumps;  /* compression pointers followed */
	__u32 is_odd; /* a byte that no host name has */
	__u32 state;  /* enum dpi_qname_state */
};

dpi_inline void dpi_qname_init(struct dpi_qname *q, __u32 pos, __u32 limit)
{
	q->pos = pos;
	q->limit = limit;
	q->label = q->len = q->after = 0;
	q->floor = pos;
	q->jumps = q->is_odd = 0;
	q->state = DPI_QNAME_READING;
}

/*
 * One step. message has mask + 1 bytes, a power of two; text has 256. Returns false when the name
 * has ended, q->state saying how. Each step reads a byte or follows a pointer, so 256 + 16 steps
 * are enough for any name (RFC 1035 2.3.4, 4.1.4).
 */
dpi_inline bool dpi_qname_step(struct dpi_qname *q, const __u8 *message, __u32 mask, __u8 *text)
{
	__u32 at = q->pos;
	__u8 c;

	q->state = DPI_QNAME_BAD;
	if (at >= q->limit)
		return false;
	c = message[at & mask];
	q->pos = at + 1;
	if (q->label) {
		if (q->len >= DPI_NAME_MAX)
			return false;
		c = dpi_lower(c);
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
			q->is_odd = 1;
		text[q->len & 255] = c == '.' ? '\\' : c;
		q->len++;
		q->label--;
	} else if (c == 0) {
		if (!q->after)
			q->after = q->pos;
		q->state = DPI_QNAME_DONE;
		return false;
	} else if (c < 64) {
		if (q->len) {
			if (q->len >= DPI_NAME_MAX)
				return false;
			text[q->len & 255] = '.';
			q->len++;
		}
		q->label = c;
	} else if (c >= 192) {
		__u32 to;

		if (q->pos >= q->limit)
			return false;
		to = ((__u32)(c & 63) << 8) | message[q->pos & mask];
		if (!q->after)
			q->after = q->pos + 1;
		/* Only backwards, past the header, and each time further back: it must end. */
		if (to < 12 || to >= q->floor || ++q->jumps > 16)
			return false;
		q->floor = to;
		q->pos = to;
	} else {
		return false;
	}
	q->state = DPI_QNAME_READING;
	return true;
}

#endif
