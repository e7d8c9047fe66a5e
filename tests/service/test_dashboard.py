#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
The dashboard in headless Chromium, without an agent and with dropped captures: every panel says what
`analyze` says, a rule is a what-if and is undone, hostile names stay text, a telephone, both themes
and the keyboard are enough, and a table of a hundred thousand rows scrolls. What the browser does is
in dashboard.mjs. Needs no root.

`--shots DIRECTORY` keeps screenshots.
"""
import base64
import json
import os
import shutil
import subprocess
import sys

import service

sys.path.insert(0, os.path.join(service.TOP, "tests", "golden"))
import packets as p  # noqa: E402

BUILD = os.path.join(service.TOP, os.environ.get("DPI_BUILD", os.environ.get("BUILD", "build")))
MODULES = os.path.join(BUILD, "npm", "node_modules")
CLIENT, SERVER = "10.0.0.7", "203.0.113.80"
BLOCKED, DOMAIN, PORT = "TikTok", "ads.example.com", 8888
T0 = 1700000000
SHOTS = sys.argv[sys.argv.index("--shots") + 1] if "--shots" in sys.argv else None
if SHOTS:
    sys.argv = [a for a in sys.argv if a not in ("--shots", SHOTS)]


def obstacle():
    """Why this machine cannot show the page; empty when it can."""
    for tool in ("node", "npm", "chromium"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    if not os.path.isdir(os.path.join(MODULES, "playwright-core")):
        return "the program was built without npm's packages, which cannot be downloaded"
    return ""


# --- captures ---------------------------------------------------------------------------------
class Capture:
    """Frames, a millisecond after one another unless at says otherwise."""

    def __init__(self):
        self.records, self.at_us, self.port = [], T0 * 10**6, 40000

    def add(self, ip):
        frame = p.ethernet(ip, p.ETH_IP)
        self.records.append(p.Record(self.at_us, frame, len(frame)))
        self.at_us += 1000

    def udp(self, src, dst, sport, dport, payload):
        self.add(p.ip4(src, dst, p.UDP, p.udp(src, dst, sport, dport, payload)))

    def tcp(self, src, dst, sport, dport, *segment, **how):
        self.add(p.ip4(src, dst, p.TCP, p.tcp(src, dst, sport, dport, *segment, **how)))

    def flow(self, payload, dport, src=CLIENT, dst=SERVER, answers=3):
        """A connection: handshake, what the client says, answers, not closed."""
        self.port += 1
        there, back = (src, dst, self.port, dport), (dst, src, dport, self.port)
        self.tcp(*there, 1, 0, "S")
        self.tcp(*back, 1, 2, "SA")
        self.tcp(*there, 2, 2, "A")
        self.tcp(*there, 2, 2, "PA", payload=payload)
        for i in range(answers):
            self.tcp(*back, 2 + i * 500, 2 + len(payload), "PA", payload=b"x" * 500)

    def hello(self, name, **how):
        self.flow(p.record(p.client_hello(name)), 443, **how)

    def question(self, name):
        self.port += 1
        self.udp(CLIENT, "10.0.0.1", self.port, 53, p.dns(p.question(name)))

    def write(self, directory, name):
        path = os.path.join(directory, name)
        p.write_capture(path, self.records)
        return path


def everyday():
    """Applications, names, a scan; two seconds of it."""
    c = Capture()
    for i in range(6):
        c.hello(b"www.tiktok.com", answers=4)
        c.hello(b"www.youtube.com", answers=6)
        c.hello(b"www.wikipedia.org")
        c.flow(p.http(DOMAIN), 80)
        c.flow(p.http("plain.example.org"), 80)
        c.flow(b"\x16nothing that has a name", PORT)
        c.question(b"www.github.com")
    for port in range(2001, 2020):
        c.tcp("203.0.113.66", CLIENT, 55555, port, 1, 0, "S")
    c.at_us += 2 * 10**6
    c.question(b"last.example.net")
    return c


def hostile_names():
    """A hundred names, bytes each, that mean to be more than names."""
    forms = [
        "<script>window.__pwn=%d</script>", "\"><img src=x onerror=window.__pwn=%d>", "'><svg onload=window.__pwn=%d>",
        "javascript:window.__pwn=%d", "{{constructor.constructor('window.__pwn=%d')()}}", "</title><script>__pwn=%d</script>",
        "<iframe srcdoc='<script>parent.__pwn=%d</script>'>", "a\u202eelpmaxe%d", "\u2066x%d\u2069", "\x1b]0;%d\x07",
        "\x1b[2J\x1b[%dm", "x\x00y%d", "\r\nSet-Cookie: a=%d", "${window.__pwn=%d}", "<style>*{display:none}</style>%d",
        "<a href=//evil.example>%d</a>", "\u200bzero%d", "e\u0301\u0301\u0301%d", "=cmd|' /C calc'!A%d", "<!--%d",
    ]
    return [(forms[i % len(forms)] % i).encode() + b".example" for i in range(100)]


def hostile():
    c = Capture()
    for name in hostile_names():
        c.port += 1
        label = b"".join(bytes([len(part)]) + part for part in name.split(b".") if part) + b"\0"
        c.udp(CLIENT, "10.0.0.1", c.port, 53, p.dns(label + b"\0\1\0\1"))
    return c


def analyze(path, *args):
    r = subprocess.run([service.PROGRAM, "analyze", path, os.devnull, "--quiet", "--json", "-", *args],
                       capture_output=True, timeout=60, check=True)
    return json.loads(r.stdout)


def more(report, path, *args):
    """What a rule drops more: packets and flows."""
    changed = analyze(path, *args)
    return (changed["dropped_packets"] - report["dropped_packets"],
            len(changed["blocked_connections"]) - len(report["blocked_connections"]))


# --- running ----------------------------------------------------------------------------------
def script(directory, scenario, url, **given):
    """The command that plays a scenario of dashboard.mjs."""
    path = os.path.join(directory, scenario + ".json")
    with open(path, "w") as f:
        json.dump(dict(given, modules=MODULES, shots=SHOTS), f)
    return ["node", os.path.join(service.TOP, "tests", "service", "dashboard.mjs"), scenario, url, path]


def play(suite, s, scenario, **given):
    """Plays it beside a service; each of its checks is one here."""
    r = subprocess.run(script(s.dir, scenario, s.url, **given), capture_output=True, text=True, timeout=120,
                       stdin=subprocess.DEVNULL)
    lines = [json.loads(l) for l in r.stdout.splitlines()]
    for l in lines:
        suite.check(l["good"], l["name"], l["why"])
    if not lines or r.returncode:
        suite.check(False, scenario, r.stderr[-500:])


def with_service(scenario):
    def test(suite):
        why = obstacle()
        if why:
            return suite.skip(scenario.__name__, why)
        with service.Serve() as s:
            scenario(suite, s)
    test.__name__ = scenario.__name__
    return test


def packed(path):
    with open(path, "rb") as f:
        return base64.b64encode(f.read()).decode()


@with_service
def empty(suite, s):
    play(suite, s, "empty")


@with_service
def capture(suite, s):
    path = everyday().write(s.dir, "everyday.pcap")
    report = analyze(path)
    packets, flows = more(report, path, "--block-app", BLOCKED)
    rules = [("domain", "example.com"), ("ip", "203.0.113.66"), ("port", str(PORT)), ("app", "YouTube")]
    play(suite, s, "capture", capture=packed(path), report=report,
         block={"app": BLOCKED, "packets": packets, "flows": flows},
         rules=[{"kind": k, "value": v, "packets": more(report, path, "--block-" + k, v)[0]} for k, v in rules],
         payload={"name": DOMAIN, "ascii": "GET / HTTP/1.1"})


@with_service
def names(suite, s):
    path = hostile().write(s.dir, "hostile.pcap")
    shown = analyze(path)["domains_detected"]
    suite.check(len(shown) == 100, "the capture holds a hundred hostile names", len(shown))
    play(suite, s, "hostile", capture=packed(path), shown=shown)


@with_service
def fallback(suite, s):
    path = everyday().write(s.dir, "everyday.pcap")
    play(suite, s, "fallback", capture=packed(path), report=analyze(path))


@with_service
def manners(suite, s):
    path = everyday().write(s.dir, "everyday.pcap")
    play(suite, s, "manners", capture=packed(path))


@with_service
def many(suite, s):
    path = everyday().write(s.dir, "everyday.pcap")
    play(suite, s, "many", report=analyze(path))


if __name__ == "__main__":
    service.main([empty, capture, names, fallback, manners, many])
