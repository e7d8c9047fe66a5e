/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the form table's protocols of lines and words. A first line counts when it is whole
 * and right to its end; what HTTP would take for itself never is.
 *
 * Standards: RFC 4253 4.2 (SSH), RFC 3261 7 and 19.1 (SIP), RFC 2326 and RFC 7826 (RTSP), RFC 6143
 * 7.1.1 (VNC), RFC 3164 4.1 and RFC 5424 6 (syslog); gitprotocol-pack(5), the protocols of Redis
 * and memcached.
 */
#include "extract/form.h"
#include "extract/http_host.h"
#include "extract/http_text.h"

enum { LINE_MAX = 2048, KEY_MAX = 250 };

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_plain(uint8_t c)
{
	return c >= 0x20 && c != 0x7f;
}

/* The first line, without its end, when it is there and of plain text. */
static enum extract_answer take_line(struct slice s, struct slice *line)
{
	size_t len = 0;

	while (len < s.len && len < LINE_MAX && (is_plain(s.at[len]) || s.at[len] == '\t'))
		len++;
	if (len == LINE_MAX)
		return EXTRACT_NOT_MINE;
	*line = slice_first(s, len);
	if (len < s.len && s.at[len] == '\r')
		len++;
	if (len == s.len)
		return EXTRACT_NEED_MORE;
	return form_when(s.at[len] == '\n');
}

static bool ends_with(struct slice line, const char *end)
{
	struct slice tail = slice_text(end);

	return line.len >= tail.len &&
	       memcmp(line.at + line.len - tail.len, tail.at, tail.len) == 0;
}

/* The bytes look like the pattern: d a digit, D a digit or blank, A and a letters, else itself. */
static enum extract_answer is_like(struct slice s, const char *like)
{
	for (size_t i = 0; i < s.len && like[i]; i++) {
		uint8_t c = s.at[i];
		bool is_alike = like[i] == 'A'	 ? c >= 'A' && c <= 'Z'
				: like[i] == 'a' ? c >= 'a' && c <= 'z'
				: like[i] == 'd' ? is_digit(c)
				: like[i] == 'D' ? is_digit(c) || c == ' '
						 : c == (uint8_t)like[i];

		if (!is_alike)
			return EXTRACT_NOT_MINE;
	}
	return form_need(s, strlen(like));
}

/* The digits at the beginning; *value stays small however many there are. */
static size_t take_digits(struct slice s, size_t max, uint32_t *value)
{
	size_t n = 0;

	*value = 0;
	while (n < s.len && n < max && is_digit(s.at[n]))
		*value = *value * 10 + (s.at[n++] - '0');
	return n;
}

/* The bytes begin with one of these; NEED_MORE while they still may. */
static enum extract_answer begins_with_any(struct slice s, const char *const *words)
{
	enum extract_answer answer = EXTRACT_NOT_MINE;

	for (; *words && answer != EXTRACT_FOUND; words++) {
		enum extract_answer one = form_begins(s, *words, strlen(*words));

		if (one != EXTRACT_NOT_MINE)
			answer = one;
	}
	return answer;
}

/* "SSH-2.0-OpenSSH_9.2": the version, then at least a byte of the software's name. */
enum extract_answer form_ssh(const struct form_look *l)
{
	static const char *const versions[] = {"2.0-", "1.99-", "1.5-", "1.3-", NULL};
	enum extract_answer answer = begins_with_any(l->rest, versions);
	const uint8_t *dash;

	if (answer != EXTRACT_FOUND)
		return answer;
	dash = memchr(l->rest.at, '-', l->rest.len);
	if (dash + 1 == l->rest.at + l->rest.len)
		return EXTRACT_NEED_MORE;
	return form_when(is_plain(dash[1]));
}

/* "INVITE sip:user@host SIP/2.0": the magic is the method and the blank. */
enum extract_answer form_sip(const struct form_look *l)
{
	static const char *const schemes[] = {"sip:", "sips:", "tel:", NULL};
	enum extract_answer answer = begins_with_any(l->rest, schemes);
	struct slice line;

