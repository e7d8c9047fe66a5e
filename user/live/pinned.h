/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What loader.c, pins.c and attach.c of this room share, and nobody else sees.
 */
#ifndef LIVE_PINNED_H
#define LIVE_PINNED_H

#include "live/loader.h"

#define LIVE_BPFFS "/sys/fs/bpf"
enum { LIVE_PATH_MAX = 256 };

struct dpi_bpf;

struct loader {
	char pin_dir[LIVE_PATH_MAX];
	struct dpi_bpf *skel; /* while loading */
	struct live_maps maps;
	int maps_of_rings;
	int receive_fd, transmit_fd; /* the programs */
	bool is_adopted;
};

/* Writes "dir/name" into out[LIVE_PATH_MAX]. 0 or -ENAMETOOLONG. */
int pin_path(char *out, const char *dir, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Says that nothing is open yet. */
void pins_init(struct loader *l);
/* Opens every map and both programs by their pins. False, and nothing open, when anything is
 * missing: then it must be loaded first. */
bool pins_open(struct loader *l);
void pins_close(struct loader *l);
/* A number for the very programs this binary carries: part of their pins' names, so that another
 * version's are never taken for them. */
uint64_t pins_programs_id(void);

#endif
