/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: one value of a rule from a person's text to canonical text and fields. Each kind has
 * one reader; each refusal names the fault and the next step. It must never change a set of rules.
 *
 * Standards: RFC 1035 2.3.4 (lengths), RFC 5890 and UTS 46 non-transitional (A-labels, by libidn2),
 * the Public Suffix List (by libpsl), RFC 4632 and RFC 5952 (addresses).
 */
#include "policy/value.h"
#include "dpi/name.h"

#include <errno.h>
#include <idn2.h>
#include <libpsl.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const kind_names[RULE_KINDS] = {
	[RULE_IP] = "ip",
	[RULE_PORT] = "port",
	[RULE_APP] = "app",
	[RULE_DOMAIN] = "domain",
};

const char *rule_kind_name(enum rule_kind k)
{
	return (unsigned)k < RULE_KINDS ? kind_names[k] : NULL;
}

void rule_label(const struct rule *r, char *out, size_t size)
{
	snprintf(out, size, "%s%s:%s", r->is_allow ? "allow-" : "", kind_names[r->kind], r->value);
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

/* Takes a word off the front, in any case. */
static bool take_word(struct slice *s, const char *word)
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

static int read_ip(struct draft *d, struct slice value, const struct rule_apps *apps,
		   unsigned options, struct fault *f)
{
	enum rule_side side = RULE_SIDE_ANY;
	char shown[VALUE_SHOW_MAX], addr_text[ADDR_TEXT_MAX], length[8] = "";
	struct slice rest = value;
	struct dpi_addr addr;
	uint8_t bits;

	if (take_word(&rest, side_words[RULE_SIDE_SRC]))
		side = RULE_SIDE_SRC;
	else if (take_word(&rest, side_words[RULE_SIDE_DST]))
		side = RULE_SIDE_DST;
	if (addr_parse_net(rest, &addr, &bits))
		return fault_set(
			f, -EINVAL,
			"'%s' is not an address: write ADDR or ADDR/LEN, such as 10.0.0.7, "
			"192.168.1.0/24, 2001:db8::/32 or src:10.0.0.7",
			value_show(value, shown));
	d->rule.ip.addr = addr;
	d->rule.ip.bits = bits;
	d->rule.ip.side = side;
	if (bits < 128)
		snprintf(length, sizeof(length), "/%d", dpi_addr_is4(&addr) ? bits - 96 : bits);
	snprintf(d->text, sizeof(d->text), "%s%s%s", side_words[side],
		 addr_format(&addr, addr_text), length);
	return 0;
}

static const struct {
	const char *word;
	uint8_t proto;
} port_protocols[] = {{"", 0}, {"/tcp", DPI_IP_TCP}, {"/udp", DPI_IP_UDP}};

static int read_port(struct draft *d, struct slice value, const struct rule_apps *apps,
		     unsigned options, struct fault *f)
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

		if (port < 1 || port > 65535 || !take_word(&word, port_protocols[i].word) ||
		    word.len)
			continue;
		d->rule.port.port = (uint16_t)port;
		d->rule.port.proto = port_protocols[i].proto;
		snprintf(d->text, sizeof(d->text), "%u%s", port, port_protocols[i].word);
		return 0;
	}
	return fault_set(f, -EINVAL,
			 "'%s' is not a port: write a number from 1 to 65535, with /tcp or /udp if "
			 "only one is meant",
			 value_show(value, shown));
}

static int read_app(struct draft *d, struct slice value, const struct rule_apps *apps,
		    unsigned options, struct fault *f)
{
	struct fault nearest = {""};
	char shown[VALUE_SHOW_MAX];
	const char *name = NULL;

	if (apps && apps->resolve)
		name = apps->resolve(apps->ctx, value, &nearest);
	if (name && strlen(name) <= VALUE_MAX) {
		strcpy(d->text, name);
		return 0;
	}
	value_show(value, shown);
	if (!nearest.text[0])
		return fault_set(f, -EINVAL,
				 "'%s' is no known application: `dpi-xdp apps` lists them", shown);
	return fault_set(f, -EINVAL,
			 "'%s' is no known application: did you mean %s? `dpi-xdp apps` lists them",
			 shown, nearest.text);
}

