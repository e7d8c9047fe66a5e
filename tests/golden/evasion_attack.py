# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Rows of evasion.py that several tricks at once are in, each of them known by itself: decoys before
and behind the real bytes, so that neither the first nor the last of two segments is right; frames
forged in the server's name; repeats by which a receiver learns a length. Each was read as the real
request by a Linux endpoint.
"""
import struct

import packets as p
from evasion import ANY, DROP, Talk, row

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def request(name):
    """A request, and where it is cut: amid the name."""
    whole = p.http(name.decode())
    return whole, whole.index(name) + 4


def end(t, at, data, **how):
    """The segment that completes the request, and the answer."""
    t.c(at, data, fate=DROP, **how)
    t.fate = DROP
    t.s(0, ANSWER)


def crossed(w, name, decoy, real=None, stamped=False, before=None):
    """decoy(t, at, data) sends what the receiver refuses: over the first half of the name it comes
    first, over the second half last. real: keywords of the other segments, by their place."""
    whole, cut = request(name)
    false = p.http("allowed.example")
    real = real or (lambda at: {})
    t = Talk(w, name, port=80, source="http").open(stamped=stamped)
    t.c(0, whole[:2], fate=ANY, **real(0))
    if before:
        before(t)
    decoy(t, 2, false[2:cut])
    t.c(2, whole[2:cut - 2], fate=ANY, **real(2))
    t.c(cut, whole[cut:cut + 6], fate=ANY, **real(cut))
    decoy(t, cut, false[cut:cut + 3] + b"qqq")
    t.c(cut + 6, whole[cut + 6:], fate=ANY, **real(cut + 6))
    end(t, cut - 2, whole[cut - 2:cut], **real(cut - 2))


def bad_sum(t, at, data):
    t.c(at, data, check=0x1234, fate=ANY)


@row("E06 E09 the first wins in one half, the one that covers in the other")
def _(w, name):
    whole, cut = request(name)
    t = Talk(w, name, port=80, source="http").open()
    t.c(cut - 4, whole[cut - 4:cut], fate=ANY)
    t.c(cut - 4, b"qqqq", fate=ANY)
    t.c(cut + 2, b"zz", fate=ANY)
    t.c(cut, whole[cut:], fate=ANY)
    end(t, 0, whole[:cut - 4])


@row("E15 decoys with a false checksum across the real ones")
def _(w, name):
    crossed(w, name, bad_sum)


@row("E15 E16 the real ones change their TTL")
def _(w, name):
    crossed(w, name, bad_sum, lambda at: {"ttl": 63})
    crossed(w, name, bad_sum, lambda at: {"ttl": 60 + at % 3})


@row("E15 a checksum that looks unfinished")
def _(w, name):
    def decoy(t, at, data):
        src, dst = t.ends("c")[:2]
        size = 20 + len(data)
        t.c(at, data, check=~p.checksum(p.pseudo(src, dst, p.TCP, size)) & 0xFFFF, fate=ANY)
    crossed(w, name, decoy)


@row("E18 a decoy's timestamp of the far future")
def _(w, name):
    def poison(t):
        t.c(2, b"G", options=p.timestamps(t.world.now_us // 1000 + 9000000), check=0x4321,
            fate=ANY)
    crossed(w, name, bad_sum, stamped=True, before=poison)


@row("E18 timestamps that were not agreed on fall")
def _(w, name):
    crossed(w, name, bad_sum, lambda at: {"options": p.timestamps(900000 - at * 500)})


@row("E19 decoys acknowledge one byte too many")
def _(w, name):
    crossed(w, name, lambda t, at, data: t.c(at, data, ack=t.isn["s"] + 2, fate=ANY))


@row("E22 E24 decoys that are a SYN or a RST")
def _(w, name):
    crossed(w, name, lambda t, at, data: t.c(at - 1, data, flags="SPA", fate=ANY))
    crossed(w, name, lambda t, at, data: t.c(at, data, flags="RPA", fate=ANY))


@row("E20 decoys with a source route", "fwd swap vlan")
def _(w, name):
    def decoy(t, at, data):
        route = b"\x83\x07\x04" + p.address(t.ends("c")[0]) + b"\0"
        src, dst, *ports = t.ends("c")
        body = p.tcp(src, dst, *ports, t.isn["c"] + 1 + at, t.isn["s"] + 1, "PA", data)
        w.put(w.ip(src, dst, p.TCP, body, options=route), ANY)
    crossed(w, name, decoy)


def urgent(w, name, send):
    """send(t, whole, at): all that comes before the last segment; gives that one's place, bytes and
    keywords."""
    whole, cut = request(name)
    t = Talk(w, name, port=80, source="http").open()
    t.fate = ANY
    at, data, how = send(t, whole, cut)
    end(t, at, data, **how)


@row("E11 three urgent bytes of which a receiver takes two")
def _(w, name):
    def send(t, whole, at):
        t.c(0, whole[:at] + b"!", flags="PAU", urgent=at + 1)
        t.c(at + 4, b"!" + whole[at + 3:], flags="PAU", urgent=1)
        return at + 1, whole[at:at + 3], {"flags": "PAU", "urgent": 2}
    urgent(w, name, send)


@row("E11 a false segment calls a real byte urgent")
def _(w, name):
    def send(t, whole, at):
        t.c(0, whole[:at] + b"!", flags="PAU", urgent=at + 1)
        t.c(5, b"", flags="AU", urgent=at - 5, check=0x1234)
        return at + 1, whole[at:], {}
    urgent(w, name, send)


@row("E11 64 urgent bytes that are none come first")
def _(w, name):
    def many(step, **how):
        def send(t, whole, at):
            for i in range(64):
                t.c(step * (100000 + 3 * i), b"", flags="AU", urgent=1, **how)
            t.sent["c"] = 0
            return 0, whole[:at] + b"!" + whole[at:], {"flags": "PAU", "urgent": at + 1}
        return send
    urgent(w, name, many(1, check=0x1234))
    urgent(w, name, many(-1))


def forged(t, seq, flags="SA", ack=0):
    """A frame in the server's name that the client sends: the real one never sees it."""
    src, dst, *ports = t.ends("s")
    t.world.put(t.world.ip(src, dst, p.TCP, p.tcp(src, dst, *ports, seq, ack, flags)), ANY)


