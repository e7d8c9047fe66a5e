/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The list of protected interfaces; see interfaces.h.
 */
#include "agent/interfaces.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/paths.h"
#include "base/log.h"

struct interface *interfaces_find(struct interfaces *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->row[i].attachment.name, name) == 0)
			return &all->row[i];
	return NULL;
}

void interfaces_remove(struct interfaces *all, struct interface *i)
{
	size_t at = (size_t)(i - all->row);

	memmove(i, i + 1, (all->count - at - 1) * sizeof(*i));
	all->count--;
}

/* One line an interface: name, index, wanted mode, whether on transmit, whether clsact is ours. */
int interfaces_load(struct interfaces *all, const char *path)
{
	FILE *file = fopen(path, "re");
	struct attachment a = {0};
	int mode, transmit, clsact;

	all->count = 0;
	if (!file)
		return errno == ENOENT ? 0 : -errno;
	while (all->count < INTERFACES_MAX && fscanf(file, "%15s %u %d %d %d", a.name, &a.ifindex,
						     &mode, &transmit, &clsact) == 5) {
		a.want = (enum attach_mode)mode;
		a.has_transmit = transmit != 0;
		a.made_clsact = clsact != 0;
		all->row[all->count++] = (struct interface){.attachment = a};
	}
	fclose(file);
	return 0;
}

int interfaces_save(const struct interfaces *all, const char *path)
{
	char beside[256];
	FILE *file;
	int err = 0;

	snprintf(beside, sizeof(beside), "%s.new", path);
	file = fopen(beside, "we");
	if (!file)
		return -errno;
	for (size_t i = 0; i < all->count; i++) {
		const struct attachment *a = &all->row[i].attachment;

		fprintf(file, "%s %u %d %d %d\n", a->name, a->ifindex, (int)a->want,
			a->has_transmit, a->made_clsact);
	}
	if (ferror(file))
		err = -EIO;
	if (fclose(file) && !err)
		err = -errno;
	if (!err && rename(beside, path))
		err = -errno;
	return err;
}

static bool check_one(struct interfaces *all, struct interface *i, struct loader *l,
		      const char *pin_dir)
{
	struct attachment *a = &i->attachment;
	char name[IF_NAMESIZE];
	struct fault f = {0};
	unsigned now;

	/* The index is the identity: a renamed interface is followed. */
	if (i->is_protected && if_indextoname(a->ifindex, name) && attach_is_alive(pin_dir, a)) {
		if (strcmp(name, a->name) == 0)
			return false;
		log_note("%s is now called %s; it stays protected", a->name, name);
		memcpy(a->name, name, sizeof(name));
		return true;
	}
	now = if_nametoindex(a->name);
	if (!now) {
		if (i->is_protected)
			log_note("%s is gone; waiting for it to come back", a->name);
		i->is_protected = false;
		return false;
	}
	if (now != a->ifindex)
		a->made_clsact = false;
	if (attach_interface(l, a, &f)) {
		if (i->is_protected)
			log_error("%s", f.text);
		i->is_protected = false;
		return false;
	}
	i->is_protected = true;
	all->reattached++;
	return true;
}

bool interfaces_check(struct interfaces *all, struct loader *l, const char *pin_dir)
{
	bool changed = false;

	for (size_t i = 0; i < all->count; i++)
		changed |= check_one(all, &all->row[i], l, pin_dir);
	return changed;
}

size_t interfaces_clean(const struct paths *p, const char *name)
{
	struct interfaces all;
	size_t gone = 0;

	interfaces_load(&all, p->interfaces);
	for (size_t i = all.count; i-- > 0;) {
		struct interface *row = &all.row[i];

		if (name && strcmp(row->attachment.name, name) != 0)
			continue;
		attach_remove(p->pin_dir, &row->attachment);
		interfaces_remove(&all, row);
		gone++;
	}
	if (all.count) {
		interfaces_save(&all, p->interfaces);
		return gone;
	}
	if (access(p->pin_dir, F_OK) == 0) {
		loader_unpin(p->pin_dir);
		gone += gone == 0;
	}
	unlink(p->interfaces);
	return gone;
}

int interfaces_watch(void)
{
	struct sockaddr_nl at = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&at, sizeof(at))) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

void interfaces_watch_read(int fd)
{
	char bytes[8192];

	while (recv(fd, bytes, sizeof(bytes), 0) > 0 || errno == ENOBUFS || errno == EINTR)
		;
}
