/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: the text form of rules, in and out. A text with one bad line is refused whole,
 * naming the line. What rules_format gives, rules_parse takes back as the same set.
 *
 * A file is read in pieces: a million rules never lie in memory twice.
 */
#include "base/text.h"
#include "policy/rules_inside.h"
#include "policy/value.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	LINE_MAX_LEN = 4096,
	CHUNK_BYTES = 65536,
};

static const struct section {
	const char *name;
	enum rule_kind kind;
	bool is_allow;
} sections[] = {
	{"BLOCKED_IPS", RULE_IP, false},	 {"BLOCKED_APPS", RULE_APP, false},
	{"BLOCKED_DOMAINS", RULE_DOMAIN, false}, {"BLOCKED_PORTS", RULE_PORT, false},
	{"ALLOWED_IPS", RULE_IP, true},		 {"ALLOWED_APPS", RULE_APP, true},
	{"ALLOWED_DOMAINS", RULE_DOMAIN, true},	 {"BLOCKED_LISTS", RULE_LIST, false},
	{"ALLOWED_LISTS", RULE_LIST, true},	 {"DEVICES", RULE_DEVICE, false},
};
enum { SECTION_COUNT = sizeof(sections) / sizeof(sections[0]) };

/* A text on its way into a set. */
struct reading {
	const char *name; /* of the text, for faults */
	size_t line;
	const struct section *section;
	const struct rule_apps *apps;
	unsigned options;
	struct rules *rules;
	size_t end_line; /* of "# end COUNT"; 0: none yet */
	uint64_t end_count;
	struct fault *fault;
};

static int refuse(struct reading *r, int err, const struct fault *inner)
{
	return fault_set(r->fault, err, "%s:%zu: %s", r->name, r->line, inner->text);
}

static bool is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A value, and the words that say when (may be none), which nothing may follow. */
static int add_value(struct reading *r, struct slice value, struct slice when)
{
	struct fault fault = {""};
	int err;

	err = rules_add_parted(r->rules, r->section->kind, r->section->is_allow, value, when,
			       r->apps, r->options, &fault);
	return err < 0 ? refuse(r, err, &fault) : 0;
}

/* The value with the device's words that follow it, if they do. */
static struct slice with_device(struct slice value, struct slice *rest)
{
	struct slice more = *rest, mark = value_next_word(&more), device;

	if (!value_take_word(&mark, "device") || mark.len)
		return value;
	device = value_next_word(&more);
	if (!device.len)
		return value;
	*rest = more;
	return slice_of(value.at, (size_t)(device.at + device.len - value.at));
}

/* A list has a line to itself, as a device has. */
static int read_named(struct reading *r, struct slice line)
{
	struct slice rest = line, when = value_part(&line, r->section->kind, r->apps);

	return value_next_word(&rest).len ? add_value(r, line, when) : 0;
}

static int refuse_line(struct reading *r, const char *why)
{
	struct fault fault;

	fault_set(&fault, 0, "%s", why);
	return refuse(r, -EINVAL, &fault);
}

static int read_values(struct reading *r, struct slice rest)
{
	if (r->section && (r->section->kind == RULE_LIST || r->section->kind == RULE_DEVICE))
		return read_named(r, rest);
	for (bool is_first = true;; is_first = false) {
		struct slice value = value_next_word(&rest), more, when, bare;
		bool is_timed, is_own;
		int err;

		if (!value.len)
			return 0;
		if (!r->section)
			return refuse_line(r, "a value before any section: put a line such as "
					      "[BLOCKED_DOMAINS] above it");
		if (r->section->kind == RULE_APP) {
			struct slice name = value_app_name(r->apps, value, rest);

			rest = slice_from(rest, name.len - value.len);
			value = name;
		}
		bare = value;
		value = with_device(value, &rest);
		is_own = value.len != bare.len;
		more = rest;
		is_timed = when_begins(value_next_word(&more));
		if ((is_timed || is_own) && !is_first)
			return refuse_line(r, is_own ? "whose device is this? put each value on a "
						       "line of its own"
						     : "whose times are these? put each value on a "
						       "line of its own");
		when = slice_first(rest, is_timed ? rest.len : 0);
		err = add_value(r, value, when);
		if (err || is_timed)
			return err;
	}
}

