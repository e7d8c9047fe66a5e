/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * librdkafka by dlopen(3); see kafka_lib.h. Room: export.
 */
#include "export/kafka_lib.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#define LIBRARY "librdkafka.so.1"

int kafka_lib_open(struct kafka_lib *lib, struct fault *f)
{
	void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL), *at;

	if (!handle)
		return fault_set(f, -ENOENT,
				 "kafka:// needs " LIBRARY ", which cannot be opened (%s); on "
				 "Debian: apt install librdkafka1",
				 dlerror());
		/* dlsym() gives an object's address; ISO C has no other way to a function's than
		 * its bytes. */
#define X(name)                                                                                 \
	at = dlsym(handle, "rd_kafka_" #name);                                                  \
	if (!at)                                                                                \
		return fault_set(f, -ENOENT, LIBRARY " is too old: it has no rd_kafka_" #name); \
	memcpy(&lib->name, &at, sizeof(at));
	KAFKA_CALLS(X)
#undef X
	return 0;
}
