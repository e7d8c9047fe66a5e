/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room classify: applications and their suffixes, and the look-ups in them. A look-up allocates
 * nothing, does no I/O and costs one table probe a label (suffix_set.c).
 */
#include "classify/build.h"
#include "dpi/name.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

_Static_assert(APP_UNKNOWN == 0, "what a set of suffixes says of a name that it does not have");

enum { FIRST_CALL_SLOTS = 64 };

/* --- filling -------------------------------------------------------------------------------- */

static const char *word_at(const struct catalogue *c, uint32_t place)
{
	return c->words.at + place;
}

struct catalogue *catalogue_empty(void)
{
	struct catalogue *c = calloc(1, sizeof(*c));

	if (c && catalogue_add_app(c, "Unknown") == APP_UNKNOWN &&
	    catalogue_set_category(c, APP_UNKNOWN, "unknown") == 0)
		return c;
	catalogue_free(c);
	return NULL;
}

int catalogue_add_app(struct catalogue *c, const char *name)
{
	struct app app = {0};
	int ignored;

	if (c->app_count >= APPS_MAX)
		return -ENOSPC;
	if (catalogue_make_room(&c->app, c->app_count, sizeof(*c->app)) ||
	    catalogue_add_word(&c->words, slice_text(name), &app.name))
		return -ENOMEM;
	c->app[c->app_count] = app;
	if (catalogue_set_category(c, (int)c->app_count, "other") ||
	    catalogue_add_call(c, (int)c->app_count, name, &ignored))
		return -ENOMEM;
	return (int)c->app_count++;
}

int catalogue_set_category(struct catalogue *c, int app, const char *category)
{
	size_t i = 0;

	while (i < c->category_count && strcasecmp(word_at(c, c->category[i]), category) != 0)
		i++;
	if (i == c->category_count) {
		if (catalogue_make_room(&c->category, i, sizeof(*c->category)) ||
		    catalogue_add_word(&c->words, slice_text(category), &c->category[i]))
			return -ENOMEM;
		for (char *byte = c->words.at + c->category[i]; *byte; byte++)
			*byte = (char)dpi_lower((uint8_t)*byte);
		c->category_count++;
	}
	c->app[app].category = (uint32_t)i;
	return 0;
}

/* A number that is the same for a name in any case. */
static uint32_t hash_call(struct slice name)
{
	uint32_t hash = (uint32_t)name.len;

	for (size_t i = 0; i < name.len; i++)
		hash = hash * 31 + dpi_lower(name.at[i]);
	return hash;
}

/* The slot of what an application is called, or the empty one for it; there are slots. */
static uint32_t *find_call(const struct catalogue *c, struct slice name)
{
	size_t mask = c->call_slot_count - 1, at = hash_call(name) & mask;

	for (; c->call_slot[at]; at = (at + 1) & mask) {
		const struct app_call *call = &c->call[c->call_slot[at] - 1];

		if (call->len == name.len &&
		    strncasecmp(word_at(c, call->text), (const char *)name.at, name.len) == 0)
			break;
	}
	return &c->call_slot[at];
}

