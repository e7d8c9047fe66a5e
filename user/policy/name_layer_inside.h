/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room policy: what looking through a layer (name_layer.c) and making one
 * (name_layer_change.c) share.
 */
#ifndef POLICY_NAME_LAYER_INSIDE_H
#define POLICY_NAME_LAYER_INSIDE_H

#include "policy/name_layer.h"
#include "policy/name_table_inside.h"

void name_layer_free(struct name_layer *l);
/* Where the index has this hash, or would have. */
size_t name_layer_place(const struct name_layer *l, uint64_t hash);
/* NULL: the layer (which may be NULL) has nothing before the table there. */
const struct name_over *name_layer_find(const struct name_layer *l, uint64_t hash);
/* False for an entry that says nothing, and for none. */
bool name_rule_speaks(const struct dpi_name_rule *r);

#endif
