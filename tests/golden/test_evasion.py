#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Runs `analyze --block-domain blocked.example` over every capture of evasion.py, once with the
blocked name in it and once with its innocent twin, and looks at what the filtered capture holds:
nothing from the frame that completes the blocked name on; everything of the twin.

    test_evasion.py [WORD]              only rows whose name holds the word
    test_evasion.py --write DIRECTORY   writes all the captures there instead
"""
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import evasion
import evasion_attack  # noqa: F401  (adds rows)
import evasion_ip  # noqa: F401  (adds rows)
import evasion_quic  # noqa: F401  (adds rows)
import floods
import packets

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("DPI_XDP", os.path.join(TOP, "build", "dpi-xdp"))


def analyze(world, directory, rules):
    """(report, records of OUT), or a string that says why not."""
    path, out = os.path.join(directory, "in.pcap"), os.path.join(directory, "out.pcap")
    packets.write_capture(path, world.frames)
    command = [BINARY, "analyze", path, out, *rules, "--json", "-", "--quiet", "--reproducible"]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    if done.returncode != 0:
        last = done.stderr.decode("utf-8", "replace").strip().split("\n")[-1]
        return f"exit status {done.returncode}: {last}"
    return json.loads(done.stdout), packets.read_capture(out)


def check_frames(world, records):
    """The first thing wrong with what passed, or None."""
    passed = {r.ts_us: r for r in records}
    if [r.ts_us for r in records] != sorted(passed):
        return "frames out of order, or twice"
    for number, f in enumerate(world.frames, 1):
        r = passed.pop(f.ts_us, None)
        if f.fate == evasion.PASS and r is None:
            return f"frame {number} was dropped and must pass"
        if f.fate in (evasion.DROP, evasion.REFUSED) and r is not None:
            return f"frame {number} passed and must be dropped"
        if r is not None and (r.data, r.wire_len) != (f.data, f.wire_len):
            return f"frame {number} was changed"
    return f"{len(passed)} frames that were never there" if passed else None


def check_flow(talk, flow, must_block):
    """The first thing wrong with what the report says of a connection, or None."""
    where = f"connection from port {talk.sport}"
    names = [n["name"] for n in flow["names"] if n["source"] == talk.source]
    if talk.name and talk.name.decode() not in names:
        return f"{where}: {talk.name.decode()} not among its {talk.source} names {names}"
    if talk.state and flow["state"] != talk.state:
        return f"{where}: state {flow['state']}, not {talk.state}"
    for flag in talk.flags:
        if flag not in flow["flags"]:
            return f"{where}: no flag {flag} in {flow['flags']}"
    if flow["blocked"] != must_block:
        return f"{where}: blocked is {flow['blocked']}"
    if must_block and flow["block_reason"] != talk.world.reason:
        return f"{where}: block_reason is {flow['block_reason']}"
    for key, value in talk.expect.items():
        if flow.get(key) != value:
            return f"{where}: {key} is {flow.get(key)}, not {value}"
    return None


def check_flows(world, report, is_innocent):
    """The same for all connections. Which end opened one may be unknown; a 5-tuple may be used
    twice, and then the first use is meant."""
    flows = {}
    for f in report["connections"]:
        flows.setdefault((f["protocol"], f["src_port"]), f)
        flows.setdefault((f["protocol"], f["dst_port"]), f)
    for talk in world.flows:
        flow = flows.get((talk.protocol, talk.sport))
        if not flow:
            return f"{talk.protocol} flow from port {talk.sport} is not reported"
        if talk.fate == evasion.MAY or not is_innocent and talk.fate == evasion.ANY:
            continue
        must_block = not is_innocent and talk.fate == evasion.DROP
        fault = check_flow(talk, flow, must_block)
        if fault:
            return fault
    if is_innocent and report["blocked_connections"]:
        return "a connection is reported as blocked"
    for counter, least in world.counters.items():
        if report["counters"].get(counter, 0) < least:
            return f"counter {counter} is {report['counters'].get(counter)}, not {least}"
    return None


def check(one, variant, name):
    world = evasion.make(one, variant, name)
    with tempfile.TemporaryDirectory() as directory:
        result = analyze(world, directory, world.rules)
        if not isinstance(result, str) and any(f.fate == evasion.REFUSED for f in world.frames):
            bare = analyze(world, directory, ())
            if isinstance(bare, str) or len(bare[1]) != len(world.frames):
                return "without any rule, not every frame passed"
    if isinstance(result, str):
        return result
    report, records = result
    is_innocent = name != evasion.BLOCKED or one.is_always_passed
    fault = check_frames(world, records) or check_flows(world, report, is_innocent)
    dropped = len(world.frames) - len(records)
    if not fault and report["dropped_packets"] != dropped:
        fault = f"dropped_packets is {report['dropped_packets']}, and {dropped} are missing"
    return fault


def run(case):
    one, variant = case
    title = f"{one.name} [{variant.name}]"
    for name in (evasion.BLOCKED, evasion.INNOCENT):
        try:
            fault = check(one, variant, name)
        except (KeyError, ValueError, OSError, subprocess.TimeoutExpired) as e:
            fault = f"{type(e).__name__}: {e}"
        if fault:
            return f"FAIL {title}: with {name.decode()}: {fault}"
    return f"ok {title}"


def run_flood(one):
    title, flood = one
    with tempfile.TemporaryDirectory() as directory:
        try:
            fault = flood(BINARY, directory)
        except (KeyError, ValueError, OSError, subprocess.TimeoutExpired) as e:
            fault = f"{type(e).__name__}: {e}"
    return f"FAIL {title}: {fault}" if fault else f"ok {title}"


def write_all(directory):
    """Writes a capture a row, variant and name."""
    os.makedirs(directory, exist_ok=True)
    for one, variant in evasion.cases():
        for name in (evasion.BLOCKED, evasion.INNOCENT):
            stem = f"{one.name} {variant.name} {name.decode()}".replace(" ", "-").replace(",", "")
            stem = stem.replace("/", ".").replace(":", "")
            path = os.path.join(directory, stem + ".pcap")
            packets.write_capture(path, evasion.make(one, variant, name).frames)
    return 0


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--write":
        return write_all(sys.argv[2])
    if not os.access(BINARY, os.X_OK):
        print(f"FAIL evasion: {BINARY} is not built")
        return 1
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    chosen = [case for case in evasion.cases() if word in case[0].name]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        lines = list(pool.map(run, chosen))
        lines += pool.map(run_flood, [one for one in floods.FLOODS if word in one[0]])
    print("\n".join(lines))
    return 1 if not lines or any(line.startswith("FAIL") for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
