# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Hellos and requests out of real captures, and the ways in which a client may send them.

First a small reader of captures: whole TLS ClientHellos and HTTP heads with the name in them. Then
one function a mutation, which puts one of them into a World of evasion.py as a flow of its own.
"""
import os
import re
import struct

import layers
import packets as p
import quic as q
from evasion import INNOCENT, Talk, cut
from evasion_quic import Quic, frames_of, pieces_of

HOST = re.compile(rb"^(?=.*[a-z])[a-z0-9_-]+(\.[a-z0-9_-]+)+$")
FIRST_BYTES = 16384
MSS = 1400

# --- reading captures ------------------------------------------------------------------------


def records_of(path):
    """(link type, frame) of each record of a pcap or pcapng file, as far as it is sound."""
    with open(path, "rb") as f:
        raw = f.read()
    if raw[:4] == b"\x0a\x0d\x0d\x0a":
        yield from _blocks(raw)
        return
    order = "<" if raw[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    if len(raw) < 24:
        return
    link, at = struct.unpack_from(order + "I", raw, 20)[0] & 0xFFFF, 24
    while at + 16 <= len(raw):
        size = struct.unpack_from(order + "I", raw, at + 8)[0]
        yield link, raw[at + 16:at + 16 + size]
        at += 16 + size


def _blocks(raw):
    order, links, at = "<", [], 0
    while at + 12 <= len(raw):
        kind = struct.unpack_from(order + "I", raw, at)[0]
        if raw[at:at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if raw[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            links = []
        size = struct.unpack_from(order + "I", raw, at + 4)[0]
        body = raw[at + 8:at + size - 4]
        if kind == 1:
            links.append(struct.unpack_from(order + "H", body)[0])
        elif kind == 6 and len(body) >= 20:
            number, _, __, cap = struct.unpack_from(order + "IIII", body)
            yield links[number] if number < len(links) else -1, body[20:20 + cap]
        elif kind == 3 and links:
            yield links[0], body[4:]
        at += max(size, 12)


def ip_of(link, data):
    """The IP packet of a frame, or nothing."""
    if link == 101 or link in (12, 14):
        return data
    if link == 113:
        return data[16:]
    if link == 0:
        return data[4:]
    if link != 1:
        return b""
    at = 12
    while data[at:at + 2] in (b"\x81\0", b"\x88\xa8"):
        at += 4
    return data[at + 2:] if data[at:at + 2] in (b"\x08\0", b"\x86\xdd") else b""


def segment_of(packet):
    """(flow, sequence number, payload) of a TCP segment that is no fragment, or None."""
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= 20:
        size, total, more = (packet[0] & 15) * 4, *struct.unpack_from("!HxxH", packet, 2)
        proto, ends, body = packet[9], packet[12:20], packet[size:total or None]
        if more & 0x3FFF:
            return None
    elif version == 6 and len(packet) >= 40:
        proto, ends = packet[6], packet[8:40]
        body = packet[40:40 + struct.unpack_from("!H", packet, 4)[0]]
    else:
        return None
    if proto != p.TCP or len(body) < 20:
        return None
    return ends + body[:4], struct.unpack_from("!I", body, 4)[0], body[(body[12] >> 4) * 4:]


def first_bytes(path):
    """Of each direction of each connection: its unbroken first bytes, and all its segments."""
    flows = {}
    for link, data in records_of(path):
        found = segment_of(ip_of(link, data))
        if found and found[2]:
            flows.setdefault(found[0], {}).setdefault(found[1], found[2])
    for pieces in flows.values():
        out = b""
        for seq, data in pieces.items():
            if not out:
                start = seq
            at = (seq - start) % 2**32
            if at <= len(out) < at + len(data) and len(out) < FIRST_BYTES:
                out += data[len(out) - at:]
        yield out, pieces.values()


def tls_hello(stream):
    """(handshake message, name) of a whole ClientHello at the beginning, or None."""
    hs, at = b"", 0
    while stream[at:at + 2] == b"\x16\3" and len(stream) >= at + 5:
        size = struct.unpack_from("!H", stream, at + 3)[0]
        hs += stream[at + 5:at + 5 + size]
        at += 5 + size
        if len(hs) >= 4 and hs[0] == 1 and len(hs) >= 4 + int.from_bytes(hs[1:4], "big"):
            hs = hs[:4 + int.from_bytes(hs[1:4], "big")]
            name = name_in_hello(hs)
            return (hs, name) if name else None
    return None


def name_in_hello(hs):
    try:
        at = 38 + 1 + hs[38]
        at += 2 + struct.unpack_from("!H", hs, at)[0]
        at += 1 + hs[at] + 2
        while at < len(hs):
            kind, size = struct.unpack_from("!HH", hs, at)
            if kind == 0:
                name = hs[at + 9:at + 9 + struct.unpack_from("!H", hs, at + 7)[0]].lower()
                return name if HOST.match(name) else None
            at += 4 + size
    except (IndexError, struct.error):
        pass
    return None


def http_head(data):
    """(request head, name) of a request at the beginning, or None."""
    found = re.match(rb"[A-Z]{3,20} \S+ HTTP/1\.[01]\r\n", data)
    end = data.find(b"\r\n\r\n")
    if not found or end < 0 or data.startswith(b"CONNECT"):
        return None
    head = data[:end + 4]
    hosts = re.findall(rb"\r\nhost:[ \t]*([^\r:]+)(?::\d+)?[ \t]*(?=\r\n)", head, re.I)
    if len(hosts) != 1 or not HOST.match(hosts[0].lower()):
        return None
    return head, hosts[0].lower()


def samples(directory, most):
    """Up to `most` different (handshake message, name), and as many (request head, name), those
    that were sent more than once again where there are not enough different ones."""
    hellos, heads, again = {}, {}, []
    for file in sorted(os.listdir(directory)):
        if not file.endswith((".pcap", ".pcapng", ".cap")):
            continue
        for stream, segments in first_bytes(os.path.join(directory, file)):
            found = tls_hello(stream)
            if found:
                hellos.setdefault(found)
            found_here = [http_head(data) for data in segments]
            if http_head(stream) not in found_here:
                found_here.append(http_head(stream))
            for found in found_here:
                if found in heads:
                    again.append(found)
                elif found:
                    heads[found] = 1
    return spread(list(hellos), most), (spread(list(heads), most) + spread(again, most))[:most]


def spread(found, most):
    """Each name in turn, so that no capture with many connections crowds the others out."""
    turns = {}
    for one in found:
        turns.setdefault(one[1], []).append(one)
    out = []
    while turns and len(out) < most:
        for name in list(turns):
            out.append(turns[name].pop(0))
            if not turns[name]:
                del turns[name]
    return out[:most]


# --- mutations -------------------------------------------------------------------------------
#
# Each: (world, number of the sample, its bytes, its name). For TLS and QUIC the bytes are the
# handshake message, for HTTP the request head.

TLS, HTTP, QUIC = [], [], []


def mutation(*tables):
    def add(write):
        for table in tables:
            table.append(write)
        return write
    return add


def stream_of(data):
    """What a client sends: TLS records around a handshake message, or the head as it is."""
    return p.records(data, 16384) if data[:1] == b"\1" else data


def talk_of(w, data, name):
    is_tls = data[:1] == b"\1"
    return Talk(w, name, *((443,) if is_tls else (80, None, "http"))).open()


def send(w, data, name, parts, **how):
    talk = talk_of(w, data, name)
    for at, part in parts:
        talk.c(at, part, **how)
    return talk


def sized(stream, size):
    return cut(stream, *range(size, len(stream), size))


def around(stream, name):
    """Offsets of the name's middle and of some bytes around it."""
    at = stream.lower().index(name)
    return at - 3, at + len(name) // 2, at + len(name) + 1


