/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Names and heads of a capture in several files. Room: pcap. See split.h.
 * Standards: draft-ietf-opsawg-pcap 4; draft-ietf-opsawg-pcapng 4.1 and 4.2.
 */
#include "pcap/split.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_SECTION = 0x0a0d0d0a, BLOCK_INTERFACE = 1, BYTE_ORDER_MAGIC = 0x1a2b3c4d };
enum { DIGITS = 5 };

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The last dot of the name and what is behind it; a name may begin with a dot. */
static const char *extension_of(const char *path)
{
	const char *base = base_of(path), *dot = strrchr(base, '.');

	return dot && dot != base ? dot : path + strlen(path);
}

struct split *split_new(const char *path, uint64_t size)
{
	struct split *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->size = size;
	s->out = strdup(path);
	if (!s->out) {
		free(s);
		return NULL;
	}
	s->extension = extension_of(s->out);
	return s;
}

void split_free(struct split *s)
{
	if (!s)
		return;
	free(s->done);
	free(s->heads);
	free(s->out);
	free(s);
}

char *split_name(const struct split *s, size_t number)
{
	int stem_len = (int)(s->extension - s->out);
	char *name;

	if (asprintf(&name, "%.*s-%0*zu%s", stem_len, s->out, DIGITS, number, s->extension) < 0)
		return NULL;
	return name;
}

/* The number in a name, the stem's length and the extension being OUT's; 0: it is none of them. */
static unsigned number_in(const char *name, const char *stem, size_t stem_len,
			  const char *extension)
{
	const char *at = name + stem_len + 1;
	unsigned number = 0;

	if (strncmp(name, stem, stem_len) != 0 || name[stem_len] != '-')
		return 0;
	for (int i = 0; i < DIGITS; i++, at++) {
		if (*at < '0' || *at > '9')
			return 0;
		number = number * 10 + (unsigned)(*at - '0');
	}
	if (strncmp(at, extension, strlen(extension)) != 0)
		return 0;
	at += strlen(extension);
	return *at == '\0' || strcmp(at, ".part") == 0 ? number : 0;
}

unsigned split_number(const char *out, const char *path)
{
	const char *extension = extension_of(out);

	return number_in(path, out, (size_t)(extension - out), extension);
}

int split_each(const char *out, int (*ask)(void *ctx, const char *path, unsigned number), void *ctx)
{
	const char *base = base_of(out), *extension = extension_of(out);
	size_t dir_len = (size_t)(base - out);
	char *dir_name = dir_len ? strndup(out, dir_len) : strdup(".");
	DIR *dir = dir_name ? opendir(dir_name) : NULL;
	struct dirent *e;
	int found = 0;

	while (dir && !found && (e = readdir(dir))) {
		unsigned number = number_in(e->d_name, base, (size_t)(extension - base), extension);
		char *path;

		if (!number)
			continue;
		if (asprintf(&path, "%.*s%s", (int)dir_len, out, e->d_name) < 0)
			break;
		found = ask(ctx, path, number);
		free(path);
	}
	if (dir)
		closedir(dir);
	free(dir_name);
	return found;
}

bool split_is_due(const struct split *s, uint64_t len, struct slice piece)
{
	return s->has_body && (len > s->size || piece.len > s->size - len);
}

static uint32_t get_u32(const uint8_t *at, bool is_swapped)
{
	uint32_t v;

	memcpy(&v, at, 4);
	return is_swapped ? __builtin_bswap32(v) : v;
}

static bool is_section(struct slice piece, bool is_frame)
{
	return !is_frame && piece.len >= 12 && get_u32(piece.at, false) == BLOCK_SECTION;
}

void split_forget(struct split *s, struct slice piece, bool is_frame)
{
	if (is_section(piece, is_frame))
		s->heads_len = 0;
}

int split_note(struct split *s, struct slice piece, bool is_frame)
{
	bool is_new = is_section(piece, is_frame);
	uint8_t *more;

	if (is_new) {
		s->heads_len = 0;
		s->is_swapped = get_u32(piece.at + 8, false) != BYTE_ORDER_MAGIC;
	}
	/* The first piece is a head whatever it is: a pcap file has no other. */
	if (is_frame ||
	    !(is_new || s->heads_len == 0 ||
	      (piece.len >= 4 && get_u32(piece.at, s->is_swapped) == BLOCK_INTERFACE))) {
		s->has_body = true;
		return 0;
	}
	if (piece.len > s->size - s->heads_len)
		return -EFBIG;
	if (piece.len > s->heads_cap - s->heads_len) {
		s->heads_cap = 2 * (s->heads_len + piece.len);
		more = realloc(s->heads, s->heads_cap);
		if (!more)
			return -ENOMEM;
		s->heads = more;
	}
	memcpy(s->heads + s->heads_len, piece.at, piece.len);
	s->heads_len += piece.len;
	return 0;
}

int split_end_file(struct split *s, struct out_file *file)
{
	if (s->done_count == s->done_cap) {
		size_t cap = s->done_cap ? s->done_cap * 2 : 16;
		struct out_file *more = realloc(s->done, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->done = more;
		s->done_cap = cap;
	}
	s->done[s->done_count++] = *file;
	*file = (struct out_file){.fd = -1};
	s->has_body = false;
	return 0;
}
