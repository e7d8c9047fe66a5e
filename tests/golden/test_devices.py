#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Rules of one device, over captures: every frame of every flow is dropped or not by whose flow it is, which
is worked out here from the rules' own words, whatever the number of workers; and what is no device is refused.
"""
import json
import os
import subprocess
import tempfile

import packets as p
from suite import Suite

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("DPI_XDP", os.path.join(TOP, "build", "dpi-xdp"))
ROUTER = bytes.fromhex("020000000001")
SERVER = {4: "198.51.100.20", 6: "2001:db8:1::20"}

# Of every device: its hardware address and its addresses.
DEVICES = {
    "tablet": ("02000000000a", {4: "192.168.1.50", 6: "fd00::50"}),
    "phone": ("02000000000b", {4: "192.168.1.51", 6: "fd00::51"}),
    "television": ("02000000000c", {4: "192.168.1.20", 6: "fd00:1::20"}),
    "guest": ("02000000000d", {4: "192.168.9.9", 6: "fd00:9::9"}),
}
RULES = """
[BLOCKED_DOMAINS]
all.example
one.example  device tablet
net.example  device 192.168.1.0/27
net.example  device FD00:1::/32
mac.example  device 02-00-00-00-00-0B
addr.example device 192.168.9.9
two.example  device tablet
two.example  device phone
[ALLOWED_DOMAINS]
fine.all.example  device television
[DEVICES]
tablet 02:00:00:00:00:0a
phone  192.168.1.51 fd00::51
television 192.168.1.20 FD00:1::20
"""
# By name and device: the rule that decides where the flow is blocked.
BLOCKS = {
    "all.example": dict.fromkeys(DEVICES, "all.example"),
    "fine.all.example": {d: "all.example" for d in DEVICES if d != "television"},
    "one.example": {"tablet": "one.example device tablet"},
    "net.example": {"television": {4: "net.example device 192.168.1.0/27", 6: "net.example device fd00:1::/32"}},
    "mac.example": {"phone": "mac.example device 02:00:00:00:00:0b"},
    "addr.example": {"guest": {4: "addr.example device 192.168.9.9"}},
    "two.example": {"tablet": "two.example device tablet", "phone": "two.example device phone"},
    "none.example": {},
}


def rule_of(name, device, family):
    rule = BLOCKS[name].get(device)
    return rule.get(family) if isinstance(rule, dict) else rule


def frame(payload, family, mac, is_back):
    whole = p.ethernet(payload, p.ETH_IP if family == 4 else p.ETH_IPV6)
    ends = [ROUTER, bytes.fromhex(mac)]
    return b"".join(reversed(ends) if is_back else ends) + whole[12:]


def flow(rows, name, device, family, port, is_tls):
    """A connection: (frame, passes) each."""
    mac, own = DEVICES[device]
    ip = p.ip4 if family == 4 else p.ip6
    words = p.record(p.client_hello(name.encode())) if is_tls else p.http(name)
    rule = rule_of(name, device, family)
    n = len(words)
    for is_back, seq, ack, flags, payload, is_named in (
            (False, 100, 0, "S", b"", False), (True, 500, 101, "SA", b"", False), (False, 101, 501, "A", b"", False),
            (False, 101, 501, "PA", words, True), (True, 501, 101 + n, "PA", b"an answer", True),
            (False, 101 + n, 510, "A", b"", True)):
        ends = (own[family], SERVER[family], port, 443 if is_tls else 80)
        src, dst, sport, dport = (ends[1], ends[0], ends[3], ends[2]) if is_back else ends
        segment = p.tcp(src, dst, sport, dport, seq, ack, flags, payload)
        rows.append((frame(ip(src, dst, p.TCP, segment), family, mac, is_back), not (is_named and rule)))


def question(rows, name, device, family, port):
    mac, own = DEVICES[device]
    ip = p.ip4 if family == 4 else p.ip6
    rule = rule_of(name, device, family)
    for is_back in (False, True):
        ends = (own[family], SERVER[family], port, 53)
        src, dst, sport, dport = (ends[1], ends[0], ends[3], ends[2]) if is_back else ends
        message = p.dns(p.question(name.encode()), flags=0x8180 if is_back else 0x0100)
        rows.append((frame(ip(src, dst, p.UDP, p.udp(src, dst, sport, dport, message)), family, mac, is_back),
                     not rule))


def analyze(out, *args):
    return subprocess.run([BINARY, "analyze", *args[:1], out, "--quiet", "--reproducible", "--json", out + ".json",
                           *args[1:]], capture_output=True, text=True, timeout=120)


def everybody(suite, path):
    rows, want = [], {}
    port = 20000
    for name in BLOCKS:
        for device in DEVICES:
            for family in (4, 6):
                for is_tls in (False, True):
                    port += 1
                    flow(rows, name, device, family, port, is_tls)
                    want[port] = rule_of(name, device, family)
                question(rows, name, device, family, port + 20000)
    capture, out, rules = f"{path}/in.pcap", f"{path}/out.pcap", f"{path}/rules.txt"
    p.write_capture(capture, [p.Record(i * 1000, f, len(f)) for i, (f, _) in enumerate(rows)])
    with open(rules, "w") as f:
        f.write(RULES)
    whole = None
    for workers in ("1", "2", "3", "16"):
        r = analyze(out, capture, "--rules", rules, "-w", workers)
        suite.check(r.returncode == 0, f"{workers} workers: analyze", r.stderr)
        with open(out + ".json") as f:
            report = json.load(f)
        report.pop("workers", None)
        kept = [row[1] for row in p.read_capture(out)]
        right = [f for f, passes in rows if passes]
        suite.check(kept == right, f"{workers} workers: of {len(rows)} frames the right {len(right)} pass",
                    f"{len(kept)} do")
        said = {c["src_port"]: c["block_reason"] for c in report["connections"] if c["protocol"] == "TCP"}
        wrong = [(k, v, said.get(k)) for k, v in want.items() if said.get(k) != (v and f"domain:{v}")]
        suite.check(not wrong, f"{workers} workers: each flow names its rule", f"{wrong[:3]}")
        suite.check(whole in (None, report["rules"]), f"{workers} workers: the rules count the same", "")
        whole = report["rules"]


def options(suite, path):
    """The same words behind the values of options."""
    rows = []
    flow(rows, "one.example", "tablet", 4, 20001, False)
    flow(rows, "one.example", "television", 4, 20002, False)
    capture, out = f"{path}/two.pcap", f"{path}/out.pcap"
    p.write_capture(capture, [p.Record(i, f, len(f)) for i, (f, _) in enumerate(rows)])
    for word in ("192.168.1.50", "192.168.1.50/31", "02:00:00:00:00:0a"):
        r = analyze(out, capture, "--block-domain", f"one.example device {word}")
        suite.check(r.returncode == 0 and len(p.read_capture(out)) == 9, f"--block-domain ... device {word}", r.stderr)
    for words, fault in (("one.example device laptop", "no device is called 'laptop'"),
                         ("one.example device 192.168.1.", "is no device")):
        r = analyze(out, capture, "--block-domain", words)
        suite.check(r.returncode == 2 and fault in r.stderr, f"{words}: refused", r.stderr)
    r = analyze(out, capture, "--block-ip", "10.0.0.1 device 10.0.0.2")
    suite.check(r.returncode == 2 and "only rules of applications and domains" in r.stderr,
                "an address of a device: refused", r.stderr)


def main():
    suite = Suite()
    with tempfile.TemporaryDirectory(prefix="dpi-devices-") as path:
        everybody(suite, path)
        options(suite, path)
    return suite.end()


if __name__ == "__main__":
    raise SystemExit(main())
