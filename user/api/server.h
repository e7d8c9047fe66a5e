/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The service as a whole: started by `dpi-xdp serve`, ended by a signal. One thread carries all
 * connections (libmicrohttpd), a few more run handlers. Room: api.
 */
#ifndef API_SERVER_H
#define API_SERVER_H

#include "api/conn.h"

/*
 * Serves until SIGINT or SIGTERM. 0; -EINVAL: an option is refused; other -errno; with *f. Says on
 * stderr where it listens once it does.
 */
int server_run(const struct api_options *o, struct fault *f);

/* What libmicrohttpd calls (conn.c). */
void *conn_begin(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result conn_serve(void *cls, struct MHD_Connection *mhd, const char *url,
			   const char *method, const char *version, const char *data, size_t *len,
			   void **state);
void conn_end(void *cls, struct MHD_Connection *mhd, void **state,
	      enum MHD_RequestTerminationCode code);

#endif
