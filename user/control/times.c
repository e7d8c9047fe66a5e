/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Times that are asked for; see times.h.
 */
#include "control/times.h"

#include <errno.h>
#include <time.h>

int64_t times_now(void)
{
	return (int64_t)time(NULL);
}

/* What is asked for lasts its whole length: ends are whole seconds, the next one if need be. */
static int64_t now_rounded_up(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec + (now.tv_nsec != 0);
}

int64_t times_left(int64_t until_s)
{
	return until_s - now_rounded_up();
}

static bool is_asked(const char *text)
{
	return text && *text;
}

static int over(struct fault *f)
{
	return fault_set(f, -EINVAL, "that moment is over: give one that is to come");
}

int times_end(const struct times *t, int64_t *until_s, struct fault *f)
{
	int64_t at = WHEN_NEVER;
	int err = 0;

	if (is_asked(t->length) && is_asked(t->until))
		return fault_set(f, -EINVAL, "give a length of time or an end, not both");
	if (is_asked(t->length)) {
		err = when_length(slice_text(t->length), &at, f);
		if (!err)
			at += now_rounded_up();
	} else if (is_asked(t->until)) {
		err = when_moment(slice_text(t->until), times_now(), &at, f);
		if (!err && at <= times_now())
			err = over(f);
	}
	if (!err)
		*until_s = at;
	return err;
}

int times_words(const struct times *t, char out[WHEN_TEXT_MAX], struct fault *f)
{
	struct when w = {.until_s = WHEN_NEVER};
	int64_t until_s;
	int err = times_end(t, &until_s, f);

	if (!err && is_asked(t->when))
		err = when_read(slice_text(t->when), &w, f);
	if (err)
		return err;
	if (until_s != WHEN_NEVER && w.until_s != WHEN_NEVER)
		return fault_set(f, -EINVAL, "give one end, not two");
	if (until_s != WHEN_NEVER)
		w.until_s = until_s;
	if (when_is_over(&w, times_now()))
		return over(f);
	when_format(&w, out);
	return 0;
}
