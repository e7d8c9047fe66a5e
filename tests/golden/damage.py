# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Six small captures, ten thousand ways to damage them, and a reader that says what is left.

The reader is the tests' own and knows nothing of the program: what it takes for damage follows
draft-ietf-opsawg-pcap 4 and 5 and draft-ietf-opsawg-pcapng 3 and 4, with the bounds that the
program states (a record of 262,144 bytes, a block of 16 MiB, no record above its snap length).
"""
import random
import struct
from collections import namedtuple

import packets as p

RECORD_MAX, BLOCK_MAX = 262144, 16 << 20
SECTION, INTERFACE, OBSOLETE, SIMPLE, NAMES, STATISTICS, ENHANCED = 0x0A0D0D0A, 1, 2, 3, 4, 5, 6
US, NS = 0xA1B2C3D4, 0xA1B23C4D

# --- what the reader finds -------------------------------------------------------------------

Piece = namedtuple("Piece", "start end is_frame")
# status: of the program; pieces: the whole ones before the damage; damage: its offset, or None.
Verdict = namedtuple("Verdict", "status pieces damage")


class Damage(Exception):
    pass


def need(condition):
    if not condition:
        raise Damage


def classic_head(data):
    """(byte order, snap length, minor version) of a pcap file."""
    order = "<" if struct.unpack_from("<I", data)[0] in (US, NS) else ">"
    need(len(data) >= 24)
    return order, struct.unpack_from(order + "I", data, 16)[0], \
        struct.unpack_from(order + "H", data, 6)[0]


def classic_piece(data, at, state):
    if at == 0:
        state.update(zip(("order", "snap", "minor"), classic_head(data)))
        return 24, False
    need(len(data) - at >= 16)
    captured, wire = struct.unpack_from(state["order"] + "II", data, at + 8)
    if state["minor"] < 3 or state["minor"] == 3 and captured > wire:
        captured = wire  # the order of the oldest writers
    need(captured <= RECORD_MAX and (state["snap"] == 0 or captured <= state["snap"]))
    need(len(data) - at >= 16 + captured)
    return 16 + captured, True


def section_head(data, at, state):
    need(len(data) - at >= 28)
    for order in "<>":
        if struct.unpack_from(order + "I", data, at + 8)[0] == 0x1A2B3C4D:
            break
    else:
        raise Damage
    major, minor = struct.unpack_from(order + "HH", data, at + 12)
    need(major == 1 and minor in (0, 2))
    state.update(order=order, snaps=[])


def captured_length(kind, body, order, snaps):
    """(captured length, room for it, interface) of the three kinds of packet block."""
    head = 4 if kind == SIMPLE else 20
    need(len(body) >= head)
    if kind == SIMPLE:
        wire = struct.unpack_from(order + "I", body)[0]
        return min(wire, snaps[0] or wire) if snaps else wire, len(body) - head, 0
    interface = struct.unpack_from(order + ("H" if kind == OBSOLETE else "I"), body)[0]
    return struct.unpack_from(order + "I", body, 12)[0], len(body) - head, interface


def block(data, at, state):
    need(len(data) - at >= 8)
    order = state.get("order", "<")
    kind = struct.unpack_from(order + "I", data, at)[0]
    if kind == SECTION:
        section_head(data, at, state)
        order = state["order"]
    size = struct.unpack_from(order + "I", data, at + 4)[0]
    need(size >= (28 if kind == SECTION else 12) and size % 4 == 0 and size <= BLOCK_MAX)
    need(size <= len(data) - at)
    need(struct.unpack_from(order + "I", data, at + size - 4)[0] == size)
    body, snaps = data[at + 8:at + size - 4], state["snaps"]
    if kind == INTERFACE:
        need(len(body) >= 8)
        snaps.append(struct.unpack_from(order + "I", body, 4)[0])
    if kind in (OBSOLETE, SIMPLE, ENHANCED):
        captured, room, interface = captured_length(kind, body, order, snaps)
        need(captured <= room and captured <= RECORD_MAX and interface < len(snaps))
        need(snaps[interface] == 0 or captured <= snaps[interface])
    return size, kind in (OBSOLETE, SIMPLE, ENHANCED)


def is_refused(data):
    """Is it no capture at all, or a version of pcap that nobody has written?"""
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        return False
    for order in "<>":
        if len(data) >= 4 and struct.unpack_from(order + "I", data)[0] in (US, NS):
            major, minor = struct.unpack_from(order + "HH", data + bytes(4), 4)
            return len(data) >= 8 and (major != 2 or minor > 4)
    return True


def judge(data):
    """What the program must make of these bytes."""
    if is_refused(data):
        return Verdict(2, [], None)
    step = block if data[:4] == b"\x0a\x0d\x0d\x0a" else classic_piece
    at, pieces, state = 0, [], {}
    while at < len(data):
        try:
            size, is_frame = step(data, at, state)
        except Damage:
            return Verdict(3, pieces, at)
        pieces.append(Piece(at, at + size, is_frame))
        at += size
    return Verdict(0, pieces, None)


# --- small captures --------------------------------------------------------------------------

ME, SERVER = "10.0.0.2", "192.0.2.7"


def frames():
    """A DNS question, a SYN, half of a datagram, and a request; as short as they can be."""
    asked = p.udp(ME, SERVER, 5353, 53, p.dns(p.question(b"a.example")))
    opening = p.tcp(ME, SERVER, 1001, 80, 1, 0, "S")
    sent = p.tcp(ME, SERVER, 1001, 80, 2, 9, "PA", b"GET / HTTP/1.1\r\nHost: b.test\r\n\r\n")
    whole = [p.ip4(ME, SERVER, p.UDP, asked), p.ip4(ME, SERVER, p.TCP, opening),
             p.ip4(ME, SERVER, p.UDP, asked[:16], fragment=0x2000), p.ip4(ME, SERVER, p.TCP, sent)]
    return [p.ethernet(f, p.ETH_IP) for f in whole]


def classic(order, magic):
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
    for i, f in enumerate(frames()):
        out += struct.pack(order + "IIII", 1700000000 + i, 7 * i, len(f), len(f) + i) + f
    return out


def pad(data):
    return data + bytes(-len(data) % 4)


def option(order, code, value):
    return struct.pack(order + "HH", code, len(value)) + pad(value)


def make_block(order, kind, body):
    size = len(body) + 12
    return struct.pack(order + "II", kind, size) + body + struct.pack(order + "I", size)


def section(order, options=b""):
    return make_block(order, SECTION, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1) + options)


def interface(order, link=1, snap=0, options=b""):
    return make_block(order, INTERFACE, struct.pack(order + "HHI", link, 0, snap) + options)


def simple(order, frame, snap=None):
    return make_block(order, SIMPLE, struct.pack(order + "I", len(frame)) + pad(frame[:snap]))


def packet(order, frame, kind=ENHANCED, interface_id=0, ticks=1700000000 * 10**6, options=b""):
    at = struct.pack(order + "I", interface_id) if kind == ENHANCED else \
        struct.pack(order + "HH", interface_id, 0xFFFF)
    return make_block(order, kind, at + struct.pack(order + "IIII", ticks >> 32, ticks % 2**32,
                                                    len(frame), len(frame)) + pad(frame) + options)


def sections():
    """Two sections, each in its own byte order, with every kind of block and option we read."""
    f, end = frames(), option("<", 0, b"")
    names = struct.pack("<HH", 1, 12) + pad(bytes([192, 0, 2, 7]) + b"a.test\0") + bytes(4)
    return section("<", option("<", 3, b"none") + end) + \
        interface("<", options=option("<", 9, b"\x09") + end) + \
        packet("<", f[0], ticks=1700000000 * 10**9, options=option("<", 1, b"asked") + end) + \
        make_block("<", NAMES, names) + packet("<", f[1], kind=OBSOLETE) + \
        section(">") + interface(">", snap=65535, options=option(">", 9, b"\x94")) + \
        interface(">", options=option(">", 14, struct.pack(">q", -3600))) + \
        simple(">", f[2]) + packet(">", f[3], interface_id=1)


def blocks():
    """The other byte order, a snap length that cuts, and blocks that are passed on unread."""
    f = frames()
    return section(">") + interface(">", snap=48) + simple(">", f[3], snap=48) + \
        make_block(">", 0xBAD, struct.pack(">I", 32473) + b"our own!") + \
        make_block(">", STATISTICS, struct.pack(">III", 0, 1, 2)) + packet(">", f[1][:48]) + \
        make_block(">", 0x7FFFFFFF, b"") + packet(">", b"") + \
        interface(">", link=113, snap=262144, options=option(">", 2, b"eth9") + option(">", 0, b"")) + \
        packet(">", bytes(14) + b"\x08\x00" + f[1][14:], interface_id=1, kind=OBSOLETE,
               options=option(">", 2, bytes(4)))


CAPTURES = {
    "pcap, little, us": classic("<", US), "pcap, little, ns": classic("<", NS),
    "pcap, big, us": classic(">", US), "pcap, big, ns": classic(">", NS),
    "pcapng, two sections": sections(), "pcapng, big": blocks(),
}


# --- damage ----------------------------------------------------------------------------------

Case = namedtuple("Case", "capture offset value")  # value: in the byte's place; None: cut here


def cases(seed=1):
    """Every capture cut at every offset, and every byte of it replaced in three ways; in pcapng,
    where more bytes mean something, in four."""
    rng, out = random.Random(seed), []
    for name, data in CAPTURES.items():
        for at, was in enumerate(data):
            others = {0, 0xFF, was ^ 0x80, was ^ 0x04, was ^ 0x21, rng.randrange(256)}
            others = sorted(others - {was, (was + 1) % 256})
            values = [None, (was + 1) % 256]
            values += rng.sample(others, 3 if name.startswith("pcapng") else 2)
            out += [Case(name, at, v) for v in values]
    return out


def damaged(case):
    data = CAPTURES[case.capture]
    if case.value is None:
        return data[:case.offset]
    return data[:case.offset] + bytes([case.value]) + data[case.offset + 1:]
