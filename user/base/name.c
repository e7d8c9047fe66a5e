/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room base: domain names by value, and the words for the protocols they come from.
 *
 * Standards: RFC 1035 2.3.4 (lengths), RFC 4343 (case), RFC 8552 (underscore).
 */
#include "base/name.h"

#include "dpi/name.h"

struct proto_words {
	const char *name, *source;
};

static const struct proto_words proto_words[PROTO_MAX] = {
	[PROTO_TLS] = {"TLS", "tls"},	 [PROTO_HTTP] = {"HTTP", "http"},
	[PROTO_DNS] = {"DNS", "dns"},	 [PROTO_QUIC] = {"QUIC", "quic"},
	[PROTO_MDNS] = {"mDNS", "mdns"}, [PROTO_LLMNR] = {"LLMNR", "llmnr"},
};

const char *proto_name(enum app_proto p)
{
	return (unsigned)p < PROTO_MAX ? proto_words[p].name : NULL;
}

const char *proto_source(enum app_proto p)
{
	return (unsigned)p < PROTO_MAX ? proto_words[p].source : NULL;
}

bool name_set(struct name *out, struct slice from)
{
	if (from.len && from.at[from.len - 1] == '.')
		from.len--;
	if (!from.len || from.len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < from.len; i++)
		out->text[i] = (char)dpi_lower(from.at[i]);
	out->text[from.len] = '\0';
	out->len = (uint8_t)from.len;
	return true;
}

static bool is_host_byte(uint8_t c)
{
	c = dpi_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool name_is_host(struct slice name)
{
	size_t label = 0;

	for (size_t i = 0; i < name.len; i++) {
		if (name.at[i] != '.') {
			if (!is_host_byte(name.at[i]) || ++label > 63)
				return false;
		} else if (label == 0) {
			return false;
		} else {
			label = 0;
		}
	}
	return label > 0;
}
