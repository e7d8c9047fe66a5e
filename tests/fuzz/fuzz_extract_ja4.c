/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fuzzes user/extract/ja4.c by the shared driver: bare hellos of TLS, QUIC and DTLS, whose print,
 * where there is one, has its form.
 */
#include "extract/hello.h"

#include <ctype.h>
#include <stdlib.h>

static bool has_form(const char *ja4)
{
	static const char form[] = "pvvsccccaa_hhhhhhhhhhhh_hhhhhhhhhhhh";

	for (size_t i = 0; i < sizeof(form); i++) {
		char c = ja4[i];
		bool is_right = form[i] == 'p'	   ? c == 't' || c == 'q' || c == 'd'
				: form[i] == 's'   ? c == 'd' || c == 'i'
				: form[i] == 'c'   ? isdigit(c)
				: form[i] == 'h'   ? isdigit(c) || (c >= 'a' && c <= 'f')
				: isalpha(form[i]) ? isalnum(c)
						   : c == form[i];

		if (!is_right)
			return false;
	}
	return true;
}

static enum extract_answer try_bare(struct slice bytes, const struct extract_context *ctx,
				    struct clue *clue)
{
	static const enum app_proto protos[] = {PROTO_TLS, PROTO_QUIC, PROTO_DTLS};
	enum app_proto proto = protos[ctx->src_port % 3];
	enum extract_answer answer = hello_read(bytes, false, proto, NULL, clue);
	bool is_whole = (clue->flags & CLUE_HELLO) != 0;

	if (is_whole ? answer != EXTRACT_FOUND || !has_form(clue->ja4)
		     : clue->ja4[0] || clue->alpn[0])
		abort();
	return answer;
}

#define FUZZ_TRY try_bare
#include "driver.h"
