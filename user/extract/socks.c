/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: what a client of a SOCKS proxy asks for, from its own bytes alone: the host it
 * wants to reach is a name, and behind the request a tunnel begins. On any port, but for a request
 * of version 4 without a name, which looks like many other things.
 *
 * Standards: RFC 1928 3, 4 (SOCKS 5), RFC 1929 (its user names); SOCKS 4 and 4a as their authors
 * described them.
 */
#include "base/addr.h"
#include "base/reader.h"
#include "extract/extract.h"

enum {
	VERSION_4 = 4,
	VERSION_5 = 5,
	VERSION_LOGIN = 1,
	METHOD_LOGIN = 2,
	COMMAND_CONNECT = 1,
	COMMAND_BIND = 2,
	COMMAND_UDP = 3,
	ADDRESS_IP4 = 1,
	ADDRESS_NAME = 3,
	ADDRESS_IP6 = 4,
	USER_MAX = 255,
};

static enum extract_answer found(struct clue *clue, size_t consumed, unsigned command)
{
	clue->consumed = consumed;
	clue->then = command == COMMAND_CONNECT ? CLUE_THEN_ANY : CLUE_THEN_END;
	if (!clue->name_count)
		clue->flags |= CLUE_NO_NAME;
	return EXTRACT_FOUND;
}

static void add_address(struct clue *clue, struct slice bytes)
{
	char text[ADDR_TEXT_MAX];
	struct dpi_addr addr;

	if (bytes.len == 4) {
		uint32_t ip;

		memcpy(&ip, bytes.at, sizeof(ip));
		dpi_addr_set4(&addr, ip);
	} else {
		memcpy(&addr, bytes.at, sizeof(addr));
	}
	clue_add_name(clue, slice_text(addr_format(&addr, text)));
}

/* The bytes up to a NUL, which is taken as well. NEED_MORE: it is not there yet. */
static enum extract_answer take_text(struct reader *r, struct slice *text)
{
	struct slice rest = slice_first(slice_of(r->at, r->left), USER_MAX + 1);
	const uint8_t *nul = rest.len ? memchr(rest.at, '\0', rest.len) : NULL;

	if (!nul)
		return rest.len > USER_MAX ? EXTRACT_NOT_MINE : EXTRACT_NEED_MORE;
	*text = reader_take(r, (size_t)(nul - rest.at));
	reader_skip(r, 1);
	return EXTRACT_FOUND;
}

/* Where proxies listen, by convention. */
static bool is_socks_port(uint16_t port)
{
	return (port >= 1080 && port <= 1089) || port == 4145 || port == 9050 || port == 9150;
}

/* True when nothing in it is a control: what user names are, and what chance does not make. */
static bool is_plain(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] < 0x20 || s.at[i] == 0x7f)
			return false;
	return true;
}

/*
 *     0       1       2  3     4 .. 7     8 ...
 *  +---+---------+---------+---------+------------+----+------------+----+
 *  | 4 | command |   port  | address | user name  |  0 | host (4a)  |  0 |
 *  +---+---------+---------+---------+------------+----+------------+----+
 *
 * A host follows when the address is 0.0.0.x, x not 0.
 */
static enum extract_answer try_4(struct slice bytes, uint16_t dst_port, struct clue *clue)
{
	struct reader r = reader_of(bytes);
	unsigned command = slice_from(bytes, 1).len ? bytes.at[1] : COMMAND_CONNECT;
	struct slice user = {0}, host = {0}, address;
	enum extract_answer answer;
	uint16_t port;
	bool has_name;

