/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room policy: one value as a person writes it, made canonical. What two people write
 * differently and mean alike ("*.Example.COM.", "example.com") comes out as one text.
 */
#ifndef POLICY_VALUE_H
#define POLICY_VALUE_H

#include "policy/rules.h"
#include "policy/when.h"

enum {
	VALUE_MAX = 479,     /* bytes of a canonical value: a list with its source */
	DOMAIN_MAX = 253,    /* bytes of a domain name as text (RFC 1035 2.3.4) */
	VALUE_SHOW_MAX = 96, /* bytes of a value shown in a fault */
};

_Static_assert(VALUE_MAX + 2 + (int)WHEN_TEXT_MAX <= (int)RULE_TEXT_MAX, "the longest fits");

/* A rule outside a set, with room for the longest text and times behind it. */
union draft {
	struct rule rule;
	char room[offsetof(struct rule, value) + VALUE_MAX + 1 + WHEN_TEXT_MAX];
};

/* Reads one value of one kind, and the words that say when (may be none), into *d. Returns 0, or
 * -EINVAL with the fault and the next step in *f. */
int value_read(union draft *d, enum rule_kind kind, bool is_allow, struct slice value,
	       struct slice when, const struct rule_apps *apps, struct fault *f);
/* Parts a value from such words behind it, which may be none, and returns them. */
struct slice value_part(struct slice *value, enum rule_kind kind, const struct rule_apps *apps);

/* Refuses a domain that would reach a whole public suffix, unless RULES_FORCE is among the options.
 * Returns 0, or -EINVAL with the fault and the next step in *f. */
int value_check_suffix(const struct rule *rule, unsigned options, struct fault *f);

/* True when this is what an application or a category is called, "learnt:" before it or not. */
bool value_names_app(const struct rule_apps *apps, struct slice value);

/* Takes the next word off the front, with the blanks before it; empty at the end. */
struct slice value_next_word(struct slice *rest);
/*
 * An application's name may be several words: of those that follow each other, the most that name
 * one are taken. Returns the name's bytes from the first word on.
 */
struct slice value_app_name(const struct rule_apps *apps, struct slice first, struct slice rest);
/* Takes a word off the front, in any case. */
bool value_take_word(struct slice *s, const char *word);
/* The reader of domains (value_domain.c), as value_read calls it. */
int value_read_domain(union draft *d, struct slice value, const struct rule_apps *apps,
		      struct fault *f);

/* The reader of lists (value_list.c), and of how often one is fetched: "12h". */
int value_read_list(union draft *d, struct slice value, const struct rule_apps *apps,
		    struct fault *f);
int value_read_every(struct slice word, uint32_t *out, struct fault *f);
/* The id of the list that a value names; 0: it names none, with *f. */
uint64_t value_list_id(bool is_allow, struct slice value, struct fault *f);

/* A name alone, as value_read_domain takes it, in canonical text ended by NUL. Returns its length,
 * or -EINVAL with *f, or -ENOMEM. */
int value_name(struct slice name, char out[VALUE_MAX + 1], struct fault *f);
/* A name with other than ASCII in it (less than 4 KiB, no NUL), as A-labels. Returns 0, or -EINVAL
 * with *f. */
int value_to_a_labels(struct slice name, char out[VALUE_MAX + 1], struct fault *f);
/* Whether a canonical name is one that sites are registered below, such as co.uk. */
bool value_is_public_suffix(const char *name);

/* What parts the word of a device from the value of its rule. */
#define VALUE_DEVICE " device "
enum { DEVICE_WORD_MAX = 64 /* bytes of a canonical one with the NUL */ };
/* A device as a rule names it: an address, a network, a hardware address, or a name. */
struct device_word {
	enum device_form { DEVICE_NET, DEVICE_MAC, DEVICE_NAME } form;
	struct dpi_addr addr;	    /* DEVICE_NET */
	uint8_t bits;		    /* ... of 128 */
	uint8_t mac[6];		    /* DEVICE_MAC */
	char text[DEVICE_WORD_MAX]; /* canonical */
};
/* Reads one (value_device.c). Returns 0, or -EINVAL with *f. */
int value_read_device(struct slice word, struct device_word *out, struct fault *f);
/* Parts `device WORD` from the end of a value and returns the word; empty: there is none. */
struct slice value_part_device(struct slice *value, enum rule_kind kind);
/* Puts a device's word behind the value of a rule. As value_read(). */
int value_add_device(struct rule *r, struct slice word, struct fault *f);
/* The reader of what stands under [DEVICES]. */
int value_read_definition(union draft *d, struct slice value, const struct rule_apps *apps,
			  struct fault *f);

/* The id of a rule: FNV-1a, 64 bits, of its label; never 0. */
uint64_t value_id(enum rule_kind kind, bool is_allow, const char *value);

/* Bytes that may be anything, for a fault: outside 0x20-0x7e as \xNN, cut when long. Returns out.
 */
const char *value_show(struct slice value, char out[VALUE_SHOW_MAX]);

#endif
