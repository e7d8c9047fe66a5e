/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Any bytes at the control socket: the supervisor's own code reads them and answers, in pieces as
 * they may come. Rules are kept as they are there; what would go to the kernel or to the engine
 * goes to the doubles below. Each request that is whole gets one whole answer, or is handed on; the
 * rules in force can always be written down and read again.
 *
 * First byte of the input: bit 0 set: the rest is sent as it is, message head and all; clear: it is
 * the body of a request, parted at the first NUL into JSON and data. Bits 1 to 3: in how many
 * pieces.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/asked.h"
#include "agent/engine_gathered.h"
#include "agent/engine_process.h"
#include "agent/question.h"
#include "claim.h"
#include "classify/build.h"
#include "control/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- doubles of the kernel and the engine ----------------------------------------------------- */

static struct live_maps no_maps;
static unsigned handed_on;

const struct live_maps *loader_maps(const struct loader *l)
{
	return &no_maps;
}

int attach_interface(struct loader *l, struct attachment *a, struct fault *f)
{
	if (strchr(a->name, '!'))
		return fault_set(f, -ENODEV, "no interface of that name");
	a->ifindex = 1;
	return 0;
}

void attach_remove(const char *pin_dir, const struct attachment *a)
{
}

void attach_remove_transmit(struct attachment *a)
{
	a->has_transmit = false;
}

bool attach_is_alive(const char *pin_dir, const struct attachment *a)
{
	return true;
}

void loader_unpin(const char *pin_dir)
{
}

uint64_t live_monotonic(void)
{
	static uint64_t now;

	return now += 1000000;
}

size_t live_verdict_count(const struct live_maps *m)
{
	return 0;
}

void live_counts(const struct live_maps *m, struct dpi_counts *out)
{
	memset(out, 0, sizeof(*out));
}

int live_fact_get(const struct live_maps *m, const struct dpi_key *key, struct dpi_fact *fact)
{
	return -ENOENT;
}

int live_verdict_get(const struct live_maps *m, const struct dpi_key *key, struct dpi_verdict *v)
{
	return -ENOENT;
}

int interfaces_save(const struct interfaces *all, const char *path)
{
	return 0;
}

bool interfaces_check(struct interfaces *all, struct loader *l, const char *pin_dir)
{
	return false;
}

struct interface *interfaces_find(struct interfaces *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->row[i].attachment.name, name) == 0)
			return &all->row[i];
	return NULL;
}

void interfaces_remove(struct interfaces *all, struct interface *i)
{
	*i = all->row[--all->count];
}

void notify_say(const struct notify *n, const char *format, ...)
{
}

void notify_reloading(const struct notify *n)
{
}

int engine_gather(struct engine_state *e, struct gathered *g, enum gather_extent extent)
{
	abort(); /* the engine's own */
}

void engine_gathered_clear(struct gathered *g)
{
	abort();
}

int engine_question(struct supervisor *s, uint32_t request, struct slice body, int fd,
		    struct fault *f)
{
	CLAIM(request > ENGINE_POLICY && body.len <= QUESTION_BODY_MAX);
	handed_on++;
	return 0;
}

/* What a misspelt name may have meant takes most of the time, and is the catalogue's fuzzer's. */
void catalogue_nearest(const struct catalogue *c, struct slice name, char *out, size_t size)
{
	snprintf(out, size, "%s", "YouTube");
}

void catalogue_nearest_category(const struct catalogue *c, struct slice name, char *out,
				size_t size)
{
	snprintf(out, size, "%s", "social");
}

/* Takes rules as the real one does, but for the disk, the kernel and the engine. */
int rules_publish(struct supervisor *s, struct rules *next, enum history_by by, struct fault *f)
{
	struct policy_apps apps = catalogue_policy_apps(s->catalogue);
	struct policy *policy = policy_new(next, &apps, 1);

	CLAIM(policy);
	policy_free(s->policy);
	rules_free(s->rules);
	rules_free(s->in_force);
	s->in_force = rules_copy(next);
	CLAIM(s->in_force);
	s->policy = policy;
	s->rules = next;
	s->rule_changes++;
	return 0;
}

int engine_suppose_rules(struct supervisor *s, const struct rules *rules, uint64_t *number,
			 struct fault *f)
{
	*number = 1;
	return 0;
}

int moments_rules(struct supervisor *s, const struct rules *all, struct rules **out,
		  int64_t *next_s, struct fault *f)
{
	*out = rules_copy(all);
	CLAIM(*out);
	return 0;
}

int moments_pause(struct supervisor *s, const struct pause *p, struct fault *f)
{
	s->pause = *p;
	return 0;
}

/* Nothing is fetched here. */
int fetch_start(const struct fetch_ask *ask, struct fetch *out, struct fault *f)
{
	return fault_set(f, -EAGAIN, "no process");
}

