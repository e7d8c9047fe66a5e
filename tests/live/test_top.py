#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
`dpi-xdp top` in a real terminal, beside a real agent with real traffic: counts move, a key blocks an
application and another undoes it, every view and size has its page, names full of control bytes stay
text, and however it ends the terminal is as it was.
"""
import json
import re
import signal
import threading
import time

import net
from screen import Terminal

APP, NAME, OTHER = "Netflix", "www.netflix.com", "www.youtube.com"


class Stream:
    """Traffic under a name that goes on; counts what arrives."""

    def __init__(self, client):
        self.s = net.connect(client, 4, net.HTTP_PORT)
        self.s.sendall(net.http_request(NAME, "/stream"))
        self.bytes, self.done = 0, False
        self.t = threading.Thread(target=self.run, daemon=True)
        self.t.start()

    def run(self):
        self.s.settimeout(0.2)
        while not self.done:
            try:
                data = self.s.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                return
            if not data:
                return
            self.bytes += len(data)

    def is_moving(self, seconds=0.3):
        before = self.bytes
        time.sleep(seconds)
        return self.bytes > before

    def close(self):
        self.done = True
        self.t.join()
        self.s.close()


class Place:
    """client - router with the agent - server."""

    def __init__(self, lab, attached=True):
        self.client, self.router, server = lab.routed()
        lab.serve(server)
        self.agent = lab.agent(self.router)
        if attached:
            self.agent.attach("lan")

    def top(self, *args, width=80, height=24, env=None):
        return Terminal(self.router.cmd(net.PROGRAM, "top", *args), dict(self.agent.env, **(env or {})),
                        width, height)

    def rules(self):
        return {r["rule"] for r in self.agent.json("rules")["rules"]}

    def fetch(self):
        net.ask(self.client, 4, net.TLS_PORT, [net.client_hello(OTHER)], timeout=0.2)


def packets_of(app):
    """Reads an application's packets from a page; 0 when it is not there."""
    def read(page):
        m = re.search(rf"^{app} .*?(\d[\d.]*[kMG]?) +\S+ +\d+ +\S+(?: +BLOCKED)?$", page, re.M)
        return float(re.sub("[kMG]", "", m[1])) * {"k": 1e3, "M": 1e6, "G": 1e9}.get(m[1][-1], 1) if m else 0
    return read


def in_use(suite, p):
    p.fetch()
    stream = Stream(p.client)
    with p.top("-d", "0.2") as t:
        suite.check(t.shows(APP) and t.shows("YouTube"), "applications are there", t.screen.text())
        n = packets_of(APP)(t.screen.text())
        suite.check(n > 0 and t.wait(lambda s: packets_of(APP)(s) > n), "and their packets grow",
                    t.screen.text())
        moved = t.wait(lambda s: re.search(r"packets/s +[1-9]", s) and re.search(r"bits/s +[1-9]", s))
        suite.check(moved and re.search(r"[▁-█]", t.screen.text()) and "lan native" in t.screen.text(),
                    "the head has rates, their course and the interface", t.screen.text())
        views(suite, t)
        block_by_key(suite, p, t, stream)
        pause_and_sort(suite, t)
        resize(suite, t)
        t.keys("q")
        suite.check(t.end() == 0 and t.is_restored(), "q ends it and the terminal is as it was",
                    f"{t.p.poll()} {t.raw[-60:]!r}")
        suite.check(not t.screen.faults, "nothing but known sequences was written",
                    t.screen.faults[:3])
    stream.close()


def views(suite, t):
    shown = []
    for key, what in (("\t", "DESTINATION"), ("\t", "DOMAIN "), ("\t", "RULE "), ("\t", "TIME "),
                      ("2", NAME), ("3", NAME), ("5", "http"), ("1", "CATEGORY")):
        t.keys(key)
        shown.append((key, what, t.shows(what, 3)))
    suite.check(all(s for _, _, s in shown), "Tab and numbers reach every view", shown)
    t.keys("h")
    suite.check(t.shows("undo the last change") and not t.keys("x") and t.shows("CATEGORY"),
                "h helps, any key goes back", t.screen.text())


