#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
GET /events: every line of the agent, once and in order, to any number of clients; who comes back
goes on where it was; who is slow is told what it missed and costs nobody anything.

    test_events_sse.py [--full] [TEST...]     --full: 200 clients, and the wait for a heartbeat
"""
import contextlib
import json
import os
import random
import re
import signal
import socket
import struct
import sys
import time

from fake_agent import FakeAgent
from service import Serve, main

FULL = "--full" in sys.argv
MIB = 1 << 20
KINDS = ["flow", "tls", "http", "dns", "quic", "drop", "stats", "anomaly"]


def line(n, kind="tls", pad=0):
    return json.dumps({"timestamp": "2026-01-01T00:00:00.000000+0000", "event_type": kind, "n": n,
                       "pad": "x" * pad}, separators=(",", ":")).encode()


class Agent(FakeAgent):
    """Whatever is no request for events fails, as it does where the engine is away."""

    def serve(self, conn, listener):
        head = conn.recv(12, socket.MSG_PEEK | socket.MSG_WAITALL)
        if len(head) < 12:
            return
        size = 12 + struct.unpack("!I", head[4:8])[0]
        if b'"events"' in conn.recv(size, socket.MSG_PEEK | socket.MSG_WAITALL):
            super().serve(conn, listener)
            return
        with conn, contextlib.suppress(OSError):
            conn.recv(size, socket.MSG_WAITALL)
            conn.sendall(struct.pack("!III", 1, 0, 8) + b"not now\n")


class Place:
    """A service beside an agent whose lines a test writes."""

    def __enter__(self):
        self.serve = Serve()
        self.agent = Agent(os.path.join(self.serve.dir, "run"))
        self.serve.start()
        return self

    def __exit__(self, *_):
        self.serve.__exit__()
        self.agent.stop()

    def counter(self, name):
        return self.serve.ask("GET", "/health").json()["service"][name]

    def rss_mib(self):
        with open(f"/proc/{self.serve.process.pid}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1]) / 1024

    def settled(self, total):
        """Waits until the service has taken so many lines."""
        end = time.monotonic() + 20
        while self.counter("events") < total and time.monotonic() < end:
            time.sleep(0.02)
        return self.counter("events") == total


class Client:
    """One that follows: events as (event, id, data), in the order they came."""

    def __init__(self, serve, query="", last=None, buffer=None):
        self.serve, self.data, self.closed = serve, b"", False
        kind = socket.AF_INET
        self.s = socket.socket(kind, socket.SOCK_STREAM)
        if buffer:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.s.settimeout(5)
        self.s.connect((serve.host, serve.port))
        head = f"GET /events{query} HTTP/1.1\r\nHost: localhost\r\n"
        if last:
            head += f"Last-Event-ID: {last}\r\n"
        self.s.sendall((head + "\r\n").encode())
        self.head, self.body, self.comments = None, b"", 0
        while b"\r\n\r\n" not in self.data:
            part = self.s.recv(65536)
            if not part:
                break
            self.data += part
        self.head, _, self.data = self.data.partition(b"\r\n\r\n")
        self.status = int(self.head.split()[1])
        self.is_chunked = b"transfer-encoding: chunked" in self.head.lower()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.close()

    def unchunk(self):
        while True:
            size, found, rest = self.data.partition(b"\r\n")
            if not found or len(rest) < int(size, 16) + 2:
                return
            self.body += rest[:int(size, 16)]
            self.data = rest[int(size, 16) + 2:]

    def read(self, enough, timeout=5.0):
        """Events until enough(events) says so, or time is up."""
        events, end = [], time.monotonic() + timeout
        while True:
            if self.is_chunked:
                self.unchunk()
            else:
                self.body, self.data = self.body + self.data, b""
            *blocks, self.body = self.body.split(b"\n\n")
            for block in blocks:
                fields = dict(l.split(b": ", 1) for l in block.split(b"\n") if b": " in l)
                if b"data" in fields:
                    events.append((fields.get(b"event", b"").decode(), fields.get(b"id", b"").decode(),
                                   fields[b"data"]))
                elif block.startswith(b":"):
                    self.comments += 1
            left = end - time.monotonic()
            if enough(events) or left <= 0 or self.closed:
                return events
            self.s.settimeout(left)
            try:
                part = self.s.recv(1 << 20)
            except TimeoutError:
                continue
            except OSError:
                part = b""
            self.closed = not part
            self.data += part

    def lines(self, count, timeout=5.0):
        """Waits for so many lines; all events."""
        return self.read(lambda e: sum(not kind for kind, _, _ in e) >= count, timeout)


def wait_for(what, timeout=5):
    end = time.monotonic() + timeout
    while not what() and time.monotonic() < end:
        time.sleep(0.02)
    return what()


def numbers(events):
    return [json.loads(d)["n"] for kind, _, d in events if not kind]


def test_follow(suite):
    with Place() as p:
        p.agent.add([line(0)])
        p.settled(1)
        with Client(p.serve) as c:
            lines = [line(n, KINDS[n % len(KINDS)]) for n in range(1, 401)]
            p.agent.add(lines)
            got = c.lines(400)
            suite.check(c.status == 200 and b"text/event-stream" in c.head, "a stream of events", c.head)
            suite.check([d for _, _, d in got] == lines, "every line from now on, as it is", got[:3])
            ids = [i for _, i, _ in got]
            suite.check(ids == [f"{p.agent.instance}-{n}" for n in range(2, 402)], "each with its id", ids[:3])
        with Client(p.serve, "?event_type=drop,dns&event_type=flow") as c:
            p.agent.add([line(n, KINDS[n % len(KINDS)]) for n in range(80)])
            got = c.lines(30)
            kinds = {json.loads(d)["event_type"] for _, _, d in got}
            suite.check(len(got) == 30 and kinds == {"drop", "dns", "flow"}, "only the kinds asked for", kinds)
        r = p.serve.ask("GET", "/events?event_type=drops")
        suite.check(r.status == 422 and "drop" in r.json()["detail"], "an unknown kind is refused", r)
        r = p.serve.ask("GET", "/events", headers={"Last-Event-ID": "42"})
        suite.check(r.status == 422 and "Last-Event-ID" in r.json()["detail"], "and an id of nobody's", r)
        p.agent.add([line(1, pad=300000)])
        with Client(p.serve, last=f"{p.agent.instance}-{p.agent.next - 2}") as c:
            got = c.lines(1)
            suite.check(len(got) == 1 and len(got[0][2]) > 300000, "a line longer than any buffer", len(got))


def test_come_back(suite):
    """A client that goes and comes at random, and a service that is killed in between, miss nothing."""
    draw = random.Random(5)
    with Place() as p:
        last, seen, total, broken = None, [], 0, 0
        with Client(p.serve) as c:
            p.agent.add([line(0)])
            events = c.lines(1)
        seen, last, total = numbers(events), events[-1][1], 1
        for turn in range(60 if FULL else 25):
            n = draw.randrange(1, 300)
            p.agent.add([line(total + i) for i in range(n)])
            total += n
            if turn % 8 == 5:
                p.serve.stop(signal.SIGKILL)
                p.serve.start()
                broken += 1
            with Client(p.serve, last=last) as c:
                events = c.lines(draw.randrange(1, n + 1))
                seen += numbers(events)
                gaps = [e for e in events if e[0]]
                if gaps:
                    suite.check(False, "no gap", gaps)
                last = events[-1][1] if events else last
        with Client(p.serve, last=last) as c:
            seen += numbers(c.lines(total - len(seen)))
        suite.check(seen == list(range(total)), f"{total} lines once each over reconnections, {broken} "
                    "of them after the service was killed", (len(seen), total))


def test_gaps(suite):
    with Place() as p:
        with Client(p.serve) as c:
            p.agent.add([line(1)])
            first = c.lines(1)[0][1]
            p.agent.lose(7)
            p.agent.add([line(2)])
            got = c.lines(1)
            gap = json.loads(got[0][2])
            suite.check([e[0] for e in got] == ["gap", ""] and gap["lost"] == 7 and gap["after"] == first,
                        "lines that the agent lost are told", got)
            p.agent.stop()
            time.sleep(0.2)
            p.agent.start()
            p.agent.add([line(3)])
            got = c.lines(1)
            suite.check([e[0] for e in got] == ["gap", ""] and json.loads(got[0][2])["lost"] is None,
                        "an agent that starts again is told", got)
            last = got[-1][1]
        suite.check(p.counter("events_lost") == 7, "and counted", p.counter("events_lost"))
        with Client(p.serve, last=first) as c:
            got = c.lines(2)
            suite.check([e[0] for e in got] == ["gap", "", "gap", ""] or
                        [e[0] for e in got] == ["gap", "", ""], "an id from before is gone on with", got)
        with Client(p.serve, last=last) as c:
            p.agent.add([line(4)])
            got = c.lines(1)
            suite.check(len(got) == 1 and numbers(got) == [4], "no gap where there is none", got)


def test_stalled(suite):
    """F62: eight that do not read, while 24 MiB go by."""
    with Place() as p:
        total, pad = 0, 900

        def burst(mib):
            nonlocal total
            for _ in range(mib * 4):
                n = MIB // 4 // (pad + 100)
                p.agent.add([line(total + i, pad=pad) for i in range(n)])
                total += n
                time.sleep(0.01)
            p.settled(total)

        burst(9)  # what is kept is full now: the rest is the readers'
        before = p.rss_mib()
        stalled = [Client(p.serve, buffer=4096) for _ in range(8)]
        with Client(p.serve) as good:
            start = total
            for _ in range(6):
                burst(4)
                good.got = getattr(good, "got", []) + good.lines(total - start - len(
                    [e for e in getattr(good, "got", []) if not e[0]]), 10)
            seen = numbers(good.got)
        grown = p.rss_mib() - before
        suite.check(grown <= 8, f"8 stalled readers cost {grown:.1f} MiB", grown)
        suite.check(seen == list(range(start, total)) and len(good.got) == len(seen),
                    f"one that reads gets all {total - start} lines", (len(seen), good.got[:1]))
        gap, got = 0, []
        with stalled[0] as c:
            got = c.read(lambda e: any(kind for kind, _, _ in e[:-1]), 10)
        gap = next((i for i, e in enumerate(got) if e[0]), None)
        if suite.check(gap, "one that stalled is told so when it reads again", (len(got), c.closed)):
            n = [json.loads(e[2])["n"] for e in (got[gap - 1], got[gap + 1])]
            lost = json.loads(got[gap][2])["lost"]
            suite.check(n[1] - n[0] - 1 == lost > 0 and numbers(got[:gap]) == list(range(n[0] + 1))[-gap:],
                        f"it missed {lost} lines, as it was told", (n, lost))
        for c in stalled:
            c.s.close()
        suite.check(wait_for(lambda: p.counter("events_dropped") >= 8 * 1000), "and they are counted",
                    p.counter("events_dropped"))


def test_many(suite):
    count = 200 if FULL else 40
    with Place() as p:
        clients = [Client(p.serve) for _ in range(count)]
        suite.check(all(c.status == 200 for c in clients), f"{count} clients follow at once",
                    [c.head for c in clients if c.status != 200][:1])
        began = time.monotonic()
        p.agent.add([line(n) for n in range(500)])
        good = sum(numbers(c.lines(500, 20)) == list(range(500)) for c in clients)
        took = time.monotonic() - began
        suite.check(good == count, f"each gets all 500 lines, in {took:.2f} s", good)
        r = p.serve.ask("GET", "/health")
        suite.check(r.status == 200, "others are served beside them", r)
        began = time.monotonic()
        status = p.serve.stop()
        suite.check(status == 0 and time.monotonic() - began < 3, "and the service ends when asked",
                    (status, time.monotonic() - began))
        for c in clients:
            c.s.close()


def test_no_agent(suite):
    with Place() as p:
        p.agent.stop()
        with Client(p.serve) as c:
            got = c.read(lambda e: False, 0.5)
            suite.check(c.status == 200 and not got and not c.closed, "without an agent the stream waits", got)
            p.agent.start()
            p.agent.add([line(1)])
            suite.check(numbers(c.lines(1)) == [1], "and begins when there is one")
            if FULL:
                c.read(lambda e: c.comments > 0, 17)
                suite.check(c.comments > 0, "a comment keeps the connection")


if __name__ == "__main__":
    main([test_follow, test_come_back, test_gaps, test_stalled, test_many, test_no_agent])
