/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Two network namespaces without a name, a cable between them, and a packet socket at either end.
 * They live as long as somebody is in them or holds their descriptors, so nothing of them can be
 * left behind. Room: selftest. network_namespaces(7), packet(7), rtnetlink(7).
 */
#ifndef SELFTEST_LAB_H
#define SELFTEST_LAB_H

#include <sys/types.h>
#include "base/fault.h"
#include "base/slice.h"
#include "selftest/stage.h"

/* What the client's and the server's ends of the cable are called. */
#define LAB_CLIENT_DEVICE "dpiclient"
#define LAB_SERVER_DEVICE "dpiserver"

struct lab {
	int home;      /* the namespace that this process was in, and is in again */
	int space[2];  /* of client and server */
	int socket[2]; /* of packets that arrive there, and to send some */
	int index[2];  /* of the cable's ends */
};

/* Makes it all. 0, or -errno with *f, which says what is missing; then nothing of it is left. */
int lab_open(struct lab *lab, struct fault *f);
void lab_close(struct lab *lab);

/* Goes into the server's namespace, for good: for a child. 0 or -errno. */
int lab_enter_server(const struct lab *lab);
/* Has each frame arrive as it was sent: XDP on a cable joins segments. 0, or -errno with *f. */
int lab_join_nothing(const struct lab *lab, struct fault *f);

/* Whether the cable carries a frame that is nobody's business, both ways: else what does not arrive
 * would say nothing. 0, or -EIO with *f. */
int lab_check(const struct lab *lab, struct fault *f);

/* Sends a frame from this side. 0 or -errno. */
int lab_send(const struct lab *lab, enum stage_side from, struct slice frame);
/* The next frame that has arrived at this side, in buffer. Its length; 0: none is there. */
size_t lab_receive(const struct lab *lab, enum stage_side at, uint8_t *buffer, size_t room);

#endif
