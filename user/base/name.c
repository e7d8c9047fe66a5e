/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room base: domain names by value, and the words for the protocols they come from.
 *
 * Standards: RFC 1035 2.3.4 (lengths), RFC 4343 (case), RFC 8552 (underscore).
 */
#include "base/name.h"

#include "dpi/name.h"

enum { STEP = 16 }; /* bytes of a name at a time */

_Static_assert(offsetof(struct name, text) == 1 && sizeof(((struct name *)0)->len) == 1,
	       "the byte in front of a name's text is its length");

struct proto_words {
	const char *name, *source;
};

static const struct proto_words proto_words[PROTO_MAX] = {
	[PROTO_TLS] = {"TLS", "tls"},
	[PROTO_HTTP] = {"HTTP", "http"},
	[PROTO_DNS] = {"DNS", "dns"},
	[PROTO_QUIC] = {"QUIC", "quic"},
	[PROTO_MDNS] = {"mDNS", "mdns"},
	[PROTO_LLMNR] = {"LLMNR", "llmnr"},
	[PROTO_LEARNT] = {"DNS answer", "dns-learnt"},
	[PROTO_DTLS] = {"DTLS", "dtls"},
	[PROTO_HTTP2] = {"HTTP2", "http2"},
	[PROTO_SSH] = {"SSH", "ssh"},
	[PROTO_SMTP] = {"SMTP", "smtp"},
	[PROTO_IMAP] = {"IMAP", "imap"},
	[PROTO_POP3] = {"POP3", "pop3"},
	[PROTO_FTP] = {"FTP", "ftp"},
	[PROTO_XMPP] = {"XMPP", "xmpp"},
	[PROTO_LDAP] = {"LDAP", "ldap"},
	[PROTO_POSTGRESQL] = {"PostgreSQL", "postgresql"},
	[PROTO_MYSQL] = {"MySQL", "mysql"},
	[PROTO_RDP] = {"RDP", "rdp"},
	[PROTO_SOCKS] = {"SOCKS", "socks"},
	[PROTO_STUN] = {"STUN", "stun"},
	[PROTO_NTP] = {"NTP", "ntp"},
	[PROTO_DHCP] = {"DHCP", "dhcp"},
	[PROTO_SNMP] = {"SNMP", "snmp"},
	[PROTO_SIP] = {"SIP", "sip"},
	[PROTO_RTSP] = {"RTSP", "rtsp"},
	[PROTO_BITTORRENT] = {"BitTorrent", "bittorrent"},
	[PROTO_MQTT] = {"MQTT", "mqtt"},
	[PROTO_AMQP] = {"AMQP", "amqp"},
	[PROTO_REDIS] = {"Redis", "redis"},
	[PROTO_TELNET] = {"Telnet", "telnet"},
	[PROTO_WIREGUARD] = {"WireGuard", "wireguard"},
	[PROTO_OPENVPN] = {"OpenVPN", "openvpn"},
	[PROTO_IKE] = {"IKE", "ike"},
	[PROTO_SMB] = {"SMB", "smb"},
	[PROTO_VNC] = {"VNC", "vnc"},
	[PROTO_IRC] = {"IRC", "irc"},
	[PROTO_TFTP] = {"TFTP", "tftp"},
	[PROTO_SSDP] = {"SSDP", "ssdp"},
	[PROTO_COAP] = {"CoAP", "coap"},
	[PROTO_RADIUS] = {"RADIUS", "radius"},
	[PROTO_KERBEROS] = {"Kerberos", "kerberos"},
	[PROTO_SYSLOG] = {"Syslog", "syslog"},
	[PROTO_BGP] = {"BGP", "bgp"},
	[PROTO_GIT] = {"Git", "git"},
	[PROTO_RTP] = {"RTP", "rtp"},
	[PROTO_MEMCACHED] = {"Memcached", "memcached"},
	[PROTO_MONGODB] = {"MongoDB", "mongodb"},
	[PROTO_NETBIOS] = {"NetBIOS", "netbios"},
	[PROTO_NNTP] = {"NNTP", "nntp"},
	[PROTO_RTMP] = {"RTMP", "rtmp"},
	[PROTO_TDS] = {"TDS", "tds"},
	[PROTO_NETFLOW] = {"NetFlow", "netflow"},
	[PROTO_SFLOW] = {"sFlow", "sflow"},
};

const char *proto_name(enum app_proto p)
{
	return (unsigned)p < PROTO_MAX ? proto_words[p].name : NULL;
}

const char *proto_source(enum app_proto p)
{
	return (unsigned)p < PROTO_MAX ? proto_words[p].source : NULL;
}

/* By the letter. */
static bool is_host_by_byte(struct slice name)
{
	size_t label = 0;

	for (size_t i = 0; i < name.len; i++) {
		if (name.at[i] != '.') {
			if (!name_is_host_byte(dpi_lower(name.at[i])) || ++label > NAME_LABEL_MAX)
				return false;
		} else if (label == 0) {
			return false;
		} else {
			label = 0;
		}
	}
	return label > 0;
}

typedef uint8_t bytes16 __attribute__((vector_size(STEP))); /* one register, where there are such */

static inline bytes16 load(const char *at)
{
	bytes16 v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static inline bool is_any(bytes16 v)
{
	uint64_t half[2];

	memcpy(half, &v, sizeof(half));
	return half[0] | half[1];
}

/* Lowers out->text, whose bytes behind out->len may be overwritten up to a whole step. Returns
 * whether no byte is odd and no label empty; the last byte is no dot. */
static bool lower(struct name *out, size_t len)
{
	char *text = (char *)out + offsetof(struct name, text);
	bytes16 odd = {0};

	memset(text + len, 'a', STEP);
	out->len = '.'; /* in front of the text: as if a label had ended */
	for (size_t i = 0; i < len; i += STEP) {
		bytes16 v = load(text + i), before = load(text + i - 1), dot = v == '.';

		v |= (bytes16)(v - 'A' < 26) & 0x20;
		odd |= ~(bytes16)(v - 'a' < 26) & ~(bytes16)(v - '0' < 10) & ~(bytes16)(v == '-') &
		       ~(bytes16)(v == '_') & ~dot;
		odd |= dot & (bytes16)(before == '.');
		memcpy(text + i, &v, sizeof(v));
	}
	return !is_any(odd);
}

bool name_set_host(struct name *out, struct slice from, bool *is_host)
{
	if (from.len && from.at[from.len - 1] == '.')
		from.len--;
	if (!from.len || from.len > NAME_MAX_LEN)
		return false;
	if (from.len <= sizeof(out->text) - STEP) {
		memcpy(out->text, from.at, from.len);
		*is_host = lower(out, from.len) && from.at[from.len - 1] != '.';
		if (*is_host && from.len > NAME_LABEL_MAX)
			*is_host = is_host_by_byte(from);
	} else {
		for (size_t i = 0; i < from.len; i++)
			out->text[i] = (char)dpi_lower(from.at[i]);
		*is_host = is_host_by_byte(from);
	}
	out->text[from.len] = '\0';
	out->len = (uint8_t)from.len;
	return true;
}

bool name_set(struct name *out, struct slice from)
{
	bool is_host;

	return name_set_host(out, from, &is_host);
}

bool name_is_host(struct slice name)
{
	struct name copy;
	bool is_host;

	if (!name.len || name.at[name.len - 1] == '.')
		return false;
	return name_set_host(&copy, name, &is_host) ? is_host : is_host_by_byte(name);
}
