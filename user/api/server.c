/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Starting and ending the service; see server.h.
 */
#include "api/server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "api/bars.h"
#include "api/captures.h"
#include "api/events.h"
#include "api/guard.h"
#include "api/ingest.h"
#include "api/listen.h"
#include "api/porter.h"
#include "api/served.h"
#include "base/log.h"
#include "control/apps.h"
#include "control/privilege.h"

enum {
	THREADS = 8, /* that may wait for the agent at once; more for captures */
	/* The guard's bounds come first. */
	CONNECTIONS = GUARD_ACTIVE_MAX + GUARD_STREAMS_MAX + 64,
	STREAMS_END_MS = 2000,
	CONNECTION_MEMORY = 65536, /* a connection's buffers */
	FILES_OPEN = 4096,
	IDLE_S = 10,		  /* without a byte either way */
	CAPTURE_FILE = 256 << 20, /* bytes of the report of an upload */
	CAPTURE_MEMORY = 1 << 30, /* bytes of addresses of its analysis */
};

/* A path is decoded where it is taken apart (find.c). */
static size_t keep_as_sent(void *cls, struct MHD_Connection *mhd, char *s)
{
	return strlen(s);
}

static void daemon_log(void *cls, const char *format, va_list args)
{
	(void)cls; /* what clients do wrong is counted, not logged */
	(void)format;
	(void)args;
}

static struct MHD_Daemon *daemon_start(struct api *api)
{
	const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
			       MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG;

	return MHD_start_daemon(flags, 0, NULL, NULL, conn_serve, api, MHD_OPTION_EXTERNAL_LOGGER,
				daemon_log, NULL, MHD_OPTION_NOTIFY_CONNECTION, guard_notified,
				&api->guard, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
				MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
				MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK,
				keep_as_sent, NULL, MHD_OPTION_URI_LOG_CALLBACK, conn_begin, api,
				MHD_OPTION_NOTIFY_COMPLETED, conn_end, api, MHD_OPTION_END);
}

/* Waits for the signal to end, and tells a service manager meanwhile that all is well. Without its
 * porter the service cannot go on, nor make another one. 0 or -EPIPE with *f. */
static int wait_for_end(struct api *api, int signals, struct fault *f)
{
	struct pollfd p[] = {{.fd = signals, .events = POLLIN}, {.fd = porter_fd(api->porter)}};
	uint64_t watchdog_us = 0;
	int every = sd_watchdog_enabled(0, &watchdog_us) > 0 ? (int)(watchdog_us / 2000) : -1;

	while (poll(p, 2, every) <= 0 || !(p[0].revents | p[1].revents))
		sd_notify(0, "WATCHDOG=1");
	if (!p[0].revents)
		return fault_set(f, -EPIPE,
				 "the process that holds the way to the agent has ended; start the "
				 "service again");
	return 0;
}

static int signals_take(struct fault *f)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? fault_set(f, -errno, "no signal descriptor: %s", strerror(errno)) : fd;
}

/* What has threads of its own, beside the server's. */
static int parts_open(struct api *api, struct fault *f)
{
	int err = ingest_open(api, &api->ingest, f);

	if (!err)
		err = events_open(api, &api->events, f);
	return err ? err : captures_open(api, &api->captures, f);
}

/* Whoever waits for one of them is let go; requests may still be there. */
static void parts_stop(struct api *api)
{
	captures_stop(api->captures);
	launcher_stop(api->launcher);
	api->launcher = NULL;
	events_stop(api->events);
}

static void parts_close(struct api *api)
{
	captures_close(api->captures);
	ingest_close(api->ingest);
	events_close(api->events);
}

/* No connection may be suspended when the daemon ends. */
static void streams_end(struct api *api)
{
	struct timespec pause = {.tv_nsec = 5000000};
	uint64_t until = api_now_ms() + STREAMS_END_MS;

	while (!answer_streams_end(api->streams) && api_now_ms() < until)
		nanosleep(&pause, NULL);
}

