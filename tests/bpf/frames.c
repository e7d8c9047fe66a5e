/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Frames for the cases: made by hand, or out of capture files; see cases.h.
 */
#include "cases.h"

#include "pcap/capture_in.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

void make_tcp(struct made *m, bool is_back, uint8_t flags, uint32_t seq, struct slice payload)
{
	struct build_packet p = {
		.src = is_back ? SERVER : CLIENT,
		.dst = is_back ? CLIENT : SERVER,
		.sport = is_back ? SERVER_PORT : CLIENT_PORT,
		.dport = is_back ? CLIENT_PORT : SERVER_PORT,
		.proto = DPI_IP_TCP,
		.flags = flags,
		.seq = seq,
		.payload = payload,
	};

	m->len = build_frame(m->bytes, &p);
}

void make_udp(struct made *m, uint16_t sport, uint16_t dport, struct slice payload)
{
	struct build_packet p = {
		.src = CLIENT,
		.dst = SERVER,
		.sport = sport,
		.dport = dport,
		.proto = DPI_IP_UDP,
		.payload = payload,
	};

	m->len = build_frame(m->bytes, &p);
}

enum dpi_parse made_decode(const void *bytes, size_t len, struct packet *p)
{
	struct frame f = {
		.wire_len = (uint32_t)len,
		.link = LINK_ETHERNET,
		.bytes = slice_of(bytes, len),
	};
	enum dpi_parse result = packet_decode(&f, p);

	p->frame = NULL;
	return result;
}

struct dpi_key made_key(const struct made *m)
{
	struct packet p;

	made_decode(m->bytes, m->len, &p);
	return p.head.key;
}

const char *captures_dir(void)
{
	const char *dir = getenv("DPI_CAPTURES");
	struct stat st;

	if (!dir)
		dir = "../shared/captures";
	return stat(dir, &st) == 0 && S_ISDIR(st.st_mode) ? dir : NULL;
}

static int is_capture(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return dot && (strcmp(dot, ".pcap") == 0 || strcmp(dot, ".pcapng") == 0 ||
		       strcmp(dot, ".cap") == 0);
}

size_t each_captured(struct kernel *k,
		     void (*fn)(struct kernel *k, const void *bytes, size_t len, void *ctx),
		     void *ctx)
{
	const char *dir = captures_dir();
	struct dirent **entry = NULL;
	int n = dir ? scandir(dir, &entry, is_capture, alphasort) : 0;
	size_t frames = 0;

	for (int i = 0; i < n; i++) {
		struct capture_in *in = NULL;
		struct capture_record r;
		struct fault f;
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", dir, entry[i]->d_name);
		free(entry[i]);
		if (k->has_failed || capture_in_open(path, NULL, &in, &f))
			continue;
		/* A damaged capture ends early; what came before counts. */
		while (!k->has_failed && capture_in_next(in, &r, &f) > 0) {
			if (!r.is_frame || r.frame.link != LINK_ETHERNET)
				continue;
			fn(k, r.frame.bytes.at, r.frame.bytes.len, ctx);
			frames++;
		}
		capture_in_close(in);
	}
	free(entry);
	return frames;
}
