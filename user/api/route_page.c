/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The files of the page, and the description of the service. All of them are bytes of this program:
 * a path is looked up in a table, and there is no file system behind it. Room: api.
 */
#include "api/route.h"

int route_page(struct api_request *q, struct api_answer *a)
{
	if (strcmp(q->path, "/") == 0) {
		static const char plain[] =
			"<!doctype html><title>dpi-xdp</title><p>This program was built without "
			"its page. <a href=\"/openapi.json\">/openapi.json</a> lists what it "
			"answers.";

		api_answer_static(a, 200, "text/html; charset=utf-8", plain, sizeof(plain) - 1);
		return 0;
	}
	return api_problem(a, 404,
			   "there is nothing here; /docs and /openapi.json list what there is");
}

int route_openapi(struct api_request *q, struct api_answer *a)
{
	struct text out = {0};

	openapi_write(&out);
	api_answer_json(a, 200, &out);
	return 0;
}
