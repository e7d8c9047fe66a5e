#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
Two agents in two namespaces and a real redis-server in a third: a rule on one is in the other's kernel
within a second, as packets tell; Redis dies, hangs, and is cut off, and no packet of what is blocked
passes meanwhile. `--full`: as many repetitions as were promised.
"""
import calendar
import contextlib
import os
import socket
import statistics
import sys
import threading
import time

import net

sys.path.insert(0, os.path.join(net.TOP, "tests", "service"))
import fleet  # noqa: E402

FULL = "--full" in sys.argv
sys.argv = [a for a in sys.argv if a != "--full"]
HUB = ("10.78.0.1", "10.78.1.1")


class Echo:
    """A client that asks up to 500 times a second, one question at a time, and knows when it was answered."""

    def __init__(self, client, at):
        self.socket = client.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((at, net.ECHO_PORT))
        self.socket.settimeout(0.02)
        self.answers, self.times, self.is_over = [], [], False
        self.thread = threading.Thread(target=self.loop)
        self.thread.start()

    def loop(self):
        number = 0
        while not self.is_over:
            number += 1
            sent = time.monotonic()
            with contextlib.suppress(OSError):
                self.socket.send(number.to_bytes(8, "big"))
                while int.from_bytes(self.socket.recv(100)[:8], "big") != number:
                    self.answers.append(time.monotonic())  # to an earlier question
                now = time.monotonic()
                self.answers.append(now)
                self.times.append((now, now - sent))
            time.sleep(max(0.0, 0.002 - (time.monotonic() - sent)))

    def since(self, begin):
        return sum(1 for t in reversed(self.answers[-2000:]) if t >= begin)

    def kill(self):
        self.is_over = True
        self.thread.join()
        self.socket.close()


class Site:
    """A host with an agent on its LAN, a client there, and a wire to the hub."""

    def __init__(self, lab, place, hub, number, url):
        self.number = number
        self.router, self.client = lab.host(f"r{number}"), lab.host(f"c{number}")
        lab.join(self.router, "lan", self.client, "eth0", net.LAN)
        self.hub, self.wire = hub, f"site{number}"
        self.subnet = {4: (HUB[number], f"10.78.{number}.2", 24)}
        lab.join(hub, self.wire, self.router, "hub", self.subnet)
        self.agent = lab.agent(self.router)
        self.agent.attach("lan")
        # One host has the whole service, so that its porter is met with an agent too.
        self.host = place.host(f"site{number}", url, wrap=self.router.cmd(),
                               kind=fleet.Service if number else fleet.Host)
        self.host.state, self.host.env = self.agent.state_dir, self.agent.env
        self.host.start()
        echo = self.router.spawn(sys.executable, "-c", "import socket\n"
                                 "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
                                 f"s.bind(('{net.LAN[4][0]}',{net.ECHO_PORT}))\n"
                                 "while True:\n d,a=s.recvfrom(100)\n s.sendto(d,a)")
        assert echo

    def cut(self, is_up=False):
        self.hub.ip("link", "set", self.wire, "up" if is_up else "down")


def two_sites(lab, place):
    hub = lab.host("hub")
    redis = place.redis(bind=HUB[0], port=6379, wrap=hub.cmd())
    redis.configure()
    with open(redis.config, encoding="ascii") as f:
        text = f.read().replace("bind " + HUB[0], "bind 0.0.0.0")
    with open(redis.config, "w", encoding="ascii") as f:
        f.write(text)
    sites = [Site(lab, place, hub, n, f"redis://{HUB[n]}:6379") for n in (0, 1)]
    redis.start()
    if not all(s.host.in_step(60) for s in sites):  # one that came early tries again by and by
        raise RuntimeError(f"not in step: {[s.host.status() for s in sites]}")
    return redis, sites


def spreading(suite):
    """A rule set on one host stops packets at the other, and taken away lets them pass."""
    with net.Lab() as lab, fleet.Place() as place:
        redis, (a, b) = two_sites(lab, place)
        echo = Echo(b.client, net.LAN[4][0])
        place.things.append(echo)
        net.wait_for(lambda: echo.answers)
        stopped, went_on = [], []
        for _ in range(20 if FULL else 3):
            begin = time.monotonic()
            a.agent.run("block-ip", net.LAN[4][1])
            net.wait_for(lambda: time.monotonic() - echo.answers[-1] > 0.1, 3)
            stopped.append(echo.answers[-1] - begin)
            begin = time.monotonic()
            a.agent.run("unblock-ip", net.LAN[4][1])
            net.wait_for(lambda: echo.answers[-1] > begin, 3)
            went_on.append(next((t for t in echo.answers if t > begin), begin + 9) - begin)
            time.sleep(0.05)
        print(f"# a rule at the other host's packets: worst {max(stopped) * 1000:.0f} ms, "
              f"gone again: worst {max(went_on) * 1000:.0f} ms")
        suite.check(statistics.median(stopped) < 1 and max(stopped) < 3, "a rule on one host stops the other's packets within 1 s", stopped)
        suite.check(statistics.median(went_on) < 1 and max(went_on) < 3, "and its going lets them pass", went_on)
        c = redis.client()
        begin = time.monotonic()
        c("SADD", fleet.key("ip"), net.LAN[4][1])
        net.wait_for(lambda: time.monotonic() - echo.answers[-1] > 0.1, 3)
        suite.check(echo.answers[-1] - begin < 1.2, "so does a member put there by hand", echo.answers[-1] - begin)
        found = [s.agent.json("why", net.LAN[4][1])["rule"] for s in (a, b)]
        suite.check(found == ["ip:" + net.LAN[4][1]] * 2, "both agents know the rule", found)
        c("SREM", fleet.key("ip"), net.LAN[4][1])
        net.wait_for(lambda: time.monotonic() - echo.answers[-1] < 0.05, 3)
        begin = time.monotonic()
        a.agent.run("block-ip", net.LAN[4][1], "--for", "4s")
        until = [m for m in net.wait_for(lambda: c("SMEMBERS", fleet.key("timed-ip")), 3) or [b""]][0]
        net.wait_for(lambda: time.monotonic() - echo.answers[-1] > 0.1, 3)
        stopped = echo.answers[-1]
        net.wait_for(lambda: echo.answers[-1] > stopped, 8)
        went_on, at = next((t for t in echo.answers if t > stopped), begin + 99), time.monotonic() - time.time()
        end = calendar.timegm(time.strptime(until.decode().split()[-1], "%Y-%m-%dT%H:%M:%SZ")) + at
        print(f"# a rule for a time at the other host's packets: after {(stopped - begin) * 1000:.0f} ms, over "
              f"{(went_on - end) * 1000:.0f} ms after its end")
        suite.check(stopped - begin < 3, "a rule for a time is in force on the other host", stopped - begin)
        suite.check(-0.1 < went_on - end < 3, "and ends there at its moment", went_on - end)
        suite.check(net.wait_for(lambda: a.host.rules() == b.host.rules() == set(), 3), "both hosts have forgotten it",
                    (a.host.rules(), b.host.rules()))
        a.agent.run("block-ip", net.LAN[4][1])
        net.wait_for(lambda: time.monotonic() - echo.answers[-1] > 0.1, 3)
        begin = time.monotonic()
        a.agent.run("pause", "--for", "1m", "--fleet")
        net.wait_for(lambda: echo.answers[-1] > begin, 3)
        passed = echo.answers[-1]
        b.agent.run("resume", "--fleet")
        over = net.wait_for(lambda: not a.agent.json("status")["paused"] and time.monotonic() - echo.answers[-1] > 0.1, 3)
        print(f"# a pause for the fleet at the other host's packets: {(passed - begin) * 1000:.0f} ms")
        suite.check(passed > begin and over, "a pause for the fleet lets the other's packets pass, until one resumes for all",
                    (passed - begin, a.agent.json("status")["paused"]))
        a.agent.run("unblock-ip", net.LAN[4][1])
        net.wait_for(lambda: not b.host.rules(), 3)
        a.agent.run("block-app", "TikTok")
        shared = net.wait_for(lambda: "app:TikTok" in b.host.rules(), 3)
        newest = b.agent.json("rules", "history")["changes"][0]
        suite.check(shared and newest["by"] == "fleet" and newest["lines"] == ["+ block app TikTok"],
                    "the other host's history says that the fleet did it", newest)
        a.agent.run("rules", "rollback")
        suite.check(net.wait_for(lambda: "app:TikTok" not in b.host.rules(), 3),
                    "rolled back on one host, it goes on the other", b.host.rules())


def answers(host, address, port):
    with contextlib.suppress(OSError), host.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.settimeout(1)
        s.connect((address, port))
        return True
    return False


def lists(suite):
    """A list from an address, given on one host, is fetched by the other and stops packets there."""
    with net.Lab() as lab, fleet.Place() as place:
        redis, (a, b) = two_sites(lab, place)
        b.router.ip("route", "add", HUB[0], "via", HUB[1])
        www = os.path.join(place.dir, "www")
        os.makedirs(www)
        with open(os.path.join(www, "list.txt"), "w", encoding="ascii") as f:
            f.write(f"{net.LAN[4][1]}\n192.0.2.1\n")
        web = b.hub.spawn(sys.executable, "-m", "http.server", "-d", www, "-b", "0.0.0.0", "8000")
        net.wait_for(lambda: answers(a.router, HUB[0], 8000) and answers(b.router, HUB[0], 8000), 10)
        echo = Echo(b.client, net.LAN[4][0])
        place.things.append(echo)
        net.wait_for(lambda: echo.answers)
        url = f"http://{HUB[0]}:8000/list.txt"
        begin = time.monotonic()
        a.agent.run("block-list", "bad", url)
        net.wait_for(lambda: time.monotonic() - echo.answers[-1] > 0.1, 10)
        print(f"# a list at the other host's packets, fetched by it: {(echo.answers[-1] - begin) * 1000:.0f} ms")
        suite.check(echo.answers[-1] - begin < 3, "a list given on one host is fetched and in force on the other", echo.answers[-1] - begin)
        rules = b.agent.run("rules").stdout
        suite.check(f"bad {url}  # 0 names, 2 addresses" in rules, "where rules tell of it", rules)
        web.kill()
        web.wait()
        redis.kill()
        b.agent.run("block-app", "TikTok")
        redis.start()
        net.wait_for(lambda: "app:TikTok" in a.host.rules(), 35)
        begin = time.monotonic()
        time.sleep(0.5)
        suite.check(not echo.since(begin) and "app:TikTok" in a.host.rules(), "and stays in force whoever is away", echo.since(begin))
        a.agent.run("unblock-list", "bad")
        begin = time.monotonic()
        net.wait_for(lambda: echo.since(begin), 3)
        suite.check(echo.since(begin), "taken away on one host, it blocks on neither", b.host.rules())


def dying(suite):
    """What is blocked stays blocked while Redis dies again and again, hangs and sleeps."""
    with net.Lab() as lab, fleet.Place() as place:
        redis, (a, b) = two_sites(lab, place)
        a.agent.run("block-ip", net.LAN[4][1])
        b.host.has("ip:" + net.LAN[4][1])
        time.sleep(0.2)
        begin = time.monotonic()
        echo = Echo(b.client, net.LAN[4][0])
        place.things.append(echo)
        slow = []
        for i in range(20 if FULL else 2):
            redis.kill()
            (a, b)[i % 2].agent.run("block-domain", f"r{i}.example.com")
            time.sleep(0.2)
            redis.start()
            back = time.monotonic()
            same = net.wait_for(lambda: f"domain:r{i}.example.com" in a.host.rules() & b.host.rules(), 35)
            slow.append(time.monotonic() - back if same else 99)
        print(f"# kill -9 {len(slow)} times: {len(echo.answers)} leaks, slowest return {max(slow):.1f} s")
        suite.check(not echo.since(begin), "Redis dies: no packet of what is blocked passes", len(echo.answers))
        suite.check(max(slow) < 35, "and the fleet agrees again", slow)
        redis.pause()
        begin = time.monotonic()
        net.wait_for(lambda: not b.host.status()["connected"], 5)
        took = time.monotonic()
        b.agent.run("block-domain", "while-hanging.example.com")
        took = time.monotonic() - took
        redis.resume()
        suite.check(took < 1 and not echo.since(begin), "Redis hangs: commands and packets do not wait", took)
        suite.check(a.host.has("domain:while-hanging.example.com", 20) < fleet.NEVER, "and what was changed arrives",
                    a.host.status())


def percentile(times, share):
    return sorted(times)[int(len(times) * share)]


def hanging(suite):
    """The round trip of an allowed packet, Redis well and Redis hanging, by turns."""
    with net.Lab() as lab, fleet.Place() as place:
        redis, (_, b) = two_sites(lab, place)
        echo = Echo(b.client, net.LAN[4][0])
        place.things.append(echo)
        spans = {"well": [], "ill": [], "well too": []}
        for turn in range(36):
            kind = ("well", "ill", "well too", "well too", "ill", "well")[turn % 6]
            if kind == "ill":
                redis.pause()
            begin = time.monotonic()
            time.sleep(2.5)
            spans[kind].append((begin, time.monotonic()))
            redis.resume()
            b.host.in_step()

        def median(kind, share):
            """Of each turn its own percentile, and of those the median: a busy moment is one turn's."""
            return statistics.median(percentile([d for t, d in echo.times if x <= t < y], share)
                                     for x, y in spans[kind])

        rows = {share: [median(kind, share) for kind in spans] for share in (0.5, 0.9, 0.99)}
        print("# round trip, Redis hanging against well (and well against well): " +
              ", ".join(f"p{100 * s:.0f} x {ill / (well + too) * 2:.2f} ({max(well, too) / min(well, too):.2f})"
                        for s, (well, ill, too) in rows.items()))
        well, ill, too = rows[0.99]
        suite.check(ill <= 1.1 * max(well, too), "a Redis that hangs delays no packet", rows)


