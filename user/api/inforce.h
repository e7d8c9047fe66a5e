/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The rules in force, for what the service decides by itself: the agent's, or the stored ones where
 * no agent runs. Room: api.
 */
#ifndef API_INFORCE_H
#define API_INFORCE_H

#include "api/api.h"

/* Writes them in the form of a rules file. 0, or -errno with *f. */
int inforce_text(const struct api *api, struct text *out, struct fault *f);
/* What changes whenever that does, and is short even where the lists are long. */
int inforce_state(const struct api *api, struct text *out, struct fault *f);
/* Gives a descriptor of a file without a name that holds them, read from its beginning. */
int inforce_file(const struct api *api, int *out, struct fault *f);

#endif
