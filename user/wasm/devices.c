/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: stands for policy/value_device.c, rules_devices.c, device_table.c, policy_devices.c
 * and engine/whom.c. A rule of a device is one there that never speaks: it stands in the tables
 * under a device that no flow is of. Whoever gave the page the rules has looked at the devices.
 */
#include "engine/road.h"
#include "policy/device_table.h"
#include "policy/rules_inside.h"
#include "policy/value.h"

#include <errno.h>

enum { NOBODY = 1 };

struct slice value_part_device(struct slice *value, enum rule_kind kind)
{
	size_t mark = strlen(VALUE_DEVICE);

	for (size_t i = 1; kind < RULE_LIST && i + mark < value->len; i++) {
		struct slice word = slice_from(*value, i);

		if (!value_take_word(&word, VALUE_DEVICE))
			continue;
		value->len = i;
		return word;
	}
	return slice_of("", 0);
}

int value_add_device(struct rule *r, struct slice word, struct fault *f)
{
	size_t len = strlen(r->value), mark = strlen(VALUE_DEVICE);

	if (word.len >= DEVICE_WORD_MAX)
		return -EINVAL;
	memcpy(r->value + len, VALUE_DEVICE, mark);
	memcpy(r->value + len + mark, word.at, word.len);
	r->value[len + mark + word.len] = '\0';
	r->device_len = (uint8_t)word.len;
	return 0;
}

int value_read_definition(union draft *d, struct slice value, const struct rule_apps *apps,
			  struct fault *f)
{
	return value_read_list(d, value, apps, f);
}

uint64_t rule_device_id(struct slice word)
{
	return NOBODY;
}

struct slice rule_device(const struct rule *r)
{
	return slice_of("", 0);
}

struct slice rule_device_name(const struct rule *r)
{
	return slice_of("", 0);
}

size_t rules_device_count(const struct rules *r)
{
	return 0;
}

int rules_check_devices(const struct rules *r, struct fault *f)
{
	return 0;
}

int rules_make_way_device(struct rules *r, const struct rule *device, struct fault *f)
{
	return 0;
}

int rules_remove_device(struct rules *r, struct slice value, struct fault *f)
{
	return 0;
}

int device_table_build(struct device_table *t, const struct rules *rules)
{
	return 0;
}

void device_table_clear(struct device_table *t)
{
}

void whom_note(struct engine *e, struct flow *f, const struct packet *p)
{
}

void whom_note_rule(struct engine *e, struct flow *f, uint64_t rule)
{
}

const struct policy_whom *whom_of(const struct engine *e, const struct flow *f,
				  struct policy_whom *whom)
{
	return NULL;
}
