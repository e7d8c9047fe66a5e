/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Several captures in the order of time. Room: pcap. See capture_set.h; how their pieces become
 * those of one file is in set_classic.c and set_blocks.c.
 */
#include "pcap/capture_set.h"

#include <errno.h>
#include <stdlib.h>
#include "pcap/reading.h"
#include "pcap/set_making.h"

#define BYTE_ORDER_MAGIC 0x1a2b3c4dU

uint8_t *set_scratch(struct capture_set *set, size_t len)
{
	uint8_t *more;

	if (len > set->scratch_cap) {
		more = realloc(set->scratch, len * 2);
		if (!more)
			return NULL;
		set->scratch = more;
		set->scratch_cap = len * 2;
	}
	return set->scratch;
}

/* --- the heap --- */

/* Earlier in time. Of the same time: named later, and of those without a time: named earlier, both
 * as mergecap has it. Members lie in the order in which they were named. */
static bool is_before(const struct set_member *a, const struct set_member *b)
{
	if (a->key != b->key)
		return a->key < b->key;
	return a->key == 0 ? a < b : a > b;
}

static void sift_down(struct capture_set *set)
{
	struct set_member **heap = set->heap, *m;
	size_t at = 0, child;

	if (set->heap_count == 0)
		return;
	m = heap[0];
	while ((child = 2 * at + 1) < set->heap_count) {
		if (child + 1 < set->heap_count && is_before(heap[child + 1], heap[child]))
			child++;
		if (!is_before(heap[child], m))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = m;
}

/* A member's first frame goes in at the end; any later one where the frame before it was. */
static void put_in_order(struct capture_set *set, struct set_member *m)
{
	size_t at, parent;
	bool is_simple = m->head.is_blocks && set_u32(&m->head, m->record.raw.at) == BLOCK_SIMPLE;

	m->key = is_simple ? 0 : m->record.frame.ts_ns + 1;
	if (set->heap_count > 0 && set->heap[0] == m) {
		sift_down(set);
		return;
	}
	for (at = set->heap_count++; at > 0; at = parent) {
		parent = (at - 1) / 2;
		if (!is_before(m, set->heap[parent]))
			break;
		set->heap[at] = set->heap[parent];
	}
	set->heap[at] = m;
}

/* --- the members --- */

static void end_member(struct capture_set *set, struct set_member *m)
{
	m->is_ended = true;
	if (set->heap_count > 0 && set->heap[0] == m) {
		set->heap[0] = set->heap[--set->heap_count];
		sift_down(set);
	}
}

/* Ends a member at damage, which is said when all the others have ended. */
static void note_damage(struct capture_set *set, struct set_member *m, const struct fault *why)
{
	if (set->damage_count++ == 0)
		fault_set(&set->damage, -EBADMSG, "%s: %s", m->path, why->text);
	end_member(set, m);
}

void set_read_head(struct set_head *h, struct slice raw)
{
	uint32_t magic, order;

	memcpy(&magic, raw.at, 4);
	memcpy(&order, raw.at + 8, 4);
	*h = (struct set_head){.is_blocks = magic == BLOCK_SECTION};
	if (h->is_blocks) {
		h->is_swapped = order != BYTE_ORDER_MAGIC;
		return;
	}
	h->is_swapped = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1;
	memcpy(h->bytes, raw.at, sizeof(h->bytes));
	h->is_nano = set_u32(h, raw.at) == 0xa1b23c4d;
	h->minor = set_u16(h, raw.at + 6);
	h->snap_len = set_u32(h, raw.at + 16);
	h->linktype = set_u32(h, raw.at + 20);
}

/* Moves a member on to its next frame. 1: *r is a piece to hand out before it; 0: the frame is in
 * the heap, or there is none; or -errno. */
static int move(struct capture_set *set, struct set_member *m, struct capture_record *r,
		struct fault *f)
{
	struct fault why = {""};
	int n = 0;

	if (set->head.is_blocks && !m->head.is_blocks && m->has_head && m->id_count == 0)
		return blocks_set_interface(set, m, r);
	while (!m->is_ended && n == 0) {
		n = capture_in_next(m->in, &m->record, &why);
		if (n == 1 && m->record.is_frame) {
			put_in_order(set, m);
			return 0;
		}
		if (n == 0)
			end_member(set, m);
		else if (n == -EBADMSG)
			note_damage(set, m, &why);
		else if (n < 0)
			return fault_set(f, n, "%s: %s", m->path, why.text);
		n = n == 1 ? blocks_set_other(set, m, m->record.raw, r) : 0;
	}
	return n;
}

static int next(struct capture_in *in, struct capture_record *r, struct fault *f)
{
	struct capture_set *set = in->set;
	struct set_member *m;
	int n;

	if (!in->is_begun && set->has_head) {
		in->is_begun = true;
		r->is_frame = false;
		r->raw = slice_of(set->head.bytes, sizeof(set->head.bytes));
		return set->head.is_blocks ? blocks_set_head(set, r) : 1;
	}
	while (set->moving || set->primed < set->count) {
		if (!set->moving)
			set->moving = &set->member[set->primed++];
		n = move(set, set->moving, r, f);
		if (n == -EOVERFLOW)
			fault_set(f, n, "%s: more than 65,536 interfaces in all; join fewer",
				  set->moving->path);
		if (n)
			return n;
		set->moving = NULL;
	}
	if (set->heap_count > 0) {
		m = set->moving = set->heap[0];
		return set->head.is_blocks ? blocks_set_record(set, m, r)
					   : classic_set_record(set, m, r);
	}
	if (set->damage_count > 1)
		return fault_set(f, -EBADMSG, "%s; %zu more captures are damaged", set->damage.text,
				 set->damage_count - 1);
	return set->damage_count ? fault_set(f, -EBADMSG, "%s", set->damage.text) : 0;
}

static const struct capture_format joined_classic = {.name = "pcap", .next = next};
static const struct capture_format joined_blocks = {.name = "pcapng", .next = next};

/* --- opening --- */

/* Opens a member and reads its head; one that is damaged there has none. */
static int open_member(struct capture_set *set, struct set_member *m,
		       const volatile sig_atomic_t *stop, struct fault *f)
{
	struct fault why = {""};
	int n = capture_in_open(m->path, stop, &m->in, &why);

	if (n)
		return fault_set(f, n, "%s: %s", m->path, why.text);
	n = capture_in_next(m->in, &m->record, &why);
	if (n < 0 && n != -EBADMSG)
		return fault_set(f, n, "%s: %s", m->path, why.text);
	if (n == 1) {
		set_read_head(&m->head, m->record.raw);
		m->has_head = true;
	} else if (n == 0) {
		end_member(set, m);
	} else {
		note_damage(set, m, &why);
	}
	return 0;
}

/* What the output is: pcap when all are and have one link type, else pcapng. */
static void choose(struct capture_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct set_head *h = &set->member[i].head;

		if (!set->member[i].has_head)
			continue;
		if (!set->has_head)
			set->head = *h;
		else if (h->linktype != set->head.linktype)
			set->head.is_blocks = true;
		set->has_head = true;
		set->head.is_blocks |= h->is_blocks;
		set->head.is_nano |= h->is_nano;
	}
	if (set->has_head && !set->head.is_blocks)
		classic_set_head(set);
}

