#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
Names that do not come in one piece, against real servers: hellos of post-quantum size, segments in
and out of order, cut at every byte of the name, many TLS records, HTTP heads cut anywhere, VLAN tags.
Each case runs for a blocked name, which must get no byte of answer, and for its innocent twin of the
same length, which must be answered.

Segments out of order need a TCP of our own: MiniTcp speaks from an address that the client's kernel
does not own. It knows just what the tests need: handshake, segments as told, counting the answer.
"""
import os
import select
import struct
import time
from concurrent.futures import ThreadPoolExecutor

import net
from net import ACK, PSH, RST, SYN, mac_bytes, tcp_packet

BLOCKED, INNOCENT = "www.blocked.example", "www.allowed.example"
GHOST = {4: "10.77.1.50", 6: "fd77:1::50"}  # on the LAN, owned by no kernel


class MiniTcp:
    """One connection from GHOST to the server's port, over a raw socket on the client's eth0."""

    next_port = 20000

    def __init__(self, raw, family, port, macs):
        MiniTcp.next_port += 1
        self.raw, self.family, self.port, self.sport = raw, family, port, MiniTcp.next_port
        self.head = macs[0] + macs[1] + net.ETHER[family]
        self.seq, self.ack, self.got = int.from_bytes(os.urandom(4), "big"), 0, 0

    def send(self, flags, payload=b"", offset=0):
        self.raw.send(self.head + tcp_packet(self.family, GHOST[self.family], net.SERVER[self.family],
                                             self.sport, self.port, self.seq + offset, self.ack, flags,
                                             payload))

    def receive(self, deadline):
        """The next segment for this connection: (flags, seq, payload length), or None."""
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.raw], [], [], left)[0]:
                return None
            f = self.raw.recv(70000)
            if f[12:14] != self.head[12:14] or f[:6] != self.head[6:12]:
                continue
            l3 = f[14:]
            size = (l3[0] & 15) * 4 if self.family == 4 else 40
            total = struct.unpack_from("!H", l3, 2)[0] if self.family == 4 else \
                struct.unpack_from("!H", l3, 4)[0] + 40
            t = l3[size:total]
            if len(t) >= 20 and struct.unpack_from("!HH", t) == (self.port, self.sport):
                return t[13], struct.unpack_from("!I", t, 4)[0], len(t) - (t[12] >> 4) * 4

    def open(self):
        self.send(SYN)
        deadline = time.monotonic() + 2
        while (got := self.receive(deadline)) is not None:
            if got[0] & (SYN | ACK) == SYN | ACK:
                self.seq, self.ack = self.seq + 1, got[1] + 1
                self.send(ACK)
                return self
        raise RuntimeError("no SYN-ACK")

    def answer(self, timeout):
        """Payload bytes that come back within timeout; returns at the first."""
        deadline = time.monotonic() + timeout
        while (got := self.receive(deadline)) is not None:
            if got[2]:
                return got[2]
        return 0

    def close(self):
        self.send(RST)


class Ghost:
    """What makes MiniTcp connections in one lab."""

    def __init__(self, client, router):
        self.raw = client.raw("eth0")
        self.macs = mac_bytes(router.mac("lan")), mac_bytes(client.mac("eth0"))
        for family in (4, 6):
            router.ip("neigh", "replace", GHOST[family], "lladdr", client.mac("eth0"), "dev", "lan",
                      "nud", "permanent")

    def ask(self, family, port, segments, patience):
        """Sends segments, each (offset, bytes), in the order given; returns answer bytes."""
        c = MiniTcp(self.raw, family, port, self.macs).open()
        for offset, data in segments:
            c.send(PSH | ACK, data, offset)
        got = net.Answer(c.answer(patience), c.sport)
        c.close()
        return got


def patience(name):
    """How long to wait for an answer under a name; one that must come ends the wait itself."""
    return 0.4 if name == BLOCKED else 5


def cut(data, *places):
    """The pieces of data between places, as (offset, bytes)."""
    edges = [0, *places, len(data)]
    return [(a, data[a:b]) for a, b in zip(edges, edges[1:]) if b > a]


def lab_with_block():
    """A routed lab with the agent on the router's LAN side and one name blocked."""
    lab = net.Lab()
    try:
        client, router, server, agent = lab.guarded("blocked.example")
    except BaseException:
        lab.__exit__()
        raise
    return lab, agent, client, router


