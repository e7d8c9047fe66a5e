/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Protocols of lines: by what line each is known, on which port, what is none of them, and that the
 * TLS behind STARTTLS is found however it was asked for.
 */
#include "extract_walk.h"

#define ON(port)   .ctx = {.transport = EXTRACT_STREAM, .src_port = 50000, .dst_port = port}
#define FROM(port) .ctx = {.transport = EXTRACT_STREAM, .src_port = port, .dst_port = 50000}
#define ODD	   ON(40000)
#define IN(port, spoken)                     \
	.ctx = {.transport = EXTRACT_STREAM, \
		.src_port = 50000,           \
		.dst_port = port,            \
		.flow_proto = spoken}
#define FOUND(p)    EXTRACT_FOUND, .proto = p, .then = CLUE_THEN_SAME
#define TLS_NEXT(p) EXTRACT_FOUND, .proto = p, .then = CLUE_THEN_ANY
#define NOT_MINE    EXTRACT_NOT_MINE
#define NEED_MORE   EXTRACT_NEED_MORE

static const struct row rows[] = {
	{"SMTP on any port", T("EHLO mail.example.com\r\n"), FOUND(PROTO_SMTP), ODD},
	{"verbs in lower case", T("ehlo mail\r\n"), FOUND(PROTO_SMTP), ODD},
	{"LF alone", T("EHLO mail.example.com\n"), FOUND(PROTO_SMTP), ODD},
	{"blanks around", T(" \tEHLO \t mail  \r\n"), FOUND(PROTO_SMTP), ODD},
	{"empty lines in front", T("\n\r\n\r\nEHLO mail\r\n"), FOUND(PROTO_SMTP), ODD},
	{"LMTP", T("LHLO mail.example.com\r\n"), FOUND(PROTO_SMTP), ODD},
	{"HELO on its port", T("HELO x\r\n"), FOUND(PROTO_SMTP), ON(587)},
	{"HELO elsewhere is anything", T("HELO x\r\n"), NOT_MINE, ODD},
	{"a first word that only begins like a verb", T("EHLOX x\r\n"), NOT_MINE, ODD},
	{"a verb without what it needs", T("EHLO\r\n"), NOT_MINE, ODD},
	{"and on its port", T("EHLO\r\n"), FOUND(PROTO_SMTP), ON(25)},
	{"only the first line is taken", T("EHLO x\r\nSTARTTLS\r\n"), FOUND(PROTO_SMTP),
	 .consumed = 8, ODD},
	{"unknown lines in front, on the port", T("XYZZY\r\n\r\nfoo bar\r\nEHLO x\r\n"),
	 FOUND(PROTO_SMTP), ON(25)},
	{"unknown lines in front, elsewhere", T("XYZZY\r\nEHLO x\r\n"), NOT_MINE, ODD},
	{"unknown lines alone say nothing", T("XYZZY\r\nfoo\r\n"), NEED_MORE, ON(25)},
	{"behind a PROXY line", T("PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\nEHLO x\r\n"),
	 FOUND(PROTO_SMTP), ODD},
	{"STARTTLS first, on the port", T("STARTTLS\r\n"), TLS_NEXT(PROTO_SMTP), ON(25)},
	{"STARTTLS first, elsewhere", T("STARTTLS\r\n"), NOT_MINE, ODD},
	{"STARTTLS first, in a tunnel", T("starttls \r\n"), TLS_NEXT(PROTO_SMTP),
	 IN(40000, PROTO_SOCKS)},
	{"IMAP's tag and verb", T(". CAPABILITY\r\n"), FOUND(PROTO_IMAP), ODD},
	{"IMAP's STARTTLS", T("a001 starttls\r\n"), TLS_NEXT(PROTO_IMAP), ODD},
	{"IMAP's LOGIN on its port", T("a LOGIN x y\r\n"), FOUND(PROTO_IMAP), ON(143)},
	{"LOGIN elsewhere is anything", T("a LOGIN x y\r\n"), NOT_MINE, ODD},
	{"STLS", T("STLS\r\n"), TLS_NEXT(PROTO_POP3), ODD},
	{"POP3's CAPA", T("CAPA\r\n"), FOUND(PROTO_POP3), ON(110)},
	{"USER is POP3's on its port", T("USER x\r\n"), FOUND(PROTO_POP3), ON(110)},
	{"and FTP's on its", T("USER x\r\n"), FOUND(PROTO_FTP), ON(21)},
	{"and nobody's elsewhere", T("USER x\r\nPASS y\r\n"), NOT_MINE, ODD},
	{"AUTH TLS", T("AUTH TLS\r\n"), TLS_NEXT(PROTO_FTP), ODD},
	{"AUTH SSL", T("auth  ssl\r\n"), TLS_NEXT(PROTO_FTP), ODD},
	{"AUTH of something else is not FTP's", T("AUTH PLAIN\r\n"), NOT_MINE, ODD},
	{"commands of Telnet in front",
	 T("\xff\xf4\xff\xf2"
	   "AUTH TLS\r\n"),
	 TLS_NEXT(PROTO_FTP), ODD},
	{"NNTP", T("MODE READER\r\n"), FOUND(PROTO_NNTP), ODD},
	{"NNTP's CAPABILITIES", T("CAPABILITIES\r\n"), FOUND(PROTO_NNTP), ON(119)},
	{"IRC by NICK and USER", T("NICK a\r\nUSER a 0 * :A\r\n"), FOUND(PROTO_IRC), .consumed = 8,
	 ODD},
	{"IRC by PASS and NICK", T("PASS p\r\nNICK a\r\n"), FOUND(PROTO_IRC), .consumed = 8, ODD},
	{"NICK alone may become IRC", T("NICK a\r\n"), NEED_MORE, ODD},
	{"NICK and something else is none", T("NICK a\r\nSAY hello\r\n"), NOT_MINE, ODD},
	{"a control in the second line", T("NICK a\r\nUSER \x1e\r\n"), NOT_MINE, ON(110)},
	{"IRC's capabilities", T("CAP LS 302\r\n"), FOUND(PROTO_IRC), ODD},

	{"an SMTP greeting", T("220 mx.example.com ESMTP Postfix\r\n"), FOUND(PROTO_SMTP),
	 FROM(40000)},
	{"one of several lines", T("220-mx.example.com ESMTP\r\n"), FOUND(PROTO_SMTP), FROM(40000)},
	{"one that says nothing, on the port", T("220 mx.example.com\r\n"), FOUND(PROTO_SMTP),
	 FROM(25)},
	{"one that says nothing, elsewhere", T("220 mx.example.com\r\n"), NOT_MINE, FROM(40000)},
	{"an FTP greeting", T("220 (vsFTPd 3.0.3)\r\n"), FOUND(PROTO_FTP), FROM(40000)},
	{"an FTP greeting on SMTP's port", T("220 hello\r\n"), FOUND(PROTO_SMTP), FROM(25)},
	{"an IMAP greeting", T("* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"), FOUND(PROTO_IMAP),
	 FROM(40000)},
	{"a POP3 greeting", T("+OK POP3 server ready <1@x>\r\n"), FOUND(PROTO_POP3), FROM(40000)},
	{"+OK alone may be from Redis", T("+OK\r\n"), NOT_MINE, FROM(6379)},
	{"an NNTP greeting", T("200 news.example.com InterNetNews NNRP server INN ready\r\n"),
	 FOUND(PROTO_NNTP), FROM(119)},
	{"an IRC greeting", T(":irc.example.com NOTICE AUTH :*** Looking up\r\n"), FOUND(PROTO_IRC),
	 FROM(40000)},

	{"HTTP", T("GET /EHLO HTTP/1.1\r\nHost: a.example\r\n\r\n"), NOT_MINE, ODD},
	{"HTTP with a verb of ours in a header", T("POST / HTTP/1.1\r\nX: EHLO x\r\n"), NOT_MINE,
	 ODD},
	{"an answer of HTTP", T("HTTP/1.1 220 ESMTP\r\n"), NOT_MINE, FROM(40000)},
	{"SSH", T("SSH-2.0-OpenSSH_9.2\r\n"), NOT_MINE, ODD},
	{"RTSP", T("OPTIONS rtsp://x/ RTSP/1.0\r\n"), NOT_MINE, ODD},
	{"TLS", T("\x16\x03\x01\x02\x00\x01"), NOT_MINE, ON(25)},
	{"zeros", T("\0\0\0\0"), NOT_MINE, ON(25)},
	{"a control in the line", T("EHLO x\x01y\r\n"), NOT_MINE, ODD},
	{"JSON", T("{\"a\": \"EHLO x\"}\n"), NOT_MINE, ODD},

	{"any line of a known connection", T("XYZZY \x01\xfe\r\n"), FOUND(PROTO_SMTP),
	 IN(40000, PROTO_SMTP)},
	{"several, up to the one that asks for TLS", T("A\r\nB\r\nSTARTTLS\r\n"), FOUND(PROTO_NNTP),
	 .consumed = 6, IN(40000, PROTO_NNTP)},
	{"the one that does", T("starttls now\r\n"), TLS_NEXT(PROTO_IRC), IN(40000, PROTO_IRC)},
	{"a line that begins with a record's first byte", T("\x17?\r\n"), FOUND(PROTO_SMTP),
	 IN(40000, PROTO_SMTP)},
	{"half a line of a known connection", T("RCPT TO"), NEED_MORE, .proto = PROTO_SMTP,
	 IN(40000, PROTO_SMTP)},
	{"records that are no hello end it", T("\x17\x03\x03\x00\x10"), NOT_MINE,
	 IN(25, PROTO_SMTP)},
};

