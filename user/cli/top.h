/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * `dpi-xdp top`: what its parts share. Room: cli. One thread asks the agent (top_feed.c) and gives
 * whole samples away; the other has the state that keys change (top_keys.c), makes a page of cells
 * of both (top_page.c, top_tables.c), and puts it on a terminal (top_screen.c) or prints it
 * (cmd_top.c). A page knows no terminal and a sample no page, so each is tested alone.
 */
#ifndef CLI_TOP_H
#define CLI_TOP_H

#include <jansson.h>

#include "base/fault.h"
#include "base/text.h"
#include "control/paths.h"

enum {
	TOP_HISTORY = 120, /* values of a sparkline */
	TOP_EVENTS = 500,  /* event lines remembered */
	TOP_NAME_MAX = 256,
	TOP_RULES_ASKED = 5000, /* more rules than these are not fetched every second */
	TOP_UNDO = 16,
};

/* --- a sample (top_sample.c) ------------------------------------------------------------------ */

struct top_app {
	const char *name, *category;
	uint64_t flows, packets, bytes, dropped, bits_per_s;
	bool is_ruled; /* a rule in force blocks it by its name */
};

struct top_flow {
	const char *proto, *src, *dst, *app, *state, *name, *reason;
	uint64_t src_port, dst_port, packets, bytes, dropped;
	bool is_blocked;
};

struct top_domain {
	const char *name, *app;
	uint64_t flows, packets, bytes, dropped;
	bool is_blocked;
};

struct top_rule {
	const char *label; /* "app:TikTok" */
	uint64_t packets, bytes;
	bool is_in_force;
};

struct top_event {
	char time[16], type[12], src[64], dst[64], app[48], rule[96];
	char name[TOP_NAME_MAX];
};

/* Rates, from two samples. */
struct top_rates {
	uint64_t packets_per_s, bits_per_s, drops_per_s;
};

/* What was asked at one moment. Owned by whoever holds it; strings live in its documents. */
struct top_sample {
	uint64_t at_ns;	  /* monotonic */
	uint64_t took_ns; /* all its requests but the first */
	int err;	  /* 0; -ENOENT or -ECONNREFUSED: no agent; other -errno: see fault */
	struct fault fault;
	json_t *status, *stats, *apps_json, *rules_json;
	char *flow_words; /* the strings of flows */
	struct top_rates rates;
	struct top_app *apps;
	struct top_flow *flows;
	struct top_domain *domains;
	struct top_rule *rules;
	size_t app_count, flow_count, domain_count, rule_count;
	size_t in_force; /* rules at the head of the table that are, in order of their labels */
};

struct follow;

/* Asks for what `wants` says (bit mask of enum top_want) and gives a sample, never NULL but out of
 * memory. before: the last sample, for rates; NULL: none. */
enum top_want { TOP_WANT_FLOWS = 1 };
struct top_sample *top_sample_take(const struct paths *p, unsigned wants,
				   const struct top_sample *before);
/* Fills the tables of a sample whose documents are set; for tests. 0 or -ENOMEM. */
int top_sample_fill(struct top_sample *s, const struct top_sample *before);
/* Fills the tables of flows and domains (top_flows.c) from the agent's document, which is borrowed.
 * 0 or -ENOMEM. */
int top_flows_read(struct top_sample *s, const char *text, size_t len);
void top_sample_free(struct top_sample *s);
/* A counter of the agent's, 0 when there is none. */
uint64_t top_counter(const struct top_sample *s, const char *name);
/* Reads one event line; false when it is none that is shown. */
bool top_event_read(struct slice line, struct top_event *out);

/* A rule to be added or taken away. */
struct top_change {
	char kind[8]; /* "app", "domain", "ip", "port" */
	char value[TOP_NAME_MAX];
	bool is_allow, is_removal;
};
/* Asks the agent for it. Words for a person in words, what was done or why not. 0 or -errno. */
int top_change_ask(const struct paths *p, const struct top_change *c, struct fault *words);

/* --- the state that keys change (top_keys.c) -------------------------------------------------- */

enum top_view { TOP_APPS, TOP_FLOWS, TOP_DOMAINS, TOP_RULES, TOP_EVENTS_VIEW, TOP_VIEWS };
enum top_sort {
	TOP_BY_PACKETS,
	TOP_BY_BYTES,
	TOP_BY_FLOWS,
	TOP_BY_DROPPED,
	TOP_BY_RATE,
	TOP_BY_NAME,
	TOP_SORTS
};

/* Keys beyond those of ASCII. */
enum top_key {
	TOP_KEY_UP = 0x100,
	TOP_KEY_DOWN,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END,
	TOP_KEY_LEFT,
	TOP_KEY_RIGHT,
	TOP_KEY_BACK_TAB,
	TOP_KEY_BACKSPACE,
};

