#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""10,000 random compositions of evasions (compose.py): with the blocked name none may pass, with
the innocent one none may be dropped. Judged by the filtered captures alone.

    test_compose.py                     seeds 1 to 10,000
    test_compose.py FIRST LAST          these seeds
    test_compose.py SEED [FILE]         one alone, told frame by frame; FILE: keeps its capture
"""
import collections
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor

import compose
import evasion
import packets

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("DPI_XDP", os.path.join(TOP, "build", "dpi-xdp"))
SEEDS, EACH, SHOWN = (1, 10000), 500, 20


def passed_frames(world, directory):
    """Times of the frames that were let through; raises ValueError."""
    path, out = os.path.join(directory, "in.pcap"), os.path.join(directory, "out.pcap")
    packets.write_capture(path, world.frames)
    done = subprocess.run([BINARY, "analyze", path, out, "--block-domain", "blocked.example",
                           "--quiet"], capture_output=True, timeout=120, check=False)
    if done.returncode != 0:
        raise ValueError(f"exit status {done.returncode}: {done.stderr.decode(errors='replace')}")
    return {r.ts_us for r in packets.read_capture(out)}


def build(seeds, name):
    """One capture of these compositions, and for each (seed, its ways, its frames)."""
    world, parts = evasion.World(evasion.VARIANTS[0]), []
    for seed in seeds:
        begin = len(world.frames)
        ways = compose.perform(world, seed, name)
        parts.append((seed, ways, range(begin, len(world.frames))))
    return world, parts


def fault_of(frames, passed, is_blocked):
    """The first thing wrong with one composition, or None. frames: numbered from 1."""
    for number, f in enumerate(frames, 1):
        did_pass = f.ts_us in passed
        if is_blocked and f.fate == evasion.DROP and did_pass:
            return f"frame {number} of {len(frames)} passed and must be dropped"
        if not did_pass and (not is_blocked or f.fate == evasion.PASS):
            return f"frame {number} of {len(frames)} was dropped and must pass"
    return None


def run(seeds):
    """(seed, ways, fault) of what failed, and a count of the ways used."""
    faults, used = [], collections.Counter()
    for name in (evasion.BLOCKED, evasion.INNOCENT):
        world, parts = build(seeds, name)
        with tempfile.TemporaryDirectory() as directory:
            passed = passed_frames(world, directory)
        for seed, ways, numbers in parts:
            used.update(ways)
            frames = [world.frames[i] for i in numbers]
            fault = fault_of(frames, passed, name == evasion.BLOCKED)
            if fault:
                faults.append((seed, ways, f"with {name.decode()}: {fault}"))
    return faults, used


def tell(seed, keep):
    """Runs one seed alone and prints what became of each frame."""
    failed = False
    for name in (evasion.BLOCKED, evasion.INNOCENT):
        world, [(_, ways, __)] = build([seed], name)
        if keep and name == evasion.BLOCKED:
            packets.write_capture(keep, world.frames)
        with tempfile.TemporaryDirectory() as directory:
            passed = passed_frames(world, directory)
        print(f"seed {seed} with {name.decode()}: {', '.join(ways)}")
        for number, f in enumerate(world.frames, 1):
            print(f"  {number} {len(f.data)} bytes, to {f.fate}: "
                  f"{'passed' if f.ts_us in passed else 'dropped'}")
        fault = fault_of(world.frames, passed, name == evasion.BLOCKED)
        print(f"FAIL seed {seed}: {fault}" if fault else f"ok seed {seed}")
        failed |= bool(fault)
    return 1 if failed else 0


def main():
    if not os.access(BINARY, os.X_OK):
        print(f"FAIL compose: {BINARY} is not built")
        return 1
    if len(sys.argv) > 1 and not (len(sys.argv) == 3 and sys.argv[2].isdigit()):
        return tell(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
    first, last = map(int, sys.argv[1:]) if len(sys.argv) == 3 else SEEDS
    batches = [range(s, min(s + EACH, last + 1)) for s in range(first, last + 1, EACH)]
    faults, used = [], collections.Counter()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for more, ways in pool.map(run, batches):
            faults += more
            used += ways
    for seed, ways, fault in faults[:SHOWN]:
        print(f"FAIL seed {seed} ({', '.join(ways)}): {fault}")
    count = last - first + 1
    for way, n in sorted(used.items()):
        print(f"  {way}: {n // 2}")
    if faults:
        print(f"FAIL compose: {len(faults)} faults in {count} compositions, "
              f"seeds {first} to {last}")
    else:
        print(f"ok {count} compositions, seeds {first} to {last}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
