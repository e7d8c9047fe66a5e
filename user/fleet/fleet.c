/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room fleet: starting and ending the fleet's thread, and asking how it stands; see fleet.h.
 */
#include "fleet/fleet.h"

#include <ctype.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/apps.h"
#include "fleet/state.h"

static void clear(struct fleet *fl)
{
	if (fl->stop_fd >= 0)
		close(fl->stop_fd);
	if (fl->poke_fd >= 0)
		close(fl->poke_fd);
	if (fl->network_fd >= 0)
		close(fl->network_fd);
	local_clear(&fl->local);
	rules_free(fl->base);
	rules_free(fl->before);
	catalogue_free(fl->catalogue);
	pthread_mutex_destroy(&fl->lock);
	explicit_bzero(&fl->url, sizeof(fl->url));
	free(fl);
}

static bool is_name(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i]))
			return false;
	return len > 0 && len <= FLEET_NAME_MAX && name[0] != '.';
}

/* Links and addresses of this host; without them the times of the backoff hold. */
static int watch_network(void)
{
	struct sockaddr_nl at = {.nl_family = AF_NETLINK,
				 .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR |
					      RTMGRP_IPV6_IFADDR};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at))) {
		close(fd);
		return -1;
	}
	return fd;
}

static int open_descriptors(struct fleet *fl, struct fault *f)
{
	fl->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fl->poke_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fl->network_fd = watch_network();
	if (fl->stop_fd < 0 || fl->poke_fd < 0)
		return fault_set(f, -errno, "no event descriptor: %s", strerror(errno));
	return 0;
}

static int init(struct fleet *fl, const struct fleet_config *config, struct fault *f)
{
	const char *name = config->name ? config->name : "fleet";
	int err;

	if (!is_name(name))
		return fault_set(f, -EINVAL,
				 "--fleet: a name has 1 to %d letters, digits, '.', '_' and '-'",
				 FLEET_NAME_MAX);
	err = redis_url_parse(config->url, &fl->url, f);
	if (err)
		return err;
	keys_init(&fl->keys, name, fl->url.db);
	snprintf(fl->now.name, sizeof(fl->now.name), "%s", name);
	redis_url_show(&fl->url, fl->now.server, sizeof(fl->now.server));
	snprintf(fl->kept_dir, sizeof(fl->kept_dir), "%s/fleet", config->paths->state_dir);
	snprintf(fl->base_path, sizeof(fl->base_path), "%s/%s.txt", fl->kept_dir, name);
	snprintf(fl->own_path, sizeof(fl->own_path), "%s/%s.own", fl->kept_dir, name);
	snprintf(fl->pause_path, sizeof(fl->pause_path), "%s/%s.pause", fl->kept_dir, name);
	fl->accepts_mass_change = config->accepts_mass_change;
	fl->is_new_start = true;
	err = apps_load(&fl->catalogue, f);
	if (err)
		return err;
	fl->apps = catalogue_rule_apps(fl->catalogue);
	err = local_init(&fl->local, config->paths, fl->catalogue, config->local_rules, f);
	if (!err)
		err = snapshot_load(fl, f);
	if (!err)
		snapshot_load_pause(fl);
	return err ? err : open_descriptors(fl, f);
}

/* Signals are for the thread that started this one. */
static int start_thread(struct fleet *fl, struct fault *f)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&fl->thread, NULL, fleet_run, fl);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err ? fault_set(f, -err, "no thread: %s", strerror(err)) : 0;
}

int fleet_start(const struct fleet_config *config, struct fleet **out, struct fault *f)
{
	struct fleet *fl = calloc(1, sizeof(*fl));
	int err;

	if (!fl)
		return fault_set(f, -ENOMEM, "out of memory");
	fl->stop_fd = fl->poke_fd = fl->network_fd = -1;
	pthread_mutex_init(&fl->lock, NULL);
	err = init(fl, config, f);
	if (!err) {
		fleet_show(fl);
		err = start_thread(fl, f);
	}
	if (err) {
		clear(fl);
		return err;
	}
	*out = fl;
	return 0;
}

static void wake(int fd)
{
	(void)!write(fd, &(uint64_t){1}, sizeof(uint64_t));
}

void fleet_stop(struct fleet *fl)
{
	if (!fl)
		return;
	wake(fl->stop_fd);
	pthread_join(fl->thread, NULL);
	clear(fl);
}

void fleet_poke(struct fleet *fl)
{
	if (fl)
		wake(fl->poke_fd);
}

void fleet_status(const struct fleet *fl, struct fleet_status *out)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&fl->lock;
	int64_t synced;

	pthread_mutex_lock(lock);
	*out = fl->shown;
	synced = fl->shown_synced_ms;
	pthread_mutex_unlock(lock);
	out->sync_age_ms = synced ? fleet_now_ms() - synced : -1;
}
