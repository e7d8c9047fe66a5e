#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Captures of the known ways round an inspector, each frame with the fate that it must have.

One function a row. It is called with a World, which is one capture in the making (IPv4 or IPv6,
tagged or not, in order or reversed), and with the name to hide: the blocked one, or its innocent
twin, of which every frame must pass. The row's id leads its name. Rows N must never be blocked.

Here are the capture in the making and the rows of TCP, TLS, HTTP and DNS; those of fragments and
tunnels are in evasion_ip.py, those of QUIC in evasion_quic.py, the floods N7 and N8 in
test_evasion.py.
"""
import random
import struct
from collections import namedtuple

import http2 as h2
import packets as p

BLOCKED, INNOCENT = b"blocked.example", b"allowed.example"
# ANY: with the blocked name. With either name, while any rule blocks something, REFUSED is dropped
# and of MAY nothing is said.
PASS, DROP, ANY, REFUSED, MAY = "pass", "drop", "any", "refused", "may"

Frame = namedtuple("Frame", "ts_us data wire_len fate")
Variant = namedtuple("Variant", "name is_v6 is_reversed is_swapped tags",
                     defaults=(False, False, False, ()))
VARIANTS = [
    Variant("fwd"),
    Variant("rev", is_reversed=True),
    Variant("v6", is_v6=True),
    Variant("swap", is_swapped=True),
    Variant("vlan", tags=((p.ETH_VLAN, 10),)),
    Variant("qinq", is_v6=True, tags=((p.ETH_QINQ, 100), (p.ETH_VLAN, 10))),
]
Row = namedtuple("Row", "name write variants is_always_passed")
ROWS = []


def row(name, variants="fwd v6 swap vlan qinq", never=False):
    """Lists a row. variants: those that make sense of it. never: both names must pass."""
    def add(write):
        ROWS.append(Row(name, write, variants.split(), never))
        return write
    return add


class World:
    """One capture: frames so far, and the flows that a test asks about afterwards."""

    def __init__(self, variant):
        self.turn(variant)
        self.frames, self.flows = [], []
        self.now_us = 1700000000 * 10**6
        self.port, self.ident = 20000, 0
        self.tunnel = None  # stands around each packet: of layers.TUNNELS
        self.outer_pieces = None  # cuts what is in the tunnel once more: see put()
        self.rules, self.reason = ("--block-domain", BLOCKED.decode()), "domain:blocked.example"
        self.counters = {}  # of the report: at least so many

    def turn(self, variant):
        """The frames to come are of this variant."""
        self.variant = variant
        ends = ("2001:db8::10", "2001:db8:1::20") if variant.is_v6 else \
            ("192.0.2.10", "198.51.100.20")
        self.client, self.server = reversed(ends) if variant.is_swapped else ends

    def ip(self, src, dst, proto, payload, ttl=64, options=b"", extensions=(), total=None):
        if self.variant.is_v6:
            return p.ip6(src, dst, proto, payload, ttl, extensions), p.ETH_IPV6
        return p.ip4(src, dst, proto, payload, ttl, options, len(self.frames) % 65536, total), \
            p.ETH_IP

    def put(self, packet, fate, cut=None, padding=b"", is_back=False, pieces=None, before=None):
        """Adds a packet as one frame, or as several: pieces makes fragments of it, in the order
        they are sent (called with the datagram and an identification). Then its fate is that of
        the piece that comes last; before: the fate of its flow until now."""
        data, kind = packet
        self.ident += 1
        parts = pieces(data, self.ident) if pieces else [data]
        fates = piece_fates(parts, fate, before)
        for part, fate_here in zip(parts, fates):
            whole, kind_here = self.tunnel(part, kind, is_back) if self.tunnel else (part, kind)
            if self.outer_pieces:
                outer = self.outer_pieces(whole, 30000 + self.ident)
                # Of a flow in fragments of a tunnel, only the whole is known to be its own.
                early = PASS if fate_here == PASS or before == PASS else ANY
                for one in outer[:-1]:
                    self.add(one, kind_here, early)
                whole = outer[-1]
            self.add(whole, kind_here, fate_here, cut, padding)

    def add(self, packet, kind, fate, cut=None, padding=b""):
        data = p.ethernet(packet, kind, self.variant.tags) + padding
        self.now_us += 1000
        self.frames.append(Frame(self.now_us, data[:cut], len(data), fate))

    def wait(self, seconds):
        self.now_us += int(seconds * 10**6)

    def next_port(self):
        self.port += 1
        return self.port


def piece_fates(parts, fate, before):
    """The fates of a datagram's fragments. The last one of a datagram that completes a name is
    dropped; those ahead of it are not, but the first fragment may show a name by itself. Of a
    blocked flow each is dropped from that on which shows the ports."""
    if len(parts) == 1 or fate != DROP:
        return [fate] * len(parts)
    fates, is_known = [], False
    for part in parts:
        v6 = part[0] >> 4 == 6
        offset = struct.unpack_from("!H", part, 42 if v6 else 6)[0] & (0xFFF8 if v6 else 0x1FFF)
        is_known = is_known or offset == 0
        fates.append((DROP if is_known else ANY) if before == DROP else
                     (ANY if is_known else before))
    return fates[:-1] + [DROP]


class Flow:
    """What a test asks about afterwards; `fate` is that of the frames to come."""
    protocol = ""

    def __init__(self, world, name, port, sport, source):
        self.world, self.name, self.port, self.source = world, name, port, source
        self.sport = sport or world.next_port()
        self.fate, self.flags, self.state = PASS, (), None
        self.before = PASS
        self.expect = {}  # keys of the connection in the report
        world.flows.append(self)

    def ends(self, side):
        """Addresses and ports of a packet that this side sends."""
        w = self.world
        if side == "c":
            return w.client, w.server, self.sport, self.port
        return w.server, w.client, self.port, self.sport


class Talk(Flow):
    """One TCP connection."""
    protocol = "TCP"

    def __init__(self, world, name, port=443, sport=None, source="tls"):
        super().__init__(world, name, port, sport, source)
        self.isn = {"c": 1000 + self.sport, "s": 900000}
        self.sent = {"c": 0, "s": 0}
        self.stamped = False

    def segment(self, side, at, data, flags="PA", ack=None, options=b"", check=None, extra=None,
                fate=None, urgent=0, words=None, pieces=None, **ip):
        """at: offset in the side's stream. extra: keywords of World.put; the rest as in
        packets.tcp and World.ip."""
        w, other = self.world, "s" if side == "c" else "c"
        src, dst, *ports = self.ends(side)
        if ack is None:
            ack = self.isn[other] + 1 + self.sent[other] if "A" in flags else 0
        if self.stamped and not options:
            options = p.timestamps(w.now_us // 1000)
        seq = self.isn[side] + 1 + at
        body = p.tcp(src, dst, *ports, seq, ack, flags, data, options, check, urgent=urgent,
                     words=words)
        if flags != "R" and check is None:
            self.sent[side] = max(self.sent[side], at + len(data))
        w.put(w.ip(src, dst, p.TCP, body, **ip), fate or self.fate, is_back=side == "s",
              pieces=pieces, before=self.before, **(extra or {}))
        self.before = fate or self.fate

    def c(self, at, data, **how):
        self.segment("c", at, data, **how)

    def s(self, at, data, **how):
        self.segment("s", at, data, **how)

    def open(self, mss=1460, data=b"", stamped=False, fate=None):
        self.stamped = stamped
        options = b"\2\4" + struct.pack("!H", mss) + b"\4\2"
        options += p.timestamps(self.world.now_us // 1000) if stamped else b""
        self.c(-1, data, flags="S", ack=0, options=options, fate=fate)
        self.sent["c"] = 0
        self.s(-1, b"", flags="SA", options=options)
        self.c(0, b"", flags="A")
        return self

    def deliver(self, parts, need=None, mark=None):
        """Sends (offset, bytes[, keywords]) parts. The part that completes the first `need` bytes
        must be dropped, and all after it; those before it must pass. Without need, the last part
        (or part number `mark`) completes, and those before it may go either way."""
        if self.world.variant.is_reversed:
            parts = parts[::-1]
        have = set()
        for i, part in enumerate(parts):
            at, data = part[0], part[1]
            if need is None:
                done = i == (len(parts) - 1 if mark is None else mark)
            else:
                have.update(range(at, min(at + len(data), need)))
                done = len(have) == need
            if done:
                self.fate = DROP
            elif need is None and self.fate == PASS:
                self.fate = ANY
            self.c(at, data, **(part[2] if len(part) > 2 else {}))
        return self

    def close(self, answer=b"\x16\3\3\0\x04\x02\0\0\0" + b"\x17\3\3\x01\0" + bytes(256)):
        """The server's answer, more from the client, and the end, all with the fate so far."""
        sent = self.sent["c"]
        self.s(0, answer)
        self.c(sent, b"", flags="A")
        self.c(sent, b"\x17\3\3\0\x20" + bytes(32))
        self.s(len(answer), b"", flags="FA")
        self.c(sent + 37, b"", flags="FA")


