/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Under the address sanitizer, memory that a pool took back is out of bounds, as freed memory is;
 * without it, these are nothing. Private to the pools.
 */
#ifndef BASE_POISON_H
#define BASE_POISON_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISON_KNOWN
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define POISON_KNOWN
#endif

#ifdef POISON_KNOWN
#include <sanitizer/asan_interface.h>
#define poison_close(at, len) __asan_poison_memory_region(at, len)
#define poison_open(at, len)  __asan_unpoison_memory_region(at, len)
#else
#define poison_close(at, len) ((void)(at))
#define poison_open(at, len)  ((void)(at))
#endif

#endif
