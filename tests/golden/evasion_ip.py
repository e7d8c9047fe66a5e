# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Rows of evasion.py about what is below the transport: fragments (E29 to E31) and tunnels (E33).

A fragment that completes the datagram that completes the name is dropped, and all of the flow from
there on. First fragments too small for a transport header, and datagrams whose fragments overlap,
are dropped with any name while there is a rule, and never without one.
"""
import random

import evasion
import layers
import packets as p
from evasion import ANY, DROP, MAY, PASS, REFUSED, Chat, Talk, ask, cut, end_of, hello, row


def in_order(size):
    return lambda datagram, ident: layers.fragments_of(datagram, size, ident)


def reversed_order(size):
    return lambda datagram, ident: layers.fragments_of(datagram, size, ident)[::-1]


def shuffled(size, seed):
    def pieces(datagram, ident):
        parts = layers.fragments_of(datagram, size, ident)
        random.Random(seed + ident).shuffle(parts)
        return parts
    return pieces


ORDERS = [in_order(24), reversed_order(24), shuffled(24, 1), in_order(200), reversed_order(160),
          shuffled(64, 2)]


@row("E29 IP fragments in every order", "fwd v6 swap vlan qinq")
def _(w, name):
    ch = hello(name)
    for pieces in ORDERS:
        t = Talk(w, name).open()
        t.flags = ("fragmented",)
        t.deliver([(0, ch, {"pieces": pieces})]).close()
        t = Talk(w, name, port=80, source="http").open()
        t.deliver([(0, p.http(name.decode(), headers="X: " + "x" * 300 + "\r\n"),
                    {"pieces": pieces})])


@row("E29 fragments of segments", "fwd rev v6 vlan")
def _(w, name):
    ch = hello(name, pq=True)
    for pieces in ORDERS:
        t = Talk(w, name).open()
        t.deliver([(at, data, {"pieces": pieces}) for at, data in cut(ch, 500, 1000)],
                  need=end_of(ch, name)).close()


@row("E29 a cut at every place", "fwd v6")
def _(w, name):
    ch = hello(name)
    for at in range(24, 20 + len(ch), 8):
        for turn in (1, -1):
            t = Talk(w, name).open()
            t.deliver([(0, ch, {"pieces": lambda d, i, at=at, turn=turn:
                                layers.fragments(d, at, ident=i)[::turn]})])


@row("E29 each fragment twice", "fwd v6 vlan")
def _(w, name):
    def twice(datagram, ident):
        parts = layers.fragments_of(datagram, 48, ident)
        return [x for part in parts[:-1] for x in (part, part)] + parts[-1:]
    for turn in (1, -1):
        t = Talk(w, name).open()
        t.deliver([(0, hello(name), {"pieces": lambda d, i, turn=turn: twice(d, i)[::turn]
                                     if turn > 0 else layers.fragments_of(d, 48, i)[:0:-1] * 2 +
                                     layers.fragments_of(d, 48, i)[:1]})]).close()


@row("E29 fragments of two datagrams, mixed", "fwd v6")
def _(w, name):
    ch = hello(name)
    t, other = Talk(w, name).open(), Talk(w, evasion.INNOCENT).open()
    parts = []
    for one, data in ((t, ch), (other, hello(evasion.INNOCENT))):
        body = p.tcp(*one.ends("c"), one.isn["c"] + 1, one.isn["s"] + 1, "PA", data)
        parts.append(layers.fragments_of(w.ip(*one.ends("c")[:2], p.TCP, body)[0], 64, 500))
        w.ident += 1
    kind = p.ETH_IPV6 if w.variant.is_v6 else p.ETH_IP
    parts[1] = [layers.fragment(layers_whole(w, other), at, body, more, 501)
                for at, body, more in split_of(layers_whole(w, other), 64)]
    for i, (a, b) in enumerate(zip(*parts)):
        w.add(a, kind, DROP if i == len(parts[0]) - 1 else PASS)
        w.add(b, kind, PASS)
    assert len(parts[0]) == len(parts[1])
    t.fate = DROP
    t.sent["c"] = other.sent["c"] = len(ch)
    t.close()
    other.close()


def layers_whole(w, talk):
    """The datagram with an innocent hello of this connection."""
    body = p.tcp(*talk.ends("c"), talk.isn["c"] + 1, talk.isn["s"] + 1, "PA",
                 hello(evasion.INNOCENT))
    return w.ip(*talk.ends("c")[:2], p.TCP, body)[0]


def split_of(datagram, size):
    """(offset, bytes, more) of a datagram's body."""
    body = layers.body_of(datagram)
    return [(at, body[at:at + size], at + size < len(body)) for at in range(0, len(body), size)]


