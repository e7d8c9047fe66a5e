#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The names oracle: what `analyze` finds in real captures, against tshark and a list made by hand.

For every capture the names by source are compared with those that tshark finds while this runs, and
with names.tsv beside the captures; and each flow with its row of flows.tsv. A name that neither knows
is an invention, one of theirs that we lack is missing; each difference must be listed, with its
reason, in names_differences.txt, and a line there that no longer differs is a fault too. Of every
source at least 99.5 % must be found, by name and by flow.

    test_names.py [WORD]        only captures whose name holds the word
"""
import collections
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BINARY = os.environ.get("DPI_XDP", os.path.join(TOP, "build", "dpi-xdp"))
CAPTURES = os.environ.get("DPI_CAPTURES", os.path.join(TOP, "..", "shared", "captures"))
FOUND_AT_LEAST = 0.995
NOT_COMPARED = ("dns-learnt",)  # no name of the flow's own bytes

FIELDS = ("frame.protocols", "tls.handshake.extensions_server_name", "http.host",
          "http.request.method", "http.request.uri", "dns.qry.name", "gquic.tag.sni",
          "http2.headers.authority")
SEPARATOR = "\x1f"


def plain_text(name):
    """Names are compared in lower case, with every byte that is not printable ASCII as '?'. The
    root of the DNS is no name."""
    name = re.sub(r"\\x[0-9a-fA-F]{2}|\\[0-7]{3}", "?", name.strip().lower())
    name = "".join(c if " " < c < "\x7f" else "?" for c in name)
    return "" if name == "<root>" else name[:-1] if name.endswith(".") else name


def host_of(text):
    """The host in a Host line or an authority: without user, port and brackets."""
    text = text.rsplit("@", 1)[-1]
    bracket = re.match(r"\[([^\]]*)\]", text)
    return plain_text(bracket[1] if bracket else re.sub(r":\d*$", "", text))


def source_of(layers, *protocols):
    """The first of protocols that stands in the layers of a frame; the last when none does."""
    return next((p for p in protocols if p in layers), protocols[-1])


def names_of_frame(columns):
    protocols, sni, hosts, methods, targets, questions, google, authorities = columns
    layers = protocols[0].split(":")
    # What an ICMP error quotes is no flow's; SSDP's Host is the group it is sent to.
    if "icmp" in layers or "icmpv6" in layers or "ssdp" in layers:
        return set()
    found = {("http", host_of(h)) for h in hosts}
    for method, target in zip(methods, targets):
        absolute = re.match(r"https?://([^/?#]*)", target, re.I)
        if absolute or method == "CONNECT":
            found.add(("http", host_of(absolute[1] if absolute else target)))
    found |= {(source_of(layers, "quic", "dtls", "tls"), plain_text(n)) for n in sni}
    found |= {(source_of(layers, "mdns", "llmnr", "dns"), plain_text(n)) for n in questions}
    found |= {("quic", plain_text(n)) for n in google}
    found |= {("http2", host_of(n)) for n in authorities}
    return found


def tshark_names(path):
    """{(source, name)}."""
    command = ["tshark", "-n", "-r", path, "-o", "tcp.reassemble_out_of_order:TRUE", "-Y",
               "tls.handshake.extensions_server_name || http.request || dns.qry.name || "
               "gquic.tag.sni || http2.headers.authority",
               "-T", "fields", "-E", "separator=" + SEPARATOR, "-E", "aggregator=\x1e"]
    for field in FIELDS:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, check=False, timeout=300)
    names = set()
    for line in done.stdout.decode("utf-8", "replace").split("\n"):
        columns = [c.split("\x1e") if c else [] for c in line.split(SEPARATOR)]
        if len(columns) == len(FIELDS) and columns[0]:
            names |= names_of_frame(columns)
    return {n for n in names if n[1]}


def canonical(source, name):
    return host_of(name) if source == "http" else plain_text(name)


def rows_of(table):
    with open(os.path.join(CAPTURES, table), encoding="utf-8") as rows:
        next(rows)
        for row in rows:
            yield row.rstrip("\n").split("\t")


def listed_names():
    """names.tsv: {capture: {(source, name)}}."""
    names = collections.defaultdict(set)
    for capture, source, name, *_ in rows_of("names.tsv"):
        if canonical(source, name):
            names[capture].add((source, canonical(source, name)))
    return names


def listed_flows():
    """flows.tsv: {capture: {(protocol, {(address, port)}, source, name)}}."""
    flows = collections.defaultdict(set)
    for capture, l4, src, sport, dst, dport, source, _, name, _ in rows_of("flows.tsv"):
        if canonical(source, name):
            ends = frozenset(((src, int(sport)), (dst, int(dport))))
            flows[capture].add((l4, ends, source, canonical(source, name)))
    return flows


def differences():
    """names_differences.txt: {(capture, source, name): reason}."""
    table = {}
    with open(os.path.join(HERE, "names_differences.txt"), encoding="utf-8") as rows:
        for row in rows:
            if row.strip() and not row.startswith("#"):
                capture, source, name, reason = row.rstrip("\n").split(None, 3)
                table[capture, source, name] = reason
    return table


def our_flows(path):
    """As listed_flows has them; raises ValueError when the program did not do its work."""
    done = subprocess.run([BINARY, "analyze", path, "/dev/null", "--json", "-", "--reproducible",
                           "--quiet"], capture_output=True, check=False, timeout=120)
    if done.returncode not in (0, 3):
        raise ValueError(f"exit status {done.returncode}: {done.stderr.decode(errors='replace')}")
    return {(c["protocol"].lower(),
             frozenset(((c["src_ip"], c["src_port"]), (c["dst_ip"], c["dst_port"]))),
             n["source"], plain_text(n["name"]))
            for c in json.loads(done.stdout)["connections"] for n in c["names"]
            if n["source"] not in NOT_COMPARED}


def compare(capture, listed, flows, reasons):
    """(line to print, notes, {source: Counter of known, found, flows, flows_found})."""
    path = os.path.join(CAPTURES, capture)
    count = collections.defaultdict(collections.Counter)
    try:
        our_rows = our_flows(path)
        theirs = tshark_names(path)
    except (ValueError, KeyError, OSError, subprocess.TimeoutExpired) as e:
        return f"FAIL {capture}: {e}", [], count
    ours = {row[2:] for row in our_rows}
    known, faults, notes = theirs | listed, [], []
    for what, names in (("invented", ours - known), ("missing", known - ours)):
        for source, name in sorted(names):
            reason = reasons.get((capture, source, name))
            by = "" if what == "invented" else " (known to " + " and ".join(
                who for who, has in (("tshark", theirs), ("names.tsv", listed))
                if (source, name) in has) + ")"
            line = f"{what}: {source} {name}{by}"
            if reason:
                notes.append(f"  {capture}: {line}: {reason}")
            else:
                faults.append(line)
    for listed_capture, source, name in reasons:
        if listed_capture == capture and ((source, name) in ours) == ((source, name) in known):
            faults.append(f"names_differences.txt lists {source} {name}, and nothing differs")
    for row in sorted(flows - our_rows, key=str):
        faults.append(f"missing in its flow: {row}")
    for source, name in known:
        count[source].update(known=1, found=(source, name) in ours)
    for row in flows:
        count[row[2]].update(flows=1, flows_found=row in our_rows)
    line = f"ok {capture} ({len(known)} names, {len(flows)} flows)"
    if faults:
        line = f"FAIL {capture}: {'; '.join(faults)}"
    return line, notes, count


def main():
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    if not os.path.isdir(CAPTURES):
        print("skip names: no captures: DPI_CAPTURES names no directory")
        return 0
    for tool, there in ((BINARY, os.access(BINARY, os.X_OK)), ("tshark", shutil.which("tshark"))):
        if not there:
            print(f"FAIL names: {tool} is not there")
            return 1
    captures = sorted(f for f in os.listdir(CAPTURES)
                      if f.endswith((".pcap", ".pcapng", ".cap")) and word in f)
    listed, flows, reasons = listed_names(), listed_flows(), differences()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda c: compare(c, listed[c], flows[c], reasons), captures))
    notes, total, is_good = [], collections.defaultdict(collections.Counter), bool(captures)
    for line, more, count in results:
        print(line)
        notes += more
        is_good &= not line.startswith("FAIL")
        for source in count:
            total[source] += count[source]
    if notes:
        print("differences with a reason:", *notes, sep="\n")
    for source, n in sorted(total.items()):
        is_enough = n["found"] >= FOUND_AT_LEAST * n["known"] and \
            n["flows_found"] >= FOUND_AT_LEAST * n["flows"]
        is_good &= is_enough
        text = f"{source}: {n['found']} of {n['known']} names, {n['flows_found']} of {n['flows']} flows"
        print(f"ok {text}" if is_enough else f"FAIL {text}")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
