/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the table of the lines by which protocols of lines are known, and how a line is
 * held against it. Bytes of a row decide, nothing else does; each byte of a line is looked at a
 * fixed number of times.
 *
 * Standards: RFC 5321 and 3207, RFC 2033 (LMTP), RFC 9051, RFC 1939 and 2595, RFC 959 and 4217, RFC
 * 3977 and 4642, RFC 2812 and the IRCv3 capability negotiation.
 */
#include "extract/lines_forms.h"
#include "extract/http_text.h"

enum {
	WORD_MAX = 64,
	TELNET_FIRST = 0xf0, /* commands of Telnet, which FTP servers step over (RFC 959 4.1.3) */
};

/* What no other protocol says: verbs, then greetings. */
static const struct line_form anywhere[] = {
	{PROTO_SMTP, "ehlo ", NULL, NULL, false},
	{PROTO_SMTP, "lhlo ", NULL, NULL, false},
	{PROTO_IMAP, "% capability$", NULL, NULL, false},
	{PROTO_IMAP, "% starttls$", NULL, NULL, true},
	{PROTO_IMAP, "% authenticate plain", NULL, NULL, false},
	{PROTO_POP3, "stls$", NULL, NULL, true},
	{PROTO_FTP, "auth tls$", NULL, NULL, true},
	{PROTO_FTP, "auth tls-c$", NULL, NULL, true},
	{PROTO_FTP, "auth ssl$", NULL, NULL, true},
	{PROTO_NNTP, "mode reader$", NULL, NULL, false},
	{PROTO_IRC, "cap ls$", NULL, NULL, false},
	{PROTO_IRC, "cap ls 302$", NULL, NULL, false},
	{PROTO_IRC, "cap req :", NULL, NULL, false},
	{PROTO_IRC, "nick ", NULL, "user ", false},
	{PROTO_IRC, "user ", NULL, "nick ", false},
	{PROTO_IRC, "pass ", NULL, "nick ", false},
	{PROTO_SMTP, "220 ", "smtp", NULL, false},
	{PROTO_SMTP, "220-", "smtp", NULL, false},
	{PROTO_FTP, "220 ", "ftp", NULL, false},
	{PROTO_FTP, "220-", "ftp", NULL, false},
	{PROTO_IMAP, "* ok ", "imap", NULL, false},
	{PROTO_IMAP, "* preauth ", "imap", NULL, false},
	{PROTO_POP3, "+ok ", "pop", NULL, false},
	{PROTO_NNTP, "200 ", "nntp", NULL, false},
	{PROTO_NNTP, "201 ", "nntp", NULL, false},
	{PROTO_IRC, ":% notice auth :", NULL, NULL, false},
	{PROTO_IRC, ":% notice * :", NULL, NULL, false},
	{PROTO_IRC, ":% 001 ", "irc", NULL, false},
	{PROTO_IRC, ":% cap * ", NULL, NULL, false},
};

