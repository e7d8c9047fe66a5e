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

#include "dpi/parse.h"
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
	EXTENSION_HEAD = 4, /* type and length */
	EXTENSION_SERVER_NAME = 0,
	EXTENSION_ECH = 0xfe0d,
	NAME_TYPE_HOST = 0,
	WARM = 640, /* bytes that most hellos have, of those that matter */
};

enum wire_state {
	WIRE_OPEN,
	WIRE_SHORT,  /* the bytes end before what was asked for */
	WIRE_BROKEN, /* something that no handshake continues with */
};

/* The handshake bytes, wherever the records put them: a run of them lies together from `at` on, in
 * most hellos all of them. `state` sticks. */
struct wire {
	const uint8_t *at, *stop; /* what is left of the run */
	struct slice rest;	  /* behind the run */
	size_t record_left; /* bytes of the run's record that are not there; rest is empty then */
	size_t upto;	    /* handshake bytes up to the run's end */
	uint8_t first;	    /* of all bytes */
	bool is_odd;	    /* a record of a major version that is not 3 */
	enum wire_state state;
};

/* How many handshake bytes were taken so far. */
static size_t taken(const struct wire *w)
{
	return w->upto - (size_t)(w->stop - w->at);
}

/* The next n bytes of rest are a run. */
static void begin_run(struct wire *w, size_t n)
{
	w->at = w->rest.at;
	w->stop = n ? w->at + n : w->at;
	w->upto += n;
	w->rest = slice_from(w->rest, n);
}

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
	struct slice head = w->rest;
	size_t len, there;

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
	w->rest = slice_from(head, RECORD_HEAD);
	there = len < w->rest.len ? len : w->rest.len;
	if (head.at[0] == RECORD_HANDSHAKE) {
		begin_run(w, there);
		w->record_left = len - there;
	} else if (there < len) {
		w->state = WIRE_SHORT;
	} else {
		w->rest = slice_from(w->rest, len);
	}
	/* Where the reading stands is right behind what was read. */
	if (w->at == w->stop)
		w->at = w->stop = w->rest.at;
}

static struct wire wire_of(struct slice bytes, bool has_records)
{
	struct wire w = {.rest = bytes, .first = bytes.len ? bytes.at[0] : 0};

	w.at = w.stop = bytes.at;
	if (has_records) {
		read_record_head(&w);
	} else {
		begin_run(&w, bytes.len);
		w.record_left = SIZE_MAX;
	}
	return w;
}

/* As take(), from run to run. */
static bool take_slowly(struct wire *w, uint8_t *out, size_t n)
{
	while (n && w->state == WIRE_OPEN) {
		struct slice run = slice_first(slice_of(w->at, (size_t)(w->stop - w->at)), n);

		if (run.len) {
			if (out) {
				memcpy(out, run.at, run.len);
				out += run.len;
			}
			w->at += run.len;
			n -= run.len;
		} else if (w->record_left) {
			w->state = WIRE_SHORT;
		} else {
			read_record_head(w);
		}
	}
	return w->state == WIRE_OPEN;
}

/* True when the next n bytes lie together. */
static inline bool is_together(const struct wire *w, size_t n)
{
	return w->state == WIRE_OPEN && n <= (size_t)(w->stop - w->at);
}

/* Takes n handshake bytes, into out unless that is NULL. Returns whether all of them are there. */
static inline bool take(struct wire *w, uint8_t *out, size_t n)
{
	if (!is_together(w, n))
		return take_slowly(w, out, n);
	if (out)
		memcpy(out, w->at, n);
	w->at += n;
	return true;
}

/* A big-endian number of up to four bytes, len being a constant; 0 when it is not all there. */
static inline __attribute__((always_inline)) uint32_t take_number(struct wire *w, size_t len)
{
	const uint8_t *at = w->at;
	uint8_t bytes[4];

	if (is_together(w, len)) /* nearly always */
		w->at += len;
	else if (take_slowly(w, bytes, len))
		at = bytes;
	else
		return 0;
	switch (len) {
	case 1: return at[0];
	case 2: return dpi_get16(at);
	case 3: return (uint32_t)at[0] << 16 | dpi_get16(at + 1);
	default: return dpi_get32(at);
	}
}

/* Where a block of len bytes from here ends, cut to the block around it, which ends at outer. */
static inline size_t block_end(const struct wire *w, size_t len, size_t outer)
{
	size_t from = taken(w);

	return len < outer - from ? from + len : outer;
}

static inline void skip_to(struct wire *w, size_t end)
{
	(void)take(w, NULL, end - taken(w));
}

/* Keeps what comes before stop, as far as it fits, unless keep is NULL. */
static inline void keep_block(struct wire *w, size_t stop, struct ja4_block *keep)
{
	size_t len = stop - taken(w);

	if (!keep)
		return;
	len = len < sizeof(keep->room) ? len : sizeof(keep->room);
	keep->at = is_together(w, len) ? w->at : keep->room;
	if (take(w, keep->at == keep->room ? keep->room : NULL, len))
		keep->len = (uint16_t)len;
}

