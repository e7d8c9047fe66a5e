/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Event lines to a topic of Kafka, by librdkafka. Room: export. The producer is idempotent, so a
 * broker that went away in the middle gets each line once; across a restart of ours the position
 * says what is delivered, and each message carries its event's id for whoever must be sure. A key
 * (the flow's id) keeps the events of a flow in one partition, in order.
 */
#include "export/kafka_lib.h"
#include "export/sink.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A message on its way. */
struct slot {
	struct follow_id id;
	bool is_over; /* delivered or lost; those before it may not be */
};

struct kafka {
	struct sink sink;
	struct kafka_lib lib;
	char *brokers, *topic, *settings; /* settings: "name=value&..." or "" */
	rd_kafka_t *producer;
	struct slot *slot;	     /* SINK_KAFKA_QUEUED, used in turn */
	uint64_t oldest, next;	     /* counted up; slot[n % SINK_KAFKA_QUEUED] */
	rd_kafka_resp_err_t trouble; /* since the last word */
};

/* Ours, and a name that may be set over them. */
static const char *const defaults[][2] = {
	{"client.id", "dpi-xdp"},
	{"enable.idempotence", "true"},
	{"acks", "all"},
	{"linger.ms", "20"},
	{"reconnect.backoff.max.ms", "1000"},
	{"partitioner", "murmur2_random"}, /* where other clients would put the same key */
	{"queue.buffering.max.kbytes", "65536"},
	{"message.timeout.ms", "300000"},
};

/* --- what comes back -------------------------------------------------------------------------- */

static void message_over(struct kafka *s, uint64_t n, bool is_lost)
{
	struct sink_counters *c = &s->sink.counters;

	s->slot[n % SINK_KAFKA_QUEUED].is_over = true;
	c->pending--;
	c->lines += !is_lost;
	c->lost += is_lost;
	for (; s->oldest < s->next && s->slot[s->oldest % SINK_KAFKA_QUEUED].is_over; s->oldest++)
		s->sink.done = s->slot[s->oldest % SINK_KAFKA_QUEUED].id;
}

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *ctx)
{
	struct kafka *s = ctx;

	if (m->err)
		s->trouble = m->err;
	else
		s->sink.counters.bytes += m->len;
	message_over(s, (uint64_t)(uintptr_t)m->_private, m->err != 0);
	if (!m->err && s->trouble == 0)
		sink_trouble_over(&s->sink);
}

static void failed(rd_kafka_t *rk, int err, const char *reason, void *ctx)
{
	struct kafka *s = ctx;

	/* A single broker that is away is no trouble while another one leads. */
	if (err != RD_KAFKA_RESP_ERR__TRANSPORT && err != RD_KAFKA_RESP_ERR__RESOLVE)
		s->trouble = err;
}

/* The library's own log: what matters of it comes through failed(). */
static void log_nothing(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
}

/* --- making a producer ------------------------------------------------------------------------ */

