/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The rules as a person writes them: one text form for file, command line and service. A struct
 * rules is a plain value: an ordered set of distinct rules. It knows nothing of packets; policy.h
 * makes it ready for them.
 *
 * The text form is in the README ("Rules"): sections [BLOCKED_IPS], [BLOCKED_APPS],
 * [BLOCKED_DOMAINS], [BLOCKED_PORTS], [ALLOWED_IPS], [ALLOWED_APPS], [ALLOWED_DOMAINS],
 * [BLOCKED_LISTS], [ALLOWED_LISTS], [DEVICES]. A list is one rule; what is in it (list.h) hangs on
 * the set. The words `device WORD` behind a value say whose rule it is, and belong to it.
 * Words behind a value say when it is in force (when.h); the same value at several times is several
 * rules of one id.
 */
#ifndef POLICY_RULES_H
#define POLICY_RULES_H

#include "base/addr.h"
#include "base/fault.h"
#include "base/name.h"

/* RULE_DEVICE is no rule but says which addresses the device of a name has. */
enum rule_kind { RULE_IP, RULE_PORT, RULE_APP, RULE_DOMAIN, RULE_LIST, RULE_DEVICE, RULE_KINDS };

enum rule_side { RULE_SIDE_ANY, RULE_SIDE_SRC, RULE_SIDE_DST };

/* One rule of a set, which owns it. A million are a plain case: a rule is its text and little more,
 * and cannot be copied as a value. */
struct rule {
	uint64_t id;  /* hash of kind, allow and value, whenever it is in force: the same in every
		       * run; never 0 */
	uint8_t kind; /* enum rule_kind */
	bool is_allow : 1;
	bool is_exact : 1;	      /* RULE_DOMAIN: the name alone */
	bool is_learnt : 1;	      /* RULE_DOMAIN, RULE_APP: names that DNS answers gave, too */
	bool is_category : 1;	      /* RULE_APP: every application of a category */
	bool is_timed : 1;	      /* words that say when stand behind the value's NUL */
	uint8_t device_len;	      /* RULE_DOMAIN, RULE_APP: of the device's word; 0: of all */
	union {			      /* by kind */
		struct {	      /* RULE_IP; rule_addr() has the address */
			uint8_t bits; /* of 128; below 96 it is IPv6 and never matches IPv4 */
			uint8_t side; /* enum rule_side */
		} ip;
		struct { /* RULE_PORT */
			uint16_t port;
			uint8_t proto; /* DPI_IP_TCP, DPI_IP_UDP, or 0 for both */
		} port;
		struct { /* RULE_LIST; its id is of its name alone */
			uint8_t name_len;
			uint16_t source_len;
			uint32_t every_s; /* how often its source is looked at again */
		} list;
		struct { /* RULE_DEVICE; its id is of its name alone */
			uint8_t name_len;
		} device;
	};
	char value[]; /* canonical text: "TikTok", "*.example.com" is "example.com", "=a.b",
			 "learnt:a.b", "category:social", "10.0.0.0/8", "src:10.0.0.7",
			 "8888/tcp", "6881", "ads https://example.com/ads.txt every 12h",
			 "TikTok device tablet", "tablet aa:bb:cc:dd:ee:ff 192.168.1.50" */
};

enum { LIST_EVERY_S = 86400 /* where a rule says nothing else */ };

struct list;
struct rules;
struct text;

struct rules *rules_new(void);
void rules_free(struct rules *r);
/* A set of the same rules, in constant time: what both hold is stored once, and a change of one of
 * them costs memory and time for what is near it alone. So copies of one set are made, changed and
 * freed by one thread; any may read them. */
struct rules *rules_copy(const struct rules *r);
size_t rules_count(const struct rules *r);
const struct rule *rules_at(const struct rules *r, size_t i); /* i < count; till the next change */
/* Any rule of this id, or NULL: those of one id say the same, at different times. */
const struct rule *rules_by_id(const struct rules *r, uint64_t id);
/* Whether this very rule is in a set, with the same times. */
bool rules_holds(const struct rules *r, const struct rule *rule);

