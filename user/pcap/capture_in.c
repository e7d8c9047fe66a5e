/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Opens a capture: which format it is by its first bytes, and a refusal by name for what is none.
 * Room: pcap. The formats are in classic.c, blocks.c and foreign.c.
 */
#include "pcap/capture_in.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "packet/link.h"
#include "pcap/reading.h"
#include "pcap/set.h"

/* First bytes, and what they mean: a format of ours, or the name of what was given instead. */
static const struct {
	uint8_t len;
	uint8_t bytes[6];
	const struct capture_format *format;
	const char *refusal;
} magics[] = {
	{4, {0xd4, 0xc3, 0xb2, 0xa1}, &capture_classic, NULL},
	{4, {0xa1, 0xb2, 0xc3, 0xd4}, &capture_classic, NULL},
	{4, {0x4d, 0x3c, 0xb2, 0xa1}, &capture_classic, NULL},
	{4, {0xa1, 0xb2, 0x3c, 0x4d}, &capture_classic, NULL},
	{4, {0x0a, 0x0d, 0x0d, 0x0a}, &capture_blocks, NULL},
	{6, {0xfd, '7', 'z', 'X', 'Z', 0}, NULL, "compressed by xz; unpack it first: xz -dc FILE"},
	{3, {'B', 'Z', 'h'}, NULL, "compressed by bzip2; unpack it first: bunzip2 -c FILE"},
	{4, {0x04, 0x22, 0x4d, 0x18}, NULL, "compressed by lz4; unpack it first: lz4 -dc FILE"},
	{4, {'P', 'K', 3, 4}, NULL, "a zip archive; unpack it first"},
	{5, {'s', 'n', 'o', 'o', 'p'}, NULL, "a snoop capture; convert it first: editcap -F pcap"},
	{4, {0x7f, 'E', 'L', 'F'}, NULL, "a program (ELF)"},
};

/* First bytes of what is unpacked here. A zstd file may begin with a frame that holds no data. */
static const struct {
	uint8_t len;
	uint8_t bytes[4];
	enum unpack_kind kind;
} packers[] = {
	{2, {0x1f, 0x8b}, UNPACK_GZIP},
	{4, {0x28, 0xb5, 0x2f, 0xfd}, UNPACK_ZSTD},
	{4, {0x50, 0x2a, 0x4d, 0x18}, UNPACK_ZSTD},
};

enum link_type capture_link_type(struct capture_in *in, uint32_t linktype)
{
	enum link_type link = link_type_of(linktype);
	const char *name;

	if (link == LINK_OTHER && in->strange_link < 0) {
		in->strange_link = (int)linktype;
		name = foreign_link_name(linktype);
		snprintf(in->strange_name, sizeof(in->strange_name), "%s%s%u%s", name ? name : "",
			 name ? " (" : "", linktype, name ? ")" : "");
	}
	return link;
}

int capture_link_add(struct capture_in *in, const struct capture_link *l)
{
	if (in->link_count == in->link_cap) {
		size_t cap = in->link_cap ? in->link_cap * 2 : 4;
		struct capture_link *more = realloc(in->links, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		in->links = more;
		in->link_cap = cap;
	}
	in->links[in->link_count++] = *l;
	return 0;
}

int capture_damage(const struct capture_in *in, struct fault *f, const char *what)
{
	return fault_set(f, -EBADMSG, "damaged at record %llu, byte offset %llu: %s",
			 (unsigned long long)in->frame_count + 1,
			 (unsigned long long)source_offset(&in->source), what);
}

static bool is_text(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!isprint(s.at[i]) && !isspace(s.at[i]) && s.at[i] < 0x80)
			return false;
	}
	return true;
}

/* Versions of pcap that we read ourselves: 2.0 to 2.4. Others are libpcap's to judge. */
static bool is_known_version(const struct source *s)
{
	const uint8_t *at = source_at(s);
	bool is_big = at[0] == 0xa1;

	if (source_left(s) < 8)
		return true; /* cut short in the header, which the reader will say */
	return is_big ? at[4] == 0 && at[5] == 2 && at[6] == 0 && at[7] <= 4
		      : at[5] == 0 && at[4] == 2 && at[7] == 0 && at[6] <= 4;
}