def parting(suite):
    """The wire to Redis is cut; both sides go on and are changed; then it is whole again."""
    with net.Lab() as lab, fleet.Place() as place:
        redis, (a, b) = two_sites(lab, place)
        a.agent.run("block-app", "TikTok")
        b.host.has("app:TikTok")
        took = []
        for i in range(5 if FULL else 1):
            a.cut()
            a.agent.run("block-domain", f"a{i}.example.com")
            a.agent.run("block-domain", f"both{i}.example.com")
            b.agent.run("allow-domain", f"both{i}.example.com")
            b.agent.run("block-ip", f"192.0.2.{i + 1}")
            net.wait_for(lambda: not a.host.status()["connected"], 4)
            time.sleep(20.0 if FULL and i > 2 else 0.5)
            alone = a.host.rules()
            a.cut(is_up=True)
            begin = time.monotonic()
            want = {f"domain:a{i}.example.com", f"allow-domain:both{i}.example.com", f"ip:192.0.2.{i + 1}"}
            net.wait_for(lambda: a.host.rules() == b.host.rules() >= want, 30)
            took.append(time.monotonic() - begin)
            suite.check("app:TikTok" in alone and f"domain:a{i}.example.com" in alone,
                        "cut off, a host keeps the fleet's rules and takes its own", alone)
            suite.check(a.host.rules() == b.host.rules() >= want, "whole again, both have the edits of both sides",
                        (a.host.rules() ^ b.host.rules(), a.host.status()))
        print(f"# equal after the wire was whole again: worst {max(took):.1f} s of {len(took)}")
        suite.check(max(took) <= 5, "within 5 s", took)
        suite.check("conflict" in a.host.said() and "domain:both0.example.com" in a.host.said(),
                    "a contradiction is said, and the higher version wins", a.host.said())


if __name__ == "__main__":
    net.main([spreading, dying] + ([hanging] if FULL else []), ("ip", "tc", "nsenter", "redis-server"),
             together=[lists, parting])