static void each_row(void **state)
{
	CHECK_ROWS(lines_try, rows);
}

/* Clients' bytes up to their hello: those of openssl s_client -starttls, and what may be sent to
 * hide it. */
static const struct walk_row walks[] = {
	{"smtp", T("EHLO mail.example.com\r\nSTARTTLS\r\n"), ON(25), PROTO_SMTP},
	{"smtp elsewhere", T("EHLO mail.example.com\r\nSTARTTLS\r\n"), ODD, PROTO_SMTP},
	{"lmtp", T("LHLO mail.example.com\r\nSTARTTLS\r\n"), ODD, PROTO_SMTP},
	{"pop3", T("STLS\r\n"), ODD, PROTO_POP3},
	{"imap", T(". CAPABILITY\r\n. STARTTLS\r\n"), ODD, PROTO_IMAP},
	{"ftp", T("AUTH TLS\r\n"), ODD, PROTO_FTP},
	{"nntp", T("CAPABILITIES\r\nSTARTTLS\r\n"), ON(119), PROTO_NNTP},
	{"irc", T("STARTTLS\r\n"), ON(6667), PROTO_IRC},
	{"irc elsewhere", T("CAP LS 302\r\nNICK a\r\nUSER a 0 * :a\r\nSTARTTLS\r\n"), ODD,
	 PROTO_IRC},
	{"many commands in between",
	 T("EHLO x\r\nNOOP\r\nMAIL FROM:<a@b>\r\nRSET\r\nDATA\r\nSTARTTLS\r\n"), ODD, PROTO_SMTP},
	{"one refused, another taken", T("EHLO x\r\nSTARTTLS\r\nEHLO x\r\nSTARTTLS\r\n"), ODD,
	 PROTO_SMTP},
	{"commands that the server drops behind it", T("EHLO x\r\nSTARTTLS\r\nNOOP\r\nNOOP\r\n"),
	 ODD, PROTO_SMTP},
	{"a word for it that is not known here", T("EHLO x\r\nX-TLS-PLEASE\r\n"), ODD, PROTO_SMTP},
	{"a server that was known first", T("junk\r\nSTARTTLS\r\n"), IN(40000, PROTO_SMTP),
	 PROTO_SMTP},
	{"in a tunnel", T("EHLO x\r\nSTARTTLS\r\n"), IN(1080, PROTO_SOCKS), PROTO_SMTP},
	{"behind a PROXY line", T("PROXY UNKNOWN\r\nEHLO x\r\nSTARTTLS\r\n"), ODD, PROTO_SMTP},
};