	reader_skip(&r, 2);
	port = reader_u16(&r);
	address = reader_take(&r, 4);
	if (command != COMMAND_CONNECT && command != COMMAND_BIND)
		return EXTRACT_NOT_MINE;
	if (r.bad)
		return EXTRACT_NEED_MORE;
	has_name = address.at[0] == 0 && !address.at[1] && !address.at[2] && address.at[3];
	if (!port || (!has_name && !is_socks_port(dst_port)))
		return EXTRACT_NOT_MINE;
	answer = take_text(&r, &user);
	if (answer == EXTRACT_FOUND && has_name)
		answer = take_text(&r, &host);
	if (answer != EXTRACT_FOUND)
		return answer;
	if (!is_socks_port(dst_port) && (!is_plain(user) || !name_is_host(host)))
		return EXTRACT_NOT_MINE;
	clue->proto = PROTO_SOCKS;
	if (has_name)
		clue_add_host(clue, host);
	else
		add_address(clue, address);
	return found(clue, bytes.len - r.left, command);
}

/* Version 1, user name and password, each behind its length (RFC 1929 2). */
static void skip_login(struct reader *r)
{
	reader_skip(r, 1);
	reader_skip(r, reader_u8(r));
	reader_skip(r, reader_u8(r));
}

/*
 *     0       1        2      3       4 ...
 *  +---+---------+--------+------+---------+--------+
 *  | 5 | command | unused | type | address |  port  |
 *  +---+---------+--------+------+---------+--------+
 *
 * Servers do not look at the unused byte. The names count as soon as they are whole.
 */
static enum extract_answer try_request(struct slice bytes, struct reader *r, struct clue *clue)
{
	struct slice start = slice_first(slice_of(r->at, r->left), 4), address;
	unsigned command, type;

	if ((start.len > 0 && start.at[0] != VERSION_5) ||
	    (start.len > 1 && (start.at[1] < COMMAND_CONNECT || start.at[1] > COMMAND_UDP)))
		return EXTRACT_NOT_MINE;
	if (start.len < 4)
		return EXTRACT_NEED_MORE;
	command = start.at[1];
	type = start.at[3];
	reader_skip(r, 4);
	if (type == ADDRESS_NAME)
		address = reader_take(r, reader_u8(r));
	else if (type == ADDRESS_IP4 || type == ADDRESS_IP6)
		address = reader_take(r, type == ADDRESS_IP4 ? 4 : 16);
	else
		return EXTRACT_NOT_MINE;
	if (r->bad)
		return EXTRACT_NEED_MORE;
	clue->proto = PROTO_SOCKS;
	if (type == ADDRESS_NAME)
		clue_add_host(clue, address);
	/* An address to send datagrams from is not where anybody wants to go. */
	else if (command != COMMAND_UDP)
		add_address(clue, address);
	reader_skip(r, 2);
	if (r->bad)
		return EXTRACT_NEED_MORE;
	return found(clue, bytes.len - r->left, command);
}

/* Version, count and methods; a login, when one of the methods is that; the request. */
static enum extract_answer try_5(struct slice bytes, struct clue *clue)
{
	struct reader r = reader_of(bytes);
	struct slice methods;

	reader_skip(&r, 1);
	methods = reader_take(&r, reader_u8(&r));
	if (r.bad)
		return EXTRACT_NEED_MORE;
	if (!methods.len)
		return bytes.len > 1 ? EXTRACT_NOT_MINE : EXTRACT_NEED_MORE;
	if (!r.left)
		return EXTRACT_NEED_MORE;
	if (r.at[0] == VERSION_LOGIN && memchr(methods.at, METHOD_LOGIN, methods.len))
		skip_login(&r);
	return r.bad ? EXTRACT_NEED_MORE : try_request(bytes, &r, clue);
}

enum extract_answer socks_try(struct slice bytes, const struct extract_context *ctx,
			      struct clue *clue)
{
	if (!bytes.len)
		return EXTRACT_NEED_MORE;
	if (bytes.at[0] == VERSION_5)
		return try_5(bytes, clue);
	return bytes.at[0] == VERSION_4 ? try_4(bytes, ctx->dst_port, clue) : EXTRACT_NOT_MINE;
}
