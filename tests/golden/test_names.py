#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The names oracle: what `analyze` finds in real captures, against tshark and a list made by hand.

For every capture the names by source (tls, http, dns) are compared with those that tshark finds
while this runs, and with names.tsv beside the captures. A name that neither knows is an invention,
one of theirs that we lack is missing; each difference must be listed, with its reason, in
names_differences.txt, and a line there that no longer differs is a fault too. Over all captures at
least 97 % must be found.

Tunnelled packets, and names of other protocols (DTLS, QUIC, mDNS, LLMNR), are counted apart by
encapsulation and not compared.

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
SOURCES = ("tls", "http", "dns")
FOUND_AT_LEAST = 0.97

# What this project follows: tags and PPPoE over Ethernet, raw IP, Linux cooked, loopback.
PLAIN = re.compile(r"^(eth(:vlan|:ieee8021ad)*(:pppoes:ppp)?|raw|sll|null):(ip|ipv6):(tcp|udp)$")
# Protocols that show the same fields, and are not compared.
OTHERS = ("dtls", "quic", "gquic", "mdns", "llmnr", "ssdp")
FIELDS = ("frame.protocols", "tls.handshake.extensions_server_name", "http.host",
          "http.request.method", "http.request.uri", "dns.qry.name")
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


def encapsulation(protocols):
    """frame.protocols up to and with the last transport, as names.tsv writes it."""
    layers = [x for x in protocols.split(":") if x != "ethertype" and not x.startswith("ipv6.")]
    ends = [i for i, x in enumerate(layers) if x in ("tcp", "udp")]
    return ":".join(layers[:ends[-1] + 1]) if ends else ":".join(layers)


def tshark_names(path):
    """{(source, name)} of plain packets, and a count of what stands in other packets."""
    command = ["tshark", "-n", "-r", path, "-o", "tcp.reassemble_out_of_order:TRUE", "-Y",
               "tls.handshake.extensions_server_name || http.request || dns.qry.name",
               "-T", "fields", "-E", "separator=" + SEPARATOR, "-E", "aggregator=\x1e"]
    for field in FIELDS:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, check=False, timeout=300)
    names, apart = set(), collections.Counter()
    for line in done.stdout.decode("utf-8", "replace").split("\n"):
        columns = [c.split("\x1e") if c else [] for c in line.split(SEPARATOR)]
        if len(columns) != len(FIELDS) or not columns[0]:
            continue
        protocols, sni, hosts, methods, targets, questions = columns
        where = encapsulation(protocols[0])
        over = protocols[0].split(":")
        found = {("http", host_of(h)) for h in hosts}
        for method, target in zip(methods, targets):
            absolute = re.match(r"https?://([^/?#]*)", target, re.I)
            if absolute or method == "CONNECT":
                found.add(("http", host_of(absolute[1] if absolute else target)))
        found |= {("tls", plain_text(n)) for n in sni} | {("dns", plain_text(n)) for n in questions}
        other = next((x for x in OTHERS if x in over), None)
        if not PLAIN.match(where) or other:
            apart[f"{where}:{other}" if other else where] += len(found)
        else:
            names |= found
    return {n for n in names if n[1]}, apart


def listed_names():
    """names.tsv: {capture: {(source, name)}} of plain packets, and what stands apart."""
    names, apart = collections.defaultdict(set), collections.Counter()
    with open(os.path.join(CAPTURES, "names.tsv"), encoding="utf-8") as rows:
        next(rows)
        for row in rows:
            capture, source, name, where = row.rstrip("\n").split("\t")[:4]
            where = ":".join(x for x in where.split(":") if not x.startswith("ipv6."))
            if source not in SOURCES or not PLAIN.match(where):
                apart[where if source in SOURCES else f"{where}:{source}"] += 1
                continue
            name = host_of(name) if source == "http" else plain_text(name)
            if name:
                names[capture].add((source, name))
    return names, apart


def differences():
    """names_differences.txt: {(capture, source, name): reason}."""
    table = {}
    with open(os.path.join(HERE, "names_differences.txt"), encoding="utf-8") as rows:
        for row in rows:
            if row.strip() and not row.startswith("#"):
                capture, source, name, reason = row.rstrip("\n").split(None, 3)
                table[capture, source, name] = reason
    return table


def our_names(path):
    """{(source, name)}; raises ValueError when the program did not do its work."""
    done = subprocess.run([BINARY, "analyze", path, "/dev/null", "--json", "-", "--reproducible",
                           "--quiet"], capture_output=True, check=False, timeout=120)
    if done.returncode not in (0, 3):
        raise ValueError(f"exit status {done.returncode}: {done.stderr.decode(errors='replace')}")
    report = json.loads(done.stdout)
    return {(n["source"], plain_text(n["name"])) for c in report["connections"]
            for n in c["names"] if n["source"] in SOURCES}


def compare(capture, listed, reasons):
    """(line to print, notes, how many known, how many of them found, what stands apart)."""
    path = os.path.join(CAPTURES, capture)
    try:
        ours = our_names(path)
        theirs, apart = tshark_names(path)
    except (ValueError, KeyError, OSError, subprocess.TimeoutExpired) as e:
        return f"FAIL {capture}: {e}", [], 0, 0, collections.Counter()
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
    line = f"ok {capture} ({len(known)} names)"
    if faults:
        line = f"FAIL {capture}: {'; '.join(faults)}"
    return line, notes, len(known), len(known & ours), apart


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
    listed, apart = listed_names()
    reasons = differences()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda c: compare(c, listed[c], reasons), captures))
    known = found = 0
    notes, theirs_apart = [], collections.Counter()
    for line, more, known_here, found_here, apart_here in results:
        print(line)
        notes += more
        known += known_here
        found += found_here
        theirs_apart += apart_here
    if notes:
        print("differences with a reason:", *notes, sep="\n")
    print("not compared, by encapsulation (names.tsv, tshark):")
    for where in sorted(set(apart) | set(theirs_apart)):
        print(f"  {where}: {apart[where]}, {theirs_apart[where]}")
    share = found / known if known else 0
    total = f"{found} of {known} names found, {100 * share:.1f} %"
    is_enough = share >= FOUND_AT_LEAST
    print(f"ok all captures: {total}" if is_enough else f"FAIL all captures: {total}")
    return 0 if is_enough and not any(r[0].startswith("FAIL") for r in results) else 1


if __name__ == "__main__":
    sys.exit(main())
