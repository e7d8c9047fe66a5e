/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the question of a DNS message, over datagrams and streams, and of mDNS and LLMNR,
 * which share its form. The names are read by dpi/name.h, the lines that run in the kernel.
 *
 * On the ports of these protocols a message counts when its question can be read. On any other
 * port everything about it must look like DNS, so that nothing is invented from other payloads.
 *
 * Standards: RFC 1035 4.1 (messages), 4.2.2 and RFC 7766 (streams), RFC 6762, RFC 4795.
 */
#include "extract/extract.h"

#include "dpi/name.h"

enum {
	PORT_DNS = 53,
	PORT_NETBIOS_NAME = 137, /* the same heads, other names (RFC 1002) */
	PORT_MDNS = 5353,
	PORT_LLMNR = 5355,
	HEAD_LEN = 12,
	QUESTION_TAIL = 4, /* type and class */
	RECORD_LEN_MIN = 11,
	MDNS_QUESTIONS_MAX = 64,
	MESSAGE_MAX = 65535,
	STEPS_MAX = 256 + 16 + 1, /* of dpi_qname_step for one name */
};

struct message {
	struct slice bytes;   /* what is there of it */
	size_t len;	      /* all of it */
	enum app_proto proto; /* by its port; PROTO_NONE when that says nothing */
	bool is_strict;
	bool may_lack;	 /* its end may be missing: still under way, or cut off by a snap length */
	bool has_answer; /* QR */
	unsigned question_count;
	unsigned record_count;
};

static unsigned number_at(struct slice s, size_t at)
{
	return (unsigned)s.at[at] << 8 | s.at[at + 1];
}

static bool has_port(const struct extract_context *ctx, uint16_t port)
{
	return ctx->src_port == port || ctx->dst_port == port;
}

/* The protocol by its port; PROTO_NONE when the ports say nothing. */
static enum app_proto proto_by_port(const struct extract_context *ctx)
{
	if (has_port(ctx, PORT_DNS))
		return PROTO_DNS;
	if (has_port(ctx, PORT_MDNS))
		return PROTO_MDNS;
	return has_port(ctx, PORT_LLMNR) ? PROTO_LLMNR : PROTO_NONE;
}

/* Types and classes that are asked for in practice, for messages on unknown ports. */
static bool is_known_question(unsigned type, unsigned class)
{
	static const uint16_t types[] = {
		1,  2,	5,  6,	12, 13,	 15,  16,  17,	18,  24,  25,  28,  29,	 33,  35,    36,
		37, 39, 43, 44, 45, 46,	 47,  48,  49,	50,  51,  52,  53,  55,	 59,  60,    61,
		62, 63, 64, 65, 99, 108, 109, 249, 250, 251, 252, 255, 256, 257, 258, 32768, 32769,
	};

	if (class != 1 && class != 3 && class != 4 && class != 255)
		return false;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i] == type)
			return true;
	return false;
}

/*
 *    0  1  2  3  4  5  6  7    8  9 10 11 12 13 14 15
 *  |            identification                        |
 *  |QR|  opcode   |AA|TC|RD| |RA| Z|AD|CD|   rcode    |
 *  |  questions   |  answers  |  authority  |  more   |
 */
static bool is_strict_head(const struct message *m)
{
	unsigned flags = number_at(m->bytes, 2), rcode = flags & 15, more = number_at(m->bytes, 10);
	unsigned opcode = flags >> 11 & 15;

	if (opcode != 0 || flags & 0x0040 || m->question_count != 1)
		return false;
	if (m->record_count > (m->len - HEAD_LEN) / RECORD_LEN_MIN)
		return false;
	if (m->has_answer)
		return rcode <= 10;
	/* A query brings an OPT and perhaps a signature, and says nothing yet. */
	return rcode == 0 && !(flags & 0x0480) && m->record_count == more && more <= 2;
}

/* What is_strict_head() asks for and hardly any other datagram has. */
static inline bool may_be_strict(struct slice bytes)
{
	return bytes.len >= HEAD_LEN && number_at(bytes, 4) == 1;
}

/* As the kernel takes it; but the queries of mDNS are long lists (RFC 6762 5.3). */
static bool is_sound_head(const struct message *m)
{
	uint8_t head[HEAD_LEN];

	if (m->proto != PROTO_MDNS)
		return dpi_dns_head(m->bytes.at);
	memcpy(head, m->bytes.at, sizeof(head));
	if (m->question_count > DPI_QUESTIONS_MAX && m->question_count <= MDNS_QUESTIONS_MAX)
		head[5] = DPI_QUESTIONS_MAX;
	return dpi_dns_head(head);
}

/* Reads the head. FOUND: it is one. The message may still be short of bytes. */
static enum extract_answer read_head(struct message *m)
{
	struct slice b = m->bytes;

	if (m->len < HEAD_LEN)
		return EXTRACT_NOT_MINE;
	if (b.len < HEAD_LEN) {
		/* A whole head made of what is there and zeros, with one question. */
		uint8_t head[HEAD_LEN] = {[5] = 1};

		memcpy(head, b.at, b.len < 5 ? b.len : 5);
		return dpi_dns_head(head) ? EXTRACT_NEED_MORE : EXTRACT_NOT_MINE;
	}
	m->has_answer = b.at[2] & 0x80;
	m->question_count = number_at(b, 4);
	m->record_count = number_at(b, 6) + number_at(b, 8) + number_at(b, 10);
	if (m->is_strict && !is_strict_head(m))
		return EXTRACT_NOT_MINE;
	if (is_sound_head(m))
		return EXTRACT_FOUND;
	/* An answer need not repeat the question (RFC 6762 6, RFC 5936 2.2). */
	if (!m->is_strict && m->has_answer && !m->question_count && m->record_count &&
	    (b.at[2] & 0x78) == 0 && m->record_count <= (m->len - HEAD_LEN) / RECORD_LEN_MIN)
		return EXTRACT_FOUND;
	return EXTRACT_NOT_MINE;
}

