/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * `top` on a terminal, by ncursesw: keys in, pages out; see top.h. Room: cli. However it ends, the
 * terminal is left as it was: a signal sets a flag, and a crash restores it before it goes on.
 */
#include "cli/top.h"

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/command.h"

/* --- signals ---------------------------------------------------------------------------------- */

/* A handler has no other way to know these. */
static volatile sig_atomic_t ending;
static struct termios terminal_before;
static const int crashes[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
static struct sigaction crashes_before[sizeof(crashes) / sizeof(crashes[0])];

static void on_end(int number)
{
	ending = number;
}

/* Puts the terminal back by means that are allowed here, then lets the crash take its course. */
static void on_crash(int number)
{
	static const char back[] = "\033[?1049l\033[0m\033[?25h";

	tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before);
	if (write(STDOUT_FILENO, back, sizeof(back) - 1) < 0) {
		/* nothing is left to be done */
	}
	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		if (crashes[i] == number)
			sigaction(number, &crashes_before[i], NULL);
	raise(number);
}

static void signals_take(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction end = {.sa_handler = on_end}, crash = {.sa_handler = on_crash};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		sigaction(ends[i], &end, NULL);
	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		sigaction(crashes[i], &crash, &crashes_before[i]);
}

/* --- the terminal ----------------------------------------------------------------------------- */

static attr_t attributes(unsigned style, bool is_coloured)
{
	static const attr_t plain[TOP_STYLES] = {
		[TOP_BOLD] = A_BOLD,	    [TOP_DIM] = A_DIM,	[TOP_TITLE] = A_REVERSE,
		[TOP_SELECTED] = A_REVERSE, [TOP_BAD] = A_BOLD,
	};
	static const int pair[TOP_STYLES] = {[TOP_BAD] = 1, [TOP_GOOD] = 2, [TOP_BAR] = 3};

	if (is_coloured && pair[style])
		return (attr_t)COLOR_PAIR(pair[style]);
	return plain[style];
}

static void colours_start(void)
{
	start_color();
	use_default_colors();
	init_pair(1, COLOR_RED, -1);
	init_pair(2, COLOR_GREEN, -1);
	init_pair(3, COLOR_CYAN, -1);
}

static void page_put(const struct top_page *p, bool is_coloured)
{
	for (unsigned y = 0; y < p->height; y++) {
		for (unsigned x = 0; x < p->width; x++) {
			const struct top_cell *c = &p->cells[(size_t)y * p->width + x];
			wchar_t text[2] = {c->glyph ? (wchar_t)c->glyph : L' ', 0};
			attr_t a = attributes(c->style, is_coloured);
			cchar_t cell;

			setcchar(&cell, text, a, (short)PAIR_NUMBER(a), NULL);
			mvadd_wch((int)y, (int)x, &cell);
		}
	}
	refresh();
}

static int key_read(void)
{
	static const struct {
		int from, to;
	} rows[] = {
		{KEY_UP, TOP_KEY_UP},
		{KEY_DOWN, TOP_KEY_DOWN},
		{KEY_PPAGE, TOP_KEY_PAGE_UP},
		{KEY_NPAGE, TOP_KEY_PAGE_DOWN},
		{KEY_HOME, TOP_KEY_HOME},
		{KEY_END, TOP_KEY_END},
		{KEY_LEFT, TOP_KEY_LEFT},
		{KEY_RIGHT, TOP_KEY_RIGHT},
		{KEY_BTAB, TOP_KEY_BACK_TAB},
		{KEY_BACKSPACE, TOP_KEY_BACKSPACE},
		{KEY_ENTER, '\n'},
	};
	int key = getch();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (key == rows[i].from)
			return rows[i].to;
	return key;
}

/* --- the run ---------------------------------------------------------------------------------- */

struct screen {
	struct top_feed *feed;
	struct top_state state;
	struct top_sample *sample;
	struct top_rates history[TOP_HISTORY];
	size_t history_count;
	struct top_event *events, *fresh; /* TOP_EVENTS each */
	size_t event_count;
	uint64_t events_lost;
	bool is_coloured, is_plain;
};

static void sample_take(struct screen *s)
{
	struct top_sample *next = top_feed_sample(s->feed);

	if (!next)
		return;
	if (!next->err) {
		if (s->history_count == TOP_HISTORY)
			memmove(s->history, s->history + 1,
				--s->history_count * sizeof(s->history[0]));
		s->history[s->history_count++] = next->rates;
	}
	if (s->state.is_paused && s->sample && !s->sample->err) {
		top_sample_free(next);
		return;
	}
	top_sample_free(s->sample);
	s->sample = next;
}

