/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The application breakdown of the text report. Private to this room.
 */
#ifndef REPORT_PAGE_APPS_H
#define REPORT_PAGE_APPS_H

#include "report/model.h"
#include "report/page.h"

void page_apps(struct page *p, const struct report *r);

#endif