def judge(suite, agent, name, jobs, at_once=1):
    """
    Runs jobs, each (what, function of a name that gives an Answer), at_once of them at a time, for
    both names. The blocked one must be silent (net.silence), the innocent one answered.
    """
    with ThreadPoolExecutor(at_once) as pool:
        leaks = list(pool.map(lambda job: net.silence(agent, lambda: job[1](BLOCKED)), jobs))
        answers = list(pool.map(lambda job: job[1](INNOCENT), jobs))
    leaks = [f"{what}: {why}" for (what, _), why in zip(jobs, leaks) if why]
    lost = [what for (what, _), got in zip(jobs, answers) if not got]
    suite.check(not leaks, f"{name}: blocked, {len(jobs)} ways", "; ".join(leaks[:4]))
    suite.check(not lost, f"{name}: the innocent twin answers, {len(jobs)} ways",
                f"{len(lost)} without answer: " + "; ".join(lost[:4]))


def big_hello(suite):
    """A hello of post-quantum size in two and three segments, every order."""
    lab, agent, client, router = lab_with_block()
    with lab:
        ghost = Ghost(client, router)
        for family in (4, 6):
            hellos = {n: net.client_hello(n, 1500) for n in (BLOCKED, INNOCENT)}
            at = hellos[BLOCKED].index(BLOCKED.encode())
            size = len(hellos[BLOCKED])
            rows = [("two segments", [1200], [0, 1]), ("two reversed", [1200], [1, 0]),
                    ("cut in the name", [at + 7, at + 1400], [0, 1, 2]),
                    ("cut in the name, reversed", [at + 7, at + 1400], [2, 1, 0])]
            for order in ([0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]):
                rows.append((f"three as {order}", [at + 3, at + 1200], order))
            jobs = []
            for what, places, order in rows:
                def go(name, places=places, order=order):
                    pieces = cut(hellos[name], *places)
                    return ghost.ask(family, net.TLS_PORT, [pieces[i] for i in order], patience(name))
                jobs.append((what, go))
            judge(suite, agent, f"hello of {size} bytes, IPv{family}", jobs)


def small_reversed(suite):
    """A one-segment hello and an HTTP head in tiny pieces, backwards and interleaved."""
    lab, agent, client, router = lab_with_block()
    with lab:
        ghost = Ghost(client, router)
        for family in (4, 6):
            jobs = []
            for proto, port, make in (("TLS", net.TLS_PORT, net.client_hello),
                                      ("HTTP", net.HTTP_PORT, net.http_request)):
                for what, pick in (("backwards", lambda p: p[::-1]),
                                   ("odd pieces first", lambda p: p[1::2] + p[::2]),
                                   ("each twice", lambda p: [x for y in p for x in (y, y)])):
                    def go(name, port=port, make=make, pick=pick):
                        data = make(name)
                        return ghost.ask(family, port, pick(cut(data, *range(40, len(data), 40))),
                                         patience(name))
                    jobs.append((f"{proto} {what}", go))
            judge(suite, agent, f"pieces of 40 bytes, IPv{family}", jobs)


def every_byte(suite):
    """A kernel's TCP sends the hello in two segments, cut before every byte of the name."""
    lab, agent, client, _ = lab_with_block()
    with lab:
        for family in (4, 6):
            def split(k, head):
                def go(name):
                    data = net.client_hello(name) if head == "TLS" else net.http_request(name)
                    at = data.index(name.encode()) + k
                    port = net.TLS_PORT if head == "TLS" else net.HTTP_PORT
                    return net.ask(client, family, port, [data[:at], data[at:]], 0.02, patience(name))
                return go
            jobs = [(f"cut at {k}", split(k, "TLS")) for k in range(-1, len(BLOCKED) + 1)]
            judge(suite, agent, f"TLS name cut at every byte, IPv{family}", jobs, 24)
            jobs = [(f"cut at {k}", split(k, "HTTP")) for k in range(-8, len(BLOCKED) + 1)]
            judge(suite, agent, f"HTTP Host cut at every byte, IPv{family}", jobs, 24)


