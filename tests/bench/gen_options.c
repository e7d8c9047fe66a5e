/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Options, one row each, and shapes: sets of options under a name.
 */
#include "gen_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct shape {
	const char *name, *help;
	struct gen_options options;
} shapes[] = {
	{"plain",
	 "small frames, both sides in turn (the default)",
	 {.flows = 1000,
	  .mix = {60, 20, 20, 0},
	  .pq = 30,
	  .swapped = 50,
	  .v6 = 20,
	  .vlan = 10,
	  .blocked = 10,
	  .packets = 6,
	  .payload = 55,
	  .active = 500,
	  .gap_ns = 21000}},
	{"bench",
	 "what a busy link shows: 2.84 million packets, 1.93 GB",
	 {.flows = 200000,
	  .mix = {40, 10, 35, 15},
	  .pq = 33,
	  .split = 2,
	  .swapped = 10,
	  .v6 = 15,
	  .blocked = 10,
	  .keep_alive = 20,
	  .answer = 100,
	  .payload = GEN_SEGMENT,
	  .active = 4000,
	  .client_flows = 20,
	  .gap_ns = 21000}},
	{"small-frames",
	 "few TLS flows of very many frames of 64 bytes",
	 {.flows = 100,
	  .mix = {1, 0, 0, 0},
	  .blocked = 10,
	  .packets = 50000,
	  .payload = 10,
	  .active = 100,
	  .gap_ns = 2000}},
};

static bool set_text(struct gen_options *o, size_t at, const char *text)
{
	*(const char **)((char *)o + at) = text;
	return true;
}

static bool read_number(const char *text, uint64_t *out)
{
	char *end;

	*out = strtoull(text, &end, 10);
	return end != text && !*end && *text != '-';
}

static bool set_long(struct gen_options *o, size_t at, const char *text)
{
	return read_number(text, (uint64_t *)((char *)o + at));
}

static bool set_number(struct gen_options *o, size_t at, const char *text)
{
	uint64_t v;

	if (!read_number(text, &v) || v > UINT32_MAX)
		return false;
	*(unsigned *)((char *)o + at) = (unsigned)v;
	return true;
}

static bool set_flag(struct gen_options *o, size_t at, const char *text)
{
	*(bool *)((char *)o + at) = true;
	return true;
}

/* Flows that stay open must not grow old: their frames come ten times as fast. */
static bool set_open(struct gen_options *o, size_t at, const char *text)
{
	o->is_open = true;
	o->gap_ns = 2000;
	return true;
}

static bool set_mix(struct gen_options *o, size_t at, const char *text)
{
	unsigned *m = o->mix;

	m[GEN_QUIC] = 0;
	return sscanf(text, "%u,%u,%u,%u", &m[GEN_TLS], &m[GEN_HTTP], &m[GEN_DNS], &m[GEN_QUIC]) >=
	       3;
}

static bool set_shape(struct gen_options *o, size_t at, const char *text)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct gen_options was = *o;

		if (strcmp(text, shapes[i].name) != 0)
			continue;
		*o = shapes[i].options;
		o->out = was.out;
		o->manifest = was.manifest;
		o->seed = was.seed;
		o->is_ns = was.is_ns;
		return true;
	}
	return false;
}

static bool set_small(struct gen_options *o, size_t at, const char *text)
{
	return set_shape(o, at, "small-frames");
}

#define AT(field) offsetof(struct gen_options, field)