/* Makes the first bytes readable. Damage behind them will be met when they are read. */
static int look_at_head(struct source *s, struct slice *head, struct fault *f)
{
	int n = source_need(s, 64);

	*head = slice_first(slice_of(source_at(s), source_left(s)), 64);
	if (n == -EILSEQ && head->len == 0)
		return fault_set(f, -EINVAL, "not a capture: %s", source_damage(s));
	if (n < 0 && n != -EILSEQ)
		return n;
	return head->len ? 0 : fault_set(f, -EINVAL, "not a capture: it is empty");
}

/* The first bytes, unpacked. Returns 0, or a refusal. */
static int unpack_head(struct source *s, struct slice *head, struct fault *f)
{
	int n = look_at_head(s, head, f);

	for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]) && !n; i++) {
		if (head->len < packers[i].len ||
		    memcmp(head->at, packers[i].bytes, packers[i].len))
			continue;
		if (s->unpack)
			return fault_set(f, -EINVAL,
					 "not a capture: compressed twice; unpack it first");
		n = source_unpack(s, packers[i].kind);
		return n ? n : unpack_head(s, head, f);
	}
	return n;
}

/* Chooses in->format. Returns 0, or a refusal. */
static int sniff(struct capture_in *in, struct fault *f)
{
	struct source *s = &in->source;
	struct fault why = {""};
	struct slice head;
	int n = unpack_head(s, &head, f);

	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]) && !n; i++) {
		if (head.len < magics[i].len || memcmp(head.at, magics[i].bytes, magics[i].len))
			continue;
		in->format = magics[i].format;
		if (!in->format)
			return fault_set(f, -EINVAL, "not a capture: %s", magics[i].refusal);
		if (in->format != &capture_classic || is_known_version(s))
			return 0;
	}
	if (n)
		return n;
	if (is_text(head))
		return fault_set(f, -EINVAL, "not a capture: it is text");
	if (head.len < 4)
		return fault_set(f, -EINVAL, "not a capture: only %zu bytes", head.len);
	in->format = &capture_foreign;
	n = foreign_open(in, &why);
	if (n < 0)
		fault_set(f, n, "not a capture: neither pcap nor pcapng (%s)", why.text);
	return n;
}

int capture_in_open(const char *path, const volatile sig_atomic_t *stop, struct capture_in **out,
		    struct fault *f)
{
	struct capture_in *in = calloc(1, sizeof(*in));
	int err;

	if (!in)
		return fault_set(f, -ENOMEM, "out of memory");
	in->strange_link = -1;
	err = source_open(&in->source, path, stop);
	if (err) {
		in->source.fd = -1;
		if (err == -EISDIR)
			fault_set(f, err = -EINVAL, "not a capture: it is a directory");
		else
			fault_set(f, err, "cannot be read: %s", strerror(-err));
		goto out;
	}
	err = sniff(in, f);
	if (err && err != -EINVAL && err != -ENOMEM)
		fault_set(f, err, "cannot be read: %s", strerror(-err));
out:
	if (err)
		capture_in_close(in);
	else
		*out = in;
	return err;
}

void capture_in_close(struct capture_in *in)
{
	if (!in)
		return;
	set_close(in->set);
	foreign_close(in);
	source_close(&in->source);
	free(in->links);
	free(in);
}

void capture_in_map(struct capture_in *in, struct capture_guard *guard)
{
	if (!in->set && in->format != &capture_foreign && !in->is_begun)
		source_map(&in->source, guard);
}

void capture_in_keep(struct capture_in *in)
{
	if (!in->set && in->format != &capture_foreign && !in->is_begun)
		source_keep(&in->source);
}

int capture_in_form(struct capture_in *in, const char *boundary, const char *name)
{
	return in->set ? 0 : source_form(&in->source, boundary, name);
}