static int run(struct api *api, int listener, struct fault *f)
{
	int signals = signals_take(f);
	struct MHD_Daemon *daemon;
	char url[200];
	int err;

	if (signals < 0)
		return signals;
	err = parts_open(api, f);
	if (err) {
		parts_stop(api);
		parts_close(api);
		close(signals);
		return err;
	}
	api->work = work_new(THREADS + api->options->capture_jobs);
	daemon = api->work ? daemon_start(api) : NULL;
	if (!daemon) {
		work_free(api->work);
		parts_stop(api);
		parts_close(api);
		close(signals);
		return fault_set(f, -ENOMEM, "the HTTP server cannot be started; is there memory?");
	}
	err = guard_start(api, listener, daemon, &api->guard, f);
	if (!err) {
		listen_url(listener, api->options->listen, url, sizeof(url));
		log_note("serving on %s", url);
		sd_notifyf(0, "READY=1\nSTATUS=serving on %s", url);
		err = wait_for_end(api, signals, f);
		sd_notify(0, "STOPPING=1");
	}
	guard_quiet(api->guard);
	parts_stop(api);
	work_free(api->work);
	streams_end(api);
	MHD_stop_daemon(daemon);
	guard_free(api->guard);
	parts_close(api);
	close(signals);
	return err;
}

/* From here on the service is nobody: what it still needs it holds, or the porter does. */
static int rights_drop(struct api *api, struct fault *f)
{
	bool is_root = geteuid() == 0;
	const struct bar_place places[] = {
		{"/usr", false},
		{"/etc/dpi-xdp", false},
		{api->paths.run_dir, false},
		{api->paths.state_dir, true},
	};
	struct rlimit files;
	int err;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < FILES_OPEN) {
		files.rlim_cur = files.rlim_max < FILES_OPEN ? files.rlim_max : FILES_OPEN;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	/* Another user's service has no porter and goes its ways itself, in directories that must
	 * be there before bars go up around them; where they cannot be made there are no rules yet.
	 */
	if (!is_root)
		(void)paths_make(&api->paths);
	err = privilege_drop(is_root ? SERVICE_USER : NULL, "the service", f);
	if (!err)
		err = bars_files(places, is_root ? 2 : 4, !is_root);
	if (!err)
		err = bars_calls();
	return err ? fault_set(f, err, "the service cannot give up its rights: %s", strerror(-err))
		   : 0;
}

/* What is made while there is one thread, and by who started it. */
static int prepare(struct api *api, int *listener, struct fault *f)
{
	const struct launcher_config launcher = {.file_max = CAPTURE_FILE,
						 .memory_max = CAPTURE_MEMORY};
	int err = access_open(api, f);

	if (!err) {
		*listener = listen_open(api->options->listen, f);
		err = *listener < 0 ? *listener : 0;
	}
	if (!err)
		err = launcher_start(&launcher, &api->launcher, f);
	if (!err)
		err = porter_start(api, f);
	return err ? err : rights_drop(api, f);
}

int server_run(const struct api_options *o, struct fault *f)
{
	struct api_counters counters = {0};
	struct answer_streams streams = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct api api = {.options = o,
			  .counters = &counters,
			  .streams = &streams,
			  .started_ms = api_now_ms()};
	struct catalogue *catalogue = NULL;
	int err = paths_init(&api.paths), listener = -1;

	if (err)
		return fault_set(f, -EINVAL,
				 "DPI_XDP_STATE_DIR or DPI_XDP_RUN_DIR is too long; give a shorter "
				 "one");
	err = apps_load(&catalogue, f);
	api.catalogue = catalogue;
	api.served = served_new();
	if (!err && !api.served)
		err = fault_set(f, -ENOMEM, "out of memory");
	if (!err)
		err = prepare(&api, &listener, f);
	if (!err)
		err = run(&api, listener, f);
	launcher_stop(api.launcher);
	porter_stop(&api);
	if (listener >= 0)
		close(listener);
	access_close(&api);
	served_free(api.served);
	catalogue_free(catalogue);
	return err;
}
