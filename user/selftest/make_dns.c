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
