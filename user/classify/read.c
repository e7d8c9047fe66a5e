/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room classify: the text of a catalogue. inih takes the lines apart; the reader it is given counts
 * them, so that a fault names one. What belongs to one application already, whichever text it came
 * from, cannot become another's.
 */
#include "classify/build.h"
#include "base/text.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* A text on its way into a catalogue. */
struct reading {
	struct catalogue *c;
	const char *name;
	struct slice rest;
	size_t line;
	char section[APP_NAME_MAX + 2];
	int app;
	int err; /* the first fault's; then nothing more is taken */
	size_t err_line;
	struct fault *fault;
};

/* Keeps the first fault, with its place. Returns 0, which is how a handler tells inih. */
static int refuse(struct reading *r, int err, const struct fault *inner)
{
	if (r->err)
		return 0;
	r->err = fault_set(r->fault, err, "%s:%zu: %s", r->name, r->line, inner->text);
	r->err_line = r->line;
	return 0;
}

/* A line for inih: at most size - 1 bytes, with its line end. Longer lines are a fault. */
static char *next_line(char *out, int size, void *stream)
{
	struct reading *r = stream;
	const uint8_t *end;
	struct fault fault;
	size_t len;

	if (!r->rest.len || r->err)
		return NULL;
	r->line++;
	end = memchr(r->rest.at, '\n', r->rest.len);
	len = end ? (size_t)(end - r->rest.at) + 1 : r->rest.len;
	if (len >= (size_t)size || memchr(r->rest.at, 0, len)) {
		fault_set(&fault, 0, "the line is longer than %d bytes or not text: break it up",
			  size - 2);
		refuse(r, -EINVAL, &fault);
		return NULL;
	}
	memcpy(out, r->rest.at, len);
	out[len] = '\0';
	r->rest = slice_from(r->rest, len);
	return out;
}

/* A name people can type, write in a rules file and read in a report. */
static bool is_call(const char *text)
{
	size_t len = strlen(text), words = 1;

	if (!len || len > APP_NAME_MAX || text[0] == ' ' || text[len - 1] == ' ')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < 0x20 || text[i] > 0x7e || strchr("#,[]", text[i]))
			return false;
		if (text[i] == ' ' && (text[i - 1] == ' ' || ++words > APP_WORDS_MAX))
			return false;
	}
	return true;
}

static int refuse_owned(struct reading *r, int err, const char *what, const char *text, int owner)
{
	struct fault fault;

	if (err == -EEXIST)
		fault_set(&fault, 0, "%s %s belongs to %s already, %s cannot have it: take it out",
			  what, text, catalogue_name(r->c, owner), catalogue_name(r->c, r->app));
	else
		fault_set(&fault, 0, "no room for %s %s: take some out", what, text);
	return refuse(r, err == -EEXIST ? -EINVAL : err, &fault);
}

/* Each key has one taker. Returns 1, or 0 when the value was refused (inih's way round). */
static int take_category(struct reading *r, char *value)
{
	struct fault fault;

	if (!is_call(value)) {
		fault_set(&fault, 0, "a category is a word such as social or gaming");
		return refuse(r, -EINVAL, &fault);
	}
	return catalogue_set_category(r->c, r->app, value) == 0 ||
	       refuse_owned(r, -ENOMEM, "category", value, 0);
}

static int take_alias(struct reading *r, char *value)
{
	struct fault fault;
	int err, owner;

	if (!is_call(value)) {
		fault_set(&fault, 0,
			  "an alias has 1 to %d printable bytes and none of # , [ ]: one a line",
			  APP_NAME_MAX);
		return refuse(r, -EINVAL, &fault);
	}
	err = catalogue_add_call(r->c, r->app, value, &owner);
	return err ? refuse_owned(r, err, "alias", value, owner) : 1;
}

/* A name with all below it, by the function that puts it where it belongs. */
static int take_suffix(struct reading *r, const char *word, const char *what,
		       int (*add)(struct catalogue *c, int app, struct slice suffix, int *owner))
{
	const char *from = strncmp(word, "*.", 2) == 0 ? word + 2 : word;
	struct fault fault;
	struct name name;
	int err, owner;

	if (!name_set(&name, slice_text(from)) || !name_is_host(name_slice(&name)) ||
	    !strchr(name.text, '.')) {
		fault_set(&fault, 0,
			  "'%s' is not a domain of at least two labels: write it as example.com, "
			  "non-ASCII names in their xn-- form",
			  word);
		return refuse(r, -EINVAL, &fault);
	}
	err = add(r->c, r->app, name_slice(&name), &owner);
	return err ? refuse_owned(r, err, what, name.text, owner) : 1;
}

static int take_domain(struct reading *r, char *value)
{
	char *state = NULL;

	for (char *word = strtok_r(value, " \t", &state); word;
	     word = strtok_r(NULL, " \t", &state))
		if (!take_suffix(r, word, "domain", catalogue_add_suffix))
			return 0;
	return 1;
}