	if (answer == EXTRACT_FOUND)
		answer = take_line(l->rest, &line);
	return answer == EXTRACT_FOUND ? form_when(ends_with(line, " SIP/2.0")) : answer;
}

/* "DESCRIBE rtsp://host/path RTSP/1.0". The target names a host. */
enum extract_answer form_rtsp(const struct form_look *l)
{
	static const char *const targets[] = {"rtsp://", "rtspu://", "rtsps://", "* RTSP/", NULL};
	enum extract_answer answer = begins_with_any(l->rest, targets);
	struct slice line;

	if (answer == EXTRACT_FOUND)
		answer = take_line(l->rest, &line);
	if (answer != EXTRACT_FOUND)
		return answer;
	if (!ends_with(line, " RTSP/1.0") && !ends_with(line, " RTSP/2.0"))
		return EXTRACT_NOT_MINE;
	line.len -= strlen(" RTSP/1.0");
	http_host_add(l->clue, http_host_of_target(line));
	return EXTRACT_FOUND;
}

/* "SIP/2.0 200 OK", "RTSP/1.0 200 OK": the magic ends with the slash. */
enum extract_answer form_status(const struct form_look *l)
{
	return is_like(l->rest, "d.0 ddd ");
}

/* An answer to a search, which goes to the port it came from: behind the magic, which is a status
 * line, it says what was sought and what was found. */
enum extract_answer form_ssdp(const struct form_look *l)
{
	struct slice rest = l->rest, line;
	unsigned found = 0;

	while (take_line(rest, &line) == EXTRACT_FOUND && line.len) {
		const uint8_t *end = memchr(rest.at, '\n', rest.len);

		if (http_is_word(slice_first(line, 3), "st:"))
			found |= 1;
		if (http_is_word(slice_first(line, 4), "usn:"))
			found |= 2;
		rest = slice_from(rest, (size_t)(end - rest.at) + 1);
	}
	return form_when(found == 3);
}

/* "RFB 003.008\n". */
enum extract_answer form_vnc(const struct form_look *l)
{
	return is_like(l->rest, "d.ddd\n");
}

/* Takes "<digits>\r\n" from *s on. */
static enum extract_answer take_count(struct slice *s, uint32_t *value)
{
	size_t n = take_digits(*s, 9, value);
	enum extract_answer answer;

	if (n == s->len)
		return EXTRACT_NEED_MORE;
	answer = n ? form_begins(slice_from(*s, n), "\r\n", 2) : EXTRACT_NOT_MINE;
	*s = slice_from(*s, n + 2);
	return answer;
}

/* A command: an array of strings, the first of them a word. "*2\r\n$3\r\nGET\r\n$1\r\na\r\n" */
enum extract_answer form_redis(const struct form_look *l)
{
	struct slice s = l->rest;
	enum extract_answer answer;
	uint32_t count, len;

	answer = take_count(&s, &count);
	if (answer != EXTRACT_FOUND || !count)
		return answer == EXTRACT_FOUND ? EXTRACT_NOT_MINE : answer;
	answer = form_begins(s, "$", 1);
	s = slice_from(s, 1);
	if (answer == EXTRACT_FOUND)
		answer = take_count(&s, &len);
	if (answer != EXTRACT_FOUND)
		return answer;
	if (!len || len > 64)
		return EXTRACT_NOT_MINE;
	for (size_t i = 0; i < len && i < s.len; i++)
		if ((dpi_lower(s.at[i]) < 'a' || dpi_lower(s.at[i]) > 'z') && s.at[i] != '.' &&
		    s.at[i] != '_' && s.at[i] != '-')
			return EXTRACT_NOT_MINE;
	return s.len < len ? EXTRACT_NEED_MORE : form_begins(slice_from(s, len), "\r\n", 2);
}

