/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: one value of a rule from a person's text to canonical text and fields. Each kind has
 * one reader; each refusal names the fault and the next step. It must never change a set of rules.
 *
 * Standards: RFC 4632 and RFC 5952 (addresses).
 */
#include "policy/value.h"
#include "dpi/name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { APP_WORDS_MAX = 6 /* of one application's name */ };

/* What may stand before a value. */
#define LEARNT	 "learnt:"
#define CATEGORY "category:"
_Static_assert(sizeof(LEARNT CATEGORY) + DOMAIN_MAX <= VALUE_MAX + 1, "the longest fits a draft");

static const char *const kind_names[RULE_KINDS] = {
	[RULE_IP] = "ip",	  [RULE_PORT] = "port", [RULE_APP] = "app",
	[RULE_DOMAIN] = "domain", [RULE_LIST] = "list", [RULE_DEVICE] = "device",
};

const char *rule_kind_name(enum rule_kind k)
{
	return (unsigned)k < RULE_KINDS ? kind_names[k] : NULL;
}

void rule_label(const struct rule *r, char *out, size_t size)
{
	int len = VALUE_MAX;

	if (r->kind == RULE_LIST)
		len = r->list.name_len;
	else if (r->kind == RULE_DEVICE)
		len = r->device.name_len;
	snprintf(out, size, "%s%s:%.*s", r->is_allow ? "allow-" : "", kind_names[r->kind], len,
		 r->value);
}

struct slice rule_subject(const struct rule *r)
{
	struct slice s = slice_text(r->value + (r->is_learnt ? strlen(LEARNT) : 0) +
				    (r->is_category ? strlen(CATEGORY) : 0) + r->is_exact);

	if (r->device_len)
		s.len -= strlen(VALUE_DEVICE) + r->device_len;
	return s;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 0x100000001b3ULL;
	return hash;
}

uint64_t value_id(enum rule_kind kind, bool is_allow, const char *value)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	hash = hash_text(hash, is_allow ? "allow-" : "");
	hash = hash_text(hash, kind_names[kind]);
	hash = hash_text(hash, ":");
	hash = hash_text(hash, value);
	return hash ? hash : 1;
}

const char *value_show(struct slice value, char out[VALUE_SHOW_MAX])
{
	size_t at = 0;

	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = value.at[i];

		if (at + 8 > VALUE_SHOW_MAX) {
			memcpy(out + at, "...", 3);
			at += 3;
			break;
		}
		if (c >= 0x20 && c <= 0x7e)
			out[at++] = (char)c;
		else
			at += (size_t)sprintf(out + at, "\\x%02x", c);
	}
	out[at] = '\0';
	return out;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct slice value_next_word(struct slice *rest)
{
	struct slice word;

	while (rest->len && is_space(rest->at[0]))
		*rest = slice_from(*rest, 1);
	word = slice_of(rest->at, 0);
	while (word.len < rest->len && !is_space(rest->at[word.len]))
		word.len++;
	*rest = slice_from(*rest, word.len);
	return word;
}

bool value_take_word(struct slice *s, const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i < len; i++)
		if (i >= s->len || dpi_lower(s->at[i]) != (uint8_t)word[i])
			return false;
	*s = slice_from(*s, len);
	return true;
}

static const char *const side_words[] = {
	[RULE_SIDE_ANY] = "",
	[RULE_SIDE_SRC] = "src:",
	[RULE_SIDE_DST] = "dst:",
};

static int read_ip(union draft *d, struct slice value, const struct rule_apps *apps,
		   struct fault *f)
{
	enum rule_side side = RULE_SIDE_ANY;
	char shown[VALUE_SHOW_MAX], addr_text[ADDR_TEXT_MAX], length[8] = "";
	struct slice rest = value;
	struct dpi_addr addr;
	uint8_t bits;

	if (value_take_word(&rest, side_words[RULE_SIDE_SRC]))
		side = RULE_SIDE_SRC;
	else if (value_take_word(&rest, side_words[RULE_SIDE_DST]))
		side = RULE_SIDE_DST;
	if (addr_parse_net(rest, &addr, &bits))
		return fault_set(
			f, -EINVAL,
			"'%s' is not an address: write ADDR or ADDR/LEN, such as 10.0.0.7, "
			"192.168.1.0/24, 2001:db8::/32 or src:10.0.0.7",
			value_show(value, shown));
	d->rule.ip.bits = bits;
	d->rule.ip.side = (uint8_t)side;
	if (bits < 128)
		snprintf(length, sizeof(length), "/%d", dpi_addr_is4(&addr) ? bits - 96 : bits);
	snprintf(d->rule.value, VALUE_MAX + 1, "%s%s%s", side_words[side],
		 addr_format(&addr, addr_text), length);
	return 0;
}

struct dpi_addr rule_addr(const struct rule *r)
{
	struct slice text = slice_text(r->value);
	struct dpi_addr addr = {0};
	uint8_t bits;

	value_take_word(&text, side_words[r->ip.side]);
	addr_parse_net(text, &addr, &bits);
	return addr;
}

static const struct {
	const char *word;
	uint8_t proto;
} port_protocols[] = {{"", 0}, {"/tcp", DPI_IP_TCP}, {"/udp", DPI_IP_UDP}};

static int read_port(union draft *d, struct slice value, const struct rule_apps *apps,
		     struct fault *f)
{
	struct slice rest = value;
	char shown[VALUE_SHOW_MAX];
	unsigned port = 0;

