/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A file that is written beside its name and then given it. Private to the pcap room; see
 * capture_out.h. One thread owns it.
 */
#ifndef PCAP_OUT_FILE_H
#define PCAP_OUT_FILE_H

#include <stdbool.h>

struct out_file {
	int fd;		   /* -1: closed */
	bool is_beside;	   /* written as part, not yet renamed */
	char *path, *part; /* where it shall be; where it is meanwhile (NULL: directly) */
};

/* Opens for writing; "-" is standard output. Returns 0 or -errno; out_file_drop() may follow
 * either. */
int out_file_open(struct out_file *o, const char *path);
int out_file_close(struct out_file *o); /* 0 or -errno */
/* Gives a closed file its name, or takes it away again. 0 or -errno. */
int out_file_publish(struct out_file *o);
void out_file_withdraw(struct out_file *o);
/* Closes and forgets it. What is still beside its name is removed, unless is_kept. */
void out_file_drop(struct out_file *o, bool is_kept);

#endif