static int conf_set(const struct kafka *s, rd_kafka_conf_t *conf, const char *name,
		    const char *value, struct fault *f)
{
	char why[300];

	if (s->lib.conf_set(conf, name, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
		return 0;
	return fault_set(f, -EINVAL, "Kafka's setting %s=%s: %s", name, value, why);
}

static int settings_put(const struct kafka *s, rd_kafka_conf_t *conf, struct fault *f)
{
	char *copy = strdup(s->settings), *rest = copy, *pair;
	int err = copy ? 0 : fault_set(f, -ENOMEM, "out of memory");

	while (!err && (pair = strsep(&rest, "&")) != NULL) {
		char *value = strchr(pair, '=');

		if (!*pair)
			continue;
		if (!value) {
			err = fault_set(f, -EINVAL,
					"kafka://...?%s: a setting is written NAME=VALUE", pair);
			break;
		}
		*value++ = 0;
		err = conf_set(s, conf, pair, value, f);
	}
	free(copy);
	return err;
}

static int producer_new(struct kafka *s, struct fault *f)
{
	rd_kafka_conf_t *conf = s->lib.conf_new();
	char most[16], why[300];
	int err = 0;

	snprintf(most, sizeof(most), "%d", SINK_KAFKA_QUEUED);
	err = conf_set(s, conf, "bootstrap.servers", s->brokers, f);
	if (!err)
		err = conf_set(s, conf, "queue.buffering.max.messages", most, f);
	for (size_t i = 0; !err && i < sizeof(defaults) / sizeof(defaults[0]); i++)
		err = conf_set(s, conf, defaults[i][0], defaults[i][1], f);
	if (!err)
		err = settings_put(s, conf, f);
	s->lib.conf_set_opaque(conf, s);
	s->lib.conf_set_dr_msg_cb(conf, delivered);
	s->lib.conf_set_error_cb(conf, failed);
	s->lib.conf_set_log_cb(conf, log_nothing);
	if (!err)
		s->producer = s->lib.new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (!err && !s->producer)
		err = fault_set(f, -EINVAL, "Kafka: %s", why);
	if (err)
		s->lib.conf_destroy(conf); /* else the producer's */
	return err;
}

/* Forgets what is on its way, which counts as lost, and the producer. */
static void producer_free(struct kafka *s)
{
	if (!s->producer)
		return;
	s->lib.purge(s->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	while (s->lib.poll(s->producer, 0) > 0)
		;
	s->lib.destroy(s->producer);
	s->producer = NULL;
	for (uint64_t n = s->oldest; n < s->next; n++)
		if (!s->slot[n % SINK_KAFKA_QUEUED].is_over)
			message_over(s, n, true);
}

static void kafka_free(struct sink *base)
{
	struct kafka *s = (struct kafka *)base;

	producer_free(s);
	free(s->slot);
	free(s->brokers);
	free(s->topic);
	free(s->settings);
	free(s);
}

/* HOST:PORT[,HOST:PORT]/TOPIC[?NAME=VALUE[&NAME=VALUE]] */
static int where_split(struct kafka *s, const char *where, struct fault *f)
{
	const char *slash = strchr(where, '/'), *settings = strchr(where, '?');
	const char *end = settings ? settings : where + strlen(where);

	if (!slash || slash == where || slash + 1 >= end)
		return fault_set(f, -EINVAL,
				 "kafka://%s: write kafka://HOST:PORT/TOPIC, several HOST:PORT "
				 "with a comma between",
				 where);
	s->brokers = strndup(where, (size_t)(slash - where));
	s->topic = strndup(slash + 1, (size_t)(end - slash - 1));
	s->settings = strdup(settings ? settings + 1 : "");
	for (const char *c = s->topic; c && *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
			return fault_set(f, -EINVAL,
					 "%s is no topic: letters, digits and ._- alone", s->topic);
	return s->brokers && s->topic && s->settings ? 0 : fault_set(f, -ENOMEM, "out of memory");
}

static int kafka_open(const char *where, const struct sink_options *o, struct sink **out,
		      struct fault *f)
{
	struct kafka *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return fault_set(f, -ENOMEM, "out of memory");
	s->slot = calloc(SINK_KAFKA_QUEUED, sizeof(*s->slot));
	err = s->slot ? where_split(s, where, f) : fault_set(f, -ENOMEM, "out of memory");
	if (!err)
		err = kafka_lib_open(&s->lib, f);
	if (!err)
		err = producer_new(s, f);
	if (err) {
		kafka_free(&s->sink);
		return err;
	}
	*out = &s->sink;
	return 0;
}

/* --- sending ---------------------------------------------------------------------------------- */

/* The digits of the flow's id, as report/eve.c writes them; an empty slice when there are none. */
static struct slice flow_key(struct slice line)
{
	static const char name[] = "\"flow_id\":";
	const uint8_t *at = memmem(line.at, line.len, name, sizeof(name) - 1), *end;

	if (!at)
		return slice_of(line.at, 0);
	at += sizeof(name) - 1;
	for (end = at; end < line.at + line.len && isdigit(*end); end++)
		;
	return slice_of(at, (size_t)(end - at));
}

static void message_send(struct kafka *s, struct slice line, struct follow_id id)
{
	struct slice key = flow_key(line);
	char text[FOLLOW_ID_MAX];
	uint64_t n = s->next;
	rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__QUEUE_FULL;

	if (n - s->oldest == SINK_KAFKA_QUEUED) {
		s->sink.counters.lost++; /* one of long ago has no answer yet */
		s->trouble = err;
		return;
	}
	s->slot[n % SINK_KAFKA_QUEUED] = (struct slot){.id = id};
	s->next++;
	s->sink.counters.pending++;
	follow_id_format(&id, text);
	err = s->lib.producev(s->producer, RD_KAFKA_V_TOPIC(s->topic),
			      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
			      RD_KAFKA_V_KEY(key.len ? key.at : NULL, key.len),
			      RD_KAFKA_V_VALUE((void *)line.at, line.len),
			      RD_KAFKA_V_HEADER("dpi-xdp-id", text, (ssize_t)strlen(text)),
			      RD_KAFKA_V_OPAQUE((void *)(uintptr_t)n), RD_KAFKA_V_END);
	if (err) {
		s->trouble = err;
		message_over(s, n, true);
	}
}

/* A producer that may not go on is replaced by another one. */
static void producer_renew(struct kafka *s)
{
	struct fault f = {""};
	char why[300];

	if (s->producer && !s->lib.fatal_error(s->producer, why, sizeof(why)))
		return;
	if (s->producer)
		sink_trouble(&s->sink, "%s; starting again", why);
	producer_free(s);
	if (producer_new(s, &f))
		sink_trouble(&s->sink, "%s", f.text);
}

static void kafka_work(struct sink *base)
{
	struct kafka *s = (struct kafka *)base;

	producer_renew(s);
	if (s->producer)
		s->lib.poll(s->producer, 0);
	if (s->trouble)
		sink_trouble(base, "%s", s->lib.err2str(s->trouble));
	s->trouble = 0;
}

static void kafka_take(struct sink *base, struct slice lines, struct follow_id first,
		       uint64_t count)
{
	struct kafka *s = (struct kafka *)base;

	kafka_work(base);
	for (; lines.len; first.number++) {
		struct slice line = sink_first_lines(lines, 1);

		lines = slice_from(lines, line.len);
		line.len--;
		if (s->producer)
			message_send(s, line, first);
		else
			base->counters.lost++;
	}
	kafka_work(base);
}

const struct sink_kind sink_kafka = {
	.prefix = "kafka://",
	.open = kafka_open,
	.take = kafka_take,
	.work = kafka_work,
	.free = kafka_free,
};
