/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room fetch, the side that reads what strangers wrote: a process of its own that gives up its
 * rights first and has done its work when it has written its answer.
 */
#include "fetch/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/text.h"
#include "base/write_all.h"

enum { CHUNK_BYTES = 65536 };

static const char *end_word(enum fetch_end end)
{
	return end == FETCH_NEW ? "new" : end == FETCH_SAME ? "same" : "failed";
}

/* A word of a server's, or of a fault, as one line. */
static void add_line(struct text *t, const char *key, const char *value)
{
	text_printf(t, "%s ", key);
	text_escaped(t, slice_text(value));
	text_putc(t, '\n');
}

static int answer(const struct fetch_result *r, int out)
{
	struct text t = {0};
	int err;

	add_line(&t, "end", end_word(r->end));
	if (r->why[0])
		add_line(&t, "why", r->why);
	if (r->etag[0])
		add_line(&t, "etag", r->etag);
	if (r->modified[0])
		add_line(&t, "modified", r->modified);
#define X(name, help) text_printf(&t, "count " #name " %" PRIu64 "\n", r->counts.name);
	LIST_COUNTS(X)
#undef X
	text_putc(&t, '\n');
	err = t.failed ? -ENOMEM : write_all(out, slice_of(t.at, t.len));
	if (!err && r->list)
		err = write_all(out, list_text(r->list));
	text_clear(&t);
	return err;
}

/* A file, opened without rights: what not everybody may read is not read here either. */
static int read_file(const char *path, struct list_reader *reader, struct fault *f)
{
	static uint8_t chunk[CHUNK_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err = 0;
	size_t total = 0;
	ssize_t got = 1;

	if (fd < 0)
		return fault_set(f, -errno,
				 "%s: lists are read by a process without rights, so the file must "
				 "be there for everyone to read (chmod o+r; its directories o+x)",
				 strerror(errno));
	while (!err && got) {
		got = read(fd, chunk, sizeof(chunk));
		if (got < 0 && errno != EINTR)
			return fault_set(f, -errno, "%s; give a plain file", strerror(errno));
		total += got > 0 ? (size_t)got : 0;
		if (total > FETCH_BYTES_MAX)
			return fault_set(f, -EINVAL,
					 "it is larger than %d MiB; take a smaller list",
					 FETCH_BYTES_MAX >> 20);
		if (got > 0)
			err = list_reader_feed(reader, slice_of(chunk, (size_t)got), f);
	}
	close(fd);
	return err;
}

static int fetch_list(const struct fetch_ask *ask, struct fetch_result *r, struct fault *f)
{
	struct list_reader *reader = list_reader_new();
	struct fetch_web *web = NULL;
	bool is_file = ask->source[0] == '/';
	int err = reader ? 0 : fault_set(f, -ENOMEM, "out of memory");

	if (!err && !is_file)
		err = fetch_web_open(&web, f);
	if (!err)
		err = fetch_confine(f);
	if (!err)
		err = is_file ? read_file(ask->source, reader, f)
			      : fetch_web_get(web, ask, reader, r, f);
	if (err || r->end == FETCH_SAME)
		return err;
	err = list_reader_end(reader, &r->list, &r->counts, f);
	if (!err)
		r->end = FETCH_NEW;
	return err;
}

_Noreturn void fetch_child_run(const struct fetch_ask *ask, int out)
{
	struct fetch_result r = {.end = FETCH_FAILED};
	struct fault f = {""};

	prctl(PR_SET_NAME, "dpi-xdp-fetch", 0, 0, 0);
	alarm(FETCH_LIMIT_S);
	if (fetch_list(ask, &r, &f)) {
		r.end = FETCH_FAILED;
		snprintf(r.why, sizeof(r.why), "%.*s", FETCH_WHY_MAX - 1, f.text);
	}
	_exit(answer(&r, out) ? 1 : 0);
}
