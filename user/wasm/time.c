/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: the C library's calendar as far as reports use it: UTC, and %Y %m %d %H %M %S.
 */
#include <string.h>
#include <time.h>

enum { DAY_S = 86400, ERA_DAYS = 146097 };

/* The Gregorian calendar, counted in years that begin in March, so that a leap day is the last. */
struct tm *gmtime_r(const time_t *restrict seconds, struct tm *restrict out)
{
	long long days = *seconds / DAY_S, rest = *seconds % DAY_S, era, year;
	int of_era, of_year, month;

	if (rest < 0) {
		rest += DAY_S;
		days--;
	}
	days += 719468; /* from 1 March of the year 0 to 1970 */
	era = (days >= 0 ? days : days - (ERA_DAYS - 1)) / ERA_DAYS;
	of_era = (int)(days - era * ERA_DAYS);
	year = (of_era - of_era / 1460 + of_era / 36524 - of_era / (ERA_DAYS - 1)) / 365;
	of_year = (int)(of_era - (365 * year + year / 4 - year / 100));
	month = (5 * of_year + 2) / 153;
	year += era * 400 + (month >= 10);
	memset(out, 0, sizeof(*out));
	out->tm_mday = of_year - (153 * month + 2) / 5 + 1;
	out->tm_mon = month < 10 ? month + 2 : month - 10;
	out->tm_year = (int)(year - 1900);
	out->tm_hour = (int)(rest / 3600);
	out->tm_min = (int)(rest / 60 % 60);
	out->tm_sec = (int)(rest % 60);
	return out;
}

size_t strftime(char *restrict out, size_t size, const char *restrict format,
		const struct tm *restrict tm)
{
	const struct {
		char name;
		int value, digits;
	} fields[] = {{'Y', tm->tm_year + 1900, 4}, {'m', tm->tm_mon + 1, 2}, {'d', tm->tm_mday, 2},
		      {'H', tm->tm_hour, 2},	    {'M', tm->tm_min, 2},     {'S', tm->tm_sec, 2}};
	size_t len = 0;

	for (; *format; format++) {
		size_t i = 0;
		int scale = 1;

		if (*format == '%') {
			format++;
			while (i < 5 && fields[i].name != *format)
				i++;
			for (int n = fields[i].digits; n > 1; n--)
				scale *= 10;
			for (; scale && len < size; scale /= 10)
				out[len++] = (char)('0' + fields[i].value / scale % 10);
		} else if (len < size) {
			out[len++] = *format;
		}
	}
	if (len >= size)
		return 0;
	out[len] = '\0';
	return len;
}