@mutation(TLS, HTTP)
def as_it_is(w, _, data, name):
    send(w, data, name, sized(stream_of(data), MSS))


@mutation(TLS, HTTP)
def split_in_the_name(w, _, data, name):
    stream = stream_of(data)
    send(w, data, name, cut(stream, *around(stream, name)[1:2]))


@mutation(TLS, HTTP)
def split_around_the_name(w, _, data, name):
    stream = stream_of(data)
    send(w, data, name, cut(stream, *around(stream, name)))


@mutation(TLS, HTTP)
def split_and_reversed(w, _, data, name):
    stream = stream_of(data)
    send(w, data, name, cut(stream, *around(stream, name))[::-1])


@mutation(TLS, HTTP)
def one_to_fifty_bytes(w, i, data, name):
    send(w, data, name, sized(stream_of(data), i % 50 + 1))


@mutation(TLS, HTTP)
def one_to_fifty_bytes_reversed(w, i, data, name):
    # As many holes as there are pieces: no more than 60.
    stream = stream_of(data)
    send(w, data, name, sized(stream, max(i % 50 + 1, -(-len(stream) // 60)))[::-1])


@mutation(TLS, HTTP)
def overlaps(w, i, data, name):
    stream = stream_of(data)
    parts = [(max(at - i % 40 - 1, 0), stream[max(at - i % 40 - 1, 0):at + len(part)])
             for at, part in sized(stream, max(len(stream) // 5, 1))]
    send(w, data, name, parts[::-1] if i % 2 else parts)


@mutation(TLS, HTTP)
def false_bytes_before_the_true(w, i, data, name):
    """The later piece first, with a wrong beginning that the head then covers."""
    stream = stream_of(data)
    at = i % 60 + 5
    send(w, data, name, [(at - 4, b"\0" * 4 + stream[at:]), (0, stream[:at])])


@mutation(TLS, HTTP)
def left_of_the_window(w, i, data, name):
    stream = stream_of(data)
    send(w, data, name, [(-1 - i, b"x" * (i + 1) + stream[:50]), (50, stream[50:])])


@mutation(TLS, HTTP)
def fragments_in_order(w, i, data, name):
    send(w, data, name, sized(stream_of(data), MSS),
         pieces=lambda d, ident: layers.fragments_of(d, 24 + i % 20 * 8, ident))


@mutation(TLS, HTTP)
def fragments_reversed(w, i, data, name):
    send(w, data, name, sized(stream_of(data), MSS),
         pieces=lambda d, ident: layers.fragments_of(d, 24 + i % 20 * 8, ident)[::-1])


@mutation(TLS, HTTP)
def decoy_with_a_bad_checksum(w, _, data, name):
    talk = talk_of(w, data, name)
    talk.c(0, stream_of(p.client_hello(INNOCENT)) if data[:1] == b"\1" else
           p.http(INNOCENT.decode()), check=0x1234)
    for at, part in sized(stream_of(data), MSS):
        talk.c(at, part)


@mutation(TLS, HTTP)
def decoys_with_a_low_ttl(w, _, data, name):
    talk = talk_of(w, data, name)
    stream = stream_of(data)
    for at, part in cut(stream, *around(stream, name)[1:2]):
        talk.c(at, b"\0" * len(part), ttl=2)
        talk.c(at, part)


@mutation(TLS, HTTP)
def in_a_tunnel(w, i, data, name):
    w.tunnel = layers.TUNNELS[i % len(layers.TUNNELS)][0]
    stream = stream_of(data)
    send(w, data, name, cut(stream, *around(stream, name)[1:2]))
    w.tunnel = None


@mutation(TLS)
def small_records(w, i, data, name):
    stream = p.records(data, i % 60 + 4)
    send(w, data, name, sized(stream, MSS))


@mutation(TLS)
def records_cut_in_the_name(w, _, data, name):
    stream = b"".join(p.record(part) for _, part in cut(data, *around(data, name)))
    send(w, data, name, sized(stream, MSS))


@mutation(TLS)
def behind_proxy_v1(w, _, data, name):
    head = b"PROXY TCP4 192.0.2.99 198.51.100.20 52176 443\r\n"
    send(w, data, name, sized(head + stream_of(data), MSS))


@mutation(TLS)
def behind_proxy_v2(w, _, data, name):
    head = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12)
    send(w, data, name, sized(head + stream_of(data), MSS))


def behind(w, data, name, port, steps):
    """A connection that speaks something else first: (client's bytes, server's bytes) steps."""
    talk = Talk(w, name, port=port).open()
    at = 0
    for asked, answered in steps:
        if asked:
            talk.c(at, asked)
        talk.s(talk.sent["s"], answered)
        at += len(asked)
    stream = stream_of(data)
    for offset, part in cut(stream, *around(stream, name)[1:2]):
        talk.c(at + offset, part)


@mutation(TLS)
def behind_connect(w, _, data, name):
    ask = b"CONNECT 198.51.100.77:443 HTTP/1.1\r\nHost: 198.51.100.77:443\r\n\r\n"
    behind(w, data, name, 3128, [(ask, b"HTTP/1.1 200 Connection established\r\n\r\n")])


@mutation(TLS)
def behind_starttls(w, _, data, name):
    behind(w, data, name, 25, [(b"", b"220 mail ESMTP ready\r\n"),
                               (b"EHLO client\r\n", b"250-mail\r\n250 STARTTLS\r\n"),
                               (b"STARTTLS\r\n", b"220 2.0.0 Ready to start TLS\r\n")])


@mutation(TLS)
def behind_socks5(w, _, data, name):
    behind(w, data, name, 1080, [(b"\5\1\0", b"\5\0"),
                                 (b"\5\1\0\1\xc6\x33\x64\x4d\1\xbb", b"\5\0\0\1" + bytes(6))])


@mutation(HTTP)
def split_in_the_word_host(w, _, data, name):
    at = re.search(rb"\r\nhost", data, re.I).start()
    send(w, data, name, cut(data, at + 4))


@mutation(HTTP)
def a_second_request(w, _, data, name):
    first = p.http(INNOCENT.decode())
    talk = talk_of(w, data, name)
    talk.c(0, first)
    talk.s(0, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    talk.c(len(first), data)


@mutation(HTTP)
def both_requests_at_once(w, _, data, name):
    first = p.http(INNOCENT.decode())
    send(w, data, name, cut(first + data, len(first) - 2, len(first) + 30))


def datagrams(w, hs, name, groups, order=None, junk=(), pieces=None):
    """A flow of QUIC, a datagram a group of (offset, bytes)."""
    chat = Quic(w, name)
    for data in junk:
        chat.c(data(chat))
    packets = [chat.initial(frames_of(group), number=i, scid=chat.id[::-1])
               for i, group in enumerate(groups)]
    for packet in order(packets) if order else packets:
        chat.c(packet, pieces=pieces)


def in_two(hs, name):
    """Cut in the name; what follows may need more datagrams than one."""
    parts = pieces_of(hs, *sorted({around(hs, name)[1], *range(1000, len(hs), 1000)}))
    return [[part] for part in parts]


@mutation(QUIC)
def in_one_turn(w, _, hs, name):
    datagrams(w, hs, name, [[part] for part in pieces_of(hs, *range(1000, len(hs), 1000))])


@mutation(QUIC)
def in_two_datagrams(w, _, hs, name):
    datagrams(w, hs, name, in_two(hs, name))


@mutation(QUIC)
def in_three_datagrams(w, _, hs, name):
    at = around(hs, name)
    datagrams(w, hs, name, [[part] for part in
                            pieces_of(hs, *sorted({*at[1:], *range(1000, len(hs), 1000)}))])


@mutation(QUIC)
def swapped(w, _, hs, name):
    datagrams(w, hs, name, in_two(hs, name), lambda d: d[::-1])


@mutation(QUIC)
def twice_each(w, _, hs, name):
    datagrams(w, hs, name, in_two(hs, name), lambda d: [x for one in d[::-1] for x in (one, one)])


@mutation(QUIC)
def shuffled_frames(w, i, hs, name):
    parts = pieces_of(hs, *range(20 + i % 30, len(hs), 20 + i % 30))
    parts = parts[::2][::-1] + parts[1::2]
    size = -(-len(parts) // (1 + len(hs) // 700))
    datagrams(w, hs, name, [parts[k:k + size] for k in range(0, len(parts), size)])


@mutation(QUIC)
def in_fragments(w, i, hs, name):
    size = 40 + i % 30 * 8
    datagrams(w, hs, name, in_two(hs, name),
              pieces=lambda d, ident: layers.fragments_of(d, size, ident)[::-1 if i % 2 else 1])


@mutation(QUIC)
def after_junk(w, i, hs, name):
    datagrams(w, hs, name, in_two(hs, name),
              junk=[lambda c: bytes([i]) * (i + 1), lambda c: q.short(c.id), lambda c: bytes(1200),
                    lambda c: c.initial(q.crypto(0, q.client_hello(INNOCENT)), key_id=b"another")])


@mutation(QUIC)
def version_2(w, _, hs, name):
    chat = Quic(w, name)
    for number, group in enumerate(in_two(hs, name)):
        chat.say(frames_of(group), version=q.V2, number=number)


@mutation(QUIC)
def after_retry(w, _, hs, name):
    chat = Quic(w, name)
    chat.say(q.ping())
    chat.s(q.retry(b"", chat.server_id, chat.id, b"token"))
    for number, group in enumerate(in_two(hs, name), 1):
        chat.say(frames_of(group), dcid=chat.server_id, token=b"token", number=number)
