/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: a set of rules with all that is in its lists, as one text from process to process:
 * the text form, a line "[CONTENTS]", and of each list a line "list:NAME BYTES" with so many bytes
 * of its canonical text behind it. What users write is the first part alone.
 */
#include "base/text.h"
#include "policy/list.h"
#include "policy/value.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CONTENTS "\n[CONTENTS]\n"

enum { CHUNK_BYTES = 1 << 20, LABEL_MAX = 64 };

char *rules_format_whole(const struct rules *r, size_t *len)
{
	struct text t = {.at = rules_format(r)};
	struct rules_walk w = {0};
	const struct rule *rule;

	if (!t.at)
		return NULL;
	t.len = strlen(t.at);
	t.cap = t.len + 1;
	text_puts(&t, CONTENTS);
	while ((rule = rules_next_of(r, &w, RULES_OF_KIND(RULE_LIST)))) {
		const struct list *list = rules_list(r, rule->id);
		char label[LABEL_MAX];

		if (!list)
			continue;
		rule_label(rule, label, sizeof(label));
		text_printf(&t, "%s %zu\n", label, list_text(list).len);
		text_add(&t, list_text(list).at, list_text(list).len);
	}
	*len = t.len;
	if (t.failed)
		text_clear(&t);
	return t.at;
}

/* The rule of this set that has a label. */
static const struct rule *find_label(const struct rules *r, const char *wanted)
{
	struct rules_walk w = {0};
	const struct rule *rule;

	while ((rule = rules_next_of(r, &w, RULES_OF_KIND(RULE_LIST)))) {
		char label[LABEL_MAX];

		rule_label(rule, label, sizeof(label));
		if (strcmp(label, wanted) == 0)
			break;
	}
	return rule;
}

/* One list of the second part; *rest moves behind it. */
static int read_list(struct rules *r, struct slice *rest, struct fault *f)
{
	const uint8_t *end = memchr(rest->at, '\n', rest->len);
	size_t head = end ? (size_t)(end - rest->at) : 0, len = 0;
	char line[LABEL_MAX + 32] = "", label[LABEL_MAX] = "";
	const struct rule *rule = NULL;
	struct list *list;
	int err;

	if (head && head < sizeof(line)) {
		memcpy(line, rest->at, head);
		if (sscanf(line, "%63s %zu", label, &len) == 2)
			rule = find_label(r, label);
	}
	if (!rule || len > rest->len - head - 1)
		return fault_set(f, -EINVAL, "the contents of a list are damaged");
	*rest = slice_from(*rest, head + 1);
	list = list_parse(slice_first(*rest, len), f);
	if (!list)
		return -EINVAL;
	*rest = slice_from(*rest, len);
	err = rules_set_list(r, rule->id, list);
	list_drop(list);
	return err ? fault_set(f, err, "out of memory") : 0;
}

int rules_parse_whole(struct slice text, const char *name, const struct rule_apps *apps,
		      unsigned options, struct rules **out, struct fault *f)
{
	const uint8_t *at = text.len ? memmem(text.at, text.len, CONTENTS, strlen(CONTENTS)) : NULL;
	size_t first = at ? (size_t)(at - text.at) + 1 : text.len;
	struct slice rest = slice_from(text, first + strlen(CONTENTS) - 1);
	struct rules *rules = NULL;
	int err = rules_parse(slice_first(text, first), name, apps, options, &rules, f);

	while (!err && at && rest.len)
		err = read_list(rules, &rest, f);
	if (err)
		rules_free(rules);
	else
		*out = rules;
	return err;
}

int rules_load_whole(const char *path, const struct rule_apps *apps, unsigned options,
		     struct rules **out, struct fault *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	struct text t = {0};
	ssize_t got = 1;

	if (fd < 0)
		return fault_set(f, -errno, "cannot open %s: %s; %s", path, strerror(errno),
				 fault_next(-errno, "check the path"));
	while (!err && got) {
		if (!text_reserve(&t, CHUNK_BYTES)) {
			err = fault_set(f, -ENOMEM, "%s: out of memory", path);
			break;
		}
		got = read(fd, t.at + t.len, CHUNK_BYTES);
		if (got > 0)
			t.len += (size_t)got;
		else if (got < 0 && errno != EINTR)
			err = fault_set(f, -errno, "cannot read %s: %s; check the path", path,
					strerror(errno));
	}
	close(fd);
	if (!err)
		err = rules_parse_whole(slice_of(t.at, t.len), path, apps, options, out, f);
	text_clear(&t);
	return err;
}