static bool is_name(struct slice s, const char *name)
{
	size_t i = 0;

	while (i < s.len && name[i] && (s.at[i] == name[i] || s.at[i] - 'a' + 'A' == name[i]))
		i++;
	return i == s.len && !name[i];
}

/* "[NAME]", and values behind it on the same line if there are any. */
static int read_section(struct reading *r, struct slice line)
{
	const uint8_t *close = memchr(line.at, ']', line.len);
	struct slice name = slice_of(line.at + 1, close ? (size_t)(close - line.at - 1) : 0);
	char shown[VALUE_SHOW_MAX];
	struct fault fault;

	for (size_t i = 0; close && i < SECTION_COUNT; i++) {
		if (!is_name(name, sections[i].name))
			continue;
		r->section = &sections[i];
		return read_values(r, slice_from(line, name.len + 2));
	}
	fault_set(&fault, 0,
		  "'%s' is no section: use [BLOCKED_IPS], [BLOCKED_APPS], [BLOCKED_DOMAINS], "
		  "[BLOCKED_PORTS] or [BLOCKED_LISTS], or ALLOWED for BLOCKED (but for ports), or "
		  "[DEVICES]",
		  value_show(line, shown));
	return refuse(r, -EINVAL, &fault);
}

/* Notes "# end COUNT", which a file ends in that was written whole; other comments say nothing. */
static void read_comment(struct reading *r, struct slice comment)
{
	struct slice mark = slice_text("# end "), digits;
	uint64_t count = 0;

	while (comment.len && is_space(comment.at[comment.len - 1]))
		comment.len--;
	if (!slice_equal(slice_first(comment, mark.len), mark))
		return;
	digits = slice_from(comment, mark.len);
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.at[i] < '0' || digits.at[i] > '9' || digits.len > 18)
			return;
		count = count * 10 + (digits.at[i] - '0');
	}
	if (digits.len) {
		r->end_line = r->line;
		r->end_count = count;
	}
}

static int read_line(struct reading *r, struct slice line)
{
	static const uint8_t mark[] = {0xef, 0xbb,
				       0xbf}; /* of UTF-8, which some editors put first */
	struct fault fault;
	const uint8_t *hash;

	r->line++;
	if (line.len > LINE_MAX_LEN) {
		fault_set(&fault, 0, "the line is longer than %d bytes: break it up", LINE_MAX_LEN);
		return refuse(r, -EINVAL, &fault);
	}
	if (r->line == 1 && slice_equal(slice_first(line, 3), slice_of(mark, 3)))
		line = slice_from(line, 3);
	while (line.len && is_space(line.at[0]))
		line = slice_from(line, 1);
	hash = line.len ? memchr(line.at, '#', line.len) : NULL;
	if (hash) {
		if (hash == line.at)
			read_comment(r, line);
		line.len = (size_t)(hash - line.at);
	}
	if (line.len && line.at[0] == '[')
		return read_section(r, line);
	return read_values(r, line);
}

/* Reads the whole lines of a piece of text; *rest is what is behind the last line end. */
static int read_lines(struct reading *r, struct slice text, struct slice *rest)
{
	int err = 0;

	while (!err && text.len) {
		const uint8_t *end = memchr(text.at, '\n', text.len);
		size_t len;

		if (!end)
			break;
		len = (size_t)(end - text.at);
		err = read_line(r, slice_first(text, len));
		text = slice_from(text, len + 1);
	}
	*rest = text;
	return err;
}

/* Devices may stand in front of what names them or behind. */
static int check_devices(struct reading *r)
{
	struct fault fault = {""};
	int err = rules_check_devices(r->rules, &fault);

	return err ? fault_set(r->fault, err, "%s: %s", r->name, fault.text) : 0;
}

/* The last line may lack its line end. Then the count must be right, if there is one. */
static int read_end(struct reading *r, struct slice rest)
{
	int err = 0;

	if (rest.len)
		err = read_line(r, rest);
	if (!err)
		err = check_devices(r);
	if (err || !r->end_line || r->end_count == rules_count(r->rules))
		return err;
	return fault_set(
		r->fault, -EINVAL,
		"%s:%zu: the file should hold %" PRIu64 " rules and holds %zu: it was half "
		"written, or edited; restore it, or delete this line if the rules are right",
		r->name, r->end_line, r->end_count, rules_count(r->rules));
}

