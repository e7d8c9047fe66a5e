#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""what-if over captures: its difference is the one between two runs of analyze.

The oracle is a small reader of the JSON reports of `analyze` under the rules of before and of after;
it knows nothing of how what-if works. For each capture the rules are chosen by what is in it, so
that something changes: applications, names, addresses and ports that it holds. All sums must agree.
Without the real captures the generated one is tried alone, and that is said.

    test_what_if.py [WORD]        only captures whose name holds the word
"""
import collections
import json
import os
import re
import subprocess
import sys
import tempfile

from suite import Suite

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BINARY = os.environ.get("DPI_XDP", os.path.join(TOP, "build", "dpi-xdp"))
CAPTURES = os.environ.get("DPI_CAPTURES", os.path.join(TOP, "..", "shared", "captures"))
GEN = os.path.join(TOP, "build", "tests", "bench", "gen_capture")
LARGEST = 6 << 20  # bytes of a capture; four runs of each
HOST = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+[a-z]{2,63}")
SECTIONS = {"ip": "IPS", "app": "APPS", "domain": "DOMAINS", "port": "PORTS"}
suite = Suite()


def run(*args, state):
    env = dict(os.environ, DPI_XDP_STATE_DIR=state, DPI_XDP_RUN_DIR=state)
    return subprocess.run([BINARY, *args], env=env, capture_output=True, text=True, timeout=120)


def rules_file(path, rules):
    """rules: pairs such as ("app", "TikTok") and ("allow-app", "TikTok")."""
    with open(path, "w", encoding="utf-8") as f:
        for kind, value in rules:
            allow = kind.startswith("allow-")
            f.write(f"[{'ALLOWED' if allow else 'BLOCKED'}_{SECTIONS[kind.split('-')[-1]]}]\n{value}\n")
    return path


def report(capture, rules, tmp):
    got = run("analyze", capture, "/dev/null", "--quiet", "--json", "-", "--reproducible",
              "--rules", rules_file(os.path.join(tmp, "r"), rules), state=tmp)
    if got.returncode not in (0, 3):
        raise AssertionError(f"analyze: {got.stderr}")
    return json.loads(got.stdout)


def key(row):
    return tuple(row[k] for k in ("src_ip", "src_port", "dst_ip", "dst_port", "protocol", "first_ts"))


class Expected:
    """What two reports say of each other. What a flow is, the run knows that dropped less of it."""

    def __init__(self, before, after):
        by_key = collections.defaultdict(lambda: ([0, False, None], [0, False, None]))
        self.apps = collections.Counter()
        self.rules = collections.Counter()
        self.domains = collections.Counter()
        for side, sign, doc in ((0, -1, before), (1, 1, after)):
            for row in doc["connections"]:
                cell = by_key[key(row)][side]
                cell[0] += row["dropped_packets"]
                cell[1] |= row["blocked"]
                cell[2] = row
                self.rules[row["block_reason"]] += sign * row["dropped_packets"]
        for b, a in by_key.values():
            known = b[2] if not a[2] or (b[2] and b[0] <= a[0]) else a[2]
            self.apps[known["app"]] += a[0] - b[0]
            self.domains[known["domain"]] += a[0] - b[0]
        self.changed = {k: (b[0], a[0]) for k, (b, a) in by_key.items() if b[:2] != a[:2]}
        self.dropped = {"before": before["dropped_packets"], "after": after["dropped_packets"]}


def net(rows, name):
    sums = collections.Counter()
    for row in rows:
        sums[row[name]] += row["drop"]["packets"] - row["pass"]["packets"]
    return sums


def differences(doc, want):
    """What of the answer does not agree with the two reports; empty: all does."""
    got = collections.defaultdict(lambda: [0, 0])
    for row in doc["connections"]:
        got[key(row)][0] += row["before"]["dropped_packets"]
        got[key(row)][1] += row["after"]["dropped_packets"]
    wrong = []
    if doc["dropped_packets"] != want.dropped:
        wrong.append(f"dropped: {doc['dropped_packets']} for {want.dropped}")
    if {k: tuple(v) for k, v in got.items()} != want.changed:
        extra = [k for k in got if tuple(got[k]) != want.changed.get(k)]
        missing = [k for k in want.changed if k not in got]
        wrong.append(f"connections: {len(got)} for {len(want.changed)}; extra {extra[:2]} missing {missing[:2]}")
    for part, name, sums in (("apps", "app", want.apps), ("domains", "domain", want.domains),
                             ("rules", "rule", want.rules)):
        have = net(doc[part], name)
        if +have != +sums or -have != -sums:
            wrong.append(f"{part}: {dict(have)} for {dict(sums)}")
    flows = len(doc["connections"])
    if doc["drop"]["flows"] + doc["pass"]["flows"] != flows or doc["connections_left_out"]:
        wrong.append("the list is not as long as the sums say")
    return wrong


def most(rows, name, without=()):
    count = collections.Counter(r[name] for r in rows if r[name] and r[name] not in without)
    return [value for value, _ in count.most_common(3)]


def choose(plain):
    """Rules of before, words of the change, and rules of after, from what a capture holds."""
    rows = [r for r in plain["connections"] if r["protocol"] in ("TCP", "UDP")]
    apps = most(rows, "app", ("Unknown",))
    ports = [p for p in most(rows, "dst_port")]
    names = [n for n in most(rows, "domain") if HOST.fullmatch(n)]
    addrs = most(rows, "dst_ip")
    before, words, after = [], [], []
    if apps:
        before.append(("app", apps[0]))
        words += ["unblock-app", apps[0]]
    if len(apps) > 1:
        words += ["block-app", apps[1]]
        after.append(("app", apps[1]))
    if names:
        words += ["block-domain", f"={names[-1]}"]
        after.append(("domain", f"={names[-1]}"))
    if len(addrs) > 1:
        before.append(("ip", addrs[1]))
        after.append(("ip", addrs[1]))
        words += ["allow-ip", addrs[-1]]
        after.append(("allow-ip", addrs[-1]))
    if ports:
        words += ["block-port", str(ports[-1])]
        after.append(("port", str(ports[-1])))
    return before, words, after


def try_one(name, capture, tmp):
    """True when something changed."""
    before, words, after = choose(report(capture, [], tmp))
    if not words:
        return False
    want = Expected(report(capture, before, tmp), report(capture, after, tmp))
    got = run("what-if", *words, "--capture", capture, "--json", "--limit", "1000000", "--force",
              "--rules", rules_file(os.path.join(tmp, "b"), before), state=tmp)
    if got.returncode not in (0, 3):
        suite.check(False, name, got.stderr)
        return False
    doc = json.loads(got.stdout)
    suite.check(not differences(doc, want), name, differences(doc, want))
    again = run("what-if", "load", rules_file(os.path.join(tmp, "a"), after), "--capture", capture,
                "--json", "--limit", "1000000", "--force", "--workers", "3",
                "--rules", os.path.join(tmp, "b"), state=tmp)
    suite.check(again.stdout == got.stdout, f"{name}: the same as a whole file, with other workers",
                again.stderr)
    return bool(want.changed)


def try_words(capture, tmp):
    """The forms that a person may type."""
    forms = (["block-app", "YouTube,", "block-port", "22", "443"],
             ["block-app", "YouTube", ",", "block-port", "22,443"],
             ["--block-app", "YouTube", "--block-port", "22,443"],
             ["--block-app=YouTube", "--block-port=22", "--block-port", "443"])
    said = {run("what-if", *form, "--capture", capture, "--json", state=tmp).stdout for form in forms}
    suite.check(len(said) == 1 and json.loads(said.pop())["added"] == ["app:YouTube", "port:22", "port:443"],
                "a change may be typed in four ways")
    for form, status, word in ((["block-app", "Tiktokk"], 2, "TikTok"), (["foo"], 2, "block-app"),
                               (["block-app"], 2, "usage"), (["load", "/nonexistent"], 2, "rules file"),
                               ([], 2, "usage")):
        got = run("what-if", *form, "--capture", capture, state=tmp)
        suite.check(got.returncode == status and word in got.stderr, f"refused: {' '.join(form) or 'nothing'}",
                    f"{got.returncode} {got.stderr}")
    names = os.path.join(tmp, "names.txt")
    with open(names, "w", encoding="utf-8") as f:
        f.write("||youtube.com^\n")
    want = json.loads(run("what-if", "block-domain", "youtube.com", "--capture", capture, "--json", state=tmp).stdout)
    got = run("what-if", "block-list", "tube", names + ",", "block-port", "1", "--capture", capture, "--json", state=tmp)
    doc = json.loads(got.stdout)
    suite.check(doc["drop"] == want["drop"] and doc["drop"]["flows"] and doc["added"] == ["list:tube", "port:1"],
                "a list that is new", got.stderr + got.stdout[:300])
    with open(os.path.join(tmp, "b"), "w", encoding="utf-8") as f:
        f.write(f"[BLOCKED_LISTS]\ntube {names}\n")
    doc = json.loads(run("what-if", "unblock-list", "tube", "--capture", capture, "--json", "--rules",
                         os.path.join(tmp, "b"), state=tmp).stdout)
    suite.check(doc["pass"] == want["drop"] and doc["removed"] == ["list:tube"], "a list that goes", doc["removed"])
    got = run("what-if", "block-list", "tube", names, state=tmp)
    suite.check(got.returncode == 2 and "--capture" in got.stderr, "a new list, live, is refused", got.stderr)
    run("block-app", "YouTube", state=tmp)
    run("block-port", "22", state=tmp)
    for words, gone in ((["rollback"], ["port:22"]), (["rollback", "1"], ["app:YouTube", "port:22"])):
        doc = json.loads(run("what-if", *words, "--capture", capture, "--json", state=tmp).stdout)
        suite.check(sorted(doc["removed"]) == gone and not doc["added"] and
                    bool(doc["pass"]["packets"]) == (len(gone) > 1), f"what-if {' '.join(words)}", doc["removed"])
    for words in (["rollback", "9"], ["rollback", "x"], ["rollback", "1", "2"]):
        got = run("what-if", *words, "--capture", capture, state=tmp)
        suite.check(got.returncode == 2 and "rules history" in got.stderr, f"refused: {' '.join(words)}", got.stderr)
    run("rules", "clear", state=tmp)
    got = run("what-if", "block-app", "TikTok", state=tmp)
    suite.check(got.returncode == 6 and "--capture" in got.stderr, "without an agent: 6, and what to type",
                got.stderr)
    got = run("what-if", "block-app", "TikTok", "--capture", "/dev/stdin", state=tmp)
    suite.check(got.returncode == 2 and "twice" in got.stderr, "a pipe is refused", got.stderr)
    suite.check(json.loads(run("rules", "-j", state=tmp).stdout)["rules"] == [], "nothing was stored")
    text = run("what-if", "block-app", "YouTube", "--capture", capture, state=tmp)
    suite.check("would be dropped" in text.stdout and "+ app:YouTube" in text.stdout, "as text", text.stdout)


def main():
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    changed = count = 0
    with tempfile.TemporaryDirectory() as tmp:
        sample = os.path.join(tmp, "sample.pcap")
        subprocess.run([GEN, "--shape", "bench", "--flows", "300", "--active", "50", "--out", sample, "--manifest", sample + ".tsv"],
                       check=True, capture_output=True)
        found = [sample]
        if os.path.isdir(CAPTURES):
            found += sorted(e.path for e in os.scandir(CAPTURES)
                            if ".pcap" in e.name and e.is_file() and e.stat().st_size <= LARGEST)
        else:
            suite.skip("real captures", f"{CAPTURES} is not there")
        for capture in found:
            if word in capture:
                count += 1
                changed += try_one(os.path.basename(capture), capture, tmp)
        if not word:
            suite.check(changed > count / 2, "most captures show a difference", f"{changed} of {count}")
            try_words(found[0], tmp)
    sys.exit(suite.end())


if __name__ == "__main__":
    main()
