#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
The dashboard in headless Chromium, without an agent and with dropped captures: every panel says what
`analyze` says, a rule is a what-if and is undone, hostile names stay text, a telephone, both themes
and the keyboard are enough, and a table of a hundred thousand rows scrolls. What the browser does is
in dashboard.mjs. Needs no root.

`--shots DIRECTORY` keeps screenshots; names of scenarios leave out the others;
`--full`: each theme at each width.
"""
import base64
import json
import os
import shutil
import subprocess
import sys

import service

import packets as p  # service knows where

BUILD = os.path.join(service.TOP, os.environ.get("DPI_BUILD", os.environ.get("BUILD", "build")))
MODULES = os.path.join(BUILD, "npm", "node_modules")
CLIENT, SERVER = "10.0.0.7", "203.0.113.80"
BLOCKED, DOMAIN, PORT = "TikTok", "ads.example.com", 8888
T0 = 1700000000
FULL = "--full" in sys.argv
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


def hostile_capture():
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


# --- scenarios --------------------------------------------------------------------------------
def packed(path, until=None):
    with open(path, "rb") as f:
        return base64.b64encode(f.read()[:until]).decode()


def empty(directory):
    return {}


def capture(directory):
    path = everyday().write(directory, "everyday.pcap")
    report = analyze(path)
    packets, flows = more(report, path, "--block-app", BLOCKED)
    rules = [("domain", "example.com"), ("ip", "203.0.113.66"), ("port", str(PORT)), ("app", "YouTube")]
    return {"capture": packed(path), "report": report,
            "block": {"app": BLOCKED, "packets": packets, "flows": flows},
            "rules": [{"kind": k, "value": v, "packets": more(report, path, "--block-" + k, v)[0]}
                      for k, v in rules],
            "payload": {"name": DOMAIN, "ascii": "GET / HTTP/1.1"}}


def hostile(directory):
    path = hostile_capture().write(directory, "hostile.pcap")
    shown = analyze(path)["domains_detected"]
    if len(shown) != 100:
        raise ValueError(f"{len(shown)} of 100 hostile names are in the capture")
    return {"capture": packed(path), "shown": shown}


def plain(directory):
    path = everyday().write(directory, "everyday.pcap")
    report = analyze(path)
    packets, flows = more(report, path, "--block-app", BLOCKED)
    return {"capture": packed(path), "report": report, "cut": packed(path, -5),
            "full": FULL, "block": {"app": BLOCKED, "packets": packets, "flows": flows}}


SCENARIOS = {"empty": empty, "capture": capture, "hostile": hostile, "fallback": plain, "manners": plain,
             "many": plain, "docs": empty, "token": empty}


# --- running ----------------------------------------------------------------------------------
def command(directory, url, plays):
    """What plays scenarios of dashboard.mjs: dicts that name it and hold what it needs to know."""
    path = os.path.join(directory, "plays.json")
    with open(path, "w") as f:
        json.dump({"modules": MODULES, "shots": SHOTS, "plays": plays}, f)
    return ["node", os.path.join(service.TOP, "tests", "service", "dashboard.mjs"), url, path]


def dashboard(suite):
    why = obstacle()
    if why:
        return suite.skip("dashboard", why)
    with service.Serve() as s:
        plays = [dict(make(s.dir), scenario=name) for name, make in SCENARIOS.items()
                 if not WANTED or name in WANTED]
        r = subprocess.run(command(s.dir, s.url, plays), stdout=subprocess.PIPE, timeout=240, text=True,
                           stdin=subprocess.DEVNULL)
    lines = [json.loads(l) for l in r.stdout.splitlines()]
    for l in lines:
        suite.check(l["good"], l["name"], l["why"])
    suite.check(lines and not r.returncode, "the browser's script ends as it should", r.returncode)


if __name__ == "__main__":
    WANTED, sys.argv[1:] = [a for a in sys.argv[1:] if a != "--full"], []
    service.main([dashboard])