enum { PLAIN_MAX = 200 }; /* bytes of a name that is read at once */

/* Copies a name's bytes: too few for the ways in which much is copied. */
static void copy(uint8_t *to, const uint8_t *from, size_t len)
{
	size_t i = 0;

	if (len < 8) {
		for (; i < len; i++)
			to[i] = from[i];
		return;
	}
	for (; i + 8 <= len; i += 8)
		memcpy(to + i, from + i, 8);
	memcpy(to + len - 8, from + len - 8, 8);
}

/*
 * Reads a name as nearly all are: labels up to the root, no pointer, no dot inside a label and no
 * colon, all of it there. q is as dpi_qname_step() would leave it, but that case is as it was and
 * is_odd not set. False: it is none such, and q is unchanged.
 */
static bool read_plain(struct slice bytes, struct dpi_qname *q, uint8_t text[256])
{
	const uint8_t *name = bytes.at + q->pos;
	size_t left = bytes.len - q->pos, len = 0, at;

	left = left < PLAIN_MAX ? left : PLAIN_MAX;
	while (len < left && name[len] && name[len] < 64)
		len += 1U + name[len];
	if (!len || len >= left || name[len] || memchr(name + 1, '.', len - 1) ||
	    memchr(name + 1, ':', len - 1))
		return false;
	copy(text, name + 1, len - 1);
	for (at = 1U + name[0]; at < len; at += 1U + name[at])
		text[at - 1] = '.';
	q->len = (__u32)(len - 1);
	q->pos = q->after = q->pos + (__u32)len + 1;
	q->state = DPI_QNAME_DONE;
	return true;
}

static void read_name(struct slice bytes, struct dpi_qname *q, uint8_t text[256])
{
	if (q->pos < bytes.len && read_plain(bytes, q, text))
		return;
	for (int i = 0; i < STEPS_MAX; i++)
		if (!dpi_qname_step(q, bytes.at, 0xffff, text))
			break;
}

/* Reads the question at *at and moves behind it. NEED_MORE: the bytes end inside. */
static enum extract_answer read_question(const struct message *m, size_t *at, struct clue *clue)
{
	struct dpi_qname q;
	uint8_t text[256];
	struct slice name, tail;

	dpi_qname_init(&q, (__u32)*at, (__u32)m->bytes.len);
	read_name(m->bytes, &q, text);
	if (q.state != DPI_QNAME_DONE)
		return q.pos >= q.limit && m->may_lack ? EXTRACT_NEED_MORE : EXTRACT_NOT_MINE;
	tail = slice_from(m->bytes, q.after);
	if (tail.len < QUESTION_TAIL)
		return m->may_lack ? EXTRACT_NEED_MORE : EXTRACT_NOT_MINE;
	name = slice_of(text, q.len);
	if (m->is_strict &&
	    (!name_is_host(name) || !is_known_question(number_at(tail, 0), number_at(tail, 2))))
		return EXTRACT_NOT_MINE;
	*at = q.after + QUESTION_TAIL;
	if (q.is_odd)
		clue->flags |= CLUE_ODD_NAME;
	clue_add_name(clue, name);
	return EXTRACT_FOUND;
}

/* Reads every question. Once one is sound the message is ours, whatever follows. */
static enum extract_answer read_questions(const struct message *m, struct clue *clue)
{
	enum extract_answer answer = EXTRACT_FOUND;
	size_t at = HEAD_LEN;

	for (unsigned i = 0; i < m->question_count; i++) {
		answer = read_question(m, &at, clue);
		if (answer == EXTRACT_NOT_MINE && i == 0)
			return answer;
		if (answer == EXTRACT_NOT_MINE) {
			clue->flags |= CLUE_ODD_NAME;
			answer = EXTRACT_FOUND;
			break;
		}
		if (answer == EXTRACT_NEED_MORE)
			break;
	}
	if (!m->is_strict || answer == EXTRACT_FOUND)
		clue->proto = m->is_strict ? PROTO_DNS : m->proto;
	if (m->has_answer && clue->proto != PROTO_NONE)
		clue->flags |= CLUE_RESPONSE;
	return answer;
}

enum extract_answer dns_try(struct slice bytes, const struct extract_context *ctx,
			    struct clue *clue)
{
	bool is_stream = ctx->transport == EXTRACT_STREAM;
	size_t prefix = is_stream ? 2 : 0;
	struct message m = {.proto = proto_by_port(ctx)};
	enum extract_answer answer;

	m.is_strict = m.proto == PROTO_NONE;
	if (m.is_strict && !is_stream && !may_be_strict(bytes))
		return EXTRACT_NOT_MINE;
	if (has_port(ctx, PORT_NETBIOS_NAME))
		return EXTRACT_NOT_MINE;
	if (bytes.len < prefix)
		return EXTRACT_NEED_MORE;
	m.len = is_stream ? number_at(bytes, 0) : bytes.len;
	m.bytes = slice_first(slice_from(bytes, prefix), m.len);
	m.bytes = slice_first(m.bytes, MESSAGE_MAX);
	m.may_lack = is_stream ? m.bytes.len < m.len : !m.is_strict;
	answer = read_head(&m);
	if (answer != EXTRACT_FOUND)
		return answer;
	answer = read_questions(&m, clue);
	if (answer != EXTRACT_FOUND)
		return answer;
	clue->consumed = prefix + m.len;
	clue->then = CLUE_THEN_SAME;
	return EXTRACT_FOUND;
}