/* Belongs to the thread of the terminal. */
struct top_state {
	enum top_view view;
	enum top_sort sort;
	bool is_reversed;
	bool is_paused, is_help, is_ended, is_typing;
	bool is_batch; /* nobody presses keys: no bar, no hints */
	char filter[64];
	size_t selected, first;		 /* rows of the view */
	char selected_key[TOP_NAME_MAX]; /* what stands there: it keeps its bar when rows move */
	struct top_change asked;	 /* waits for y or n when is_asking */
	bool is_asking, is_asked_undo;
	struct top_change pending; /* to be carried out when has_pending */
	bool has_pending;
	struct top_change done[TOP_UNDO]; /* what this top changed, the last one last */
	size_t done_count;
	char message[320];
	/* Of the page shown last: what the selected row is, and how many there are. */
	struct top_change target;
	bool has_target;
	size_t row_count, page_rows;
};

void top_state_init(struct top_state *s);
/* One key: a character or an enum top_key. */
void top_key(struct top_state *s, int key);
/* Tells the state how a pending change ended. */
void top_change_done(struct top_state *s, const struct top_change *c, int err, const char *words);
const char *top_sort_name(enum top_sort s);
const char *top_view_name(enum top_view v);

/* --- the page (top_page.c, top_tables.c) ------------------------------------------------------ */

enum top_style {
	TOP_PLAIN,
	TOP_BOLD,
	TOP_DIM,
	TOP_TITLE, /* the column heads */
	TOP_SELECTED,
	TOP_BAD, /* blocked, dropped, lost */
	TOP_GOOD,
	TOP_BAR,
	TOP_STYLES,
};

struct top_cell {
	uint32_t glyph; /* a character of width one; 0 is a blank */
	uint8_t style;
};

struct top_page {
	unsigned width, height;
	bool is_plain; /* ASCII alone */
	struct top_cell *cells;
	unsigned x, y; /* where the next character goes */
};

/* What a page is made from; all borrowed. */
struct top_shown {
	const struct top_sample *sample; /* NULL: none yet */
	const struct top_rates *history; /* oldest first */
	size_t history_count;
	const struct top_event *events; /* oldest first */
	size_t event_count;
	uint64_t events_lost;
	const char *clock; /* "12:03:04" */
};

/* 0 or -ENOMEM. */
int top_page_init(struct top_page *p, unsigned width, unsigned height, bool is_plain);
void top_page_clear(struct top_page *p);
/* Draws everything; keeps the selection where it belongs. */
void top_page_draw(struct top_page *p, const struct top_shown *s, struct top_state *state);
/* Prints it: UTF-8 or ASCII, blanks at the ends of lines cut off, colours where is_coloured. */
void top_page_print(const struct top_page *p, bool is_coloured, struct text *out);

/* For top_tables.c: writing cells. Untrusted bytes come out as text_escaped shows them. */
void page_at(struct top_page *p, unsigned x, unsigned y);
void page_glyph(struct top_page *p, uint32_t glyph, enum top_style style);
void page_puts(struct top_page *p, enum top_style style, const char *text);
/* In exactly `width` cells: cut with an ellipsis, or filled up; to the right where is_right. */
void page_field(struct top_page *p, enum top_style style, unsigned width, bool is_right,
		const char *text);
/* "12.3M": at most five characters and a letter of SI. out: 8 bytes. */
const char *top_short(uint64_t n, char *out);
/* Draws the view's table from row y on, as far as `rows` rows go. */
void top_table_draw(struct top_page *p, unsigned y, unsigned rows, const struct top_shown *s,
		    struct top_state *state);

/* --- the terminal (top_screen.c) -------------------------------------------------------------- */

struct top_feed;
/* Runs until a key or a signal ends it, and leaves the terminal as it was. An exit status. */
int top_screen_run(const struct paths *p, unsigned delay_ms, bool is_coloured, bool is_plain);

/* --- the feed (top_feed.c): a thread that asks ------------------------------------------------ */

/* Starts it; wake_fd gets a byte for each thing to look at. Gives *out. 0 or -errno. */
int top_feed_start(const struct paths *p, unsigned delay_ms, int wake_fd, struct top_feed **out);
/* Says which tables are wanted from now on. */
void top_feed_want(struct top_feed *f, unsigned wants);
/* Gives the newest sample, or NULL when there is none since the last call. */
struct top_sample *top_feed_sample(struct top_feed *f);
/* Copies at most max new events; *lost is raised by what was not fetched in time. */
size_t top_feed_events(struct top_feed *f, struct top_event *out, size_t max, uint64_t *lost);
/* Hands a change over; false while another one is under way. */
bool top_feed_change(struct top_feed *f, const struct top_change *c);
/* True when a change has ended: what it was and how. */
bool top_feed_changed(struct top_feed *f, struct top_change *c, int *err, struct fault *words);
/* Ends it; a thread that still waits for an agent is left behind, for the process is ending. */
void top_feed_stop(struct top_feed *f);

#endif
