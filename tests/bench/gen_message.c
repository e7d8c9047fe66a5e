/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * HTTP requests and answers (RFC 9112), DNS questions and answers (RFC 1035), and which addresses a
 * name has, so that flows go where answers said.
 */
#include "gen_flow.h"

#include <stdio.h>
#include <string.h>

enum { REQUEST_MAX = 1024, HEAD_MAX = 512, CNAME = 5, AAAA = 28, TTL = 300 };

size_t gen_http_request(uint8_t *at, const char *host, bool is_long, size_t *name_end)
{
	char *text = (char *)at;
	int n = snprintf(text, REQUEST_MAX,
			 is_long ? "GET /media/2026/watch?v=%zu HTTP/1.1\r\nHost: %s\r\n"
				 : "GET /%zu HTTP/1.1\r\nUser-Agent: test\r\nHost: %s\r\n",
			 strlen(host), host);

	/* Only the first byte of the next line says that this one is not continued (RFC 9112 5.2).
	 */
	*name_end = (size_t)n + 1;
	n += snprintf(
		text + n, REQUEST_MAX - (size_t)n,
		is_long ? "Connection: keep-alive\r\n"
			  "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) "
			  "Gecko/20100101 Firefox/128.0\r\n"
			  "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n"
			  "Accept-Language: en-US,en;q=0.5\r\n"
			  "Accept-Encoding: gzip, deflate\r\n"
			  "Referer: http://%s/\r\n"
			  "Cookie: session=6f1c9f2c0d7e4b5a8e3d2c1b0a99887766554433; seen=1\r\n\r\n"
			: "Accept: */*\r\nReferer: http://%s/\r\n\r\n",
		host);
	return (size_t)n;
}

/* The head of an answer that has message_len bytes in all; nothing when it has no room. */
size_t gen_http_answer(uint8_t *at, size_t room, size_t message_len)
{
	static const char *const heads[] = {
		"HTTP/1.1 200 OK\r\nServer: test\r\nContent-Type: application/octet-stream\r\n"
		"Cache-Control: max-age=3600\r\nConnection: keep-alive\r\n",
		"HTTP/1.1 200 OK\r\n",
	};
	char text[HEAD_MAX];

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(heads[i]) + sizeof("Content-Length: 000000000\r\n\r\n") - 1;

		if (n > room || n > message_len)
			continue;
		snprintf(text, sizeof(text), "%sContent-Length: %09zu\r\n\r\n", heads[i],
			 message_len - n);
		memcpy(at, text, n);
		return n;
	}
	return 0;
}

static size_t put_record(uint8_t *at, size_t owner, uint32_t type, size_t len)
{
	bytes_put16(at, 0xc000 | owner);
	bytes_put16(at + 2, type);
	bytes_put16(at + 4, 1);
	bytes_put32(at + 6, TTL);
	bytes_put16(at + 10, len);
	return 12;
}

size_t gen_dns_answer(uint8_t *at, size_t len, const char *name, uint32_t type, uint64_t seed)
{
	size_t n = len, owner = 12, count = 1 + seed % 4, alen = type == AAAA ? 16 : 4;
	char alias[GEN_NAME_MAX];
	uint8_t address[16];

	at[2] = 0x81;
	at[3] = 0x80;
	if (seed / 4 % 3 == 0) {
		size_t alias_len;

		snprintf(alias, sizeof(alias), "edge%u.node.example", (unsigned)(seed % 1000));
		alias_len = make_dns_name(at + n + 12, alias);
		put_record(at + n, owner, CNAME, alias_len);
		owner = n + 12;
		n += 12 + alias_len;
		at[7]++;
	}
	for (size_t i = 0; i < count; i++) {
		gen_address_of(name, type == AAAA, seed + i, address);
		n += put_record(at + n, owner, type, alen);
		memcpy(at + n, address, alen);
		n += alen;
		at[7]++;
	}
	return n;
}

void gen_address_of(const char *name, bool is_v6, uint64_t number, uint8_t out[16])
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619u;
	hash ^= hash >> 15;
	if (is_v6) {
		memcpy(out, "\x2a\x00\x14\x50", 4);
		bytes_put32(out + 4, hash);
		bytes_put32(out + 8, 0);
		bytes_put32(out + 12, 1 + (uint32_t)(number % 1000));
	} else {
		bytes_put32(out, 0x2d000000 | (hash % 0x1000) << 8 | (uint32_t)(number % 256));
	}
}