/* What others say too: it counts where a protocol's servers listen. */
static const struct line_form on_port[] = {
	{PROTO_SMTP, "helo", NULL, NULL, false},
	{PROTO_SMTP, "ehlo", NULL, NULL, false},
	{PROTO_SMTP, "mail from:", NULL, NULL, false},
	{PROTO_SMTP, "starttls", NULL, NULL, true},
	{PROTO_IMAP, "% starttls", NULL, NULL, true},
	{PROTO_IMAP, "% authenticate ", NULL, NULL, false},
	{PROTO_IMAP, "% login ", NULL, NULL, false},
	{PROTO_IMAP, "% id ", NULL, NULL, false},
	{PROTO_IMAP, "% logout", NULL, NULL, false},
	{PROTO_POP3, "stls", NULL, NULL, true},
	{PROTO_POP3, "capa", NULL, NULL, false},
	{PROTO_POP3, "user ", NULL, NULL, false},
	{PROTO_POP3, "apop ", NULL, NULL, false},
	{PROTO_POP3, "auth", NULL, NULL, false},
	{PROTO_FTP, "auth ", NULL, NULL, true},
	{PROTO_FTP, "user ", NULL, NULL, false},
	{PROTO_FTP, "feat", NULL, NULL, false},
	{PROTO_FTP, "host ", NULL, NULL, false},
	{PROTO_FTP, "syst", NULL, NULL, false},
	{PROTO_NNTP, "starttls", NULL, NULL, true},
	{PROTO_NNTP, "mode ", NULL, NULL, false},
	{PROTO_NNTP, "capabilities", NULL, NULL, false},
	{PROTO_NNTP, "authinfo ", NULL, NULL, false},
	{PROTO_NNTP, "list", NULL, NULL, false},
	{PROTO_NNTP, "group ", NULL, NULL, false},
	{PROTO_NNTP, "ihave ", NULL, NULL, false},
	{PROTO_NNTP, "check ", NULL, NULL, false},
	{PROTO_IRC, "nick ", NULL, NULL, false},
	{PROTO_IRC, "user ", NULL, NULL, false},
	{PROTO_IRC, "cap ", NULL, NULL, false},
	{PROTO_IRC, "starttls", NULL, NULL, true},
	{PROTO_SMTP, "220 ", NULL, NULL, false},
	{PROTO_SMTP, "220-", NULL, NULL, false},
	{PROTO_SMTP, "554 ", NULL, NULL, false},
	{PROTO_FTP, "220 ", NULL, NULL, false},
	{PROTO_FTP, "220-", NULL, NULL, false},
	{PROTO_FTP, "421 ", NULL, NULL, false},
	{PROTO_IMAP, "* ok", NULL, NULL, false},
	{PROTO_IMAP, "* bye", NULL, NULL, false},
	{PROTO_POP3, "+ok", NULL, NULL, false},
	{PROTO_POP3, "-err", NULL, NULL, false},
	{PROTO_NNTP, "200 ", NULL, NULL, false},
	{PROTO_NNTP, "201 ", NULL, NULL, false},
	{PROTO_IRC, ":% ", NULL, NULL, false},
	{PROTO_IRC, "notice ", NULL, NULL, false},
};

/* Where servers of these protocols listen, by convention. */
static const struct {
	uint16_t first, last;
	enum app_proto proto;
} ports[] = {
	{21, 21, PROTO_FTP},	 {25, 25, PROTO_SMTP},	  {110, 110, PROTO_POP3},
	{119, 119, PROTO_NNTP},	 {143, 143, PROTO_IMAP},  {194, 194, PROTO_IRC},
	{465, 465, PROTO_SMTP},	 {587, 587, PROTO_SMTP},  {2525, 2525, PROTO_SMTP},
	{6660, 6669, PROTO_IRC}, {7000, 7000, PROTO_IRC},
};

enum app_proto line_proto_of_port(uint16_t port)
{
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		if (port >= ports[i].first && port <= ports[i].last)
			return ports[i].proto;
	return PROTO_NONE;
}

bool line_proto_is(enum app_proto proto)
{
	if (proto == PROTO_NONE)
		return false;
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		if (ports[i].proto == proto)
			return true;
	return false;
}

struct line line_at(struct slice bytes, size_t at)
{
	struct slice rest = slice_first(slice_from(bytes, at), LINE_LEN_MAX);
	struct line line = {.text = rest, .next = at};

	line.is_whole = http_take_line(slice_first(bytes, at + rest.len), &line.next, &line.text);
	return line;
}

/* Blanks in front, and commands of Telnet, of which the second byte may be a letter. */
static struct slice skip_blanks(struct slice s)
{
	while (s.len && (http_is_blank(s.at[0]) || s.at[0] >= TELNET_FIRST))
		s = slice_from(s, 1);
	return s;
}

/* A word without blanks, which ends in front of one. */
static size_t tag_len(struct slice s)
{
	size_t len = 0;

	while (len < s.len && s.at[len] > ' ' && s.at[len] < 0x7f)
		len++;
	return len;
}

enum line_match line_match_start(const struct line *line, const char *start)
{
	enum line_match if_short = line->is_whole ? LINE_NO : LINE_SHORT;
	struct slice s = line->text;
	size_t len;