static void events_take(struct screen *s)
{
	size_t n, over;

	if (s->state.is_paused)
		return; /* the feed keeps the last of them */
	n = top_feed_events(s->feed, s->fresh, TOP_EVENTS, &s->events_lost);
	over = s->event_count + n > TOP_EVENTS ? s->event_count + n - TOP_EVENTS : 0;
	if (over > s->event_count)
		over = s->event_count;
	memmove(s->events, s->events + over, (s->event_count - over) * sizeof(*s->events));
	s->event_count -= over;
	memcpy(s->events + s->event_count, s->fresh, n * sizeof(*s->fresh));
	s->event_count += n;
}

static void changes_pass(struct screen *s)
{
	struct fault words;
	struct top_change c;
	int err;

	if (top_feed_changed(s->feed, &c, &err, &words))
		top_change_done(&s->state, &c, err, words.text);
	if (s->state.has_pending && top_feed_change(s->feed, &s->state.pending))
		s->state.has_pending = false;
	top_feed_want(s->feed, s->state.view == TOP_FLOWS || s->state.view == TOP_DOMAINS
				       ? TOP_WANT_FLOWS
				       : 0);
}

static int draw(struct screen *s)
{
	struct top_page page;
	char clock[16];
	time_t now = time(NULL);
	struct tm t;
	struct top_shown shown = {
		.sample = s->sample,
		.history = s->history,
		.history_count = s->history_count,
		.events = s->events,
		.event_count = s->event_count,
		.events_lost = s->events_lost,
		.clock = clock,
	};
	int width, height;

	getmaxyx(stdscr, height, width);
	localtime_r(&now, &t);
	strftime(clock, sizeof(clock), "%H:%M:%S", &t);
	if (top_page_init(&page, (unsigned)width, (unsigned)height, s->is_plain))
		return -ENOMEM;
	top_page_draw(&page, &shown, &s->state);
	page_put(&page, s->is_coloured);
	top_page_clear(&page);
	return 0;
}

/* Waits for a key, the feed or a signal. False when the terminal is gone. */
static bool wait_news(int wake_fd)
{
	struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
			       {.fd = wake_fd, .events = POLLIN}};
	char eaten[64];

	poll(fds, 2, 1000);
	while (read(wake_fd, eaten, sizeof(eaten)) > 0)
		;
	return !(fds[0].revents & (POLLHUP | POLLERR | POLLNVAL));
}

static int loop(struct screen *s, int wake_fd)
{
	bool is_there = true;
	int err = 0, key;

	while (!err && is_there && !ending && !s->state.is_ended) {
		sample_take(s);
		events_take(s);
		changes_pass(s);
		err = draw(s);
		is_there = wait_news(wake_fd);
		while (is_there && !s->state.is_ended && (key = key_read()) != ERR) {
			if (key == KEY_RESIZE || key == 12) /* Ctrl-L */
				clearok(stdscr, TRUE);
			else
				top_key(&s->state, key);
			/* What comes next may be meant for the page as it is then. */
			if (!s->state.is_ended)
				err = draw(s);
		}
	}
	return err;
}

static int terminal_open(SCREEN **out, bool is_coloured)
{
	SCREEN *screen;

	tcgetattr(STDIN_FILENO, &terminal_before);
	set_escdelay(25);
	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return -ENOTTY;
	set_term(screen);
	signals_take();
	cbreak(); /* so that Ctrl-C and Ctrl-Z do what they do everywhere */
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	if (is_coloured && has_colors())
		colours_start();
	*out = screen;
	return 0;
}

static void screen_clear(struct screen *s)
{
	if (s->feed)
		top_feed_stop(s->feed);
	top_sample_free(s->sample);
	free(s->events);
	free(s->fresh);
}

int top_screen_run(const struct paths *p, unsigned delay_ms, bool is_coloured, bool is_plain)
{
	struct screen s = {.is_plain = is_plain};
	SCREEN *screen = NULL;
	int wake[2] = {-1, -1}, err;

	s.events = calloc(TOP_EVENTS, sizeof(*s.events));
	s.fresh = calloc(TOP_EVENTS, sizeof(*s.fresh));
	top_state_init(&s.state);
	err = s.events && s.fresh ? 0 : -ENOMEM;
	if (!err && pipe2(wake, O_CLOEXEC | O_NONBLOCK))
		err = -errno;
	if (!err)
		err = top_feed_start(p, delay_ms, wake[1], &s.feed);
	if (!err)
		err = terminal_open(&screen, is_coloured);
	if (!err) {
		s.is_coloured = is_coloured && has_colors();
		err = loop(&s, wake[0]);
		endwin();
		delscreen(screen);
	}
	screen_clear(&s);
	if (err == -ENOTTY)
		log_error("this terminal (TERM=%s) cannot show pages; `dpi-xdp top --once` prints "
			  "one",
			  getenv("TERM") ? getenv("TERM") : "");
	else if (err)
		log_error("top: %s", strerror(-err));
	return err ? EXIT_FAILED : ending == SIGTERM || ending == SIGHUP ? 128 + ending : EXIT_DONE;
}
