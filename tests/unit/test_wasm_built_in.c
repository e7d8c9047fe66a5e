/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The module's catalogue, once it is unpacked, against the program's: the same applications with
 * all that is theirs. It is compiled in here under another name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "classify/catalogue.h"

struct catalogue *unpacked_new(void);

#define catalogue_new unpacked_new
#include "wasm/built_in.c"
#undef catalogue_new

static void opened(struct catalogue **ours, struct catalogue **theirs)
{
	*ours = unpacked_new();
	*theirs = catalogue_new();
	assert_true(*ours && *theirs);
}

static void closed(struct catalogue *ours, struct catalogue *theirs)
{
	catalogue_free(ours);
	catalogue_free(theirs);
}

static void applications_are_the_programs(void **state)
{
	struct catalogue *ours, *theirs;

	opened(&ours, &theirs);
	assert_int_equal(catalogue_count(ours), catalogue_count(theirs));
	assert_int_equal(ours->category_count, theirs->category_count);
	assert_int_equal(ours->call_count, theirs->call_count);
	assert_int_equal(ours->port_count, theirs->port_count);
	for (int app = 0; app < (int)catalogue_count(theirs); app++) {
		assert_string_equal(catalogue_name(ours, app), catalogue_name(theirs, app));
		assert_string_equal(catalogue_category(ours, app), catalogue_category(theirs, app));
	}
	for (size_t i = 0; i < theirs->call_count; i++) {
		const struct app_call *call = &theirs->call[i];
		struct slice text = slice_text(theirs->words.at + call->text);

		assert_int_equal(catalogue_find(ours, text), call->app);
	}
	for (int proto = 0; proto < PROTO_MAX; proto++)
		for (uint32_t port = 0; port < 65536; port++)
			assert_int_equal(
				catalogue_of_proto(ours, (enum app_proto)proto, (uint16_t)port),
				catalogue_of_proto(theirs, (enum app_proto)proto, (uint16_t)port));
	for (int sign = 0; sign < SIGNS; sign++)
		assert_int_equal(catalogue_of_sign(ours, (enum catalogue_sign)sign),
				 catalogue_of_sign(theirs, (enum catalogue_sign)sign));
	closed(ours, theirs);
}

/* The lists that pages show keep their order. */
static void categories_stand_as_there(void **state)
{
	struct catalogue *ours, *theirs;
	size_t of_ours, of_theirs;

	opened(&ours, &theirs);
	for (size_t i = 0; i < catalogue_category_count(theirs); i++) {
		assert_string_equal(catalogue_category_at(ours, i, &of_ours),
				    catalogue_category_at(theirs, i, &of_theirs));
		assert_int_equal(of_ours, of_theirs);
	}
	closed(ours, theirs);
}

static void same_suffixes(const struct suffix_set *ours, const struct suffix_set *theirs)
{
	assert_int_equal(ours->count, theirs->count);
	for (size_t i = 0; i < theirs->count; i++) {
		struct slice text = slice_text(suffix_set_text(theirs, &theirs->at[i]));

		assert_int_equal(suffix_set_longest(ours, text, NULL), theirs->at[i].app);
	}
}

static void suffixes_are_the_programs(void **state)
{
	struct catalogue *ours, *theirs;

	opened(&ours, &theirs);
	assert_true(theirs->suffix.count > 1000 && theirs->resolver.count > 0);
	same_suffixes(&ours->suffix, &theirs->suffix);
	same_suffixes(&ours->resolver, &theirs->resolver);
	closed(ours, theirs);
}

static void stems_are_letters_and_digits(void **state)
{
	static const struct {
		const char *name, *stem;
	} rows[] = {
		{"YouTube", "youtube"},
		{"Amazon Prime Video", "amazonprimevideo"},
		{"AT&T", "att"},
		{"9GAG", "9gag"},
		{"Booking.com", "bookingcom"},
		{"X", ""},
		{"", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char stem[APP_NAME_MAX + 1];

		packed_stem(rows[i].name, stem);
		assert_string_equal(stem, rows[i].stem);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(applications_are_the_programs),
		cmocka_unit_test(categories_stand_as_there),
		cmocka_unit_test(suffixes_are_the_programs),
		cmocka_unit_test(stems_are_letters_and_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
