/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * crypt.h without a library, for where there is none: chosen when the program is built, by taking
 * portable.c for crypt.c. The room allocates nothing, so whoever takes it also has crypt_new() and
 * crypt_free(), over these.
 */
#ifndef CRYPT_PORTABLE_H
#define CRYPT_PORTABLE_H

#include "crypt/crypt.h"

size_t crypt_portable_size(void);
/* Makes a struct crypt in so many zeroed bytes. */
struct crypt *crypt_portable_init(void *room);

#endif