static const struct row {
	const char *name, *value, *help; /* value: NULL when it takes none */
	bool (*set)(struct gen_options *o, size_t at, const char *text);
	size_t at;
} rows[] = {
	{"out", "FILE", "the capture", set_text, AT(out)},
	{"manifest", "FILE", "what is in it, a row a flow", set_text, AT(manifest)},
	{"shape", "NAME", "sets the options below; those behind it change them", set_shape, 0},
	{"size-64", NULL, "the same as --shape small-frames", set_small, 0},
	{"flows", "N", "how many", set_long, AT(flows)},
	{"seed", "N", "the same seed and options, the same capture", set_long, AT(seed)},
	{"mix", "T,H,D[,Q]", "parts of TLS, HTTP, DNS, QUIC", set_mix, 0},
	{"pq", "PERCENT", "of TLS and QUIC: post-quantum, two packets", set_number, AT(pq)},
	{"split", "PERCENT", "of short TLS and HTTP: cut anywhere", set_number, AT(split)},
	{"swapped", "PERCENT", "of those in two parts: second part first", set_number, AT(swapped)},
	{"ipv6", "PERCENT", "of all", set_number, AT(v6)},
	{"vlan", "PERCENT", "of all: with a tag", set_number, AT(vlan)},
	{"blocked", "PERCENT", "of all: to YouTube", set_number, AT(blocked)},
	{"keep-alive", "PERCENT", "of TLS and HTTP: several requests", set_number, AT(keep_alive)},
	{"answer", "PERCENT", "of the usual length of answers; 0: dialogues", set_number,
	 AT(answer)},
	{"packets", "N", "dialogues of so many frames behind the hello", set_number, AT(packets)},
	{"payload", "BYTES", "of each", set_number, AT(payload)},
	{"active", "N", "flows at once", set_number, AT(active)},
	{"client-flows", "N", "flows of one client; 0: a client a flow", set_number,
	 AT(client_flows)},
	{"gap", "NS", "between frames, in the mean; 1000 or more", set_number, AT(gap_ns)},
	{"open", NULL, "no flow ends; a last frame of each when all have begun", set_open, 0},
	{"no-answers", NULL, "DNS questions alone", set_flag, AT(is_unanswered)},
	{"ns", NULL, "nanoseconds in the file", set_flag, AT(is_ns)},
	{"scan", "N", "flows more: a port scan", set_number, AT(scan)},
	{"flood", "N", "flows more: many sources, one port", set_number, AT(flood)},
	{"odd-port", "N", "flows more: ports that are no service", set_number, AT(odd_port)},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static bool usage(void)
{
	fputs("usage: gen_capture --out FILE --manifest FILE [OPTION...]\n", stderr);
	for (size_t i = 0; i < ROWS; i++)
		fprintf(stderr, "  --%-12s %-9s  %s\n", rows[i].name,
			rows[i].value ? rows[i].value : "", rows[i].help);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		fprintf(stderr, "shape %-12s %s\n", shapes[i].name, shapes[i].help);
	return false;
}

/* Takes one option with its value, which may stand behind it or behind a '='. Returns how many
 * words it was; 0: no such option, or not such a value. */
static int take(struct gen_options *o, const char *word, const char *next)
{
	for (size_t i = 0; i < ROWS; i++) {
		size_t n = strlen(rows[i].name);
		bool is_joined;

		if (strncmp(word, "--", 2) != 0 || strncmp(word + 2, rows[i].name, n) != 0)
			continue;
		is_joined = word[2 + n] == '=';
		if (word[2 + n] && !(is_joined && rows[i].value))
			continue;
		if (!rows[i].value)
			return rows[i].set(o, rows[i].at, NULL);
		if (is_joined)
			return rows[i].set(o, rows[i].at, word + 2 + n + 1);
		return next && rows[i].set(o, rows[i].at, next) ? 2 : 0;
	}
	return 0;
}

static bool is_sound(const struct gen_options *o)
{
	uint64_t parts = 0;

	for (size_t i = 0; i < GEN_MIXED; i++)
		parts += o->mix[i];
	return o->out && o->manifest && o->active > 0 && parts > 0 && parts < 1 << 20 &&
	       o->gap_ns >= 1000 && o->payload > 0 && o->payload <= GEN_PAYLOAD_MAX &&
	       (!o->answer || o->payload >= GEN_ANSWER_LEAST);
}

bool gen_options_parse(int argc, char **argv, struct gen_options *o)
{
	memset(o, 0, sizeof(*o));
	o->seed = 1;
	set_shape(o, 0, "plain");
	for (int i = 1, n; i < argc; i += n) {
		n = take(o, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
		if (n == 0) {
			fprintf(stderr, "gen_capture: %s: not understood\n", argv[i]);
			return usage();
		}
	}
	return is_sound(o) || usage();
}
