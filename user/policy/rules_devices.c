/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: the devices of a set of rules: those that have a name, and whether all that rules
 * name are known.
 */
#include "policy/device_table.h"
#include "policy/rules_inside.h"
#include "policy/value.h"

#include <errno.h>

size_t rules_device_count(const struct rules *r)
{
	return rules_counts(r)->of[RULE_DEVICE][false];
}

int rules_make_way_device(struct rules *r, const struct rule *device, struct fault *f)
{
	const struct rule *old = rules_by_id(r, device->id);

	if (!old && rules_device_count(r) >= DEVICES_MAX)
		return fault_set(f, -EINVAL,
				 "there are %d devices already, which is the most: take one away",
				 DEVICES_MAX);
	if (!old || strcmp(old->value, device->value) == 0)
		return 0;
	if (r->shared->owners > 1 && rules_part(r))
		return fault_set(f, -ENOMEM, "out of memory");
	rules_remove_value(r, rules_by_id(r, device->id));
	return 0;
}

int rules_remove_device(struct rules *r, struct slice value, struct fault *f)
{
	struct slice name = value_next_word(&value);
	struct device_word w;
	uint64_t id;

	if (value_read_device(name, &w, f))
		return -EINVAL;
	id = rule_device_id(slice_text(w.text));
	if (!rules_by_id(r, id))
		return 0;
	if (r->shared->owners > 1 && rules_part(r))
		return fault_set(f, -ENOMEM, "out of memory");
	rules_remove_value(r, rules_by_id(r, id));
	return 1;
}

int rules_find_device(const struct rules *r, struct slice word, struct fault *f)
{
	struct device_word w;
	int err = value_read_device(word, &w, f);

	if (err || w.form != DEVICE_NAME || rules_by_id(r, rule_device_id(slice_text(w.text))))
		return err;
	return fault_set(f, -EINVAL,
			 "no device is called '%s': `dpi-xdp device list` shows those that are "
			 "known, `dpi-xdp device add %s ADDRESS...` adds it",
			 w.text, w.text);
}

static int refuse_unknown(const struct rule *rule, struct fault *f)
{
	struct slice word = rule_device(rule);
	char label[RULE_TEXT_MAX];

	rule_label(rule, label, sizeof(label));
	return fault_set(f, -EINVAL,
			 "no device is called '%.*s', of which there is a rule, %.300s: `dpi-xdp "
			 "device add %.*s ADDRESS...` (or a line under [DEVICES]) says which it is",
			 (int)word.len, (const char *)word.at, label, (int)word.len,
			 (const char *)word.at);
}

int rules_check_devices(const struct rules *r, struct fault *f)
{
	struct device_table t = {0};
	int err = device_table_build(&t, r);

	if (err)
		fault_set(f, err, "out of memory");
	else if (t.unknown)
		err = refuse_unknown(t.unknown, f);
	else if (t.is_full)
		err = fault_set(f, -EINVAL,
				"rules name more than %d devices: give some of them a network "
				"together",
				DEVICES_MAX);
	else if (t.is_crowded)
		err = fault_set(f, -EINVAL,
				"an address would be of more than %d devices that rules name: let "
				"fewer of them overlap",
				DPI_DEVICES_EACH);
	device_table_clear(&t);
	return err;
}
