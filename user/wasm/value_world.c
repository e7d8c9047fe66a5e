/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: policy/value_world.c where the page has the tables: names in other scripts become
 * A-labels as its URLs do. Of public suffixes those of one label are known, which is all of the
 * list's own default rule; a longer one is refused when the rule reaches an agent.
 *
 * Standards: RFC 5890 and UTS 46 non-transitional, as the WHATWG's URL has them.
 */
#include "policy/value.h"

#include <errno.h>
#include "wasm/host.h"

int value_to_a_labels(struct slice name, char out[VALUE_MAX + 1], struct fault *f)
{
	int len = host_to_ascii((const char *)name.at, name.len, out, VALUE_MAX);
	char shown[VALUE_SHOW_MAX];

	if (len < 0)
		return fault_set(f, -EINVAL,
				 "'%s' is not an internationalised name: write UTF-8, or the xn-- "
				 "form",
				 value_show(name, shown));
	out[len] = '\0';
	return 0;
}

bool value_is_public_suffix(const char *name)
{
	return !strchr(name, '.');
}
