/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Evasions by what TLS lets a sender do: records of any size, odd names, hellos where nobody
 * expects one (RFC 8446 4.1.2, 5.1, RFC 6066 3). Room: selftest.
 */
#include "selftest/rows.h"
#include "selftest/talk.h"

#include <stdio.h>

enum { TLS_PORT = 443, RECORD = 5, STREAM_MAX = 8192, SEGMENT = 1200, HANDSHAKE = 22 };

/* Appends a record with these handshake bytes. Returns the stream's new length. */
static size_t put_record(uint8_t *stream, size_t len, struct slice bytes)
{
	memcpy(stream + len, "\x16\3\1", 3);
	bytes_put16(stream + len + 3, bytes.len);
	memcpy(stream + len + RECORD, bytes.at, bytes.len);
	return len + RECORD + bytes.len;
}

static void say_stream(struct stage *s, struct talk *t, struct slice stream)
{
	for (; stream.len; stream = slice_from(stream, SEGMENT))
		talk_say(s, t, STAGE_CLIENT, slice_first(stream, SEGMENT));
}

static void say_hello(struct stage *s, uint16_t port, const char *name)
{
	struct talk *t = talk_open(s, port);
	struct made_message m;

	talk_say(s, t, STAGE_CLIENT, row_hello_for(s, &m, name));
}

static void play_two_records(struct stage *s)
{
	struct made_message m;
	uint8_t stream[STREAM_MAX];

	for (size_t back = 1; back < 20; back += 6) {
		struct slice hello = slice_from(row_hello(s, &m, false), RECORD);
		size_t at = m.name_end - RECORD - back, n;

		n = put_record(stream, 0, slice_first(hello, at));
		n = put_record(stream, n, slice_from(hello, at));
		say_stream(s, talk_open(s, TLS_PORT), slice_of(stream, n));
	}
}

static void play_small_records(struct stage *s)
{
	struct made_message m;
	uint8_t stream[STREAM_MAX];

	for (size_t size = 1; size < 20; size += 15) {
		struct slice hello = slice_from(row_hello(s, &m, false), RECORD);
		size_t n = 0;

		for (; hello.len; hello = slice_from(hello, size))
			n = put_record(stream, n, slice_first(hello, size));
		say_stream(s, talk_open(s, TLS_PORT), slice_of(stream, n));
	}
}

static void play_empty_records(struct stage *s)
{
	struct made_message m;
	uint8_t stream[STREAM_MAX];
	struct slice hello = row_hello(s, &m, false);
	size_t n = 0;

	for (int i = 0; i < 16; i++)
		n = put_record(stream, n, slice_of("", 0));
	memcpy(stream + n, hello.at, hello.len);
	say_stream(s, talk_open(s, TLS_PORT), slice_of(stream, n + hello.len));
}

static void play_versions(struct stage *s)
{
	static const uint8_t minors[] = {0, 2, 3, 4, 255};
	struct made_message m;

	for (size_t i = 0; i < sizeof(minors); i++) {
		struct talk *t = talk_open(s, TLS_PORT);
		struct slice hello = row_hello(s, &m, false);

		m.bytes[2] = minors[i];
		talk_say(s, t, STAGE_CLIENT, hello);
	}
}

static void play_case(struct stage *s)
{
	char name[64];

	snprintf(name, sizeof(name), "%s", s->name);
	for (size_t i = 0; name[i]; i += 2)
		name[i] &= (char)(name[i] >= 'a' ? ~0x20 : ~0);
	say_hello(s, TLS_PORT, name);
}

static void play_dot(struct stage *s)
{
	char name[64];

	snprintf(name, sizeof(name), "%s.", s->name);
	say_hello(s, TLS_PORT, name);
	snprintf(name, sizeof(name), ".%s", s->name);
	say_hello(s, TLS_PORT, name);
}

static void play_below(struct stage *s)
{
	char name[64];

	snprintf(name, sizeof(name), "a.b.%s", s->name);
	say_hello(s, TLS_PORT, name);
}

