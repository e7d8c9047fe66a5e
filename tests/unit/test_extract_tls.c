/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * ClientHellos: real ones, and ones built here with every trick a sender has: names in odd places,
 * records cut anywhere, lengths that lie.
 */
#include "bytes.h"

#include "extract/hello.h"
#include "hello_bytes.h"

#define STREAM	.ctx = {.transport = EXTRACT_STREAM, .src_port = 50000, .dst_port = 4433}
#define BLOCKED T("blocked.example")
#define ALLOWED T("allowed.example")

static void put_zeros(struct bytes *b, size_t len)
{
	while (len--)
		put_number(b, 0, 1);
}

/* What a hello to build is like; everything 0 is a plain hello without extensions. */
struct hello {
	struct row_text name;	    /* in the server_name extension; none: no such extension */
	struct row_text second;	    /* another one in the same list */
	struct row_text other_list; /* in a second server_name extension, at the end */
	bool is_empty_list;	    /* a server_name extension without content */
	bool has_other_type;	    /* an entry of unknown type in front of the name */
	unsigned grease_count;	    /* unknown extensions in front */
	size_t padding;		    /* bytes of one more in front */
	bool has_ech;
	bool has_no_extensions;
	int list_lie;			   /* added to the length of the name list */
	int name_lie;			   /* added to the length of the first name */
	long hello_lie;			   /* added to the length of the hello */
	size_t cut;			   /* bytes of handshake a record; 0: as many as fit */
	size_t first_cut;		   /* the same for the first record alone */
	unsigned empty_count;		   /* empty records in front */
	bool has_alert, has_change_cipher; /* records in front */
	bool has_alert_inside;		   /* behind the first record */
	uint8_t minor;			   /* of the record version */
	bool is_dtls;			   /* a bare DTLS hello: of that version, with a cookie */
	uint16_t version;		   /* of DTLS; 0: 1.2 */
	uint8_t cookie;			   /* its length */
	uint8_t cookie_lie;		   /* added to the length it says */
};

static void put_name(struct bytes *b, const struct row_text *name, int lie)
{
	if (!name->at)
		return;
	put_number(b, 0, 1);
	put_number(b, name->len + (size_t)lie, 2);
	put(b, name->at, name->len);
}

/* The server_name extension with up to two names. */
static void put_names(struct bytes *b, const struct hello *h, const struct row_text *first,
		      const struct row_text *second)
{
	static struct bytes list;

	list.len = 0;
	if (h->has_other_type) {
		put_number(&list, 7, 1);
		put_number(&list, 15, 2);
		put(&list, "ignored.example", 15);
	}
	put_name(&list, first, h->name_lie);
	put_name(&list, second, 0);
	put_number(b, 0, 2);
	put_number(b, list.len + 2, 2);
	put_number(b, list.len + (size_t)h->list_lie, 2);
	put(b, list.at, list.len);
}

static void put_extensions(struct bytes *b, const struct hello *h)
{
	static const struct row_text none;

	for (unsigned i = 0; i < h->grease_count; i++) {
		put_number(b, 0x0a0a + (i & 15) * 0x1010, 2);
		put_number(b, i & 3, 2);
		put_zeros(b, i & 3);
	}
	if (h->padding) {
		put_number(b, 0x7777, 2);
		put_number(b, h->padding, 2);
		put_zeros(b, h->padding);
	}
	if (h->is_empty_list)
		put_number(b, 0, 4);
	if (h->has_ech) {
		put_number(b, 0xfe0d, 2);
		put_number(b, 9, 2);
		put_zeros(b, 9);
	}
	if (h->name.at)
		put_names(b, h, &h->name, &h->second);
	if (h->other_list.at)
		put_names(b, h, &h->other_list, &none);
}

/* The handshake message. */
static void put_hello(struct bytes *b, const struct hello *h)
{
	static struct bytes body, extensions;

	body.len = extensions.len = 0;
	put_number(&body, !h->is_dtls ? 0x0303 : h->version ? h->version : 0xfefd, 2);
	put_zeros(&body, 32);
	put_number(&body, 32, 1);
	put_zeros(&body, 32);
	if (h->is_dtls) {
		put_number(&body, (size_t)(h->cookie + h->cookie_lie), 1);
		put_zeros(&body, h->cookie);
	}
	put_number(&body, 4, 2);
	put_number(&body, 0x13011302, 4);
	put_number(&body, 0x0100, 2);
	put_extensions(&extensions, h);
	if (!h->has_no_extensions) {
		put_number(&body, extensions.len, 2);
		put(&body, extensions.at, extensions.len);
	}
	put_number(b, 1, 1);
	put_number(b, body.len + (size_t)h->hello_lie, 3);
	put(b, body.at, body.len);
}

