/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * librdkafka, opened when the first broker is named and not before: it brings a dozen libraries,
 * which every other command would wait for, and a machine without brokers need not have any of
 * them. Room: export.
 */
#ifndef EXPORT_KAFKA_LIB_H
#define EXPORT_KAFKA_LIB_H

#include <librdkafka/rdkafka.h>

#include "base/fault.h"

/* clang-format off */
#define KAFKA_CALLS(X) \
	X(conf_new) X(conf_set) X(conf_set_opaque) X(conf_set_dr_msg_cb) X(conf_set_error_cb) \
	X(conf_set_log_cb) X(conf_destroy) X(new) X(destroy) X(purge) X(poll) X(producev) \
	X(fatal_error) X(err2str)
/* clang-format on */

/* Its functions, by their names without "rd_kafka_". */
struct kafka_lib {
#define X(name) __typeof__(&rd_kafka_##name) name;
	KAFKA_CALLS(X)
#undef X
};

/* Fills *lib; the library then stays open. 0, or -ENOENT with *f. */
int kafka_lib_open(struct kafka_lib *lib, struct fault *f);

#endif
