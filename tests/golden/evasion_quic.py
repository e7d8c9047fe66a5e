# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Rows of evasion.py about QUIC (E69 to E76, and DNS over QUIC of E68).

The datagram that completes the name is dropped, and every later one of the flow, both ways.
"""
import itertools
import random
import struct

import evasion_ip
import packets as p
import quic as q
from evasion import ANY, DROP, INNOCENT, Chat, end_of, row


class Quic(Chat):
    """A flow of QUIC with connection ids of its own."""

    def __init__(self, world, name, **how):
        super().__init__(world, name, **how)
        self.id = struct.pack("!II", 0xC11E0000 + len(world.flows), self.sport)
        self.server_id = struct.pack("!II", 0x5E540000 + len(world.flows), self.sport)

    def initial(self, frames, dcid=None, **how):
        return q.initial(frames, self.id if dcid is None else dcid, **how)

    def say(self, frames, fate=None, **how):
        """A client's datagram: one Initial packet, as in quic.initial."""
        return self.c(self.initial(frames, **how), fate)

    def answer(self, dcid=None, version=q.V1):
        """The server's first datagram, and what follows, with the fate so far."""
        self.s(q.initial(q.ack(0) + q.crypto(0, b"\2\0\0\x26\3\3" + bytes(36)), b"",
                         self.server_id, version, is_client=False,
                         key_id=self.id if dcid is None else dcid))
        self.c(q.other(q.HANDSHAKE, self.server_id, version=version))
        self.s(q.short(b""))
        return self.c(q.short(self.server_id))


def pieces_of(message, *at):
    """(offset, bytes) of a message cut at these offsets."""
    at = [0, *at, len(message)]
    return [(a, message[a:b]) for a, b in zip(at, at[1:]) if b > a]


def frames_of(pieces, between=b""):
    return between.join(q.crypto(at, data) for at, data in pieces)


def send_pieces(chat, name, hs, groups, **how):
    """A datagram a group of (offset, bytes), numbered from 0. That which completes the name is
    dropped, and all that follow."""
    have, need = set(), end_of(hs, name)
    for number, group in enumerate(groups):
        for at, data in group:
            have.update(range(at, min(at + len(data), need)))
        chat.say(frames_of(group), DROP if len(have) == need else None,
                 **{"number": number, **how})
    assert len(have) == need
    return chat


def whole(w, name, dcid=None, version=q.V1, **how):
    """A flow whose client says its hello in one datagram."""
    chat = Quic(w, name)
    chat.say(q.crypto(0, q.client_hello(name)), DROP, dcid=dcid, version=version, **how)
    return chat.answer(dcid, version)


@row("E69 one CRYPTO frame")
def _(w, name):
    whole(w, name)
    for number, number_len in ((0, 1), (1, 2), (70000, 3), (2**31, 4)):
        whole(w, name, number=number, number_len=number_len)
    for size in (8, 14, 20):
        whole(w, name, dcid=bytes(range(size)))
    whole(w, name, token=b"t" * 70)
    whole(w, name, scid=bytes(20))


@row("E69 CRYPTO frames split and shuffled in one datagram")
def _(w, name):
    rng = random.Random(69)
    for i in range(60):
        hs = q.client_hello(name)
        parts = pieces_of(hs, *sorted(rng.sample(range(1, len(hs)), rng.randrange(1, 12))))
        rng.shuffle(parts)
        between = rng.choice((b"", q.ping(), q.padding(3), q.ping() + q.padding(1)))
        Quic(w, name).say(between + frames_of(parts, between), DROP).answer()


@row("E69 one byte a CRYPTO frame", "fwd v6")
def _(w, name):
    hs = q.client_hello(name)
    place = hs.index(name)
    parts = pieces_of(hs, *range(place, place + len(name) + 1))
    for order in (parts, parts[::-1]):
        Quic(w, name).say(frames_of(order), DROP).answer()


@row("E69 the whole hello, one byte a CRYPTO frame", "fwd v6")
def _(w, name):
    hs = q.client_hello(name)
    parts = pieces_of(hs, *range(1, len(hs)))
    rng = random.Random(70)
    for order in (parts, parts[::-1], parts[::2] + parts[1::2], rng.sample(parts, len(parts))):
        send_pieces(Quic(w, name), name, hs, [order[:120], order[120:]]).answer()


@row("E69 frames of other kinds between")
def _(w, name):
    hs = q.client_hello(name)
    a, b = pieces_of(hs, end_of(hs, name) - 4)
    for between in (q.ack(0), q.ack(5, 10, ranges=((0, 1), (0, 0))), q.ack(1, ecn=(1, 2, 3)),
                    q.crypto(40, b""), q.padding(200), q.ping() * 20):
        Quic(w, name).say(frames_of([a]) + between + frames_of([b]), DROP).answer()


