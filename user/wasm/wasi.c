/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: the calls of WASI that the C library is linked with, answered here, so that the module
 * asks its page for nothing but host.h. There is no file to write to.
 */
#include <stdint.h>

enum { ERRNO_BADF = 8 };

#define WASI(name, args)                                       \
	int32_t __imported_wasi_snapshot_preview1_##name args; \
	int32_t __imported_wasi_snapshot_preview1_##name args  \
	{                                                      \
		return ERRNO_BADF;                             \
	}

WASI(fd_close, (int32_t fd))
WASI(fd_seek, (int32_t fd, int64_t offset, int32_t whence, int32_t to))
WASI(fd_write, (int32_t fd, int32_t at, int32_t count, int32_t to))