/* How many rules there are of a kind: blocks, allows. */
struct rules_counts {
	size_t of[RULE_KINDS][2];
	size_t timed; /* not in force at all times */
	size_t learnt;
	size_t of_devices; /* of one device each */
};
const struct rules_counts *rules_counts(const struct rules *r); /* till the next change */
size_t rules_timed(const struct rules *r);

/* The number of such a rule in the set; SIZE_MAX: it is not there. */
size_t rules_number(const struct rules *r, const struct rule *rule);

/* A walk over a set in order, which costs less than asking for each by its number. */
struct rules_walk {
	size_t block, at;
};
/* The next rule, NULL behind the last. The walk begins as {0}. */
const struct rule *rules_next(const struct rules *r, struct rules_walk *w);
/* Sorts of rules that a walk can keep to, as a set of bits. */
enum rules_sort { RULES_TIMED = 1 << RULE_KINDS, RULES_OF_DEVICES = 2 << RULE_KINDS };
#define RULES_OF_KIND(kind) (1U << (kind))
/* The next of these sorts: where few are, that costs little. */
const struct rule *rules_next_of(const struct rules *r, struct rules_walk *w, unsigned sorts);
/* Two walks that stand at one place of two sets: both leave out what the sets share from there on.
 * True when that was something. */
bool rules_skip_shared(const struct rules *a, struct rules_walk *wa, const struct rules *b,
		       struct rules_walk *wb);
/* All rules but those with times that keep() says no to; is_stripped: the others of them without
 * their times, behind all that have none. Costs little where few have times. NULL when out of
 * memory. */
struct rules *rules_sift_timed(const struct rules *r,
			       bool (*keep)(void *ctx, const struct rule *rule), void *ctx,
			       bool is_stripped);
/* The rules that keep() says yes to, asked of each in order, as a set; is_stripped: without their
 * times. NULL when out of memory. */
struct rules *rules_filter(const struct rules *r, bool (*keep)(void *ctx, const struct rule *rule),
			   void *ctx, bool is_stripped);
/* Whether two sets hold the same rules, in whatever order. */
bool rules_equal(const struct rules *a, const struct rules *b);

/* Resolves what a user calls an application to its proper name; aliases and case are the
 * catalogue's matter. Returns the proper name (borrowed) or NULL, with up to three of the nearest
 * names in *nearest (may be NULL), separated by ", ". Given by the caller: policy stands below the
 * catalogue. */
struct rule_apps {
	const void *ctx;
	const char *(*resolve)(const void *ctx, struct slice name, struct fault *nearest);
	/* The same for a category: its canonical name (borrowed) or NULL. NULL: there are none. */
	const char *(*category)(const void *ctx, struct slice name, struct fault *nearest);
};

enum rules_option { RULES_FORCE = 1 /* a public suffix is accepted as a domain */ };

/*
 * Adds one value of one kind; words behind it say when it is in force (when.h). Returns 1 when
 * added, 0 when it was there already, -EINVAL with the fault and the next step in *f (nothing
 * changed), -ENOMEM. A rule without times takes the place of those of the same value that have
 * some; beside it none with times is added. Domains are converted to A-labels
 * (UTS 46, libidn2) and a public suffix (libpsl) is refused unless RULES_FORCE. "category:NAME" is
 * an application rule for all of a category; "learnt:" may stand before any domain or application.
 */
int rules_add(struct rules *r, enum rule_kind kind, bool is_allow, struct slice value,
	      const struct rule_apps *apps, unsigned options, struct fault *f);
/* Takes a value away, at whatever times it is in force; with times behind it that rule alone; of a
 * list its name is enough. Returns 1, 0 when there was none, or a fault as rules_add does. */
int rules_remove(struct rules *r, enum rule_kind kind, bool is_allow, struct slice value,
		 const struct rule_apps *apps, struct fault *f);

/*
 * Parses the text form into *out (the caller frees). A text with one bad line is refused whole:
 * -EINVAL, with "NAME:LINE: fault" in *f and *out untouched. name is the file's name, for f.
 */
int rules_parse(struct slice text, const char *name, const struct rule_apps *apps, unsigned options,
		struct rules **out, struct fault *f);
