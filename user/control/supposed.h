/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A change of the rules that is only supposed: the rules as they would be then. Room: control. The
 * agent asks it of the rules in force, the command line of those that a capture is to be run under.
 */
#ifndef CONTROL_SUPPOSED_H
#define CONTROL_SUPPOSED_H

#include <jansson.h>

#include "base/text.h"
#include "classify/catalogue.h"
#include "control/paths.h"

/*
 * Reads {"changes":[...]}, each as stored_change_read() has it, {"load":true,"name","force"} with
 * `data` as the text of a rules file, or {"rollback":N} (history.h; 0: the newest), and gives the
 * rules that would come of it in *after (rules_free); `before` stays as it is. 0, or -EINVAL or
 * -ENOMEM with *f.
 */
int supposed_rules(const struct paths *p, const json_t *request, struct slice data,
		   const struct catalogue *catalogue, const struct rules *before,
		   struct rules **after, struct fault *f);

#endif
