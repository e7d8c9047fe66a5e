/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A Kafka of its own for tests: librdkafka's mock cluster in a process, whose brokers can be taken
 * down and up. Partition N is led by broker N modulo their number. Commands on stdin, an answer
 *each on stdout, 0 when it was done:
 *
 *	kafka_mock BROKERS TOPIC PARTITIONS	prints "ready HOST:PORT,..."
 *	down N | up N				broker N, from 1 on
 *
 * These brokers keep some MiB of each partition: whoever sends more must read along.
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int command(rd_kafka_mock_cluster_t *cluster, const char *line)
{
	char word[16];
	int n;

	if (sscanf(line, "%15s %d", word, &n) != 2)
		return -1;
	if (strcmp(word, "down") == 0)
		return rd_kafka_mock_broker_set_down(cluster, n);
	if (strcmp(word, "up") == 0)
		return rd_kafka_mock_broker_set_up(cluster, n);
	return -1;
}

int main(int argc, char **argv)
{
	int brokers = argc > 1 ? atoi(argv[1]) : 0, partitions = argc > 3 ? atoi(argv[3]) : 0;
	rd_kafka_mock_cluster_t *cluster;
	char line[64], why[200];
	rd_kafka_t *own;

	if (brokers < 1 || partitions < 1) {
		fprintf(stderr, "usage: kafka_mock BROKERS TOPIC PARTITIONS\n");
		return 2;
	}
	own = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof(why));
	cluster = own ? rd_kafka_mock_cluster_new(own, brokers) : NULL;
	if (!cluster || rd_kafka_mock_topic_create(cluster, argv[2], partitions, brokers))
		return 1;
	for (int i = 0; i < partitions; i++)
		rd_kafka_mock_partition_set_leader(cluster, argv[2], i, i % brokers + 1);
	printf("ready %s\n", rd_kafka_mock_cluster_bootstraps(cluster));
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		printf("%d\n", command(cluster, line));
		fflush(stdout);
	}
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(own);
	return 0;
}
