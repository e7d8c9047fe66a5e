/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Putting the programs on an interface; see loader.h. Receive is always a bpf_link, pinned: it
 * outlives every process, refuses to replace a stranger, and swaps programs without a gap.
 * Transmit is a clsact filter under a handle of our own: tcx is younger than Linux 6.1.
 */
#include "live/pinned.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* How program_name() tells the program that agents put there. */
#define OURS "\"dpi_receive\""

enum { FILTER_HANDLE = 0xd91, FILTER_PRIORITY = 0xd91 };

static void link_path(char *out, const char *pin_dir, unsigned ifindex)
{
	pin_path(out, pin_dir, "link_%u", ifindex);
}

/* Opens our pinned link when it is still on this interface; -1 when there is none or it is dead. */
static int link_open(const char *pin_dir, unsigned ifindex)
{
	struct bpf_link_info info = {0};
	__u32 size = sizeof(info);
	char path[LIVE_PATH_MAX];
	int fd;

	link_path(path, pin_dir, ifindex);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -1;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) || info.type != BPF_LINK_TYPE_XDP ||
	    info.xdp.ifindex != ifindex) {
		close(fd);
		unlink(path);
		return -1;
	}
	return fd;
}

static void program_name(__u32 id, char *out, size_t size)
{
	struct bpf_prog_info info = {0};
	__u32 info_size = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	snprintf(out, size, "id %u", id);
	if (fd < 0)
		return;
	if (bpf_obj_get_info_by_fd(fd, &info, &info_size) == 0)
		snprintf(out, size, "\"%s\", id %u", info.name, id);
	close(fd);
}

static int foreign_check(const struct attachment *a, struct fault *f)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);
	char who[64];

	if (bpf_xdp_query((int)a->ifindex, 0, &q) || q.attach_mode == 0)
		return 0;
	program_name(q.prog_id ?: q.drv_prog_id ?: q.skb_prog_id ?: q.hw_prog_id, who, sizeof(who));
	if (strncmp(who, OURS, strlen(OURS)) == 0)
		return fault_set(f, -EBUSY,
				 "%s is protected by another agent (program %s); it is left as it "
				 "is. Ask that agent, by its DPI_XDP_RUN_DIR, for `dpi-xdp detach "
				 "%s`",
				 a->name, who, a->name);
	return fault_set(f, -EBUSY,
			 "%s already carries another XDP program (%s); it is left as it is. "
			 "Take it off first: `ip link set dev %s xdp off`, or the tool that put it "
			 "there",
			 a->name, who, a->name);
}

static int link_create(struct loader *l, const struct attachment *a, __u32 flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	int fd = bpf_link_create(l->receive_fd, (int)a->ifindex, BPF_XDP, &opts);

	return fd < 0 ? -errno : fd;
}

/* Native, else generic, saying why. Returns the link's descriptor or -errno. */
static int link_ladder(struct loader *l, struct attachment *a, struct fault *f)
{
	int fd = -EOPNOTSUPP, native_err = 0;

	a->note[0] = 0;
	if (a->want != ATTACH_GENERIC) {
		fd = link_create(l, a, XDP_FLAGS_DRV_MODE);
		native_err = fd < 0 ? fd : 0;
		a->is_native = fd >= 0;
	}
	if (fd < 0 && a->want != ATTACH_NATIVE && native_err != -EBUSY) {
		fd = link_create(l, a, XDP_FLAGS_SKB_MODE);
		a->is_native = false;
		if (native_err)
			snprintf(a->note, sizeof(a->note),
				 "the driver of %s has no native XDP for "
				 "it (%s), so it runs generic",
				 a->name, strerror(-native_err));
	}
	if (fd < 0)
		return fault_set(f, fd, "%s takes no XDP program: %s%s", a->name,
				 native_err ? strerror(-native_err) : strerror(-fd),
				 a->want == ATTACH_NATIVE ? "; --mode generic may do" : "");
	return fd;
}

