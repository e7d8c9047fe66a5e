/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A domain name by value, in the canonical form that rules and kernel compare (dpi/name.h): lower
 * case, labels joined by dots, no dot at the end. And the application protocols names come from.
 */
#ifndef BASE_NAME_H
#define BASE_NAME_H

#include "base/slice.h"

/* Application protocols, and sources of names. Stored in pinned maps: append only. */
enum app_proto {
	PROTO_NONE,
	PROTO_TLS,
	PROTO_HTTP,
	PROTO_DNS,
	PROTO_QUIC,
	PROTO_MDNS,
	PROTO_LLMNR,
	PROTO_LEARNT, /* no protocol: a name that a DNS answer gave to the flow's address */
	PROTO_DTLS,
	PROTO_HTTP2,
	PROTO_SSH,
	PROTO_SMTP,
	PROTO_IMAP,
	PROTO_POP3,
	PROTO_FTP,
	PROTO_XMPP,
	PROTO_LDAP,
	PROTO_POSTGRESQL,
	PROTO_MYSQL,
	PROTO_RDP,
	PROTO_SOCKS,
	PROTO_STUN,
	PROTO_NTP,
	PROTO_DHCP,
	PROTO_SNMP,
	PROTO_SIP,
	PROTO_RTSP,
	PROTO_BITTORRENT,
	PROTO_MQTT,
	PROTO_AMQP,
	PROTO_REDIS,
	PROTO_TELNET,
	PROTO_WIREGUARD,
	PROTO_OPENVPN,
	PROTO_IKE,
	PROTO_SMB,
	PROTO_VNC,
	PROTO_IRC,
	PROTO_TFTP,
	PROTO_SSDP,
	PROTO_COAP,
	PROTO_RADIUS,
	PROTO_KERBEROS,
	PROTO_SYSLOG,
	PROTO_BGP,
	PROTO_GIT,
	PROTO_RTP,
	PROTO_MEMCACHED,
	PROTO_MONGODB,
	PROTO_NETBIOS,
	PROTO_NNTP,
	PROTO_RTMP,
	PROTO_TDS,
	PROTO_NETFLOW,
	PROTO_SFLOW,
	PROTO_MAX
};

/* "TLS", "HTTP", ... as reports show it; NULL for PROTO_NONE. */
const char *proto_name(enum app_proto p);
/* "tls", "http", ... as names[].source and event types show it; NULL for PROTO_NONE. */
const char *proto_source(enum app_proto p);

enum { NAME_MAX_LEN = 255, NAME_LABEL_MAX = 63 };

struct name {
	uint8_t len;
	char text[NAME_MAX_LEN + 1]; /* NUL-terminated as well; may hold any byte */
};

/*
 * Copies a name in canonical form: ASCII letters lowered, one trailing dot removed. Returns false,
 * and *out untouched, when nothing is left or it is longer than 255 bytes.
 */
bool name_set(struct name *out, struct slice from);
/* The same; *is_host is set as well: what name_is_host() says of it. */
bool name_set_host(struct name *out, struct slice from, bool *is_host);

/* True for a small letter, a digit, a hyphen or an underscore. */
static inline bool name_is_host_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* True when every byte is a letter, digit, hyphen, underscore or dot, and no label is empty or
 * longer than 63 (RFC 1035 2.3.4, and the underscore of RFC 8552). */
bool name_is_host(struct slice name);

static inline struct slice name_slice(const struct name *n)
{
	return slice_of(n->text, n->len);
}

#endif
