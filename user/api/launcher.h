/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The launcher: a small process that starts `dpi-xdp analyze` for uploaded captures, so that the
 * service itself need not be able to execute anything, open any file or end any process. Room: api.
 * It is forked before the service gives up its privileges, gives up more of them itself
 * (confine.h), and ends with the service.
 */
#ifndef API_LAUNCHER_H
#define API_LAUNCHER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/fault.h"

struct api_launcher;

struct launcher_config {
	const char *spool_dir; /* where files without a name are made; NULL: TMPDIR or /var/tmp */
	uint64_t file_max;     /* bytes of such a file */
	uint64_t memory_max;   /* bytes of address space of an analysis */
};

enum { LAUNCH_ARGS_MAX = 256 };

/* Forks it: call while there is one thread. The service gives it up with launcher_stop(), which
 * ends what still runs. 0, or -errno with *f. */
int launcher_start(const struct launcher_config *config, struct api_launcher **out,
		   struct fault *f);
void launcher_stop(struct api_launcher *l);
/* What the launcher was told, for words about it. */
const struct launcher_config *launcher_config(const struct api_launcher *l);

/* One analysis to be started: `analyze - ARG...`; all borrowed. */
struct launch {
	const char *const *args;
	size_t arg_count;
	int rules_fd; /* readable there as LAUNCH_RULES; -1: none */
	uint64_t cpu_s;
};

#define LAUNCH_RULES "/proc/self/fd/3"

/* One that runs. All descriptors are the caller's. */
struct launched {
	int input;  /* a pipe that does not block: the capture goes in; closing it is its end */
	int output; /* a file without a name: what it wrote to standard output */
	int notes;  /* the same for its standard error */
	int life;   /* readable when it has ended; closing it ends it at once */
};

/* From any thread. 0, or -errno with *f. */
int launcher_run(struct api_launcher *l, const struct launch *what, struct launched *out,
		 struct fault *f);
/* Closes what is still open of it. */
void launched_close(struct launched *l);

struct launch_end {
	int32_t status; /* exit status, or minus the signal that ended it */
	uint32_t peak_kib;
	uint64_t cpu_ms;
};
/* How it ended; does not wait. 0, -EAGAIN while it runs, or another -errno. */
int launched_end(const struct launched *l, struct launch_end *end);

/* The rest is between launcher.c and launcher_process.c. */
struct launch_ask {
	uint64_t cpu_s;
	uint32_t arg_count;
	uint32_t has_rules;
}; /* the arguments follow, each with its NUL; the rules' descriptor with it */

struct launch_answer {
	int32_t err;
	char fault[256];
}; /* with it input, output, notes and life */

enum { LAUNCH_ASK_MAX = 65536, LAUNCH_FDS = 4 };

_Noreturn void launcher_process(const struct launcher_config *config, int socket);
/* One message with descriptors (RIGHTS_MAX at most). Sizes or -errno; those that receive give the
 * descriptors to the caller, -1 for each that did not come. */
ssize_t rights_send(int socket, const void *at, size_t len, const int *fds, size_t fd_count);
ssize_t rights_receive(int socket, void *at, size_t len, int *fds, size_t fd_count, int flags);

#endif
