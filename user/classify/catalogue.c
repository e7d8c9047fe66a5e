/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room classify: applications and their suffixes, and the look-ups in them. A look-up allocates
 * nothing, does no I/O and costs one table probe a label. The suffix hashes are walked by the steps
 * of dpi/name.h; a hit counts only if the text is the same as well.
 */
#include "classify/build.h"
#include "dpi/name.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

/* --- filling -------------------------------------------------------------------------------- */

/* Room for one more element; arrays grow by doubling. Returns 0 or -ENOMEM. */
static int make_room(void *array_of, size_t count, size_t size)
{
	void **array = array_of;
	void *larger;

	if (count && (count < 16 || (count & (count - 1))))
		return 0;
	larger = realloc(*array, (count ? count * 2 : 16) * size);
	if (!larger)
		return -ENOMEM;
	*array = larger;
	return 0;
}

static int copy_text(char **out, const char *text, size_t len)
{
	*out = strndup(text, len);
	return *out ? 0 : -ENOMEM;
}

int catalogue_add_app(struct catalogue *c, const char *name)
{
	struct app app = {0};
	int ignored;

	if (c->app_count >= APPS_MAX)
		return -ENOSPC;
	if (make_room(&c->app, c->app_count, sizeof(*c->app)) ||
	    copy_text(&app.name, name, strlen(name)))
		return -ENOMEM;
	if (copy_text(&app.category, "other", 5) ||
	    catalogue_add_call(c, (int)c->app_count, name, &ignored)) {
		free(app.name);
		free(app.category);
		return -ENOMEM;
	}
	c->app[c->app_count] = app;
	return (int)c->app_count++;
}

int catalogue_set_category(struct catalogue *c, int app, const char *category)
{
	char *text;

	if (copy_text(&text, category, strlen(category)))
		return -ENOMEM;
	free(c->app[app].category);
	c->app[app].category = text;
	return 0;
}

/* The place of what an application is called, or -1. */
static int find_call(const struct catalogue *c, struct slice name)
{
	for (size_t i = 0; i < c->call_count; i++) {
		const char *text = c->call[i].text;

		if (strlen(text) == name.len &&
		    strncasecmp(text, (const char *)name.at, name.len) == 0)
			return (int)i;
	}
	return -1;
}

int catalogue_add_call(struct catalogue *c, int app, const char *text, int *owner)
{
	int at = find_call(c, slice_text(text));

	if (at >= 0) {
		*owner = c->call[at].app;
		return *owner == app ? 0 : -EEXIST;
	}
	if (make_room(&c->call, c->call_count, sizeof(*c->call)) ||
	    copy_text(&c->call[c->call_count].text, text, strlen(text)))
		return -ENOMEM;
	c->call[c->call_count++].app = app;
	return 0;
}

int catalogue_add_protocol(struct catalogue *c, int app, enum app_proto proto, uint16_t port,
			   int *owner)
{
	for (size_t i = 0; i < c->protocol_count; i++) {
		if (c->protocol[i].proto != proto || c->protocol[i].port != port)
			continue;
		*owner = c->protocol[i].app;
		return *owner == app ? 0 : -EEXIST;
	}
	if (make_room(&c->protocol, c->protocol_count, sizeof(*c->protocol)))
		return -ENOMEM;
	c->protocol[c->protocol_count++] = (struct app_protocol){proto, port, app};
	return 0;
}

static size_t home_of(const struct catalogue *c, uint64_t hash)
{
	return (size_t)(hash ^ hash >> 32) & (c->slot_count - 1);
}

/* The suffix of this hash and text, or NULL; *at is its slot, or the empty one for it. */
static const struct app_suffix *find_suffix(const struct catalogue *c, uint64_t hash,
					    struct slice text, size_t *at)
{
	*at = 0;
	if (!c->slot_count)
		return NULL;
	for (*at = home_of(c, hash); c->slot[*at]; *at = (*at + 1) & (c->slot_count - 1)) {
		const struct app_suffix *s = &c->suffix[c->slot[*at] - 1];

		if (s->hash == hash && slice_equal(slice_of(s->text, s->len), text))
			return s;
	}
	return NULL;
}

