/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a key does to the state of `top`; see top.h. Room: cli. Nothing is asked or drawn here: a
 * change of the rules becomes `pending`, after a yes.
 */
#include "cli/top.h"

#include <stdio.h>
#include <string.h>

static const char *const view_names[TOP_VIEWS] = {"Applications", "Flows", "Domains", "Rules",
						  "Events"};
static const char *const sort_names[TOP_SORTS] = {"packets", "bytes",  "flows",
						  "dropped", "bits/s", "name"};

const char *top_view_name(enum top_view v)
{
	return view_names[v];
}

const char *top_sort_name(enum top_sort s)
{
	return sort_names[s];
}

void top_state_init(struct top_state *s)
{
	*s = (struct top_state){.view = TOP_APPS, .sort = TOP_BY_PACKETS};
}

/* --- moving ----------------------------------------------------------------------------------- */

static void select_row(struct top_state *s, size_t row)
{
	if (s->row_count && row >= s->row_count)
		row = s->row_count - 1;
	s->selected = row;
	s->selected_key[0] = '\0'; /* the next page says what stands there */
}

static void move(struct top_state *s, bool is_down, size_t by)
{
	if (is_down)
		select_row(s, s->selected + by);
	else
		select_row(s, s->selected > by ? s->selected - by : 0);
}

static void view_set(struct top_state *s, unsigned view)
{
	s->view = (enum top_view)(view % TOP_VIEWS);
	s->row_count = 0;
	s->first = 0;
	s->has_target = false;
	select_row(s, 0);
}

/* --- rules ------------------------------------------------------------------------------------ */

static void ask(struct top_state *s, const struct top_change *c, bool is_undo)
{
	s->asked = *c;
	s->is_asking = true;
	s->is_asked_undo = is_undo;
	snprintf(s->message, sizeof(s->message), "%s%s %s%s %.200s? y/n", is_undo ? "Undo: " : "",
		 c->is_removal ? "remove the rule" : "block", c->is_allow ? "allow-" : "", c->kind,
		 c->value);
}

static void key_block(struct top_state *s)
{
	if (!s->has_target)
		snprintf(s->message, sizeof(s->message),
			 "Nothing to block is selected: choose an application, a domain or a rule");
	else
		ask(s, &s->target, false);
}

static void key_undo(struct top_state *s)
{
	struct top_change c;

	if (!s->done_count) {
		snprintf(s->message, sizeof(s->message), "Nothing was changed here yet");
		return;
	}
	c = s->done[s->done_count - 1];
	c.is_removal = !c.is_removal;
	ask(s, &c, true);
}

static void answer(struct top_state *s, int key)
{
	s->is_asking = false;
	s->message[0] = '\0';
	if (key != 'y' && key != 'Y') {
		snprintf(s->message, sizeof(s->message), "Nothing was changed");
		return;
	}
	s->pending = s->asked;
	s->has_pending = true;
}

void top_change_done(struct top_state *s, const struct top_change *c, int err, const char *words)
{
	size_t len = strcspn(words, "\n");

	snprintf(s->message, sizeof(s->message), "%.*s", (int)(len < 300 ? len : 300), words);
	if (err)
		return;
	if (s->is_asked_undo) {
		s->done_count -= s->done_count > 0;
		return;
	}
	if (s->done_count == TOP_UNDO)
		memmove(s->done, s->done + 1, --s->done_count * sizeof(s->done[0]));
	s->done[s->done_count++] = *c;
}

/* --- keys ------------------------------------------------------------------------------------- */

static void key_typing(struct top_state *s, int key)
{
	size_t len = strlen(s->filter);

	if (key == '\n' || key == '\r') {
		s->is_typing = false;
	} else if (key == 27) {
		s->is_typing = false;
		s->filter[0] = '\0';
	} else if (key == TOP_KEY_BACKSPACE || key == 127 || key == 8) {
		s->filter[len ? len - 1 : 0] = '\0';
	} else if (key >= 0x20 && key < 0x7f && len + 1 < sizeof(s->filter)) {
		s->filter[len] = (char)key;
		s->filter[len + 1] = '\0';
	}
	s->first = 0;
	select_row(s, 0);
}

static void key_sort(struct top_state *s, int by)
{
	s->sort = (enum top_sort)(((int)s->sort + TOP_SORTS + by) % TOP_SORTS);
	snprintf(s->message, sizeof(s->message), "Sorted by %s", top_sort_name(s->sort));
}

static void key_sort_by(struct top_state *s, enum top_sort sort)
{
	s->sort = sort;
	key_sort(s, 0);
}

static void key_move(struct top_state *s, int key)
{
	size_t page = s->page_rows > 1 ? s->page_rows - 1 : 1;

	switch (key) {
	case 'k':
	case TOP_KEY_UP: move(s, false, 1); break;
	case 'j':
	case TOP_KEY_DOWN: move(s, true, 1); break;
	case TOP_KEY_PAGE_UP: move(s, false, page); break;
	case TOP_KEY_PAGE_DOWN: move(s, true, page); break;
	case 'g':
	case TOP_KEY_HOME: select_row(s, 0); break;
	case 'G':
	case TOP_KEY_END: select_row(s, s->row_count); break;
	default: break;
	}
}

static void key_plain(struct top_state *s, int key)
{
	switch (key) {
	case 'q':
	case 'Q':
	case 3: s->is_ended = true; break;
	case 'h':
	case '?': s->is_help = true; break;
	case '\t':
	case TOP_KEY_RIGHT: view_set(s, s->view + 1U); break;
	case TOP_KEY_BACK_TAB:
	case TOP_KEY_LEFT: view_set(s, s->view + TOP_VIEWS - 1U); break;
	case 's':
	case '>': key_sort(s, 1); break;
	case 'S':
	case '<': key_sort(s, -1); break;
	case 'P': key_sort_by(s, TOP_BY_PACKETS); break;
	case 'B': key_sort_by(s, TOP_BY_BYTES); break;
	case 'F': key_sort_by(s, TOP_BY_FLOWS); break;
	case 'D': key_sort_by(s, TOP_BY_DROPPED); break;
	case 'r': s->is_reversed = !s->is_reversed; break;
	case '/': s->is_typing = true; break;
	case 27: s->filter[0] = '\0'; break;
	case ' ':
	case 'p': s->is_paused = !s->is_paused; break;
	case 'b': key_block(s); break;
	case 'u': key_undo(s); break;
	default:
		if (key >= '1' && key < '1' + TOP_VIEWS)
			view_set(s, (unsigned)(key - '1'));
		else
			key_move(s, key);
	}
}

void top_key(struct top_state *s, int key)
{
	if (key == 3) {
		s->is_ended = true;
	} else if (s->is_help) {
		s->is_help = false;
		s->is_ended = key == 'q' || key == 'Q';
	} else if (s->is_asking) {
		answer(s, key);
	} else if (s->is_typing) {
		key_typing(s, key);
	} else {
		s->message[0] = '\0';
		key_plain(s, key);
	}
}
