/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The command line of the capture generator.
 */
#ifndef GEN_OPTIONS_H
#define GEN_OPTIONS_H

#include "gen_flow.h"

/* False, and the usage on stderr: the command line is not understood. */
bool gen_options_parse(int argc, char **argv, struct gen_options *o);

#endif