/* A vector whose length is a number of `width` bytes, stepped over; keep may be NULL. */
static inline __attribute__((always_inline)) void skip_vector(struct wire *w, size_t width,
							      size_t outer, struct ja4_block *keep)
{
	size_t len, stop;

	if (outer - taken(w) < width) {
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

/* A name of len bytes. */
static void read_name(struct wire *w, size_t len, struct clue *clue)
{
	uint8_t scattered[NAME_MAX_LEN + 1]; /* and a trailing dot */
	const uint8_t *at = is_together(w, len) ? w->at : scattered;

	if (len > sizeof(scattered)) {
		clue->flags |= CLUE_ODD_NAME;
		(void)take(w, NULL, len);
	} else if (take(w, at == scattered ? scattered : NULL, len)) {
		clue_add_host(clue, slice_of(at, len));
	}
}

/* The server_name extension's content, up to end (RFC 6066 3). host_count counts over all of them.
 */
static void read_server_names(struct wire *w, size_t end, unsigned *host_count, struct clue *clue)
{
	size_t len;
	uint32_t type;

	if (end - taken(w) < 2)
		return;
	len = take_number(w, 2);
	if (w->state == WIRE_OPEN)
		end = block_end(w, len, end);
	while (w->state == WIRE_OPEN && end - taken(w) >= 3) {
		type = take_number(w, 1);
		len = take_number(w, 2);
		if (w->state != WIRE_OPEN || len > end - taken(w))
			return;
		if (type != NAME_TYPE_HOST) {
			(void)take(w, NULL, len);
			continue;
		}
		read_name(w, len, clue);
		if (w->state == WIRE_OPEN && len <= NAME_MAX_LEN + 1 && ++*host_count > 1)
			clue->flags |= CLUE_MANY_NAMES;
	}
}

/* True for the extensions that matter beyond being there. */
static inline bool is_read(uint16_t type)
{
	return type == EXTENSION_SERVER_NAME || type == EXTENSION_ECH || ja4_is_block(type);
}

/* What an extension says beyond being there; its content ends at stop. */
static void read_extension(struct wire *w, uint16_t type, size_t stop, struct ja4_hello *print,
			   unsigned *host_count, struct clue *clue)
{
	if (type == EXTENSION_SERVER_NAME)
		read_server_names(w, stop, host_count, clue);
	else if (type == EXTENSION_ECH)
		clue->flags |= CLUE_ECH;
	else
		keep_block(w, stop, ja4_block_of(print, type));
}

/* Reads the extensions that lie together, nearly always all of them. */
static void skim_extensions(struct wire *w, size_t end, struct ja4_hello *print,
			    unsigned *host_count, struct clue *clue)
{
	size_t run = (size_t)(w->stop - w->at), left = end - taken(w);
	const uint8_t *at = w->at;

	left = left < run ? left : run;
	while (left >= EXTENSION_HEAD) {
		uint16_t type = dpi_get16(at);
		size_t len = dpi_get16(at + 2);

		if (len > left - EXTENSION_HEAD)
			break;
		left -= EXTENSION_HEAD + len;
		at += EXTENSION_HEAD;
		ja4_add_extension(print, type);
		if (is_read(type)) {
			w->at = at;
			read_extension(w, type, taken(w) + len, print, host_count, clue);
		}
		at += len;
	}
	w->at = at;
}

static void read_extensions(struct wire *w, size_t end, struct ja4_hello *print, struct clue *clue)
{
	unsigned host_count = 0;

	for (;;) {
		uint32_t head;
		uint16_t type;
		size_t stop;

		skim_extensions(w, end, print, &host_count, clue);
		if (end - taken(w) < EXTENSION_HEAD)
			return;
		head = take_number(w, EXTENSION_HEAD);
		type = (uint16_t)(head >> 16);
		if (w->state != WIRE_OPEN)
			return;
		stop = block_end(w, head & 0xffff, end);
		ja4_add_extension(print, type);
		if (is_read(type))
			read_extension(w, type, stop, print, &host_count, clue);
		if (w->state != WIRE_OPEN)
			return;
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
	if (w->state == WIRE_OPEN && end - taken(w) >= 2) {
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
	return major >= 3 || w->first == RECORD_HANDSHAKE;
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
	struct wire w = wire_of(bytes, has_records);
	uint32_t type, len, major;
	bool is_whole = false;

	if (w.state == WIRE_BROKEN) /* what follows a hello, mostly */
		return EXTRACT_NOT_MINE;
	type = take_number(&w, 1);
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
	slice_warm(slice_of(w.at, (size_t)(w.stop - w.at)), WARM);
	clue->proto = proto;
	if (type == HANDSHAKE_CLIENT_HELLO) {
		is_whole = read_hello(&w, HANDSHAKE_HEAD + (size_t)len, major, crypt, clue);
		if (w.state == WIRE_SHORT)
			return EXTRACT_NEED_MORE;
	}
	clue->consumed = (size_t)(w.at - bytes.at);
	/* A server may ask for another hello (RFC 8446 4.1.4), and that one's name counts. */
	clue->then = is_whole ? CLUE_THEN_SAME : CLUE_THEN_END;
	return EXTRACT_FOUND;
}
