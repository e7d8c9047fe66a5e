/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which system ports (0 to 1023) carry a service one meets in real networks. Names as in the IANA
 * Service Name and Transport Protocol Port Number Registry (RFC 6335).
 */
#ifndef REPORT_SERVICE_H
#define REPORT_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

/* True when a service in real use has this system port, over either transport. */
bool service_is_known(uint16_t port);

#endif
