/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Evasions by what HTTP servers forgive (RFC 9112), and HTTP/2 in the clear (RFC 9113). Room:
 * selftest.
 */
#include "selftest/rows.h"
#include "selftest/talk.h"

#include <stdio.h>

enum { PORT = 80, REQUEST_MAX = 1024 };
static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/* The request that a form gives, in which %s is a name. */
static struct slice request_of(char *text, const char *form, const char *name)
{
	size_t n = 0;

	for (; *form && n + strlen(name) + 1 < REQUEST_MAX; form++) {
		if (form[0] == '%' && form[1] == 's') {
			memcpy(text + n, name, strlen(name));
			n += strlen(name);
			form++;
		} else {
			text[n++] = *form;
		}
	}
	return slice_of(text, n);
}

/* One connection a form. */
static void ask(struct stage *s, const char *const *forms, size_t count)
{
	char text[REQUEST_MAX];

	for (size_t i = 0; i < count; i++)
		talk_say(s, talk_open(s, PORT), STAGE_CLIENT, request_of(text, forms[i], s->name));
}

#define ASK(...)                                                  \
	do {                                                      \
		static const char *const forms[] = {__VA_ARGS__}; \
		ask(s, forms, sizeof(forms) / sizeof(forms[0]));  \
	} while (0)

static void play_request(struct stage *s)
{
	ASK("GET / HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\n\r\n");
}

