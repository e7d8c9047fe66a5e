#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""100 real hellos and 100 real requests from captures, each sent in every way of mutations.py: the
true name of each must be in the report. What ndpiReader finds in the same captures is printed
beside, where it is installed; it fails nothing.

    test_mutations.py [WORD] [DIRECTORY]    only mutations whose name holds the word; keeps captures
"""
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor

import evasion
import mutations
import packets

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("DPI_XDP", os.path.join(TOP, "build", "dpi-xdp"))
CAPTURES = os.environ.get("DPI_CAPTURES", os.path.join(TOP, "..", "shared", "captures"))
COUNT = 100


def our_names(path):
    """{port: names} of the flows in the report; raises ValueError."""
    done = subprocess.run([BINARY, "analyze", path, "/dev/null", "--json", "-", "--reproducible",
                           "--quiet"], capture_output=True, check=False, timeout=120)
    if done.returncode != 0:
        raise ValueError(f"exit status {done.returncode}: {done.stderr.decode(errors='replace')}")
    names = {}
    for flow in json.loads(done.stdout)["connections"]:
        for port in (flow["src_port"], flow["dst_port"]):
            names.setdefault(port, set()).update(n["name"] for n in flow["names"])
    return names


def ndpi_names(path, directory):
    """The same of ndpiReader, as its table has them; None when it is not installed or fails."""
    if not shutil.which("ndpiReader"):
        return None
    table = os.path.join(directory, "ndpi.csv")
    try:
        subprocess.run(["ndpiReader", "-q", "-t", "-i", path, "-C", table], capture_output=True,
                       check=True, timeout=60)
    except (subprocess.SubprocessError, OSError):
        return None
    names = {}
    with open(table, encoding="utf-8", errors="replace", newline="") as rows:
        for row in csv.DictReader(rows):
            for port in (row["src_port"], row["dst_port"]):
                names.setdefault(int(port), set()).add((row["server_name_sni"] or "").lower())
    return names


def run(one):
    """(line to print, whether it is right)."""
    kind, write, samples, keep = one
    title = f"{kind} {write.__name__}"
    world = evasion.World(evasion.VARIANTS[0])
    for i, (data, name) in enumerate(samples):
        world.turn(evasion.VARIANTS[2 if i % 4 == 3 else 0])
        write(world, i, data, name)
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(keep or directory, title.replace(" ", "_") + ".pcap")
        packets.write_capture(path, world.frames)
        try:
            ours = our_names(path)
        except (ValueError, subprocess.TimeoutExpired) as e:
            return f"FAIL {title}: {e}", False
        theirs = ndpi_names(path, directory)
    missing = [(talk.sport, talk.name.decode()) for talk in world.flows
               if talk.name.decode() not in ours.get(talk.sport, ())]
    count = len(world.flows)
    told = f"{count - len(missing)} of {count}"
    if theirs is not None:
        told += ", ndpiReader " + str(sum(talk.name.decode() in theirs.get(talk.sport, ())
                                          for talk in world.flows))
    if missing or not count:
        port, name = missing[0] if missing else (0, "nothing")
        return f"FAIL {title}: {told}; the first missing: {name}, port {port}", False
    return f"ok {title}: {told}", True


def main():
    word, keep = (sys.argv[1:] + ["", ""])[:2]
    if not os.access(BINARY, os.X_OK):
        print(f"FAIL mutations: {BINARY} is not built")
        return 1
    if not os.path.isdir(CAPTURES):
        print("skip mutations: no captures: DPI_CAPTURES names no directory")
        return 0
    hellos, heads = mutations.samples(CAPTURES, COUNT)
    results = []
    for what, found in (("ClientHellos", hellos), ("requests", heads)):
        if len(found) < COUNT:
            print(f"FAIL mutations: only {len(found)} {what} in the captures")
            results.append(False)
    if keep:
        os.makedirs(keep, exist_ok=True)
    jobs = [(kind, write, samples, keep) for kind, table, samples in
            (("tls", mutations.TLS, hellos), ("http", mutations.HTTP, heads),
             ("quic", mutations.QUIC, hellos))
            for write in table if word in write.__name__]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for line, is_right in pool.map(run, jobs):
            print(line)
            results.append(is_right)
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
