/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fixed-width names for the words kernel and user share.
 *
 * Under BPF they come from the trimmed vmlinux.h, in user space from the system's own headers.
 * The other headers in include/dpi use __u8 .. __u64 and the __be forms and nothing else, so that
 * the same lines compile for the verifier, for the C compiler and for WebAssembly.
 */
#ifndef DPI_TYPES_H
#define DPI_TYPES_H

#if defined(__bpf__)
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#define dpi_inline static __always_inline
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>
#ifndef dpi_inline /* a build that must be small says otherwise */
#define dpi_inline static inline __attribute__((always_inline, unused))
#endif
#endif

/* A value the optimiser must not reason about: keeps a bound check where the verifier needs it. */
#if defined(__bpf__)
#define dpi_opaque(x) asm volatile("" : "+r"(x))
#else
#define dpi_opaque(x) ((void)(x))
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define dpi_swap16(x) __builtin_bswap16(x)
#define dpi_swap32(x) __builtin_bswap32(x)
#define dpi_swap64(x) __builtin_bswap64(x)
#else
#define dpi_swap16(x) (x)
#define dpi_swap32(x) (x)
#define dpi_swap64(x) (x)
#endif

/* Wire (big-endian) to host order and back: the same operation either way. */
#define dpi_be16(x) ((__u16)dpi_swap16((__u16)(x)))
#define dpi_be32(x) ((__u32)dpi_swap32((__u32)(x)))
#define dpi_be64(x) ((__u64)dpi_swap64((__u64)(x)))

#endif
