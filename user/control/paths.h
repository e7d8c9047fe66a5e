/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where the agent keeps things. DPI_XDP_STATE_DIR and DPI_XDP_RUN_DIR move them, so that one agent
 * a network namespace can live beside others; the pin directory follows the run directory's name.
 */
#ifndef CONTROL_PATHS_H
#define CONTROL_PATHS_H

enum { PATHS_MAX = 200 };

/* Whose members may ask the agent and read what it stores. */
#define PATHS_GROUP "dpi-xdp"

struct control_way;

struct paths {
	char state_dir[PATHS_MAX];	  /* /var/lib/dpi-xdp */
	char run_dir[80];		  /* /run/dpi-xdp; a socket path is short */
	char rules[PATHS_MAX + 16];	  /* state_dir/rules.txt */
	char paused[PATHS_MAX + 16];	  /* state_dir/paused: until when nothing is blocked */
	char socket[96];		  /* run_dir/control */
	char lock[PATHS_MAX + 16];	  /* run_dir/lock: held while an agent lives */
	char engine_lock[PATHS_MAX + 16]; /* run_dir/engine.lock: held by the one engine */
	char interfaces[PATHS_MAX + 16];  /* run_dir/interfaces: what is to be protected */
	char pin_dir[PATHS_MAX + 32];	  /* /sys/fs/bpf/dpi-xdp/v1 */
	const struct control_way *way;	  /* control.h; NULL: by these paths themselves. Borrowed */
};

/* Fills *p from the environment. 0, or -ENAMETOOLONG. */
int paths_init(struct paths *p);
/* Makes the state and run directories (0750; of the group PATHS_GROUP, where there is one). 0 or
 * -errno. */
int paths_make(const struct paths *p);

#endif
