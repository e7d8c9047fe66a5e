/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Namespaces, cable and sockets; see lab.h. Room: selftest.
 */
#include "selftest/lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "selftest/cable.h"

enum { BUFFER = 64 << 20, CHECK_MS = 1000 };

static const char *const devices[2] = {LAB_CLIENT_DEVICE, LAB_SERVER_DEVICE};

static int space_open(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* A kernel that speaks IPv6 by itself adds frames to ours, but changes none: not to be had is no
 * fault. */
static void be_silent(void)
{
	int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, "1", 1);
	close(fd);
}

/* A namespace that nobody else is in. Its descriptor, or -errno. */
static int space_new(void)
{
	if (unshare(CLONE_NEWNET))
		return -errno;
	be_silent();
	return space_open();
}

static int request_of(int fd, const char *device, unsigned long what, struct ifreq *r)
{
	snprintf(r->ifr_name, sizeof(r->ifr_name), "%s", device);
	return ioctl(fd, what, r) ? -errno : 0;
}

/* A socket for the whole frames of a device, which is up then. In the device's namespace. */
static int socket_new(const char *device, int *index)
{
	const int size = BUFFER, one = 1;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL)), err;
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	struct ifreq r = {0};

	if (fd < 0)
		return -errno;
	err = request_of(fd, device, SIOCGIFINDEX, &r);
	at.sll_ifindex = *index = err ? 0 : r.ifr_ifindex;
	r = (struct ifreq){.ifr_flags = IFF_UP | IFF_PROMISC};
	if (!err)
		err = request_of(fd, device, SIOCSIFFLAGS, &r);
	if (!err && bind(fd, (struct sockaddr *)&at, sizeof(at)))
		err = -errno;
	if (!err && setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)))
		err = -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (!err)
		return fd;
	close(fd);
	return err;
}

static int build(struct lab *lab, struct fault *f)
{
	static const char what[] =
		"selftest needs root with CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN";
	int err;

	lab->home = space_open();
	if (lab->home < 0)
		return fault_set(f, lab->home, "/proc/self/ns/net: %s; is /proc mounted?",
				 strerror(-lab->home));
	for (size_t i = 0; i < 2; i++) {
		lab->space[i] = space_new();
		if (lab->space[i] < 0)
			return fault_set(f, lab->space[i], "no network namespace: %s; %s",
					 strerror(-lab->space[i]), what);
	}
	err = cable_make(LAB_SERVER_DEVICE, LAB_CLIENT_DEVICE, lab->space[STAGE_CLIENT]);
	if (err)
		return fault_set(f, err, "no pair of virtual Ethernet devices: %s; %s",
				 strerror(-err), err == -EPERM ? what : "try `modprobe veth`");
	for (size_t i = 0; i < 2; i++) {
		if (setns(lab->space[i], CLONE_NEWNET))
			return fault_set(f, -errno, "setns: %s", strerror(errno));
		lab->socket[i] = socket_new(devices[i], &lab->index[i]);
		if (lab->socket[i] < 0)
			return fault_set(f, lab->socket[i], "no packet socket: %s; %s",
					 strerror(-lab->socket[i]), what);
	}
	return 0;
}

int lab_open(struct lab *lab, struct fault *f)
{
	int err;

	*lab = (struct lab){.home = -1, .space = {-1, -1}, .socket = {-1, -1}};
	err = build(lab, f);
	if (lab->home >= 0 && setns(lab->home, CLONE_NEWNET) && !err)
		err = fault_set(f, -errno, "setns: %s", strerror(errno));
	if (err)
		lab_close(lab);
	return err;
}

static void close_one(int fd)
{
	if (fd >= 0)
		close(fd);
}

void lab_close(struct lab *lab)
{
	for (size_t i = 0; i < 2; i++) {
		close_one(lab->socket[i]);
		close_one(lab->space[i]);
	}
	close_one(lab->home);
	*lab = (struct lab){.home = -1, .space = {-1, -1}, .socket = {-1, -1}};
}

int lab_enter_server(const struct lab *lab)
{
	return setns(lab->space[STAGE_SERVER], CLONE_NEWNET) ? -errno : 0;
}

int lab_join_nothing(const struct lab *lab, struct fault *f)
{
	for (size_t i = 0; i < 2; i++) {
		struct ethtool_value off = {.cmd = ETHTOOL_SGRO};
		struct ifreq r = {.ifr_data = (void *)&off};
		int err = request_of(lab->socket[i], devices[i], SIOCETHTOOL, &r);

		if (err)
			return fault_set(f, err, "%s still joins segments: %s", devices[i],
					 strerror(-err));
	}
	return 0;
}

int lab_send(const struct lab *lab, enum stage_side from, struct slice frame)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_ifindex = lab->index[from],
		.sll_halen = ETH_ALEN,
	};

	memcpy(to.sll_addr, frame.at, ETH_ALEN);
	if (sendto(lab->socket[from], frame.at, frame.len, 0, (struct sockaddr *)&to, sizeof(to)) >=
	    0)
		return 0;
	/* What a program drops on its way out is said to have found no room. */
	return errno == ENOBUFS ? 0 : -errno;
}

size_t lab_receive(const struct lab *lab, enum stage_side at, uint8_t *buffer, size_t room)
{
	ssize_t n;

	do {
		n = recv(lab->socket[at], buffer, room, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	return n > 0 ? (size_t)n : 0;
}

/* Whether a frame of these bytes arrives at this side soon. */
static bool arrives(const struct lab *lab, enum stage_side at, struct slice frame)
{
	struct pollfd p = {.fd = lab->socket[at], .events = POLLIN};
	uint8_t got[MAKE_FRAME_MAX];

	while (poll(&p, 1, CHECK_MS) > 0) {
		size_t n = lab_receive(lab, at, got, sizeof(got));

		if (slice_equal(slice_of(got, n), frame))
			return true;
	}
	return false;
}

int lab_check(const struct lab *lab, struct fault *f)
{
	/* Broadcast, of a type for experiments (IEEE 802). */
	uint8_t frame[60] = {255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};

	for (int is_reply = 0; is_reply < 2; is_reply++) {
		struct slice whole = slice_of(frame, sizeof(frame));

		frame[14] = (uint8_t)is_reply;
		if (lab_send(lab, is_reply ? STAGE_SERVER : STAGE_CLIENT, whole) ||
		    !arrives(lab, is_reply ? STAGE_CLIENT : STAGE_SERVER, whole))
			return fault_set(f, -EIO,
					 "the cable of the self-test carries nothing; try --mode "
					 "generic, and `dpi-xdp doctor`");
	}
	return 0;
}
