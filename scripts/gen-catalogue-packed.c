/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The catalogue as user/wasm/packed.h has it: for the WebAssembly module, which a page fetches.
 */
#include "gen-catalogue.h"
#include "wasm/packed.h"

#include <stdio.h>
#include <stdlib.h>

enum { ENDINGS_MAX = 4096, CATEGORIES_MAX = '~' - 'A' };

/* What follows the first dot of suffixes, the most frequent ones first. */
struct ending {
	const char *text;
	size_t count;
};

struct endings {
	struct ending at[ENDINGS_MAX];
	size_t count;
};

static int compare_endings(const void *a, const void *b)
{
	const struct ending *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->text, y->text);
}

static int count_endings(struct endings *e, const struct suffix_set *s)
{
	for (size_t i = 0; i < s->count; i++) {
		const char *text = strchr(suffix_set_text(s, &s->at[i]), '.') + 1;
		size_t n = 0;

		while (n < e->count && strcmp(e->at[n].text, text) != 0)
			n++;
		if (n == ENDINGS_MAX)
			return -1;
		if (n == e->count)
			e->at[e->count++] = (struct ending){.text = text};
		e->at[n].count++;
	}
	qsort(e->at, e->count, sizeof(e->at[0]), compare_endings);
	if (e->count > PACKED_ENDINGS)
		e->count = PACKED_ENDINGS;
	return 0;
}

/* The head of a suffix; of an application's name in it the mark is left. */
static void write_head(const char *head, size_t len, char stem[2][APP_NAME_MAX + 1])
{
	static const char marks[] = {PACKED_STEM, PACKED_ALIAS};

	for (size_t i = 0; i < sizeof(marks); i++) {
		size_t size = strlen(stem[i]);
		const char *at = size ? memmem(head, len, stem[i], size) : NULL;

		if (!at)
			continue;
		printf("%.*s%c%.*s", (int)(at - head), head, marks[i],
		       (int)(head + len - at - size), at + size);
		return;
	}
	printf("%.*s", (int)len, head);
}

static void write_suffix(const char *text, const struct endings *e, char stem[2][APP_NAME_MAX + 1])
{
	const char *dot = strchr(text, '.');

	for (size_t n = 0; n < e->count; n++) {
		if (strcmp(dot + 1, e->at[n].text) != 0)
			continue;
		write_head(text, (size_t)(dot - text), stem);
		printf("\\%o", PACKED_ENDING + (unsigned)n);
		return;
	}
	write_head(text, strlen(text), stem);
	putchar(PACKED_END);
}

/* The stems of what an application is called: its name, and the first alias. */
static void read_stems(const struct catalogue *c, int app, char stem[2][APP_NAME_MAX + 1])
{
	int n = 0;

	stem[0][0] = stem[1][0] = '\0';
	for (size_t i = 0; i < c->call_count && n < 2; i++)
		if (c->call[i].app == app)
			packed_stem(c->words.at + c->call[i].text, stem[n++]);
}

static void write_suffixes(const char *name, const struct catalogue *c, const struct suffix_set *s,
			   const struct endings *e)
{
	char stem[2][APP_NAME_MAX + 1];

	printf("\t.%s =", name);
	for (int app = APP_UNKNOWN + 1; app < (int)c->app_count; app++) {
		read_stems(c, app, stem);
		printf("\n\t\t\"");
		for (size_t i = 0; i < s->count; i++)
			if (s->at[i].app == app)
				write_suffix(suffix_set_text(s, &s->at[i]), e, stem);
		printf("\\n\"");
	}
	printf(",\n");
}

static void write_calls(const struct catalogue *c)
{
	printf("\t.calls =");
	for (int app = APP_UNKNOWN + 1; app < (int)c->app_count; app++) {
		const char *between = "";

		printf("\n\t\t\"");
		for (size_t i = 0; i < c->call_count; i++) {
			if (c->call[i].app != app)
				continue;
			printf("%s%s", between, c->words.at + c->call[i].text);
			between = ",";
		}
		printf("\\n\"");
	}
	printf(",\n");
}

static void write_categories(const struct catalogue *c)
{
	printf("\t.categories = ");
	for (size_t i = 0; i < c->category_count; i++)
		printf("\"%s\\0\" ", c->words.at + c->category[i]);
	printf(",\n\t.category_of = \"");
	for (size_t app = APP_UNKNOWN + 1; app < c->app_count; app++)
		printf("\\%o", 'A' + c->app[app].category); /* always three digits */
	printf("\",\n");
}

int write_packed(const struct catalogue *c)
{
	static struct endings e;

	if (c->category_count > CATEGORIES_MAX || memchr(c->words.at, '"', c->words.len) ||
	    memchr(c->words.at, '\\', c->words.len) || count_endings(&e, &c->suffix))
		return -1;
	printf("#include \"wasm/packed.h\"\n\n");
	write_ports(c);
	printf("const struct catalogue_packed catalogue_packed = {\n");
	printf("\t.port = port,\n\t.port_count = %zu,\n\t.app_count = %zu,\n", c->port_count,
	       c->app_count);
	write_categories(c);
	write_calls(c);
	printf("\t.endings = ");
	for (size_t i = 0; i < e.count; i++)
		printf("\"%s\\0\" ", e.at[i].text);
	printf(",\n");
	write_suffixes("suffixes", c, &c->suffix, &e);
	write_suffixes("resolvers", c, &c->resolver, &e);
	write_places(c);
	printf("};\n");
	return 0;
}
