/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Any bytes as a list. Whole and in pieces they give the same; what is refused says why; what is
 * taken is canonical text that is taken again as the same list. And any bytes as a stored list.
 */
#include "claim.h"
#include "policy/list_reader.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Feeds pieces of so many bytes, each in memory of its exact size. */
static int read_pieces(const uint8_t *data, size_t size, size_t piece, struct list **out,
		       struct list_counts *counts, struct fault *f)
{
	struct list_reader *r = list_reader_new();
	int err = 0;

	CLAIM(r);
	*out = NULL;
	*counts = (struct list_counts){0};
	for (size_t at = 0; at < size && !err; at += piece) {
		size_t len = size - at < piece ? size - at : piece;
		uint8_t *copy = malloc(len);

		CLAIM(copy);
		memcpy(copy, data + at, len);
		err = list_reader_feed(r, slice_of(copy, len), f);
		free(copy);
	}
	if (!err)
		err = list_reader_end(r, out, counts, f);
	list_reader_free(r);
	return err;
}

static void check_list(const struct list *l, const struct list_counts *c)
{
	struct fault f = {""};
	struct list *again = list_parse(list_text(l), &f);

	CLAIM(again);
	CLAIM(slice_equal(list_text(again), list_text(l)));
	CLAIM(list_name_count(again) == c->names && list_name_count(l) == c->names);
	CLAIM(list_addr_count(again) == c->addrs && list_addr_count(l) == c->addrs);
	CLAIM(list_names_len(again) == list_names_len(l));
	list_drop(again);
}

/* What is stored and damaged is refused, or is a list like any other. */
static void check_stored(const uint8_t *data, size_t size)
{
	struct fault f = {""};
	struct list *l = list_parse(slice_of(data, size), &f);
	struct list_name name;
	size_t at = 0, count = 0;

	if (!l) {
		CLAIM(f.text[0]);
		return;
	}
	while (list_next_name(l, &at, &name)) {
		struct slice found = list_find_name(l, name.name);

		CLAIM(name.is_spare || found.len);
		count++;
	}
	CLAIM(count == list_name_count(l));
	list_drop(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct list_counts whole_counts, counts;
	struct fault whole_fault = {""}, f = {""};
	struct list *whole, *pieces;
	int err;

	if (!size)
		return 0;
	err = read_pieces(data + 1, size - 1, size, &whole, &whole_counts, &whole_fault);
	/* The first byte is the size of a piece. */
	CLAIM(read_pieces(data + 1, size - 1, data[0] % 64 + 1U, &pieces, &counts, &f) == err);
	CLAIM(memcmp(&counts, &whole_counts, sizeof(counts)) == 0);
	CLAIM(strcmp(f.text, whole_fault.text) == 0);
	if (err) {
		CLAIM(f.text[0] && !whole && !pieces);
	} else {
		CLAIM(slice_equal(list_text(whole), list_text(pieces)));
		check_list(whole, &whole_counts);
	}
	list_drop(whole);
	list_drop(pieces);
	check_stored(data + 1, size - 1);
	return 0;
}
