/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The cases of test_programs, by what they prove, and the frames they share.
 */
#ifndef TESTS_BPF_CASES_H
#define TESTS_BPF_CASES_H

#include "../unit/build.h"
#include "kernel.h"
#include "packet/packet.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct test_case {
	const char *name; /* NULL ends a table */
	void (*run)(struct kernel *k);
	bool needs_captures;
};

extern const struct test_case parity_cases[];
extern const struct test_case verdict_cases[];
extern const struct test_case question_cases[];
extern const struct test_case sampling_cases[];
extern const struct test_case tunnel_cases[];
extern const struct test_case piece_cases[];
extern const struct test_case word_cases[];
extern const struct test_case change_cases[];

/* The client and server of most cases: 10.0.0.1:40000 and 10.0.0.2:443. */
enum {
	CLIENT = 0x0a000001,
	SERVER = 0x0a000002,
	CLIENT_PORT = 40000,
	SERVER_PORT = 443,
};

/* A built frame. */
struct made {
	uint8_t bytes[BUILD_MAX];
	size_t len;
};

/* TCP from client to server, or back. payload: "" for none. */
void make_tcp(struct made *m, bool is_back, uint8_t flags, uint32_t seq, struct slice payload);
void make_udp(struct made *m, uint16_t sport, uint16_t dport, struct slice payload);
/* Decodes it as user space would. */
enum dpi_parse made_decode(const void *bytes, size_t len, struct packet *p);
struct dpi_key made_key(const struct made *m);

/* One frame, as a flow of its own, through one program, against what user space makes of it. False:
 * the test run takes no frame of this length. */
bool parity_check(struct kernel *k, const char *what, enum dpi_hook hook, const void *bytes,
		  size_t len);

/* Calls fn with every Ethernet frame of the captures, as if its captured bytes were all of it. */
size_t each_captured(struct kernel *k,
		     void (*fn)(struct kernel *k, const void *bytes, size_t len, void *ctx),
		     void *ctx);
/* The directory of the captures, or NULL. */
const char *captures_dir(void);

#endif
