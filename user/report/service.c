/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The table of system ports in real use, in ranges, in order. Registered names that nobody runs
 * any more are left out on purpose: traffic to them deserves a look.
 */
#include "report/service.h"

#include <stddef.h>

static const struct {
	uint16_t first, last;
} services[] = {
	{7, 7},	    /* echo */
	{9, 9},	    /* discard; Wake-on-LAN */
	{13, 13},   /* daytime */
	{17, 17},   /* quote of the day */
	{19, 23},   /* chargen, ftp-data, ftp, ssh, telnet */
	{25, 25},   /* smtp */
	{37, 37},   /* time */
	{42, 43},   /* nameserver (WINS replication), whois */
	{49, 49},   /* tacacs */
	{53, 53},   /* domain */
	{67, 70},   /* bootps, bootpc, tftp, gopher */
	{79, 80},   /* finger, http */
	{88, 88},   /* kerberos */
	{102, 102}, /* iso-tsap (S7, MMS) */
	{104, 104}, /* dicom */
	{109, 111}, /* pop2, pop3, sunrpc */
	{113, 113}, /* ident */
	{119, 119}, /* nntp */
	{123, 123}, /* ntp */
	{135, 135}, /* epmap */
	{137, 139}, /* netbios */
	{143, 143}, /* imap */
	{161, 162}, /* snmp, snmptrap */
	{177, 177}, /* xdmcp */
	{179, 179}, /* bgp */
	{192, 192}, /* osu-nms (base station discovery) */
	{194, 194}, /* irc */
	{210, 210}, /* z39.50 */
	{220, 220}, /* imap3 */
	{311, 311}, /* asip-webadmin */
	{319, 320}, /* ptp-event, ptp-general */
	{389, 389}, /* ldap */
	{427, 427}, /* svrloc */
	{434, 434}, /* mobile ip */
	{443, 445}, /* https, snpp, microsoft-ds */
	{464, 465}, /* kpasswd, submissions */
	{496, 496}, /* pim-rp-disc */
	{500, 500}, /* isakmp */
	{502, 502}, /* modbus */
	{512, 515}, /* exec/biff, login/who, shell/syslog, printer */
	{517, 518}, /* talk, ntalk */
	{520, 521}, /* rip, ripng */
	{523, 525}, /* ibm-db2, ncp, timed */
	{546, 549}, /* dhcpv6-client, dhcpv6-server, afp, idfp */
	{554, 554}, /* rtsp */
	{563, 563}, /* nntps */
	{587, 587}, /* submission */
	{593, 593}, /* http-rpc-epmap */
	{601, 601}, /* syslog-conn */
	{623, 623}, /* asf-rmcp (IPMI) */
	{625, 625}, /* asip-registry */
	{631, 631}, /* ipp */
	{636, 636}, /* ldaps */
	{639, 639}, /* msdp */
	{646, 646}, /* ldp */
	{655, 655}, /* tinc */
	{691, 691}, /* msexch-routing */
	{698, 698}, /* olsr */
	{700, 702}, /* epp, lmp, iris-beep */
	{706, 706}, /* silc */
	{711, 712}, /* cisco-tdp, tbrpf */
	{749, 754}, /* kerberos-adm, kerberos-iv, kprop */
	{783, 784}, /* spamd, early DoQ */
	{808, 808}, /* net.tcp of WCF */
	{830, 833}, /* netconf */
	{843, 843}, /* flash policy */
	{847, 848}, /* dhcp-failover2, gdoi */
	{853, 853}, /* domain-s, DoQ */
	{860, 862}, /* iscsi, owamp, twamp */
	{873, 873}, /* rsync */
	{902, 903}, /* vmware-authd */
	{953, 953}, /* rndc */
	{988, 995}, /* lustre, ftps, nas, telnets, imaps, ircs, pop3s */
};

bool service_is_known(uint16_t port)
{
	/* What most connections ask for. */
	if (port == 443 || port == 53 || port == 80)
		return true;
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		if (port <= services[i].last)
			return port >= services[i].first;
	}
	return false;
}
