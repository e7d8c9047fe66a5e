/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Private to form*.c: what the rows of the form table are made of. A row is a magic at the very
 * beginning, and a check of everything else that its protocol says about the first bytes. A check
 * answers for a stream by bytes that are there for good: what it says of the first n bytes it says
 * of more of them too, but for NEED_MORE.
 */
#ifndef EXTRACT_FORM_H
#define EXTRACT_FORM_H

#include "extract/extract.h"

struct form_look {
	struct slice bytes; /* all of them */
	struct slice rest;  /* behind the magic */
	const struct extract_context *ctx;
	struct clue *clue; /* for the few forms that hold a name */
};

typedef enum extract_answer (*form_check)(const struct form_look *l);

struct form {
	enum app_proto proto; /* PROTO_NONE ends a list */
	const char *magic;    /* may hold NUL bytes; NULL: none */
	size_t magic_len;
	form_check check; /* NULL: the magic is enough */
};

static inline bool form_has_port(const struct form_look *l, uint16_t port)
{
	return l->ctx->src_port == port || l->ctx->dst_port == port;
}

/* FOUND when there are n bytes. */
static inline enum extract_answer form_need(struct slice s, size_t n)
{
	return s.len >= n ? EXTRACT_FOUND : EXTRACT_NEED_MORE;
}

/* FOUND when the bytes begin with these, NEED_MORE when they are too few to say. */
static inline enum extract_answer form_begins(struct slice s, const void *at, size_t len)
{
	size_t common = s.len < len ? s.len : len;

	if (common && memcmp(s.at, at, common) != 0)
		return EXTRACT_NOT_MINE;
	return form_need(s, len);
}

static inline enum extract_answer form_when(bool is_so)
{
	return is_so ? EXTRACT_FOUND : EXTRACT_NOT_MINE;
}

/* form_text.c: protocols of lines and words. */
enum extract_answer form_ssh(const struct form_look *l);
enum extract_answer form_sip(const struct form_look *l);
enum extract_answer form_rtsp(const struct form_look *l);
enum extract_answer form_status(const struct form_look *l);
enum extract_answer form_ssdp(const struct form_look *l);
enum extract_answer form_vnc(const struct form_look *l);
enum extract_answer form_redis(const struct form_look *l);
enum extract_answer form_git(const struct form_look *l);
enum extract_answer form_memcached(const struct form_look *l);
enum extract_answer form_memcached_datagram(const struct form_look *l);
enum extract_answer form_syslog(const struct form_look *l);
enum extract_answer form_syslog_dated(const struct form_look *l);

/* form_binary.c: heads of fixed form, over streams or either transport. */
enum extract_answer form_mqtt(const struct form_look *l);
enum extract_answer form_amqp(const struct form_look *l);
enum extract_answer form_amqp_frame(const struct form_look *l);
enum extract_answer form_telnet(const struct form_look *l);
enum extract_answer form_smb(const struct form_look *l);
enum extract_answer form_netbios_session(const struct form_look *l);
enum extract_answer form_bgp(const struct form_look *l);
enum extract_answer form_mongodb(const struct form_look *l);
enum extract_answer form_stun(const struct form_look *l);
enum extract_answer form_stun_framed(const struct form_look *l);
enum extract_answer form_kerberos(const struct form_look *l);
enum extract_answer form_kerberos_stream(const struct form_look *l);

/* form_vpn.c: tunnels. */
enum extract_answer form_openvpn(const struct form_look *l);
enum extract_answer form_openvpn_stream(const struct form_look *l);
enum extract_answer form_wireguard(const struct form_look *l);
enum extract_answer form_ike(const struct form_look *l);

/* form_datagram.c: protocols of datagrams, most of them told by their port as well. */
enum extract_answer form_stun_classic(const struct form_look *l);
enum extract_answer form_ntp(const struct form_look *l);
enum extract_answer form_dhcp(const struct form_look *l);
enum extract_answer form_dhcp6(const struct form_look *l);
enum extract_answer form_snmp(const struct form_look *l);
enum extract_answer form_tftp(const struct form_look *l);
enum extract_answer form_radius(const struct form_look *l);
enum extract_answer form_netbios_name(const struct form_look *l);
enum extract_answer form_netbios_datagram(const struct form_look *l);
enum extract_answer form_utp(const struct form_look *l);
enum extract_answer form_tracker(const struct form_look *l);
enum extract_answer form_dht(const struct form_look *l);

/* form_traffic.c: live video, tables of SQL Server, and reports of traffic. */
enum extract_answer form_rtmp(const struct form_look *l);
enum extract_answer form_tds_hello(const struct form_look *l);
enum extract_answer form_tds(const struct form_look *l);
enum extract_answer form_netflow(const struct form_look *l);
enum extract_answer form_sflow(const struct form_look *l);

/* form_coap.c */
enum extract_answer form_coap(const struct form_look *l);

#endif