@row("E24 the client forges the answer to its SYN", "fwd v6 vlan")
def _(w, name):
    whole, cut = request(name)
    for acks in ((5000001,), (5000001, 6000001)):
        t = Talk(w, name, port=80, source="http").open()
        for ack in acks:
            forged(t, 77, ack=ack)
        end(t, 0, whole)
    for has_syn in (False, True):
        t = Talk(w, name, port=80, source="http").open()
        t.c(0, whole[:cut], fate=ANY)
        if has_syn:
            t.c(88888, b"", flags="S", fate=ANY)
        forged(t, 77, ack=t.isn["c"] + 1 + 88889)
        t.sent["c"] = cut
        end(t, cut, whole[cut:])


@row("N5 a SYN amid a confirmed connection opens nothing", "fwd v6", never=True)
def _(w, name):
    t = Talk(w, b"allowed.example", port=80, source="http").open()
    t.c(800000, b"", flags="S", ack=0)
    t.c(800001, p.http(name.decode()))
    t.sent["c"] = 0
    t.c(0, p.http("allowed.example"))
    t.s(0, ANSWER)


@row("E29 the last piece comes with more to follow, and again", "fwd v6 vlan")
def _(w, name):
    def pieces(datagram, ident):
        v6 = datagram[0] >> 4 == 6
        head = 40 if v6 else 20
        body = datagram[head:]

        def piece(at, data, more):
            if v6:
                extension = struct.pack("!BBHI", datagram[6], 0, at | more, ident)
                return datagram[:4] + struct.pack("!HB", 8 + len(data), 44) + \
                    datagram[7:40] + extension + data
            top = datagram[:2] + struct.pack("!HHH", 20 + len(data), ident,
                                             more << 13 | at // 8) + datagram[8:10] + b"\0\0" + \
                datagram[12:20]
            return top[:10] + struct.pack("!H", p.checksum(top)) + top[12:] + data
        return [piece(24, body[24:], 1), piece(24, body[24:], 0), piece(0, body[:24], 1)]
    whole = p.http(name.decode())
    whole = p.http(name.decode(), headers="X: " + "x" * (-(20 + len(whole) + 5) % 8) + "\r\n")
    t = Talk(w, name, port=80, source="http").open()
    t.fate = t.before = ANY
    t.c(0, whole, pieces=pieces, fate=DROP)
    t.fate = DROP
    t.s(0, ANSWER)


@row("N2 a keep-alive with a byte of garbage is no contradiction", "fwd v6", never=True)
def _(w, name):
    body = b"POST /up HTTP/1.1\r\nHost: allowed.example\r\nContent-Length: 5000\r\n\r\n" + b"x" * 100
    t = Talk(w, b"allowed.example", port=80, source="http").open()
    t.c(0, body)
    t.s(0, b"", flags="A")
    t.c(len(body) - 1, b"\0", flags="A")
    t.c(len(body), p.http(name.decode()) + b"y" * 100)


@row("N2 E15 a real byte that looks like a keep-alive")
def _(w, name):
    false = p.http("allowed.example", headers="Accept: " + "b" * 40 + "\r\n")
    whole = p.http(name.decode(), headers="")
    lead = whole.index(name) + 4
    gap = len(false) - 1 - lead - len("X: \r\n")
    line = whole.index(b"\r\n") + 2
    whole = whole[:line] + b"X: " + b"a" * gap + b"\r\n" + whole[line:]
    last = len(false) - 1
    for is_first in (False, True):
        t = Talk(w, name, port=80, source="http").open()
        t.c(0, false, check=0x1234, fate=ANY)
        parts = [(0, whole[:last]), (last, whole[last:last + 1])]
        for at, data in reversed(parts) if is_first else parts:
            t.c(at, data, fate=ANY)
        end(t, last + 1, whole[last + 1:])


@row("E22 E24 a forged end and a forged beginning amid a request", "fwd v6 vlan")
def _(w, name):
    whole, cut = request(name)
    for is_reset in (True, False):
        t = Talk(w, name, port=80, source="http").open()
        t.c(0, whole[:cut], fate=ANY)
        if is_reset:
            forged(t, t.isn["s"] + 1, "R")
        else:
            t.c(cut + 5000, b"", flags="FA", fate=ANY)
            forged(t, t.isn["s"] + 3001, "FA", t.isn["c"] + 1 + cut)
        t.c(88888, b"", flags="S", ack=0, fate=ANY)
        t.sent["c"] = cut
        end(t, cut, whole[cut:])