/* A name with other than ASCII in it, as A-labels. len < 4 KiB. Returns 0 or -EINVAL. */
static int to_a_labels(struct slice name, char out[VALUE_MAX + 1], struct fault *f)
{
	char shown[VALUE_SHOW_MAX];
	uint8_t *ascii = NULL;
	char *text = strndup((const char *)name.at, name.len);
	int rc;

	if (!text)
		return fault_set(f, -ENOMEM, "out of memory");
	rc = idn2_lookup_u8((const uint8_t *)text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	free(text);
	if (rc != IDN2_OK)
		return fault_set(f, -EINVAL,
				 "'%s' is not an internationalised name (%s): write UTF-8, or the "
				 "xn-- form",
				 value_show(name, shown), idn2_strerror(rc));
	snprintf(out, VALUE_MAX + 1, "%s", (char *)ascii);
	idn2_free(ascii);
	return 0;
}

/* The name in canonical text: A-labels, lower case, no dot at the end. */
static int canonical_name(struct slice value, struct slice name, struct name *out, struct fault *f)
{
	char ascii[VALUE_MAX + 1], shown[VALUE_SHOW_MAX];
	bool is_ascii = true;
	int err;

	for (size_t i = 0; i < name.len; i++)
		is_ascii &= name.at[i] < 0x80;
	if (!is_ascii && !memchr(name.at, 0, name.len)) {
		err = to_a_labels(name, ascii, f);
		if (err)
			return err;
		name = slice_text(ascii);
	}
	if (!name_set(out, name) || out->len > DOMAIN_MAX)
		return fault_set(f, -EINVAL,
				 "'%s' is empty or longer than %d bytes: write a name such as "
				 "example.com, *.example.com or =example.com",
				 value_show(value, shown), DOMAIN_MAX);
	if (!name_is_host(name_slice(out)))
		return fault_set(
			f, -EINVAL,
			"'%s' is not a domain name (letters, digits, '-' and '_' in labels of "
			"1 to 63 bytes): write example.com, *.example.com or =example.com",
			value_show(value, shown));
	return 0;
}

static int read_domain(struct draft *d, struct slice value, const struct rule_apps *apps,
		       unsigned options, struct fault *f)
{
	struct slice rest = value;
	struct dpi_addr addr;
	struct name name;
	int err;

	d->rule.is_exact = take_word(&rest, "=");
	if (!d->rule.is_exact)
		take_word(&rest, "*.");
	err = canonical_name(value, rest, &name, f);
	if (err)
		return err;
	if (name.text[name.len - 1] <= '9' && !addr_parse(name_slice(&name), &addr))
		return fault_set(f, -EINVAL, "'%s' is an address: use an ip rule for it",
				 name.text);
	if (!d->rule.is_exact && !(options & RULES_FORCE) &&
	    psl_is_public_suffix(psl_builtin(), name.text))
		return fault_set(f, -EINVAL,
				 "%s is a public suffix: it would %s every site below it; add "
				 "--force if that is meant",
				 name.text, d->rule.is_allow ? "allow" : "block");
	d->text[0] = '=';
	memcpy(d->text + d->rule.is_exact, name.text, name.len + 1U);
	return 0;
}

static int (*const readers[RULE_KINDS])(struct draft *d, struct slice value,
					const struct rule_apps *apps, unsigned options,
					struct fault *f) = {
	[RULE_IP] = read_ip,
	[RULE_PORT] = read_port,
	[RULE_APP] = read_app,
	[RULE_DOMAIN] = read_domain,
};

int value_read(struct draft *d, enum rule_kind kind, bool is_allow, struct slice value,
	       const struct rule_apps *apps, unsigned options, struct fault *f)
{
	int err;

	if ((unsigned)kind >= RULE_KINDS)
		return fault_set(f, -EINVAL, "there is no such kind of rule");
	memset(&d->rule, 0, sizeof(d->rule));
	d->rule.kind = kind;
	d->rule.is_allow = is_allow;
	err = readers[kind](d, value, apps, options, f);
	if (err)
		return err;
	d->rule.value = d->text;
	d->rule.id = value_id(kind, is_allow, d->text);
	return 0;
}