static void each_walk(void **state)
{
	CHECK_WALKS(lines_try, walks);
}

/* A line longer than any server reads hides nothing that follows it. */
static void behind_a_long_line(void **state)
{
	static const char start[] = "EHLO x\r\n", end[] = "\r\nSTARTTLS\r\n";
	static char bytes[sizeof(start) + 9000 + sizeof(end)];
	struct walk_row row = {"long line", {bytes, 0}, ODD, PROTO_SMTP, {0}};
	size_t len = sizeof(start) - 1;

	memcpy(bytes, start, len);
	memset(bytes + len, 'y', 9000);
	len += 9000;
	memcpy(bytes + len, end, sizeof(end) - 1);
	row.head.len = len + sizeof(end) - 1;
	check_walk(lines_try, &row);
}

/* Text that never says what it is is given up. */
static void endless_text_ends(void **state)
{
	static char bytes[20000];
	struct extract_context ctx = {.transport = EXTRACT_STREAM, .dst_port = 25};
	struct clue c = {0};

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i % 50 == 49 ? '\n' : 'a';
	assert_int_equal(lines_try(slice_of(bytes, 16000), &ctx, &c), EXTRACT_NEED_MORE);
	assert_int_equal(lines_try(slice_of(bytes, 20000), &ctx, &c), EXTRACT_NOT_MINE);
	assert_int_equal(c.proto, PROTO_NONE);
}

static void random_payloads_are_none(void **state)
{
	static const uint16_t ports[] = {21, 25, 110, 119, 143, 6667, 40000};
	uint64_t seed = 11, bytes[16];

	for (size_t p = 0; p < sizeof(ports) / sizeof(ports[0]); p++)
		for (int i = 0; i < 200000; i++) {
			struct extract_context ctx = {.transport = EXTRACT_STREAM,
						      .dst_port = ports[p]};
			struct clue c = {0};

			for (size_t n = 0; n < 16; n++)
				bytes[n] = next_random(&seed);
			assert_int_not_equal(lines_try(slice_of(bytes, sizeof(bytes)), &ctx, &c),
					     EXTRACT_FOUND);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(each_walk),
		cmocka_unit_test(behind_a_long_line),
		cmocka_unit_test(endless_text_ends),
		cmocka_unit_test(random_payloads_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
