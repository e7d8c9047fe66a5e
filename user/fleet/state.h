/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room fleet: all that the fleet's thread knows. Everything belongs to that thread but
 * `shown`, a copy under a lock, and the two descriptors that wake it.
 */
#ifndef FLEET_STATE_H
#define FLEET_STATE_H

#include <pthread.h>

#include "fleet/fleet.h"
#include "fleet/local.h"
#include "fleet/sets.h"

struct fleet {
	pthread_t thread;
	int stop_fd;	/* readable from fleet_stop on */
	int poke_fd;	/* readable when rules changed here */
	int network_fd; /* netlink: links and addresses that come and go; -1: not to be had */

	struct redis_url url;
	struct keys keys;
	bool accepts_mass_change;
	struct catalogue *catalogue;
	struct rule_apps apps;
	struct local local;

	struct rules *before; /* of this host, as last seen to; NULL: never yet */
	/* What this host and the fleet last agreed on, as kept on disk. */
	struct rules *base;
	uint64_t version;
	char kept_dir[PATHS_MAX + 8], base_path[PATHS_MAX + 96], own_path[PATHS_MAX + 96];

	struct pause pause_here; /* as last seen */
	int64_t pause_until_s;	 /* the fleet's pause, as agreed on; 0: none */
	char pause_path[PATHS_MAX + 96];

	struct link *link; /* for commands; NULL: not connected */
	struct link *ears; /* subscribed; NULL: deaf, and the glances must do */
	struct glance seen;
	bool has_seen;	 /* of this connection */
	bool is_in_step; /* agreed, over this connection */

	bool is_new_start; /* the own rules as they were before are not looked at yet */

	/* Milliseconds of the monotonic clock. */
	int64_t local_due, glance_due, read_due, ears_due, connect_due, tried_ms;
	unsigned attempts; /* since the last good sync */

	struct fleet_status now; /* the thread's own */
	int64_t synced_ms;	 /* 0: never */
	char link_fault[256], local_fault[256], write_fault[256], held_fault[256], disk_fault[256],
		own_fault[256], pause_fault[256];

	pthread_mutex_t lock; /* of the next two */
	struct fleet_status shown;
	int64_t shown_synced_ms;
};

int64_t fleet_now_ms(void);
/* Says once what went wrong, when `kept` held something else; "" clears it. */
void fleet_note(char *kept, size_t size, const char *what);

/* --- thread.c --------------------------------------------------------------------------------- */

/* The thread's body. */
void *fleet_run(void *ctx);
/* Copies how things stand to where others may read it. */
void fleet_show(struct fleet *fl);

/* --- snapshot.c ------------------------------------------------------------------------------- */

/* Reads what was agreed on last; none is version 0 without rules. A damaged file is said to be so,
 * and is none. 0 or -ENOMEM. */
int snapshot_load(struct fleet *fl, struct fault *f);
/* Writes it, beside, synced, renamed. A failure is noted. */
void snapshot_save(struct fleet *fl);
/* The own rules as last put in force; gives a set (empty when none). NULL: out of memory. */
struct rules *snapshot_load_own(struct fleet *fl);
void snapshot_save_own(struct fleet *fl);

/* The fleet's pause as last agreed on; it outlives this process. */
void snapshot_load_pause(struct fleet *fl);
void snapshot_save_pause(struct fleet *fl);

/* --- fleet_pause.c ---------------------------------------------------------------------------- */

/* Looks whether all is paused here: 1 when that is news for the fleet, 0, -errno with *f. */
int fleet_pause_follow(struct fleet *fl, struct fault *f);
/* Makes fleet and host agree on it. is_lost: the server has lost what it knew. As sync_fleet. */
int fleet_pause_join(struct fleet *fl, const struct glance *g, bool is_lost, struct fault *f);

/* --- sync_local.c, sync.c --------------------------------------------------------------------- */

/* Sees to this host alone: reads its rules if they changed, and keeps its own among them. 1 when
 * there may be something for the fleet, 0, -errno with *f. */
int sync_local(struct fleet *fl, struct fault *f);
/* Takes rules that are over out of a set (NULL: none). 0 or -ENOMEM. */
int sync_leave_out_over(struct rules **rules, int64_t now_s);
/* The same for all that is known of this host: a rule whose end has come is in force nowhere, so
 * that to have it no longer is no change, and to have it still no news. */
int sync_forget_over(struct fleet *fl, int64_t now_s);
/* What to say where the rules of a host reach their bound. */
extern const char sync_full[];
/* Makes fleet and host agree. 0; -EAGAIN: somebody else wrote at the same moment, try again;
 * -ENODATA: this host cannot take them (*f); other -errno: the link is at fault (*f). */
int sync_fleet(struct fleet *fl, const struct glance *g, struct fault *f);

#endif