static void put_record(struct bytes *b, uint8_t type, uint8_t minor, const void *at, size_t len)
{
	put_number(b, type, 1);
	put_number(b, 0x0300 + minor, 2);
	put_number(b, len, 2);
	put(b, at, len);
}

/* The hello in its records. */
static void build(struct bytes *b, const struct hello *h)
{
	static struct bytes message;
	size_t at = 0;

	message.len = b->len = 0;
	put_hello(&message, h);
	for (unsigned i = 0; i < h->empty_count; i++)
		put_record(b, 22, h->minor, NULL, 0);
	if (h->has_alert)
		put_record(b, 21, h->minor, "\1", 2);
	if (h->has_change_cipher)
		put_record(b, 20, h->minor, "\1", 1);
	if (h->is_dtls) {
		put(b, message.at, message.len);
		return;
	}
	while (at < message.len) {
		size_t n = at == 0 && h->first_cut ? h->first_cut : h->cut ? h->cut : 16384;

		n = n < message.len - at ? n : message.len - at;
		put_record(b, 22, h->minor, message.at + at, n);
		if (at == 0 && h->has_alert_inside)
			put_record(b, 21, h->minor, "\1", 2);
		at += n;
	}
}

/* --- built hellos ---------------------------------------------------------------------------- */

#define FOUND(...) .answer = EXTRACT_FOUND, .names = {__VA_ARGS__}

static const struct built {
	const char *name;
	struct hello hello;
	enum extract_answer answer;
	uint32_t flags;
	struct row_text names[4];
} built[] = {
	{"a plain name", {.name = BLOCKED}, FOUND(BLOCKED)},
	{"any case", {.name = T("BlOcKeD.ExAmPlE")}, FOUND(BLOCKED)},
	{"a trailing dot", {.name = T("blocked.example.")}, FOUND(BLOCKED)},
	{"a leading dot is odd",
	 {.name = T(".blocked.example")},
	 FOUND(T(".blocked.example")),
	 .flags = CLUE_ODD_NAME},
	{"a NUL: the whole and the part before",
	 {.name = T("blocked.example\0.allowed")},
	 FOUND(T("blocked.example\0.allowed"), BLOCKED),
	 .flags = CLUE_ODD_NAME},
	{"an escape sequence is kept and flagged",
	 {.name = T("a\x1b]0;b")},
	 FOUND(T("a\x1b]0;b")),
	 .flags = CLUE_ODD_NAME},
	{"no extension at all", {.has_no_extensions = true}, FOUND(), .flags = CLUE_NO_NAME},
	{"extensions without a name", {.grease_count = 3}, FOUND(), .flags = CLUE_NO_NAME},
	{"an empty name extension", {.is_empty_list = true}, FOUND(), .flags = CLUE_NO_NAME},
	{"an empty name", {.name = T("")}, FOUND(), .flags = CLUE_NO_NAME},
	{"an address", {.name = T("192.0.2.1")}, FOUND(T("192.0.2.1")), .flags = CLUE_IP_LITERAL},
	{"two names in the list",
	 {.name = ALLOWED, .second = BLOCKED},
	 FOUND(ALLOWED, BLOCKED),
	 .flags = CLUE_MANY_NAMES},
	{"two lists",
	 {.name = ALLOWED, .other_list = BLOCKED},
	 FOUND(ALLOWED, BLOCKED),
	 .flags = CLUE_MANY_NAMES},
	{"an unknown type of name in front",
	 {.name = BLOCKED, .has_other_type = true},
	 FOUND(BLOCKED)},
	{"a list that claims less than it holds",
	 {.name = ALLOWED, .second = BLOCKED, .list_lie = -1},
	 FOUND(ALLOWED)},
	{"a list that claims more than it holds",
	 {.name = BLOCKED, .list_lie = 500, .grease_count = 2},
	 FOUND(BLOCKED)},
	{"a name that claims more than its list holds is none",
	 {.name = BLOCKED, .name_lie = 1},
	 FOUND(),
	 .flags = CLUE_NO_NAME},
	{"a name of 255 bytes and a dot",
	 {.name = T("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff."
		    "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff."
		    "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff."
		    "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff."
		    "0123456789a.")},
	 FOUND(T("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff."
		 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff."
		 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff."
		 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff."
		 "0123456789a"))},
	{"a name longer than names are",
	 {.name = T("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff."
		    "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff."
		    "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff."
		    "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff."
		    "0123456789abcdef")},
	 FOUND(),
	 .flags = CLUE_ODD_NAME | CLUE_NO_NAME},
	{"300 unknown extensions in front", {.name = BLOCKED, .grease_count = 300}, FOUND(BLOCKED)},
	{"encrypted hello and an outer name",
	 {.name = BLOCKED, .has_ech = true},
	 FOUND(BLOCKED),
	 .flags = CLUE_ECH},
	{"encrypted hello without one",
	 {.has_ech = true},
	 FOUND(),
	 .flags = CLUE_ECH | CLUE_NO_NAME},
	{"a post-quantum hello of 1.8 KB", {.name = BLOCKED, .padding = 1600}, FOUND(BLOCKED)},
	{"one byte a record", {.name = BLOCKED, .cut = 1}, FOUND(BLOCKED)},
	{"16 bytes a record", {.name = BLOCKED, .cut = 16}, FOUND(BLOCKED)},
	{"a first record of two bytes", {.name = BLOCKED, .first_cut = 2}, FOUND(BLOCKED)},
	{"16 empty records in front", {.name = BLOCKED, .empty_count = 16}, FOUND(BLOCKED)},
	{"more empty records in front than any limit",
	 {.name = BLOCKED, .empty_count = 40},
	 FOUND(BLOCKED)},
	{"more unknown extensions than any limit",
	 {.name = BLOCKED, .grease_count = 2000},
	 FOUND(BLOCKED)},
	{"an alert and a cipher change in front",
	 {.name = BLOCKED, .has_alert = true, .has_change_cipher = true},
	 FOUND(BLOCKED)},
	{"an alert inside the hello",
	 {.name = BLOCKED, .cut = 60, .has_alert_inside = true},
	 FOUND(BLOCKED)},
	{"record version 3.0", {.name = BLOCKED, .minor = 0}, FOUND(BLOCKED)},
	{"record version 3.255", {.name = BLOCKED, .minor = 255}, FOUND(BLOCKED)},
	{"a hello that claims 16 MiB: its name counts, its end is awaited",
	 {.name = BLOCKED, .hello_lie = 0xff0000},
	 .names = {BLOCKED},
	 .answer = EXTRACT_NEED_MORE},
	{"a hello that claims less than its blocks",
	 {.name = BLOCKED, .hello_lie = -10},
	 FOUND(),
	 .flags = CLUE_NO_NAME},
};

