/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The rows as a capture file, as if nobody had dropped anything (draft-ietf-opsawg-pcap). Room:
 * selftest.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "selftest/play.h"

enum { STEP_US = 100, PROBES_AFTER_MS = 100 };

struct capture {
	FILE *to;
	uint64_t now_us;
	bool is_bad;
};

static void put(struct capture *c, const void *bytes, size_t len)
{
	c->is_bad |= fwrite(bytes, 1, len, c->to) != len;
}

static void emit(void *ctx, const struct stage_shot *shot)
{
	struct capture *c = ctx;
	uint32_t len = (uint32_t)shot->frame.len;
	const uint32_t head[4] = {(uint32_t)(c->now_us / 1000000), (uint32_t)(c->now_us % 1000000),
				  len, len};

	put(c, head, sizeof(head));
	put(c, shot->frame.at, shot->frame.len);
	c->now_us += STEP_US;
}

static void pause_ms(void *ctx, unsigned ms)
{
	struct capture *c = ctx;

	c->now_us += ms * 1000ULL;
}

/* Which flow is of which row, and what must become of it. */
static void list_flows(const struct stage *s, struct text *out)
{
	text_puts(out, "{\"schema\":\"dpi-xdp/selftest-capture/1\",\"rules\":");
	text_json_utf8(out, rows_rules);
	text_puts(out, ",\"flows\":[");
	for (size_t i = 0; i < s->talk_count; i++) {
		const struct talk *t = &s->talks[i];
		const struct row *row = rows_at(t->row, NULL);

		text_printf(out,
			    "%s{\"row\":\"%s\",\"ip\":%d,\"protocol\":\"%s\",\"client_port\":%u,"
			    "\"server_port\":%u,\"attack\":%s,\"open\":%s,\"framewise\":%s,"
			    "\"refused\":%s}",
			    i ? ",\n" : "\n", row->name, t->is_v6 ? 6 : 4,
			    t->is_udp ? "UDP" : "TCP", t->client_port, t->server_port,
			    t->is_attack ? "true" : "false", row->open ? "true" : "false",
			    t->is_frame_wise ? "true" : "false",
			    row->is_refused ? "true" : "false");
	}
	text_puts(out, "]}\n");
}

static void play_all(struct stage *s, const struct selftest_wish *w, struct capture *c)
{
	play_rows(s, w);
	pause_ms(c, PROBES_AFTER_MS);
	play_probes(s);
}

int selftest_write(const struct selftest_wish *w, const char *path, struct text *list,
		   struct fault *f)
{
	static const uint32_t head[6] = {0xa1b2c3d4, 0x00040002, 0, 0, 262144, 1};
	struct capture c = {.to = fopen(path, "we"), .now_us = 1700000000000000ULL};
	struct stage s;
	struct stat st;
	bool is_file;

	if (!c.to)
		return fault_set(f, -errno, "%s: %s", path, strerror(errno));
	c.is_bad = !stage_init(&s);
	s.emit = emit;
	s.pause = pause_ms;
	s.ctx = &c;
	put(&c, head, sizeof(head));
	if (!c.is_bad)
		play_all(&s, w, &c);
	list_flows(&s, list);
	c.is_bad |= s.is_broken;
	stage_clear(&s);
	is_file = fstat(fileno(c.to), &st) == 0 && S_ISREG(st.st_mode);
	c.is_bad |= fclose(c.to) != 0;
	if (!c.is_bad)
		return 0;
	if (is_file)
		unlink(path);
	return fault_set(f, -EIO, "%s: could not be written whole; is there room?", path);
}
