/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The pin directory: what is in it, opening all of it, removing all of it; see pinned.h.
 */
#include "live/pinned.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "bpf/dpi.skel.h"

int pin_path(char *out, const char *dir, const char *format, ...)
{
	char name[64];
	va_list args;
	int n;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	n = snprintf(out, LIVE_PATH_MAX, "%s/%s", dir, name);
	return n < LIVE_PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* A short name for these very programs: which pinned ones are the same. */
uint64_t pins_programs_id(void)
{
	uint64_t hash = 0xcbf29ce484222325ULL;
	const unsigned char *bytes;
	size_t size = 0;

	bytes = dpi_bpf__elf_bytes(&size);
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
	return hash;
}

/* The pinned objects and where their descriptors go. */
static const struct {
	const char *name;
	size_t offset;
} pinned_maps[] = {
	{"flows", offsetof(struct loader, maps.flows)},
	{"syns", offsetof(struct loader, maps.syns)},
	{"verdicts", offsetof(struct loader, maps.verdicts)},
	{"facts", offsetof(struct loader, maps.facts)},
	{"addrs", offsetof(struct loader, maps.addrs)},
	{"nets", offsetof(struct loader, maps.nets)},
	{"ports", offsetof(struct loader, maps.ports)},
	{"names", offsetof(struct loader, maps.names)},
	{"device_nets", offsetof(struct loader, maps.device_nets)},
	{"device_macs", offsetof(struct loader, maps.device_macs)},
	{"devices", offsetof(struct loader, maps.devices)},
	{"hits", offsetof(struct loader, maps.hits)},
	{"counts", offsetof(struct loader, maps.counts)},
	{"config", offsetof(struct loader, maps.config)},
	{"heartbeat", offsetof(struct loader, maps.heartbeat)},
	{"rings", offsetof(struct loader, maps_of_rings)},
};
enum { PINNED_MAPS = sizeof(pinned_maps) / sizeof(pinned_maps[0]) };

static int *pinned_fd(struct loader *l, size_t i)
{
	return (int *)(void *)((char *)l + pinned_maps[i].offset);
}

static int pin_open(const struct loader *l, const char *name)
{
	char path[LIVE_PATH_MAX];

	pin_path(path, l->pin_dir, "%s", name);
	return bpf_obj_get(path);
}

void pins_init(struct loader *l)
{
	for (size_t i = 0; i < PINNED_MAPS; i++)
		*pinned_fd(l, i) = -1;
	l->receive_fd = l->transmit_fd = -1;
}

void pins_close(struct loader *l)
{
	for (size_t i = 0; i < PINNED_MAPS; i++) {
		if (*pinned_fd(l, i) >= 0)
			close(*pinned_fd(l, i));
		*pinned_fd(l, i) = -1;
	}
	if (l->receive_fd >= 0)
		close(l->receive_fd);
	if (l->transmit_fd >= 0)
		close(l->transmit_fd);
	l->receive_fd = l->transmit_fd = -1;
}

/* Opens everything by its pin. False when anything is missing: then it must be loaded first. */
bool pins_open(struct loader *l)
{
	unsigned long long id = pins_programs_id();
	char name[64];
	bool all = true;

	for (size_t i = 0; i < PINNED_MAPS; i++) {
		*pinned_fd(l, i) = pin_open(l, pinned_maps[i].name);
		all &= *pinned_fd(l, i) >= 0;
	}
	snprintf(name, sizeof(name), "program_receive_%016llx", id);
	l->receive_fd = pin_open(l, name);
	snprintf(name, sizeof(name), "program_transmit_%016llx", id);
	l->transmit_fd = pin_open(l, name);
	if (all && l->receive_fd >= 0 && l->transmit_fd >= 0)
		return true;
	pins_close(l);
	return false;
}

void loader_unpin(const char *pin_dir)
{
	char path[LIVE_PATH_MAX];
	struct dirent *entry;
	DIR *dir = opendir(pin_dir);
	char *slash;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && !pin_path(path, pin_dir, "%s", entry->d_name))
			unlink(path);
	closedir(dir);
	rmdir(pin_dir);
	/* The directory above belongs to this agent too, unless another version is still in it. */
	snprintf(path, sizeof(path), "%s", pin_dir);
	slash = strrchr(path, '/');
	if (slash) {
		*slash = 0;
		rmdir(path);
	}
}
