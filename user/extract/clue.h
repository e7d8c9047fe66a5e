/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What an extractor finds: which protocol this is, the names in it, and where the next message of
 * the same stream begins.
 */
#ifndef EXTRACT_CLUE_H
#define EXTRACT_CLUE_H

#include "base/name.h"

enum clue_flag {
	CLUE_NO_NAME = 1,     /* a message that could have held a name holds none */
	CLUE_ODD_NAME = 2,    /* a name with bytes that no host name has */
	CLUE_ECH = 4,	      /* an encrypted ClientHello extension (RFC 9849) */
	CLUE_MANY_NAMES = 8,  /* more names in one message than a clue holds, or several Hosts */
	CLUE_RESPONSE = 16,   /* the message is an answer (DNS QR bit) */
	CLUE_IP_LITERAL = 32, /* the name is an address */
	CLUE_HELLO = 64,      /* a ClientHello: ja4 and alpn are filled as far as it has them */
	CLUE_PLAIN = 128,     /* recognised by its form alone: no message of it is read */
};

/* What follows in the stream behind `consumed`. */
enum clue_then {
	CLUE_THEN_SAME, /* another message of the same protocol */
	CLUE_THEN_ANY,	/* a tunnel: anything may begin (CONNECT) */
	CLUE_THEN_END,	/* nothing more to be found in this direction */
};

enum { CLUE_NAMES_MAX = 12, CLUE_JA4_LEN = 36, CLUE_ALPN_MAX = 16 };

struct clue {
	enum app_proto proto;
	uint32_t flags;	 /* enum clue_flag */
	size_t consumed; /* bytes of the stream this message takes, body included; may lie past
			    what is there yet */
	enum clue_then then;
	char ja4[CLUE_JA4_LEN + 1];   /* NUL-terminated; empty when there is no whole hello */
	char alpn[CLUE_ALPN_MAX + 1]; /* the first protocol offered; empty: none, longer, or odd */
	/* Where names go when there are more than fit: called with the clue full, it takes them,
	 * and the clue goes on empty. NULL: further names are left out, which CLUE_MANY_NAMES says.
	 */
	void (*spill)(void *ctx, const struct clue *c);
	void *spill_ctx;
	uint8_t name_count;
	struct name name[CLUE_NAMES_MAX]; /* last: what is not counted means nothing */
};

/* Makes a clue that says nothing. */
static inline void clue_clear(struct clue *c)
{
	memset(c, 0, offsetof(struct clue, name));
}

/* Adds a name in canonical form: lower case, one trailing dot removed; empty names are not added,
 * one already there neither. Sets CLUE_ODD_NAME, CLUE_IP_LITERAL and CLUE_MANY_NAMES as they
 * apply. A name longer than 255 bytes is odd, and not added. */
void clue_add_name(struct clue *c, struct slice name);

/* The same for a name that a program at the other end may take for a C string, or trim: when it
 * holds a NUL the part before that is added as well, and with blanks around it the name without
 * them. */
void clue_add_host(struct clue *c, struct slice name);

#endif
