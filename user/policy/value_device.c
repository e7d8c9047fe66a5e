/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: the words that name a device, behind the value of a rule ("TikTok device tablet")
 * and under [DEVICES] ("tablet aa:bb:cc:dd:ee:ff 192.168.1.50"). A device is an address, a network,
 * a hardware address, or a name that stands for some of them.
 *
 * Standards: IEEE 802-2014 8.2 (hardware addresses as text).
 */
#include "policy/value.h"
#include "dpi/name.h"

#include <errno.h>
#include <stdio.h>

enum { NAME_BYTES_MAX = 40, MAC_TEXT_LEN = 17, IP6_BITS_MIN = 8, IP4_BITS = 96 };

static int hex_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = dpi_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Six pairs of digits with ':' or '-' between them. */
static bool read_mac(struct slice word, struct device_word *out)
{
	if (word.len != MAC_TEXT_LEN)
		return false;
	for (size_t i = 0; i < MAC_TEXT_LEN; i += 3) {
		int high = hex_of(word.at[i]), low = hex_of(word.at[i + 1]);

		if (high < 0 || low < 0 || (i && word.at[i - 1] != ':' && word.at[i - 1] != '-'))
			return false;
		out->mac[i / 3] = (uint8_t)(high << 4 | low);
	}
	out->form = DEVICE_MAC;
	snprintf(out->text, sizeof(out->text), "%02x:%02x:%02x:%02x:%02x:%02x", out->mac[0],
		 out->mac[1], out->mac[2], out->mac[3], out->mac[4], out->mac[5]);
	return true;
}

/* A wide network of IPv6 would hold the mapped addresses of IPv4, which it does not mean. */
static bool is_too_wide(const struct device_word *d)
{
	return d->bits < IP6_BITS_MIN || (d->bits < IP4_BITS && !d->addr.d[0]);
}

static bool read_net(struct slice word, struct device_word *out)
{
	char text[ADDR_TEXT_MAX], length[8] = "";

	if (addr_parse_net(word, &out->addr, &out->bits) || is_too_wide(out))
		return false;
	out->form = DEVICE_NET;
	if (out->bits < 128)
		snprintf(length, sizeof(length), "/%d",
			 dpi_addr_is4(&out->addr) ? out->bits - IP4_BITS : out->bits);
	snprintf(out->text, sizeof(out->text), "%s%s", addr_format(&out->addr, text), length);
	return true;
}

/* A letter, then letters, digits, '-', '_' and '.'; and nothing that could be hours. */
static bool read_name(struct slice word, struct device_word *out)
{
	if (!word.len || word.len > NAME_BYTES_MAX || when_begins(word))
		return false;
	for (size_t i = 0; i < word.len; i++) {
		uint8_t c = dpi_lower(word.at[i]);
		bool is_letter = c >= 'a' && c <= 'z';

		if (!is_letter && (i == 0 || !((c >= '0' && c <= '9') || memchr("-_.", c, 3))))
			return false;
		out->text[i] = (char)c;
	}
	out->text[word.len] = '\0';
	out->form = DEVICE_NAME;
	return true;
}

int value_read_device(struct slice word, struct device_word *out, struct fault *f)
{
	char shown[VALUE_SHOW_MAX];

	if (read_mac(word, out) || read_net(word, out) || read_name(word, out))
		return 0;
	return fault_set(f, -EINVAL,
			 "'%s' is no device: write an address (192.168.1.50), a network "
			 "(192.168.1.0/28), a hardware address (aa:bb:cc:dd:ee:ff), or the name of "
			 "one that `dpi-xdp device add` was told",
			 value_show(word, shown));
}

uint64_t rule_device_id(struct slice word)
{
	char text[DEVICE_WORD_MAX];

	if (!word.len)
		return 0;
	snprintf(text, sizeof(text), "%.*s", (int)word.len, (const char *)word.at);
	return value_id(RULE_DEVICE, false, text);
}

struct slice rule_device(const struct rule *r)
{
	return slice_of(r->value + strlen(r->value) - r->device_len, r->device_len);
}

struct slice rule_device_name(const struct rule *r)
{
	return slice_of(r->value, r->device.name_len);
}

struct slice rule_device_addrs(const struct rule *r)
{
	return slice_from(slice_text(r->value), r->device.name_len + 1);
}

/* Takes the last word off the end, with the blanks around it. */
static struct slice take_last_word(struct slice *s)
{
	struct slice word;
	size_t at;

	while (s->len && s->at[s->len - 1] <= ' ')
		s->len--;
	for (at = s->len; at && s->at[at - 1] > ' ';)
		at--;
	word = slice_from(*s, at);
	s->len = at;
	while (s->len && s->at[s->len - 1] <= ' ')
		s->len--;
	return word;
}

struct slice value_part_device(struct slice *value, enum rule_kind kind)
{
	struct slice front = *value, word = take_last_word(&front), mark = take_last_word(&front);

	/* The words of these are their own. */
	if (kind == RULE_LIST || kind == RULE_DEVICE || !front.len ||
	    !value_take_word(&mark, "device") || mark.len)
		return slice_of("", 0);
	*value = front;
	return word;
}

int value_add_device(struct rule *r, struct slice word, struct fault *f)
{
	struct device_word d;
	int err;

	if (r->kind != RULE_APP && r->kind != RULE_DOMAIN)
		return fault_set(f, -EINVAL,
				 "only rules of applications and domains can be of one device; for "
				 "all that an address does there is `block-ip`");
	err = value_read_device(word, &d, f);
	if (err)
		return err;
	strcat(strcat(r->value, VALUE_DEVICE), d.text);
	r->device_len = (uint8_t)strlen(d.text);
	return 0;
}

static int refuse_full(struct fault *f)
{
	return fault_set(f, -EINVAL,
			 "a device has at most %d bytes of addresses: give it a network instead",
			 VALUE_MAX);
}

int value_read_definition(union draft *d, struct slice value, const struct rule_apps *apps,
			  struct fault *f)
{
	struct slice word = value_next_word(&value);
	struct device_word name, addr;
	size_t len;
	int err;

	if (d->rule.is_allow)
		return fault_set(f, -EINVAL, "a device is neither blocked nor allowed by itself");
	if (value_read_device(word, &name, NULL) || name.form != DEVICE_NAME)
		return fault_set(f, -EINVAL,
				 "a device needs a name before its addresses: a letter, then up to "
				 "%d letters, digits, '-', '_' and '.'",
				 NAME_BYTES_MAX - 1);
	d->rule.device.name_len = (uint8_t)strlen(name.text);
	len = (size_t)sprintf(d->rule.value, "%s", name.text);
	while ((word = value_next_word(&value)).len) {
		err = value_read_device(word, &addr, f);
		if (err)
			return err;
		if (addr.form == DEVICE_NAME)
			return fault_set(f, -EINVAL,
					 "'%s' is no address of %s: write 192.168.1.50, "
					 "192.168.1.0/28 or aa:bb:cc:dd:ee:ff",
					 addr.text, name.text);
		if (len + 1 + strlen(addr.text) > VALUE_MAX)
			return refuse_full(f);
		len += (size_t)sprintf(d->rule.value + len, " %s", addr.text);
	}
	if (len == d->rule.device.name_len)
		return fault_set(f, -EINVAL,
				 "%s has no address: write its hardware address, or its addresses "
				 "and networks, behind the name",
				 name.text);
	return 0;
}