static void play_second_hello(struct stage *s)
{
	struct talk *t = talk_open(s, TLS_PORT);
	struct made_message m;
	uint8_t retry[RECORD + MAKE_SERVER_HELLO_MAX] = {HANDSHAKE, 3, 3};
	size_t n = make_server_hello(&s->chance, retry + RECORD, &(struct make_hello_kind){0}, 1);

	bytes_put16(retry + 3, n);
	talk_say(s, t, STAGE_CLIENT, row_hello_for(s, &m, STAGE_INNOCENT));
	talk_say(s, t, STAGE_SERVER, slice_of(retry, RECORD + n));
	talk_say(s, t, STAGE_CLIENT, row_hello(s, &m, false));
}

static void play_odd_port(struct stage *s)
{
	static const uint16_t ports[] = {22, 53, 80, 4433, 50443};

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		say_hello(s, ports[i], s->name);
}

/* What is said before the hello, by client and server; the hello is then the client's next. */
static void behind(struct stage *s, uint16_t port, const char *client, const char *server)
{
	struct talk *t = talk_open(s, port);
	struct made_message m;

	talk_say(s, t, STAGE_CLIENT, slice_text(client));
	if (server)
		talk_say(s, t, STAGE_SERVER, slice_text(server));
	talk_say(s, t, STAGE_CLIENT, row_hello(s, &m, false));
}

static void play_in_connect(struct stage *s)
{
	behind(s, 3128, "CONNECT proxy.invalid:443 HTTP/1.1\r\nHost: proxy.invalid:443\r\n\r\n",
	       "HTTP/1.1 200 Connection established\r\n\r\n");
}

static void play_proxy_line(struct stage *s)
{
	behind(s, TLS_PORT, "PROXY TCP4 192.0.2.99 198.51.100.20 52176 443\r\n", NULL);
}

static void play_socks(struct stage *s)
{
	struct talk *t = talk_open(s, 1080);
	struct made_message m;

	talk_say(s, t, STAGE_CLIENT, slice_of("\5\1\0", 3));
	talk_say(s, t, STAGE_SERVER, slice_of("\5\0", 2));
	talk_say(s, t, STAGE_CLIENT, slice_of("\5\1\0\1\xc6\x33\x64\x14\1\xbb", 10));
	talk_say(s, t, STAGE_SERVER, slice_of("\5\0\0\1\0\0\0\0\0\0", 10));
	talk_say(s, t, STAGE_CLIENT, row_hello(s, &m, false));
}

/* The name itself, asked of a proxy. */
static void play_socks_name(struct stage *s)
{
	struct talk *t = talk_open(s, 1080);
	uint8_t request[64] = {5, 1, 0, 3};
	size_t n = strlen(s->name);

	request[4] = (uint8_t)n;
	memcpy(request + 5, s->name, n);
	bytes_put16(request + 5 + n, 443);
	talk_say(s, t, STAGE_CLIENT, slice_of("\5\1\0", 3));
	talk_say(s, t, STAGE_SERVER, slice_of("\5\0", 2));
	talk_say(s, t, STAGE_CLIENT, slice_of(request, n + 7));
}

static void play_xmpp(struct stage *s)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "<?xml version='1.0'?><stream:stream xmlns='jabber:client' to='%s' "
		 "xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>",
		 s->name);
	talk_say(s, talk_open(s, 5222), STAGE_CLIENT, slice_text(text));
}

static void play_starttls(struct stage *s)
{
	struct talk *t = talk_open(s, 587);
	struct made_message m;

	talk_say(s, t, STAGE_SERVER, slice_text("220 mail.invalid ESMTP\r\n"));
	talk_say(s, t, STAGE_CLIENT, slice_text("EHLO client.invalid\r\n"));
	talk_say(s, t, STAGE_SERVER, slice_text("250-mail.invalid\r\n250 STARTTLS\r\n"));
	talk_say(s, t, STAGE_CLIENT, slice_text("STARTTLS\r\n"));
	talk_say(s, t, STAGE_SERVER, slice_text("220 ready\r\n"));
	talk_say(s, t, STAGE_CLIENT, row_hello(s, &m, false));
}