static int receive_attach(struct loader *l, struct attachment *a, struct fault *f)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);
	int fd = link_open(l->pin_dir, a->ifindex), err;
	char path[LIVE_PATH_MAX];

	if (fd >= 0 && bpf_xdp_query((int)a->ifindex, 0, &q) == 0)
		a->is_native = q.attach_mode == XDP_ATTACHED_DRV;
	if (fd >= 0 && a->want != ATTACH_AUTO && a->is_native != (a->want == ATTACH_NATIVE)) {
		close(fd);
		return fault_set(f, -EBUSY,
				 "%s is protected in %s mode already; `dpi-xdp detach %s` first to "
				 "change that",
				 a->name, a->is_native ? "native" : "generic", a->name);
	}
	if (fd >= 0) {
		err = bpf_link_update(fd, l->receive_fd, NULL) ? -errno : 0;
		close(fd);
		if (err)
			return fault_set(f, err, "the program on %s cannot be swapped: %s", a->name,
					 strerror(-err));
		return 0;
	}
	err = foreign_check(a, f);
	if (err)
		return err;
	fd = link_ladder(l, a, f);
	if (fd < 0)
		return fd;
	link_path(path, l->pin_dir, a->ifindex);
	err = bpf_obj_pin(fd, path) ? -errno : 0;
	close(fd);
	if (err)
		return fault_set(f, err, "%s cannot be pinned: %s", path, strerror(-err));
	return 0;
}

static int transmit_attach(struct loader *l, struct attachment *a, struct fault *f)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)a->ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY,
		    .prog_fd = l->transmit_fd, .flags = BPF_TC_F_REPLACE);
	int err = bpf_tc_hook_create(&hook);

	if (!err)
		a->made_clsact = true;
	else if (err != -EEXIST)
		return fault_set(f, err,
				 "%s takes no clsact qdisc: %s; `--hook receive` does "
				 "without (then what this host itself sends is not seen)",
				 a->name, strerror(-err));
	err = bpf_tc_attach(&hook, &opts);
	if (err)
		return fault_set(f, err, "the transmit program cannot be put on %s: %s", a->name,
				 strerror(-err));
	return 0;
}

/* Counts the answers of a filter dump at fd that carry a filter; -1 on any trouble. */
static int filters_count(int fd)
{
	char bytes[16384];
	int found = 0;

	for (;;) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
		struct nlmsghdr *h = (struct nlmsghdr *)(void *)bytes;

		if (n <= 0)
			return -1;
		for (size_t left = (size_t)n; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return found;
			if (h->nlmsg_type == NLMSG_ERROR)
				return -1;
			found += h->nlmsg_type == RTM_NEWTFILTER;
		}
	}
}

/* True unless it is certain that no filter is left in the interface's clsact, either side. */
static bool clsact_is_used(unsigned ifindex)
{
	const unsigned parents[] = {TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
				    TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	bool is_used = fd < 0;

	for (int i = 0; i < 2 && !is_used; i++) {
		struct {
			struct nlmsghdr head;
			struct tcmsg tc;
		} ask = {.head = {.nlmsg_len = sizeof(ask),
				  .nlmsg_type = RTM_GETTFILTER,
				  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
			 .tc = {.tcm_ifindex = (int)ifindex, .tcm_parent = parents[i]}};

		is_used = send(fd, &ask, sizeof(ask), 0) != sizeof(ask) || filters_count(fd) != 0;
	}
	if (fd >= 0)
		close(fd);
	return is_used;
}

static void transmit_remove(const struct attachment *a)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)a->ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);

	bpf_tc_detach(&hook, &opts);
	/* The qdisc goes only if it was ours and nobody has put a filter into it since. */
	if (a->made_clsact && !clsact_is_used(a->ifindex)) {
		hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
		bpf_tc_hook_destroy(&hook);
	}
}

void attach_remove_transmit(struct attachment *a)
{
	transmit_remove(a);
	a->made_clsact = false;
}

int attach_interface(struct loader *l, struct attachment *a, struct fault *f)
{
	int err;

	a->ifindex = if_nametoindex(a->name);
	if (!a->ifindex)
		return fault_set(f, -ENODEV, "there is no interface \"%s\"; `ip link` lists them",
				 a->name);
	err = receive_attach(l, a, f);
	if (!err && a->has_transmit)
		err = transmit_attach(l, a, f);
	if (err && err != -EBUSY)
		attach_remove(l->pin_dir, a);
	return err;
}

void attach_remove(const char *pin_dir, const struct attachment *a)
{
	char path[LIVE_PATH_MAX];
	int fd;

	link_path(path, pin_dir, a->ifindex);
	fd = bpf_obj_get(path);
	if (fd >= 0) {
		bpf_link_detach(fd);
		close(fd);
	}
	unlink(path);
	if (a->has_transmit)
		transmit_remove(a);
}

bool attach_is_alive(const char *pin_dir, const struct attachment *a)
{
	int fd = a->ifindex ? link_open(pin_dir, a->ifindex) : -1;

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}
