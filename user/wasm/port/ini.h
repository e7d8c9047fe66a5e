/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What classify/read.c calls of inih, done by wasm/ini.c. Room: wasm. */
#ifndef PORT_INI_H
#define PORT_INI_H

typedef int (*ini_handler)(void *user, const char *section, const char *name, const char *value);
typedef char *(*ini_reader)(char *out, int size, void *stream);

/* Reads lines until the reader gives NULL. Returns 0, or the number of the first line that is
 * neither a section nor a pair, or that the handler refused by returning 0. */
int ini_parse_stream(ini_reader reader, void *stream, ini_handler handler, void *user);

#endif
