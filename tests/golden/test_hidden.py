#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Flows that hide their name, through the whole program: names learnt from DNS answers, signs that
rules can name, categories. Judged by the report and by what the filtered capture holds, for one
worker and for many.
"""
import json
import os
import subprocess
import sys
import tempfile

import evasion
import packets as p

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("DPI_XDP", os.path.join(TOP, "build", "dpi-xdp"))
CLIENT, RESOLVER, SERVER = "192.0.2.10", "198.51.100.53", "198.51.100.20"
LEARNT, OTHER = "www.learnt.example", "www.youtube.com"
MUTE, NAMED, TLS_MUTE, DOT, DOH = 20001, 20002, 20003, 20004, 20005
CLIENT_V6, SERVER_V6 = "2001:db8::10", "2001:db8:1::20"


class Capture:
    """One after the other: each flow's frames have its client port."""

    def __init__(self):
        self.frames, self.now_us = [], 1700000000 * 10**6

    def put(self, packet, ether=p.ETH_IP):
        self.now_us += 1000
        data = p.ethernet(packet, ether)
        self.frames.append(evasion.Frame(self.now_us, data, len(data), evasion.ANY))

    def udp(self, src, dst, sport, dport, payload):
        self.put(p.ip4(src, dst, p.UDP, p.udp(src, dst, sport, dport, payload)))

    def tcp(self, sport, dport, payload, server=SERVER):
        """A handshake, one segment each way, by IPv6 when the server's address is."""
        client, ip, ether = CLIENT, p.ip4, p.ETH_IP
        if ":" in server:
            client, ip, ether = CLIENT_V6, p.ip6, p.ETH_IPV6
        for src, dst, ports, seq, ack, flags, data in (
                (client, server, (sport, dport), 100, 0, "S", b""),
                (server, client, (dport, sport), 500, 101, "SA", b""),
                (client, server, (sport, dport), 101, 501, "PA", payload),
                (server, client, (dport, sport), 501, 101 + len(payload), "PA", b"an answer")):
            self.put(ip(src, dst, p.TCP, p.tcp(src, dst, *ports, seq, ack, flags, data)), ether)


def answer(name, address):
    """A DNS answer with one address (RFC 1035 4.1)."""
    import socket
    import struct
    kind, family = (28, socket.AF_INET6) if ":" in address else (1, socket.AF_INET)
    data = socket.inet_pton(family, address)
    question = b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\0"
    return struct.pack("!HHHHHH", 7, 0x8180, 1, 1, 0, 0) + question + struct.pack("!HH", kind, 1) + \
        struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(data)) + data


def build():
    c = Capture()
    c.tcp(MUTE - 1000, 9999, b"\1\2\3 before anybody asked")
    for name, address in ((LEARNT, SERVER), (LEARNT, SERVER_V6)):
        c.udp(RESOLVER, CLIENT, 53, 5000, answer(name, address))
    c.tcp(MUTE, 9999, b"\1\2\3 no name")
    c.tcp(MUTE + 1000, 9999, b"\1\2\3 no name", SERVER_V6)
    c.tcp(NAMED, 443, p.record(p.client_hello(OTHER.encode())))
    c.tcp(TLS_MUTE, 443, p.record(p.client_hello(b"", sni=b"")))
    c.tcp(DOT, 853, p.record(p.client_hello(b"resolver.example")))
    c.tcp(DOH, 443, p.record(p.client_hello(b"dns.google")))
    return c.frames


# name, options, client ports of the flows that must be blocked
CASES = [
    ("no rule", [], ()),
    ("a plain rule does not block by hearsay", ["--block-domain", "learnt.example"], ()),
    ("a learnt rule does, where no name is shown", ["--block-domain", "learnt:learnt.example"],
     (MUTE, MUTE + 1000, TLS_MUTE)),
    ("a category", ["--block-app", "category:streaming"], (NAMED,)),
    ("an application by hearsay of another name", ["--block-app", "learnt:YouTube"], (NAMED,)),
    ("no name", ["--block-app", "no-name"], (TLS_MUTE,)),
    ("DNS over TLS", ["--block-app", "DoT"], (DOT,)),
    ("DNS over HTTPS", ["--block-app", "doh"], (DOH,)),
]


def analyze(path, options, workers):
    done = subprocess.run([BINARY, "analyze", path, "/dev/null", "--json", "-", "--reproducible", "--quiet",
                           "--workers", str(workers), *options], capture_output=True, timeout=60, check=False)
    if done.returncode:
        raise ValueError(f"exit {done.returncode}: {done.stderr.decode(errors='replace')}")
    return json.loads(done.stdout)


def rows(report):
    return {c["src_port"]: c for c in report["connections"] if c["protocol"] == "TCP"}


def main():
    failed = 0

    def check(good, name, why=""):
        nonlocal failed
        failed += not good
        print(f"ok {name}" if good else f"FAIL {name}: {why}")

    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "in.pcap")
        p.write_capture(path, build())
        for name, options, blocked in CASES:
            reports = [analyze(path, options, w) for w in (1, 3, 8)]
            check(reports[0] == reports[1] == reports[2], f"{name}: alike for 1, 3 and 8 workers",
                  "the reports differ")
            found = {port for port, c in rows(reports[0]).items() if c["blocked"]}
            check(found == set(blocked), f"{name}: blocks what it must", f"{sorted(found)}")
        flows = rows(analyze(path, [], 2))
        for port, names in ((MUTE - 1000, []), (MUTE, [("dns-learnt", LEARNT)]),
                            (MUTE + 1000, [("dns-learnt", LEARNT)]), (NAMED, [("tls", OTHER)]),
                            (TLS_MUTE, [("dns-learnt", LEARNT)])):
            got = [(n["source"], n["name"]) for n in flows[port]["names"]]
            check(got == names, f"names of the flow from port {port}", f"{got}")
        for port, flag in ((TLS_MUTE, "no_name"), (DOT, "dot"), (DOH, "doh"), (MUTE, "dns_learnt")):
            check(flag in flows[port]["flags"], f"flag {flag}", f"{flows[port]['flags']}")
        counters = analyze(path, [], 2)["counters"]
        for counter, count in (("no_name", 1), ("dot", 1), ("doh", 1)):
            check(counters[counter] == count, f"counter {counter}", f"{counters[counter]}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