static int take_resolver(struct reading *r, char *value)
{
	char *state = NULL;

	for (char *word = strtok_r(value, " \t", &state); word;
	     word = strtok_r(NULL, " \t", &state))
		if (!take_suffix(r, word, "resolver", catalogue_add_resolver))
			return 0;
	return 1;
}

static int take_sign(struct reading *r, char *value)
{
	static const char *const words[SIGNS] = {
		[SIGN_ECH] = "ech", [SIGN_NO_NAME] = "no-name", [SIGN_DOH] = "doh",
		[SIGN_DOT] = "dot", [SIGN_DOQ] = "doq",
	};
	struct fault fault;
	int err, owner;

	for (int sign = 0; sign < SIGNS; sign++) {
		if (strcasecmp(value, words[sign]) != 0)
			continue;
		err = catalogue_add_sign(r->c, r->app, (enum catalogue_sign)sign, &owner);
		return err ? refuse_owned(r, err, "sign", value, owner) : 1;
	}
	fault_set(&fault, 0, "a sign is one of ech, no-name, doh, dot, doq");
	return refuse(r, -EINVAL, &fault);
}

/* "TLS", or "TLS/443" for one port of the responder. */
static int take_protocol(struct reading *r, char *value)
{
	char *slash = strchr(value, '/'), *end = NULL;
	unsigned long port = 0;
	struct fault fault;
	int err, owner;

	if (slash) {
		*slash = '\0';
		port = strtoul(slash + 1, &end, 10);
	}
	for (int p = PROTO_NONE + 1; p < PROTO_MAX; p++) {
		if (p == PROTO_LEARNT || strcasecmp(value, proto_name((enum app_proto)p)) != 0)
			continue;
		if (slash && (*end || slash[1] < '1' || slash[1] > '9' || port > 65535))
			break;
		err = catalogue_add_protocol(r->c, r->app, (enum app_proto)p, (uint16_t)port,
					     &owner);
		return err ? refuse_owned(r, err, "protocol", value, owner) : 1;
	}
	fault_set(&fault, 0, "a protocol is one such as TLS, DNS or QUIC, or TLS/443 for one port");
	return refuse(r, -EINVAL, &fault);
}

static const struct key {
	const char *name;
	int (*take)(struct reading *r, char *value);
} keys[] = {
	{"category", take_category}, {"alias", take_alias}, {"domain", take_domain},
	{"protocol", take_protocol}, {"sign", take_sign},   {"resolver", take_resolver},
};

/* Finds or adds the application of a section. */
static int enter_section(struct reading *r, const char *section)
{
	struct fault fault;
	int app;

	if (!is_call(section) || strcasecmp(section, "Unknown") == 0) {
		fault_set(&fault, 0,
			  "'%s' cannot name an application: 1 to %d printable bytes in brackets, "
			  "none of # , [ ]",
			  section, APP_NAME_MAX);
		return refuse(r, -EINVAL, &fault);
	}
	app = catalogue_find(r->c, slice_text(section));
	if (app == APP_UNKNOWN)
		app = catalogue_add_app(r->c, section);
	if (app < 0) {
		fault_set(&fault, 0, "no room for application %s: take some out", section);
		return refuse(r, app, &fault);
	}
	snprintf(r->section, sizeof(r->section), "%s", section);
	r->app = app;
	return 1;
}

/* One key and value, from inih. "value # comment" is a value and a comment. */
static int take_pair(void *user, const char *section, const char *key, const char *value)
{
	struct reading *r = user;
	struct fault fault;
	struct text copy = {0};
	const char *hash = strstr(value, " #");
	size_t len = hash ? (size_t)(hash - value) : strlen(value);
	int ok = 0;

	if (r->err ||
	    ((!r->section[0] || strcmp(section, r->section) != 0) && !enter_section(r, section)))
		return 0;
	while (len && (value[len - 1] == ' ' || value[len - 1] == '\t'))
		len--;
	text_add(&copy, value, len);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (copy.failed || strcmp(key, keys[i].name) != 0)
			continue;
		ok = keys[i].take(r, copy.at);
		text_clear(&copy);
		return ok;
	}
	text_clear(&copy);
	fault_set(
		&fault, 0,
		"there is no key '%.40s': use category, alias, domain, protocol, sign or resolver",
		key);
	return refuse(r, -EINVAL, &fault);
}

int catalogue_read(struct catalogue *c, struct slice text, const char *name, struct fault *f)
{
	struct reading r = {.c = c, .name = name, .rest = text, .fault = f};
	int line = ini_parse_stream(next_line, &r, take_pair, &r);

	if (line == -2)
		return fault_set(f, -ENOMEM, "%s: out of memory", name);
	/* inih's own fault, of a line that reached no handler, may lie above what follows from it.
	 */
	if (line > 0 && (!r.err || (size_t)line < r.err_line))
		return fault_set(f, -EINVAL,
				 "%s:%d: neither `key = value` nor an [Application] in brackets: "
				 "correct it",
				 name, line);
	return r.err;
}
