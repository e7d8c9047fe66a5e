/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Stands for the room classify's own: the catalogue of the module, which is read from its text.
 * That takes a moment at the start, but ready tables would make the module half as large again.
 */
#include "classify/build.h"

extern const char catalogue_data[], catalogue_data_end[];

struct catalogue *catalogue_new(void)
{
	size_t len = (size_t)(catalogue_data_end - catalogue_data) - 1; /* a NUL ends it */
	struct catalogue *c = catalogue_empty();

	if (c && catalogue_read(c, slice_of(catalogue_data, len), "catalogue.conf", NULL) == 0)
		return c;
	catalogue_free(c);
	return NULL;
}