	if (d->rule.is_allow)
		return fault_set(f, -EINVAL,
				 "a port cannot be allowed: allow the address, the domain or the "
				 "application instead");
	while (rest.len && rest.at[0] >= '0' && rest.at[0] <= '9' && port <= 65535) {
		port = port * 10 + (rest.at[0] - '0');
		rest = slice_from(rest, 1);
	}
	for (size_t i = 0; i < sizeof(port_protocols) / sizeof(port_protocols[0]); i++) {
		struct slice word = rest;

		if (port < 1 || port > 65535 || !value_take_word(&word, port_protocols[i].word) ||
		    word.len)
			continue;
		d->rule.port.port = (uint16_t)port;
		d->rule.port.proto = port_protocols[i].proto;
		snprintf(d->rule.value, VALUE_MAX + 1, "%u%s", port, port_protocols[i].word);
		return 0;
	}
	return fault_set(f, -EINVAL,
			 "'%s' is not a port: write a number from 1 to 65535, with /tcp or /udp if "
			 "only one is meant",
			 value_show(value, shown));
}

/* The name that an application or a category goes by; NULL when none is called so. */
static const char *resolve(const struct rule_apps *apps, bool is_category, struct slice name,
			   struct fault *nearest)
{
	const char *(*ask)(const void *ctx, struct slice name, struct fault *nearest) = NULL;

	if (apps)
		ask = is_category ? apps->category : apps->resolve;
	return ask ? ask(apps->ctx, name, nearest) : NULL;
}

bool value_names_app(const struct rule_apps *apps, struct slice value)
{
	bool is_category;

	value_take_word(&value, LEARNT);
	is_category = value_take_word(&value, CATEGORY);
	return resolve(apps, is_category, value, NULL) != NULL;
}

struct slice value_app_name(const struct rule_apps *apps, struct slice first, struct slice rest)
{
	struct slice name = first, longest = first;

	for (int words = 1; words < APP_WORDS_MAX; words++) {
		struct slice next = value_next_word(&rest);

		if (!next.len)
			break;
		name.len = (size_t)(next.at + next.len - name.at);
		if (value_names_app(apps, name))
			longest = name;
	}
	return longest;
}

static int read_app(union draft *d, struct slice value, const struct rule_apps *apps,
		    struct fault *f)
{
	struct fault nearest = {""};
	char shown[VALUE_SHOW_MAX];
	const char *name, *what;

	d->rule.is_category = value_take_word(&value, CATEGORY);
	what = d->rule.is_category ? "category" : "application";
	name = resolve(apps, d->rule.is_category, value, &nearest);
	if (name && strlen(name) <= DOMAIN_MAX) {
		sprintf(d->rule.value, "%s%s", d->rule.is_category ? CATEGORY : "", name);
		return 0;
	}
	value_show(value, shown);
	if (!nearest.text[0])
		return fault_set(f, -EINVAL, "'%s' is no known %s: `dpi-xdp apps -v` lists them",
				 shown, what);
	return fault_set(f, -EINVAL,
			 "'%s' is no known %s: did you mean %s? `dpi-xdp apps -v` lists them",
			 shown, what, nearest.text);
}

static int (*const readers[RULE_KINDS])(union draft *d, struct slice value,
					const struct rule_apps *apps, struct fault *f) = {
	[RULE_IP] = read_ip,	       [RULE_PORT] = read_port,
	[RULE_APP] = read_app,	       [RULE_DOMAIN] = value_read_domain,
	[RULE_LIST] = value_read_list, [RULE_DEVICE] = value_read_definition,
};

/* Puts the words behind the value's NUL. */
static int read_when(union draft *d, struct slice words, struct fault *f)
{
	d->rule.is_timed = true;
	return when_canonical(words, d->rule.value + strlen(d->rule.value) + 1, f);
}

const char *rule_when(const struct rule *r)
{
	return r->is_timed ? r->value + strlen(r->value) + 1 : "";
}

const char *rule_text(const struct rule *r, char out[RULE_TEXT_MAX])
{
	snprintf(out, RULE_TEXT_MAX, "%s%s%s", r->value, r->is_timed ? "  " : "", rule_when(r));
	return out;
}

int value_read(union draft *d, enum rule_kind kind, bool is_allow, struct slice value,
	       struct slice when, const struct rule_apps *apps, struct fault *f)
{
	struct slice device;
	int err;

	if ((unsigned)kind >= RULE_KINDS)
		return fault_set(f, -EINVAL, "there is no such kind of rule");
	memset(&d->rule, 0, sizeof(d->rule));
	d->rule.kind = (uint8_t)kind;
	d->rule.is_allow = is_allow;
	device = value_part_device(&value, kind);
	if (kind == RULE_DOMAIN || kind == RULE_APP)
		d->rule.is_learnt = value_take_word(&value, LEARNT);
	err = readers[kind](d, value, apps, f);
	if (err)
		return err;
	if (d->rule.is_learnt) {
		memmove(d->rule.value + strlen(LEARNT), d->rule.value, strlen(d->rule.value) + 1);
		memcpy(d->rule.value, LEARNT, strlen(LEARNT));
	}
	err = device.len ? value_add_device(&d->rule, device, f) : 0;
	if (err)
		return err;
	if (kind == RULE_LIST)
		d->rule.id = value_list_id(is_allow, value, f);
	else if (kind == RULE_DEVICE)
		d->rule.id = rule_device_id(rule_device_name(&d->rule));
	else
		d->rule.id = value_id(kind, is_allow, d->rule.value);
	return when.len ? read_when(d, when, f) : 0;
}
