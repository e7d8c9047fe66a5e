/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room classify: the files that users add to a catalogue. A file is read into a copy, which takes
 * the place of the old catalogue only when every line was good.
 */
#include "classify/build.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 64 << 20 };

static int copy_set(struct suffix_set *to, const struct suffix_set *from)
{
	int err = 0, owner;

	for (size_t i = 0; !err && i < from->count; i++) {
		const struct app_suffix *s = &from->at[i];

		err = suffix_set_add(to, s->app, slice_of(suffix_set_text(from, s), s->len),
				     &owner);
	}
	return err;
}

/* A copy with the same ids; NULL when out of memory. */
static struct catalogue *copy_of(const struct catalogue *from)
{
	struct catalogue *c = catalogue_empty();
	int err = c ? 0 : -ENOMEM, owner;

	for (int i = APP_UNKNOWN + 1; !err && i < (int)from->app_count; i++)
		if (catalogue_add_app(c, catalogue_name(from, i)) < 0)
			err = -ENOMEM;
	for (int i = 0; !err && i < (int)from->app_count; i++)
		err = catalogue_set_category(c, i, catalogue_category(from, i));
	for (size_t i = 0; !err && i < from->call_count; i++)
		err = catalogue_add_call(c, from->call[i].app, from->words.at + from->call[i].text,
					 &owner);
	if (!err)
		err = copy_set(&c->suffix, &from->suffix);
	if (!err)
		err = copy_set(&c->resolver, &from->resolver);
	for (size_t i = 0; !err && i < from->port_count; i++) {
		const struct app_port *p = &from->port[i];

		err = catalogue_add_protocol(c, p->app, p->proto, p->port, &owner);
	}
	if (!err) {
		memcpy(c->proto, from->proto, sizeof(c->proto));
		memcpy(c->sign, from->sign, sizeof(c->sign));
		return c;
	}
	catalogue_free(c);
	return NULL;
}

/* Reads a whole file. Returns 0, or -errno and *f. */
static int read_file(const char *path, struct text *t, struct fault *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err = fd < 0 ? -errno : 0;
	char piece[4096];
	ssize_t got = 1;

	while (!err && got) {
		got = read(fd, piece, sizeof(piece));
		if (got > 0)
			text_add(t, piece, (size_t)got);
		else if (got < 0 && errno != EINTR)
			err = -errno;
		if (t->failed)
			err = -ENOMEM;
		if (t->len > FILE_BYTES_MAX)
			err = -EFBIG;
	}
	if (fd >= 0)
		close(fd);
	if (err)
		fault_set(f, err, "cannot read %s: %s; check the path", path, strerror(-err));
	return err;
}

int catalogue_load(struct catalogue *c, const char *path, struct fault *f)
{
	struct catalogue *copy = NULL;
	struct text t = {0};
	int err;

	err = read_file(path, &t, f);
	if (err)
		goto out;
	copy = copy_of(c);
	err = copy ? catalogue_read(copy, slice_of(t.at, t.len), path, f)
		   : fault_set(f, -ENOMEM, "%s: out of memory", path);
	if (!err) {
		struct catalogue old = *c;

		*c = *copy;
		*copy = old;
	}
out:
	catalogue_free(copy);
	text_clear(&t);
	return err;
}

static int is_conf(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".conf") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int catalogue_load_dir(struct catalogue *c, const char *dir, struct fault *f)
{
	struct dirent **entry = NULL;
	int count = scandir(dir, &entry, is_conf, by_name);
	int err = 0;

	if (count < 0)
		return errno == ENOENT ? 0
				       : fault_set(f, -errno, "cannot list %s: %s; check the path",
						   dir, strerror(errno));
	for (int i = 0; i < count; i++) {
		char *path = NULL;

		if (!err && asprintf(&path, "%s/%s", dir, entry[i]->d_name) < 0)
			err = fault_set(f, -ENOMEM, "%s: out of memory", dir);
		else if (!err)
			err = catalogue_load(c, path, f);
		free(path);
		free(entry[i]);
	}
	free(entry);
	return err;
}
