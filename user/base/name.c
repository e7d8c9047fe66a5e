/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room base: domain names by value, and the words for the protocols they come from.
 *
 * Standards: RFC 1035 2.3.4 (lengths), RFC 4343 (case), RFC 8552 (underscore).
 */
#include "base/name.h"

_Static_assert((NAME_MAX_LEN + 1) % 8 == 0, "a name is lowered eight bytes at a time");

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

#define EACH(byte) (0x0101010101010101ULL * (byte))

/* The highest bit of each byte of v, all below 0x80, that is at least c. */
static inline uint64_t at_least(uint64_t v, unsigned c)
{
	return (v + EACH(0x80 - c)) & EACH(0x80);
}

/* The same of each that is c. */
static inline uint64_t equal(uint64_t v, unsigned c)
{
	return ~((v ^ EACH(c)) + EACH(0x7f)) & EACH(0x80);
}

/* Eight bytes, or the n that are left of a name of len, at being the first of them; the first
 * lowest, and letters in the place of those that are not there. */
static inline uint64_t load(const uint8_t *at, size_t n, size_t len)
{
	uint64_t v = 0;

	if (len >= 8) {
		memcpy(&v, n >= 8 ? at : at + n - 8, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		v = __builtin_bswap64(v);
#endif
		if (n < 8)
			v >>= 8 * (8 - n);
	} else {
		for (size_t i = 0; i < n; i++)
			v |= (uint64_t)at[i] << 8 * i;
	}
	return n < 8 ? v | EACH('a') << 8 * n : v;
}

static inline void store(char *at, uint64_t v)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	memcpy(at, &v, sizeof(v));
}

static bool has_long_label(struct slice name)
{
	size_t label = 0;

	for (size_t i = 0; i < name.len; i++) {
		label = name.at[i] == '.' ? 0 : label + 1;
		if (label > NAME_LABEL_MAX)
			return true;
	}
	return false;
}

/* Lowers a name, eight bytes at a time, into out, which has room for a multiple of eight; NULL:
 * nowhere. Returns whether it is a host's. */
static inline __attribute__((always_inline)) bool lower(struct slice name, char *out)
{
	uint64_t odd = 0, dot_before = 0x80; /* no label before the first: as behind a dot */
	size_t i = 0;

	for (; i < name.len; i += 8) {
		uint64_t v = load(name.at + i, name.len - i, name.len), seven = v & EACH(0x7f);
		uint64_t upper = at_least(seven, 'A') & ~at_least(seven, 'Z' + 1) & ~v;
		uint64_t dot = equal(seven, '.') & ~v, is_host;

		seven |= upper >> 2;
		is_host = at_least(seven, 'a') & ~at_least(seven, 'z' + 1);
		is_host |= at_least(seven, '-') & ~at_least(seven, '9' + 1) & ~equal(seven, '/');
		is_host |= equal(seven, '_');
		odd |= (~is_host | v) & EACH(0x80);
		odd |= dot & (dot << 8 | dot_before);
		dot_before = dot >> 56;
		if (out)
			store(out + i, v | upper >> 2);
	}
	return !odd && name.len && name.at[name.len - 1] != '.' &&
	       (name.len <= NAME_LABEL_MAX || !has_long_label(name));
}

bool name_set_host(struct name *out, struct slice from, bool *is_host)
{
	if (from.len && from.at[from.len - 1] == '.')
		from.len--;
	if (!from.len || from.len > NAME_MAX_LEN)
		return false;
	*is_host = lower(from, out->text);
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
	return lower(name, NULL);
}
