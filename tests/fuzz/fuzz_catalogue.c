/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Any text as a catalogue. What is refused must say where; of what is taken every suffix is its
 * owner's, every application answers to its name, and every category to its own.
 */
#include "classify/build.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool is_so)
{
	if (!is_so)
		abort();
}

static void demand_suffixes(const struct catalogue *c)
{
	for (size_t i = 0; i < c->suffix.count; i++) {
		const struct app_suffix *s = &c->suffix.at[i];

		demand(s->app > APP_UNKNOWN && (size_t)s->app < catalogue_count(c));
		demand(catalogue_classify(c, slice_of(suffix_set_text(&c->suffix, s), s->len)) ==
		       s->app);
	}
	for (size_t i = 0; i < c->resolver.count; i++)
		demand(catalogue_is_resolver(
			c, slice_of(suffix_set_text(&c->resolver, &c->resolver.at[i]),
				    c->resolver.at[i].len)));
}

static void demand_names(const struct catalogue *c)
{
	struct rule_apps apps = catalogue_rule_apps(c);
	char near[64];

	for (int app = APP_UNKNOWN + 1; app < (int)catalogue_count(c); app++) {
		const char *name = catalogue_name(c, app), *category = catalogue_category(c, app);

		demand(catalogue_find(c, slice_text(name)) == app);
		demand(apps.category(apps.ctx, slice_text(category), NULL) == category);
		catalogue_nearest(c, slice_text(category), near, sizeof(near));
		catalogue_nearest_category(c, slice_text(name), near, sizeof(near));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct catalogue *c = calloc(1, sizeof(*c));
	struct fault f = {""};

	demand(c && catalogue_add_app(c, "Unknown") == APP_UNKNOWN &&
	       catalogue_set_category(c, APP_UNKNOWN, "unknown") == 0);
	if (catalogue_read(c, slice_of(data, size), "fuzz", &f) == 0) {
		demand_suffixes(c);
		demand_names(c);
	} else {
		demand(strncmp(f.text, "fuzz:", 5) == 0);
	}
	catalogue_free(c);
	return 0;
}