def block_by_key(suite, p, t, stream):
    t.keys("/netf")
    suite.check(t.wait(lambda s: APP in s and "YouTube" not in s), "letters typed behind / filter",
                t.screen.text())
    t.keys("\n")
    t.keys("b")
    asked = t.shows(f"block app {APP}? y/n")
    t.keys("n")
    suite.check(asked and t.shows("Nothing was changed") and not p.rules(), "b asks, and n means no",
                t.screen.text())
    suite.check(stream.is_moving(), "the stream still flows")
    t.keys("b")
    t.keys("y")
    stopped = net.wait_for(lambda: not stream.is_moving(), 3)
    suite.check(stopped and p.rules() == {f"app:{APP}"} and t.shows("BLOCKED"),
                "b and y block: the open stream stops", f"{p.rules()} {t.screen.text()}")
    t.keys("u")
    asked = t.shows(f"Undo: remove the rule app {APP}? y/n")
    t.keys("y")
    suite.check(asked and net.wait_for(lambda: not p.rules(), 3) and
                t.wait(lambda s: "BLOCKED" not in s), "u and y take it back", t.screen.text())
    t.keys("u")
    suite.check(t.shows("Nothing was changed here"), "there is no more to undo", t.screen.text())
    t.keys("\x1b")
    suite.check(t.shows("YouTube"), "Esc ends the filter", t.screen.text())
    t.read(0.1)


def pause_and_sort(suite, t):
    t.keys("p")
    t.shows("[paused]")
    t.read(0.3)
    totals = re.search(r"^packets \S+", t.screen.text(), re.M)
    t.read(0.7)
    suite.check(totals and totals[0] in t.screen.text(), "p holds the page", t.screen.text())
    t.keys("p")
    suite.check(t.wait(lambda s: "[paused]" not in s), "and lets it go", t.screen.text())
    orders = []
    for key, word in (("B", "by bytes"), ("F", "by flows"), ("D", "by dropped"), ("P", "by packets"),
                      ("s", "by bytes"), ("S", "by packets")):
        t.keys(key)
        orders.append((key, t.shows(word, 2)))
    suite.check(all(o for _, o in orders), "keys choose the order", orders)
    rows = [m[0] for m in re.findall(r"^((Netflix|YouTube)) ", t.screen.text(), re.M)]
    t.keys("r")
    t.shows("least first")
    turned = [m[0] for m in re.findall(r"^((Netflix|YouTube)) ", t.screen.text(), re.M)]
    suite.check(len(rows) == 2 and turned == rows[::-1], "r turns it round", f"{rows} {turned}")
    t.keys("r")


def resize(suite, t):
    bad = []
    for width, height in ((40, 20), (120, 40), (20, 5), (1, 1), (80, 24)):
        t.size(width, height)
        t.read(0.3)
        lines = t.screen.text().split("\n")
        if len(lines) != height or max(map(len, lines)) > width or t.p.poll() is not None:
            bad.append((width, height, lines))
        if (width, height) == (40, 20) and not (APP in t.screen.text() and "PACKETS" in t.screen.text()):
            bad.append((width, height, lines))
    suite.check(not bad and t.shows("CATEGORY"), "every size has its page", bad[:1])


def ends(suite, p):
    p.fetch()
    good = []
    for how, want in ((signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 0),
                      (signal.SIGQUIT, 0), ("\x03", 0), (signal.SIGSEGV, None),
                      (signal.SIGABRT, None)):
        with p.top() as t:
            t.shows("YouTube")
            raw = t.raw
            if isinstance(how, str):
                t.keys(how)
            else:
                t.p.send_signal(how)
            status = t.end()
            good.append((how, status, t.is_restored(), b"\x1b[?1049h" in raw))
            if want is None:
                want = -how if net.PROGRAM.find("-asan") < 0 and net.PROGRAM.find("-tsan") < 0 else status
            if status != want or not t.is_restored():
                suite.check(False, f"ended by {how!r}", f"{status}, {t.raw[-80:]!r}")
    suite.check(all(g[2] and g[3] for g in good), "signals and crashes leave the terminal as it was",
                good)


def agent_comes(suite):
    with net.Lab() as lab:
        p = Place(lab, attached=False)
        with p.top("-d", "0.2") as t:
            suite.check(t.shows("No agent is running") and t.shows("dpi-xdp attach"),
                        "without an agent it says so, and what to do", t.screen.text())
            p.agent.attach("lan")
            p.fetch()
            suite.check(t.shows("YouTube"), "it goes on when one comes", t.screen.text())
            p.agent.detach()
            suite.check(t.shows("No agent is running"), "and says when it has gone", t.screen.text())
            t.keys("q")
            suite.check(t.end() == 0 and t.is_restored(), "and ends as always")
        r = p.agent.run("top", "--once", check=False)
        suite.check(r.returncode == 6 and "attach" in r.stderr and not r.stdout,
                    "without an agent and a terminal: exit 6", r)