def records(suite):
    """One hello over several TLS records, in one segment and in a segment each."""
    lab, agent, client, _ = lab_with_block()
    with lab:
        for family in (4, 6):
            jobs = []
            for size in (20, 64, 100, 200):
                for apart in (False, True):
                    def go(name, size=size, apart=apart):
                        data = net.reframe(net.client_hello(name), size)
                        step = size + 5
                        pieces = [data[i:i + step] for i in range(0, len(data), step)]
                        return net.ask(client, family, net.TLS_PORT, pieces if apart else [data],
                                       0.005, patience(name))
                    jobs.append((f"records of {size}, {'apart' if apart else 'together'}", go))
            judge(suite, agent, f"several TLS records, IPv{family}", jobs, 24)


def http_anywhere(suite):
    """An HTTP head in pieces of 1 to 30 bytes, other methods, other case, other ports."""
    lab, agent, client, _ = lab_with_block()
    with lab:
        for family in (4, 6):
            jobs = []
            for size in (2, 3, 7, 16, 30):
                def go(name, size=size):
                    data = net.http_request(name)
                    return net.ask(client, family, net.HTTP_PORT,
                                   [data[i:i + size] for i in range(0, len(data), size)], 0.003,
                                   patience(name))
                jobs.append((f"pieces of {size}", go))
            for what, head in (("POST", b"POST / HTTP/1.1\r\nContent-Length: 0\r\nHost: %s\r\n\r\n"),
                               ("host in capitals", b"GET / HTTP/1.1\r\nHOST: %s\r\n\r\n"),
                               ("a port behind the name", b"GET / HTTP/1.1\r\nHost: %s:80\r\n\r\n"),
                               ("a dot behind the name", b"GET / HTTP/1.1\r\nHost: %s.\r\n\r\n")):
                def one(name, head=head):
                    return net.ask(client, family, 8080, [head % name.encode().title()],
                                   timeout=patience(name))
                jobs.append((what, one))
            judge(suite, agent, f"HTTP heads, IPv{family}", jobs, 24)


def tagged(suite):
    """Conversations in VLAN and QinQ frames over a wire with an agent in the middle."""
    with net.Lab() as lab:
        client, middle, server = lab.wired()
        agent = lab.agent(middle)
        agent.attach("lan")
        agent.run("block-domain", "blocked.example")
        middle.run("ethtool", "-K", "lan", "gro", "off")
        raw = client.raw("eth0", receive=False)
        tags = {"VLAN": b"\x81\x00\x00\x05", "QinQ": b"\x88\xa8\x00\x07\x81\x00\x00\x05",
                "no tag": b""}
        for tag, tag_bytes in tags.items():
            for family in (4, 6):
                got = {n: conversation(lab, server, raw, family, tag_bytes, n)
                       for n in (BLOCKED, INNOCENT)}
                suite.check(got[BLOCKED] == 0, f"{tag}, IPv{family}: nothing after the name arrives",
                            f"{got[BLOCKED]} of 10 frames came")
                suite.check(got[INNOCENT] == 10, f"{tag}, IPv{family}: the innocent twin arrives whole",
                            f"{got[INNOCENT]} of 10 frames came")
        raw.close()


def conversation(lab, server, raw, family, tag_bytes, name):
    """SYN, ACK, hello, then ten data frames; returns how many of the ten reach the far end."""
    MiniTcp.next_port += 1
    sport, path = MiniTcp.next_port, os.path.join(lab.dir, "far.pcap")
    far = server.capture("eth0", path)

    def send(seq, flags, payload=b""):
        packet = tcp_packet(family, GHOST[family], net.SERVER[family], sport, net.TLS_PORT, seq, 1,
                            flags, payload)
        raw.send(net.ether(packet, "02:00:00:00:00:02", "02:00:00:00:00:01", tag_bytes))
    hello = net.client_hello(name)
    send(99, SYN)
    send(100, ACK)
    send(100, ACK | PSH, hello)
    time.sleep(0.05)
    for i in range(10):
        send(100 + len(hello) + 8 * i, ACK | PSH, b"DATA%04d" % i)
    far.stop(0.1)
    with open(path, "rb") as f:
        return f.read().count(b"DATA")


if __name__ == "__main__":
    net.main([big_hello, small_reversed, tagged], ("ip", "tc", "nsenter", "openssl", "tcpdump", "ethtool"),
             together=[every_byte, records, http_anywhere])
