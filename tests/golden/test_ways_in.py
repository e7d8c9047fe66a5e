#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""analyze, by its inputs: files, pipes, what is packed by gzip, files that change under it.

However the capture comes in, what goes out is the same; a capture that is cut short, packed or not,
before or meanwhile, ends there: exit 3, a reason, and everything before it written.
"""
import gzip
import json
import os
import struct
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
BIN = os.environ.get("DPI_XDP", os.path.join(BUILD, "dpi-xdp"))
GEN = os.path.join(BUILD, "tests/bench/gen_capture")


def need(condition, why):
    if not condition:
        raise AssertionError(why)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def generate(path, flows, packets):
    subprocess.run([GEN, "--out", path, "--manifest", path + ".tsv", "--flows", str(flows),
                    "--packets", str(packets)], check=True, stdout=subprocess.DEVNULL)
    return read(path)


def whole(data, limit):
    """Bytes of the whole records of a pcap file that end within limit."""
    at = 24
    while at + 16 <= limit:
        end = at + 16 + struct.unpack_from("<I", data, at + 8)[0]
        if end > limit:
            break
        at = end
    return at


def analyze(source, out, *options, stdin=b""):
    return subprocess.run([BIN, "analyze", source, out, "-q", "--reproducible", "--block-app",
                           "YouTube", *options], input=stdin, capture_output=True, timeout=120,
                          check=False)


def test_every_way_in(tmp):
    plain, packed = os.path.join(tmp, "a.pcap"), os.path.join(tmp, "a.pcap.gz")
    out, report = os.path.join(tmp, "out"), os.path.join(tmp, "json")
    data = generate(plain, 300, 20)
    write(packed, gzip.compress(data))
    halves = gzip.compress(data[:9999]) + gzip.compress(data[9999:])
    expected = None
    for source, stdin in ((plain, b""), (packed, b""), ("-", data), ("-", read(packed)),
                          ("-", halves)):
        for workers in ("1", "2", "4", "8"):
            r = analyze(source, out, "--json", report, "-w", workers, stdin=stdin)
            need(r.returncode == 0, f"{source}: exit {r.returncode}: {r.stderr}")
            told = json.loads(read(report))
            need(told.pop("input") == source, "input")
            expected = expected or (read(out), told)
            need((read(out), told) == expected, f"{source}, {workers} workers: differs")
    need(24 < len(expected[0]) < len(data), "nothing was dropped, or all was")


def test_packed_and_cut(tmp):
    packed, out = os.path.join(tmp, "a.pcap.gz"), os.path.join(tmp, "out")
    data = generate(os.path.join(tmp, "a.pcap"), 30, 10)
    all_of_it = gzip.compress(data)
    for cut in (len(all_of_it) - 1, len(all_of_it) // 2, len(all_of_it) // 9):
        write(packed, all_of_it[:cut])
        r = analyze(packed, out, "--allow-app", "YouTube")
        got = read(out)
        need(r.returncode == 3 and b"gzip data" in r.stderr, f"exit {r.returncode}: {r.stderr}")
        need(data.startswith(got) and whole(data, len(got)) == len(got), "no whole records")
    write(packed, all_of_it[:12])
    r = analyze(packed, os.path.join(tmp, "none"))
    need(r.returncode == 2 and b"not a capture" in r.stderr, f"exit {r.returncode}: {r.stderr}")


def test_cut_short_meanwhile(tmp):
    """The output is a pipe that nobody reads until the input was cut: ahead of the reader, and
    behind it, where what was promised to the output is gone."""
    plain = os.path.join(tmp, "a.pcap")
    data = generate(plain, 2000, 60)
    need(len(data) > 12 << 20, "too small to be cut in time")
    for workers in ("1", "4"):
        for keep in (10 << 20, (10 << 20) + 4096 * 3 + 77, 70000, 24):
            write(plain, data)
            with subprocess.Popen([BIN, "analyze", plain, "-", "-q", "-w", workers],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  bufsize=0) as p:
                got = p.stdout.read(24)
                os.truncate(plain, keep)
                rest, err = p.communicate(timeout=60)
            got += rest
            need(p.returncode == 3 and b"became shorter" in err, f"exit {p.returncode}: {err}")
            same = len(os.path.commonprefix([got, data]))
            if keep > 5 << 20:
                need(whole(data, keep) <= same <= len(got), f"{keep}: {same} of {len(got)}")
                need(len(got) <= whole(data, keep) + 65536, f"{keep}: {len(got)}")
            else:
                need(same >= min(keep, 65536), f"{keep}: {same}")


def main():
    failed = 0
    tests = [t for name, t in globals().items() if name.startswith("test_")]
    for test in tests:
        with tempfile.TemporaryDirectory() as tmp:
            try:
                test(tmp)
                print(f"ok {test.__name__[5:].replace('_', ' ')}", flush=True)
            except (AssertionError, OSError, subprocess.SubprocessError) as e:
                failed += 1
                print(f"FAIL {test.__name__[5:].replace('_', ' ')}: {e}", flush=True)
    print(f"{len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
