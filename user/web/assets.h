/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The table that build.sh writes (assets.c in the build directory), for web.c alone. */
#ifndef WEB_ASSETS_H
#define WEB_ASSETS_H

#include "web/web.h"

extern const struct web_asset web_assets[]; /* sorted by path, in the order of strcmp */
extern const size_t web_asset_count;
extern const bool web_assets_complete;

#endif
