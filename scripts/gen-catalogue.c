/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Reads catalogue.conf once, while the program is built, and writes it as the tables that would
 * come of reading it (user/classify/build.h), so that no start has to. Run by make.
 *
 *     gen-catalogue user/classify/catalogue.conf > catalogue_data.c
 *     gen-catalogue --packed user/classify/catalogue.conf > catalogue_packed.c
 */
#include "base/text.h"
#include "gen-catalogue.h"

#include <stdio.h>

enum { NUMBERS_A_LINE = 12 };

static int read_conf(const char *path, struct text *t)
{
	FILE *in = fopen(path, "r");
	char piece[4096];
	size_t got;

	if (!in)
		return -1;
	while ((got = fread(piece, 1, sizeof(piece), in)) > 0)
		text_add(t, piece, got);
	got = (size_t)ferror(in);
	fclose(in);
	return got || t->failed ? -1 : 0;
}

/* Words are printable and hold neither quotes nor backslashes; see is_call() in read.c. */
static int write_words(const char *name, const struct text *words)
{
	printf("static const char %s[] =", name);
	for (size_t at = 0; at < words->len; at += strlen(words->at + at) + 1) {
		if (strpbrk(words->at + at, "\"\\"))
			return -1;
		printf("\n\t\"%s\\0\"", words->at + at);
	}
	printf(";\n");
	return 0;
}

static void write_numbers(const char *name, const uint32_t *at, size_t count)
{
	printf("static const uint32_t %s[] = {", name);
	for (size_t i = 0; i < count; i++)
		printf("%s%u,", i % NUMBERS_A_LINE ? "" : "\n\t", at[i]);
	printf("\n};\n");
}

static int write_set(const char *name, const struct suffix_set *s)
{
	char part[32];

	snprintf(part, sizeof(part), "%s_words", name);
	if (write_words(part, &s->words))
		return -1;
	printf("static const struct app_suffix %s_at[] = {\n", name);
	for (size_t i = 0; i < s->count; i++)
		printf("\t{%u, %u, %d},\n", s->at[i].text, s->at[i].len, s->at[i].app);
	printf("};\n");
	printf("static const struct suffix_slot %s_slot[%zu] = {\n", name, s->slot_count);
	for (size_t i = 0; i < s->slot_count; i++)
		if (s->slot[i].mark)
			printf("\t[%zu] = {%uU, %u, %d, %d, %d},\n", i, s->slot[i].mark,
			       s->slot[i].text, s->slot[i].app, s->slot[i].len, s->slot[i].depth);
	printf("};\n");
	return 0;
}

void write_ports(const struct catalogue *c)
{
	printf("static const struct app_port port[] = {\n");
	for (size_t i = 0; i < c->port_count; i++)
		printf("\t{(enum app_proto)%d, %d, %d},\n", (int)c->port[i].proto, c->port[i].port,
		       c->port[i].app);
	printf("};\n");
}

void write_places(const struct catalogue *c)
{
	printf("\t.proto = {");
	for (int i = 0; i < PROTO_MAX; i++)
		printf("%d,", c->proto[i]);
	printf("},\n\t.sign = {");
	for (int i = 0; i < SIGNS; i++)
		printf("%d,", c->sign[i]);
	printf("},\n");
}

static int write_parts(const struct catalogue *c)
{
	if (write_words("words", &c->words))
		return -1;
	printf("static const struct app app[] = {\n");
	for (size_t i = 0; i < c->app_count; i++)
		printf("\t{%u, %u},\n", c->app[i].name, c->app[i].category);
	printf("};\nstatic const struct app_call call[] = {\n");
	for (size_t i = 0; i < c->call_count; i++)
		printf("\t{%u, %u, %d},\n", c->call[i].text, c->call[i].len, c->call[i].app);
	printf("};\n");
	write_ports(c);
	write_numbers("category", c->category, c->category_count);
	write_numbers("call_slot", c->call_slot, c->call_slot_count);
	return write_set("suffix", &c->suffix) || write_set("resolver", &c->resolver);
}

static void write_set_use(const char *name, const struct suffix_set *s)
{
	printf("\t.%s = {\n", name);
	printf("\t\t.at = (struct app_suffix *)%s_at,\n\t\t.count = %zu,\n", name, s->count);
	printf("\t\t.words = {.at = (char *)%s_words, .len = %zu},\n", name, s->words.len);
	printf("\t\t.slot = (struct suffix_slot *)%s_slot,\n\t\t.slot_count = "
	       "%zu,\n\t\t.slots_used = %zu,\n\t},\n",
	       name, s->slot_count, s->slots_used);
}

static void write_whole(const struct catalogue *c)
{
	printf("const struct catalogue catalogue_built_in = {\n\t.is_built_in = true,\n");
	printf("\t.words = {.at = (char *)words, .len = %zu},\n", c->words.len);
	printf("\t.app = (struct app *)app,\n\t.app_count = %zu,\n", c->app_count);
	printf("\t.category = (uint32_t *)category,\n\t.category_count = %zu,\n",
	       c->category_count);
	printf("\t.call = (struct app_call *)call,\n\t.call_count = %zu,\n", c->call_count);
	printf("\t.call_slot = (uint32_t *)call_slot,\n\t.call_slot_count = %zu,\n",
	       c->call_slot_count);
	printf("\t.port = (struct app_port *)port,\n\t.port_count = %zu,\n", c->port_count);
	write_set_use("suffix", &c->suffix);
	write_set_use("resolver", &c->resolver);
	write_places(c);
	printf("};\n");
}

int write_tables(const struct catalogue *c)
{
	printf("#include \"classify/build.h\"\n\n");
	if (write_parts(c))
		return -1;
	write_whole(c);
	return 0;
}

int main(int argc, char **argv)
{
	bool is_packed = argc == 3 && strcmp(argv[1], "--packed") == 0;
	const char *path = argv[argc - 1];
	struct catalogue *c = catalogue_empty();
	struct text t = {0};
	struct fault f = {"out of memory, or no file"};
	int ok = 0;

	if (argc == 2 + is_packed && c && read_conf(path, &t) == 0 &&
	    catalogue_read(c, slice_of(t.at, t.len), path, &f) == 0) {
		printf("/* Made of catalogue.conf by gen-catalogue. */\n");
		ok = (is_packed ? write_packed(c) : write_tables(c)) == 0;
		snprintf(f.text, sizeof(f.text), "%s cannot be written", path);
	}
	ok = ok && fflush(stdout) == 0 && !ferror(stdout);
	if (!ok)
		fprintf(stderr, "gen-catalogue: %s\n", f.text);
	catalogue_free(c);
	text_clear(&t);
	return ok ? 0 : 1;
}
