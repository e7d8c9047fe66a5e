/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where each output stands, in a file: so that the next start goes on there. Room: export.
 */
#ifndef EXPORT_POSITION_H
#define EXPORT_POSITION_H

#include "export/sink.h"

/* Sets done of each sink from the file; a sink that is not in it, or no file, leaves it as it is.
 * 0; -EINVAL: not such a file; -errno; with *f. */
int position_load(const char *path, struct sink *const *sinks, size_t count, struct fault *f);
/* Writes the file beside, and puts it in place. 0 or -errno with *f. */
int position_save(const char *path, struct sink *const *sinks, size_t count, struct fault *f);

#endif
