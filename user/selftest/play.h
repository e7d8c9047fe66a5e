/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Playing rows on a stage: every attack and its innocent twin, over both versions of IP; then, when
 * verdicts have had their time, what is to show whether they hold. Room: selftest.
 */
#ifndef SELFTEST_PLAY_H
#define SELFTEST_PLAY_H

#include "selftest/selftest.h"

void play_rows(struct stage *s, const struct selftest_wish *w);
void play_probes(struct stage *s);

#endif
