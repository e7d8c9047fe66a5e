#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
what-if on live traffic: endless transfers under several names through a router with the agent on
its LAN side. What what-if says of a change is held against what becomes of the transfers when the
same change is made: those it names stop, those it lets pass again go on, and no other does either.
"""
import json
import os
import time

import net

NAMES = ["a.one.example", "b.one.example", "www.two.example", "www.youtube.com"]
STILL_S = 0.6  # without a byte for so long, a transfer of a kilobyte every half millisecond is dead
AGAIN_S = 12   # a sender that was cut off tries again after doubling pauses

# What is typed, one change after the other, each upon the rules that the one before left.
CHANGES = [
    [["block-domain", "one.example"], ["allow-domain", "b.one.example"]],
    [["unblock-domain", "one.example"], ["block-app", "YouTube"]],
    [["block-ip", "src:" + net.CLIENT[6]]],
    [["allow-app", "YouTube"], ["block-port", "80/tcp"]],
    [["unblock-port", "80/tcp"], ["disallow-app", "YouTube"]],
    [["block-domain", "nobody.example"]],
]


class Place:
    def __init__(self, lab):
        self.client, self.router, server, self.agent = lab.guarded()
        self.lab = lab
        self.transfers = {}
        for family in (4, 6):
            for name in NAMES:
                t = net.Transfer(self.client, family, name)
                t.name = name
                self.transfers[(family, t.s.getsockname()[1])] = t
        net.wait_for(lambda: len(self.named()) == len(self.transfers), 5, 0.05)

    def named(self):
        return [f for f in self.agent.json("flows")["flows"] if f["dst_port"] == 80 and f["domain"]]

    def alive(self):
        """Which transfers still bring bytes."""
        since = time.monotonic()
        time.sleep(STILL_S)
        return {k for k, t in self.transfers.items() if t.last > since}

    def close(self):
        for t in self.transfers.values():
            t.close()


def ends(rows, fate):
    """Of TCP; beside it there is what IPv6 says of neighbours."""
    return {(6 if ":" in r["src_ip"] else 4, r["src_port"]) for r in rows
            if r["fate"] == fate and r["protocol"] == "TCP"}


def words_of(change):
    """["block-ip", "x", ",", "allow-ip", "y"]: all of a change in one call."""
    return [w for i, one in enumerate(change) for w in ([","] if i else []) + one]


def one_change(suite, place, change, before):
    """Asks, then does it. Returns who is alive then."""
    title = " and ".join(" ".join(one) for one in change)
    rules = place.agent.run("rules").stdout
    doc = json.loads(place.agent.run("what-if", *words_of(change), "--json").stdout)
    same = place.agent.run("rules").stdout == rules and place.alive() == before
    suite.check(same, f"{title}: asking changes nothing")
    for one in change:
        place.agent.run(*one)
    drop, passed = ends(doc["connections"], "drop"), ends(doc["connections"], "pass")
    want = (before - drop) | passed
    net.wait_for(lambda: place.alive() == want, AGAIN_S)
    now = place.alive()
    suite.check(drop == before - now, f"{title}: those it says die, and no others",
                f"said {sorted(drop)}, died {sorted(before - now)}")
    suite.check(passed == now - before, f"{title}: those it says pass again do, and no others",
                f"said {sorted(passed)}, came back {sorted(now - before)}")
    fates = [r["fate"] for r in doc["connections"]]
    suite.check(doc["drop"]["flows"] == fates.count("drop") and doc["pass"]["flows"] == fates.count("pass") and
                all(r["before"]["dropped"] != r["after"]["dropped"] for r in doc["connections"]) and
                all((r["after"] if r["fate"] == "drop" else r["before"])["rule"]
                    for r in doc["connections"]),
                f"{title}: sums and deciding rules", json.dumps(doc)[:1500])
    nothing = json.loads(place.agent.run("what-if", *words_of(change), "--json").stdout)
    suite.check(not nothing["connections"] and not nothing["added"] and not nothing["removed"],
                f"{title}: done once, it would do nothing more", json.dumps(nothing)[:500])
    return now


def changes(suite):
    with net.Lab() as lab:
        place = Place(lab)
        alive = place.alive()
        suite.check(len(alive) == len(place.transfers), "all transfers run")
        for change in CHANGES:
            alive = one_change(suite, place, change, alive)
        text = place.agent.run("what-if", "load", "/dev/null").stdout
        suite.check("- app:YouTube" in text and "would pass" in text and "www.youtube.com" in text,
                    "a whole file in place of all rules, as text", text)
        place.close()
        place.agent.detach()


def unseen(suite):
    """A flow that the kernel dropped from its first frame on: no worker knows it."""
    with net.Lab() as lab:
        client, router, server, agent = lab.guarded()
        agent.run("block-ip", net.SERVER[4])
        s = client.socket(net.socket.AF_INET, net.socket.SOCK_STREAM)
        s.setblocking(False)
        s.connect_ex((net.SERVER[4], 80))
        port = s.getsockname()[1]
        net.wait_for(lambda: any(f["src_port"] == port for f in agent.json("flows")["flows"]), 5)
        doc = json.loads(agent.run("what-if", "unblock-ip", net.SERVER[4], "--json").stdout)
        suite.check(ends(doc["connections"], "pass") == {(4, port)}, "it would pass", json.dumps(doc))
        agent.run("unblock-ip", net.SERVER[4])
        s.setblocking(True)
        s.settimeout(8)
        try:
            s.sendall(net.http_request("any.example"))
            got = s.recv(100)
        except OSError as e:
            got = str(e).encode()
        suite.check(got.startswith(b"HTTP/1.1 200"), "and does", got)
        agent.detach()


def refusals(suite):
    with net.Lab() as lab:
        client, router, server, agent = lab.guarded()
        r = agent.run("what-if", "block-app", "Tiktokk", check=False)
        suite.check(r.returncode == 2 and "TikTok" in r.stderr, "an unknown application", r.stderr)
        bad = os.path.join(lab.dir, "bad.txt")
        with open(bad, "w") as f:
            f.write("[BLOCKED_IPS]\n10.0.0.1\nnonsense\n")
        r = agent.run("what-if", "load", bad, check=False)
        suite.check(r.returncode == 2 and "bad.txt:3" in r.stderr, "a bad file, by its line", r.stderr)
        supervisor, engine = agent.pids()
        os.kill(engine, 9)
        r = agent.run("what-if", "block-app", "TikTok", "--json", check=False)
        r = r if r.returncode == 0 else agent.run("what-if", "block-app", "TikTok", "--json", check=False)
        suite.check(r.returncode == 0, "an engine that was killed answers again", r.stderr)
        agent.detach()


def wait_alive(place, want):
    net.wait_for(lambda: place.alive() == want, AGAIN_S)
    return place.alive() == want


def rollback(suite):
    """What a change cut off goes on when it is rolled back, and what it let pass stops again."""
    with net.Lab() as lab:
        place = Place(lab)
        agent, everyone = place.agent, place.alive()
        youtube = {k for k, t in place.transfers.items() if k in everyone and t.name == "www.youtube.com"}
        agent.run("block-app", "YouTube")
        suite.check(wait_alive(place, everyone - youtube), "a block cuts off")
        said = agent.run("rules", "rollback").stdout
        suite.check("before change 1" in said and wait_alive(place, everyone), "rolled back, all go on", said)
        suite.check(net.reaches(place.client, "www.youtube.com", 4), "new connections too")
        agent.run("rules", "rollback")
        suite.check(wait_alive(place, everyone - youtube), "a rollback is rolled back")
        suite.check(not net.reaches(place.client, "www.youtube.com", 4, timeout=1), "new connections too")
        doc = json.loads(agent.run("what-if", "rollback", "1", "--json").stdout)
        suite.check(ends(doc["connections"], "pass") >= youtube and doc["removed"] == ["app:YouTube"],
                    "what a rollback would let pass", json.dumps(doc)[:800])
        supervisor, engine = agent.pids()
        os.kill(supervisor, 9)
        net.wait_for(lambda: agent.pids()[0] not in (None, supervisor), 10, 0.05)
        doc = agent.json("rules", "history")
        suite.check([c["by"] for c in doc["changes"]] == ["rollback", "rollback", "command"] and
                    all(c["can_roll_back"] for c in doc["changes"]), "a killed agent forgets nothing",
                    json.dumps(doc))
        agent.run("rules", "rollback", "1")
        suite.check(wait_alive(place, everyone), "before the first change")
        with open(os.path.join(agent.state_dir, "rules.txt"), "w") as f:
            f.write("[BLOCKED_APPS]\nYouTube\n")
        agent.run("rules", "reload")
        suite.check(wait_alive(place, everyone - youtube), "a file changed by hand, read again")
        agent.run("rules", "rollback")
        suite.check(wait_alive(place, everyone) and agent.json("rules", "history")["changes"][1]["by"] == "reload",
                    "is a change that can be rolled back")
        names = os.path.join(lab.dir, "names.txt")
        with open(names, "w") as f:
            f.write("||youtube.com^\n")
        agent.run("block-list", "tube", names)
        suite.check(wait_alive(place, everyone - youtube), "a list cuts off")
        doc = json.loads(agent.run("what-if", "unblock-list", "tube", "--json").stdout)
        suite.check(ends(doc["connections"], "pass") >= youtube, "what its going would let pass", json.dumps(doc)[:800])
        agent.run("unblock-list", "tube")
        suite.check(wait_alive(place, everyone), "and does")
        agent.run("rules", "rollback")
        suite.check(wait_alive(place, everyone - youtube), "rolled back, the list is in force with what is in it")
        place.close()
        agent.detach()


if __name__ == "__main__":
    net.main([changes, unseen, refusals], together=[rollback])