@row("E29 DNS in fragments", "fwd v6 vlan")
def _(w, name):
    message = p.dns(p.question(INNOCENT_LONG), p.question(name))
    for pieces in (in_order(16), reversed_order(16), shuffled(24, 5)):
        t = Chat(w, None, port=53, source="dns")
        t.c(message, DROP, pieces=pieces)
        t.fate = ANY  # each message is decided for itself


INNOCENT_LONG = b"a-long-and-innocent-name.allowed.example"


@row("E30 first fragments too small for a TCP header", "fwd v6 swap vlan")
def _(w, name):
    ch = hello(name)
    for size in (8, 16):
        for turn in (1, -1):
            t = Talk(w, None).open()
            body = p.tcp(*t.ends("c"), t.isn["c"] + 1, t.isn["s"] + 1, "PA", ch)
            datagram, kind = w.ip(*t.ends("c")[:2], p.TCP, body)
            w.ident += 1
            parts = layers.fragments_of(datagram, size, 900 + w.ident)
            for i, part in list(enumerate(parts))[::turn]:
                # Without those that hold parts of the header nobody has the rest.
                w.add(part, kind, REFUSED if i * size < 20 else MAY)
            t.fate = MAY


@row("E30 a first fragment too small for a UDP header", "fwd v6")
def _(w, name):
    message = p.dns(p.question(name))
    sport = w.next_port()
    datagram, kind = w.ip(w.client, w.server, p.UDP,
                          p.udp(w.client, w.server, sport, 53, message))
    # Nothing fits below eight bytes but nothing: an empty first fragment.
    w.add(layers.fragment(datagram, 0, b"", True, 71), kind, REFUSED)


def contradict(w, name, make_parts, refused_from):
    """One connection whose hello comes in make_parts(datagram, other datagram, ident)."""
    t = Talk(w, None).open()
    datagrams = []
    for n in (name, evasion.INNOCENT):
        body = p.tcp(*t.ends("c"), t.isn["c"] + 1, t.isn["s"] + 1, "PA", hello(n))
        datagrams.append(w.ip(*t.ends("c")[:2], p.TCP, body))
    w.ident += 1
    for i, part in enumerate(make_parts(datagrams[0][0], datagrams[1][0], 1000 + w.ident)):
        w.add(part, datagrams[0][1], REFUSED if i >= refused_from else PASS)
    t.fate = ANY


@row("E31 fragments that overlap", "fwd v6 swap vlan")
def _(w, name):
    def later(real, fake, ident):
        a, b = layers.body_of(real), layers.body_of(fake)
        f = layers.fragment
        return [f(real, 0, a[:96], True, ident), f(real, 48, b[48:160], True, ident),
                f(real, 160, a[160:], False, ident), f(real, 96, a[96:160], True, ident)]

    def covers(real, fake, ident):
        a, b = layers.body_of(real), layers.body_of(fake)
        f = layers.fragment
        return [f(real, 96, b[96:], False, ident), f(real, 48, a[48:], False, ident),
                f(real, 0, a[:48], True, ident)]

    def same_place(real, fake, ident):
        a, b = layers.body_of(real), layers.body_of(fake)
        f = layers.fragment
        return [f(real, 0, a[:80], True, ident), f(real, 80, b[80:160], True, ident),
                f(real, 80, b"\0" * 8 + a[88:160], True, ident),
                f(real, 160, a[160:], False, ident)]

    def two_ends(real, fake, ident):
        a = layers.body_of(real)
        f = layers.fragment
        return [f(real, 80, a[80:160], False, ident), f(real, 80, a[80:], False, ident),
                f(real, 0, a[:80], True, ident)]

    contradict(w, name, later, 1)
    contradict(w, name, covers, 1)
    contradict(w, name, same_place, 2)
    contradict(w, name, two_ends, 1)


