#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The history of the rules by the command line, where no agent runs: what is listed, what a rollback
leaves, what many commands at once, a killed command and a full disk leave.

The full disk is a file system in memory of a few pages, in a mount namespace of its own; that needs
root.
"""
import concurrent.futures
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time

from suite import main, need

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
BIN = os.environ.get("DPI_XDP", os.path.join(BUILD, "dpi-xdp"))


class Place:
    """A state directory."""

    def __init__(self, where):
        self.state = os.path.join(where, "state")
        self.env = dict(os.environ, DPI_XDP_STATE_DIR=self.state, DPI_XDP_RUN_DIR=where + "/run")

    def start(self, *args):
        return subprocess.Popen([BIN, *args], env=self.env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *args, status=0):
        got = subprocess.run([BIN, *args], env=self.env, stdin=subprocess.DEVNULL, timeout=60,
                             capture_output=True, text=True, check=False)
        need(got.returncode == status, f"{' '.join(args)}: exit {got.returncode}: {got.stderr}")
        return got

    def rules(self):
        return sorted(r["rule"] + r.get("when", "") for r in json.loads(self.run("rules", "-j").stdout)["rules"])

    def history(self):
        return json.loads(self.run("rules", "history", "-j").stdout)

    def numbers(self):
        return [c["number"] for c in self.history()["changes"]]


def test_each_change_is_listed_and_goes_back(tmp):
    p = Place(tmp)
    steps = [("block-app", "tiktok"), ("block-domain", "a.example", "b.example", "--when", "sat,sun"),
             ("allow-ip", "10.0.0.0/8"), ("unblock-app", "TikTok"), ("rules", "clear")]
    was = [p.rules()]
    for step in steps:
        p.run(*step)
        was.append(p.rules())
    doc = p.history()
    need([c["by"] for c in doc["changes"]] == ["load", "command", "command", "command", "command"],
         json.dumps(doc))
    need([(c["added"], c["removed"]) for c in doc["changes"]] == [(0, 3), (0, 1), (1, 0), (2, 0), (1, 0)],
         json.dumps(doc))
    need(all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", c["time"]) for c in doc["changes"]), "times")
    need(doc["changes"][-1]["lines"] == ["+ block app TikTok"], "the canonical name")
    need(p.run("rules", "diff", "4").stdout == "- block app TikTok\n", "diff of one")
    need(json.loads(p.run("rules", "diff", "-j").stdout)["number"] == 5, "diff of the newest")
    for n in (5, 3, 1, 4, 2):
        p.run("rules", "rollback", str(n))
        need(p.rules() == was[n - 1], f"before change {n}: {p.rules()} for {was[n - 1]}")
        if was[n - 1] == was[-1]:
            need("already" in p.run("rules", "rollback", str(n)).stdout, "twice is as good as once")
            continue
        p.run("rules", "rollback")  # a rollback is a change, and goes back as one
        need(p.rules() == was[-1], "the rollback rolled back")
    need([c["by"] for c in p.history()["changes"]][:2] == ["rollback", "rollback"], "by whom")
    for words, said in ((["rules", "rollback", "99"], "no change 99"), (["rules", "diff", "x"], "no number"),
                        (["rules", "rollback", "1", "2"], "usage"), (["rules", "history", "1"], "usage")):
        need(said in p.run(*words, status=2).stderr, f"{words} is refused")


def test_nothing_yet(tmp):
    p = Place(tmp)
    need("no change" in p.run("rules", "history").stdout, "an empty list")
    need("no change" in p.run("rules", "rollback", status=2).stderr, "nothing to go back to")
    p.run("unblock-app", "TikTok")
    need(not p.numbers(), "what changes nothing is no change")


def test_a_file_changed_by_hand_is_a_gap(tmp):
    p = Place(tmp)
    p.run("block-port", "1")
    with open(p.state + "/rules.txt", "w", encoding="utf-8") as f:
        f.write("[BLOCKED_PORTS]\n7\n")
    need("by other means" in p.run("rules", "rollback", status=2).stderr, "not over a gap")
    p.run("block-port", "8")
    p.run("rules", "rollback")
    need(p.rules() == ["port:7"], str(p.rules()))
    need([c["can_roll_back"] for c in p.history()["changes"]] == [True, True, False], "what can be undone")


def test_many_commands_at_once(tmp):
    p = Place(tmp)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: p.run("block-port", str(i)), range(1, 25)))
    doc = p.history()
    need([c["number"] for c in doc["changes"]] == list(range(24, 4, -1)) and doc["left_out"] == 4,
         json.dumps(doc))
    need(all(c["can_roll_back"] for c in doc["changes"]), "one behind the other")
    p.run("rules", "rollback", "5")
    need(len(p.rules()) == 4, str(p.rules()))


def test_killed_commands(tmp):
    p = Place(tmp)
    random.seed(5)
    p.run("block-port", "1")
    for i in range(2, 60):
        before = p.rules()
        child = p.start("block-port", str(i))
        time.sleep(random.random() * 0.03)
        child.kill()
        child.communicate()
        after = p.rules()
        need(after in (before, sorted([*before, f"port:{i}"])), f"{before} then {after}")
        newest = p.history()["changes"][0]
        need(newest["can_roll_back"] and (f"+ block port {i}" in newest["lines"]) == (after != before),
             f"the history fits: {newest}, {after}")
    before = p.rules()
    p.run("block-port", "99")
    p.run("rules", "rollback")
    need(p.rules() == before, "and on it goes")


def test_a_full_disk_loses_nothing(tmp):
    if sys.argv[2:] != ["mounted"]:
        if subprocess.run(["unshare", "-m", "true"], check=False, stderr=subprocess.DEVNULL).returncode:
            print("skip a full disk: a mount namespace needs root")
            return
        inner = subprocess.run(["unshare", "-m", sys.executable, os.path.abspath(__file__),
                                "a_full_disk_loses_nothing", "mounted"], check=False, capture_output=True,
                               text=True)
        need(inner.returncode == 0, inner.stdout + inner.stderr)
        return
    p = Place(tmp)
    os.mkdir(p.state)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", p.state], check=True)
    try:
        p.run("block-port", "1", "2")
        p.run("block-app", "TikTok")
        was, list_was = p.rules(), p.history()
        names = tempfile.NamedTemporaryFile("w", suffix=".txt")
        names.write("[BLOCKED_DOMAINS]\n" + "".join(f"n{i}.example.org\n" for i in range(9000)))
        names.flush()
        p.run("rules", "load", names.name, status=5)  # the change fits, the rules do not
        need(p.rules() == was and p.history() == list_was, "what was there is there")
        with open(p.state + "/ballast", "wb", buffering=0) as f:
            try:
                while f.write(bytes(4096)):
                    pass
            except OSError:
                pass
        p.run("block-port", "3", status=5)
        p.run("rules", "rollback", status=5)
        need(p.rules() == was and p.history() == list_was, "nothing is lost")
        os.unlink(p.state + "/ballast")
        p.run("block-port", "3")
        p.run("rules", "rollback", "2")
        need(p.rules() == ["port:1", "port:2"], str(p.rules()))
        need(sorted(os.listdir(p.state)) == ["history.txt", "rules.txt"], str(os.listdir(p.state)))
    finally:
        subprocess.run(["umount", p.state], check=True)


if __name__ == "__main__":
    main(globals())
