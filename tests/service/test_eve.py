#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
The event log of captures: every line of every shared capture agrees with the schema and with what a
reader of Suricata's log expects, and says what the report says; and hostile bytes in names come out
of no output raw. Needs no root. DPI_CAPTURES says where captures are, if not beside the project.
"""
import csv
import glob
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import eve

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "golden"))
import packets as p  # noqa: E402
from suite import check, results, say  # noqa: E402

BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
BIN = os.environ.get("DPI_XDP", os.path.join(BUILD, "dpi-xdp"))
CAPTURES = os.environ.get("DPI_CAPTURES", os.path.join(TOP, "..", "shared", "captures"))


def analyze(tmp, capture, *more):
    """(events, report) of a capture."""
    log, report = os.path.join(tmp, "events"), os.path.join(tmp, "report")
    for path in (log, report):
        if os.path.exists(path):
            os.unlink(path)
    r = subprocess.run([BIN, "analyze", "-q", capture, "/dev/null", "--events", log, "--json", report,
                        *more], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    if not os.path.exists(log):
        raise RuntimeError(f"{capture}: exit {r.returncode}: {r.stderr.decode()[:200]}")
    with open(log, "rb") as f, open(report, encoding="ascii") as g:
        return f.read(), json.load(g)


def disagreement(name, reader, report):
    """What the log says otherwise than the report, or ""."""
    flows = reader.flows.values()
    own = reader.stats["dpi_xdp"] if reader.stats else {}
    pairs = [("flows", len(flows), len(report["connections"])),
             ("packets of flows", sum(f["flow"]["pkts_toserver"] + f["flow"]["pkts_toclient"]
                                      for f in flows),
              sum(c["packets"] for c in report["connections"])),
             ("bytes of flows", sum(f["flow"]["bytes_toserver"] + f["flow"]["bytes_toclient"]
                                    for f in flows),
              sum(c["bytes"] for c in report["connections"])),
             ("counters", {k: v for k, v in own.items()},
              {k: report["counters"].get(k) for k in own}),
             ("names", {n for kind in reader.names.values() for n in kind} -
              {n["name"] for c in report["connections"] for n in c["names"]}, set())]
    return "; ".join(f"{name}: {what}: {a} and {b}" for what, a, b in pairs if a != b)


def captures(fault, tmp):
    paths = sorted(glob.glob(os.path.join(CAPTURES, "*.pcap*")))
    if not paths:
        say("skip", "captures", f"none in {CAPTURES}")
        return
    bad, unlike, lines, kinds = [], [], 0, set()
    for path in paths:
        try:
            log, report = analyze(tmp, path)
        except RuntimeError:
            continue  # no capture: refused, as test_inputs shows
        reader = eve.Reader()
        for line in log.splitlines():
            why = fault(json.loads(line))
            try:
                reader.take(line)
            except (KeyError, ValueError, TypeError) as e:
                why = why or f"{type(e).__name__}: {e}"
            if why:
                bad.append(f"{os.path.basename(path)}: {why}")
        lines += len(log.splitlines())
        kinds |= set(reader.count)
        why = disagreement(os.path.basename(path), reader, report)
        if why:
            unlike.append(why)
    check(not bad, f"{lines} lines of {len(paths)} captures agree with the schema and with a reader "
          "of Suricata's log", bad[:3])
    check(not unlike, "and say what the reports say", unlike[:3])
    check(eve.KNOWN - {"drop"} <= kinds, "every event_type is among them", kinds)


# --- made captures ----------------------------------------------------------------------------
CLIENT, SERVER = "192.168.7.7", "203.0.113.9"


class Maker:
    """A capture under construction."""

    def __init__(self):
        self.frames, self.port, self.now = [], 20000, 1700000000 * 10**6

    def frame(self, packet):
        self.now += 1000
        data = p.ethernet(packet, p.ETH_IP)
        self.frames.append(p.Record(self.now, data, len(data)))

    def tcp(self, payload, dport):
        """A whole connection: handshake, the payload, an answer, FIN both ways."""
        self.port += 1
        a, b, n = self.port, dport, len(payload)
        way = lambda *args: self.frame(p.ip4(CLIENT, SERVER, p.TCP, p.tcp(CLIENT, SERVER, a, b, *args)))
        back = lambda *args: self.frame(p.ip4(SERVER, CLIENT, p.TCP, p.tcp(SERVER, CLIENT, b, a, *args)))
        way(1000, 0, "S")
        back(5000, 1001, "SA")
        way(1001, 5001, "A")
        way(1001, 5001, "PA", payload)
        back(5001, 1001 + n, "PA", b"answer")
        way(1001 + n, 5007, "FA")
        back(5007, 1002 + n, "FA")

    def udp(self, payload, dport):
        self.port += 1
        self.frame(p.ip4(CLIENT, SERVER, p.UDP, p.udp(CLIENT, SERVER, self.port, dport, payload)))

    def write(self, path):
        p.write_capture(path, self.frames)
        return path


def words(fault, tmp):
    """Each field as documented, by a capture whose every number is known."""
    m = Maker()
    m.tcp(p.record(p.client_hello(b"www.youtube.com")), 443)
    m.tcp(p.http("plain.example"), 80)
    m.udp(p.dns(p.question(b"asked.example")), 53)
    log, _ = analyze(tmp, m.write(os.path.join(tmp, "in.pcap")), "--block-app", "YouTube",
                     "--block-domain", "asked.example")
    lines = [json.loads(l) for l in log.splitlines()]
    reader = eve.Reader()
    for l in log.splitlines():
        reader.take(l)
    faults = [f for f in map(fault, lines) if f]
    check(not faults, "lines of a known capture agree with the schema", faults)
    tls = next(e for e in lines if e["event_type"] == "tls")
    flow = next(e for e in lines if e["event_type"] == "flow" and e["flow_id"] == tls["flow_id"])
    want = {"src_ip": CLIENT, "src_port": 20001, "dest_ip": SERVER, "dest_port": 443, "proto": "TCP",
            "app_proto": "tls", "pcap_cnt": 4, "timestamp": "2023-11-14T22:13:20.004000+0000"}
    check({k: tls.get(k) for k in want} == want and tls["tls"]["sni"] == "www.youtube.com" and
          tls["tls"]["ja4"].startswith("t13d"), "tls: who, when, which name", tls)
    sizes = [len(f.data) for f in m.frames[:7]]
    up, down = [0, 2, 3, 5], [1, 4, 6]
    want = {"pkts_toserver": 4, "pkts_toclient": 3, "bytes_toserver": sum(sizes[i] for i in up),
            "bytes_toclient": sum(sizes[i] for i in down), "age": 0, "state": "closed",
            "start": "2023-11-14T22:13:20.001000+0000", "end": "2023-11-14T22:13:20.007000+0000",
            "alerted": False, "action": "drop"}
    check({k: flow["flow"].get(k) for k in want} == want and
          flow["flow"]["reason"] in ("timeout", "shutdown"), "flow: counts by direction, times, state",
          flow["flow"])
    check([d["drop"]["reason"] for d in reader.drops] == ["rules"] * 2 and
          {d["dpi_xdp"]["rule"] for d in reader.drops} == {"app:YouTube", "domain:asked.example"} and
          any(d.get("dns", {}).get("rrname") == "asked.example" for d in reader.drops),
          "drop: the rule, and the question", reader.drops)
    check(reader.names["http"] == {"plain.example"} and reader.stats["decoder"]["pkts"] == 15 and
          reader.stats["decoder"]["udp"] == 1 and reader.stats["flow"]["total"] == 3 and
          lines[-1]["event_type"] == "stats", "stats: last, under names that are known", reader.stats)
    wrong = [dict(tls, flow_id="1"), dict(tls, src_port=70000), dict(tls, timestamp="2023-11-14"),
             dict(tls, tls={}), dict(tls, more=1), dict(tls, event_type="flow"),
             dict(flow, flow=dict(flow["flow"], state="open")), dict(tls, src_ip="1.2.3"),
             {k: v for k, v in tls.items() if k != "proto"}, dict(lines[-1], stats={})]
    missed = [w for w in wrong if not fault(w)]
    check(not missed, f"the schema refuses what is wrong ({len(wrong)} lines)", missed)


RAW = re.compile(rb"[^\x20-\x7e\n]")  # lines of ASCII, and nothing that moves a cursor


def hostile(fault, tmp):
    """Each of 256 byte values in a server name, a Host and a question, by every output."""
    m = Maker()
    for value in range(256):
        name = b"a" + bytes([value]) + b"z" + bytes([value, 0x1b, 0x5d]) + b"0;x.example"
        m.tcp(p.record(p.client_hello(name)), 443)
        m.tcp(b"GET / HTTP/1.1\r\nHost: h" + bytes([value]) + b"o.example\r\n\r\n", 80)
        m.udp(p.dns(b"\x06q" + bytes([value]) * 4 + b"r\x07example\0\0\1\0\1"), 53)
    capture = m.write(os.path.join(tmp, "hostile.pcap"))
    out = {n: os.path.join(tmp, n) for n in ("json", "csv", "events")}
    r = subprocess.run([BIN, "analyze", "--verbose", capture, "/dev/null", "--json", out["json"],
                        "--csv", out["csv"], "--events", out["events"]], stdin=subprocess.DEVNULL,
                       capture_output=True, timeout=60, check=False, env=dict(os.environ, LC_ALL="C"))
    found = {n: open(path, "rb").read() for n, path in out.items()}
    found.update(text=r.stdout, notes=r.stderr)
    for name, data in found.items():
        bad = RAW.search(data.replace(b"\r\n", b"\n"))  # CSV ends its lines so (RFC 4180)
        check(bad is None and (data or name == "notes"), f"no raw byte in {name} ({len(data)} bytes)",
              data[max(0, bad.start() - 40):bad.start() + 40] if bad else "empty")
    events = [json.loads(l) for l in found["events"].splitlines()]
    faults = [f for f in map(fault, events) if f]
    check(not faults, "and its events agree with the schema", faults[:3])
    seen = {e["tls"]["sni"] for e in events if e["event_type"] == "tls"}
    said = sum(f"a\\x{v:02x}z" in s for v in range(256) for s in seen if not 0x20 <= v <= 0x7e)
    check(said >= 100, f"what was there stands as \\xNN ({said} names)", sorted(seen)[:3])
    strange = bytes(v for v in range(1, 256) if v != ord("/"))
    r = subprocess.run([BIN.encode(), b"analyze", strange[:200], b"/dev/null"], capture_output=True,
                       stdin=subprocess.DEVNULL, timeout=60, check=False, cwd=tmp)
    check(r.returncode == 2 and b"\\x1b" in r.stderr and not RAW.search(r.stderr),
          "nor in what an error quotes", r.stderr)
    cells = [c for row in csv.reader(io.StringIO(found["csv"].decode("ascii"))) for c in row]
    check(not [c for c in cells if c[:1] in "=+-@" and c[:1]], "no cell of CSV is a formula",
          [c for c in cells if c[:1] in "=+-@" and c[:1]][:3])


def main():
    try:
        fault = eve.validator()
    except ImportError:
        say("FAIL", "setup", "python3-jsonschema is missing; scripts/install-deps installs it")
        return 1
    tmp = tempfile.mkdtemp(prefix="dpi-eve-")
    try:
        for test in (captures, words, hostile):
            try:
                test(fault, tmp)
            except Exception as e:  # a broken test is a failed one
                check(False, test.__name__, f"{type(e).__name__}: {e}")
    finally:
        shutil.rmtree(tmp, ignore_errors=True)
    print(f"{results['ok']} passed, {results['FAIL']} failed")
    return 1 if results["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
