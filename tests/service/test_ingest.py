#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
POST /ingest: records of flows, judged by the rules in force as packets are. Each record that a
capture can hold is also put in one, and `dpi-xdp analyze` must say the same of it.
"""
import json
import socket
import struct
import subprocess

from service import PROGRAM, Serve, main

RULES = """[BLOCKED_IPS]
10.9.0.0/16
src:2001:db8::5
[BLOCKED_APPS]
YouTube
[BLOCKED_DOMAINS]
ads.example.com
=exact.example.org
[BLOCKED_PORTS]
6881
8888/tcp
[ALLOWED_IPS]
10.9.9.9
[ALLOWED_DOMAINS]
music.youtube.com
"""

# source, destination, ports, protocol, name -> status, application, reason
CASES = [
    ("10.0.0.5", "142.250.1.1", 51000, 443, "TCP", "www.youtube.com", "dropped", "YouTube", "app:YouTube"),
    ("10.0.0.5", "142.250.1.1", 51000, 443, "TCP", "WWW.YouTube.COM.", "dropped", "YouTube", "app:YouTube"),
    ("10.0.0.5", "142.250.1.1", 51000, 443, "TCP", "music.youtube.com", "forwarded", "YouTube",
     "allow-domain:music.youtube.com"),
    ("10.0.0.5", "142.250.1.1", 51000, 443, "TCP", "notyoutube.com", "forwarded", "HTTPS", None),
    ("10.0.0.5", "142.250.1.1", 51000, 80, "TCP", "x.ads.example.com", "dropped", "HTTP",
     "domain:ads.example.com"),
    ("10.0.0.5", "142.250.1.1", 51000, 80, "TCP", "exact.example.org", "dropped", "HTTP",
     "domain:=exact.example.org"),
    ("10.0.0.5", "142.250.1.1", 51000, 80, "TCP", "sub.exact.example.org", "forwarded", "HTTP", None),
    ("10.0.0.5", "10.9.1.1", 51000, 80, "TCP", "plain.example.net", "dropped", "HTTP", "ip:10.9.0.0/16"),
    ("10.9.1.1", "10.0.0.5", 51000, 80, "TCP", None, "dropped", "HTTP", "ip:10.9.0.0/16"),
    ("10.0.0.5", "10.9.9.9", 51000, 80, "TCP", "www.youtube.com", "forwarded", "YouTube", "allow-ip:10.9.9.9"),
    ("10.0.0.5", "1.2.3.4", 51000, 6881, "UDP", None, "dropped", "Unknown", "port:6881"),
    ("1.2.3.4", "10.0.0.5", 6881, 51000, "UDP", None, "forwarded", "Unknown", None),
    ("10.0.0.5", "1.2.3.4", 51000, 8888, "TCP", None, "dropped", "Unknown", "port:8888/tcp"),
    ("10.0.0.5", "1.2.3.4", 51000, 8888, "UDP", None, "forwarded", "Unknown", None),
    ("2001:db8::5", "2001:db8::6", 51000, 443, "TCP", None, "dropped", "HTTPS", "ip:src:2001:db8::5"),
    ("2001:db8::6", "2001:db8::5", 51000, 443, "TCP", None, "forwarded", "HTTPS", None),
    ("142.250.1.1", "10.0.0.5", 443, 51000, "TCP", "www.youtube.com", "dropped", "YouTube", "app:YouTube"),
    ("10.0.0.5", "1.2.3.4", 0, 0, "ICMP", None, "forwarded", "Unknown", None),
    ("10.0.0.5", "10.9.3.4", 0, 0, 47, None, "dropped", "Unknown", "ip:10.9.0.0/16"),
]


def record(case):
    src, dst, sport, dport, protocol, name = case[:6]
    return {"tuple": {"src_ip": src, "dst_ip": dst, "src_port": sport, "dst_port": dport,
                      "protocol": protocol}, "size": 1500, "domain": name}


def store(serve):
    subprocess.run([PROGRAM, "rules", "load", "/dev/stdin"], input=RULES, text=True, env=serve.env,
                   capture_output=True, check=True, timeout=20)


def counters(serve):
    return serve.ask("GET", "/health").json()["service"]


def test_cases(suite):
    with Serve() as serve:
        store(serve)
        rows = []
        for case in CASES:
            r = serve.ask("POST", "/ingest", record(case))
            expected = {"status": "success",
                        "data": {"status": case[6], "app": case[7], "reason": case[8]}}
            rows.append(((case, r), r.status == 200 and r.json() == expected))
        suite.all(rows, "records are judged by the rules in force")
        lines = "\n".join(json.dumps(record(c)) for c in CASES) + "\n\n"
        r = serve.ask("POST", "/ingest", lines, {"Content-Type": "application/x-ndjson"})
        got = [json.loads(l)["data"]["reason"] for l in r.body.splitlines()]
        suite.check(got == [c[8] for c in CASES] and r.headers["Content-Type"] ==
                    "application/x-ndjson", "the same as NDJSON, a line each", r)
        dropped = 2 * sum(c[6] == "dropped" for c in CASES)
        n = counters(serve)
        suite.check(n["ingest_dropped"] == dropped and n["ingest_bytes"] == 2 * len(CASES) * 1500 and
                    n["ingest_forwarded"] == 2 * len(CASES) - dropped, "each is counted", n)


def test_change(suite):
    """A rule that is changed counts for the next record."""
    with Serve() as serve:
        case = record(CASES[0])
        seen = []
        for args in (("block-app", "YouTube"), ("unblock-app", "YouTube"), ("block-port", "443")):
            seen.append(serve.ask("POST", "/ingest", case).json()["data"]["reason"])
            subprocess.run([PROGRAM, *args], env=serve.env, capture_output=True, check=True, timeout=20)
        seen.append(serve.ask("POST", "/ingest", case).json()["data"]["reason"])
        suite.check(seen == [None, "app:YouTube", None, "port:443"], "a changed rule counts at once", seen)


BAD = [
    ({}, "tuple"), ({"tuple": 5}, "tuple"), ({"tuple": {}}, "src_ip"),
    ({**record(CASES[0]), "domain": 7}, "domain"), ({**record(CASES[0]), "size": -1}, "size"),
    ({**record(CASES[0]), "size": "much"}, "size"), ({**record(CASES[0]), "domain": "x" * 300}, "domain"),
    ({**record(CASES[0]), "domain": "."}, "domain"),
]
BAD_TUPLE = [({"src_ip": "10.0.0.300"}, "src_ip"), ({"dst_ip": "www.example.com"}, "dst_ip"),
             ({"src_port": 65536}, "src_port"), ({"dst_port": "443"}, "dst_port"),
             ({"protocol": "TLS"}, "protocol"), ({"protocol": 256}, "protocol"),
             ({"protocol": None}, "protocol")]


def test_bad(suite):
    bad = BAD + [({"tuple": {**record(CASES[0])["tuple"], **part}}, word) for part, word in BAD_TUPLE]
    with Serve() as serve:
        rows = []
        for body, word in bad:
            r = serve.ask("POST", "/ingest", body)
            rows.append(((body, r), r.status == 422 and word in r.json()["detail"] and
                         r.headers["Content-Type"] == "application/problem+json"))
        suite.all(rows, "a bad record is a problem that names its field")
        good = json.dumps(record(CASES[0]))
        lines = [json.dumps(b) for b, _ in bad] + ["{", "[" * 100, '{"tuple":1,"tuple":2}', good]
        r = serve.ask("POST", "/ingest", "\n".join(lines), {"Content-Type": "application/x-ndjson"})
        got = [json.loads(l) for l in r.body.splitlines()]
        suite.check(r.status == 200 and len(got) == len(lines) and got[-1]["status"] == "success" and
                    [g.get("line") for g in got[:-1]] == list(range(1, len(lines))),
                    "in NDJSON each bad line is named and the others go on", r)
        refused = counters(serve)["ingest_refused"]
        suite.check(refused >= len(bad), "and counted", refused)
        r = serve.ask("POST", "/ingest", good, {"Content-Type": "text/plain"})
        suite.check(r.status == 415, "another type is refused", r)


def frame(case):
    """The record as a frame: UDP without payload, TCP a segment that carries the name in a Host."""
    src, dst, sport, dport, protocol, name = case[:6]
    payload = f"GET / HTTP/1.1\r\nHost: {name}\r\n\r\n".encode() if name else b""
    head = (struct.pack(">HHIIBBHHH", sport, dport, 1, 1, 0x50, 0x18, 1000, 0, 0) if protocol == "TCP"
            else struct.pack(">HHHH", sport, dport, 8 + len(payload), 0))
    number = {"TCP": 6, "UDP": 17}[protocol]
    if ":" in src:
        ip = struct.pack(">IHBB", 0x60000000, len(head) + len(payload), number, 64) + \
            socket.inet_pton(socket.AF_INET6, src) + socket.inet_pton(socket.AF_INET6, dst)
    else:
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(head) + len(payload), 0, 0, 64, number, 0,
                         socket.inet_aton(src), socket.inet_aton(dst))
    return bytes(12) + (b"\x86\xdd" if ":" in src else b"\x08\0") + ip + head + payload


def test_as_packets(suite):
    """What `analyze` makes of the same record as a packet. The name goes in an HTTP Host, so the
    protocol's own application may differ; the verdict and its reason may not."""
    rows = []
    with Serve() as serve:
        store(serve)
        for case in CASES:
            if case[4] not in ("TCP", "UDP") or case[0] == "142.250.1.1":
                continue
            data = frame(case)
            capture = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + \
                struct.pack("<IIII", 1700000000, 0, len(data), len(data)) + data
            r = serve.ask("PUT", "/analyze", capture).json()
            got = r["connections"][0]["block_reason"] if r["connections"] else "?"
            rows.append(((case, got), got == (case[8] if case[6] == "dropped" else None)))
    suite.all(rows, "a packet with the same name gets the same verdict")


if __name__ == "__main__":
    main([test_cases, test_change, test_bad, test_as_packets])