static void check_built(try_fn try, const struct built *h)
{
	static struct bytes b;
	bool is_mine = h->answer != EXTRACT_NOT_MINE;
	bool is_whole = h->answer == EXTRACT_FOUND;
	struct row row = {
		.name = h->name,
		.answer = h->answer,
		.proto = !is_mine	    ? PROTO_NONE
			 : h->hello.is_dtls ? PROTO_DTLS
					    : PROTO_TLS,
		.flags = h->flags | (is_whole ? CLUE_HELLO : 0),
		.then = CLUE_THEN_SAME,
		STREAM,
	};

	build(&b, &h->hello);
	row.bytes = (struct row_text){(const char *)b.at, b.len};
	if (h->hello.hello_lie < 0)
		row.consumed = b.len - (size_t)-h->hello.hello_lie;
	memcpy(row.names, h->names, sizeof(h->names));
	check_row(try, &row);
}

static void each_built_hello(void **state)
{
	for (size_t i = 0; i < sizeof(built) / sizeof(built[0]); i++)
		check_built(tls_try, &built[i]);
}

/* --- DTLS's hello, as its fragments put together give it -------------------------------------- */

static enum extract_answer try_dtls(struct slice bytes, const struct extract_context *ctx,
				    struct clue *clue)
{
	return hello_read(bytes, false, PROTO_DTLS, NULL, clue);
}