bool capture_in_is_lasting(const struct capture_in *in)
{
	return in->source.map || in->source.is_kept;
}

bool capture_in_is_mapped(const struct capture_in *in)
{
	return in->source.map;
}

uint64_t capture_in_position(const struct capture_in *in)
{
	return source_offset(&in->source);
}

void capture_in_turn(struct capture_in *in)
{
	in->ahead_end = in->source.at;
}

void capture_in_release(struct capture_in *in, uint64_t offset)
{
	source_release(&in->source, offset);
}

/* Fills *f for bytes that cannot be had; err is what the source said. */
static int say_loss(const struct capture_in *in, int err, struct fault *f)
{
	const char *what = source_damage(&in->source);

	return what ? capture_damage(in, f, what)
		    : fault_set(f, err, "cannot be read at byte offset %llu: %s",
				(unsigned long long)source_offset(&in->source), strerror(-err));
}

int capture_in_check(struct capture_in *in, struct fault *f)
{
	struct source *s = &in->source;

	if (source_is_whole_to(s, source_offset(s)))
		return 0;
	return fault_set(f, -EIO, "%s, and bytes already taken from it are lost",
			 source_damage(s) ? source_damage(s) : "the file cannot be read");
}

/* After a step that was no ordinary one: the end, damage, or bytes lost under a mapped file. */
static int look_again(struct capture_in *in, const struct capture_record *r, int n, struct fault *f)
{
	struct source *s = &in->source;

	if (in->set) /* whose members have said it */
		return n;
	if (n == 1 && !source_is_whole_to(s, source_offset(s))) {
		s->at -= r->raw.len;
		n = -EIO;
	}
	if ((n == 0 || n == -EBADMSG) && source_has_lost(s))
		n = -EIO;
	switch (n == 0 || n == -EBADMSG ? source_form_end(s) : 0) {
	case 1: return 0;
	case -EEXIST: return capture_damage(in, f, "another capture follows; send one at a time");
	}
	return n < 0 && n != -EBADMSG ? say_loss(in, n, f) : n;
}

int capture_in_next(struct capture_in *in, struct capture_record *r, struct fault *f)
{
	int n = in->format->next(in, r, f);

	if (n != 1 || source_is_marked(&in->source))
		n = look_again(in, r, n, f);
	if (n == 1 && r->is_frame)
		r->frame.number = ++in->frame_count;
	return n;
}

/* The ordinary records that are there, one behind the other. */
static size_t run_of(struct capture_in *in, const struct capture_room *room)
{
	const uint8_t *before = in->source.at;
	size_t count;

	if (source_is_marked(&in->source))
		return 0;
	count = in->format->run(in, room);
	if (!source_is_marked(&in->source))
		return count;
	in->source.at = before; /* one by one, to see where the lost bytes are */
	in->frame_count -= count;
	return 0;
}

int capture_in_take(struct capture_in *in, const struct capture_room *room, size_t *count,
		    struct fault *f)
{
	int n;

	*count = in->format->run ? run_of(in, room) : 0;
	if (*count)
		return 1;
	n = capture_in_next(in, room->at, f);
	*count = n == 1;
	return n;
}

void capture_in_untake(struct capture_in *in, const struct capture_record *r)
{
	in->source.at = r->raw.at;
	if (r->is_frame)
		in->frame_count = r->frame.number - 1;
}

const char *capture_in_format(const struct capture_in *in)
{
	return in->format->name;
}

uint64_t capture_in_offset(const struct capture_in *in)
{
	if (in->set)
		return set_offset(in->set);
	return in->source.unpack ? in->source.packed_offset : source_offset(&in->source);
}

uint64_t capture_in_size(const struct capture_in *in)
{
	return in->set ? set_size(in->set) : in->source.size;
}

uint64_t capture_in_left_out(const struct capture_in *in)
{
	return in->set ? in->set->left_out : 0;
}

const char *capture_in_strange_link(const struct capture_in *in)
{
	if (in->set)
		return set_strange_link(in->set);
	return in->strange_link < 0 ? NULL : in->strange_name;
}
