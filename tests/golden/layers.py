# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""What may stand around an IP packet, or cut it up: tunnels and fragments, made for the tests.

Standards: RFC 791 3.2 and RFC 8200 4.5 (fragments), RFC 2003, 2473, 4213 (IP in IP), RFC 2784 and
2890 (GRE), RFC 2637 (PPTP), RFC 7348 (VXLAN), RFC 8926 (GENEVE), 3GPP TS 29.281 (GTP-U), RFC 3032
(MPLS), RFC 2516 (PPPoE), RFC 4380 (Teredo).
"""
import struct

import packets as p

IP4_IN, IP6_IN, GRE = 4, 41, 47
ETH_BRIDGED, ETH_MPLS, ETH_PPPOE, ETH_PPP = 0x6558, 0x8847, 0x8864, 0x880B
OUTER4, OUTER6 = ("203.0.113.1", "203.0.113.2"), ("2001:db8:f::1", "2001:db8:f::2")

# --- fragments -------------------------------------------------------------------------------


def is_v6(datagram):
    return datagram[0] >> 4 == 6


def body_of(datagram):
    """What follows the IP header."""
    return datagram[40 if is_v6(datagram) else (datagram[0] & 15) * 4:]


def fragment(datagram, at, body, more, ident=7, ttl=None):
    """One fragment of this datagram: body at offset `at` (a multiple of 8) behind its header. The
    body may be what the sender likes."""
    if is_v6(datagram):
        head = datagram[:4] + struct.pack("!HBB", 8 + len(body), 44, ttl or datagram[7]) + \
            datagram[8:40]
        return head + struct.pack("!BBHI", datagram[6], 0, at | more, ident) + body
    size = (datagram[0] & 15) * 4
    head = bytearray(datagram[:size])
    struct.pack_into("!HHHBBH", head, 2, size + len(body), ident & 0xFFFF,
                     (0x2000 if more else 0) | at // 8, ttl or head[8], head[9], 0)
    struct.pack_into("!H", head, 10, p.checksum(bytes(head)))
    return bytes(head) + body


def fragments(datagram, *at, ident=7):
    """A datagram cut at these offsets behind its header, each rounded to a multiple of 8."""
    body = body_of(datagram)
    at = sorted({a // 8 * 8 for a in at if 0 < a // 8 * 8 < len(body)})
    ends = at + [len(body)]
    return [fragment(datagram, a, body[a:b], b < len(body), ident)
            for a, b in zip([0] + at, ends)]


def fragments_of(datagram, size, ident=7):
    return fragments(datagram, *range(size, len(body_of(datagram)), size), ident=ident)


# --- tunnels ---------------------------------------------------------------------------------


def _outer(proto, payload, is_back, over6=False):
    a, b = OUTER6 if over6 else OUTER4
    if is_back:
        a, b = b, a
    if over6:
        return p.ip6(a, b, proto, payload), p.ETH_IPV6
    return p.ip4(a, b, proto, payload, fragment=0), p.ETH_IP


def _outer_udp(port, payload, is_back, over6=False, sport=50000):
    a, b = OUTER6 if over6 else OUTER4
    if is_back:
        a, b = b, a
    return _outer(p.UDP, p.udp(a, b, sport, port, payload), is_back, over6)


def ip_in_ip(packet, kind, is_back, over6=False):
    return _outer(IP6_IN if kind == p.ETH_IPV6 else IP4_IN, packet, is_back, over6)


def ip_in_ip6(packet, kind, is_back):
    return ip_in_ip(packet, kind, is_back, True)


def gre(packet, kind, is_back, over6=False):
    return _outer(GRE, struct.pack("!HH", 0, kind) + packet, is_back, over6)


def gre6(packet, kind, is_back):
    return gre(packet, kind, is_back, True)


def gre_full(packet, kind, is_back):
    """With checksum, key and sequence number."""
    head = struct.pack("!HHHHII", 0xB000, kind, 0, 0, 77, 1)
    check = p.checksum(head + packet)
    return _outer(GRE, head[:4] + struct.pack("!H", check) + head[6:] + packet, is_back)


def gre_bridged(packet, kind, is_back):
    return gre(p.ethernet(packet, kind), ETH_BRIDGED, is_back)


def pptp(packet, kind, is_back):
    """GRE of version 1 around PPP, with sequence and acknowledgement numbers."""
    frame = b"\xff\3" + struct.pack("!H", 0x57 if kind == p.ETH_IPV6 else 0x21) + packet
    head = struct.pack("!HHHHII", 0x3081, ETH_PPP, len(frame), 5, 1, 1)
    return _outer(GRE, head + frame, is_back)


def vxlan(packet, kind, is_back, over6=False, tags=()):
    head = struct.pack("!II", 8 << 24, 4242 << 8)
    return _outer_udp(4789, head + p.ethernet(packet, kind, tags), is_back, over6)


def vxlan6(packet, kind, is_back):
    return vxlan(packet, kind, is_back, True)


def vxlan_tagged(packet, kind, is_back):
    return vxlan(packet, kind, is_back, tags=((p.ETH_VLAN, 30),))


def geneve(packet, kind, is_back):
    head = struct.pack("!BBHI", 0, 0, ETH_BRIDGED, 99 << 8)
    return _outer_udp(6081, head + p.ethernet(packet, kind), is_back)


def geneve_bare(packet, kind, is_back):
    """With two options, and the IP packet itself inside."""
    options = struct.pack("!HBB", 0x0102, 0x80, 1) + bytes(4) + struct.pack("!HBB", 0x0103, 1, 0)
    head = struct.pack("!BBHI", len(options) // 4, 0, kind, 99 << 8) + options
    return _outer_udp(6081, head + packet, is_back)


def gtpu(packet, _, is_back):
    return _outer_udp(2152, struct.pack("!BBHI", 0x30, 255, len(packet), 5) + packet, is_back,
                      sport=2152)


def gtpu_5g(packet, _, is_back):
    """With a sequence number and the PDU session container."""
    more = struct.pack("!HBB", 1, 0, 0x85) + b"\1\x10\5\0"
    head = struct.pack("!BBHI", 0x36, 255, len(more) + len(packet), 5) + more
    return _outer_udp(2152, head + packet, is_back, sport=2152)


def mpls(packet, _, __):
    labels = struct.pack("!II", 16 << 12 | 64, 17 << 12 | 0x100 | 64)
    return labels + packet, ETH_MPLS


def pppoe(packet, kind, _):
    ppp = struct.pack("!H", 0x57 if kind == p.ETH_IPV6 else 0x21) + packet
    return struct.pack("!BBHH", 0x11, 0, 9, len(ppp)) + ppp, ETH_PPPOE


def teredo(packet, kind, is_back):
    """Of IPv6 only; another packet stays as it is."""
    if kind != p.ETH_IPV6:
        return packet, kind
    origin = b"\0\0" + struct.pack("!HI", 0xABCD, 0x12345678)
    return _outer_udp(3544, (b"" if is_back else origin) + packet, is_back, sport=3544)


def chain(*tunnels):
    """Tunnels in tunnels, the innermost first."""
    def wrap(packet, kind, is_back):
        for tunnel in tunnels:
            packet, kind = tunnel(packet, kind, is_back)
        return packet, kind
    wrap.__name__ = "_in_".join(t.__name__ for t in tunnels)
    return wrap


# By the name that a report gives the outermost, which is None for what is no tunnel but a layer.
TUNNELS = [
    (ip_in_ip, None), (ip_in_ip6, None), (gre, "gre"), (gre6, "gre"), (gre_full, "gre"),
    (gre_bridged, "gre"), (pptp, "gre"), (vxlan, "vxlan"), (vxlan6, "vxlan"),
    (vxlan_tagged, "vxlan"), (geneve, "geneve"), (geneve_bare, "geneve"), (gtpu, "gtpu"),
    (gtpu_5g, "gtpu"), (mpls, None), (pppoe, None), (chain(gre, ip_in_ip), None),
    (chain(vxlan, gre, ip_in_ip6), None), (chain(mpls, gre_bridged), "gre"),
    (chain(gtpu, pppoe), "gtpu"), (chain(ip_in_ip, ip_in_ip, ip_in_ip6, ip_in_ip), None),
]