static void play_cut(struct stage *s)
{
	char text[REQUEST_MAX];
	struct slice whole = request_of(text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", s->name);

	for (size_t at = 1; at < whole.len; at += 3) {
		struct talk *t = talk_open(s, PORT);

		talk_parts(s, t, whole, &at, 1, at % 2 ? (const uint8_t[]){1, 0} : NULL);
	}
}

static void play_bytewise(struct stage *s)
{
	char text[REQUEST_MAX];
	struct slice whole = request_of(text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", s->name);
	struct talk *t = talk_open(s, PORT);

	for (size_t i = 0; i < whole.len; i++)
		talk_say(s, t, STAGE_CLIENT, slice_of(whole.at + i, 1));
}

static void play_spelling(struct stage *s)
{
	ASK("GET / HTTP/1.1\r\nhoSt: %s\r\n\r\n", "GET / HTTP/1.1\r\nHOST:%s\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost:\t %s  \r\n\r\n", "GET / HTTP/1.1\r\nHost : %s\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost:\r\n %s\r\n\r\n");
}

static void play_lines(struct stage *s)
{
	ASK("GET / HTTP/1.1\nHost: %s\n\n", "\r\n\r\nGET / HTTP/1.1\r\nHost: %s\r\n\r\n",
	    "GET  /\tHTTP/1.1\r\nHost: %s\r\n\r\n", "get / HTTP/1.1\r\nHost: %s\r\n\r\n",
	    "X-ODD / HTTP/1.1\r\nHost: %s\r\n\r\n");
}

static void play_target(struct stage *s)
{
	ASK("GET http://%s/ HTTP/1.1\r\nHost: allowed.example\r\n\r\n",
	    "GET http://%s/ HTTP/1.0\r\n\r\n",
	    "GET HTTP://user@%s:80/x HTTP/1.1\r\nHost: allowed.example\r\n\r\n");
}

static void play_host_forms(struct stage *s)
{
	ASK("GET / HTTP/1.1\r\nHost: %s:80\r\n\r\n", "GET / HTTP/1.1\r\nHost: %s.\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: user@%s\r\n\r\n");
}

static void play_two_hosts(struct stage *s)
{
	ASK("GET / HTTP/1.1\r\nHost: allowed.example\r\nHost: %s\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: %s\r\nHost: allowed.example\r\n\r\n");
}

static void play_connect(struct stage *s)
{
	ASK("CONNECT %s:443 HTTP/1.1\r\n\r\n",
	    "CONNECT %s:443 HTTP/1.1\r\nHost: allowed.example\r\n\r\n");
}

static void play_second_request(struct stage *s)
{
	static const char first[] = "GET / HTTP/1.1\r\nHost: allowed.example\r\n\r\n";
	struct talk *t = talk_open(s, PORT);
	char text[REQUEST_MAX];

	for (int i = 0; i < 5; i++) {
		talk_say(s, t, STAGE_CLIENT, slice_text(first));
		talk_say(s, t, STAGE_SERVER, slice_text(answer));
	}
	talk_say(s, t, STAGE_CLIENT,
		 request_of(text, "GET /two HTTP/1.1\r\nHost: %s\r\n\r\n", s->name));
}

static void play_pipelined(struct stage *s)
{
	ASK("GET / HTTP/1.1\r\nHost: allowed.example\r\n\r\nGET / HTTP/1.1\r\nHost: %s\r\n\r\n",
	    "POST / HTTP/1.1\r\nHost: allowed.example\r\nContent-Length: 5\r\n\r\nhello"
	    "GET / HTTP/1.1\r\nHost: %s\r\n\r\n");
}

static void play_far_in(struct stage *s)
{
	struct talk *t = talk_open(s, PORT);
	char text[REQUEST_MAX];
	uint8_t line[1000] = "X-Padding: ";

	memset(line + 11, 'a', sizeof(line) - 13);
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	talk_say(s, t, STAGE_CLIENT, slice_text("GET / HTTP/1.1\r\n"));
	for (int i = 0; i < 30; i++)
		talk_say(s, t, STAGE_CLIENT, slice_of(line, sizeof(line)));
	talk_say(s, t, STAGE_CLIENT, request_of(text, "Host: %s\r\n\r\n", s->name));
}

static void play_odd_port(struct stage *s)
{
	static const uint16_t ports[] = {443, 8000, 22};
	char text[REQUEST_MAX];

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		talk_say(s, talk_open(s, ports[i]), STAGE_CLIENT,
			 request_of(text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", s->name));
}

/* The client's preface, and a request for the name by stream 1 or 3. */
static size_t put_http2(uint8_t *at, const char *name, uint8_t stream)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	static const uint8_t settings[9] = {[3] = 4};
	/* HEADERS that end all; GET, http, /; :authority in letters. */
	uint8_t request[] = {0, 0, 0, 1, 5, 0, 0, 0, stream, 0x82, 0x86, 0x84, 1, 0};
	size_t n = sizeof(preface) - 1, len = strlen(name);

	request[2] = (uint8_t)(5 + len);
	request[13] = (uint8_t)len;
	memcpy(at, preface, n);
	memcpy(at + n, settings, sizeof(settings));
	n += sizeof(settings);
	memcpy(at + n, request, sizeof(request));
	n += sizeof(request);
	memcpy(at + n, name, len);
	return n + len;
}

static void play_http2(struct stage *s)
{
	uint8_t bytes[256];

	talk_say(s, talk_open(s, 8080), STAGE_CLIENT,
		 slice_of(bytes, put_http2(bytes, s->name, 1)));
}

static void play_upgrade(struct stage *s)
{
	struct talk *t = talk_open(s, PORT);
	uint8_t bytes[256];

	talk_say(s, t, STAGE_CLIENT,
		 slice_text("GET / HTTP/1.1\r\nHost: allowed.example\r\nConnection: Upgrade, "
			    "HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__"
			    "\r\n\r\n"));
	talk_say(s, t, STAGE_SERVER,
		 slice_text("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
			    "h2c\r\n\r\n"));
	talk_say(s, t, STAGE_CLIENT, slice_of(bytes, put_http2(bytes, s->name, 3)));
}

static const struct row rows[] = {
	ROW("http-request", "asks for it in the clear", play_request),
	ROW("http-cut", "cuts the request at every third place", play_cut),
	ROW("http-bytewise", "sends it a byte at a time", play_bytewise),
	ROW("http-spelling", "spells Host oddly: case, blanks, folds", play_spelling),
	ROW("http-lines", "spells the lines oddly: ends, methods, blanks", play_lines),
	ROW("http-target", "names it in the target, another as Host", play_target),
	ROW("http-host-forms", "adds a port, a dot or a user", play_host_forms),
	ROW("http-two-hosts", "names two hosts", play_two_hosts),
	ROW("http-connect", "asks a proxy to connect", play_connect),
	ROW("http-second", "asks innocent things first", play_second_request),
	ROW("http-pipelined", "does so in one segment", play_pipelined),
	ROW("http-far-in", "names it behind 30 KB of other lines", play_far_in),
	ROW("http-odd-port", "uses the ports of others", play_odd_port),
	ROW("http2", "speaks HTTP/2 without asking", play_http2),
	ROW("http2-upgrade", "asks for HTTP/2, and names it there", play_upgrade),
};

const struct row_group rows_http = {"HTTP", rows, ROW_COUNT(rows)};
