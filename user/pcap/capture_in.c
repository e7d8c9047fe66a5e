/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Opens a capture: which format it is by its first bytes, and a refusal by name for what is none.
 * Room: pcap. The formats are in classic.c, blocks.c and foreign.c.
 */
#include "pcap/capture_in.h"

#include <ctype.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include "packet/link.h"
#include "pcap/reading.h"

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
	{2, {0x1f, 0x8b}, NULL, "compressed by gzip; unpack it first: gunzip -c FILE | ... -"},
	{4, {0x28, 0xb5, 0x2f, 0xfd}, NULL, "compressed by zstd; unpack it first: zstd -dc FILE"},
	{6, {0xfd, '7', 'z', 'X', 'Z', 0}, NULL, "compressed by xz; unpack it first: xz -dc FILE"},
	{3, {'B', 'Z', 'h'}, NULL, "compressed by bzip2; unpack it first: bunzip2 -c FILE"},
	{4, {0x04, 0x22, 0x4d, 0x18}, NULL, "compressed by lz4; unpack it first: lz4 -dc FILE"},
	{4, {'P', 'K', 3, 4}, NULL, "a zip archive; unpack it first"},
	{5, {'s', 'n', 'o', 'o', 'p'}, NULL, "a snoop capture; convert it first: editcap -F pcap"},
	{4, {0x7f, 'E', 'L', 'F'}, NULL, "a program (ELF)"},
};

enum link_type capture_link_type(struct capture_in *in, uint32_t linktype)
{
	enum link_type link = link_type_of(linktype);
	const char *name;

	if (link == LINK_OTHER && in->strange_link < 0) {
		in->strange_link = (int)linktype;
		name = pcap_datalink_val_to_name((int)linktype);
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
			 (unsigned long long)in->source.offset, what);
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

/* Chooses in->format. Returns 0, or a refusal. */
static int sniff(struct capture_in *in, struct fault *f)
{
	struct source *s = &in->source;
	struct fault why = {""};
	struct slice head;
	int n = source_need(s, 64);

	if (n < 0)
		return n;
	head = slice_first(slice_of(source_at(s), source_left(s)), 64);
	if (head.len == 0)
		return fault_set(f, -EINVAL, "not a capture: it is empty");
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		if (head.len < magics[i].len || memcmp(head.at, magics[i].bytes, magics[i].len))
			continue;
		in->format = magics[i].format;
		if (!in->format)
			return fault_set(f, -EINVAL, "not a capture: %s", magics[i].refusal);
		if (in->format != &capture_classic || is_known_version(s))
			return 0;
	}
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
	foreign_close(in);
	source_close(&in->source);
	free(in->links);
	free(in);
}

int capture_in_next(struct capture_in *in, struct capture_record *r, struct fault *f)
{
	int n = in->format->next(in, r, f);

	if (n == 1 && r->is_frame)
		r->frame.number = ++in->frame_count;
	if (n < 0 && n != -EBADMSG)
		fault_set(f, n, "cannot be read at byte offset %llu: %s",
			  (unsigned long long)in->source.offset, strerror(-n));
	return n;
}

const char *capture_in_format(const struct capture_in *in)
{
	return in->format->name;
}

uint64_t capture_in_offset(const struct capture_in *in)
{
	return in->source.offset;
}

uint64_t capture_in_size(const struct capture_in *in)
{
	return in->source.size;
}

const char *capture_in_strange_link(const struct capture_in *in)
{
	return in->strange_link < 0 ? NULL : in->strange_name;
}