	for (; *start; start++) {
		switch (*start) {
		case '%':
			len = tag_len(s);
			if (!len || len > WORD_MAX || s.at[0] == '+' || s.at[0] == '*')
				return s.len ? LINE_NO : if_short;
			s = slice_from(s, len);
			continue;
		case ' ':
			if (s.len && !http_is_blank(s.at[0]))
				return LINE_NO;
			s = skip_blanks(s);
			if (!s.len)
				return if_short;
			continue;
		case '$':
			s = http_trim(s);
			return s.len ? LINE_NO : line->is_whole ? LINE_YES : LINE_SHORT;
		}
		if (!s.len)
			return if_short;
		if (dpi_lower(s.at[0]) != (uint8_t)*start)
			return LINE_NO;
		s = slice_from(s, 1);
	}
	if (!line->is_whole)
		return LINE_SHORT;
	return !s.len || !http_is_token(s.at[0]) || !http_is_token((uint8_t)start[-1]) ||
			       start[-1] == '-' || start[-1] == '.'
		       ? LINE_YES
		       : LINE_NO;
}

static bool has_word(struct slice text, const char *word)
{
	size_t len = strlen(word);

	for (; text.len >= len; text = slice_from(text, 1))
		if (http_is_word(slice_first(text, len), word))
			return true;
	return false;
}

bool line_is_text(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((s.at[i] < 0x20 && s.at[i] != '\t' && s.at[i] != '\r' && s.at[i] != '\n') ||
		    s.at[i] == 0x7f)
			return false;
	return true;
}

static enum line_match match_form(const struct line_form *form, const struct line *line,
				  struct slice bytes)
{
	enum line_match match = line_match_start(line, form->start);
	struct line next;

	if (match != LINE_YES)
		return match;
	if (form->inside && !has_word(line->text, form->inside))
		return LINE_NO;
	if (!form->next)
		return LINE_YES;
	next = line_at(bytes, line->next);
	next.text = skip_blanks(next.text);
	return next.text.len == LINE_LEN_MAX || !line_is_text(next.text)
		       ? LINE_NO
		       : line_match_start(&next, form->next);
}

/* Whether a form may be that of a line, by one byte each of its first two words. */
static bool is_candidate(const struct line_form *form, uint8_t first, int second)
{
	return form->start[0] == '%' ? second < 0 || form->start[2] == second
				     : form->start[0] == first;
}

static const struct line_form *find_form(const struct line_form *forms, size_t count,
					 const struct line *line, struct slice bytes,
					 enum app_proto port, bool *may_be)
{
	uint8_t first = dpi_lower(line->text.at[0]);
	struct slice rest = skip_blanks(slice_from(line->text, tag_len(line->text)));
	int second = rest.len ? dpi_lower(rest.at[0]) : -1;

	for (size_t i = 0; i < count; i++) {
		if (!is_candidate(&forms[i], first, second) ||
		    (port != PROTO_NONE && forms[i].proto != port))
			continue;
		switch (match_form(&forms[i], line, bytes)) {
		case LINE_YES: return &forms[i];
		case LINE_SHORT: *may_be = true; break;
		case LINE_NO: break;
		}
	}
	return NULL;
}

const struct line_form *line_form_of(const struct line *line, struct slice bytes,
				     enum app_proto port, bool *may_be)
{
	const struct line_form *form = NULL;
	struct line bare = *line;

	bare.text = skip_blanks(bare.text);
	/* Half of a CRLF. */
	if (!line->is_whole && bare.text.len && bare.text.at[bare.text.len - 1] == '\r')
		bare.text.len--;
	*may_be = !bare.text.len && !line->is_whole;
	if (!bare.text.len)
		return NULL;
	if (port != PROTO_NONE)
		form = find_form(on_port, sizeof(on_port) / sizeof(on_port[0]), &bare, bytes, port,
				 may_be);
	return form ? form
		    : find_form(anywhere, sizeof(anywhere) / sizeof(anywhere[0]), &bare, bytes,
				PROTO_NONE, may_be);
}

static bool asks_tls(const struct line_form *forms, size_t count, const struct line *line,
		     enum app_proto proto)
{
	for (size_t i = 0; i < count; i++)
		if (forms[i].is_tls && forms[i].proto == proto &&
		    line_match_start(line, forms[i].start) == LINE_YES)
			return true;
	return false;
}

bool line_asks_tls(const struct line *line, enum app_proto proto)
{
	struct line bare = *line;

	bare.text = skip_blanks(bare.text);
	return asks_tls(on_port, sizeof(on_port) / sizeof(on_port[0]), &bare, proto) ||
	       asks_tls(anywhere, sizeof(anywhere) / sizeof(anywhere[0]), &bare, proto);
}
