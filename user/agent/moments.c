/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Rules that know the time: which are in force now, and the one timer that wakes the supervisor
 * when others are; see supervisor_state.h. Room: agent. The timer follows the clock on the wall,
 * and says so when that is set; a new zone is noticed within an hour.
 */
#include "agent/supervisor_state.h"

#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "control/times.h"
#include "policy/rules_when.h"

enum { LOOK_S = 3600, RETRY_S = 1 };

int moments_open(struct supervisor *s)
{
	s->timer_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	return s->timer_fd < 0 ? -errno : 0;
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
	rules_free(s->rules);
	s->rules = left;
	s->rule_changes++;
	s->rules_ended += ended;
	/* On the disk their ends say the same. */
	if (rules_save(s->rules, s->paths.rules, &f))
		log_error("%s", f.text);
}

static int pass(struct supervisor *s, struct fault *f)
{
	struct rules *now;
	int64_t next_s;
	int err = moments_rules(s, s->rules, &now, &next_s, f);

	if (err)
		return err;
	if (rules_equal(now, s->in_force)) {
		rules_free(now);
		s->next_s = next_s;
		return 0;
	}
	err = rules_to_kernel(s, now, f);
	if (err) {
		rules_free(now);
		return err;
	}
	rules_free(s->in_force);
	s->in_force = now;
	s->next_s = next_s;
	s->rule_changes++;
	s->rule_moments++;
	engine_rules(s);
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
