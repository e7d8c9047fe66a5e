/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room classify: the catalogue of the program itself. Nothing is read: make has written down what
 * comes of reading catalogue.conf (scripts/gen-catalogue.c).
 */
#include "classify/build.h"

#include <stdlib.h>

struct catalogue *catalogue_new(void)
{
	struct catalogue *c = malloc(sizeof(*c));

	if (c)
		*c = catalogue_built_in;
	return c;
}
