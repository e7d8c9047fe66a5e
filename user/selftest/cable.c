/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One rtnetlink request, for a veth pair; see cable.h. Room: selftest. rtnetlink(7), veth(4).
 */
#include "selftest/cable.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct request {
	struct nlmsghdr head;
	struct ifinfomsg link;
	char attributes[256];
};

static void *end_of(struct request *r)
{
	return (char *)r + NLMSG_ALIGN(r->head.nlmsg_len);
}

/* Appends an attribute. The few that there are have room. */
static struct rtattr *put(struct request *r, unsigned short type, const void *bytes, size_t len)
{
	struct rtattr *a = end_of(r);

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(a), bytes, len);
	r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + RTA_ALIGN(a->rta_len);
	return a;
}

static void put_text(struct request *r, unsigned short type, const char *text)
{
	put(r, type, text, strlen(text) + 1);
}

/* What came after an attribute was begun is inside it. */
static void enclose(struct request *r, struct rtattr *a)
{
	a->rta_len = (unsigned short)((char *)end_of(r) - (char *)a);
}

static int talk(struct request *r)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char rest[512];
	} answer = {.error.error = -EIO};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), err = 0;

	if (fd < 0)
		return -errno;
	if (send(fd, r, r->head.nlmsg_len, 0) < 0 || recv(fd, &answer, sizeof(answer), 0) < 0)
		err = -errno;
	else if (answer.head.nlmsg_type == NLMSG_ERROR)
		err = answer.error.error;
	close(fd);
	return err;
}

int cable_make(const char *here, const char *there, int space)
{
	const struct ifinfomsg peer_link = {.ifi_family = AF_UNSPEC};
	struct request r = {
		.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
			 .nlmsg_type = RTM_NEWLINK,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK},
	};
	struct rtattr *info, *data, *peer;

	put_text(&r, IFLA_IFNAME, here);
	info = put(&r, IFLA_LINKINFO, NULL, 0);
	put_text(&r, IFLA_INFO_KIND, "veth");
	data = put(&r, IFLA_INFO_DATA, NULL, 0);
	peer = put(&r, VETH_INFO_PEER, &peer_link, sizeof(peer_link));
	put_text(&r, IFLA_IFNAME, there);
	put(&r, IFLA_NET_NS_FD, &space, sizeof(space));
	enclose(&r, peer);
	enclose(&r, data);
	enclose(&r, info);
	return talk(&r);
}