static int reading_begin(struct reading *r, const char *name, const struct rule_apps *apps,
			 unsigned options, struct fault *f)
{
	*r = (struct reading){.name = name, .apps = apps, .options = options, .fault = f};
	r->rules = rules_new();
	return r->rules ? 0 : fault_set(f, -ENOMEM, "%s: out of memory", name);
}

/* Hands the set over when all went well. */
static int reading_end(struct reading *r, int err, struct rules **out)
{
	if (err)
		rules_free(r->rules);
	else
		*out = r->rules;
	return err;
}

int rules_parse(struct slice text, const char *name, const struct rule_apps *apps, unsigned options,
		struct rules **out, struct fault *f)
{
	struct reading r;
	struct slice rest;
	int err;

	err = reading_begin(&r, name, apps, options, f);
	if (err)
		return err;
	err = read_lines(&r, text, &rest);
	if (!err)
		err = read_end(&r, rest);
	return reading_end(&r, err, out);
}

/* Reads a file to its end, piece by piece; buffer holds CHUNK_BYTES. */
static int read_file(struct reading *r, int fd, uint8_t *buffer)
{
	size_t held = 0;

	for (;;) {
		ssize_t got = read(fd, buffer + held, CHUNK_BYTES - held);
		struct slice rest;
		int err;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fault_set(r->fault, -errno, "cannot read %s: %s; check the path",
					 r->name, strerror(errno));
		if (got == 0)
			return read_end(r, slice_of(buffer, held));
		err = read_lines(r, slice_of(buffer, held + (size_t)got), &rest);
		/* What is left is one line; a good one is short enough to leave room for more. */
		if (!err && rest.len > LINE_MAX_LEN)
			err = read_line(r, rest);
		if (err)
			return err;
		held = rest.len;
		memmove(buffer, rest.at, held);
	}
}

int rules_load(const char *path, const struct rule_apps *apps, unsigned options, struct rules **out,
	       struct fault *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *buffer = NULL;
	struct reading r;
	int err;

	if (fd < 0)
		return fault_set(f, -errno, "cannot open %s: %s; %s", path, strerror(errno),
				 fault_next(-errno, "check the path"));
	err = reading_begin(&r, path, apps, options, f);
	if (err)
		goto out;
	buffer = malloc(CHUNK_BYTES);
	err = buffer ? read_file(&r, fd, buffer) : fault_set(f, -ENOMEM, "%s: out of memory", path);
	err = reading_end(&r, err, out);
out:
	free(buffer);
	close(fd);
	return err;
}

char *rules_format(const struct rules *r)
{
	return rules_format_with(r, NULL, NULL);
}

char *rules_format_with(const struct rules *r,
			void (*remark)(void *ctx, const struct rule *rule, struct text *out),
			void *ctx)
{
	bool has_lists = rules_list_count(r), has_devices = rules_device_count(r);
	struct text t = {0};

	text_puts(&t, "# Rules of dpi-xdp: values under section lines, an allow beats a block.\n");
	for (size_t s = 0; s < SECTION_COUNT; s++) {
		struct rules_walk w = {0};
		const struct rule *rule;

		/* A version without lists or devices can read what has none. */
		if ((sections[s].kind == RULE_LIST && !has_lists) ||
		    (sections[s].kind == RULE_DEVICE && !has_devices))
			continue;
		text_printf(&t, "\n[%s]\n", sections[s].name);
		while ((rule = rules_next(r, &w))) {
			if (rule->kind != sections[s].kind ||
			    rule->is_allow != sections[s].is_allow)
				continue;
			text_puts(&t, rule->value);
			if (rule->is_timed)
				text_printf(&t, "  %s", rule_when(rule));
			if (remark && (rule->is_timed || rule->kind == RULE_LIST))
				remark(ctx, rule, &t);
			text_putc(&t, '\n');
		}
	}
	text_printf(&t, "\n# end %zu\n", rules_count(r));
	if (t.failed)
		text_clear(&t);
	return t.at;
}
