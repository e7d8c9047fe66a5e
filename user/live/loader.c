/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Loading, pinning and adopting; see loader.h.
 */
#include "live/pinned.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "bpf/dpi.skel.h"

/* libbpf's own words go nowhere: the faults reported here say what matters. */
static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static int make_dirs(const char *dir, struct fault *f)
{
	char path[LIVE_PATH_MAX];
	size_t len = strlen(dir);

	for (size_t i = strlen(LIVE_BPFFS) + 1; i <= len; i++) {
		if (dir[i] != '/' && dir[i] != 0)
			continue;
		memcpy(path, dir, i);
		path[i] = 0;
		if (mkdir(path, 0700) && errno != EEXIST)
			return fault_set(f, -errno, "%s cannot be made: %s; run as root", path,
					 strerror(errno));
	}
	return 0;
}

static int mount_bpffs(struct fault *f)
{
	struct statfs fs;

	if (statfs(LIVE_BPFFS, &fs) == 0 && fs.f_type == BPF_FS_MAGIC)
		return 0;
	if (mount("bpf", LIVE_BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return fault_set(f, -errno,
				 "the BPF file system is not mounted on %s and cannot be: %s; "
				 "run as root, or mount it by hand",
				 LIVE_BPFFS, strerror(errno));
	return 0;
}

/* Reuses the pinned map of this name, if there is one of the same shape. */
static int map_adopt(struct loader *l, struct bpf_map *map, struct fault *f)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);
	char path[LIVE_PATH_MAX];
	int fd, err;

	pin_path(path, l->pin_dir, "%s", bpf_map__name(map));
	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) || info.type != bpf_map__type(map) ||
	    info.key_size != bpf_map__key_size(map) ||
	    info.value_size != bpf_map__value_size(map) ||
	    info.max_entries != bpf_map__max_entries(map)) {
		close(fd);
		return fault_set(f, -EEXIST,
				 "%s is pinned but is not ours; run `dpi-xdp detach "
				 "--all`, or remove it",
				 path);
	}
	err = bpf_map__reuse_fd(map, fd);
	close(fd);
	if (!err)
		l->is_adopted = true;
	return err;
}

static bool is_own_map(const struct bpf_map *map)
{
	return !strchr(bpf_map__name(map), '.'); /* not .rodata and the like */
}

static int maps_adopt(struct loader *l, struct fault *f)
{
	struct bpf_map *map;
	int err;

	bpf_map__set_max_entries(l->skel->maps.scratch, (__u32)l->maps.cpu_count);
	bpf_object__for_each_map(map, l->skel->obj)
	{
		err = is_own_map(map) ? map_adopt(l, map, f) : 0;
		if (err)
			return err;
	}
	return 0;
}

static int maps_pin(struct loader *l, struct fault *f)
{
	char path[LIVE_PATH_MAX];
	struct bpf_map *map;

	bpf_object__for_each_map(map, l->skel->obj)
	{
		if (!is_own_map(map))
			continue;
		pin_path(path, l->pin_dir, "%s", bpf_map__name(map));
		if (access(path, F_OK) == 0)
			continue;
		if (bpf_obj_pin(bpf_map__fd(map), path))
			return fault_set(f, -errno, "%s cannot be pinned: %s", path,
					 strerror(errno));
	}
	return 0;
}

/* Opens or makes ring i and puts it into the map of rings. */
static int ring_ready(struct loader *l, uint32_t i, struct fault *f)
{
	char path[LIVE_PATH_MAX], name[16];
	int fd;

	pin_path(path, l->pin_dir, "ring_%u", i);
	fd = bpf_obj_get(path);
	if (fd < 0) {
		snprintf(name, sizeof(name), "ring_%u", i);
		fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, name, 0, 0, DPI_RING_BYTES, NULL);
		if (fd < 0 || bpf_obj_pin(fd, path)) {
			int err = -errno;

			if (fd >= 0)
				close(fd);
			return fault_set(f, err, "sample ring %u cannot be made: %s", i,
					 strerror(-err));
		}
	}
	l->maps.ring[i] = fd;
	if (bpf_map_update_elem(l->maps_of_rings, &i, &fd, BPF_ANY))
		return fault_set(f, -errno, "sample ring %u cannot be installed: %s", i,
				 strerror(errno));
	return 0;
}