/* Keeps half of the slots free at least. */
static int grow_call_slots(struct catalogue *c)
{
	size_t count = c->call_slot_count ? 2 * c->call_slot_count : FIRST_CALL_SLOTS;
	uint32_t *slot;

	if ((c->call_count + 1) * 2 <= c->call_slot_count)
		return 0;
	slot = calloc(count, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	free(c->call_slot);
	c->call_slot = slot;
	c->call_slot_count = count;
	for (size_t i = 0; i < c->call_count; i++) {
		const char *text = word_at(c, c->call[i].text);

		*find_call(c, slice_of(text, c->call[i].len)) = (uint32_t)i + 1;
	}
	return 0;
}

int catalogue_add_call(struct catalogue *c, int app, const char *text, int *owner)
{
	struct app_call call = {.len = (uint32_t)strlen(text), .app = app};
	uint32_t *slot;

	if (grow_call_slots(c))
		return -ENOMEM;
	slot = find_call(c, slice_text(text));
	if (*slot) {
		*owner = c->call[*slot - 1].app;
		return *owner == app ? 0 : -EEXIST;
	}
	if (catalogue_make_room(&c->call, c->call_count, sizeof(*c->call)) ||
	    catalogue_add_word(&c->words, slice_text(text), &call.text))
		return -ENOMEM;
	c->call[c->call_count++] = call;
	*slot = (uint32_t)c->call_count;
	return 0;
}

/* Takes a place that holds no application, or this one. */
static int take_place(int *place, int app, int *owner)
{
	if (*place == APP_UNKNOWN)
		*place = app;
	*owner = *place;
	return *owner == app ? 0 : -EEXIST;
}

int catalogue_add_protocol(struct catalogue *c, int app, enum app_proto proto, uint16_t port,
			   int *owner)
{
	if (!port)
		return take_place(&c->proto[proto], app, owner);
	for (size_t i = 0; i < c->port_count; i++)
		if (c->port[i].proto == proto && c->port[i].port == port)
			return take_place(&c->port[i].app, app, owner);
	if (catalogue_make_room(&c->port, c->port_count, sizeof(*c->port)))
		return -ENOMEM;
	c->port[c->port_count++] = (struct app_port){proto, port, app};
	return 0;
}

int catalogue_add_sign(struct catalogue *c, int app, enum catalogue_sign sign, int *owner)
{
	return take_place(&c->sign[sign], app, owner);
}

int catalogue_add_suffix(struct catalogue *c, int app, struct slice suffix, int *owner)
{
	return suffix_set_add(&c->suffix, app, suffix, owner);
}

int catalogue_add_resolver(struct catalogue *c, int app, struct slice name, int *owner)
{
	return suffix_set_add(&c->resolver, app, name, owner);
}

void catalogue_free(struct catalogue *c)
{
	if (c && !c->is_built_in) {
		suffix_set_clear(&c->suffix);
		suffix_set_clear(&c->resolver);
		text_clear(&c->words);
		free(c->app);
		free(c->category);
		free(c->call);
		free(c->call_slot);
		free(c->port);
	}
	free(c);
}

/* --- looking up ----------------------------------------------------------------------------- */

size_t catalogue_count(const struct catalogue *c)
{
	return c->app_count;
}

const char *catalogue_name(const struct catalogue *c, int app)
{
	return app >= 0 && (size_t)app < c->app_count ? word_at(c, c->app[app].name) : NULL;
}

const char *catalogue_category(const struct catalogue *c, int app)
{
	return app >= 0 && (size_t)app < c->app_count
		       ? word_at(c, c->category[c->app[app].category])
		       : NULL;
}

int catalogue_find(const struct catalogue *c, struct slice name)
{
	uint32_t place = *find_call(c, name);

	return place ? c->call[place - 1].app : APP_UNKNOWN;
}

size_t catalogue_category_count(const struct catalogue *c)
{
	return c->category_count;
}

const char *catalogue_category_at(const struct catalogue *c, size_t i, size_t *app_count)
{
	*app_count = 0;
	for (size_t app = APP_UNKNOWN + 1; app < c->app_count; app++)
		*app_count += c->app[app].category == i;
	return i < c->category_count ? word_at(c, c->category[i]) : NULL;
}

int catalogue_classify(const struct catalogue *c, struct slice name)
{
	return suffix_set_longest(&c->suffix, name, NULL);
}

int catalogue_of_proto(const struct catalogue *c, enum app_proto proto, uint16_t responder_port)
{
	for (size_t i = 0; i < c->port_count; i++)
		if (c->port[i].proto == proto && c->port[i].port == responder_port)
			return c->port[i].app;
	return (unsigned)proto < PROTO_MAX ? c->proto[proto] : APP_UNKNOWN;
}

int catalogue_of_sign(const struct catalogue *c, enum catalogue_sign sign)
{
	return (unsigned)sign < SIGNS ? c->sign[sign] : APP_UNKNOWN;
}

bool catalogue_is_resolver(const struct catalogue *c, struct slice name)
{
	/* As a rule it is classified next. */
	return suffix_set_longest(&c->resolver, name, &c->suffix) != APP_UNKNOWN;
}

/* --- the views policy takes ----------------------------------------------------------------- */

static const char *resolve(const void *ctx, struct slice name, struct fault *nearest)
{
	const struct catalogue *c = ctx;
	int app = catalogue_find(c, name);

	if (app != APP_UNKNOWN)
		return catalogue_name(c, app);
	if (nearest)
		catalogue_nearest(c, name, nearest->text, sizeof(nearest->text));
	return NULL;
}

static const char *resolve_category(const void *ctx, struct slice name, struct fault *nearest)
{
	const struct catalogue *c = ctx;
	size_t apps;

	for (size_t i = 0; i < c->category_count; i++) {
		const char *category = catalogue_category_at(c, i, &apps);

		if (apps && strlen(category) == name.len &&
		    strncasecmp(category, (const char *)name.at, name.len) == 0)
			return category;
	}
	if (nearest)
		catalogue_nearest_category(c, name, nearest->text, sizeof(nearest->text));
	return NULL;
}

struct rule_apps catalogue_rule_apps(const struct catalogue *c)
{
	return (struct rule_apps){.ctx = c, .resolve = resolve, .category = resolve_category};
}

static int find_proper(const void *ctx, struct slice proper_name)
{
	int app = catalogue_find(ctx, proper_name);

	return app == APP_UNKNOWN ? -1 : app;
}

static struct slice suffix_at(const void *ctx, size_t i, int *app)
{
	const struct catalogue *c = ctx;

	*app = c->suffix.at[i].app;
	return slice_of(suffix_set_text(&c->suffix, &c->suffix.at[i]), c->suffix.at[i].len);
}

static const char *category_of(const void *ctx, int app)
{
	return app == APP_UNKNOWN ? NULL : catalogue_category(ctx, app);
}

struct policy_apps catalogue_policy_apps(const struct catalogue *c)
{
	return (struct policy_apps){
		.ctx = c,
		.find = find_proper,
		.app_count = c->app_count,
		.suffix_count = c->suffix.count,
		.suffix = suffix_at,
		.category = category_of,
	};
}
