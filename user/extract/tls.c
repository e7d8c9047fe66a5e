/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: TLS over a stream, on any port, from its first bytes: a handshake record that
 * begins with a ClientHello, or, in the other direction, with a ServerHello.
 *
 * Standards: RFC 8446 5.1, RFC 5246 6.2.1; any minor version, as servers take them all.
 */
#include "extract/hello.h"
#include "extract/proxy.h"

enum extract_answer tls_try(struct slice bytes, const struct extract_context *ctx,
			    struct clue *clue)
{
	enum extract_answer answer;
	size_t head = 0;

	if (proxy_head_read(bytes, &head) == PROXY_SHORT)
		return EXTRACT_NEED_MORE;
	answer = hello_read(slice_from(bytes, head), true, PROTO_TLS, ctx->crypt, clue);
	if (answer == EXTRACT_FOUND)
		clue->consumed += head;
	return answer;
}
