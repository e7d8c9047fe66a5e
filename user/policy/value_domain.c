/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: a domain from a person's text to canonical text. What is written in another script
 * becomes A-labels; what would reach a whole public suffix is refused unless it is meant. Both by
 * value_world.c.
 *
 * Standard: RFC 1035 2.3.4 (lengths).
 */
#include "dpi/name.h"
#include "policy/value.h"

#include <errno.h>
#include <stdio.h>

/* A name as most are written, ASCII without a dot at the end, into out, ended by NUL. Returns its
 * length, or 0 where a closer look is needed. */
static size_t plain_name(struct slice name, char *out)
{
	size_t label = 0;

	if (name.len > DOMAIN_MAX)
		return 0;
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = dpi_lower(name.at[i]);

		if (c == '.' ? label == 0 : (!name_is_host_byte(c) || label == NAME_LABEL_MAX))
			return 0;
		label = c == '.' ? 0 : label + 1;
		out[i] = (char)c;
	}
	out[name.len] = '\0';
	return label ? name.len : 0;
}

/* The name in canonical text: A-labels, lower case, no dot at the end. Returns its length, or
 * -EINVAL, or -ENOMEM. */
static int canonical_name(struct slice value, struct slice name, char *out, struct fault *f)
{
	char ascii[VALUE_MAX + 1], shown[VALUE_SHOW_MAX];
	bool is_ascii = true;
	int err;

	for (size_t i = 0; i < name.len; i++)
		is_ascii &= name.at[i] < 0x80;
	if (!is_ascii && !memchr(name.at, 0, name.len)) {
		err = value_to_a_labels(name, ascii, f);
		if (err)
			return err;
		name = slice_text(ascii);
	}
	if (name.len && name.at[name.len - 1] == '.')
		name.len--;
	if (!name.len || name.len > DOMAIN_MAX)
		return fault_set(f, -EINVAL,
				 "'%s' is empty or longer than %d bytes: write a name such as "
				 "example.com, *.example.com or =example.com",
				 value_show(value, shown), DOMAIN_MAX);
	if (!plain_name(name, out))
		return fault_set(
			f, -EINVAL,
			"'%s' is not a domain name (letters, digits, '-' and '_' in labels of "
			"1 to 63 bytes): write example.com, *.example.com or =example.com",
			value_show(value, shown));
	return (int)name.len;
}

int value_name(struct slice name, char out[VALUE_MAX + 1], struct fault *f)
{
	int len = (int)plain_name(name, out);

	return len ? len : canonical_name(name, name, out, f);
}

int value_read_domain(union draft *d, struct slice value, const struct rule_apps *apps,
		      struct fault *f)
{
	struct slice rest = value;
	struct dpi_addr addr;
	char *name;
	int len;

	d->rule.is_exact = value_take_word(&rest, "=");
	if (!d->rule.is_exact)
		value_take_word(&rest, "*.");
	d->rule.value[0] = '=';
	name = d->rule.value + d->rule.is_exact;
	len = (int)plain_name(rest, name);
	if (!len)
		len = canonical_name(value, rest, name, f);
	if (len < 0)
		return len;
	if (name[len - 1] <= '9' && !addr_parse(slice_of(name, (size_t)len), &addr))
		return fault_set(f, -EINVAL, "'%s' is an address: use an ip rule for it", name);
	return 0;
}

int value_check_suffix(const struct rule *rule, unsigned options, struct fault *f)
{
	char name[DOMAIN_MAX + 1] = "";

	if (rule->kind != RULE_DOMAIN || rule->is_exact || (options & RULES_FORCE))
		return 0;
	snprintf(name, sizeof(name), "%.*s", (int)rule_subject(rule).len,
		 (const char *)rule_subject(rule).at);
	if (!value_is_public_suffix(name))
		return 0;
	if (!strchr(name, '.'))
		return fault_set(f, -EINVAL,
				 "%s is a public suffix or a name of one label: it would %s every "
				 "site below it; for an application use an app rule, for this "
				 "name alone =%s; add --force if all is meant",
				 name, rule->is_allow ? "allow" : "block", name);
	return fault_set(f, -EINVAL,
			 "%s is a public suffix: it would %s every site below it; add --force if "
			 "that is meant",
			 name, rule->is_allow ? "allow" : "block");
}
