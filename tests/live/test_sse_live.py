#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
Clients that follow the events of a busy agent, some of which never read: no verdict waits for them,
and the service's memory does not grow with them. Packets, rounds and clients are few here; --full
has 20,000 packets a second and 200 clients, 8 of them stalled.
"""
import os
import re
import select
import socket
import statistics
import sys
import threading
import time

import net
from test_service_live import Place

FULL = "--full" in sys.argv
CLIENTS, STALLED, RATE, ROUNDS, FLOWS = (200, 8, 20000, 8, 12) if FULL else (40, 4, 5000, 2, 6)
NAME = "www.youtube.com"


def frames(client, server):
    """DNS questions of many flows, to an address behind the server that is nobody's."""
    to, by = server.mac("eth0"), client.mac("eth0")
    return [net.ether(net.udp_packet(4, net.CLIENT[4], "198.51.100.7", 20000 + i, 53,
                                     net.dns_query(f"name{i}.example", i)), to, by)
            for i in range(40000 if FULL else 4000)]


class Sink(threading.Thread):
    """A server that counts the bytes of the one connection it has."""

    def __init__(self, host):
        super().__init__(daemon=True)
        self.listener = host.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.bind((net.SERVER[4], 8888))
        self.listener.listen(8)
        self.count = 0
        self.start()

    def run(self):
        while True:
            s, _ = self.listener.accept()
            self.count = 0
            with s:
                s.settimeout(0.3)
                try:
                    while data := s.recv(65536):
                        self.count += len(data)
                except OSError:
                    pass


def verdict_ms(host, sink):
    """When the verdict takes effect, after the name is whole. The name comes in two segments, so that
    it is the engine who has to say; then a byte each 20 microseconds or so, until none gets through."""
    request, sent = net.http_request(NAME), []
    with net.connect(host, 4, 8888) as s:
        s.sendall(request[:-20])
        time.sleep(0.01)
        s.sendall(request[-20:])
        begin = time.perf_counter()
        while time.perf_counter() - begin < 0.03:
            s.send(b"x")
            sent.append(time.perf_counter() - begin)
        time.sleep(0.05)
        through = max(0, sink.count - len(request))
    return (sent[through] if through < len(sent) else 1) * 1000


class Followers(threading.Thread):
    """Clients of /events: those that read, in one thread, and those that do not."""

    def __init__(self, serve, count, stalled):
        super().__init__(daemon=True)
        self.bytes, self.closed, self.done = 0, 0, False
        self.all = [self.follow(serve, 4096 if i < stalled else None) for i in range(count)]
        self.readers = self.all[stalled:]
        self.start()

    def follow(self, serve, buffer):
        s = serve.open_socket(socket.AF_INET, socket.SOCK_STREAM)
        if buffer:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        s.settimeout(10)
        s.connect((serve.host, serve.port))
        s.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        if b" 200 " not in s.recv(16):
            raise RuntimeError("no stream of events")
        return s

    def run(self):
        poll = select.epoll()
        for s in self.readers:
            s.setblocking(False)
            poll.register(s, select.EPOLLIN)
        at = {s.fileno(): s for s in self.readers}
        while not self.done:
            for fd, _ in poll.poll(0.1):
                n = len(at[fd].recv(1 << 18))
                self.bytes += n
                if not n:
                    self.closed += 1
                    poll.unregister(fd)

    def end(self):
        self.done = True
        self.join()
        for s in self.all:
            s.close()


def rss_mib(serve):
    """Of the service's own process, which may stand behind a wrapper and before its launcher."""
    for pid in serve.pids():
        with open(f"/proc/{pid}/status") as f:
            status = f.read()
        if re.search(r"^Name:\s+dpi-xdp$", status, re.M):
            return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024
    raise RuntimeError("no service runs")


def no_verdict_waits(suite):
    with net.Lab() as lab, Place(lab) as p:
        p.agent.run("block-app", "YouTube")
        sink = Sink(p.server)
        blast = net.Blast(p.client, "eth0", RATE, RATE * 120, frames(p.client, p.server))
        try:
            time.sleep(0.5)
            alone, beside, read, grown = [], [], 0, []
            for _ in range(ROUNDS):
                alone += [verdict_ms(p.client, sink) for _ in range(FLOWS)]
                before = rss_mib(p.serve)
                f = Followers(p.serve, CLIENTS, STALLED)
                try:
                    beside += [verdict_ms(p.client, sink) for _ in range(FLOWS)]
                    grown.append(rss_mib(p.serve) - before)
                finally:
                    f.end()
                read += f.bytes
                if f.closed:
                    suite.check(False, "readers stay", f.closed)
        finally:
            sent = blast.end()
        service = p.serve.ask("GET", "/health").json()["service"]
    a, b = statistics.median(alone), statistics.median(beside)
    a9, b9 = (sorted(x)[len(x) * 9 // 10] for x in (alone, beside))
    print(f"# {sent} frames; verdicts after {a:.2f} ms (p90 {a9:.2f}) alone, {b:.2f} ms (p90 {b9:.2f}) "
          f"beside {CLIENTS} clients, {STALLED} stalled; {read / 1e6:.1f} MB read; service grew by "
          f"{max(grown):.1f} MiB; {service['events']} lines, {service['events_sent']} sent, "
          f"{service['events_dropped']} dropped")
    suite.check(read > 1000 * CLIENTS and service["events_sent"] > 0, "events reach those who read", read)
    # Bytes are sent some 20 microseconds apart: finer than that nothing is measured.
    suite.check(b <= a * 1.1 + 0.05 or not FULL and b < 5,
                f"verdicts do not wait for {CLIENTS} clients ({a:.2f} and {b:.2f} ms)", (alone, beside))
    suite.check(max(grown) <= 8 + CLIENTS * 0.2, "the service's memory is bounded", grown)


if __name__ == "__main__":
    sys.argv = [a for a in sys.argv if a != "--full"]
    net.main([no_verdict_waits])
