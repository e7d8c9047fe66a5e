/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The file of positions: a line an output, "ID SPEC"; see position.h. Room: export.
 */
#include "export/position.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int line_take(char *line, struct sink *const *sinks, size_t count)
{
	char *spec = strchr(line, ' ');
	struct follow_id id;

	line[strcspn(line, "\n")] = 0;
	if (!spec)
		return -EINVAL;
	*spec++ = 0;
	if (follow_id_parse(line, &id))
		return -EINVAL;
	for (size_t i = 0; i < count; i++)
		if (strcmp(sinks[i]->spec, spec) == 0)
			sinks[i]->done = id;
	return 0;
}

int position_load(const char *path, struct sink *const *sinks, size_t count, struct fault *f)
{
	FILE *from = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	int err = 0;

	if (!from && errno == ENOENT)
		return 0;
	if (!from)
		return fault_set(f, -errno, "%s cannot be read: %s", path, strerror(errno));
	while (!err && getline(&line, &size, from) > 0)
		err = line_take(line, sinks, count);
	if (err)
		fault_set(f, err, "%s is no file of positions; remove it to begin anew", path);
	free(line);
	fclose(from);
	return err;
}

int position_save(const char *path, struct sink *const *sinks, size_t count, struct fault *f)
{
	char beside[4096], text[FOLLOW_ID_MAX];
	FILE *to;
	int err = 0;

	if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
		return fault_set(f, -ENAMETOOLONG, "%s: the name is too long", path);
	to = fopen(beside, "we");
	if (!to)
		return fault_set(f, -errno, "%s cannot be written: %s", beside, strerror(errno));
	for (size_t i = 0; i < count; i++)
		if (sinks[i]->done.instance)
			fprintf(to, "%s %s\n", follow_id_format(&sinks[i]->done, text),
				sinks[i]->spec);
	err = ferror(to) ? -EIO : 0;
	if (fclose(to) && !err)
		err = -errno;
	if (!err && rename(beside, path))
		err = -errno;
	if (!err)
		return 0;
	unlink(beside);
	return fault_set(f, err, "%s cannot be written: %s", path, strerror(-err));
}
