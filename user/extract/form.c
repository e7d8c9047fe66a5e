/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: protocols that are known by their first bytes, so that a flow without a name still
 * says what it is. Nothing of them is read but, where it stands in the first line, a host.
 *
 * A row is taken only for several facts at once that no chance brings together: a magic and a
 * length, a head whose fields agree, a weak magic on its own port. What speaks for no row stays
 * without a protocol. The first byte (of a datagram also the port) picks the few rows to try, so
 * that other protocols are let go after a look at one table.
 *
 * Standards are named where each form is checked: form_text.c, form_binary.c, form_vpn.c,
 * form_datagram.c, form_coap.c, form_traffic.c.
 */
#include "extract/form.h"

#define M(text) (text), sizeof(text) - 1
#define END                               \
	{                                 \
		PROTO_NONE, NULL, 0, NULL \
	}
#define ROWS(...) ((const struct form[]){__VA_ARGS__, END})

#define SIP(method)                                \
	{                                          \
		PROTO_SIP, M(method " "), form_sip \
	}
#define RTSP(method)                                 \
	{                                            \
		PROTO_RTSP, M(method " "), form_rtsp \
	}

static const struct form *const stream_by_first[256] = {
	[0x00] = ROWS({PROTO_SMB, NULL, 0, form_smb},
		      {PROTO_KERBEROS, NULL, 0, form_kerberos_stream},
		      {PROTO_OPENVPN, NULL, 0, form_openvpn_stream},
		      {PROTO_STUN, NULL, 0, form_stun}, {PROTO_STUN, NULL, 0, form_stun_framed}),
	[0x01] = ROWS({PROTO_STUN, NULL, 0, form_stun}),
	[0x03] = ROWS({PROTO_RTMP, M("\3"), form_rtmp}),
	[0x10] = ROWS({PROTO_MQTT, M("\x10"), form_mqtt}),
	[0x12] = ROWS({PROTO_TDS, M("\x12\1"), form_tds_hello}),
	[0x13] = ROWS({PROTO_BITTORRENT, M("\023BitTorrent protocol"), NULL}),
	[0x81] = ROWS({PROTO_NETBIOS, M("\x81\0\0\x44"), form_netbios_session}),
	[0xff] = ROWS({PROTO_BGP,
		       M("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
		       form_bgp},
		      {PROTO_TELNET, M("\xff"), form_telnet}),
	['*'] = ROWS({PROTO_REDIS, M("*"), form_redis}),
	['0'] = ROWS({PROTO_GIT, M("0"), form_git}),
	['<'] = ROWS({PROTO_SYSLOG, M("<"), form_syslog_dated}),
	['A'] = ROWS({PROTO_AMQP, M("AMQP"), form_amqp}, SIP("ACK"), RTSP("ANNOUNCE")),
	['B'] = ROWS(SIP("BYE")),
	['C'] = ROWS(SIP("CANCEL")),
	['D'] = ROWS(RTSP("DESCRIBE")),
	['G'] = ROWS(RTSP("GET_PARAMETER")),
	['I'] = ROWS(SIP("INVITE"), SIP("INFO")),
	['M'] = ROWS(SIP("MESSAGE")),
	['N'] = ROWS(SIP("NOTIFY")),
	['O'] = ROWS(SIP("OPTIONS"), RTSP("OPTIONS")),
	['P'] = ROWS(RTSP("PLAY"), RTSP("PAUSE"), SIP("PRACK"), SIP("PUBLISH")),
	['R'] = ROWS({PROTO_VNC, M("RFB 00"), form_vnc}, {PROTO_RTSP, M("RTSP/"), form_status},
		     SIP("REGISTER"), SIP("REFER"), RTSP("RECORD"), RTSP("REDIRECT")),
	['S'] = ROWS({PROTO_SSH, M("SSH-"), form_ssh}, {PROTO_SIP, M("SIP/"), form_status},
		     SIP("SUBSCRIBE"), RTSP("SETUP"), RTSP("SET_PARAMETER")),
	['T'] = ROWS(RTSP("TEARDOWN")),
	['U'] = ROWS(SIP("UPDATE")),
};

static const struct form *const datagram_by_first[256] = {
	[0x00] = ROWS({PROTO_STUN, NULL, 0, form_stun}, {PROTO_NETFLOW, NULL, 0, form_netflow},
		      {PROTO_BITTORRENT, M("\0\0\4\x17\x27\x10\x19\x80\0\0\0\0"), form_tracker}),
	[0x01] = ROWS({PROTO_WIREGUARD, M("\1\0\0\0"), form_wireguard},
		      {PROTO_STUN, NULL, 0, form_stun}, {PROTO_DHCP, NULL, 0, form_dhcp}),
	[0x02] = ROWS({PROTO_WIREGUARD, M("\2\0\0\0"), form_wireguard},
		      {PROTO_DHCP, NULL, 0, form_dhcp}),
	[0x03] = ROWS({PROTO_WIREGUARD, M("\3\0\0\0"), form_wireguard}),
	[0x04] = ROWS({PROTO_WIREGUARD, M("\4\0\0\0"), form_wireguard}),
	[0x38] = ROWS({PROTO_OPENVPN, NULL, 0, form_openvpn}),
	[0x40] = ROWS({PROTO_OPENVPN, NULL, 0, form_openvpn}),
	[0x6a] = ROWS({PROTO_KERBEROS, NULL, 0, form_kerberos}),
	[0x6b] = ROWS({PROTO_KERBEROS, NULL, 0, form_kerberos}),
	[0x6c] = ROWS({PROTO_KERBEROS, NULL, 0, form_kerberos}),
	[0x6d] = ROWS({PROTO_KERBEROS, NULL, 0, form_kerberos}),
	[0x7e] = ROWS({PROTO_KERBEROS, NULL, 0, form_kerberos}),
	['<'] = ROWS({PROTO_SYSLOG, M("<"), form_syslog_dated}),
	['A'] = ROWS({PROTO_BITTORRENT, M("A"), form_utp}, SIP("ACK")),
	['B'] = ROWS(SIP("BYE"), {PROTO_BITTORRENT, M("BT-SEARCH * HTTP/1.1\r\n"), NULL}),
	['C'] = ROWS(SIP("CANCEL")),
	['H'] = ROWS({PROTO_SSDP, M("HTTP/1.1 200 OK\r\n"), form_ssdp}),
	['I'] = ROWS(SIP("INVITE"), SIP("INFO")),
	['M'] = ROWS({PROTO_SSDP, M("M-SEARCH * HTTP/1.1\r\n"), NULL}, SIP("MESSAGE")),
	['N'] = ROWS({PROTO_SSDP, M("NOTIFY * HTTP/1.1\r\n"), NULL}, SIP("NOTIFY")),
	['O'] = ROWS(SIP("OPTIONS")),
	['P'] = ROWS({PROTO_OPENVPN, NULL, 0, form_openvpn}, SIP("PRACK"), SIP("PUBLISH")),
	['R'] = ROWS(SIP("REGISTER"), SIP("REFER")),
	['S'] = ROWS({PROTO_SIP, M("SIP/"), form_status}, SIP("SUBSCRIBE")),
	['U'] = ROWS(SIP("UPDATE")),
	['d'] = ROWS({PROTO_BITTORRENT, M("d1:ad2:id20:"), NULL},
		     {PROTO_BITTORRENT, M("d1:rd2:id20:"), NULL},
		     {PROTO_BITTORRENT, M("d2:ip6:"), form_dht},
		     {PROTO_BITTORRENT, M("d1:eli20"), form_dht}),
};

/* Forms whose magic is too weak but on their own port. */
static const struct form port_syslog[] = {{PROTO_SYSLOG, M("<"), form_syslog}, END};
static const struct form port_amqp[] = {{PROTO_AMQP, M("\1"), form_amqp_frame}, END};
static const struct form port_memcached[] = {{PROTO_MEMCACHED, NULL, 0, form_memcached}, END};
static const struct form port_mongodb[] = {{PROTO_MONGODB, NULL, 0, form_mongodb}, END};
static const struct form port_tds[] = {{PROTO_TDS, NULL, 0, form_tds}, END};
static const struct form port_sflow[] = {{PROTO_SFLOW, M("\0\0\0\5\0\0\0"), form_sflow}, END};
static const struct form port_tftp[] = {{PROTO_TFTP, M("\0"), form_tftp}, END};
static const struct form port_ntp[] = {{PROTO_NTP, NULL, 0, form_ntp}, END};
static const struct form port_netbios_name[] = {{PROTO_NETBIOS, NULL, 0, form_netbios_name}, END};
static const struct form port_netbios_datagram[] = {{PROTO_NETBIOS, NULL, 0, form_netbios_datagram},
						    END};
static const struct form port_snmp[] = {{PROTO_SNMP, M("\x30"), form_snmp}, END};
static const struct form port_ike[] = {{PROTO_IKE, NULL, 0, form_ike}, END};
static const struct form port_dhcp6[] = {{PROTO_DHCP, NULL, 0, form_dhcp6}, END};
static const struct form port_radius[] = {{PROTO_RADIUS, NULL, 0, form_radius}, END};
static const struct form port_stun_classic[] = {{PROTO_STUN, NULL, 0, form_stun_classic}, END};
static const struct form port_coap[] = {{PROTO_COAP, NULL, 0, form_coap}, END};
static const struct form port_memcached_datagram[] = {
	{PROTO_MEMCACHED, NULL, 0, form_memcached_datagram}, END};

enum { PORT_LAST = 27019 };

static const struct form *stream_by_port(uint16_t port)
{
	switch (port) {
	case 514:
	case 601: return port_syslog;
	case 1433: return port_tds;
	case 5672: return port_amqp;
	case 11211: return port_memcached;
	case 27017:
	case 27018:
	case 27019: return port_mongodb;
	default: return NULL;
	}
}

static const struct form *datagram_by_port(uint16_t port)
{
	switch (port) {
	case 69: return port_tftp;
	case 123: return port_ntp;
	case 137: return port_netbios_name;
	case 138: return port_netbios_datagram;
	case 161:
	case 162: return port_snmp;
	case 500:
	case 4500: return port_ike;
	case 514: return port_syslog;
	case 546:
	case 547: return port_dhcp6;
	case 1645:
	case 1646:
	case 1812:
	case 1813:
	case 3799: return port_radius;
	case 3478:
	case 3479: return port_stun_classic;
	case 5683: return port_coap;
	case 6343: return port_sflow;
	case 11211: return port_memcached_datagram;
	default: return NULL;
	}
}

static inline const struct form *by_port(bool is_stream, uint16_t port)
{
	if (port > PORT_LAST) /* most clients' */
		return NULL;
	return is_stream ? stream_by_port(port) : datagram_by_port(port);
}

/* The first byte has picked the list; the second rules out most rows of it. */
static bool is_second_other(const struct form *f, struct slice bytes)
{
	return f->magic_len > 1 && bytes.len > 1 && (uint8_t)f->magic[1] != bytes.at[1];
}

/* Tries the rows of a list in their order. */
static enum extract_answer try_rows(const struct form *f, struct form_look *l)
{
	for (; f && f->proto != PROTO_NONE; f++) {
		enum extract_answer answer;

		if (is_second_other(f, l->bytes))
			continue;
		answer = form_begins(l->bytes, f->magic, f->magic_len);
		l->rest = slice_from(l->bytes, f->magic_len);
		if (answer == EXTRACT_FOUND && f->check)
			answer = f->check(l);
		/* A datagram is whole. */
		if (answer == EXTRACT_NEED_MORE && l->ctx->transport == EXTRACT_DATAGRAM)
			answer = EXTRACT_NOT_MINE;
		if (answer == EXTRACT_NOT_MINE)
			continue;
		if (answer == EXTRACT_FOUND)
			l->clue->proto = f->proto;
		return answer;
	}
	return EXTRACT_NOT_MINE;
}

enum extract_answer form_try(struct slice bytes, const struct extract_context *ctx,
			     struct clue *clue)
{
	bool is_stream = ctx->transport == EXTRACT_STREAM;
	enum extract_answer answer = EXTRACT_NOT_MINE;
	const struct form *list[3];
	struct form_look look;

	if (!bytes.len)
		return is_stream ? EXTRACT_NEED_MORE : EXTRACT_NOT_MINE;
	list[0] = (is_stream ? stream_by_first : datagram_by_first)[bytes.at[0]];
	list[1] = by_port(is_stream, ctx->dst_port);
	list[2] = by_port(is_stream, ctx->src_port);
	if (!list[0] && !list[1] && !list[2])
		return EXTRACT_NOT_MINE;
	look = (struct form_look){.bytes = bytes, .ctx = ctx, .clue = clue};
	for (int i = 0; i < 3 && answer == EXTRACT_NOT_MINE; i++)
		answer = try_rows(list[i], &look);
	if (answer != EXTRACT_FOUND)
		return answer;
	clue->flags |= CLUE_PLAIN;
	clue->consumed = bytes.len;
	clue->then = CLUE_THEN_END;
	return EXTRACT_FOUND;
}