@row("E31 an identification used again, another TTL each", "fwd v6 vlan")
def _(w, name):
    def differing(datagram, ident):
        return [layers.fragment(datagram, at, body, more, 4242, ttl=10 + i)
                for i, (at, body, more) in enumerate(split_of(datagram, 64))]
    first = Talk(w, evasion.INNOCENT).open()
    first.c(0, hello(evasion.INNOCENT), pieces=differing)
    w.wait(1)
    t = Talk(w, name).open()
    t.deliver([(0, hello(name), {"pieces": differing})]).close()


@row("E31 the same identification for other ends", "fwd v6")
def _(w, name):
    ends = (w.client, w.server)
    first = Talk(w, None).open()
    body = p.tcp(*first.ends("c"), first.isn["c"] + 1, first.isn["s"] + 1, "PA",
                 hello(evasion.INNOCENT))
    datagram, kind = w.ip(*ends, p.TCP, body)
    parts = layers.fragments_of(datagram, 64, 77)
    for part in parts[:-1]:
        w.add(part, kind, PASS)
    # The same addresses the other way round, and with it the same identification.
    w.client, w.server = ends[::-1]
    t = Talk(w, name).open()
    t.deliver([(0, hello(name), {"pieces": lambda d, i: layers.fragments_of(d, 64, 77)})])
    w.add(parts[-1], kind, PASS)


@row("E32 a fragment that is whole", "v6 qinq")
def _(w, name):
    ch = hello(name)
    t = Talk(w, name).open()
    t.deliver([(at, data, {"pieces": lambda d, i: [layers.fragment(d, 0, layers.body_of(d), False,
                                                                   i)]})
               for at, data in cut(ch, 80)], need=end_of(ch, name)).close()


@row("E33 tunnels of every kind", "fwd v6 swap vlan")
def _(w, name):
    ch = hello(name)
    for tunnel, kind in layers.TUNNELS:
        w.tunnel = tunnel
        t = Talk(w, name).open()
        if kind:
            t.expect = {"tunnel": kind}
        t.deliver(cut(ch, 90), need=end_of(ch, name)).close()
        evasion.web(w, name, p.http(name.decode()))
        ask(w, p.dns(p.question(name)), DROP)


@row("E33 Teredo", "v6")
def _(w, name):
    w.tunnel, w.client = layers.teredo, "2001:0:cb00:7101:8000:63bf:34ff:8efd"
    ch = hello(name)
    Talk(w, name).open().deliver(cut(ch, 90), need=end_of(ch, name)).close()


@row("E33 fragments inside a tunnel", "fwd v6 vlan")
def _(w, name):
    for tunnel, _kind in layers.TUNNELS:
        w.tunnel = tunnel
        for pieces in (in_order(64), reversed_order(64)):
            Talk(w, name).open().deliver([(0, hello(name), {"pieces": pieces})])


@row("E33 a tunnel in fragments", "fwd v6 vlan")
def _(w, name):
    for tunnel, _kind in layers.TUNNELS:
        if tunnel in (layers.mpls, layers.pppoe) or tunnel.__name__.startswith("gtpu_in") or \
                tunnel.__name__.startswith("mpls"):
            continue  # no IP packet is the outermost
        w.tunnel = tunnel
        for turn in (1, -1):
            t = Talk(w, name).open()
            w.outer_pieces = lambda d, i, turn=turn: layers.fragments_of(d, 64, i)[::turn]
            t.deliver([(0, hello(name))])
            w.outer_pieces = None


@row("E33 what is no tunnel after all", "fwd v6", never=True)
def _(w, name):
    # The ports of tunnels, and heads that are not theirs.
    inner = p.ethernet(*w.ip(w.client, w.server, p.TCP, p.tcp(
        w.client, w.server, 1, 443, 1, 1, "PA", hello(name))))
    for port, head in ((4789, b"\0\0\0\0\0\0\0\0"), (6081, b"\xc0\0\x65\x58\0\0\0\0"),
                       (2152, b"\x30\1\0\0\0\0\0\0"), (4788, b"\x08\0\0\0\0\0\1\0")):
        Chat(w, None, port=port).c(head + inner)
