/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Sends frames onto an interface, at a rate and in a number that are fixed beforehand; the live
 * tests' load. It must run in a test's own namespace: it sends what it is told to whom it is told.
 *
 *	blast DEV RATE COUNT FILE	the frames of FILE, in turn
 *	blast DEV RATE COUNT FILE syn	the same, each with a random source address and port
 *
 * FILE holds one frame a line, in hex, from Ethernet on. RATE is frames a second, 0 for as fast as
 * the interface takes them. A frame the queue refuses is sent again, so what "sent N" reports was
 * taken. SIGTERM and SIGINT end it early; four minutes end it in any case.
 *
 * Standards: RFC 791, RFC 8200, RFC 9293 3.1 (checksums).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	FRAME_MAX = 2048,
	FRAMES_MAX = 4096,
	LONGEST_S = 240,
	ETH_LEN = 14,
	IP4_LEN = 20,
	IP6_LEN = 40,
};

struct frame {
	size_t len;
	uint8_t bytes[FRAME_MAX];
};

struct load {
	int fd;
	size_t frame_count;
	struct frame *frames;
	uint64_t random; /* state of xorshift64, never 0 */
};

static volatile sig_atomic_t is_over;

static void end_early(int signal_number)
{
	is_over = 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* One's complement sum of n bytes onto sum; n may be odd. */
static uint32_t sum_bytes(uint32_t sum, const uint8_t *at, size_t n)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)at[i] << 8 | at[i + 1];
	if (n % 2)
		sum += (uint32_t)at[n - 1] << 8;
	return sum;
}

static void put_checksum(uint8_t *at, uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	at[0] = (uint8_t)(~sum >> 8);
	at[1] = (uint8_t)~sum;
}

/* Gives a TCP frame without tags or options in its IP header a new source, and its checksums. */
static void change_source(struct frame *f, uint64_t *random)
{
	uint8_t *ip = f->bytes + ETH_LEN;
	bool is_v4 = ip[0] >> 4 == 4;
	uint8_t *tcp = ip + (is_v4 ? IP4_LEN : IP6_LEN);
	size_t tcp_len = f->len - (size_t)(tcp - f->bytes);
	uint64_t r = next_random(random), port = next_random(random);

	if (is_v4) {
		uint32_t source = 0x0b000000 | (uint32_t)(r % 0x50000000); /* 11.0.0.0 and on */

		source = htonl(source);
		memcpy(ip + 12, &source, 4);
		put_checksum(ip + 10, sum_bytes(0, ip, 10) + sum_bytes(0, ip + 12, 8));
	} else {
		memcpy(ip + 16, &r, 8); /* the interface half of the address */
	}
	tcp[0] = (uint8_t)(port >> 8 | 0x04);
	tcp[1] = (uint8_t)port;
	memset(tcp + 16, 0, 2);
	put_checksum(tcp + 16, sum_bytes(sum_bytes((uint32_t)(6 + tcp_len), ip + (is_v4 ? 12 : 8),
						   is_v4 ? 8 : 32),
					 tcp, tcp_len));
}

static int read_frames(const char *path, struct load *load)
{
	char line[2 * FRAME_MAX + 2];
	FILE *file = fopen(path, "r");

	if (!file)
		return -errno;
	while (load->frame_count < FRAMES_MAX && fgets(line, sizeof(line), file)) {
		struct frame *f = &load->frames[load->frame_count];
		unsigned byte;

		while (sscanf(line + 2 * f->len, "%2x", &byte) == 1)
			f->bytes[f->len++] = (uint8_t)byte;
		load->frame_count += f->len > 0;
	}
	fclose(file);
	return load->frame_count ? 0 : -ENODATA;
}

static int open_device(const char *dev)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(dev)};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd >= 0 && !to.sll_ifindex) {
		close(fd);
		errno = ENODEV;
		return -1;
	}
	if (fd >= 0 && bind(fd, (struct sockaddr *)&to, sizeof(to))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Waits until frame number n is due. */
static void wait_due(uint64_t start_ns, uint64_t n, uint64_t rate)
{
	uint64_t due = start_ns + n * 1000000000 / rate;
	struct timespec t = {.tv_sec = (time_t)(due / 1000000000),
			     .tv_nsec = (long)(due % 1000000000)};

	if (now_ns() < due)
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* Sends up to count frames. Returns how many were taken, or a negative errno. */
static int64_t send_all(struct load *load, uint64_t rate, uint64_t count, bool is_syn)
{
	uint64_t start = now_ns(), sent = 0;

	while (sent < count && !is_over) {
		struct frame *f = &load->frames[sent % load->frame_count];

		if (rate)
			wait_due(start, sent, rate);
		if (is_syn)
			change_source(f, &load->random);
		while (send(load->fd, f->bytes, f->len, 0) < 0 && !is_over)
			if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
				return -errno;
		sent++;
	}
	return (int64_t)sent;
}

int main(int argc, char **argv)
{
	struct sigaction act = {.sa_handler = end_early};
	struct load load = {.fd = -1, .random = 0x9e3779b97f4a7c15ULL};
	int64_t sent;

	if (argc < 5 || argc > 6) {
		fprintf(stderr, "usage: blast DEV RATE COUNT FILE [syn]\n");
		return 2;
	}
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGALRM, &act, NULL);
	alarm(LONGEST_S);
	load.frames = calloc(FRAMES_MAX, sizeof(*load.frames));
	if (!load.frames || read_frames(argv[4], &load)) {
		fprintf(stderr, "blast: no frames in %s\n", argv[4]);
		return 1;
	}
	load.fd = open_device(argv[1]);
	if (load.fd < 0) {
		fprintf(stderr, "blast: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	sent = send_all(&load, strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10), argc == 6);
	if (sent < 0)
		fprintf(stderr, "blast: %s: %s\n", argv[1], strerror((int)-sent));
	else
		printf("sent %lld\n", (long long)sent);
	close(load.fd);
	free(load.frames);
	return sent < 0;
}