static int program_pin(struct loader *l, const struct bpf_program *program, const char *name,
		       struct fault *f)
{
	char path[LIVE_PATH_MAX];

	pin_path(path, l->pin_dir, "%s_%016llx", name, (unsigned long long)pins_programs_id());
	unlink(path);
	if (bpf_obj_pin(bpf_program__fd(program), path))
		return fault_set(f, -errno, "%s cannot be pinned: %s", path, strerror(errno));
	return 0;
}

/* Removes the pins of other versions' programs: those that still run are held by their links. */
static void programs_unpin_others(const struct loader *l)
{
	char path[LIVE_PATH_MAX], id[24];
	struct dirent *entry;
	DIR *dir = opendir(l->pin_dir);

	snprintf(id, sizeof(id), "_%016llx", (unsigned long long)pins_programs_id());
	while (dir && (entry = readdir(dir)))
		if (strncmp(entry->d_name, "program_", 8) == 0 && !strstr(entry->d_name, id) &&
		    !pin_path(path, l->pin_dir, "%s", entry->d_name))
			unlink(path);
	if (dir)
		closedir(dir);
}

/* Loads the programs with the pinned maps, pins what is new. */
static int load(struct loader *l, struct fault *f)
{
	struct dpi_bpf *skel = dpi_bpf__open();
	int err;

	if (!skel)
		return fault_set(f, -errno, "the kernel programs cannot be opened: %s",
				 strerror(errno));
	l->skel = skel;
	err = maps_adopt(l, f);
	if (err)
		return err;
	err = dpi_bpf__load(skel);
	if (err == -EPERM)
		return fault_set(f, err,
				 "loading programs into the kernel is not permitted; run as "
				 "root (`dpi-xdp doctor` says what is missing)");
	if (err)
		return fault_set(f, err,
				 "the kernel refuses the programs: %s; Linux 6.1 or later "
				 "with BTF is needed (`dpi-xdp doctor` says what is missing)",
				 strerror(-err));
	err = maps_pin(l, f);
	if (!err)
		err = program_pin(l, skel->progs.dpi_receive, "program_receive", f);
	if (!err)
		err = program_pin(l, skel->progs.dpi_transmit, "program_transmit", f);
	programs_unpin_others(l);
	return err;
}

/* The very same programs may be pinned already: then a restart loads nothing. */
static int ready(struct loader *l, struct fault *f)
{
	int err;

	if (pins_open(l)) {
		l->is_adopted = true;
		return 0;
	}
	err = load(l, f);
	dpi_bpf__destroy(l->skel);
	l->skel = NULL;
	if (!err && !pins_open(l))
		err = fault_set(f, -EIO, "what was just pinned in %s cannot be opened", l->pin_dir);
	return err;
}

int loader_open(struct loader **out, const char *pin_dir, uint32_t ring_count, struct fault *f)
{
	struct loader *l = calloc(1, sizeof(*l));
	int err, cpus = libbpf_num_possible_cpus();

	if (!l)
		return -ENOMEM;
	libbpf_set_print(quiet);
	snprintf(l->pin_dir, sizeof(l->pin_dir), "%s", pin_dir);
	for (size_t i = 0; i < DPI_RINGS_MAX; i++)
		l->maps.ring[i] = -1;
	pins_init(l);
	l->maps.cpu_count = cpus > 0 ? (uint32_t)cpus : 1;
	l->maps.ring_count = ring_count;
	err = mount_bpffs(f);
	if (!err)
		err = make_dirs(pin_dir, f);
	if (!err)
		err = ready(l, f);
	for (uint32_t i = 0; !err && i < ring_count; i++)
		err = ring_ready(l, i, f);
	if (err) {
		loader_close(l);
		return err;
	}
	*out = l;
	return 0;
}

void loader_close(struct loader *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < DPI_RINGS_MAX; i++)
		if (l->maps.ring[i] >= 0)
			close(l->maps.ring[i]);
	pins_close(l);
	free(l);
}

const struct live_maps *loader_maps(const struct loader *l)
{
	return &l->maps;
}

bool loader_is_adopted(const struct loader *l)
{
	return l->is_adopted;
}
