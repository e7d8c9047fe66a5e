/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Stands for the room classify's own: the catalogue of the module, which is unpacked at the start.
 * What is packed was checked when the text was read; nothing here can be refused but for memory.
 */
#include "wasm/packed.h"

enum { OWN_STEM, ALIAS_STEM, STEMS };

/* What is read of each kind, and the application's that is being read. */
struct unpacking {
	struct catalogue *c;
	const char *calls, *suffixes, *resolvers;
	int app;
	char stem[STEMS][APP_NAME_MAX + 1];
};

/* Entry n of a list. */
static const char *list_at(const char *list, int n)
{
	while (n--)
		list += strlen(list) + 1;
	return list;
}

/* The application with all that it may be called. */
static int add_app(struct unpacking *u)
{
	char call[APP_NAME_MAX + 1];

	memset(u->stem, 0, sizeof(u->stem));
	for (int n = 0; n == 0 || *u->calls++ == ','; n++) {
		size_t len = strcspn(u->calls, ",\n");
		int err, owner;

		memcpy(call, u->calls, len);
		call[len] = '\0';
		u->calls += len;
		if (n < STEMS)
			packed_stem(call, u->stem[n]);
		err = n ? catalogue_add_call(u->c, u->app, call, &owner)
			: catalogue_add_app(u->c, call);
		if (err < 0)
			return err;
	}
	return catalogue_set_category(u->c, u->app,
				      list_at(catalogue_packed.categories,
					      catalogue_packed.category_of[u->app - 1] - 'A'));
}

/* One suffix, up to its end. */
static const char *read_suffix(const struct unpacking *u, const char *at, struct text *t)
{
	t->len = 0;
	for (;;) {
		uint8_t byte = (uint8_t)*at++;

		if (byte == PACKED_END)
			return at;
		if (byte >= PACKED_ENDING) {
			text_putc(t, '.');
			text_puts(t, list_at(catalogue_packed.endings, byte - PACKED_ENDING));
			return at;
		}
		if (byte == PACKED_STEM || byte == PACKED_ALIAS)
			text_puts(t, u->stem[byte == PACKED_STEM ? OWN_STEM : ALIAS_STEM]);
		else
			text_putc(t, (char)byte);
	}
}

/* A line of suffixes, by the function that puts them where they belong. */
static int add_suffixes(const struct unpacking *u, const char **line,
			int (*add)(struct catalogue *c, int app, struct slice suffix, int *owner))
{
	const char *at = *line;
	struct text t = {0};
	int err = 0, owner;

	while (*at != '\n' && !err) {
		at = read_suffix(u, at, &t);
		err = t.failed ? -1 : add(u->c, u->app, slice_of(t.at, t.len), &owner);
	}
	text_clear(&t);
	*line = at + 1;
	return err;
}

static int unpack_apps(struct catalogue *c)
{
	struct unpacking u = {
		.c = c,
		.calls = catalogue_packed.calls,
		.suffixes = catalogue_packed.suffixes,
		.resolvers = catalogue_packed.resolvers,
	};

	for (u.app = APP_UNKNOWN + 1; (size_t)u.app < catalogue_packed.app_count; u.app++)
		if (add_app(&u) || add_suffixes(&u, &u.suffixes, catalogue_add_suffix) ||
		    add_suffixes(&u, &u.resolvers, catalogue_add_resolver))
			return -1;
	return 0;
}

static int unpack_ports(struct catalogue *c)
{
	int owner;

	for (size_t i = 0; i < catalogue_packed.port_count; i++) {
		const struct app_port *p = &catalogue_packed.port[i];

		if (catalogue_add_protocol(c, p->app, p->proto, p->port, &owner))
			return -1;
	}
	memcpy(c->proto, catalogue_packed.proto, sizeof(c->proto));
	memcpy(c->sign, catalogue_packed.sign, sizeof(c->sign));
	return 0;
}

struct catalogue *catalogue_new(void)
{
	struct catalogue *c = catalogue_empty();

	if (c && unpack_apps(c) == 0 && unpack_ports(c) == 0)
		return c;
	catalogue_free(c);
	return NULL;
}
