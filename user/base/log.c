/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room base: notes to stderr, one whole line in one write, so that lines of several processes do
 * not mix. Bytes that are not printable ASCII leave as \xNN: a note may quote a sender.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { NOTE_MAX = 1024 };
#define LIMIT_NS 10000000000ULL

__attribute__((format(printf, 2, 0))) static void write_line(const char *head, const char *format,
							     va_list args)
{
	static const char hex[] = "0123456789abcdef";
	char note[NOTE_MAX], line[4 * NOTE_MAX + 64];
	size_t len;
	ssize_t done;

	if (vsnprintf(note, sizeof(note), format, args) < 0)
		return;
	len = (size_t)snprintf(line, 64, "dpi-xdp: %s", head);
	for (const char *at = note; *at; at++) {
		unsigned char c = (unsigned char)*at;

		if (c >= 0x20 && c <= 0x7e) {
			line[len++] = (char)c;
			continue;
		}
		line[len++] = '\\';
		line[len++] = 'x';
		line[len++] = hex[c >> 4];
		line[len++] = hex[c & 15];
	}
	line[len++] = '\n';
	/* When stderr itself cannot be written there is nobody left to tell. */
	done = write(STDERR_FILENO, line, len);
	(void)done;
}

bool log_limit_take(struct log_limit *l, uint64_t now_ns, uint64_t *left_out)
{
	if (now_ns < l->next_ns) {
		l->left_out++;
		return false;
	}
	*left_out = l->left_out;
	*l = (struct log_limit){.next_ns = now_ns + LIMIT_NS};
	return true;
}

void log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line("error: ", format, args);
	va_end(args);
}

void log_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line("", format, args);
	va_end(args);
}