/* At most half of the slots are taken. */
static int grow_slots(struct catalogue *c)
{
	size_t slot_count = c->slot_count ? c->slot_count * 2 : 1024;
	uint32_t *slot;

	if ((c->suffix_count + 1) * 2 <= c->slot_count)
		return 0;
	slot = calloc(slot_count, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	free(c->slot);
	c->slot = slot;
	c->slot_count = slot_count;
	for (size_t i = 0; i < c->suffix_count; i++) {
		size_t at = home_of(c, c->suffix[i].hash);

		while (slot[at])
			at = (at + 1) & (slot_count - 1);
		slot[at] = (uint32_t)i + 1;
	}
	return 0;
}

static uint64_t hash_name(struct slice name)
{
	struct dpi_name_walk w;

	dpi_name_walk_init(&w, 0);
	for (size_t i = name.len; i-- > 0;)
		dpi_name_walk_byte(&w, name.at[i]);
	return w.hash;
}

int catalogue_add_suffix(struct catalogue *c, int app, struct slice suffix, int *owner)
{
	struct app_suffix mine = {.len = suffix.len, .hash = hash_name(suffix), .app = app};
	const struct app_suffix *there;
	size_t at;

	if (c->suffix_count >= SUFFIXES_MAX)
		return -ENOSPC;
	if (grow_slots(c) || make_room(&c->suffix, c->suffix_count, sizeof(*c->suffix)))
		return -ENOMEM;
	there = find_suffix(c, mine.hash, suffix, &at);
	if (there) {
		*owner = there->app;
		return *owner == app ? 0 : -EEXIST;
	}
	if (copy_text(&mine.text, (const char *)suffix.at, suffix.len))
		return -ENOMEM;
	c->suffix[c->suffix_count++] = mine;
	c->slot[at] = (uint32_t)c->suffix_count;
	return 0;
}

void catalogue_free(struct catalogue *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->app_count; i++) {
		free(c->app[i].name);
		free(c->app[i].category);
	}
	for (size_t i = 0; i < c->call_count; i++)
		free(c->call[i].text);
	for (size_t i = 0; i < c->suffix_count; i++)
		free(c->suffix[i].text);
	free(c->app);
	free(c->call);
	free(c->suffix);
	free(c->protocol);
	free(c->slot);
	free(c);
}

/* --- looking up ----------------------------------------------------------------------------- */

size_t catalogue_count(const struct catalogue *c)
{
	return c->app_count;
}

const char *catalogue_name(const struct catalogue *c, int app)
{
	return app >= 0 && (size_t)app < c->app_count ? c->app[app].name : NULL;
}

const char *catalogue_category(const struct catalogue *c, int app)
{
	return app >= 0 && (size_t)app < c->app_count ? c->app[app].category : NULL;
}

int catalogue_find(const struct catalogue *c, struct slice name)
{
	int at = find_call(c, name);

	return at < 0 ? APP_UNKNOWN : c->call[at].app;
}

int catalogue_classify(const struct catalogue *c, struct slice name)
{
	struct dpi_name_walk w;
	int app = APP_UNKNOWN;
	size_t at;

	dpi_name_walk_init(&w, 0);
	for (size_t i = name.len; i-- > 0;) {
		const struct app_suffix *s;

		dpi_name_walk_byte(&w, name.at[i]);
		if (i && name.at[i - 1] != '.')
			continue;
		s = find_suffix(c, w.hash, slice_from(name, i), &at);
		if (s)
			app = s->app; /* a longer one may follow */
	}
	return app;
}

int catalogue_of_proto(const struct catalogue *c, enum app_proto proto, uint16_t responder_port)
{
	int app = APP_UNKNOWN;

	for (size_t i = 0; i < c->protocol_count; i++) {
		const struct app_protocol *p = &c->protocol[i];

		if (p->proto != proto)
			continue;
		if (p->port && p->port == responder_port)
			return p->app;
		if (!p->port)
			app = p->app;
	}
	return app;
}

/* --- the views policy takes ----------------------------------------------------------------- */

static const char *resolve(const void *ctx, struct slice name, struct fault *nearest)
{
	const struct catalogue *c = ctx;
	int app = catalogue_find(c, name);

	if (app != APP_UNKNOWN)
		return c->app[app].name;
	if (nearest)
		catalogue_nearest(c, name, nearest->text, sizeof(nearest->text));
	return NULL;
}

struct rule_apps catalogue_rule_apps(const struct catalogue *c)
{
	return (struct rule_apps){.ctx = c, .resolve = resolve};
}

static int find_proper(const void *ctx, struct slice proper_name)
{
	int app = catalogue_find(ctx, proper_name);

	return app == APP_UNKNOWN ? -1 : app;
}

static struct slice suffix_at(const void *ctx, size_t i, int *app)
{
	const struct catalogue *c = ctx;

	*app = c->suffix[i].app;
	return slice_of(c->suffix[i].text, c->suffix[i].len);
}

struct policy_apps catalogue_policy_apps(const struct catalogue *c)
{
	return (struct policy_apps){
		.ctx = c,
		.find = find_proper,
		.app_count = c->app_count,
		.suffix_count = c->suffix_count,
		.suffix = suffix_at,
	};
}
