/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Capture formats that only libpcap knows (modified pcap and other old relatives). Room: pcap; with
 * filter.c the only user of libpcap. Records are delivered as pcap with nanoseconds.
 */
#include "pcap/reading.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>

enum { FILE_HEAD = 24, RECORD_HEAD = 16 };

/* stdio over our own buffer, so that bytes already looked at are read again, pipes included. */
static ssize_t cookie_read(void *cookie, char *out, size_t size)
{
	struct source *s = cookie;
	int n = source_need(s, 1);
	size_t got;

	if (n <= 0) {
		errno = n < 0 ? -n : 0;
		return n < 0 ? -1 : 0;
	}
	got = source_left(s) < size ? source_left(s) : size;
	memcpy(out, source_at(s), got);
	source_pass(s, got);
	return (ssize_t)got;
}

int foreign_open(struct capture_in *in, struct fault *f)
{
	static const cookie_io_functions_t io = {.read = cookie_read};
	char why[PCAP_ERRBUF_SIZE] = "";
	FILE *file = fopencookie(&in->source, "r", io);

	if (!file)
		return fault_set(f, -ENOMEM, "out of memory");
	in->pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!in->pcap) {
		fclose(file);
		return fault_set(f, -EINVAL, "%s", why);
	}
	in->scratch = malloc(RECORD_HEAD + CAPTURE_RECORD_MAX);
	return in->scratch ? 0 : fault_set(f, -ENOMEM, "out of memory");
}

void foreign_close(struct capture_in *in)
{
	if (in->pcap)
		pcap_close(in->pcap);
	free(in->scratch);
}

const char *foreign_link_name(uint32_t linktype)
{
	return pcap_datalink_val_to_name((int)linktype);
}

/* Host order throughout: a reader tells by the magic. */
static int make_head(struct capture_in *in, struct capture_record *r)
{
	struct capture_link l = {.link = capture_link_type(in, (uint32_t)pcap_datalink(in->pcap)),
				 .linktype = (uint16_t)pcap_datalink(in->pcap)};
	uint32_t head[6] = {0xa1b23c4d,
			    0,
			    0,
			    0,
			    (uint32_t)pcap_snapshot(in->pcap),
			    (uint32_t)pcap_datalink(in->pcap)};
	uint16_t version[2] = {2, 4};

	memcpy(&head[1], version, sizeof(version));
	memcpy(in->scratch, head, sizeof(head));
	in->is_begun = true;
	r->is_frame = false;
	r->raw = slice_of(in->scratch, FILE_HEAD);
	return capture_link_add(in, &l) < 0 ? -ENOMEM : 1;
}

static int next(struct capture_in *in, struct capture_record *r, struct fault *f)
{
	struct pcap_pkthdr *h;
	const u_char *bytes;
	uint32_t head[4];
	int n;

	if (!in->is_begun)
		return make_head(in, r);
	n = pcap_next_ex(in->pcap, &h, &bytes);
	if (n == PCAP_ERROR_BREAK)
		return 0;
	if (n != 1 || h->caplen > CAPTURE_RECORD_MAX)
		return capture_damage(in, f,
				      n == 1 ? "a captured length above 262,144 bytes"
				      : source_damage(&in->source) ? source_damage(&in->source)
								   : pcap_geterr(in->pcap));
	head[0] = (uint32_t)h->ts.tv_sec;
	head[1] = (uint32_t)h->ts.tv_usec; /* nanoseconds, as asked for */
	head[2] = h->caplen;
	head[3] = h->len;
	memcpy(in->scratch, head, sizeof(head));
	memcpy(in->scratch + RECORD_HEAD, bytes, h->caplen);
	r->is_frame = true;
	r->linktype = in->links[0].linktype;
	r->raw = slice_of(in->scratch, RECORD_HEAD + (size_t)h->caplen);
	r->frame = (struct frame){
		.ts_ns = head[0] * 1000000000ULL + head[1],
		.wire_len = h->len > h->caplen ? h->len : h->caplen,
		.link = in->links[0].link,
		.bytes = slice_of(in->scratch + RECORD_HEAD, h->caplen),
	};
	return 1;
}

const struct capture_format capture_foreign = {.name = "a format that libpcap reads", .next = next};
