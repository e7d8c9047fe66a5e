/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room base: domain names by value, and the words for the protocols they come from.
 *
 * Standards: RFC 1035 2.3.4 (lengths), RFC 4343 (case), RFC 8552 (underscore).
 */
#include "base/name.h"

#include "dpi/name.h"

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
};

const char *proto_name(enum app_proto p)
{
	return (unsigned)p < PROTO_MAX ? proto_words[p].name : NULL;
}

const char *proto_source(enum app_proto p)
{
	return (unsigned)p < PROTO_MAX ? proto_words[p].source : NULL;
}

bool name_set(struct name *out, struct slice from)
{
	if (from.len && from.at[from.len - 1] == '.')
		from.len--;
	if (!from.len || from.len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < from.len; i++)
		out->text[i] = (char)dpi_lower(from.at[i]);
	out->text[from.len] = '\0';
	out->len = (uint8_t)from.len;
	return true;
}

bool name_is_host(struct slice name)
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
