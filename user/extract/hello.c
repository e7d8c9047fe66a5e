/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the ClientHello, read in one pass over bytes that record borders may cut anywhere,
 * even inside the name. No length is trusted: each block is cut to the block around it, nothing is
 * copied but one name at a time and the first bytes of a few lists, and every step takes a byte.
 *
 * Standards: RFC 8446 4.1.2 (ClientHello), 5.1 (records); RFC 6347 4.2.1 (DTLS's); RFC 6066 3
 * (server_name); RFC 9849 (ECH).
 */
#include "extract/hello.h"

#include "extract/ja4.h"

enum {
	RECORD_CHANGE_CIPHER = 20,
	RECORD_ALERT = 21,
	RECORD_HANDSHAKE = 22,
	RECORD_HEAD = 5,
	RECORD_MAJOR_END = 16,
	RECORD_MAX = 16384 + 2048, /* RFC 5246 6.2.3, the larger of the limits */
	HANDSHAKE_CLIENT_HELLO = 1,
	HANDSHAKE_SERVER_HELLO = 2,
	HANDSHAKE_HEAD = 4,
	RANDOM_LEN = 32,
	EXTENSION_SERVER_NAME = 0,
	EXTENSION_ECH = 0xfe0d,
	NAME_TYPE_HOST = 0,
};

enum wire_state {
	WIRE_OPEN,
	WIRE_SHORT,  /* the bytes end before what was asked for */
	WIRE_BROKEN, /* something that no handshake continues with */
};

/* The handshake bytes, wherever the records put them. `state` sticks. */
struct wire {
	struct slice bytes;
	size_t at;	    /* next byte of the stream */
	size_t record_left; /* bytes of the current handshake record still to come */
	size_t taken;	    /* handshake bytes so far */
	bool is_odd;	    /* a record of a major version that is not 3 */
	enum wire_state state;
};

/*
 *  type (1), version (2), length (2), fragment (RFC 8446 5.1)
 *
 * Some servers take any version of a first record that is below 16.0.
 *
 * An alert or a change of cipher spec is stepped over: what follows may still be a hello. So are
 * empty records, however many: servers take them, at least between others.
 */
static void read_record_head(struct wire *w)
{
	struct slice head = slice_from(w->bytes, w->at);
	size_t len;

	if ((head.len > 0 &&
	     (head.at[0] < RECORD_CHANGE_CIPHER || head.at[0] > RECORD_HANDSHAKE)) ||
	    (head.len > 1 && head.at[1] >= RECORD_MAJOR_END)) {
		w->state = WIRE_BROKEN;
		return;
	}
	if (head.len < RECORD_HEAD) {
		w->state = WIRE_SHORT;
		return;
	}
	len = (size_t)head.at[3] << 8 | head.at[4];
	if (len > RECORD_MAX) {
		w->state = WIRE_BROKEN;
		return;
	}
	w->is_odd |= head.at[1] != 3;
	w->at += RECORD_HEAD;
	if (head.at[0] == RECORD_HANDSHAKE)
		w->record_left = len;
	else if (len > head.len - RECORD_HEAD)
		w->state = WIRE_SHORT;
	else
		w->at += len;
}

/* Takes n handshake bytes, into out unless that is NULL. Returns whether all of them are there. */
static bool take(struct wire *w, uint8_t *out, size_t n)
{
	while (n && w->state == WIRE_OPEN) {
		struct slice rest = slice_from(w->bytes, w->at);

		if (!w->record_left) {
			read_record_head(w);
			continue;
		}
		if (!rest.len) {
			w->state = WIRE_SHORT;
			break;
		}
		rest = slice_first(slice_first(rest, w->record_left), n);
		if (out) {
			memcpy(out, rest.at, rest.len);
			out += rest.len;
		}
		w->at += rest.len;
		w->record_left -= rest.len;
		w->taken += rest.len;
		n -= rest.len;
	}
	return w->state == WIRE_OPEN;
}

/* A big-endian number of up to four bytes; 0 when it is not all there. */
static uint32_t take_number(struct wire *w, size_t len)
{
	size_t left = w->at < w->bytes.len ? w->bytes.len - w->at : 0;
	const uint8_t *at;
	uint8_t bytes[4];
	uint32_t n = 0;

	if (w->state == WIRE_OPEN && len <= left && len <= w->record_left) { /* nearly always */
		at = w->bytes.at + w->at;
		w->at += len;
		w->record_left -= len;
		w->taken += len;
	} else if (take(w, bytes, len)) {
		at = bytes;
	} else {
		return 0;
	}
	for (size_t i = 0; i < len; i++)
		n = n << 8 | at[i];
	return n;
}

/* Where a block of len bytes from here ends, cut to the block around it, which ends at outer. */
static size_t block_end(const struct wire *w, size_t len, size_t outer)
{
	return len < outer - w->taken ? w->taken + len : outer;
}

static void skip_to(struct wire *w, size_t end)
{
	(void)take(w, NULL, end - w->taken);
}

/* Keeps what comes before stop, as far as it fits, unless keep is NULL. */
static void keep_block(struct wire *w, size_t stop, struct ja4_block *keep)
{
	size_t len = stop - w->taken;

	if (!keep)
		return;
	len = len < sizeof(keep->at) ? len : sizeof(keep->at);
	if (take(w, keep->at, len))
		keep->len = (uint16_t)len;
}

/* A vector whose length is a number of `width` bytes, stepped over; keep may be NULL. */
static void skip_vector(struct wire *w, size_t width, size_t outer, struct ja4_block *keep)
{
	size_t len, stop;

	if (outer - w->taken < width) {
		skip_to(w, outer);
		return;
	}
	len = take_number(w, width);
	if (w->state != WIRE_OPEN)
		return;
	stop = block_end(w, len, outer);
	keep_block(w, stop, keep);
	if (w->state == WIRE_OPEN)
		skip_to(w, stop);
}

/* The server_name extension's content, up to end (RFC 6066 3). host_count counts over all of them.
 */
static void read_server_names(struct wire *w, size_t end, unsigned *host_count, struct clue *clue)
{
	uint8_t name[NAME_MAX_LEN + 1]; /* and a trailing dot */
	size_t len;
	uint32_t type;

	if (end - w->taken < 2)
		return;
	len = take_number(w, 2);
	if (w->state == WIRE_OPEN)
		end = block_end(w, len, end);
	while (w->state == WIRE_OPEN && end - w->taken >= 3) {
		type = take_number(w, 1);
		len = take_number(w, 2);
		if (w->state != WIRE_OPEN || len > end - w->taken)
			return;
		if (type != NAME_TYPE_HOST) {
			skip_to(w, w->taken + len);
			continue;
		}
		if (len > sizeof(name)) {
			clue->flags |= CLUE_ODD_NAME;
			skip_to(w, w->taken + len);
		} else if (take(w, name, len)) {
			clue_add_host(clue, slice_of(name, len));
			if (++*host_count > 1)
				clue->flags |= CLUE_MANY_NAMES;
		}
	}
}

static void read_extensions(struct wire *w, size_t end, struct ja4_hello *print, struct clue *clue)
{
	unsigned host_count = 0;

	while (end - w->taken >= 4) {
		uint16_t type = (uint16_t)take_number(w, 2);
		size_t len = take_number(w, 2);
		struct ja4_block *keep;
		size_t stop;

		if (w->state != WIRE_OPEN)
			return;
		stop = block_end(w, len, end);
		keep = ja4_add_extension(print, type);
		if (type == EXTENSION_SERVER_NAME)
			read_server_names(w, stop, &host_count, clue);
		else if (type == EXTENSION_ECH)
			clue->flags |= CLUE_ECH;
		else
			keep_block(w, stop, keep);
		if (w->state == WIRE_OPEN)
			skip_to(w, stop);
	}
}

/*
 * The rest of the hello behind its version, up to end:
 * random (32), session id (<0..32>), DTLS: cookie (<0..255>), cipher suites (<2..2^16-2>),
 * compression methods (<1..255>), extensions (<8..2^16-1>, absent from the oldest clients).
 */
static void read_client_hello(struct wire *w, size_t end, struct ja4_hello *print,
			      struct clue *clue)
{
	skip_to(w, block_end(w, RANDOM_LEN, end));
	skip_vector(w, 1, end, NULL);
	if (clue->proto == PROTO_DTLS)
		skip_vector(w, 1, end, NULL);
	skip_vector(w, 2, end, &print->ciphers);
	skip_vector(w, 1, end, NULL);
	if (w->state == WIRE_OPEN && end - w->taken >= 2) {
		size_t len = take_number(w, 2);

		if (w->state == WIRE_OPEN)
			read_extensions(w, block_end(w, len, end), print, clue);
	}
	if (w->state == WIRE_OPEN)
		skip_to(w, end);
}

/* What a peer takes for the first byte of a version it knows. */
static bool is_major(const struct wire *w, uint32_t major, uint32_t type, enum app_proto proto)
{
	/* DTLS counts down from 1.0 (RFC 6347 4.1); 1 is what came before. */
	if (proto == PROTO_DTLS)
		return major == 0xfe || major == 1;
	if (type != HANDSHAKE_CLIENT_HELLO)
		return major == 3 && !w->is_odd;
	if (w->is_odd)
		return major == 3;
	/* A server that is offered versions in an extension does not look at the old field. In bare
	 * bytes, which prove less, it is not below 3. */
	return major >= 3 || w->bytes.at[0] == RECORD_HANDSHAKE;
}

/* The ClientHello behind the first byte of its version. Returns whether all of it is there. */
static bool read_hello(struct wire *w, size_t end, uint32_t major, struct crypt *crypt,
		       struct clue *clue)
{
	struct ja4_hello print;

	ja4_clear(&print);
	print.version = (uint16_t)(major << 8 | take_number(w, 1));
	read_client_hello(w, end, &print, clue);
	if (w->state != WIRE_OPEN)
		return false;
	/* Once, and not with each segment that brings a piece of it. */
	ja4_write(&print, crypt, clue);
	clue->flags |= CLUE_HELLO;
	if (!clue->name_count)
		clue->flags |= CLUE_NO_NAME;
	return true;
}

enum extract_answer hello_read(struct slice bytes, bool has_records, enum app_proto proto,
			       struct crypt *crypt, struct clue *clue)
{
	struct wire w = {.bytes = bytes, .record_left = has_records ? 0 : SIZE_MAX};
	uint32_t type = take_number(&w, 1), len, major;
	bool is_whole = false;

	if (w.state == WIRE_OPEN && type != HANDSHAKE_CLIENT_HELLO &&
	    type != HANDSHAKE_SERVER_HELLO)
		return EXTRACT_NOT_MINE;
	len = take_number(&w, 3);
	if (w.state == WIRE_OPEN && len < 2)
		return EXTRACT_NOT_MINE;
	major = take_number(&w, 1);
	if (w.state != WIRE_OPEN)
		return w.state == WIRE_SHORT ? EXTRACT_NEED_MORE : EXTRACT_NOT_MINE;
	if (!is_major(&w, major, type, proto))
		return EXTRACT_NOT_MINE;

	/* Certain from here on: whatever comes, this was a hello, and its names count. */
	clue->proto = proto;
	if (type == HANDSHAKE_CLIENT_HELLO) {
		is_whole = read_hello(&w, HANDSHAKE_HEAD + (size_t)len, major, crypt, clue);
		if (w.state == WIRE_SHORT)
			return EXTRACT_NEED_MORE;
	}
	clue->consumed = w.at;
	/* A server may ask for another hello (RFC 8446 4.1.4), and that one's name counts. */
	clue->then = is_whole ? CLUE_THEN_SAME : CLUE_THEN_END;
	return EXTRACT_FOUND;
}
