/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room fleet: one member of a set as one rule; see sets.h. It is read by the language of the rules
 * file, and held to what holds for a fleet beyond it.
 */
#include "fleet/sets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/table.h"
#include "policy/rules_compare.h"

uint64_t alias_key(const struct rule *r)
{
	const char *when = rule_when(r);

	return r->id ^ (*when ? table_hash(0, when, strlen(when)) : 0);
}

static int keep_alias(struct shared *s, uint64_t rule, struct slice member)
{
	struct alias *more = realloc(s->alias, (s->alias_count + 1) * sizeof(*more));
	char *text = malloc(member.len + 1);

	if (more)
		s->alias = more;
	if (!more || !text) {
		free(text);
		return -ENOMEM;
	}
	memcpy(text, member.at, member.len);
	more[s->alias_count++] = (struct alias){.rule = rule, .text = text, .len = member.len};
	return 0;
}

struct slice sets_member(const struct rule *r, char room[RULE_TEXT_MAX])
{
	if (!r->is_timed)
		return slice_text(r->value);
	snprintf(room, RULE_TEXT_MAX, "%s %s", r->value, rule_when(r));
	return slice_text(room);
}

static bool is_written_so(const struct rule *r, struct slice member)
{
	char room[RULE_TEXT_MAX];

	return slice_equal(sets_member(r, room), member);
}

/* Notes a member that is written otherwise than the rule it means, which is in no other set. */
static int note_alias(struct shared *out, const struct fleet_set *set, struct slice member,
		      const struct rule_apps *apps)
{
	struct rules *alone = rules_new();
	const struct rule *r;
	int err = -ENOMEM;

	if (alone &&
	    rules_add(alone, set->kind, set->is_allow, member, apps, RULES_FORCE, NULL) > 0) {
		r = rules_at(alone, 0);
		err = is_written_so(r, member) ? 0 : keep_alias(out, alias_key(r), member);
	}
	rules_free(alone);
	return err;
}

bool sets_names_zone(struct slice text)
{
	size_t len = text.len;

	while (len && (text.at[len - 1] == ' ' || text.at[len - 1] == '\t'))
		len--;
	if (len && (text.at[len - 1] | 0x20) == 'z')
		return true;
	return len >= 6 && (text.at[len - 6] == '+' || text.at[len - 6] == '-') &&
	       text.at[len - 3] == ':';
}

static bool lacks_zone(const struct rule *r, struct slice member)
{
	return rule_has_end(r) && !sets_names_zone(member);
}

static int refuse_zone(const struct rule *r, struct fault *f)
{
	return fault_set(f, -EINVAL,
			 "'%s' ends at another moment in each zone: write its end as in until "
			 "2026-12-01T08:00:00Z",
			 r->value);
}

/* What the language of the rules file takes and a fleet does not. */
static int check(const struct rule *r, const struct fleet_set *set, struct slice member,
		 const struct sets_past *past, struct fault *f)
{
	if (r->device_len)
		return fault_set(
			f, -EINVAL,
			"'%s' is of one device, which is another one in each network: give "
			"each host that rule by a command",
			r->value);
	if (!fleet_shares(r))
		return fault_set(f, -EINVAL,
				 "'%s' is a file, which no other host has: give each host that "
				 "list by a command, or write where it is fetched: 'ads "
				 "https://example.com/ads.txt'",
				 r->value);
	if (set->kind == RULE_LIST)
		return lacks_zone(r, member) ? refuse_zone(r, f) : 0;
	if (r->is_timed && !set->is_timed)
		return fault_set(f, -EINVAL, "'%s' has times: put it into the set timed-%s",
				 r->value, set->name);
	if (!r->is_timed && set->is_timed)
		return fault_set(f, -EINVAL,
				 "'%s' has no times: put it into the set %s, or write when: '%s "
				 "mon-fri 21:00-07:00'",
				 r->value, set->name + sizeof("timed"), r->value);
	if (lacks_zone(r, member))
		return refuse_zone(r, f);
	if (!past->accepts_mass_change && !guard_holds(past->good, r) &&
	    guard_is_sweeping(r, past->apps))
		return fault_set(f, -EINVAL,
				 "'%s' would reach nearly everything; if that is meant, run serve "
				 "with --accept-mass-change",
				 r->value);
	return 0;
}

int sets_read_member(const redisReply *member, const struct fleet_set *set,
		     const struct sets_past *past, struct rules *into, struct shared *out,
		     struct fault *f)
{
	struct slice value = slice_of(member->str, (size_t)member->len);
	size_t count = rules_count(into);
	const struct rule *r;
	int added;

	if (member->type != REDIS_REPLY_STRING)
		return fault_set(f, -EINVAL, "a member that is no text");
	if (value.len > SETS_VALUE_MAX)
		return fault_set(f, -EINVAL, "a member of %zu bytes; a rule has at most %d",
				 value.len, SETS_VALUE_MAX);
	added = rules_add(into, set->kind, set->is_allow, value, past->apps, RULES_FORCE, f);
	if (added < 0)
		return added;
	r = rules_at(into, rules_count(into) - 1);
	if (added && set->kind == RULE_LIST && rules_count(into) == count)
		return fault_set(f, -EINVAL, "two lists are called '%.*s': take one of them away",
				 (int)r->list.name_len, r->value);
	if (!(added && is_written_so(r, value)) && note_alias(out, set, value, past->apps))
		return fault_set(f, -ENOMEM, "out of memory");
	return added ? check(r, set, value, past, f) : 0;
}
