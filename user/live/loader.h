/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Loading the programs, and everything that is pinned. The pin directory carries the version of the
 * binary interface, so two versions never share a map; within it, what is pinned is adopted and
 * what is missing is made. Only a privileged process (the supervisor) uses this file.
 *
 *     /sys/fs/bpf/NAME/v4/{flows, verdicts, ..., ring_0, ..., link_IFINDEX}
 */
#ifndef LIVE_LOADER_H
#define LIVE_LOADER_H

#include <net/if.h>

#include "live/maps.h"

struct loader;

/* Loads the programs into the kernel and adopts or makes the maps. ring_count: workers, 1 to
 * DPI_RINGS_MAX. Mounts bpffs when it is not there. -EPERM, -EOPNOTSUPP, ... with *f. */
int loader_open(struct loader **out, const char *pin_dir, uint32_t ring_count, struct fault *f);
/* Closes the descriptors; everything pinned stays. */
void loader_close(struct loader *l);
const struct live_maps *loader_maps(const struct loader *l);
/* True when the maps were there already: an earlier agent's flows and verdicts live on. */
bool loader_is_adopted(const struct loader *l);
/* Removes every pin and the directory. Programs go with the last link. */
void loader_unpin(const char *pin_dir);

enum attach_mode { ATTACH_AUTO, ATTACH_NATIVE, ATTACH_GENERIC };

/* One protected interface. A plain value. */
struct attachment {
	char name[IF_NAMESIZE];
	unsigned ifindex;
	enum attach_mode want;
	bool has_transmit; /* the clsact program as well */
	bool is_native;	   /* what it became */
	bool made_clsact;  /* the qdisc is ours to remove */
	char note[160];	   /* why it is generic, or empty */
};

/*
 * Protects the interface a->name (ifindex, is_native, made_clsact and note are filled in). Takes
 * over a live pinned link of ours by swapping the program; replaces a dead one. Never replaces a
 * program of somebody else: -EBUSY, naming it; nor changes native to generic or back: -EBUSY. Other
 * errors: -ENODEV, -EOPNOTSUPP, -EPERM.
 */
int attach_interface(struct loader *l, struct attachment *a, struct fault *f);
/* Takes both programs off again and removes the pin. Not finding them is no fault. */
void attach_remove(const char *pin_dir, const struct attachment *a);
/* Takes the transmit program alone off again; receive stays. */
void attach_remove_transmit(struct attachment *a);
/* True when our link is still on the interface. */
bool attach_is_alive(const char *pin_dir, const struct attachment *a);

#endif
