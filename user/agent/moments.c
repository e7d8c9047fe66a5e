/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Rules that know the time: which are in force now, and the one timer that wakes the supervisor
 * when others are; see supervisor_state.h. Room: agent. The timer follows the clock on the wall,
 * and says so when that is set; that the system has another zone is told by its file's directory.
 */
#include "agent/supervisor_state.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "control/history.h"
#include "control/times.h"
#include "policy/rules_when.h"

enum { LOOK_S = 3600, RETRY_S = 1 };

/* Where the system's zone lies (tzset(3)): a link or a file that is put in place of another. */
static const char zone_dir[] = "/etc", zone_name[] = "localtime";

int moments_open(struct supervisor *s)
{
	s->timer_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->timer_fd < 0)
		return -errno;
	/* Without it, and where the zone's own rules change, it is noticed within LOOK_S. */
	s->zone_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (s->zone_fd >= 0)
		inotify_add_watch(s->zone_fd, zone_dir,
				  IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_CLOSE_WRITE);
	return 0;
}

/* At this moment; WHEN_NEVER: not at all. */
static void timer_set(struct supervisor *s, int64_t at_s)
{
	struct itimerspec at = {.it_value.tv_sec = at_s == WHEN_NEVER ? 0 : (time_t)at_s};

	timerfd_settime(s->timer_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL);
}

void moments_arm(struct supervisor *s)
{
	int64_t next_s = s->next_s, look_s = times_now() + LOOK_S;

	if (rules_timed(s->rules) && next_s > look_s)
		next_s = look_s;
	timer_set(s, next_s);
}

int moments_rules(struct supervisor *s, const struct rules *all, struct rules **out,
		  int64_t *next_s, struct fault *f)
{
	tzset();
	*out = rules_in_force(all, times_now(), s->pause.is_on, next_s);
	if (s->pause.is_on && s->pause.until_s < *next_s)
		*next_s = s->pause.until_s;
	return *out ? 0 : fault_set(f, -ENOMEM, "out of memory");
}

void moments_forget(struct supervisor *s)
{
	struct fault f = {0};
	size_t ended;
	struct rules *left = rules_not_over(s->rules, times_now(), &ended);

	if (!left || !ended) {
		rules_free(left);
		return;
	}
	/* Where that cannot be written, their ends on the disk say the same. */
	if (history_save(&s->paths, s->rules, left, HISTORY_END, &f))
		log_error("%s", f.text);
	rules_free(s->rules);
	s->rules = left;
	s->rule_changes++;
	s->rules_ended += ended;
}

static int pass(struct supervisor *s, struct fault *f)
{
	struct rules *now, *before;
	int64_t next_s;
	int err = moments_rules(s, s->rules, &now, &next_s, f);

	if (err)
		return err;
	if (rules_equal(now, s->in_force)) {
		rules_free(now);
		s->next_s = next_s;
		return 0;
	}
	err = rules_put_in_force(s, now, &before, f);
	if (err) {
		rules_free(now);
		return err;
	}
	rules_free(before);
	s->next_s = next_s;
	s->rule_changes++;
	s->rule_moments++;
	return 0;
}

int moments_pause(struct supervisor *s, const struct pause *p, struct fault *f)
{
	struct pause before = s->pause;
	struct fault ignored;
	int err = pause_save(s->paths.paused, p, f);

	if (err)
		return err;
	s->pause = *p;
	err = pass(s, f);
	if (err) {
		s->pause = before;
		pause_save(s->paths.paused, &before, &ignored);
		return err;
	}
	moments_arm(s);
	return 0;
}

/* A pause whose end has come is none; on the disk its end says the same. */
static void resume_if_over(struct supervisor *s)
{
	struct fault f = {0};

	if (!pause_is_over(&s->pause, times_now()))
		return;
	s->pause = (struct pause){.until_s = WHEN_NEVER};
	if (pause_save(s->paths.paused, &s->pause, &f))
		log_error("%s", f.text);
}

void moments_pass(struct supervisor *s)
{
	struct fault f = {0};
	uint64_t expirations, left_out;

	/* -ECANCELED: the clock was set. */
	(void)!read(s->timer_fd, &expirations, sizeof(expirations));
	resume_if_over(s);
	if (pass(s, &f) == 0) {
		moments_forget(s);
		moments_arm(s);
		return;
	}
	if (log_limit_take(&s->moment_notes, live_monotonic(), &left_out))
		log_error("%s; the rules in force stay until it can be done (%llu times more since "
			  "the last such line)",
			  f.text, (unsigned long long)left_out);
	timer_set(s, times_now() + RETRY_S);
}

void moments_zone(struct supervisor *s)
{
	char room[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool is_zone = false;
	ssize_t len;

	while ((len = read(s->zone_fd, room, sizeof(room))) > 0)
		for (ssize_t at = 0; at < len;) {
			const struct inotify_event *e = (const struct inotify_event *)(room + at);

			is_zone |= (e->mask & IN_Q_OVERFLOW) ||
				   (e->len && strcmp(e->name, zone_name) == 0);
			at += (ssize_t)(sizeof(*e) + e->len);
		}
	if (is_zone)
		moments_pass(s);
}
