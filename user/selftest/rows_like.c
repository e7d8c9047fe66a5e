/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What only looks as if it were blocked: the name where it is no name, names that are alike,
 * segments that are somebody else's. All of it must pass. Room: selftest.
 */
#include "selftest/make_dns.h"
#include "selftest/rows.h"
#include "selftest/talk.h"

enum { TLS_PORT = 443, WEB_PORT = 80, DNS_PORT = 53, NEIGHBOURS = 100 };

#define FREE "allowed.example"

static const char *const alike[] = {
	"x" STAGE_BLOCKED, STAGE_BLOCKED ".org",   "locked.example", "blocked-example",
	"example",	   "www.tiktok.com." FREE,
};
enum { ALIKE = sizeof(alike) / sizeof(alike[0]) };

static void ask(struct stage *s, const char *request)
{
	talk_say(s, talk_open(s, WEB_PORT), STAGE_CLIENT, slice_text(request));
}

static void play_names(struct stage *s)
{
	struct made_message m;
	uint8_t question[128];

	for (size_t i = 0; i < ALIKE; i++) {
		struct talk *t = talk_open(s, TLS_PORT);

		talk_say(s, t, STAGE_CLIENT, row_hello_for(s, &m, alike[i]));
		t = stage_talk(s, DNS_PORT, true);
		talk_message(s, t, slice_of(question, make_dns_question(question, alike[i], 7, 1)));
	}
}

static void play_elsewhere(struct stage *s)
{
	ask(s, "GET /?next=http://" STAGE_BLOCKED "/ HTTP/1.1\r\nHost: " FREE "\r\n\r\n");
	ask(s, "GET / HTTP/1.1\r\nHost: " FREE "\r\nCookie: host=" STAGE_BLOCKED
	       "\r\nReferer: http://" STAGE_BLOCKED "/\r\n\r\n");
	ask(s, "GET / HTTP/1.1\r\nHost: " FREE "\r\nX-Host: " STAGE_BLOCKED
	       "\r\nX-Forwarded-Host: " STAGE_BLOCKED "\r\n\r\n");
}

static void play_body(struct stage *s)
{
	ask(s, "POST / HTTP/1.1\r\nHost: " FREE "\r\nContent-Length: 41\r\n\r\n"
	       "GET / HTTP/1.1\r\nHost: " STAGE_BLOCKED "\r\n\r\n");
	ask(s, "POST / HTTP/1.1\r\nHost: " FREE "\r\nTransfer-Encoding: chunked\r\n\r\n"
	       "29\r\nGET / HTTP/1.1\r\nHost: " STAGE_BLOCKED "\r\n\r\n\r\n0\r\n\r\n");
}

static void play_server(struct stage *s)
{
	struct talk *t = talk_open(s, WEB_PORT);
	struct made_message m;

	talk_say(s, t, STAGE_CLIENT, slice_text("GET / HTTP/1.1\r\nHost: " FREE "\r\n\r\n"));
	talk_say(s, t, STAGE_SERVER,
		 slice_text("HTTP/1.1 302 Found\r\nLocation: http://" STAGE_BLOCKED
			    "/\r\nContent-Length: 0\r\n\r\n"));
	t = talk_open(s, TLS_PORT);
	talk_say(s, t, STAGE_CLIENT, row_hello_for(s, &m, FREE));
	talk_say(
		s, t, STAGE_SERVER, /* a record with the name in a certificate */
		slice_text("\x16\3\3\1\x13\x0b\2\2\x0f\2\2\x0c\2\2\x09\x30\x82\2\5" STAGE_BLOCKED));
}

/* An answer for an innocent name, which is the blocked one's alias. */
static void play_answer(struct stage *s)
{
	uint8_t message[256], name[64];
	size_t n = make_dns_question(message, FREE, 7, 1), len = make_dns_name(name, STAGE_BLOCKED);
	struct talk *t = stage_talk(s, DNS_PORT, true);

	t->is_over = true;
	talk_datagram(s, t, STAGE_CLIENT, slice_of(message, n));
	message[2] |= 0x80;
	message[7] = 1;
	memcpy(message + n, "\xc0\x0c\0\5\0\1\0\0\0\x3c\0", 11);
	message[n + 11] = (uint8_t)len;
	memcpy(message + n + 12, name, len);
	talk_datagram(s, t, STAGE_SERVER, slice_of(message, n + 12 + len));
}

/* Somebody guesses at a connection's numbers, and does not hit its window. */
static void play_guessed(struct stage *s)
{
	static const int64_t places[] = {-100000000, -70000, 1000000, 1000000000};
	const struct talk_way stray = {.is_decoy = true};
	struct talk *t = talk_open(s, TLS_PORT);
	struct made_message m, own;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		talk_segment(s, t, STAGE_CLIENT, places[i], row_hello_for(s, &m, STAGE_BLOCKED),
			     &stray);
	talk_say(s, t, STAGE_CLIENT, row_hello_for(s, &own, FREE));
}

/* Between the same two ends as all that is blocked. */
static void play_neighbours(struct stage *s)
{
	struct made_message m;

	for (int i = 0; i < NEIGHBOURS; i++) {
		struct talk *t = talk_open(s, TLS_PORT);

		talk_say(s, t, STAGE_CLIENT, row_hello_for(s, &m, FREE));
	}
}

static const struct row rows[] = {
	ROW("like-names", "goes to names that are alike", play_names, .is_innocent = true),
	ROW("like-elsewhere", "has the name in a query, a cookie, other lines", play_elsewhere,
	    .is_innocent = true),
	ROW("like-body", "has a request for it in a body", play_body, .is_innocent = true),
	ROW("like-server", "is told the name by a server", play_server, .is_innocent = true),
	ROW("like-answer", "is told so by a DNS answer", play_answer, .is_innocent = true),
	ROW("like-guessed", "gets a stranger's hello outside its window", play_guessed,
	    .is_innocent = true),
	ROW("like-neighbours", "has the addresses of those that are blocked", play_neighbours,
	    .is_innocent = true),
};

const struct row_group rows_like = {"What only looks so", rows, ROW_COUNT(rows)};