/* Reads a file by rules_parse. -errno when it cannot be read. */
int rules_load(const char *path, const struct rule_apps *apps, unsigned options, struct rules **out,
	       struct fault *f);
/* Gives the text form (the caller frees), ending in "# end COUNT"; NULL when out of memory. */
char *rules_format(const struct rules *r);
/* The same with a comment behind each rule that has times, which remark() writes. */
char *rules_format_with(const struct rules *r,
			void (*remark)(void *ctx, const struct rule *rule, struct text *out),
			void *ctx);
/* Writes it beside the path, syncs, renames, syncs the directory. 0 or -errno. */
int rules_save(const struct rules *r, const char *path, struct fault *f);
/* The same for a text that has more in it, such as a line about where the rules are from. NULL is
 * no memory. */
int rules_save_text(const char *text, const char *path, struct fault *f);

/* What is in the list that a rule of this id stands for; NULL: not known (yet). Borrowed. */
const struct list *rules_list(const struct rules *r, uint64_t id);
/* Gives a rule its list (held by the set from now on; NULL: none). 0, or -ENOMEM. Copies of the set
 * have what they had. */
int rules_set_list(struct rules *r, uint64_t id, struct list *list);
size_t rules_list_count(const struct rules *r);	  /* rules that are lists */
size_t rules_device_count(const struct rules *r); /* devices that have a name */

/* The text form with what is in the lists behind it, for another process of this program. NULL:
 * out of memory. The caller frees; *len is the text's length. */
char *rules_format_whole(const struct rules *r, size_t *len);
/* Reads either form. As rules_parse otherwise. */
int rules_parse_whole(struct slice text, const char *name, const struct rule_apps *apps,
		      unsigned options, struct rules **out, struct fault *f);
int rules_load_whole(const char *path, const struct rule_apps *apps, unsigned options,
		     struct rules **out, struct fault *f);

/* Refuses a set in which a rule is of a device that nobody knows, or one address or hardware
 * address is of too many devices. Returns 0, or -EINVAL with the next step in *f. */
int rules_check_devices(const struct rules *r, struct fault *f);
/* 0 for the word of a device: an address, or a name that is known; else -EINVAL with *f. */
int rules_find_device(const struct rules *r, struct slice word, struct fault *f);

/* "ip", "port", "app", "domain", "list", "device" */
const char *rule_kind_name(enum rule_kind k);
/* True for a list and a device, which go by their name: another of that name takes its place. */
static inline bool rule_is_named(const struct rule *r)
{
	return r->kind == RULE_LIST || r->kind == RULE_DEVICE;
}
/* Of a device: what it is called, and its addresses, parted by blanks. Of a rule: the word of the
 * device that it is of; empty: of all. Borrowed from the rule. */
struct slice rule_device_name(const struct rule *r);
struct slice rule_device_addrs(const struct rule *r);
struct slice rule_device(const struct rule *r);
/* What the device of a word goes by in tables, the kernel's too: the same in every run, never 0; of
 * no word it is 0. */
uint64_t rule_device_id(struct slice word);
/* Of a list: what it is called, and where it comes from. Borrowed from the rule. */
struct slice rule_list_name(const struct rule *r);
struct slice rule_list_source(const struct rule *r);
/* The words that say when a rule is in force, canonical; "" for at all times. Borrowed. */
const char *rule_when(const struct rule *r);
enum { RULE_TEXT_MAX = 776 };
/* The value and the words, as a line of the text form has them; of RULE_TEXT_MAX bytes at most with
 * the NUL. Returns out. */
const char *rule_text(const struct rule *r, char out[RULE_TEXT_MAX]);
/* The value without what stands before and behind it: "a.b" of "learnt:=a.b", "social" of
 * "category:social device tablet". Borrowed from the rule. */
struct slice rule_subject(const struct rule *r);
/* The address of an ip rule, bits below its prefix cleared. */
struct dpi_addr rule_addr(const struct rule *r);
/* "app:YouTube", "allow-domain:example.com": how reports and reasons name a rule. */
void rule_label(const struct rule *r, char *out, size_t size);

#endif
