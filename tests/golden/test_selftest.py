#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The self-test's frames, as a capture: `analyze` must make of every flow what the table of rows
expects, and tshark, which knows nothing of us, must read in them what they are said to hold: the
name, where a plain reader can see it, and checksums that are right but where a row wants them
wrong.
"""
import json
import os
import shutil
import subprocess

from suite import main, need, read, say, write

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("DPI_XDP", os.path.join(TOP, "build", "dpi-xdp"))
BLOCKED, INNOCENT = "blocked.example", "notblocked.example"
FLOWS_LEAST = 900
# Rows whose name a reader without our cunning finds, and its field for it.
PLAIN = {
    "tls.handshake.extensions_server_name": (
        "tcp-one-segment", "tcp-two-segments", "tcp-three-segments", "tcp-post-quantum",
        "tls-two-records", "tls-small-records", "quic-v1", "quic-v2",
        "quic-shuffled", "quic-two-datagrams", "ip-options", "ip-padding", "ip-extensions",
        "ip-fragments", "ip-fragments-back", "ip-fragments-mixed", "layer-vlan", "layer-qinq",
        "layer-mpls", "layer-pppoe", "tunnel-ipip", "tunnel-gre", "tunnel-gre-bridged",
        "tunnel-gre-in-ipip", "tunnel-vxlan", "tunnel-geneve", "tunnel-gtpu"),
    "http.host": ("http-request", "http-bytewise", "http-second"),
    "dns.qry.name": ("dns-question", "dns-tcp", "dns-several"),
}
WRONG_SUMS = {"decoy-checksum", "decoy-crossed", "decoy-reset", "decoy-fin", "decoy-offset",
              "ip-fragments-overlap"}
# What tshark cannot read: it goes by ports, believes counts, and leaves urgent bytes in the stream.
MALFORMED = {"quic-odd-port", "dns-several", "tcp-urgent", "ip-fragments-overlap"}


def made(tmp, name="rows", *only):
    """The capture, and what is told of its flows."""
    path = os.path.join(tmp, name + ".pcap")
    r = subprocess.run([BINARY, "selftest", "--write", path, "--json", *only], capture_output=True,
                       timeout=60, check=False)
    need(r.returncode == 0 and not r.stderr, r.stderr)
    return path, json.loads(r.stdout)


def tshark(path, *args):
    r = subprocess.run(["tshark", "-n", "-r", path, *args], capture_output=True, text=True,
                       timeout=120, check=False)
    need(r.returncode == 0, r.stderr[-500:])
    return [line.split("\t") for line in r.stdout.splitlines()]


def analyzed(tmp, path, told):
    """The report, with the rules that the rows are made for."""
    rules, report = os.path.join(tmp, "rules"), os.path.join(tmp, "report")
    write(rules, told["rules"].encode())
    r = subprocess.run([BINARY, "analyze", path, "/dev/null", "-q", "--rules", rules, "--json",
                        report], capture_output=True, timeout=60, check=False)
    need(r.returncode == 0, r.stderr)
    return json.loads(read(report))


def test_rows_are_what_analyze_makes_of_them(tmp):
    path, told = made(tmp)
    flows = {}
    for c in analyzed(tmp, path, told)["connections"]:
        for port in (c["src_port"], c["dst_port"]):
            flows.setdefault(port, []).append(c)
    wrong = []
    for f in told["flows"]:
        mine = flows.get(f["client_port"], [])
        is_dropped = any(c["dropped_packets"] for c in mine)
        if not f["refused"] and \
                (not mine or is_dropped != (f["attack"] and not f["open"])):
            wrong.append((f["row"], f["ip"], f["attack"], len(mine), is_dropped))
    need(not wrong, wrong[:10])
    need(len(told["flows"]) >= FLOWS_LEAST, len(told["flows"]))


def test_what_nobody_sends_is_refused(tmp):
    """What hides its ports is nobody's flow: it is missed in the sums."""
    _, told = made(tmp)
    rows = {f["row"] for f in told["flows"] if f["refused"]}
    need(len(rows) >= 2, rows)
    for row in rows:
        path, one = made(tmp, row, "--only", row)
        dropped = analyzed(tmp, path, one)["dropped_packets"]
        need(dropped >= len(one["flows"]), f"{row}: {dropped} dropped of {len(one['flows'])} flows")


def test_the_same_again(tmp):
    need(read(made(tmp)[0]) == read(made(tmp, "again")[0]), "two captures differ")


def test_tshark_reads_the_names(tmp):
    if not shutil.which("tshark"):
        say("skip", "tshark reads the names", "tshark is not installed")
        return
    path, told = made(tmp)
    seen = {}
    options = ["-o", "tcp.reassemble_out_of_order:TRUE", "-2"]
    fields = list(PLAIN)
    columns = [a for f in ["tcp.port", "udp.port", *fields] for a in ("-e", f)]
    for tcp, udp, *names in tshark(path, *options, "-T", "fields", *columns):
        for port in (tcp + "," + udp).split(","):
            for field, name in zip(fields, names):
                seen.setdefault((port, field), set()).update(filter(None, name.split(",")))
    checked, wrong = 0, []
    for field, rows in PLAIN.items():
        for f in told["flows"]:
            is_question = field != "dns.qry.name" and f["server_port"] == 53
            if f["row"] not in rows or is_question:
                continue
            want = BLOCKED if f["attack"] else INNOCENT
            names = seen.get((str(f["client_port"]), field), set())
            checked += 1
            if not any(n == want or n.endswith("." + want) for n in names):
                wrong.append((f["row"], f["ip"], f["client_port"], sorted(names)))
    need(not wrong, f"{len(wrong)} of {checked}: {wrong[:12]}")
    need(checked >= 200, checked)


def test_checksums_are_right(tmp):
    if not shutil.which("tshark"):
        say("skip", "checksums are right", "tshark is not installed")
        return
    path, told = made(tmp)
    rows = {str(f["client_port"]): f["row"] for f in told["flows"]}
    bad = tshark(path, *(a for o in ("ip", "tcp", "udp") for a in
                         ("-o", f"{o}.check_checksum:TRUE")),
                 "-Y", "ip.checksum.status==0||tcp.checksum.status==0||udp.checksum.status==0",
                 "-T", "fields", "-e", "tcp.port", "-e", "udp.port", "-e", "frame.number")
    wrong = [b for b in bad
             if not any(rows.get(p) in WRONG_SUMS for p in (b[0] + "," + b[1]).split(","))]
    need(not wrong, wrong[:8])
    need(bad, "and those that are to be wrong are")


def test_nothing_is_malformed(tmp):
    if not shutil.which("tshark"):
        say("skip", "nothing is malformed", "tshark is not installed")
        return
    path, told = made(tmp)
    rows = {str(f["client_port"]): f["row"] for f in told["flows"]}
    bad = {rows.get(p) for line in tshark(path, "-Y", "_ws.malformed", "-T", "fields", "-e",
                                          "tcp.port", "-e", "udp.port")
           for p in ",".join(line).split(",") if p in rows}
    need(bad <= MALFORMED, bad - MALFORMED)


if __name__ == "__main__":
    main(globals())