bool fetch_is_over(struct fetch *f)
{
	return false;
}

void fetch_stop(struct fetch *f)
{
	CLAIM(!f->pid);
}

void fetch_take(struct fetch *f, struct fetch_result *out)
{
	CLAIM(false);
}

int accept_list(const struct list *old, const struct list *new, struct fault *f)
{
	return 0;
}

int rules_to_kernel(struct supervisor *s, const struct rules *rules, struct fault *f)
{
	return 0;
}

/* --- the supervisor, and what holds of it ----------------------------------------------------- */

static void world_start(struct supervisor *s, struct notify *n, struct agent_options *kept)
{
	struct policy_apps apps;

	*s = (struct supervisor){.notify = n, .kept = kept, .engine_socket = -1};
	s->catalogue = catalogue_new();
	CLAIM(s->catalogue);
	apps = catalogue_policy_apps(s->catalogue);
	s->rules = rules_new();
	CLAIM(s->rules);
	s->in_force = rules_copy(s->rules);
	CLAIM(s->in_force);
	s->policy = policy_new(s->rules, &apps, 1);
	CLAIM(s->policy);
}

/* What is in force can be written down and is read again as the same. */
static void check_rules(const struct supervisor *s)
{
	struct rule_apps apps = catalogue_rule_apps(s->catalogue);
	char *text = rules_format(s->rules);
	struct rules *again = NULL;
	struct fault f;

	CLAIM(text);
	CLAIM(rules_parse(slice_text(text), "again", &apps, RULES_FORCE, &again, &f) == 0);
	CLAIM(rules_count(again) == rules_count(s->rules));
	rules_free(again);
	free(text);
}

/* Reads what came back: nothing, or one whole answer. Returns how many bytes it had. */
static size_t check_answer(int fd)
{
	static uint8_t got[1 << 20];
	size_t len = 0;
	ssize_t n;
	uint32_t head[3];

	while (len < sizeof(got) && (n = recv(fd, got + len, sizeof(got) - len, MSG_DONTWAIT)) > 0)
		len += (size_t)n;
	if (!len || len == sizeof(got))
		return len;
	CLAIM(len >= sizeof(head));
	memcpy(head, got, sizeof(head));
	CLAIM((ntohl(head[0]) & ~(uint32_t)CONTROL_ENDING) <= 6);
	CLAIM(len == sizeof(head) + (size_t)ntohl(head[1]) + ntohl(head[2]) ||
	      ntohl(head[1]) + (size_t)ntohl(head[2]) > 100000); /* more than a socket holds */
	return len;
}

static size_t message_make(const uint8_t *data, size_t size, uint8_t *out)
{
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	size_t json = nul ? (size_t)(nul - data) : size, rest = nul ? size - json - 1 : 0;
	uint32_t head[3] = {0, htonl((uint32_t)json), htonl((uint32_t)rest)};

	memcpy(out, head, sizeof(head));
	memcpy(out + sizeof(head), data, json);
	if (rest)
		memcpy(out + sizeof(head) + json, nul + 1, rest);
	return sizeof(head) + json + rest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct supervisor s;
	static struct agent_options kept;
	static struct notify none = {.fd = -1};
	static uint64_t checked;
	struct clients_ops ops = {.request = supervisor_answer, .ctx = &s};
	uint8_t message[65536];
	size_t len, piece, before;
	bool is_raw, is_whole;
	int pair[2];

	if (size < 1 || size > sizeof(message) - 12)
		return 0;
	if (!s.catalogue)
		world_start(&s, &none, &kept);
	s.is_ending = false;
	ops.request_max = 32768;
	is_raw = data[0] & 1;
	if (is_raw)
		memcpy(message, data + 1, len = size - 1);
	else
		len = message_make(data + 1, size - 1, message);
	piece = len / ((data[0] >> 1 & 7) + 1) + 1;
	before = handed_on;
	CLAIM(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	CLAIM(clients_add(&s.clients, pair[0], 1000000));
	for (size_t at = 0; at < len; at += piece) {
		size_t n = len - at < piece ? len - at : piece;

		if (send(pair[1], message + at, n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)n)
			break; /* it was answered already */
		clients_serve(&s.clients, &ops);
	}
	is_whole = check_answer(pair[1]) > 0 || handed_on > before;
	CLAIM(is_raw || is_whole);
	CLAIM(s.clients.count <= 1);
	clients_end(&s.clients, 0);
	CLAIM(s.clients.count == 0);
	close(pair[1]);
	if (s.rule_changes != checked)
		check_rules(&s);
	checked = s.rule_changes;
	/* A set that grew large makes each step slow, and shows nothing more. */
	if (rules_count(s.rules) > 200 || s.interfaces.count > 8) {
		s.interfaces.count = 0;
		CLAIM(rules_publish(&s, rules_new(), HISTORY_COMMAND, NULL) == 0);
	}
	return 0;
}
