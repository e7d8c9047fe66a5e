/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: what the world knows of domains: names in other scripts as A-labels, by libidn2, and
 * public suffixes, by libpsl. The only user of both, so that where they do not exist another file
 * can stand in its place.
 *
 * Standards: RFC 5890 and UTS 46 non-transitional, the Public Suffix List.
 */
#include "policy/value.h"

#include <errno.h>
#include <idn2.h>
#include <libpsl.h>
#include <stdio.h>
#include <stdlib.h>

int value_to_a_labels(struct slice name, char out[VALUE_MAX + 1], struct fault *f)
{
	char shown[VALUE_SHOW_MAX];
	uint8_t *ascii = NULL;
	char *text = strndup((const char *)name.at, name.len);
	int rc;

	if (!text)
		return fault_set(f, -ENOMEM, "out of memory");
	rc = idn2_lookup_u8((const uint8_t *)text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	free(text);
	if (rc != IDN2_OK)
		return fault_set(f, -EINVAL,
				 "'%s' is not an internationalised name (%s): write UTF-8, or the "
				 "xn-- form",
				 value_show(name, shown), idn2_strerror(rc));
	snprintf(out, VALUE_MAX + 1, "%s", (char *)ascii);
	idn2_free(ascii);
	return 0;
}

bool value_is_public_suffix(const char *name)
{
	return psl_is_public_suffix(psl_builtin(), name);
}