int capture_set_open(const char *const *paths, size_t count, const volatile sig_atomic_t *stop,
		     struct capture_in **out, struct fault *f)
{
	struct capture_in *in = NULL;
	struct capture_set *set;
	struct fault why = {""};
	int err;

	if (count == 1) {
		err = capture_in_open(paths[0], stop, out, &why);
		return err ? fault_set(f, err, "%s: %s", paths[0], why.text) : 0;
	}
	set = calloc(1, sizeof(*set));
	in = calloc(1, sizeof(*in));
	if (!set || !in)
		goto no_memory;
	in->source.fd = -1;
	in->strange_link = -1;
	set->member = calloc(count, sizeof(*set->member));
	set->heap = calloc(count, sizeof(*set->heap));
	if (!set->member || !set->heap)
		goto no_memory;
	for (set->count = 0; set->count < count; set->count++) {
		struct set_member *m = &set->member[set->count];

		m->path = paths[set->count];
		err = open_member(set, m, stop, f);
		if (err) {
			set->count++;
			goto out;
		}
	}
	choose(set);
	in->format = set->head.is_blocks ? &joined_blocks : &joined_classic;
	in->set = set;
	*out = in;
	return 0;
no_memory:
	err = fault_set(f, -ENOMEM, "%s: out of memory", paths[0]);
out:
	set_close(set);
	free(in);
	return err;
}

void set_close(struct capture_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; set->member && i < set->count; i++) {
		capture_in_close(set->member[i].in);
		free(set->member[i].ids);
	}
	free(set->member);
	free(set->heap);
	free(set->scratch);
	free(set);
}

uint64_t set_offset(const struct capture_set *set)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < set->count; i++)
		sum += capture_in_offset(set->member[i].in);
	return sum;
}

uint64_t set_size(const struct capture_set *set)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < set->count; i++) {
		uint64_t size = capture_in_size(set->member[i].in);

		if (size == 0)
			return 0; /* a stream: the whole is not known */
		sum += size;
	}
	return sum;
}

const char *set_strange_link(const struct capture_set *set)
{
	const char *name = NULL;

	for (size_t i = 0; i < set->count && !name; i++)
		name = capture_in_strange_link(set->member[i].in);
	return name;
}
