/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * DNS questions, made up; see make_dns.h. Room: selftest.
 */
#include "selftest/make_dns.h"

#include <string.h>

size_t make_dns_name(uint8_t *at, const char *name)
{
	size_t n = 0;

	while (*name) {
		size_t label = strcspn(name, ".");

		at[n++] = (uint8_t)label;
		memcpy(at + n, name, label);
		n += label;
		name += label + (name[label] == '.');
	}
	at[n++] = 0;
	return n;
}

size_t make_dns_question(uint8_t *at, const char *name, uint16_t id, uint32_t type)
{
	size_t n = 12;

	memset(at, 0, n);
	bytes_put16(at, id);
	at[2] = 1; /* recursion desired */
	at[5] = 1;
	n += make_dns_name(at + n, name);
	bytes_put16(at + n, type);
	bytes_put16(at + n + 2, 1);
	return n + 4;
}

size_t make_dns_padding(uint8_t *message, size_t len, size_t padding)
{
	static const uint8_t head[] = {0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0};
	uint8_t *at = message + len;

	message[11]++;
	memcpy(at, head, sizeof(head));
	bytes_put16(at + 9, padding + 4);
	bytes_put16(at + 13, padding);
	memset(at + sizeof(head), 0, padding);
	return sizeof(head) + padding;
}