def hostile_names():
    """Names of every byte value, with what terminals obey among them."""
    names = [bytes(range(n, min(n + 32, 256))) + b".hostile.example" for n in range(0, 256, 32)]
    names += [b"\x1b]0;owned\x07.hostile.example", b"\x1b[2J\x1b[31mred.hostile.example",
              b"\x9b31mcsi.hostile.example", "\u202egnp.hostile.example".encode()]
    return [n.replace(b"\r\n", b"\r\r") for n in names]


def send_hostile(p):
    for i, name in enumerate(hostile_names()):
        stand_in = ("a" * (len(name) - 16) + ".hostile.example")
        hello = net.client_hello(stand_in).replace(stand_in.encode(), name)
        net.ask(p.client, 4, net.TLS_PORT, [hello], timeout=0.02)
        request = net.http_request(stand_in).replace(stand_in.encode(), name)
        net.ask(p.client, 4, net.HTTP_PORT, [request], timeout=0.02)
        label, rest = name[:-16], b"\x07hostile\x07example\0"
        with p.client.socket(2, 2) as s:
            s.sendto(i.to_bytes(2, "big") + b"\1\0\0\1\0\0\0\0\0\0" + bytes([len(label)]) + label + rest +
                     b"\0\1\0\1", (net.SERVER[4], net.DNS_PORT))


def hostile(suite, p):
    with p.top("-d", "0.2", width=160, height=50, env={"NO_COLOR": "1"}) as t:
        send_hostile(p)
        seen = []
        for key, what in (("2", "DESTINATION"), ("3", "DOMAIN "), ("4", "RULE "), ("5", "TIME "), ("1", "CATEGORY")):
            t.keys(key)
            t.shows(what)
            t.read(0.3)
            seen.append(t.screen.text())
        suite.check("\\x1b]0;owned" in seen[0] + seen[1] and "\\x1b]0;owned" in seen[3],
                    "hostile names are shown as text", seen[1])
        suite.check(not t.screen.faults and b"\x1b]" not in t.raw and b"\x07" not in t.raw and
                    b"\x9b" not in t.raw.replace(b"\xe2\x9b", b"") and "owned\n" not in t.screen.text(),
                    "and none of their bytes reaches the terminal raw", t.screen.faults[:3])
        suite.check(not re.search(rb"\x1b\[[0-9;]*\b[34][0-7]\b[0-9;]*m", t.raw),
                    "NO_COLOR: no colour")
        t.keys("q")
        suite.check(t.end() == 0 and t.is_restored(), "it ends as always")
    for args in (("--once",), ("--json",)):
        r = p.agent.run("top", *args, "-d", "0.1")
        suite.check(not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", r.stdout),
                    f"top {args[0]}: no raw control byte", r.stdout[:200])


def batch(suite, p):
    p.agent.run("block-app", "TikTok")
    p.fetch()
    once = p.agent.run("top", "--once", "-d", "0.2").stdout
    suite.check("YouTube" in once and len(once.splitlines()) <= 24 and "q quit" not in once and
                max(map(len, once.splitlines())) <= 80, "--once prints one page", once)
    two = p.agent.run("top", "-b", "-n", "2", "-d", "0.2").stdout
    suite.check(two.count("dpi-xdp top") == 2, "-n 2 prints two", two)
    doc = json.loads(p.agent.run("top", "--json", "-d", "0.2").stdout)
    apps = {a["app"]: a for a in doc["apps"]}
    suite.check(doc["schema"] == "dpi-xdp/top/1" and apps["YouTube"]["packets"] > 0 and
                apps["TikTok"]["blocked"] and doc["rules"][0]["rule"] == "app:TikTok" and
                doc["status"]["agent"] == "running" and doc["counters"]["packets"] > 0,
                "--json prints one document", list(doc))
    plain = net.run(p.router.cmd(net.PROGRAM, "top", "--once", "-d", "0.1"),
                    env=dict(p.agent.env, LC_ALL="C"))
    suite.check(plain.returncode == 0 and plain.stdout.isascii() and "YouTube" in plain.stdout,
                "ASCII where the locale has no more", plain.stdout)
    for args in (("--delay", "0"), ("-n", "0"), ("-n", "x"), ("--dela",), ("extra",)):
        r = p.agent.run("top", *args, check=False)
        suite.check(r.returncode == 2 and r.stderr and not r.stdout, f"top {' '.join(args)} is refused", r)


def with_agent(suite):
    with net.Lab() as lab:
        p = Place(lab)
        for part in (in_use, ends, hostile, batch):
            part(suite, p)
        p.agent.detach()


if __name__ == "__main__":
    net.main([with_agent, agent_comes])
