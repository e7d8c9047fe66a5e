/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Bytes into a descriptor, all of them. Room: base.
 */
#ifndef BASE_WRITE_ALL_H
#define BASE_WRITE_ALL_H

#include "base/slice.h"

/* Writes every byte, however many at once are taken. 0, or -errno with some of them written. */
int write_all(int fd, struct slice s);

#endif
