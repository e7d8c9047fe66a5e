/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * gzip by zlib and zstd by libzstd behind one table. Room: pcap.
 */
#include "pcap/unpack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

/* What a format's run came to, beside the bytes that came. */
enum step { STEP_ON, STEP_BORDER, STEP_DAMAGED, STEP_NO_MEMORY };

struct unpack {
	const struct unpack_format *format;
	z_stream z;
	ZSTD_DStream *zstd;
	uint64_t used;	  /* packed bytes so far */
	bool is_begun;	  /* a member or frame was */
	bool is_border;	  /* the bytes may end here */
	bool is_damaged;  /* to be said by the next call, after the bytes before it */
	const char *what; /* the library's word for it; lasting */
	char damage[160];
};

struct unpack_format {
	const char *name;
	bool (*open)(struct unpack *u);
	enum step (*run)(struct unpack *u, struct slice *in, uint8_t *out, size_t *len);
	void (*close)(struct unpack *u);
};

static bool gzip_open(struct unpack *u)
{
	enum { WINDOW_BITS = 15, GZIP_ONLY = 16 };

	return inflateInit2(&u->z, WINDOW_BITS + GZIP_ONLY) == Z_OK;
}

static enum step gzip_run(struct unpack *u, struct slice *in, uint8_t *out, size_t *len)
{
	z_stream *z = &u->z;
	int n;

	if (u->is_border && u->is_begun && inflateReset(z) != Z_OK)
		return STEP_DAMAGED;
	z->next_in = (z_const Bytef *)in->at;
	z->avail_in = in->len < UINT32_MAX ? (uInt)in->len : UINT32_MAX;
	z->next_out = out;
	z->avail_out = *len < UINT32_MAX ? (uInt)*len : UINT32_MAX;
	n = inflate(z, Z_NO_FLUSH);
	*in = slice_from(*in, (size_t)(z->next_in - in->at));
	*len = (size_t)(z->next_out - out);
	u->what = n == Z_NEED_DICT ? "it needs a dictionary" : z->msg;
	return n == Z_STREAM_END	       ? STEP_BORDER
	       : n == Z_OK || n == Z_BUF_ERROR ? STEP_ON
	       : n == Z_MEM_ERROR	       ? STEP_NO_MEMORY
					       : STEP_DAMAGED;
}

static void gzip_close(struct unpack *u)
{
	inflateEnd(&u->z);
}

static bool zstd_open(struct unpack *u)
{
	u->zstd = ZSTD_createDStream();
	return u->zstd && !ZSTD_isError(ZSTD_initDStream(u->zstd)) &&
	       !ZSTD_isError(
		       ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, UNPACK_WINDOW_LOG));
}

static enum step zstd_run(struct unpack *u, struct slice *in, uint8_t *out, size_t *len)
{
	ZSTD_inBuffer from = {.src = in->at, .size = in->len};
	ZSTD_outBuffer to = {.dst = out, .size = *len};
	size_t n = ZSTD_decompressStream(u->zstd, &to, &from);

	*in = slice_from(*in, from.pos);
	*len = to.pos;
	if (!ZSTD_isError(n))
		return n == 0 ? STEP_BORDER : STEP_ON;
	switch (ZSTD_getErrorCode(n)) {
	case ZSTD_error_memory_allocation: return STEP_NO_MEMORY;
	case ZSTD_error_frameParameter_windowTooLarge:
		u->what = "it needs a window above 128 MiB; unpack it first: "
			  "zstd -dc --long=31 FILE | ... -";
		return STEP_DAMAGED;
	default: u->what = ZSTD_getErrorName(n); return STEP_DAMAGED;
	}
}

static void zstd_close(struct unpack *u)
{
	ZSTD_freeDStream(u->zstd);
}

static const struct unpack_format formats[] = {
	[UNPACK_GZIP] = {"gzip", gzip_open, gzip_run, gzip_close},
	[UNPACK_ZSTD] = {"zstd", zstd_open, zstd_run, zstd_close},
};

struct unpack *unpack_new(enum unpack_kind kind)
{
	struct unpack *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->format = &formats[kind];
	u->is_border = true;
	if (u->format->open(u))
		return u;
	unpack_free(u);
	return NULL;
}

void unpack_free(struct unpack *u)
{
	if (!u)
		return;
	u->format->close(u);
	free(u);
}

static int damaged(struct unpack *u, const char *what)
{
	snprintf(u->damage, sizeof(u->damage), "its %s data is damaged at byte %llu: %s",
		 u->format->name, (unsigned long long)u->used, what);
	return -EILSEQ;
}

int unpack_run(struct unpack *u, struct slice *in, uint8_t *out, size_t *len)
{
	size_t had = in->len, cap = *len;
	enum step step;

	*len = 0;
	if (u->is_damaged)
		return damaged(u, u->what ? u->what : "it makes no sense");
	if (in->len == 0 && u->is_border)
		return 0;
	*len = cap;
	step = u->format->run(u, in, out, len);
	u->used += had - in->len;
	u->is_begun = true;
	u->is_border = step == STEP_BORDER;
	u->is_damaged = step == STEP_DAMAGED;
	if (step == STEP_NO_MEMORY)
		return -ENOMEM;
	return u->is_damaged && *len == 0 ? damaged(u, u->what ? u->what : "it makes no sense") : 0;
}

int unpack_end(struct unpack *u)
{
	return u->is_border ? 0 : damaged(u, "it is cut short");
}

bool unpack_may_end(const struct unpack *u)
{
	return u->is_begun && u->is_border;
}

const char *unpack_damage(const struct unpack *u)
{
	return u->damage;
}
