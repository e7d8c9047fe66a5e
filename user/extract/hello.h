/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The ClientHello and what it names, apart from what carries it: TLS wraps it into records, QUIC
 * into CRYPTO frames.
 */
#ifndef EXTRACT_HELLO_H
#define EXTRACT_HELLO_H

#include "extract/extract.h"

/*
 * Reads the first handshake message. bytes: TLS records when has_records, else the bare handshake
 * stream; proto is what the clue is to say. Answers as an extractor does. A whole
 * ClientHello sets CLUE_HELLO, ja4 and alpn, clue->then is CLUE_THEN_SAME and clue->consumed counts
 * the bytes up to its end. A ServerHello is recognised and names nothing. crypt may be NULL.
 *
 * The stream of DTLS is that of TLS: each message has its four-byte head (type and length), and the
 * rest of what DTLS puts there (RFC 6347 4.2.2) is left out.
 */
enum extract_answer hello_read(struct slice bytes, bool has_records, enum app_proto proto,
			       struct crypt *crypt, struct clue *clue);

#endif