static void play_app(struct stage *s)
{
	say_hello(s, TLS_PORT, s->is_attack ? "www.tiktok.com" : "www.tiktok.com.allowed.example");
}

static void play_app_bytes(struct stage *s)
{
	struct talk *t = talk_open(s, TLS_PORT);
	uint8_t bytes[68] = "\x13"
			    "BitTorrent protocol";

	if (!s->is_attack)
		bytes[1] = 'b';
	chance_noise(&s->chance, bytes + 28, 40);
	talk_say(s, t, STAGE_CLIENT, slice_of(bytes, sizeof(bytes)));
}

static void play_port(struct stage *s)
{
	struct talk *t = stage_talk(s, s->is_attack ? 6881 : 6882, false);

	t->is_frame_wise = true;
	s->is_probe = s->is_attack; /* from the first frame on */
	talk_handshake(s, t);
	s->is_probe = false;
}

static void play_address(struct stage *s)
{
	struct talk *t = stage_talk(s, TLS_PORT, false);

	t->server_end = s->is_attack ? 66 : 67;
	t->is_frame_wise = true;
	s->is_probe = s->is_attack;
	talk_handshake(s, t);
	s->is_probe = false;
}

/* What follows shows nothing that a rule could name: said by an innocent hello. */
static void play_inside_ech(struct stage *s)
{
	say_hello(s, TLS_PORT, "public.name.invalid");
}

static void play_no_name(struct stage *s)
{
	struct talk *t = talk_open(s, TLS_PORT);
	struct made_message m;
	struct slice hello = row_hello(s, &m, false);
	size_t at = m.name_end - strlen(s->name) - 9; /* its extension's type */

	bytes_put16(m.bytes + at, 0x7777); /* one that nobody knows */
	memset(m.bytes + at + 4, 0, strlen(s->name) + 5);
	talk_say(s, t, STAGE_CLIENT, hello);
}

static void play_private_resolver(struct stage *s)
{
	say_hello(s, TLS_PORT, "resolver.of.my.own.invalid");
}

static const struct row rows[] = {
	ROW("rule-app", "goes to a blocked application", play_app),
	ROW("rule-app-bytes", "speaks a blocked protocol on port 443", play_app_bytes),
	ROW("rule-port", "goes to a blocked port", play_port),
	ROW("rule-address", "goes to a blocked address", play_address),
	ROW("tls-below", "goes to a name below the blocked one", play_below),
	ROW("tls-two-records", "cuts the name between two records", play_two_records),
	ROW("tls-small-records", "has records of one byte, and of sixteen", play_small_records),
	ROW("tls-empty-records", "sends sixteen empty records first", play_empty_records),
	ROW("tls-versions", "claims odd versions of TLS", play_versions),
	ROW("tls-case", "WrItEs the name so", play_case),
	ROW("tls-dot", "puts a dot before or behind the name", play_dot),
	ROW("tls-second-hello", "names it in the hello that a server asks for", play_second_hello),
	ROW("tls-odd-port", "uses the ports of others", play_odd_port),
	ROW("tls-connect", "hides the hello behind CONNECT", play_in_connect),
	ROW("tls-proxy-line", "puts a PROXY line before it", play_proxy_line),
	ROW("tls-socks", "goes through SOCKS", play_socks),
	ROW("socks-name", "asks a SOCKS proxy for the name", play_socks_name),
	ROW("xmpp-name", "opens a chat there", play_xmpp),
	ROW("tls-starttls", "begins in clear, as mail does", play_starttls),
	ROW("tls-ech", "encrypts the hello (ECH)", play_inside_ech,
	    .open = "only the outer name shows; the application ECH can be blocked whole"),
	ROW("tls-no-name", "names nothing", play_no_name,
	    .open = "nothing shows; no-name, learnt: or an address can be a rule"),
	ROW("dns-in-https", "asks a resolver of its own by HTTPS", play_private_resolver,
	    .open = "looks like any site; the resolvers that are known are the application DoH"),
};

const struct row_group rows_tls = {"Rules and TLS", rows, ROW_COUNT(rows)};
