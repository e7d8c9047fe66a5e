/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the files of the history share. Private to them.
 */
#ifndef CONTROL_HISTORY_INSIDE_H
#define CONTROL_HISTORY_INSIDE_H

#include "base/text.h"
#include "control/history.h"

enum { HISTORY_PATH_MAX = PATHS_MAX + 48 };

/* The index, or with a number the file of that change. Returns out. */
const char *history_path(const struct paths *p, uint64_t number, char out[HISTORY_PATH_MAX]);
const char *history_place_name(enum history_place place);
/* Reads the index as it stands. As history_read(). */
int history_load(const struct paths *p, struct history *h, struct fault *f);
/* Forgets the newest change when it was never made; fingerprint: of the rules that are stored. */
void history_drop_unmade(struct history *h, uint64_t fingerprint);
/* Reads a whole file of at most `most` bytes into a NUL-terminated text, which the caller frees. 0
 * or -errno. */
int history_slurp(const char *path, size_t most, char **out, size_t *len);

#endif
