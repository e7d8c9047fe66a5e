/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the table of extractors. It stands above them: none of them knows it.
 */
#include "extract/extract.h"

const struct extractor extract_table[EXTRACT_COUNT] = {
	{"tls", PROTO_TLS, EXTRACT_STREAM, tls_try},
	{"http", PROTO_HTTP, EXTRACT_STREAM, http_try},
	{"dns", PROTO_DNS, EXTRACT_STREAM | EXTRACT_DATAGRAM, dns_try},
};
