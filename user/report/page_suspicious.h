/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A section of the text report; private to this room.
 */
#ifndef REPORT_PAGE_SUSPICIOUS_H
#define REPORT_PAGE_SUSPICIOUS_H

#include "report/model.h"
#include "report/page.h"

void page_suspicious(struct page *p, const struct report *r);

#endif