static const struct built dtls[] = {
	{"DTLS 1.2", {.is_dtls = true, .name = BLOCKED}, FOUND(BLOCKED)},
	{"DTLS 1.0", {.is_dtls = true, .version = 0xfeff, .name = BLOCKED}, FOUND(BLOCKED)},
	{"before DTLS 1.0", {.is_dtls = true, .version = 0x0100, .name = BLOCKED}, FOUND(BLOCKED)},
	{"a cookie", {.is_dtls = true, .cookie = 20, .name = BLOCKED}, FOUND(BLOCKED)},
	{"the longest cookie", {.is_dtls = true, .cookie = 255, .name = BLOCKED}, FOUND(BLOCKED)},
	{"a cookie that claims more than the hello holds is all that follows",
	 {.is_dtls = true, .cookie_lie = 200, .name = BLOCKED},
	 FOUND(),
	 .flags = CLUE_NO_NAME},
	{"no name", {.is_dtls = true, .cookie = 1}, FOUND(), .flags = CLUE_NO_NAME},
	{"a version of TLS is none of DTLS",
	 {.is_dtls = true, .version = 0x0303, .name = BLOCKED},
	 .answer = EXTRACT_NOT_MINE},
};

static void each_dtls_hello(void **state)
{
	for (size_t i = 0; i < sizeof(dtls) / sizeof(dtls[0]); i++)
		check_built(try_dtls, &dtls[i]);
}

/* What DTLS's version would be is none of a TLS server's hello. */
static void dtls_servers_are_told_from_tls(void **state)
{
	static const char bytes[] = "\2\0\0\x26\xfe\xfd";
	struct clue c;

	clue_clear(&c);
	assert_int_equal(hello_read(slice_of(bytes, 6), false, PROTO_TLS, NULL, &c),
			 EXTRACT_NOT_MINE);
	assert_int_equal(c.proto, PROTO_NONE);
	assert_int_equal(hello_read(slice_of(bytes, 6), false, PROTO_DTLS, NULL, &c),
			 EXTRACT_FOUND);
	assert_int_equal(c.proto, PROTO_DTLS);
	assert_int_equal(c.flags, 0);
}

/* The 64 KiB that are inspected hold a name behind 40 KiB of padding, three records on. */
static void name_behind_40_kib(void **state)
{
	static const struct hello h = {.name = BLOCKED, .padding = 40000};
	static struct bytes b;
	struct row row = {
		.name = "name behind 40 KiB",
		.answer = EXTRACT_FOUND,
		.proto = PROTO_TLS,
		.flags = CLUE_HELLO,
		.names = {BLOCKED},
		.then = CLUE_THEN_SAME,
		STREAM,
	};

	build(&b, &h);
	row.bytes = (struct row_text){(const char *)b.at, b.len};
	check_whole(tls_try, &row);
	for (size_t len = 0; len < b.len; len += 97)
		check_cut(tls_try, &row, len);
}

/* A record border at every place of the hello. */
static void every_border(void **state)
{
	static struct bytes b;
	struct hello h = {.name = BLOCKED, .grease_count = 3};
	struct clue c;

	for (h.first_cut = 1; h.first_cut < 150; h.first_cut++) {
		build(&b, &h);
		memset(&c, 0, sizeof(c));
		assert_int_equal(tls_try(slice_of(b.at, b.len),
					 &(struct extract_context){.transport = EXTRACT_STREAM},
					 &c),
				 EXTRACT_FOUND);
		assert_int_equal(c.name_count, 1);
		assert_string_equal(c.name[0].text, "blocked.example");
		assert_int_equal(c.consumed, b.len);
	}
}

/* --- bytes as they are ----------------------------------------------------------------------- */

#define REAL(array)                                  \
	{                                            \
		(const char *)(array), sizeof(array) \
	}
#define TLS_END	 .proto = PROTO_TLS, .then = CLUE_THEN_END, STREAM
#define TLS_SAME .proto = PROTO_TLS, .then = CLUE_THEN_SAME, STREAM