class Chat(Flow):
    """One flow of datagrams."""
    protocol = "UDP"

    def __init__(self, world, name, port=443, sport=None, source="quic"):
        super().__init__(world, name, port, sport, source)

    def send(self, side, data, fate=None, length=None, pieces=None, **extra):
        w = self.world
        if fate:
            self.fate = fate
        body = p.udp(*self.ends(side), data, length)
        w.put(w.ip(*self.ends(side)[:2], p.UDP, body), self.fate, is_back=side == "s",
              pieces=pieces, before=self.before, **extra)
        self.before = self.fate
        return self

    def c(self, data, fate=None, **how):
        """From this datagram on the flow has this fate, if one is named."""
        return self.send("c", data, fate, **how)

    def s(self, data, fate=None, **how):
        return self.send("s", data, fate, **how)


def tls(world, name, stream, **how):
    """A whole connection whose client sends this stream in one piece."""
    t = Talk(world, name)
    t.open().deliver([(0, stream)], **how).close()
    return t


def web(world, name, request, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"):
    t = Talk(world, name, port=80, source="http")
    t.open().deliver([(0, request)]).close(answer)
    return t


def hello(name, **how):
    return p.record(p.client_hello(name, **how))


def end_of(stream, name):
    return stream.index(name) + len(name)


def cut(stream, *at):
    """The stream's parts, cut at these offsets, with their own offsets."""
    at = [0, *at, len(stream)]
    return [(a, stream[a:b]) for a, b in zip(at, at[1:]) if b > a]


# --- TCP segmentation ------------------------------------------------------------------------


@row("E01 hello in two segments, every cut", "fwd rev v6 swap vlan qinq")
def _(w, name):
    ch = hello(name, pad_to=512)
    for k in range(1, len(ch)):
        Talk(w, name).open().deliver(cut(ch, k), need=end_of(ch, name)).close()


@row("E01 post-quantum hello in two packets", "fwd rev v6 swap vlan qinq")
def _(w, name):
    ch = hello(name, pq=True)
    place = end_of(ch, name)
    for k in (1, 5, 536, 1220, 1300, place - 8, place - 1, place, len(ch) - 1):
        Talk(w, name).open().deliver(cut(ch, k), need=place).close()
    Talk(w, name).open().deliver(cut(ch, 536, 1072), need=place).close()


@row("E02 one byte a segment", "fwd rev v6 qinq")
def _(w, name):
    for ch in (hello(name), hello(name, pad_to=512)):
        Talk(w, name).open().deliver(cut(ch, *range(1, len(ch))), need=end_of(ch, name)).close()


@row("E03 every second byte first", "fwd v6")
def _(w, name):
    ch = hello(name)
    parts = cut(ch, *range(1, len(ch)))
    Talk(w, name).open().deliver(parts[1::2] + parts[::2], need=end_of(ch, name)).close()


@row("E03 eight pieces in 200 orders")
def _(w, name):
    rng = random.Random(3)
    ch = hello(name, pq=True)
    for _ in range(200):
        parts = cut(ch, *sorted(rng.sample(range(1, len(ch)), 7)))
        rng.shuffle(parts)
        Talk(w, name).open().deliver(parts, need=end_of(ch, name)).close()


@row("E04 second piece comes late", "fwd rev v6")
def _(w, name):
    ch = hello(name)
    for seconds in (0.5, 5):
        t = Talk(w, name).open()
        t.deliver(cut(ch, 60)[:1], need=end_of(ch, name))
        w.wait(seconds)
        t.fate = DROP
        t.c(60, ch[60:])
        t.close()


@row("E05 small segments from the server")
def _(w, name):
    t = Talk(w, name).open(mss=88)
    ch = hello(name)
    t.deliver([(0, ch)])
    for i in range(0, 528, 88):
        t.s(i, bytes(88), flags="A")
    t.c(len(ch), b"", flags="A")


@row("E06 later piece first, with a rewritten head")
def _(w, name):
    ch = hello(name)
    Talk(w, name).open().deliver([(2, b"xx" + ch[4:]), (0, ch[:4])]).close()


@row("E07 bytes left of the window")
def _(w, name):
    ch = hello(name)
    Talk(w, name).open().deliver([(-4, b"xxxx" + ch)]).close()
    Talk(w, name).open().deliver([(-4, b"xxxx" + ch[:50]), (46, b"yyyy" + ch[50:])]).close()


@row("E08 two pieces at one offset, before the head")
def _(w, name):
    real, fake = hello(name), hello(INNOCENT)
    for first, second in ((fake, real), (real, fake)):
        t = Talk(w, None).open()
        t.deliver([(4, first[4:]), (4, second[4:]), (0, real[:4])]).close()


@row("E09 short fake piece, then one that covers it")
def _(w, name):
    ch = hello(name)
    Talk(w, name).open().deliver([(6, b"xx"), (4, ch[4:]), (0, ch[:4])]).close()


@row("E10 the same bytes again with another name")
def _(w, name):
    real, fake = hello(name), hello(INNOCENT)
    t = Talk(w, None).open()
    t.deliver([(0, fake), (0, real)]).close()
    t = Talk(w, None).open()
    t.deliver([(0, real), (0, fake)], mark=0).close()


@row("E11 an urgent byte amid the hello")
def _(w, name):
    ch = hello(name)
    for at in (0, 4, ch.index(name) + 3, len(ch) - 1):
        t = Talk(w, None).open()
        t.deliver([(0, ch[:at] + b"x" + ch[at:], {"flags": "PAU", "urgent": at + 1})]).close()
    request = p.http(name.decode())
    at = request.index(name) + 5
    t = Talk(w, None, port=80, source="http").open()
    t.deliver([(0, request[:at] + b"!" + request[at:], {"flags": "PAU", "urgent": at + 1})])


@row("E11 an urgent byte in each of two segments")
def _(w, name):
    ch = hello(name)
    t = Talk(w, None).open()
    t.deliver([(0, ch[:5] + b"x" + ch[5:60], {"flags": "PAU", "urgent": 6}),
               (61, ch[60:90] + b"y" + ch[90:], {"flags": "PAU", "urgent": 31})]).close()


@row("E11 an urgent pointer of zero, and one that comes without data")
def _(w, name):
    # Linux 6.18 takes the byte out in both cases: the first of the segment, and the fifth to come.
    ch = hello(name)
    Talk(w, None).open().deliver([(0, b"x" + ch, {"flags": "PAU", "urgent": 0})]).close()
    t = Talk(w, None).open()
    t.c(0, b"", flags="AU", urgent=5)
    t.deliver([(0, ch[:4] + b"x" + ch[4:])]).close()


@row("E11 many urgent bytes")
def _(w, name):
    # Each is taken out when the server has read up to it before the next one comes.
    ch = hello(name)
    t, parts, at = Talk(w, None).open(), [], 0
    for piece in [ch[i:i + 20] for i in range(0, len(ch), 20)]:
        parts.append((at, piece[:3] + b"x" + piece[3:],
                      {"flags": "PAU", "urgent": min(4, len(piece) + 1)}))
        at += len(piece) + 1
    t.deliver(parts).close()


@row("E11 an urgent byte that is real, and another after it that is not")
def _(w, name):
    # A server that has not read the first one yet gets it as an ordinary byte when the next comes.
    ch = hello(name)
    place = ch.index(name)
    t = Talk(w, None).open()
    t.deliver([(0, ch[:place], {"flags": "PAU", "urgent": 6}),
               (place, b"x" + ch[place:], {"flags": "PAU", "urgent": 1})]).close()


@row("E12 a piece far beyond the window")
def _(w, name):
    ch = hello(name)
    for far in (10**7, 2**31 - 10):
        t = Talk(w, name).open()
        t.c(far, b"x")
        t.sent["c"] = 0
        t.deliver([(0, ch)]).close()


@row("E13 FIN with data, out of order")
def _(w, name):
    ch = hello(name)
    Talk(w, name).open().deliver([(4, ch[4:], {"flags": "FPA"}), (0, ch[:4])]).close()


@row("E14 the name is far in")
def _(w, name):
    padding = "".join(f"X-Padding-{i}: {'a' * 980}\r\n" for i in range(30))
    request = f"GET / HTTP/1.1\r\n{padding}Host: {name.decode()}\r\n\r\n".encode()
    t = Talk(w, name, port=80, source="http").open()
    t.deliver(cut(request, *range(1400, len(request), 1400))).close()
    for size in (14000, 40000):
        hs = p.client_hello(name, before=p.extension(0x7777, bytes(size)))
        stream = p.records(hs, 16384)
        t = Talk(w, name).open()
        t.deliver(cut(stream, *range(1400, len(stream), 1400)), need=end_of(stream, name)).close()


# --- decoys and state ------------------------------------------------------------------------


def decoy(w, name, stamped=False, **how):
    """An innocent hello that no server would take, then the real one at the same place."""
    t = Talk(w, None).open(stamped=stamped)
    t.c(0, hello(INNOCENT), **how)
    t.deliver([(0, hello(name))]).close()


@row("E15 decoy with a bad checksum")
def _(w, name):
    decoy(w, name, check=0x1234)


@row("E15 decoys before one half and behind the other")
def _(w, name):
    # The first of two segments is the true one in one half, the second in the other.
    ch = hello(name)
    at = ch.index(name) + 5
    junk = b"\x3f" * len(ch)
    for how in ({"check": 0x1234}, {"flags": "P"}, {"options": b"\x13\x12" + bytes(16) + b"\1\1"},
                {"ack": 900000 + 100000}, {"ttl": 2}):
        t = Talk(w, None).open()
        t.fate = ANY
        t.c(at, ch[at:])
        t.c(at, junk[at:], **how)
        t.c(0, junk[:at], **how)
        t.deliver([(0, ch[:at])]).close()
    # One that is longer than what has come of the true ones.
    t = Talk(w, None).open()
    t.fate = ANY
    t.c(0, ch[:at])
    t.c(0, junk, check=0x1234)
    t.deliver([(at, ch[at:])]).close()


@row("E16 decoy with a low TTL")
def _(w, name):
    for ttl in (1, 3):
        decoy(w, name, ttl=ttl)


@row("E17 decoy with an MD5 option")
def _(w, name):
    decoy(w, name, options=b"\x13\x12" + bytes(16) + b"\1\1")


@row("E18 decoy with an old timestamp")
def _(w, name):
    decoy(w, name, stamped=True, options=p.timestamps(w.now_us // 1000 - 600000))


@row("E19 decoy without ACK, or with a wrong one")
def _(w, name):
    decoy(w, name, flags="P")
    decoy(w, name, ack=900000 + 100000)
    decoy(w, name, ack=900000 - 66000)


@row("E20 decoy with a wrong data offset")
def _(w, name):
    for words in (8, 10, 15, 4, 0):
        decoy(w, name, words=words)


@row("E21 no timestamp though agreed on")
def _(w, name):
    t = Talk(w, name).open(stamped=True)
    t.deliver([(0, hello(name), {"options": b"\1\1\1\1"})]).close()


@row("E22 resets before the hello")
def _(w, name):
    for how in ({}, {"check": 0x1111}, {"ttl": 3}, {"flags": "RA"}):
        t = Talk(w, name).open()
        t.c(1000, b"", **{"flags": "R", **how})
        t.c(10**6, b"", **{"flags": "R", **how})
        t.sent["c"] = 0
        t.deliver([(0, hello(name))]).close()


@row("E22 resets after the verdict")
def _(w, name):
    t = Talk(w, name).open()
    t.deliver([(0, hello(name))])
    t.c(t.sent["c"], b"", flags="R")
    t.s(0, b"", flags="RA")
    t.close()


@row("E23 a FIN before the hello")
def _(w, name):
    for how in ({"check": 0x1111}, {}):
        t = Talk(w, name).open()
        t.c(0, b"", flags="FA", **how)
        t.deliver([(0, hello(name))]).close()


@row("E24 a false reset and a false SYN amid a connection")
def _(w, name):
    first, second = p.http(INNOCENT.decode()), p.http(name.decode(), target="/two")
    for back in (6, 60, 70000):
        t = Talk(w, None, port=80, source="http").open()
        t.c(0, first)
        t.s(0, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        t.c(10**6, b"", flags="R", check=0x1111)
        t.c(len(first) - back, b"", flags="S", ack=0, check=0x1111)
        t.sent["c"] = len(first)
        t.deliver([(len(first), second[:30]), (len(first) + 30, second[30:])])
        w.flows.remove(t)  # reported as two connections: before the SYN, and from it on


@row("E25 both ends open at once, and handshakes of four and five steps")
def _(w, name):
    # Each step: who, flags, and whether it acknowledges.
    for steps in ((("c", "S"), ("s", "S"), ("c", "SA"), ("s", "SA")),
                  (("c", "S"), ("s", "S"), ("c", "SA"), ("s", "A")),
                  (("c", "S"), ("s", "A"), ("s", "S"), ("c", "SA"), ("s", "A")),
                  (("s", "S"), ("c", "S"), ("s", "SA"), ("c", "SA"))):
        t = Talk(w, name)
        for who, flags in steps:
            at = -1 if "S" in flags else 0
            t.segment(who, at, b"", flags=flags)
            t.sent["c"] = t.sent["s"] = 0
        ch = hello(name)
        t.deliver(cut(ch, 80), need=end_of(ch, name)).close()


@row("E26 data in the SYN: decoy, and the real thing")
def _(w, name):
    t = Talk(w, None).open(data=hello(INNOCENT))
    t.deliver([(0, hello(name))]).close()
    t = Talk(w, name)
    ch = hello(name)
    t.fate = DROP
    t.open(data=ch)
    t.sent["c"] = len(ch)
    t.close()
    t = Talk(w, name)
    t.open(data=ch[:60])
    t.deliver([(60, ch[60:])]).close()


@row("E27 data before the handshake is over")
def _(w, name):
    t = Talk(w, name)
    t.c(-1, b"", flags="S", ack=0)
    t.deliver([(0, hello(name), {"ack": 0})])
    t.s(-1, b"", flags="SA")
    t.close()


@row("E28 the beginning was not seen")
def _(w, name):
    ch, request = hello(name), p.http(name.decode())
    t = Talk(w, name)
    t.flags = ("midstream",)
    t.deliver(cut(ch, 70), need=end_of(ch, name)).close()
    t = Talk(w, name, port=80, source="http")  # in the midst of an answer, then a next request
    t.flags = ("midstream",)
    for i in range(4):
        t.s(1400 * i, bytes(range(256)) * 5, flags="A")
        t.c(0, b"", flags="A")
    t.deliver([(0, request)])
    t = Talk(w, name, port=80, source="http")  # in the midst of a request's own body
    t.c(0, b"the end of what was sent before\r\n")
    t.deliver([(33, request)])
    t = Talk(w, name)  # only the client is heard
    t.c(-1, b"", flags="S", ack=0)
    t.c(0, b"", flags="A")
    t.deliver(cut(ch, 70), need=end_of(ch, name))
    t.c(len(ch), b"\x17\3\3\0\1x")


@row("E32 extension headers", "v6 qinq")
def _(w, name):
    nothing = b"\0\1\4\0\0\0\0"
    chains = [
        [(0, nothing)], [(0, nothing), (0, nothing)], [(60, nothing)],
        [(43, b"\0\0\0\0\0\0\0")], [(44, b"\0\0\0\0\0\0\7")],
        [(0, nothing), (60, nothing), (43, b"\0\0\0\0\0\0\0"), (60, nothing)],
    ]
    ch = hello(name)
    for chain in chains:
        t = Talk(w, name).open()
        how = {"extensions": chain}
        t.deliver([(0, ch[:80], how), (80, ch[80:], how)]).close()


@row("E34 IPv4 options, and bytes behind the datagram", "fwd rev swap vlan")
def _(w, name):
    ch = hello(name)
    for options in (b"\1" * 4, b"\x07\x07\4\0\0\0\0\1", b"\1" * 40, b"\x94\4\0\0"):
        t = Talk(w, name).open()
        t.deliver([(at, data, {"extra": {"padding": b"\x5a" * 9}}) for at, data in cut(ch, 70)])
        t.close()
        t = Talk(w, name).open()
        t.fate = DROP
        body = p.tcp(w.client, w.server, t.sport, 443, t.isn["c"] + 1, t.isn["s"] + 1, "PA", ch)
        w.put((p.ip4(w.client, w.server, p.TCP, body, options=options), p.ETH_IP), t.fate,
              padding=b"\0" * 6)
        t.sent["c"] = len(ch)
        t.close()


# --- TLS -------------------------------------------------------------------------------------


@row("E35 hello in two records, every cut")
def _(w, name):
    hs = p.client_hello(name)
    for k in range(1, len(hs)):
        tls(w, name, p.record(hs[:k]) + p.record(hs[k:]))


@row("E35 two records in two segments", "fwd rev v6 vlan")
def _(w, name):
    hs = p.client_hello(name)
    middle = hs.index(name) + 5
    stream = p.record(hs[:middle]) + p.record(hs[middle:])
    for k in range(middle - 4, middle + 14):
        Talk(w, name).open().deliver(cut(stream, k)).close()


@row("E36 small records", "fwd rev v6 vlan")
def _(w, name):
    hs = p.client_hello(name)
    for stream in (p.records(hs, 1), p.records(hs, 16), p.record(hs[:2]) + p.record(hs[2:])):
        Talk(w, name).open().deliver(cut(stream, *range(1200, len(stream), 1200))).close()


@row("E37 empty records first")
def _(w, name):
    for n in (1, 3, 16):
        tls(w, name, p.record(b"") * n + hello(name))


@row("E38 alert or CCS before or inside the hello")
def _(w, name):
    hs = p.client_hello(name)
    for kind, body in ((21, b"\1\0"), (21, b"\2\x28"), (20, b"\1")):
        odd = p.record(body, kind)
        for stream in (odd + p.record(hs), p.record(hs[:40]) + odd + p.record(hs[40:])):
            t = Talk(w, None).open()
            t.fate = ANY
            t.c(0, stream)
            t.close()


@row("E39 odd record versions")
def _(w, name):
    for version in (0x0300, 0x0301, 0x0302, 0x0303, 0x0304, 0x03FF):
        tls(w, name, p.record(p.client_hello(name), version=version))


@row("E40 mixed case")
def _(w, name):
    for mixed in (name.upper(), name.title(), name.swapcase()):
        tls(w, name, hello(mixed))


@row("E41 trailing and leading dot")
def _(w, name):
    tls(w, name, hello(name + b"."))
    tls(w, None, hello(b"." + name))


@row("E42 NUL, space, ESC, 0xff in the name")
def _(w, name):
    for odd in (name + b"\0.allowed", b"a b." + name, b"\x1b[31m." + name, b"\xff." + name):
        tls(w, None, hello(odd))


@row("E43 300 unknown extensions first")
def _(w, name):
    many = b"".join(p.extension(0x0A0A + 0x1010 * (i % 16) if i % 2 else 0x7000 + i, b"\0")
                    for i in range(300))
    tls(w, name, hello(name, before=many))
    tls(w, name, hello(name, before=many, pq=True))


@row("E44 several names in one hello")
def _(w, name):
    other, this = p.server_name(INNOCENT), p.server_name(name)
    for sni in (other + this, this + other, p.server_name(INNOCENT, name),
                p.server_name(name, INNOCENT),
                p.extension(0, struct.pack("!HBH", 9 + len(name), 7, 3) + b"abc" +
                            struct.pack("!BH", 0, len(name)) + name)):
        tls(w, None, hello(None, sni=sni))


@row("E45 no name, an empty one, an address", never=True)
def _(w, name):
    for ch, flag in ((hello(None), "no_name"), (hello(b""), "no_name"),
                     (hello(None, sni=p.extension(0, b"")), "no_name"),
                     (hello(b"192.0.2.77"), None)):
        t = Talk(w, None).open()
        t.flags = (flag,) if flag else ()
        t.c(0, ch)
        t.close()


@row("E46 ECH with a real outer name")
def _(w, name):
    ech = p.extension(0xFE0D, b"\0\0\1\0\1\x2a\0\x20" + bytes(range(32)) + b"\0\x90" + bytes(144))
    for how in ({"before": ech}, {"after": ech}):
        tls(w, name, hello(name, **how)).flags = ("ech",)


ECH = p.extension(0xFE0D, b"\0\0\1\0\1\x2a\0\x20" + bytes(range(32)) + b"\0\x90" + bytes(144))


@row("E47 ECH: the public name counts, and is counted")
def _(w, name):
    for how in ({"before": ECH}, {"pq": True, "after": ECH}):
        tls(w, name, hello(name, **how)).flags = ("ech",)
    w.counters = {"ech": 2}


@row("E47 a rule against ECH")
def _(w, name):
    w.rules, w.reason = ("--block-app", "ECH"), "app:ECH"
    is_bad = name == BLOCKED
    tls(w, INNOCENT, hello(INNOCENT, after=ECH if is_bad else b""))
    ch = hello(INNOCENT, pq=True, after=ECH if is_bad else b"")
    Talk(w, INNOCENT).open().deliver(cut(ch, 900)).close()


@row("E50 a rule in Unicode, a name in ASCII")
def _(w, name):
    w.rules, w.reason = ("--block-domain", "B\u00fccher.example"), "domain:xn--bcher-kva.example"
    name = b"xn--bcher-kva.example" if name == BLOCKED else b"xn--bcher-kvb.example"
    for one in (name, b"www." + name, name.upper(), name + b"."):
        tls(w, None, hello(one))
        web(w, None, p.http(one.decode()))
    w.flows = []  # names in many forms; frames say enough


@row("E48 hello on another port, inside CONNECT, behind a PROXY line")
def _(w, name):
    Talk(w, name, port=4433).open().deliver([(0, hello(name))]).close()
    tls(w, name, b"PROXY TCP4 192.0.2.99 198.51.100.20 52176 443\r\n" + hello(name))
    connect = b"CONNECT proxy-target.example:443 HTTP/1.1\r\nHost: proxy-target.example:443\r\n\r\n"
    t = Talk(w, name, port=3128).open()
    t.c(0, connect)
    t.s(0, b"HTTP/1.1 200 Connection established\r\n\r\n")
    t.deliver([(len(connect), hello(name))])
    t.s(39, b"\x16\3\3\0\x04\x02\0\0\0")
    t = Talk(w, name, port=3128, source="http").open()
    t.deliver([(0, b"CONNECT " + name + b":443 HTTP/1.1\r\n\r\n")])
    t.s(0, b"HTTP/1.1 200 Connection established\r\n\r\n")


@row("E49 a hello that claims 64 KiB or 16 MiB")
def _(w, name):
    hs = p.client_hello(name)
    for claim in (b"\0\xff\xff", b"\xff\xff\xff", b"\0\0\1"):
        t = Talk(w, None).open()
        t.fate = ANY
        t.c(0, p.record(hs[:1] + claim + hs[4:]))
        t.close()


@row("E36 empty records between all others")
def _(w, name):
    hs = p.client_hello(name)
    tls(w, name, p.record(b"") * 32 + p.record(hs))
    tls(w, name, b"".join(p.record(hs[i:i + 8]) + p.record(b"") for i in range(0, len(hs), 8)))


@row("E39 a hello whose own version is from the future")
def _(w, name):
    hs = p.client_hello(name)
    for version in (b"\4\4", b"\xff\3"):
        tls(w, name, p.record(hs[:4] + version + hs[6:]))


@row("E43 more extensions than anybody sends")
def _(w, name):
    many = b"".join(p.extension(0x4000 + i, b"") for i in range(3000))
    tls(w, name, p.record(p.client_hello(name, before=many)))


@row("E44 the server asks for another hello")
def _(w, name):
    first, second = hello(INNOCENT), hello(name)
    for between in (b"", p.record(b"\1", kind=20)):
        t = Talk(w, None).open()
        t.c(0, first)
        t.s(0, p.record(b"\2\0\0\x26\3\3" + bytes(36)))
        t.deliver([(len(first), between + second)]).close()


# --- HTTP ------------------------------------------------------------------------------------


def web_each(w, name, *requests):
    for request in requests:
        web(w, name, request.encode("latin-1"))


@row("E51 spelling of the Host line")
def _(w, name):
    n = name.decode()
    web_each(w, name, *(f"GET / HTTP/1.1\r\n{line}\r\nAccept: */*\r\n\r\n" for line in (
        f"hoSt: {n}", f"HOST: {n}", f"Host:{n}", f"Host:\t{n}", f"Host:      {n}", f"Host: {n}   ",
        f"Host: {n}\t", f"host:\t \t{n}", f"Host: {n.upper()}")))


@row("E52 space before the colon")
def _(w, name):
    n = name.decode()
    web_each(w, name, f"GET / HTTP/1.1\r\nHost : {n}\r\n\r\n",
             f"GET / HTTP/1.1\r\nHost\t: {n}\r\n\r\n")


@row("E53 folded Host line")
def _(w, name):
    n = name.decode()
    web_each(w, name, f"GET / HTTP/1.1\r\nHost:\r\n {n}\r\n\r\n",
             f"GET / HTTP/1.1\r\nHost:\r\n\t{n}\r\nAccept: */*\r\n\r\n")


@row("E54 bare LF, empty lines first")
def _(w, name):
    n = name.decode()
    web_each(w, name, f"GET / HTTP/1.1\nHost: {n}\n\n", f"\r\nGET / HTTP/1.1\r\nHost: {n}\r\n\r\n",
             f"\nGET / HTTP/1.1\nHost: {n}\r\n\n",
             f"\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: {n}\r\n\r\n")


@row("E54 lines that end in a CR alone, many empty lines")
def _(w, name):
    n = name.decode()
    web_each(w, name, f"GET / HTTP/1.1\r\nAccept: *\rHost: {n}\r\n\r\n",
             f"GET / HTTP/1.1\r\nHost: {n}\rAccept: *\r\n\r\n",
             "\r\n" * 40 + f"GET / HTTP/1.1\r\nHost: {n}\r\n\r\n")


@row("E55 target and Host differ")
def _(w, name):
    n, other = name.decode(), INNOCENT.decode()
    for request in (f"GET http://{n}/ HTTP/1.1\r\nHost: {other}\r\n\r\n",
                    f"GET http://{other}/ HTTP/1.1\r\nHost: {n}\r\n\r\n",
                    f"GET HTTP://{n}:80/x?y HTTP/1.1\r\nHost: {other}\r\n\r\n"):
        web(w, None, request.encode())


@row("E56 two Host lines")
def _(w, name):
    n, other = name.decode(), INNOCENT.decode()
    for one, two in ((n, other), (other, n)):
        web(w, None, f"GET / HTTP/1.1\r\nHost: {one}\r\nHost: {two}\r\n\r\n".encode())


@row("E57 odd request lines")
def _(w, name):
    n = name.decode()
    web_each(w, name, *(f"{line}\r\nHost: {n}\r\n\r\n" for line in (
        "GET  / HTTP/1.1", "GET\t/\tHTTP/1.1", "PROPFIND / HTTP/1.1", "get / HTTP/1.1",
        "X-ODD-METHOD / HTTP/1.1", "GET / HTTP/1.1 ", "M-SEARCH * HTTP/1.1")))


@row("E57 blanks and versions that servers take")
def _(w, name):
    n = name.decode()
    web_each(w, name, *(f"{line}\r\nHost: {n}\r\n\r\n" for line in (
        "GET\x0b/\x0cHTTP/1.1", "GET\r/\rHTTP/1.1", "GET\x1f/\x1cHTTP/1.1", "GET\x85/\xa0HTTP/1.1",
        "GET / HTTP/1.01", "GET / HTTP/01.1", "GET / http/1.1")))


@row("E58 port, dot, user in Host")
def _(w, name):
    n = name.decode()
    web_each(w, name, *(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n" for host in (
        f"{n}:80", f"{n}:8080", f"{n}.", f"{n}.:80", f"user@{n}", f"user:secret@{n}:80")))


@row("E59 a later request names another host")
def _(w, name):
    first, second = p.http(INNOCENT.decode()), p.http(name.decode(), target="/two")
    post = b"POST / HTTP/1.1\r\nHost: allowed.example\r\nContent-Length: 11\r\n\r\nhello world"
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    web(w, None, first + second)
    web(w, None, post + second)
    for opening in (first, post):
        t = Talk(w, None, port=80, source="http").open()
        t.c(0, opening)
        t.s(0, answer)
        t.deliver([(len(opening), second)])
        t.s(len(answer), answer)
    t = Talk(w, None, port=80, source="http").open()
    for i in range(20):
        t.c(i * len(first), first)
        t.s(i * len(answer), answer)
    t.deliver([(20 * len(first), second)]).s(20 * len(answer), answer)


@row("E59 a later request behind a transfer coding that is none, and behind a decoy")
def _(w, name):
    first = p.http(INNOCENT.decode(), headers="Transfer-Encoding: identity\r\n")
    second = p.http(name.decode(), target="/two")
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    t = Talk(w, None, port=80, source="http").open()
    t.c(0, first)
    t.s(0, answer)
    t.deliver([(len(first), second)])
    first = p.http(INNOCENT.decode(), headers=f"X: {'x' * 600}\r\n")
    for at in (0, -70000):
        t = Talk(w, None, port=80, source="http").open()
        t.c(at, hello(INNOCENT), check=0x1111)
        t.c(0, first)
        t.s(0, answer)
        t.deliver([(len(first), second)])


@row("E59 a later request behind a body that servers do not end at the same place")
def _(w, name):
    second = p.http(name.decode(), target="/two")
    chunked = "Transfer-Encoding: chunked\r\n"
    for line, headers, body in (
            ("POST / HTTP/1.0", f"{chunked}Content-Length: 4\r\n", "ffff"),
            ("POST / HTTP/1.1", f"{chunked}Content-Length: 5\r\n", "fff0\n"),
            ("POST / HTTP/1.1", f"Content-Length: 9000\r\n{chunked}", "0\r\n\r\n"),
            ("POST / HTTP/1.1", f"{chunked}{chunked}", "ffff\r\n"),
            ("POST / HTTP/1.1", "Transfer-Encoding: xchunked\r\nContent-Length: 3\r\n", "abc"),
            ("POST / HTTP/1.1", "Transfer-Encoding:\x0bchunked\r\nContent-Length: 3\r\n", "abc"),
            ("POST / HTTP/1.1", "Content-Length: +3\r\n", "abc"),
            ("POST / HTTP/1.1", "Content-Length: 0_3\r\n", "abc"),
            ("POST / HTTP/1.1", "Content-Length: 18446744073709551619\r\n", "abc"),
            ("POST / HTTP/1.1", "Content-Length: 3\r\nContent-Length: 9000\r\n", "abc"),
            ("POST / HTTP/1.1", "Content-Length : 9000\r\n", ""),
            ("POST / HTTP/1.1", "A: b\rContent-Length: 9000\r\n", ""),
            ("GET / HTTP/1.1", "Content-Length: 5000\r\n", "")):
        first = f"{line}\r\nHost: {INNOCENT.decode()}\r\n{headers}\r\n{body}".encode()
        web(w, None, first + second)
        t = Talk(w, None, port=80, source="http").open()
        t.c(0, first)
        t.deliver([(len(first), second)])


@row("E60 HTTP/1.0 and 0.9")
def _(w, name):
    n = name.decode()
    web_each(w, name, f"GET http://{n}/ HTTP/1.0\r\n\r\n", f"GET / HTTP/1.0\r\nHost: {n}\r\n\r\n",
             f"GET /\r\nHost: {n}\r\n\r\n")


@row("E61 HTTP/2 without asking first")
def _(w, name):
    odd = h2.literal(b"x-note", b"first")
    streams = [
        h2.client(h2.headers(h2.request(name))),
        h2.client(h2.headers(h2.request(name, is_packed=True))),
        h2.client(h2.headers(h2.request(name, is_packed=True, is_kept=False))),
        h2.client(h2.headers(h2.request(name, name=b":authority"))),
        h2.client(h2.headers(h2.request(name, name=b":authority", is_packed=True))),
        h2.client(h2.headers(h2.request(name, name=h2.HOST))),
        h2.client(h2.headers(h2.request(name.upper(), is_packed=True))),
        h2.client(h2.headers(h2.request(name + b":8080", is_packed=True))),
        h2.client(h2.headers(h2.request(name, before=h2.integer(0, 5, 0x20) + odd))),
        h2.client(h2.headers(h2.request(name), pad=17, priority=True)),
    ]
    for stream in streams:
        t = Talk(w, name, port=8080, source="http2").open()
        t.deliver([(0, stream)])
        t.s(0, h2.SERVER)


@row("E61 HTTP/2 in pieces", "fwd rev v6 vlan")
def _(w, name):
    for is_packed in (False, True):
        block = h2.request(name, is_packed)
        for at in range(1, len(block)):
            t = Talk(w, name, port=8080, source="http2").open()
            t.deliver([(0, h2.client(h2.headers(block, parts=(at,))))])
        stream = h2.client(h2.headers(block, parts=range(1, len(block))))
        for at in range(1, len(stream)):
            Talk(w, name, port=8080, source="http2").open().deliver(cut(stream, at))


@row("E61 HTTP/2: a later request, and a name out of the table")
def _(w, name):
    first = h2.headers(h2.request(INNOCENT, is_packed=True))
    head = h2.client(first)
    kept = h2.literal(b"x-kept", name) + h2.literal(h2.AUTHORITY, name)
    for later in (h2.headers(h2.request(name, is_packed=True), 3),
                  h2.frame(h2.PING, 0, 0, bytes(8)) +
                  h2.frame(h2.DATA, 0, 1, b"x" * 300) + h2.headers(h2.request(name), 3)):
        t = Talk(w, None, port=8080, source="http2").open()
        t.c(0, head)
        t.s(0, h2.SERVER)
        t.deliver([(len(head), later)])
    # The name goes into the table with one request, and is only pointed at by the next.
    stream = h2.client(h2.headers(kept), h2.headers(h2.indexed(2) + h2.indexed(62), 3))
    Talk(w, name, port=8080, source="http2").open().deliver([(0, stream)])


@row("E61 HTTP/1 that asks for HTTP/2")
def _(w, name):
    ask_up = p.http(name.decode(), headers="Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                    "HTTP2-Settings: AAMAAABkAAQAAP__\r\n")
    web(w, name, ask_up, b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
        b"Upgrade: h2c\r\n\r\n" + h2.SERVER)
    # The first request innocent, the second in HTTP/2 on the same connection.
    first = ask_up.replace(name, INNOCENT)
    t = Talk(w, None, port=80, source="http2").open()
    t.c(0, first)
    t.s(0, b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
    t.deliver([(len(first), h2.client(h2.headers(h2.request(name, is_packed=True), 3)))])


@row("N5 segments outside the window, from somebody who guesses", never=True)
def _(w, name):
    t = Talk(w, INNOCENT).open()
    for at in (-10**8, -70000, 10**6, 10**9):
        t.c(at, hello(name))
        t.sent["c"] = 0
    t.c(0, hello(INNOCENT))
    t.close()


@row("E60 HTTP without any name", never=True)
def _(w, name):
    for request in (b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nAccept: */*\r\n\r\n"):
        t = Talk(w, None, port=80).open()
        t.flags = ("no_name",)
        t.c(0, request)
        t.s(0, b"HTTP/1.0 200 OK\r\n\r\nhello")


# --- DNS -------------------------------------------------------------------------------------


def ask(w, message, fate, port=53, answer=True, name=None):
    """A question and an answer that repeats it, on a port of their own."""
    sport = w.next_port()
    w.put(w.ip(w.client, w.server, p.UDP, p.udp(w.client, w.server, sport, port, message)), fate)
    if answer:
        reply = message[:2] + b"\x81\x80" + message[4:]
        w.put(w.ip(w.server, w.client, p.UDP, p.udp(w.server, w.client, port, sport, reply)), fate)


@row("E62 mixed case in a question")
def _(w, name):
    for mixed in (name.upper(), name.swapcase(), name.title(), b"www." + name.title()):
        ask(w, p.dns(p.question(mixed)), DROP)


@row("E62 one name of many on one 5-tuple")
def _(w, name):
    sport = w.next_port()
    for i, one in enumerate((INNOCENT, name, b"other.example", b"a." + name, INNOCENT)):
        fate = DROP if one.endswith(BLOCKED) else PASS
        for flags in (0x0100, 0x8180):
            ends = (w.client, w.server) if flags == 0x0100 else (w.server, w.client)
            ports = (sport, 53) if flags == 0x0100 else (53, sport)
            message = p.dns(p.question(one), ident=i, flags=flags)
            w.put(w.ip(*ends, p.UDP, p.udp(*ends, *ports, message)), fate)


@row("E63 compression pointers in questions")
def _(w, name):
    first, rest = name.split(b".", 1)
    base = p.labels(b"www." + rest) + b"\0\1\0\1"
    pointed = bytes([len(first)]) + first + b"\xc0\x10" + b"\0\1\0\1"
    ask(w, p.dns(base, pointed), DROP)


@row("E63 pointers that lead nowhere", never=True)
def _(w, name):
    tail = b"\0\1\0\1"
    for bad in (b"\xc0\x0c", b"\xc0\x20", b"\xff\xff", b"\xc0\x00", b"\7blocked\xc0\x0c", b"\xc0"):
        ask(w, p.dns(bad + tail), PASS)
    ask(w, p.dns(b"\1a\xc0\x12" + tail, b"\1b\xc0\x0c" + tail), PASS)


@row("E64 several questions, and a count that lies")
def _(w, name):
    ask(w, p.dns(p.question(INNOCENT), p.question(name)), DROP)
    ask(w, p.dns(*[p.question(b"q%d.example" % i) for i in range(7)], p.question(name)), DROP)
    ask(w, p.dns(p.question(name), count=5), DROP)


@row("E65 DNS over TCP")
def _(w, name):
    def framed(*names):
        messages = [p.dns(p.question(n), ident=i) for i, n in enumerate(names)]
        return b"".join(struct.pack("!H", len(m)) + m for m in messages)
    for stream in (framed(name), framed(INNOCENT, name)):
        for at in ((), (1,), (2,), (20,), tuple(range(1, len(stream)))):
            t = Talk(w, None, port=53, source="dns").open()
            t.deliver(cut(stream, *at))
            t.s(0, stream[:2] + stream[2:4] + b"\x81\x80" + stream[6:])


@row("E66 padding, junk, answers, other ports")
def _(w, name):
    edns = b"\0\0\x29\4\xd0\0\0\0\0\0\x44\0\x0c\0\x40" + bytes(64)
    ask(w, p.dns(p.question(name), additional=edns, extra=1), DROP)
    ask(w, p.dns(p.question(name)) + b"junk" * 20, DROP)
    ask(w, p.dns(p.question(name)), DROP, port=5300)
    ask(w, p.dns(p.question(name, kind=65)), DROP)
    ask(w, p.dns(p.question(name), flags=0x8180), DROP, answer=False)


@row("E67 odd labels")
def _(w, name):
    for odd in (b"\3a\0b", b"\3a b", b"\4\x1b[3m", b"\1\xff"):
        ask(w, p.dns(odd + p.question(name)), DROP)


@row("E67 labels that break the rules", never=True)
def _(w, name):
    tail = b"\0\1\0\1"
    ask(w, p.dns(bytes([len(name)]) + name + b"\0" + tail), PASS)
    ask(w, p.dns(b"\x40" + b"a" * 64 + p.question(name)), PASS)
    ask(w, p.dns(b"".join(b"\x3b" + b"a" * 59 for _ in range(5)) + p.question(name)), PASS)


@row("E68 DNS inside TLS: the resolver's name counts, and the kind is told")
def _(w, name):
    t = Talk(w, name, port=853).open()
    t.flags = ("dot",)
    t.deliver([(0, hello(name, alpn=(b"dot",)))]).close()
    t = Talk(w, name, port=8853).open()
    t.flags = ("dot",)
    t.deliver([(0, hello(name, alpn=(b"dot",)))]).close()
    t = Talk(w, b"dns.google").open()
    t.flags = ("doh",)
    t.c(0, hello(b"dns.google"))
    t.close()
    w.counters = {"dot": 2, "doh": 1}


@row("E68 a rule against DNS over HTTPS")
def _(w, name):
    w.rules, w.reason = ("--block-app", "DoH"), "app:DoH"
    for resolver in (b"dns.google", b"cloudflare-dns.com", b"dns.quad9.net"):
        tls(w, None, hello(resolver if name == BLOCKED else INNOCENT))


# --- what must not be blocked ----------------------------------------------------------------


@row("N1 names that only look alike", never=True)
def _(w, name):
    for n in (b"not" + name, name + b".org", b"x" + name, name.replace(b".", b"-") + b".example",
              name[1:], b"example"):
        Talk(w, n).open().c(0, hello(n))
        Talk(w, n, port=80, source="http").open().c(0, p.http(n.decode()))
        ask(w, p.dns(p.question(n)), PASS)


@row("N2 the name where it is no name", never=True)
def _(w, name):
    n = name.decode()
    body = f"<a href=http://{n}/>\r\nHost: {n}\r\n\r\nGET http://{n}/ HTTP/1.1\r\n"
    two = p.http(n)
    requests = [
        p.http("allowed.example", target=f"/?next=http://{n}/"),
        p.http("allowed.example", headers=f"Cookie: host={n}\r\nReferer: http://{n}/\r\n"),
        p.http("allowed.example", headers=f"X-Host: {n}\r\nX-Forwarded-Host: {n}\r\n"),
        p.http("allowed.example", "POST", headers=f"Content-Length: {len(body)}\r\n") +
        body.encode(),
        p.http("allowed.example", "GET", headers=f"Content-Length: {len(body)}\r\n") +
        body.encode(),
        p.http("allowed.example", "POST", headers=f"Content-Length: {len(two)}\r\n") + two,
        p.http("allowed.example", "POST", headers="Transfer-Encoding: chunked\r\n") +
        b"%x\r\n%s\r\n0\r\n\r\n" % (len(two), two),
    ]
    for request in requests:
        t = Talk(w, INNOCENT, port=80, source="http").open()
        t.c(0, request)
        t.s(0, f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    cname = b"\xc0\x0c\0\5\0\1\0\0\0\x3c" + struct.pack("!H", len(p.labels(name))) + p.labels(name)
    ask(w, p.dns(p.question(INNOCENT), flags=0x8180, answers=(cname,)), PASS, answer=False)
    t = Talk(w, INNOCENT).open()
    t.c(0, hello(INNOCENT))
    names = p.extension(0, b"") + b"\x0b\0\1\0" + b"\x82" + bytes([len(name)]) + name
    t.s(0, p.record(b"\2\0\0\4\3\3\0\0" + names))


@row("N3 10,000 other flows of the same two ends", "fwd v6")
def _(w, name):
    bad = Talk(w, name, sport=19999).open()
    bad.deliver([(0, hello(name))])
    ch = hello(INNOCENT)
    for i in range(10000):
        t = Talk(w, INNOCENT, sport=20000 + i)
        t.c(-1, b"", flags="S")
        t.s(-1, b"", flags="SA")
        t.c(0, ch)
        if i % 100 == 0:
            bad.c(bad.sent["c"], b"\x17\3\3\0\1x")
        t.s(0, b"\x16\3\3\0\x04\x02\0\0\0")


@row("N4 the same 5-tuple again after 60 s", "fwd v6 vlan")
def _(w, name):
    Talk(w, name, sport=40001).open().deliver([(0, hello(name))])
    for wait, fate in ((30, DROP), (59, DROP), (61, PASS)):
        w.wait(wait)
        t = Talk(w, None, sport=40001)
        w.flows.pop()  # the first use is what the report is asked about
        t.isn["c"] += 5000 * wait
        t.fate = fate if name == BLOCKED else PASS
        t.open()
        t.c(0, hello(INNOCENT))


@row("N6 names cut short", never=True)
def _(w, name):
    longer = name + b".org"
    ch, request = hello(longer), p.http(longer.decode())
    for port, stream in ((443, ch), (80, request)):
        # By the snap length, just behind what would be the blocked name.
        head = 14 + 4 * len(w.variant.tags) + (40 if w.variant.is_v6 else 20) + 20
        for short in (0, 4):
            t = Talk(w, None, port=port).open()
            t.state = "INCOMPLETE"
            t.c(0, stream, extra={"cut": head + end_of(stream, name) - short})
        # By the segments' border, at every place.
        for at in range(end_of(stream, name) - 4, end_of(stream, name) + 3):
            t = Talk(w, longer, port=port, source="tls" if port == 443 else "http").open()
            t.c(0, stream[:at])
            t.c(at, stream[at:])


def make(one, variant, name):
    """The World of one row: frames with their fates, flows to ask about."""
    world = World(variant)
    one.write(world, name)
    if name != BLOCKED or one.is_always_passed:
        world.frames = [f if f.fate in (REFUSED, MAY) else f._replace(fate=PASS)
                        for f in world.frames]
    return world


def cases():
    """Every (row, variant, name) there is."""
    for one in ROWS:
        for variant in VARIANTS:
            if variant.name in one.variants:
                yield one, variant
