/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What may be requests behind a head whose body servers do not end at the same place.
 */
#ifndef EXTRACT_HTTP_DOUBT_H
#define EXTRACT_HTTP_DOUBT_H

#include "extract/http_fields.h"

/* Adds the hosts of whatever some server may take for a request, from byte `at` of the stream on.
 */
void http_doubt_read(struct http_fields *f, struct slice bytes, size_t at);

#endif
