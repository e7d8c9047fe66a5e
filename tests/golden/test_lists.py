#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""analyze with lists, against a judge of its own: a small reader of the same files, written from what
the README promises and not from the program, says of every connection whether its names or addresses
are listed, and by what.

Lists are made at random, in every form and mixed, of names that a made capture holds and of others.
"""
import ipaddress
import json
import os
import random
import subprocess
import tempfile

import suite
from suite import need

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
BIN = os.environ.get("DPI_XDP", os.path.join(BUILD, "dpi-xdp"))
GEN = os.path.join(BUILD, "tests/bench/gen_capture")
ROUNDS = 12


# --- a judge that is not the program ------------------------------------------------------------

class List:
    """What a file says, read once more."""

    def __init__(self, text):
        self.below, self.alone, self.spare = set(), set(), set()
        self.nets = []
        for line in text.splitlines():
            self.take(line.strip())

    def take(self, line):
        if line.startswith("@@||") and line.endswith("^"):
            self.spare.add(line[4:-1])
        elif line == "||co.uk^":
            pass  # a public suffix
        elif line.startswith("||") and line.endswith("^"):
            self.below.add(line[2:-1])
        elif line.startswith("0.0.0.0 "):
            self.alone.update(line.split()[1:])
        elif line.startswith("*."):
            self.below.add(line[2:])
        elif line and line[0] not in "#!|@/" and "#" not in line and "$" not in line:
            try:
                self.nets.append(ipaddress.ip_network(line))
            except ValueError:
                self.alone.add(line)

    def names(self, name):
        return name in self.alone or any(s in self.below for s in above(name))

    def spares(self, name):
        return any(s in self.spare for s in above(name))

    def holds(self, address):
        return any(ipaddress.ip_address(address) in net for net in self.nets)


def above(name):
    labels = name.split(".")
    return [".".join(labels[i:]) for i in range(len(labels))]


def judge(connection, blocks, allow):
    """The labels one of which must be the reason; none: it must pass."""
    ends = (connection["src_ip"], connection["dst_ip"])
    names = [n["name"] for n in connection["names"]]
    if any(allow.holds(a) for a in ends) or any(allow.names(n) or allow.spares(n) for n in names):
        return set()
    by_address = {label for label, l in blocks.items() if any(l.holds(a) for a in ends)}
    if by_address:
        return by_address
    return {label for label, l in blocks.items() for n in names
            if l.names(n) and not any(o.spares(n) for o in blocks.values())}


# --- lists at random ----------------------------------------------------------------------------

NOISE = ["# a comment", "! a comment", "", "[Adblock Plus 2.0]", "example.com##.advert", "/ads[0-9]/",
         "||tracker.example^$third-party", "127.0.0.1 localhost", "||co.uk^", "203.0.113.7 intra.example"]


def line_of(name, rand):
    labels = name.split(".")
    # Two labels under a country may be a public suffix, which no list blocks.
    below = ".".join(labels[-rand.randint(3 if len(labels[-1]) == 2 else 2, 3):])
    return rand.choice([f"0.0.0.0 {name}", f"0.0.0.0 x.{name} {name}", name, f"||{name}^", f"||{below}^",
                        f"*.{below}", f"@@||{name}^", f"||{name}.example^"])


def make_list(names, addresses, rand):
    lines = [line_of(n, rand) for n in rand.sample(names, min(len(names), rand.randint(1, 12)))]
    lines += [line_of(f"host{i}.unseen.example", rand) for i in range(rand.randint(0, 30))]
    for a in rand.sample(addresses, rand.randint(0, 2)):
        wide = 32 if ":" not in a else 128
        lines.append(str(ipaddress.ip_network(f"{a}/{wide - rand.choice([0, 0, 3])}", strict=False)))
    lines += rand.sample(NOISE, rand.randint(0, len(NOISE)))
    rand.shuffle(lines)
    # Some file has to hold something, or it is refused.
    return "\n".join(lines + ["anchor.unseen.example"]) + "\n"


def analyze(*args, status=0):
    r = subprocess.run([BIN, "analyze", *args], capture_output=True, timeout=120, check=False)
    need(r.returncode == status, f"{args}: exit {r.returncode}: {r.stderr.decode()}")
    return r


def report(capture, *args):
    return json.loads(analyze(capture, "/dev/null", "--quiet", "--json", "-", *args).stdout)


def is_whole(connection):
    """DNS is decided message by message, and a flow by what it showed last: not by its row alone."""
    return connection["app_protocol"] not in ("DNS", "MDNS", "LLMNR")


def one_round(capture, plain, directory, rand):
    flows = [c for c in plain["connections"] if is_whole(c)]
    names = sorted({n["name"] for c in flows for n in c["names"] if n["name"].count(".") > 1})
    addresses = sorted({c["dst_ip"] for c in flows})
    files = {}
    for label in ("list:one", "list:two", "allow-list:good"):
        text = make_list(names, addresses, rand)
        if label.startswith("allow"):
            text = "\n".join(text.splitlines()[-4:]) + "\n"
        files[label] = os.path.join(directory, label.split(":")[1] + ".txt")
        with open(files[label], "w", encoding="utf-8") as f:
            f.write(text)
    lists = {label: List(open(path, encoding="utf-8").read()) for label, path in files.items()}
    allow = lists.pop("allow-list:good")
    r = report(capture, "--block-list", files["list:one"], "--block-list", files["list:two"],
               "--allow-list", files["allow-list:good"])
    blocked = 0
    for c in r["connections"]:
        if not is_whole(c):
            continue
        wanted = judge(c, lists, allow)
        blocked += bool(wanted)
        need(bool(c["blocked"]) == bool(wanted) and (not wanted or c["block_reason"] in wanted),
             f"{c['names']} {c['src_ip']} {c['dst_ip']}: {c.get('block_reason')}, wanted {wanted}")
    rows = {row["rule"]: row["flows"] for row in r["rules"]}
    need(set(rows) == {"list:one", "list:two", "allow-list:good"}, f"rows {rows}")
    return blocked


def made(directory):
    capture = os.path.join(directory, "in.pcap")
    subprocess.run([GEN, "--shape", "bench", "--flows", "400", "--active", "50", "--out", capture,
                    "--manifest", capture + ".tsv"], check=True)
    return capture


def test_judge(directory):
    capture = made(directory)
    plain = report(capture)
    blocked = [one_round(capture, plain, directory, random.Random(i)) for i in range(ROUNDS)]
    need(sum(blocked) > 20 and min(blocked) < max(blocked), f"blocked {blocked}: too few to tell")


def test_refused(directory):
    capture = made(directory)
    for name, text, words in (("page", "<!DOCTYPE html>\n<html>", "HTML"),
                              ("letter", "dear all\nthe list moved\n", "not understood"),
                              ("empty", "# nothing\n", "no name and no address"),
                              ("everything", "a.example\n0.0.0.0/0\n", "much of the internet")):
        path = os.path.join(directory, name + ".txt")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        out = os.path.join(directory, "out.pcap")
        r = analyze(capture, out, "--block-list", path, status=2)
        need(words in r.stderr.decode() and path in r.stderr.decode(), f"{name}: {r.stderr}")
        need(not os.path.exists(out), f"{name}: there is an output")


def test_rules_file(directory):
    """A list of a rules file, by its path, with single rules before it."""
    capture = made(directory)
    plain = report(capture)
    name = next(c["names"][0]["name"] for c in plain["connections"] if is_whole(c) and c["names"])
    path, rules = os.path.join(directory, "mine.txt"), os.path.join(directory, "rules.txt")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"||{name}^\n")
    for more, reason in (("", "list:mine"), (f"[BLOCKED_DOMAINS]\n{name}\n", f"domain:{name}")):
        with open(rules, "w", encoding="utf-8") as f:
            f.write(f"[BLOCKED_LISTS]\nmine  {path}  every 12h\n{more}")
        r = report(capture, "--rules", rules)
        reasons = {c["block_reason"] for c in r["connections"] if c["blocked"]}
        need(reasons == {reason}, f"{reasons}, not {reason}")
    with open(rules, "w", encoding="utf-8") as f:
        f.write("[BLOCKED_LISTS]\nfar https://lists.example/ads.txt\n")
    r = analyze(capture, "/dev/null", "--rules", rules, status=2)
    need("--block-list" in r.stderr.decode(), r.stderr)


suite.main(globals())