@row("E70 hello over two and three datagrams, every order")
def _(w, name):
    hs = q.client_hello(name, pq=True)
    place = end_of(hs, name)
    for cuts in ((1000,), (place - 3,), (4,), (600, 1200), (place - 10, place - 5), (1, 2)):
        parts = pieces_of(hs, *cuts)
        for order in itertools.permutations(parts):
            send_pieces(Quic(w, name), name, hs, [[part] for part in order]).answer()


@row("E70 each datagram twice, pieces in two datagrams")
def _(w, name):
    hs = q.client_hello(name, pq=True)
    a, b, c = pieces_of(hs, 500, 1300)
    for groups in ([[a], [a], [b], [b], [c]], [[a, b], [b, c]], [[c], [b], [c], [a]],
                   [[b, a], [a, b], [c, a]]):
        send_pieces(Quic(w, name), name, hs, groups).answer()


@row("E70 the same datagram again, after all")
def _(w, name):
    hs = q.client_hello(name)
    a, b = pieces_of(hs, 50)
    for turn in (1, -1):
        chat = Quic(w, name)
        first, second = [chat.initial(frames_of([part]), number=i)
                         for i, part in enumerate((a, b))][::turn]
        chat.c(first).c(first).c(second, DROP).c(first).c(second)


@row("E70 many datagrams, small and reversed", "fwd v6 vlan")
def _(w, name):
    hs = q.client_hello(name)
    for size in (8, 30):
        parts = pieces_of(hs, *range(size, len(hs), size))
        for order in (parts, parts[::-1]):
            send_pieces(Quic(w, name), name, hs, [[part] for part in order])


@row("E71 several packets in one datagram")
def _(w, name):
    hs = q.client_hello(name)
    a, b = pieces_of(hs, end_of(hs, name) - 4)
    for case in range(10):
        chat = Quic(w, name)
        one = chat.initial(frames_of([a, b]), pad_to=0)
        first, second = (chat.initial(frames_of([part]), number=i, pad_to=0)
                         for i, part in enumerate((a, b)))
        zero, shake = q.other(q.ZERO_RTT, chat.id), q.other(q.HANDSHAKE, chat.id)
        parts = ((one, zero), (one, shake), (zero, one), (shake, one), (zero, zero, shake, one),
                 (first, second), (second, first), (first, zero, second, shake),
                 (one, q.short(chat.id)), None)[case]
        if parts:
            chat.c(b"".join(parts).ljust(1200, b"\0"), DROP).answer()
        else:
            chat.c((first + zero).ljust(1200, b"\0"))
            chat.c((zero + second).ljust(1200, b"\0"), DROP).answer()


@row("E71 a packet of another connection in front")
def _(w, name):
    hello = q.crypto(0, q.client_hello(name))
    # A receiver throws away what it cannot open, and reads on (RFC 9000 12.2).
    for frames in (q.ping(), q.crypto(0, q.client_hello(INNOCENT))):
        chat = Quic(w, name)
        wrong = chat.initial(frames, key_id=b"other", pad_to=0)
        chat.c(wrong + chat.initial(hello), DROP).answer()


@row("E72 junk first, then the hello")
def _(w, name):
    rng = random.Random(72)
    hello = q.crypto(0, q.client_hello(name))

    def junk(chat):
        return [bytes(64), b"\0", b"\xff", q.short(chat.id), bytes(1200), rng.randbytes(1200),
                b"\x40" + rng.randbytes(30), b"\xc0\0\0\0\1",
                b"\xc0\0\0\0\1\x08" + rng.randbytes(1194), q.other(q.ZERO_RTT, chat.id),
                q.other(q.HANDSHAKE, chat.id), b"GET / HTTP/1.1\r\n\r\n",
                p.dns(p.question(INNOCENT)), chat.initial(q.ping()),
                b"\x16\xfe\xfd" + bytes(60), b"\0\1\0\x08\x21\x12\xa4\x42" + bytes(20),
                b"\x80" + rng.randbytes(171)]
    for i in range(17):
        chat = Quic(w, name)
        chat.c(junk(chat)[i]).say(hello, DROP, number=1).answer()
    chat = Quic(w, name)
    for data in junk(chat):
        chat.c(data)
    chat.say(hello, DROP, number=1).answer()


@row("E72 a hello with an innocent name first, that nobody can open")
def _(w, name):
    chat = Quic(w, None)
    bad = bytearray(chat.initial(q.crypto(0, q.client_hello(INNOCENT))))
    bad[-1] ^= 1
    chat.c(bytes(bad)).say(q.crypto(0, q.client_hello(name)), DROP).answer()


