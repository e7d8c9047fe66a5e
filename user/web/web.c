/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Finds an asset by its path: exact match in a sorted table, nothing is decoded or resolved. */
#include "web/web.h"

#include "web/assets.h"

#include <stdlib.h>
#include <string.h>

/* Paths that people type, beside those that the files have. */
static const struct {
	const char *asked, *path;
} same[] = {
	{"/", "/index.html"},
	{"/docs", "/docs/index.html"},
	{"/docs/", "/docs/index.html"},
};

static int compare(const void *path, const void *asset)
{
	return strcmp(path, ((const struct web_asset *)asset)->path);
}

const struct web_asset *web_asset_find(const char *path)
{
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		if (!strcmp(path, same[i].asked))
			path = same[i].path;
	return bsearch(path, web_assets, web_asset_count, sizeof(web_assets[0]), compare);
}

const struct web_asset *web_asset_at(size_t i)
{
	return i < web_asset_count ? &web_assets[i] : NULL;
}

bool web_is_complete(void)
{
	return web_assets_complete;
}
