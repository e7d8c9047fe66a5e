/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A question that the supervisor hands on to the engine process together with whoever asked it: one
 * packet of a SOCK_SEQPACKET socket, the asker's descriptor with it (unix(7), SCM_RIGHTS). Room:
 * agent. So a long answer, or an asker who takes it slowly, keeps nobody else waiting.
 */
#ifndef AGENT_QUESTION_H
#define AGENT_QUESTION_H

#include <sys/types.h>

#include "base/slice.h"

enum { QUESTION_BODY_MAX = 16384 };

struct question {
	uint32_t kind; /* enum engine_request */
	size_t len;
	char body[QUESTION_BODY_MAX + 1]; /* a NUL behind it */
};

/* Hands on a question and a copy of fd. 0; -EMSGSIZE; -EAGAIN: too many are waiting; -errno. */
int question_send(int socket, uint32_t kind, struct slice body, int fd);
/* Takes the next one, and gives *fd. 0; -ECONNRESET: nobody will send any more; -EAGAIN: there is
 * none; -EBADMSG; -errno. */
int question_receive(int socket, struct question *q, int *fd);

#endif
