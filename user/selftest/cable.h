/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A cable between two namespaces: a pair of virtual Ethernet devices. Room: selftest.
 */
#ifndef SELFTEST_CABLE_H
#define SELFTEST_CABLE_H

/* Makes the pair: `here` in this namespace, `there` in that of the descriptor. 0 or -errno. */
int cable_make(const char *here, const char *there, int space);

#endif
