#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Compares the names that a report gives to flows with the manifest of gen_capture.

usage: check_names.py REPORT.json MANIFEST

REPORT.json is what `analyze --json` wrote. Every flow of the manifest must be there, opened by the
same end, with the same names of its own bytes in the same order and no other, told by the same
protocol; and no flow beside them. Prints a line a protocol. Exit 0 when there is no difference.
"""
import collections
import json
import sys

SHOWN = 5  # differences of a protocol that are printed


def true_flows(path):
    """{(protocol, source and destination as text): (protocol of the names, [name])}"""
    flows = {}
    with open(path, encoding="ascii") as f:
        columns = f.readline().rstrip("\n").split("\t")
        at = [columns.index(n) for n in ("l4", "src", "sport", "dst", "dport", "protocol", "names")]
        for line in f:
            row = line.rstrip("\n").split("\t")
            l4, src, sport, dst, dport, protocol, names = (row[i] for i in at)
            key = (l4.upper(), src, int(sport), dst, int(dport))
            if key in flows:
                sys.exit(f"{path}: {key} is there twice")
            flows[key] = protocol, [] if names == "-" else names.split(",")
    return flows


def found_flows(path):
    """(key as above, [(source, name)]) of each connection of the report."""
    with open(path, encoding="utf-8") as f:
        report = json.load(f)
    if report["counters"].get("connections_unlisted"):
        sys.exit(f"{path}: {report['counters']['connections_unlisted']} connections are not listed")
    for c in report["connections"]:
        key = (c["protocol"], c["src_ip"], c["src_port"], c["dst_ip"], c["dst_port"])
        # A learnt name is one that a DNS answer told, not the flow itself.
        yield key, [(n["source"], n["name"]) for n in c["names"] if n["source"] != "dns-learnt"]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    truth = true_flows(sys.argv[2])
    total = collections.Counter()  # of names, a protocol
    right, wrong, missing = (collections.Counter() for _ in range(3))
    shown = collections.defaultdict(list)
    for protocol, names in truth.values():
        total[protocol] += len(names)
    for key, found in found_flows(sys.argv[1]):
        protocol, names = truth.pop(key, ("no such flow", []))
        expected = [(protocol, n) for n in names]
        if found == expected and protocol != "no such flow":
            right[protocol] += len(expected)
            continue
        same = sum(f == e for f, e in zip(found, expected))
        right[protocol] += same
        missing[protocol] += max(len(expected) - len(found), 0)
        # A flow that should not be there is a fault even when it has no name.
        wrong[protocol] += min(len(expected), len(found)) - same + max(len(found) - len(expected), 0)
        if protocol == "no such flow" and not found:
            wrong[protocol] += 1
        shown[protocol].append((key, expected, found))
    for key, (protocol, names) in truth.items():
        missing[protocol] += len(names)
        shown[protocol].append((key, names, "no such flow in the report"))
    for protocol in sorted(set(total) | set(wrong) | set(missing)):
        if protocol == "-" and not wrong["-"]:
            continue  # its flows have no names
        print(f"{protocol:5} {right[protocol]} of {total[protocol]} names right, "
              f"{wrong[protocol]} wrong, {missing[protocol]} missing")
    for protocol, rows in sorted(shown.items()):
        for key, expected, found in rows[:SHOWN]:
            print(f"  {protocol} {key}: {expected} expected, {found} found")
    sys.exit(1 if shown or not total else 0)


main()
