/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the table of extractors. It stands above them: none of them knows it. Those with
 * names come first, then those that lead on to one, and last what is known by its form alone.
 */
#include "extract/extract.h"

const struct extractor extract_table[EXTRACT_COUNT] = {
	{"tls", PROTO_TLS, EXTRACT_STREAM, tls_try},
	{"http", PROTO_HTTP, EXTRACT_STREAM, http_try},
	{"dns", PROTO_DNS, EXTRACT_STREAM | EXTRACT_DATAGRAM, dns_try},
	{"quic", PROTO_QUIC, EXTRACT_DATAGRAM, quic_try},
	{"http2", PROTO_HTTP2, EXTRACT_STREAM, http2_try},
	{"dtls", PROTO_DTLS, EXTRACT_DATAGRAM, dtls_try},
	{"lines", PROTO_SMTP, EXTRACT_STREAM, lines_try},
	{"xmpp", PROTO_XMPP, EXTRACT_STREAM, xmpp_try},
	{"socks", PROTO_SOCKS, EXTRACT_STREAM, socks_try},
	{"tpkt", PROTO_RDP, EXTRACT_STREAM, tpkt_try},
	{"ldap", PROTO_LDAP, EXTRACT_STREAM, ldap_try},
	{"postgres", PROTO_POSTGRESQL, EXTRACT_STREAM, postgres_try},
	{"mysql", PROTO_MYSQL, EXTRACT_STREAM, mysql_try},
	{"form", PROTO_NONE, EXTRACT_STREAM | EXTRACT_DATAGRAM, form_try},
};
