/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A Kafka of its own for tests: librdkafka's mock cluster in a process, brokers that can be taken
 * down and up, and a reader of all that arrived. Commands on stdin, an answer each on stdout:
 *
 *	kafka_mock BROKERS TOPIC PARTITIONS    prints "ready HOST:PORT,..."
 *	down N | up N                          broker N, from 1 on
 *	rtt MS                                 every broker answers that much later
 *	read FILE MS                           appends "PARTITION ID KEY VALUE" of each message not
 *	                                       read before; ends when none came for MS; prints how
 *many
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_AT_ONCE = 20000 };

static rd_kafka_t *handle(rd_kafka_type_t type, const char *brokers)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[200];
	rd_kafka_t *rk;

	if (brokers) {
		rd_kafka_conf_set(conf, "bootstrap.servers", brokers, NULL, 0);
		rd_kafka_conf_set(conf, "group.id", "reader", NULL, 0);
		rd_kafka_conf_set(conf, "reconnect.backoff.max.ms", "200", NULL, 0);
	}
	rk = rd_kafka_new(type, conf, why, sizeof(why));
	if (!rk) {
		fprintf(stderr, "%s\n", why);
		exit(1);
	}
	return rk;
}

static rd_kafka_t *reader_new(const char *brokers, const char *topic, int partitions)
{
	rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(partitions);
	rd_kafka_t *rk = handle(RD_KAFKA_CONSUMER, brokers);

	for (int i = 0; i < partitions; i++)
		rd_kafka_topic_partition_list_add(all, topic, i)->offset =
			RD_KAFKA_OFFSET_BEGINNING;
	rd_kafka_poll_set_consumer(rk);
	if (rd_kafka_assign(rk, all))
		exit(1);
	rd_kafka_topic_partition_list_destroy(all);
	return rk;
}

static void message_write(FILE *to, const rd_kafka_message_t *m)
{
	rd_kafka_headers_t *headers = NULL;
	const void *id = "-";
	size_t len = 1;

	if (rd_kafka_message_headers(m, &headers) == 0)
		rd_kafka_header_get_last(headers, "dpi-xdp-id", &id, &len);
	fprintf(to, "%d %.*s %.*s %.*s\n", m->partition, (int)len, (const char *)id,
		m->key_len ? (int)m->key_len : 1, m->key_len ? (const char *)m->key : "-",
		(int)m->len, (const char *)m->payload);
}

static long read_all(rd_kafka_t *rk, const char *path, int quiet_ms)
{
	FILE *to = fopen(path, "ae");
	rd_kafka_message_t *m;
	long count = 0;

	if (!to)
		return -1;
	while (count < READ_AT_ONCE && (m = rd_kafka_consumer_poll(rk, quiet_ms)) != NULL) {
		if (!m->err) {
			message_write(to, m);
			count++;
		}
		rd_kafka_message_destroy(m);
	}
	fclose(to);
	return count;
}

int main(int argc, char **argv)
{
	int brokers = argc > 1 ? atoi(argv[1]) : 0, partitions = argc > 3 ? atoi(argv[3]) : 0;
	rd_kafka_t *own = handle(RD_KAFKA_PRODUCER, NULL), *reader;
	rd_kafka_mock_cluster_t *cluster;
	char line[4096], word[16], path[4000];
	int n;

	if (brokers < 1 || partitions < 1)
		return 2;
	cluster = rd_kafka_mock_cluster_new(own, brokers);
	if (!cluster || rd_kafka_mock_topic_create(cluster, argv[2], partitions, brokers))
		return 1;
	reader = reader_new(rd_kafka_mock_cluster_bootstraps(cluster), argv[2], partitions);
	printf("ready %s\n", rd_kafka_mock_cluster_bootstraps(cluster));
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		long result = 0;

		if (sscanf(line, "read %3999s %d", path, &n) == 2)
			result = read_all(reader, path, n);
		else if (sscanf(line, "rtt %d", &n) == 1)
			for (int i = 1; i <= brokers; i++)
				rd_kafka_mock_broker_set_rtt(cluster, i, n);
		else if (sscanf(line, "%15s %d", word, &n) == 2 && strcmp(word, "down") == 0)
			result = rd_kafka_mock_broker_set_down(cluster, n);
		else if (sscanf(line, "%15s %d", word, &n) == 2 && strcmp(word, "up") == 0)
			result = rd_kafka_mock_broker_set_up(cluster, n);
		else
			result = -1;
		printf("%ld\n", result);
		fflush(stdout);
	}
	rd_kafka_destroy(reader);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(own);
	return 0;
}