static const struct row rows[] = {
	{"curl's hello", REAL(hello_curl), EXTRACT_FOUND, .flags = CLUE_HELLO,
	 .names = {T("www.ntop.org")}, TLS_SAME},
	{"a browser's hello", REAL(hello_browser), EXTRACT_FOUND, .flags = CLUE_ECH | CLUE_HELLO,
	 .names = {T("meet.google.com")}, TLS_SAME},
	{"a server's hello names nothing", REAL(hello_server), EXTRACT_FOUND, .consumed = 10,
	 TLS_END},
	{"application data", T("\x17\x03\x03\x00\x10"), EXTRACT_NOT_MINE, STREAM},
	{"a certificate first", T("\x16\x03\x03\x00\x10\x0b\x00\x00\x0c\x00"), EXTRACT_NOT_MINE,
	 STREAM},
	{"a record of 20 KiB", T("\x16\x03\x01\x50\x00\x01"), EXTRACT_NOT_MINE, STREAM},
	{"version 2 of SSL", T("\x80\x2e\x01\x00\x02"), EXTRACT_NOT_MINE, STREAM},
	{"a hello of version 2.x, which an extension may outdo",
	 T("\x16\x03\x01\x00\x80\x01\x00\x00\x7c\x02\x00"), EXTRACT_NEED_MORE, STREAM,
	 .proto = PROTO_TLS},
	{"a record of version 4", T("\x16\x04\x00\x00\x80\x01\x00\x00\x7c\x03\x03"),
	 EXTRACT_NEED_MORE, STREAM, .proto = PROTO_TLS},
	{"neither is of version 3", T("\x16\x04\x00\x00\x80\x01\x00\x00\x7c\x02\x00"),
	 EXTRACT_NOT_MINE, STREAM},
	{"a record of version 16", T("\x16\x10\x00\x00\x80\x01\x00\x00\x7c\x03\x03"),
	 EXTRACT_NOT_MINE, STREAM},
	{"a hello without room for its version", T("\x16\x03\x01\x00\x80\x01\x00\x00\x01\x03"),
	 EXTRACT_NOT_MINE, STREAM},
	{"HTTP", T("GET / HTTP/1.1\r\nHost: blocked.example\r\n\r\n"), EXTRACT_NOT_MINE, STREAM},
	{"a name in a query of HTTP", T("GET /?sni=blocked.example HTTP/1.1\r\n"), EXTRACT_NOT_MINE,
	 STREAM},
	{"a name in an alert",
	 T("\x15\x03\x01\x00\x0f"
	   "blocked.example"),
	 EXTRACT_NEED_MORE, STREAM},
	{"application data inside the hello ends it",
	 T("\x16\x03\x01\x00\x06\x01\x00\x00\x7c\x03\x03\x17\x03\x03\x00\x10"), EXTRACT_FOUND,
	 .consumed = 11, TLS_END},
	{"half a PROXY line", T("PROXY TCP4 192.0.2.1"), EXTRACT_NEED_MORE, STREAM},
	{"no PROXY line", T("PROXIMA"), EXTRACT_NOT_MINE, STREAM},
};

static void each_row(void **state)
{
	CHECK_ROWS(tls_try, rows);
}

static void behind_a_proxy_line(void **state)
{
	static const char line[] = "PROXY TCP6 2001:db8::1 2001:db8::2 52176 443\r\n";
	char bytes[sizeof(line) - 1 + sizeof(hello_curl)];
	struct row row = {
		.name = "behind a PROXY line",
		.bytes = {bytes, sizeof(bytes)},
		.answer = EXTRACT_FOUND,
		.flags = CLUE_HELLO,
		.names = {T("www.ntop.org")},
		TLS_SAME,
	};

	memcpy(bytes, line, sizeof(line) - 1);
	memcpy(bytes + sizeof(line) - 1, hello_curl, sizeof(hello_curl));
	check_row(tls_try, &row);
}

static void random_payloads_name_nothing_odd(void **state)
{
	const struct extract_context ctx = {.transport = EXTRACT_STREAM, .dst_port = 443};

	check_random(tls_try, &ctx, 2, 1000000);
}

/* A real hello with random bytes changed: never a crash, and every name is canonical. */
static void damaged_hellos(void **state)
{
	const struct extract_context ctx = {.transport = EXTRACT_STREAM, .dst_port = 443};
	uint8_t bytes[sizeof(hello_browser)];
	uint64_t seed = 3;

	for (int i = 0; i < 200000; i++) {
		struct clue c = {.name_count = 0};

		memcpy(bytes, hello_browser, sizeof(bytes));
		for (int n = 0; n < 3; n++) {
			uint64_t r = next_random(&seed);

			bytes[r % sizeof(bytes)] = (uint8_t)(r >> 32);
		}
		(void)tls_try(slice_of(bytes, sizeof(bytes)), &ctx, &c);
		for (size_t n = 0; n < c.name_count; n++) {
			struct name again;

			assert_true(c.name[n].text[c.name[n].len - 1] != '.' ||
				    (c.flags & CLUE_ODD_NAME));
			assert_true(name_set(&again, name_slice(&c.name[n])));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(each_built_hello),
		cmocka_unit_test(each_dtls_hello),
		cmocka_unit_test(dtls_servers_are_told_from_tls),
		cmocka_unit_test(every_border),
		cmocka_unit_test(name_behind_40_kib),
		cmocka_unit_test(behind_a_proxy_line),
		cmocka_unit_test(random_payloads_name_nothing_odd),
		cmocka_unit_test(damaged_hellos),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