@row("E72 another connection's hello first, on the same ports")
def _(w, name):
    chat = Quic(w, None).say(q.crypto(0, q.client_hello(INNOCENT)), dcid=b"innocent")
    chat.say(q.crypto(0, q.client_hello(name)), DROP).answer()


@row("E72 other connections' hellos amid this one's", "fwd v6")
def _(w, name):
    hs = q.client_hello(name, pq=True)
    a, b = pieces_of(hs, end_of(hs, name) - 4)
    for others in (1, 3):
        for is_named in (False, True):
            chat = Quic(w, None).say(frames_of([a]))
            for i in range(others):
                chat.say(q.crypto(0, q.client_hello(INNOCENT)[:60]), dcid=b"other%03d" % i)
            how = {"dcid": chat.server_id, "key_id": chat.id} if is_named else {}
            chat.say(frames_of([b]), DROP, number=1, **how)


@row("E73 versions")
def _(w, name):
    for version in (q.V1, q.V2, q.V2_DRAFT, q.DRAFT_29, q.DRAFT_23, 0xFF000020, 0xFF000022,
                    q.MVFST_27):
        whole(w, name, version=version)


@row("E73 Google's versions", "fwd v6")
def _(w, name):
    for version in (q.Q043, q.Q046, q.Q050):
        chat = Quic(w, name)
        chat.c(q.google_chlo(name, version, chat.id), DROP).s(b"\0" * 40)
    for version in (q.T051, q.T050):
        Quic(w, name).say(q.google_crypto(0, q.client_hello(name)), DROP, version=version)


@row("E73 a version that nobody knows, then one that they agree on")
def _(w, name):
    hello, other = (q.crypto(0, q.client_hello(n)) for n in (name, INNOCENT))
    for version in (q.V1, q.V2):
        for is_new in (False, True):
            chat = Quic(w, name).say(other, version=q.GREASE)
            chat.s(q.version_negotiation(b"", chat.id))
            chat.id = chat.id[::-1] if is_new else chat.id
            chat.say(hello, DROP, version=version).answer(version=version)


@row("E73 Retry: a token, and another id to make keys from")
def _(w, name):
    hs = q.client_hello(name)
    parts = pieces_of(hs, 60)
    for version in (q.V1, q.V2):
        for first in (q.ping(), frames_of(parts[:1]), q.crypto(0, q.client_hello(INNOCENT))):
            chat = Quic(w, None).say(first, version=version)
            chat.s(q.retry(b"", chat.server_id, chat.id, b"a-token", version))
            chat.say(q.crypto(0, hs), DROP, dcid=chat.server_id, version=version,
                     token=b"a-token", number=1)
            chat.answer(chat.server_id, version)
    # What was said to the first id is said again to the second, in pieces.
    chat = Quic(w, name).say(frames_of(parts[:1]))
    chat.s(q.retry(b"", chat.server_id, chat.id, b"a-token"))
    how = {"dcid": chat.server_id, "token": b"a-token"}
    # With what came before the Retry this makes a hello for no server, but it may be read so.
    chat.say(frames_of(parts[1:]), ANY, number=1, **how)
    chat.say(frames_of(parts[:1]), DROP, number=2, **how)


@row("E73 the server names an id, and the keys stay")
def _(w, name):
    hs = q.client_hello(name, pq=True)
    a, b = pieces_of(hs, end_of(hs, name) - 4)
    for server_id in (None, b"", bytes(range(20))):
        chat = Quic(w, name).say(frames_of([a]))
        chat.server_id = chat.server_id if server_id is None else server_id
        chat.s(q.initial(q.ack(0), b"", chat.server_id, is_client=False, key_id=chat.id,
                         pad_to=0))
        chat.say(frames_of([b]), DROP, dcid=chat.server_id, number=1, key_id=chat.id)


@row("E73 from version 1 to version 2 within one connection")
def _(w, name):
    hs = q.client_hello(name, pq=True)
    a, b = pieces_of(hs, end_of(hs, name) - 4)
    chat = Quic(w, name).say(frames_of([a]))
    chat.s(q.initial(q.ack(0), b"", chat.server_id, q.V2, is_client=False, key_id=chat.id,
                     pad_to=0))
    chat.say(frames_of([b]), DROP, dcid=chat.server_id, version=q.V2, number=1, key_id=chat.id)


@row("E74 CRYPTO frames that contradict each other")
def _(w, name):
    real, fake = q.client_hello(name), q.client_hello(INNOCENT)
    for first, second in ((fake, real), (real, fake)):
        # In one datagram, and in two; whichever the receiver takes.
        Quic(w, None).say(q.crypto(0, first) + q.crypto(0, second), DROP)
        chat = Quic(w, None).say(q.crypto(0, first), DROP if first == real else None)
        chat.say(q.crypto(0, second), DROP, number=1)
        place = real.index(name) - 2
        a, b = pieces_of(first, place)
        Quic(w, None).say(q.crypto(place, second[place:]) + frames_of([b]), ANY).say(
            frames_of([a]), DROP, number=1)


