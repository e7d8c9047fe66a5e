/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What gen-catalogue writes of a catalogue, as C to stdout. Each returns 0, or -1 when there is
 * something that it cannot write. */
#ifndef GEN_CATALOGUE_H
#define GEN_CATALOGUE_H

#include "classify/build.h"

/* The program's: tables that are ready for use (user/classify/build.h). */
int write_tables(const struct catalogue *c);
/* The module's: as little as can be (user/wasm/packed.h). */
int write_packed(const struct catalogue *c);

/* What both have in common: the array port[], and the fields proto and sign of a struct. */
void write_ports(const struct catalogue *c);
void write_places(const struct catalogue *c);

#endif