/* A length of four hexadecimal digits, a command, a path, NUL, "host=" and NUL. */
enum extract_answer form_git(const struct form_look *l)
{
	static const char *const commands[] = {"git-upload-pack ", "git-receive-pack ",
					       "git-upload-archive ", NULL};
	enum { HEX = 4 };
	struct slice b = l->bytes, line;
	enum extract_answer answer;
	const uint8_t *nul;
	size_t len = 0;

	for (size_t i = 0; i < HEX && i < b.len; i++) {
		uint8_t c = dpi_lower(b.at[i]);

		if (!is_digit(c) && (c < 'a' || c > 'f'))
			return EXTRACT_NOT_MINE;
		len = len << 4 | (size_t)(is_digit(c) ? c - '0' : c - 'a' + 10);
	}
	answer = begins_with_any(slice_from(b, HEX), commands);
	if (answer != EXTRACT_FOUND || b.len < len)
		return answer == EXTRACT_FOUND ? EXTRACT_NEED_MORE : answer;
	line = slice_first(b, len);
	nul = memchr(line.at, '\0', line.len);
	if (!nul)
		return EXTRACT_FOUND;
	line = slice_from(line, (size_t)(nul - line.at) + 1);
	nul = line.len ? memchr(line.at, '\0', line.len) : NULL;
	if (nul && form_begins(line, "host=", 5) == EXTRACT_FOUND)
		http_host_add(l->clue, slice_of(line.at + 5, (size_t)(nul - line.at) - 5));
	return EXTRACT_FOUND;
}

/* On its own port: a line that begins with a command and, where that takes one, a key. */
static enum extract_answer memcached_line(struct slice s)
{
	static const char *const words[] = {
		"get ",	    "gets ",	 "gat ",  "set ",  "add ",	 "replace ", "append ",
		"prepend ", "cas ",	 "incr ", "decr ", "delete ",	 "touch ",   "stats",
		"version",  "flush_all", "mg ",	  "ms ",   "verbosity ", NULL};
	enum extract_answer answer = begins_with_any(s, words);
	struct slice line;

	return answer == EXTRACT_FOUND ? take_line(s, &line) : answer;
}

enum extract_answer form_memcached(const struct form_look *l)
{
	return memcached_line(l->bytes);
}

/* The same behind a head: request, number 0 of a few datagrams, reserved. */
enum extract_answer form_memcached_datagram(const struct form_look *l)
{
	enum { HEAD_LEN = 8 };
	struct slice b = l->bytes;

	if (b.len <= HEAD_LEN || b.at[4] || b.at[6] || b.at[7])
		return EXTRACT_NOT_MINE;
	return memcached_line(slice_from(b, HEAD_LEN));
}

/* Behind "<": a priority up to 191 and ">"; *after is what follows. */
static enum extract_answer take_priority(const struct form_look *l, struct slice *after)
{
	uint32_t priority;
	size_t n = take_digits(l->rest, 3, &priority);

	if (n == l->rest.len)
		return EXTRACT_NEED_MORE;
	if (!n || priority > 191 || l->rest.at[n] != '>')
		return EXTRACT_NOT_MINE;
	*after = slice_from(l->rest, n + 1);
	return form_need(*after, 1);
}

enum extract_answer form_syslog(const struct form_look *l)
{
	struct slice text;
	enum extract_answer answer = take_priority(l, &text);

	return answer == EXTRACT_FOUND ? form_when(is_plain(text.at[0])) : answer;
}

/* On any port a date must follow: "Oct 11 22:14:15" or "1 2003-10-11T22:14:15". */
enum extract_answer form_syslog_dated(const struct form_look *l)
{
	struct slice text;
	enum extract_answer answer = take_priority(l, &text);

	if (answer != EXTRACT_FOUND)
		return answer;
	answer = is_like(text, "Aaa Dd dd:dd:dd");
	return answer == EXTRACT_NOT_MINE ? is_like(text, "1 dddd-dd-ddTdd:dd:dd") : answer;
}