@row("E74 offsets beyond all bounds, and a gap in between")
def _(w, name):
    hs = q.client_hello(name)
    far = (2**62 - 10, 2**32, 2**32 + 4, 70000, 2**31)
    for at in far:
        Quic(w, name).say(q.crypto(at, b"far away")).say(q.crypto(0, hs), DROP, number=1).answer()
        Quic(w, name).say(q.crypto(at, b"far away") + q.crypto(0, hs), DROP).answer()
    w.counters = {"pieces_over": 2}


@row("E74 a gap that is never filled", never=True)
def _(w, name):
    hs = q.client_hello(name)
    place = hs.index(name)
    chat = Quic(w, None)
    chat.say(frames_of([(0, hs[:place]), (place + 1, hs[place + 1:])]))
    chat.say(q.ping(), number=1)
    chat.say(q.crypto(place, b"") + q.crypto(place + 5, hs[place + 5:]), number=2)


@row("E75 other ports, and a UDP length that lies")
def _(w, name):
    hello = q.crypto(0, q.client_hello(name))
    for port, sport in ((8443, None), (53, None), (50443, 1023), (443, 443), (123, None),
                        (4789, None), (2152, None), (3478, None), (51820, None)):
        Quic(w, name, port=port, sport=sport).say(hello, DROP).answer()
    # Bytes behind the UDP datagram are not its own.
    for junk in (b"\0", b"junk" * 20):
        chat = Quic(w, name)
        datagram = chat.initial(hello)
        chat.c(datagram + junk, DROP, length=8 + len(datagram))
    # A datagram that claims more than there is reaches nobody.
    chat = Quic(w, None)
    datagram = chat.initial(hello)
    chat.c(datagram, ANY, length=8 + len(datagram) + 2).c(datagram, DROP).answer()


@row("E76 another client port in the midst: the flow is told apart and reported")
def _(w, name):
    chat = whole(w, name)
    moved = Quic(w, None)
    moved.fate = ANY  # only a key of the connection could say whose it is
    for _ in range(3):
        moved.c(q.short(chat.server_id))
        moved.s(q.short(b""))
    chat.c(q.short(chat.server_id))


@row("E29 QUIC in IP fragments", "fwd v6 vlan")
def _(w, name):
    hello = q.crypto(0, q.client_hello(name))
    for pieces in evasion_ip.ORDERS + [evasion_ip.in_order(8), evasion_ip.reversed_order(16)]:
        chat = Quic(w, name)
        chat.flags = ("fragmented",)
        chat.c(chat.initial(hello), DROP, pieces=pieces).answer()


@row("E33 QUIC in tunnels", "fwd v6 vlan")
def _(w, name):
    for tunnel, _kind in evasion_ip.layers.TUNNELS:
        w.tunnel = tunnel
        whole(w, name)


@row("E40 mixed case and dots in QUIC")
def _(w, name):
    for mixed in (name.upper(), name.swapcase(), name.title(), b"www." + name, name + b"."):
        Quic(w, None).say(q.crypto(0, q.client_hello(mixed)), DROP)


@row("E44 two names in QUIC")
def _(w, name):
    other, this = p.server_name(INNOCENT), p.server_name(name)
    for sni in (other + this, this + other, p.server_name(INNOCENT, name)):
        Quic(w, None).say(q.crypto(0, q.client_hello(None, sni=sni)), DROP)


@row("E45 QUIC without a name", never=True)
def _(w, name):
    chat = Quic(w, None)
    chat.flags = ("no_name",)
    chat.say(q.crypto(0, q.client_hello(None)))


@row("E68 DNS over QUIC")
def _(w, name):
    chat = Quic(w, name, port=853)
    chat.flags = ("doq",)
    chat.say(q.crypto(0, q.client_hello(name, alpn=(b"doq",))), DROP)
    w.counters = {"doq": 1}


@row("N1 names that only look alike, in QUIC", never=True)
def _(w, name):
    for n in (b"not" + name, name + b".org", b"x" + name, name[1:]):
        Quic(w, n).say(q.crypto(0, q.client_hello(n)))


@row("N2 the name where it is no name, in QUIC", never=True)
def _(w, name):
    hs = q.client_hello(INNOCENT)
    chat = Quic(w, INNOCENT)
    chat.say(q.crypto(0, hs), token=p.record(p.client_hello(name)))
    chat.say(q.connection_close(1, p.http(name.decode())), number=1)
    chat.s(q.initial(q.crypto(0, b"\x0b\0\1\0" + name), b"", chat.server_id, is_client=False,
                     key_id=chat.id))
