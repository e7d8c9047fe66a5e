# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Random compositions of the rows of evasion.py, each still something that a real endpoint reads
as the hidden name.

A seed makes a plan: a message, and up to four ways of hiding it (Plan.ways), each a row of WAYS
that changes the plan. perform() puts the plan's frames into a World. The same seed with the
innocent name makes the twin, frame by frame.
"""
import random
import struct

import evasion
import http2 as h2
import layers
import packets as p
import quic as q
from evasion import ANY, DROP, INNOCENT, PASS, Talk, end_of
from evasion_quic import Quic, pieces_of

WAYS = []
MSS = 1400  # no segment is longer


def way(kinds):
    """Lists a way of hiding; kinds: of the messages that it can be applied to."""
    def add(change):
        WAYS.append((change.__name__, kinds.split(), change))
        return change
    return add


STREAMS = "tls http http2 dns"
ALL = STREAMS + " quic"


class Plan:
    """What one seed has chosen. rng goes on being used while the frames are made."""

    def __init__(self, seed):
        self.rng = rng = random.Random(seed)
        self.kind = rng.choice("tls tls tls http http http2 dns quic quic quic".split())
        self.variant = evasion.VARIANTS[0]
        self.spell = bytes  # the name as it is written
        self.hello = {}  # of packets.client_hello and quic.client_hello
        self.records = None  # makes records of a handshake
        self.opening = []  # (client's bytes, server's bytes) in front
        self.proxy = b""  # the very first bytes
        self.head = b""  # in front, in the same segment if it comes so
        self.cuts = lambda size: []
        self.order = list
        self.overlap = self.repeat = self.left = 0
        self.decoys = []  # (where, keywords of Talk.c, bytes or None)
        self.before = []  # segments without a meaning, in front: (offset, bytes, keywords)
        self.stamped = False
        self.pieces = None
        self.tunnel = None
        self.urgent = False
        self.host = "Host: {}"
        self.port = None
        self.datagrams = 1
        self.quic = {"version": q.V1}
        self.between = b""
        self.junk = []  # makers of datagrams in front
        self.behind = []  # makers of packets in the same datagram
        self.is_retried = False
        fitting = [w for w in WAYS if self.kind in w[1]]
        chosen = rng.sample(fitting, rng.randint(1, 4))
        for _, __, change in chosen:
            change(self, rng)
        if self.proxy and self.opening:
            (asked, answered), *rest = self.opening
            self.opening = [(self.proxy + asked, answered), *rest]
            self.proxy = b""
        self.head = self.proxy + self.head
        # Drafts seal a Retry with keys of their own.
        self.is_retried &= self.quic["version"] in (q.V1, q.V2)
        self.ways = [self.kind] + [name for name, _, __ in chosen]

    def is_clear(self):
        """Nothing in it contradicts anything: what comes before the name must pass."""
        return not (self.decoys or self.left or self.urgent or self.before or self.junk or
                    self.is_retried)


# --- ways of any message ---------------------------------------------------------------------


@way(ALL)
def spelling(plan, rng):
    plan.spell = rng.choice((bytes.upper, bytes.swapcase, bytes.title, lambda n: n + b".",
                             lambda n: b"www." + n, lambda n: b"a.b-c.d_e." + n.upper()))
    if plan.kind == "dns":
        plan.spell = rng.choice((bytes.upper, bytes.title, lambda n: b"www." + n))


@way(ALL)
def network(plan, rng):
    plan.variant = rng.choice(evasion.VARIANTS[2:])


@way(ALL)
def tunnel(plan, rng):
    plan.tunnel = rng.choice(layers.TUNNELS)[0]


@way(ALL)
def fragments(plan, rng):
    size = rng.choice((48, 64, 128, 400))
    turn = rng.choice((lambda parts: parts, lambda parts: parts[::-1],
                       lambda parts: rng.sample(parts, len(parts)),
                       lambda parts: parts[1:2] + parts[:1] + parts[2:],
                       lambda parts: [x for part in parts[:-1] for x in (part, part)] + parts[-1:]))

    def pieces(datagram, ident):
        return turn(layers.fragments_of(datagram, size, ident))
    plan.pieces = pieces


@way(ALL)
def odd_port(plan, rng):
    plan.port = rng.choice((4433, 8443, 1, 65535, 22, 25, 3128, 5222))


# --- of streams ------------------------------------------------------------------------------


@way(STREAMS)
def split(plan, rng):
    few = rng.randint(1, 7)
    plan.cuts = rng.choice((
        lambda size: rng.sample(range(1, size), min(few, size - 1)),
        lambda size: range(1, min(size, 40)),
        lambda size: range(max(size // 20, 8), size, max(size // 20, 8))))


@way(STREAMS)
def disorder(plan, rng):
    if plan.cuts(1000) == []:
        plan.cuts = lambda size: rng.sample(range(1, size), min(3, size - 1))
    plan.order = rng.choice((lambda parts: parts[::-1],
                             lambda parts: rng.sample(parts, len(parts)),
                             lambda parts: parts[1:] + parts[:1],
                             lambda parts: parts[-1:] + parts[:-1]))


@way(STREAMS)
def overlapping(plan, rng):
    plan.overlap = rng.randint(1, 30)


@way(STREAMS)
def repeated(plan, rng):
    plan.repeat = rng.randint(1, 3)


@way("tls http http2")
def left_of_window(plan, rng):
    plan.left = rng.choice((1, 4, 300))


LONG_AGO_MS = 1700000000 * 1000 - 600000  # before any capture of evasion.World begins
DECOYS = (
    {"check": 0x1234}, {"ttl": 2}, {"flags": "P"}, {"ack": 900000 + 100000},
    {"ack": 900000 - 66000},
    {"options": b"\x13\x12" + bytes(16) + b"\1\1"},
)


def add_decoy(plan, rng, data):
    how = dict(rng.choice(DECOYS))
    if rng.randrange(6) == 0:
        plan.stamped, how = True, {"options": p.timestamps(LONG_AGO_MS)}
    if how.get("ttl") and plan.pieces:
        how = {"check": 0x1234}
    plan.decoys.append((rng.randrange(100) if rng.randrange(2) else 0, how, data))


@way("tls http http2")
def decoy_hello(plan, rng):
    add_decoy(plan, rng, rng.choice((p.record(p.client_hello(INNOCENT)),
                                     p.http(INNOCENT.decode()),
                                     p.http(INNOCENT.decode(), headers=f"X: {500 * chr(120)}\r\n"))))


@way("tls http http2")
def decoy_junk(plan, rng):
    add_decoy(plan, rng, rng.randbytes(rng.choice((1, 5, 100, 600))))


@way(STREAMS)
def false_reset(plan, rng):
    plan.before.append(rng.choice(((1000, b"", {"flags": "R"}), (10**6, b"", {"flags": "RA"}),
                                   (0, b"", {"flags": "R", "check": 0x1111}),
                                   (0, b"", {"flags": "RA", "ttl": 2}))))


@way(STREAMS)
def false_fin(plan, rng):
    plan.before.append((rng.choice((0, 77)), b"", {"flags": "FA", "check": 0x1111}))


@way("tls http http2")
def false_syn(plan, rng):
    plan.before.append((rng.choice((49999, -10**6)), b"", {"flags": "S", "ack": 0,
                                                           "check": 0x1111}))


@way(STREAMS)
def far_piece(plan, rng):
    plan.before.append((rng.choice((10**7, 2**31 - 10, 200000)), b"far", {}))


@way("tls http")
def urgent_byte(plan, _):
    plan.urgent = True


# --- of TLS ----------------------------------------------------------------------------------


@way("tls quic")
def big_hello(plan, rng):
    plan.hello = rng.choice((
        {"pq": True}, {"before": evasion.ECH}, {"after": evasion.ECH, "pq": True},
        {"before": b"".join(p.extension(0x0A0A + 0x1010 * i, b"\0") for i in range(16))}))


@way("tls")
def huge_hello(plan, rng):
    plan.hello = {"before": p.extension(0x7777, bytes(rng.choice((3000, 14000))))}


@way("tls")
def small_records(plan, rng):
    size = rng.choice((1, 2, 16, 50, 100, 300))
    # With their heads they must stay within what is inspected.
    plan.records = lambda hs: p.records(hs, size if len(hs) < 3000 else max(size, 100))


@way("tls")
def odd_records(plan, rng):
    version = rng.choice((0x0300, 0x0302, 0x03FF))
    empty = rng.choice((1, 3, 16))

    def records(hs):
        at = rng.randrange(1, len(hs))
        return p.record(b"") * empty + p.record(hs[:at], version=version) + p.record(b"") + \
            p.record(hs[at:], version=version)
    plan.records = records


@way("tls http http2")
def proxied(plan, rng):
    plan.proxy = rng.choice((
        b"PROXY TCP4 192.0.2.99 198.51.100.20 52176 443\r\n",
        b"PROXY UNKNOWN\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12),
        b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x2c" + bytes(36) + b"\4\0\5abcde"))


@way("tls")
def opened(plan, rng):
    plan.opening = rng.choice(OPENINGS)


OPENINGS = (
    [(b"CONNECT proxy.example:443 HTTP/1.1\r\nHost: proxy.example:443\r\n\r\n",
      b"HTTP/1.1 200 Connection established\r\n\r\n")],
    [(b"\5\1\0", b"\5\0"), (b"\5\1\0\1\xc6\x33\x64\x14\1\xbb", b"\5\0\0\1" + bytes(6))],
    [(b"\4\1\1\xbb\xc6\x33\x64\x14me\0", b"\0\x5a" + bytes(6))],
    [(b"EHLO client\r\n", b"250-mail.example\r\n250 STARTTLS\r\n"),
     (b"STARTTLS\r\n", b"220 go ahead\r\n")],
    [(b"a1 CAPABILITY\r\n", b"* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK\r\n"),
     (b"a2 STARTTLS\r\n", b"a2 OK begin\r\n")],
    [(b"\0\0\0\x08\4\xd2\x16\x2f", b"S")],
)


# --- of HTTP ---------------------------------------------------------------------------------


@way("http")
def host_line(plan, rng):
    plan.host = rng.choice(("hOsT:{}", "Host:\t {}  ", "Host : {}", "Host:\r\n {}", "HOST: {}:80",
                            "Host: user@{}", "Host: {}\r\nHost: allowed.example",
                            "Host: allowed.example\r\nHost: {}"))


@way("http")
def long_head(plan, rng):
    plan.host = f"X-Padding: {'x' * rng.choice((1000, 5000))}\r\n" + plan.host


@way("http")
def later_request(plan, rng):
    first = p.http(INNOCENT.decode())
    plan.opening = [(first, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")] * rng.randint(1, 4)


@way("http")
def pipelined(plan, rng):
    plan.head = p.http(INNOCENT.decode()) * rng.randint(1, 3)


# --- of QUIC ---------------------------------------------------------------------------------


@way("quic")
def crypto_pieces(plan, rng):
    few = rng.randint(1, 12)
    plan.cuts = lambda size: rng.sample(range(1, size), few)
    plan.order = rng.choice((list, lambda parts: parts[::-1],
                             lambda parts: rng.sample(parts, len(parts))))


@way("quic")
def datagrams(plan, rng):
    plan.datagrams = rng.randint(2, 3)
    if plan.cuts(1000) == []:
        plan.cuts = lambda size: rng.sample(range(1, size), 4)


@way("quic")
def datagrams_twice(plan, rng):
    plan.repeat = rng.randint(1, 2)


@way("quic")
def quic_version(plan, rng):
    plan.quic["version"] = rng.choice((q.V2, q.DRAFT_29, 0xFF000020))


@way("quic")
def quic_head(plan, rng):
    plan.quic.update(number_len=rng.randint(1, 4), token=rng.randbytes(rng.choice((0, 16, 70))),
                     scid=rng.randbytes(rng.choice((0, 8, 20))))


@way("quic")
def quic_between(plan, rng):
    plan.between = rng.choice((q.ping(), q.padding(7), q.ack(0),
                               q.ping() + q.padding(2) + q.ping()))


@way("quic")
def coalesced(plan, rng):
    kinds = rng.choice(((q.ZERO_RTT,), (q.HANDSHAKE,), (q.ZERO_RTT, q.ZERO_RTT)))
    plan.behind = [lambda chat, kind=kind: q.other(kind, chat.id, version=plan.quic["version"])
                   for kind in kinds]


@way("quic")
def junk_first(plan, rng):
    junk = rng.randbytes(rng.choice((1, 30, 1200)))
    plan.junk.append(rng.choice((lambda chat: junk, lambda chat: q.short(chat.id),
                                 lambda chat: bytes(64), lambda chat: chat.initial(q.ping()))))


@way("quic")
def quic_decoy(plan, _):
    def spoilt(chat):
        data = bytearray(chat.initial(q.crypto(0, q.client_hello(INNOCENT)), **plan.quic))
        data[-3] ^= 0x40
        return bytes(data)
    plan.junk.append(spoilt)


@way("quic")
def retried(plan, _):
    plan.is_retried = True


# --- what becomes frames ---------------------------------------------------------------------


def message_of(plan, name):
    """(bytes of the stream behind the opening, where the name may be seen to end, where it must
    have been, usual port)."""
    spelt = plan.spell(name)
    if plan.kind == "tls":
        hs = p.client_hello(spelt, **plan.hello)
        stream = plan.head + (plan.records or p.record)(hs)
        # Among records the name is in pieces: it cannot end before its own bytes can.
        end = len(stream) if plan.records else end_of(stream, spelt)
        return stream, len(plan.head) + end_of(hs, spelt), end, 443
    if plan.kind == "http":
        head = f"GET / HTTP/1.1\r\n{plan.host.format(spelt.decode())}\r\nAccept: */*\r\n\r\n"
        stream = plan.head + head.encode()
        return stream, end_of(stream, spelt), len(stream), 80
    if plan.kind == "http2":
        block = h2.request(spelt, plan.rng.randrange(2))
        stream = plan.head + h2.client(
            h2.headers(block, parts=sorted(plan.rng.sample(range(1, len(block)), 2))))
        return stream, len(plan.head + h2.client()), len(stream), 8080
    # On another port only what every resolver sends is taken for DNS: one question.
    message = p.dns(*([] if plan.port else [p.question(INNOCENT)]), p.question(spelt))
    return struct.pack("!H", len(message)) + message, len(message) - 6, len(message) + 2, 53


def talk_of(world, plan, name):
    stream, may, must, port = message_of(plan, name)
    talk = Talk(world, None, port=plan.port or port)
    talk.open(stamped=plan.stamped)
    at = 0
    for asked, answered in plan.opening:
        talk.c(at, asked)
        talk.s(talk.sent["s"], answered)
        at += len(asked)
    for offset, data, how in plan.before:
        sent = talk.sent["c"]
        talk.c(at + offset, data, **how)
        talk.sent["c"] = sent
    edges = sorted({0, *plan.cuts(len(stream)), *range(MSS, len(stream), MSS), len(stream)})
    parts = [(max(a - plan.overlap, 0), stream[max(a - plan.overlap, 0):b], {})
             for a, b in zip(edges, edges[1:])]
    parts = plan.order(parts)
    for _ in range(plan.repeat):
        i = plan.rng.randrange(len(parts))
        parts.insert(plan.rng.randrange(len(parts) + 1), parts[i])
    if plan.left and not plan.opening:
        i = parts.index(next(part for part in parts if part[0] == 0))
        parts[i] = (-plan.left, b"\0" * plan.left + parts[i][1], {})
    if plan.urgent:
        parts, may = with_urgent(plan, stream, edges), 0
    for where, how, data in plan.decoys:
        parts.insert(where * len(parts) // 100, (0, data, {**how, "is_decoy": True}))
    send(talk, plan, parts, at, may, must)
    sent = talk.sent["c"]
    talk.s(talk.sent["s"], b"\x16\3\3\0\x04\x02\0\0\0" + bytes(60))
    talk.c(sent, b"\x17\3\3\0\x20" + bytes(32))
    talk.c(sent + 37, b"", flags="FA")


def with_urgent(plan, stream, edges):
    """The stream in order, with a byte that the receiver takes out amid one segment."""
    parts = [(a, stream[a:b], {}) for a, b in zip(edges, edges[1:])]
    i = plan.rng.randrange(len(parts))
    at, data, _ = parts[i]
    k = plan.rng.randrange(len(data))
    parts[i] = (at, data[:k] + b"\x7f" + data[k:],
                {"flags": "PAU", "urgent": k + 1, "real": len(data)})
    return parts[:i + 1] + [(a + 1, d, {"shift": 1, **h}) for a, d, h in parts[i + 1:]]


def send(talk, plan, parts, base, may, must):
    """Sends (offset, bytes, keywords); the part with which all up to `must` is there is dropped."""
    have = set()
    early = PASS if plan.is_clear() else ANY
    for at, data, how in parts:
        how = dict(how)
        is_decoy = how.pop("is_decoy", False)
        shift, real = how.pop("shift", 0), how.pop("real", len(data))
        sent = talk.sent["c"]
        if not is_decoy:
            have.update(range(max(at - shift, 0), min(at - shift + real, must)))
        if talk.fate != DROP:
            talk.fate = DROP if len(have) == must else \
                ANY if early == ANY or all(i in have for i in range(may)) else PASS
        talk.c(base + at, data, pieces=plan.pieces, **how)
        if is_decoy:
            talk.sent["c"] = sent


def chat_of(world, plan, name):
    rng = plan.rng
    hs = q.client_hello(plan.spell(name), **plan.hello)
    need = end_of(hs, plan.spell(name))
    chat = Quic(world, None, port=plan.port or 443)
    early = PASS if plan.is_clear() else ANY
    how = dict(plan.quic)
    for junk in plan.junk:
        chat.c(junk(chat), early)
    if plan.is_retried:
        chat.say(q.ping(), early, **how)
        chat.s(q.retry(how.get("scid", b""), chat.server_id, chat.id, b"token", how["version"]))
        how.update(token=b"token", dcid=chat.server_id)
    parts = plan.order(pieces_of(hs, *sorted(set(plan.cuts(len(hs))))))
    size = -(-len(parts) // plan.datagrams)
    groups = [parts[i:i + size] for i in range(0, len(parts), size)]
    for _ in range(plan.repeat):
        groups.insert(rng.randrange(len(groups) + 1), rng.choice(groups))
    have = set()
    for number, group in enumerate(groups):
        for at, data in group:
            have.update(range(at, min(at + len(data), need)))
        frames = plan.between.join(q.crypto(at, data) for at, data in group)
        packet = chat.initial(frames, number=number, pad_to=0 if plan.behind else 1200, **how)
        packet += b"".join(more(chat) for more in plan.behind)
        fate = DROP if len(have) == need else early
        chat.c(packet.ljust(1200, b"\0") if plan.behind else packet, fate, pieces=plan.pieces)
    chat.answer(how.get("dcid"), how["version"])


def perform(world, seed, name):
    """Adds the composition of this seed to the world. Returns what it is made of."""
    plan = Plan(seed)
    world.turn(plan.variant)
    world.tunnel = plan.tunnel
    (chat_of if plan.kind == "quic" else talk_of)(world, plan, name)
    world.tunnel = None
    return plan.ways
