/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What every extractor's fuzzer does with its bytes. The input lies in memory of its exact size, so
 * that the address sanitizer sees any read past it; an extractor defines FUZZ_TRY and includes
 * this.
 *
 * First byte of the input: transport and ports. The rest: the message.
 */
#ifndef FUZZ_DRIVER_H
#define FUZZ_DRIVER_H

#include "claim.h"
#include "extract/extract.h"

static enum extract_answer run(const uint8_t *at, size_t len, const struct extract_context *ctx,
			       struct clue *clue)
{
	uint8_t *copy = malloc(len ? len : 1);
	enum extract_answer answer;

	CLAIM(copy);
	if (len)
		memcpy(copy, at, len);
	memset(clue, 0, sizeof(*clue));
	answer = FUZZ_TRY(slice_of(copy, len), ctx, clue);
	free(copy);
	return answer;
}

/* True for what only a clue of a message in progress or found may say. */
static void check_clue(const struct clue *c, enum extract_answer answer)
{
	static const struct clue untouched;

	CLAIM(answer == EXTRACT_NOT_MINE || answer == EXTRACT_NEED_MORE || answer == EXTRACT_FOUND);
	if (answer == EXTRACT_NOT_MINE)
		CLAIM(memcmp(c, &untouched, sizeof(*c)) == 0);
	if (answer == EXTRACT_FOUND || c->name_count)
		CLAIM(c->proto != PROTO_NONE);
	CLAIM(c->name_count <= CLUE_NAMES_MAX);
	for (size_t i = 0; i < c->name_count; i++) {
		const struct name *n = &c->name[i];
		bool is_plain = name_is_host(name_slice(n));

		CLAIM(n->len > 0 && n->text[n->len] == '\0');
		for (size_t k = 0; k < n->len; k++)
			CLAIM(n->text[k] < 'A' || n->text[k] > 'Z');
		CLAIM(is_plain || c->flags & (CLUE_ODD_NAME | CLUE_IP_LITERAL));
		for (size_t k = 0; k < i; k++)
			CLAIM(!slice_equal(name_slice(n), name_slice(&c->name[k])));
	}
	CLAIM(!(c->flags & CLUE_NO_NAME) || !c->name_count);
}

/* a's names are the first of b's, in the same order. */
static void check_begins(const struct clue *a, const struct clue *b)
{
	CLAIM(a->name_count <= b->name_count);
	for (size_t i = 0; i < a->name_count; i++)
		CLAIM(slice_equal(name_slice(&a->name[i]), name_slice(&b->name[i])));
}

/* Cut short: nothing is found that the whole message does not say. */
static void check_cut(const uint8_t *at, size_t len, size_t cut, const struct extract_context *ctx,
		      const struct clue *whole, enum extract_answer answer)
{
	struct clue part;
	enum extract_answer early = run(at, cut, ctx, &part);

	check_clue(&part, early);
	if (ctx->transport != EXTRACT_STREAM)
		return;
	check_begins(&part, whole);
	if (early == EXTRACT_NOT_MINE)
		CLAIM(answer == EXTRACT_NOT_MINE);
	if (early != EXTRACT_FOUND)
		return;
	/* Found is found: more bytes change neither the answer nor the names. */
	CLAIM(answer == EXTRACT_FOUND);
	check_begins(whole, &part);
	CLAIM(part.proto == whole->proto && part.then == whole->then);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t ports[] = {53, 5353, 5355, 137, 80, 443, 1024, 40000};
	struct extract_context ctx = {.dst_port = 50000};
	enum extract_answer answer;
	struct clue whole;
	uint8_t how;

	if (!size)
		return 0;
	how = data[0];
	ctx.transport = how & 1 ? EXTRACT_DATAGRAM : EXTRACT_STREAM;
	ctx.src_port = ports[how >> 1 & 7];
	data++;
	size--;
	answer = run(data, size, &ctx, &whole);
	check_clue(&whole, answer);
	/* A few places to cut at, the last ones and some the input chooses. */
	for (size_t back = 1; back <= 3 && back <= size; back++)
		check_cut(data, size, size - back, &ctx, &whole, answer);
	if (size)
		check_cut(data, size, (size_t)(how >> 4) * 37 % size, &ctx, &whole, answer);
	check_cut(data, size, size / 2, &ctx, &whole, answer);
	return 0;
}

#endif
