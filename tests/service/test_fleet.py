#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
Rules shared by many hosts, with a real redis-server and no agent: each host's stored rules are what is
looked at. How a change spreads, what a dead, slow, lying or emptied Redis costs, what is refused, and
that what is for one host alone stays there. `--full`: as many repetitions as were promised.
"""
import concurrent.futures
import contextlib
import os
import random
import re
import signal
import shutil
import socket
import statistics
import sys
import threading
import time

from fleet import HOST_PROGRAM, NEVER, PROGRAM, Place, Service, free_port, key, wait_for
from suite import check, results  # fleet knows where

FULL = "--full" in sys.argv
SETS = 16  # of a fleet
MANY = [f"host{i}.example.com" for i in range(500)]


def in_time(took, bound):
    """Each came, and half of them within the time: one may have met a busy machine."""
    return max(took) < NEVER and statistics.median(took) < bound


def pair(place, redis, **how):
    a = place.host("a", redis.url, **how).start()
    b = place.host("b", redis.url, **how).start()
    if not (a.in_step() and b.in_step()):
        raise RuntimeError(f"hosts do not get in step: {a.status()} {b.status()}")
    return a, b


def spreading():
    """A change on one host, by any command, is on the other within a second; and back."""
    rows = [("block-app", "tiktok", "app:TikTok"), ("block-domain", "*.Example.COM", "domain:example.com"),
            ("block-ip", "10.1.0.0/16", "ip:10.1.0.0/16"), ("block-port", "6881/udp", "port:6881/udp"),
            ("allow-ip", "src:10.0.0.7", "allow-ip:src:10.0.0.7"), ("allow-app", "YouTube", "allow-app:YouTube"),
            ("allow-domain", "=exact.example.com", "allow-domain:=exact.example.com")]
    with Place() as place:
        redis = place.redis().start()
        a, b = pair(place, redis)
        took = []
        for command, value, rule in rows:
            a.cli(command, value)
            took.append(b.has(rule))
        for command, value, rule in rows:
            undo = command.replace("allow", "disallow") if "allow" in command else "un" + command
            b.cli(undo, value)
            took.append(a.lacks(rule))
        check(in_time(took, 1), "a change by any command is on the other host within 1 s", took)
        a.cli("block-app", "TikTok", "YouTube", "Netflix")
        c = redis.client()
        wait_for(lambda: c("SCARD", key("app")) == 3)
        version = int(c("GET", key("version")))
        time.sleep(1.2)
        before, after = version, int(c("GET", key("version")))
        check(before == after and a.status()["published"] <= 8, "nothing goes round in circles",
              (before, after, a.status()))


def plain_clients():
    """Somebody adds members with redis-cli, without the counter or the channel."""
    with Place() as place:
        redis = place.redis().start()
        a, b = pair(place, redis)
        c = redis.client()
        c("SADD", key("app"), "tiktok")
        took = [h.has("app:TikTok") for h in (a, b)]
        check(in_time(took, 1.2), "a plain SADD is in force within a second or so", took)
        time.sleep(0.7)
        c("SMOVE", key("app"), key("allow-app"), "tiktok")
        took = [h.has("allow-app:TikTok") for h in (a, b)]
        check(in_time(took, 1.2) and "app:TikTok" not in a.rules(), "so is a move from set to set", took)
        time.sleep(0.7)
        p = (c("MULTI"), c("SREM", key("allow-app"), "tiktok"), c("SADD", key("allow-app"), "YouTube"),
             c("EXEC"))
        took = [h.has("allow-app:YouTube") for h in (a, b)]
        check(in_time(took, 1.2), "so is a swap that leaves the number of members as it was", (took, p))
        wait_for(lambda: int(c("GET", key("version"))) >= 3)
        check(int(c("GET", key("version"))) >= 3, "each gets a version from the hosts",
              c("GET", key("version")))
        c("SADD", key("app"), "TWITTER", "x")
        ok = a.has("app:Twitter") < NEVER
        a.cli("unblock-app", "Twitter")
        check(ok and wait_for(lambda: c("SCARD", key("app")) == 0),
              "a rule taken away goes however it was written", c("SMEMBERS", key("app")))
        c("CLIENT", "KILL", "TYPE", "pubsub")
        c("SADD", key("app"), "Apple")
        check(a.has("app:Apple") < NEVER and a.status()["failures"] == 0,
              "to lose the connection that listens is no fault", a.status())
        listening = wait_for(lambda: c("PUBLISH", key("changed"), "are you there") == 2)
        check(listening, "and it is made again", listening)
        took = []
        for app in ("Netflix", "Spotify", "Zoom", "Discord"):
            c("SADD", key("app"), app)
            c("PUBLISH", key("changed"), "news")
            took.append(a.has("app:" + app))
        check(in_time(took, 0.4), "a message on the channel makes it quicker", took)
        c("CONFIG", "SET", "notify-keyspace-events", "Kg$s")
        took = []
        for app in ("Netflix", "Spotify", "Zoom", "Discord"):
            c("SREM", key("app"), app)
            took.append(a.lacks("app:" + app))
        check(in_time(took, 0.4), "so does a server that tells of its keys", took)


def outliving():
    """Redis dies by kill -9 and comes back, with nothing; hosts go on, and what was changed joins."""
    rounds = 20 if FULL else 3
    with Place() as place:
        redis = place.redis().start()
        a, b = pair(place, redis)
        a.cli("block-app", "TikTok")
        b.has("app:TikTok")
        leaks, slow, worst = 0, [], 0
        for i in range(rounds):
            redis.kill()
            (a, b)[i % 2].cli("block-domain", f"round{i}.example.com")
            time.sleep(random.uniform(0.1, 1.5) if FULL else 0.3)
            leaks += sum("app:TikTok" not in h.rules() for h in (a, b))
            redis.start()
            begin = time.monotonic()
            same = wait_for(lambda: a.rules() == b.rules() and
                            f"domain:round{i}.example.com" in b.rules(), 35)
            worst = max(worst, time.monotonic() - begin)
            if not same:
                slow.append(i)
            leaks += sum("app:TikTok" not in h.rules() for h in (a, b))
        print(f"# kill -9 {rounds} times: leaks {leaks}, slowest return {worst:.1f} s")
        check(leaks == 0, f"{rounds} deaths of Redis: what was blocked stays blocked", leaks)
        check(not slow, f"{rounds} deaths of Redis: both hosts agree again in time", slow)
        c = redis.client()
        check(c("SISMEMBER", key("app"), "TikTok") == 1 and c("SCARD", key("domain")) == rounds,
              "what Redis lost is put back", c("SMEMBERS", key("domain")))


def starting_alone():
    """A start without Redis has the last good rules, even where the stored ones are gone."""
    with Place() as place:
        redis = place.redis().start()
        a = place.host("a", redis.url).start()
        a.in_step()
        a.cli("block-app", "TikTok")
        wait_for(lambda: a.status()["version"] == 1)
        redis.kill()
        took, status = a.stop()
        check(status == 0 and took < 4, "the thread ends in time", (took, status))
        os.unlink(os.path.join(a.state, "rules.txt"))
        begin = time.monotonic()
        a.start()
        ok = a.has("app:TikTok", 20) < NEVER
        s = a.status()
        check(ok and not s["connected"] and s["version"] == 1, "the last good rules are there without Redis", s)
        check(time.monotonic() - begin < 4, "and no start waits for it", time.monotonic() - begin)
        a.cli("block-app", "YouTube")
        check(wait_for(lambda: a.status()["pending"] == 1), "a change made meanwhile is pending", a.status())
        a.kill()
        redis.start()
        c = redis.client()
        a.start()
        check(wait_for(lambda: c("SCARD", key("app")) == 2), "and is published when Redis is back",
              c("SMEMBERS", key("app")))
        a.stop()
        with open(os.path.join(a.state, "fleet", "fleet.txt"), "r+b") as f:
            f.truncate(200)
        a.start()
        a.in_step()
        check(a.rules() == {"app:TikTok", "app:YouTube"} and "not used" in a.said(),
              "a damaged copy on disk is said to be so and not used", (a.rules(), a.said()))


def hanging():
    """Redis accepts and does not answer; the thread gives up after two seconds and comes back."""
    with Place() as place:
        redis = place.redis().start()
        a, b = pair(place, redis)
        redis.pause()
        down = wait_for(lambda: not a.status()["connected"])
        begin = time.monotonic()
        a.status()
        asked = time.monotonic() - begin
        check(down and asked < 0.5, "a Redis that hangs is given up after 2 s; its state is told at once",
              (a.status(), asked))
        a.cli("block-app", "TikTok")
        took, _ = b.stop()
        check(took < 4, "the thread ends while Redis hangs", took)
        b.start()
        redis.resume()
        check(b.has("app:TikTok", 20) < NEVER, "and catches up when it goes on", b.status())
        if FULL:
            come = []
            liar = Liar(lambda liar, conn: (come.append(time.monotonic()), conn.close()))
            place.things.append(liar)
            c1 = place.host("c", liar.url).start()
            time.sleep(60)
            c1.kill()
            gaps = [b - a for a, b in zip(come, come[1:])]
            print("# pauses between attempts:", " ".join(f"{g:.1f}" for g in gaps))
            check(0.9 < gaps[0] < 1.5 and min(gaps) > 0.9 and 7 < max(gaps) < 31 and
                  all(g < 2 ** i + 1.5 for i, g in enumerate(gaps)), "pauses grow from 1 s, and not alike", gaps)
            c = redis.client()
            c.socket.settimeout(20)
            t = threading.Thread(target=lambda: c("DEBUG", "SLEEP", "5"))
            t.start()
            down = wait_for(lambda: not a.status()["connected"])
            b.cli("block-app", "Netflix")
            t.join()
            check(down and a.has("app:Netflix", 20) < NEVER, "an answer after 5 s is none; then it catches up",
                  a.status())


def poisons():
    """(name, what is done to the sets of a fleet) for each kind of wrong data."""
    def put(kind, *members):
        return lambda c, f: c("SADD", key(kind, f), *members)

    def typed(kind, *command):
        def go(c, f):
            c("DEL", key(kind, f))
            c(command[0], key(kind, f), *command[1:])
        return go

    def many(c, f):
        c("EVAL", "for i=0,99 do local t={} for j=1,5000 do t[j]='m'..(i*5000+j)..'.example.net' end "
          "redis.call('SADD',KEYS[1],unpack(t)) end for i=0,99 do local t={} for j=1,5000 do "
          "t[j]='n'..(i*5000+j)..'.example.net' end redis.call('SADD',KEYS[1],unpack(t)) end return 1",
          1, key("domain", f))

    def shrink(c, f):
        for at in range(0, 300, 100):
            c("SREM", key("domain", f), *MANY[at:at + 100])

    return [
        ("a string where a set was", typed("app", "SET", "TikTok")),
        ("a list where a set was", typed("domain", "RPUSH", "a.example.com")),
        ("a hash where a set was", typed("ip", "HSET", "10.0.0.1", "1")),
        ("a sorted set where a set was", typed("port", "ZADD", "1", "80")),
        ("a million members", many),
        ("a member of 1 MiB", put("domain", b"a" * 1048576)),
        ("bytes that are no text", put("app", bytes(range(256)))),
        ("a NUL inside", put("domain", b"good.example.com\0.evil")),
        ("a star", put("domain", "*")),
        ("star dot star", put("domain", "*.*")),
        ("all of .com", put("domain", "com")),
        ("a public suffix", put("allow-domain", "co.uk")),
        ("every IPv4 address", put("ip", "0.0.0.0/0")),
        ("every IPv6 address", put("allow-ip", "::/0")),
        ("half of all addresses", put("ip", "128.0.0.0/1")),
        ("a rule with times", put("app", "YouTube mon-fri 21:00-07:00")),
        ("one without among those with times", put("timed-app", "YouTube")),
        ("times that are none", put("timed-app", "YouTube at dawn")),
        ("an end that is another moment in each zone", put("timed-app", "YouTube until 2126-12-01T08:00")),
        ("a list that is a file", put("list", "ads /etc/dpi-xdp/ads.txt")),
        ("two lists of one name", put("list", "ads https://a.example/", "ads https://b.example/")),
        ("every address for a night", put("timed-ip", "0.0.0.0/0 21:00-07:00")),
        ("an empty member", put("app", "")),
        ("an unknown application", put("app", "NoSuchApplication")),
        ("lines of a rules file", put("domain", "a.example.com\n[ALLOWED_IPS]\n0.0.0.0/0")),
        ("a port that is none", put("port", "99999/tcp")),
        ("no set where 500 were", lambda c, f: c("DEL", key("domain", f))),
        ("200 left of 500", shrink),
        ("a version that is none", lambda c, f: c("SET", key("version", f), "latest")),
        ("a version beyond all", lambda c, f: c("SET", key("version", f), "99999999999999999999")),
        ("a version that is a set", typed("version", "SADD", "7")),
    ]


def poisoned():
    """Every kind of wrong data at once, each in a fleet of its own."""
    with Place() as place:
        redis = place.redis(options=["proto-max-bulk-len 64mb"]).start()
        c = redis.client()
        rows = poisons()
        hosts = []
        for i, (name, _) in enumerate(rows):
            fleet = f"f{i}"
            c("SADD", key("domain", fleet), *MANY)
            c("SADD", key("app", fleet), "TikTok")
            c("SADD", key("ip", fleet), "10.9.0.0/16")
            c("SADD", key("port", fleet), "6881")
            hosts.append(place.host(fleet, redis.url, fleet=fleet).start())
        good = {f"domain:{d}" for d in MANY} | {"app:TikTok", "ip:10.9.0.0/16", "port:6881"}
        ready = wait_for(lambda: all(h.rules() == good and h.status()["version"] for h in hosts), 20, 0.1)
        if not check(ready, f"{len(rows)} fleets with 500 rules get in step", [h.status() for h in hosts]):
            return
        for i, (_, poison) in enumerate(rows):
            poison(c, f"f{i}")
        seen = wait_for(lambda: all(h.status()["refused"] for h in hosts), 25, 0.1)
        time.sleep(0.6)
        kept = [h.rules() == good for h in hosts]
        for (name, _), h, is_kept in zip(rows, hosts, kept):
            s = h.status()
            check(is_kept and s["refused"], f"refused, and the last good rules kept: {name}", s)
        print(f"# poisoned: last good rules kept {sum(kept)}/{len(kept)}, all refused: {bool(seen)}")
        h = hosts[0]  # other sets go on, and the bad one can be put right
        c("SADD", key("domain", "f0"), "more.example.com")
        h.cli("block-app", "YouTube")
        check(h.has("domain:more.example.com", 20) < NEVER, "the other sets of that fleet go on", h.status())
        check(wait_for(lambda: h.status()["pending"] == 1), "a change for the bad set waits", h.status())
        c("DEL", key("app", "f0"))
        c("SADD", key("app", "f0"), "TikTok")
        check(wait_for(lambda: not h.status()["refused"] and c("SCARD", key("app", "f0")) == 2),
              "and goes out when the set is good again", h.status())
        ports = [name for name, _ in rows].index("a port that is none")
        c("DEL", key("version", f"f{ports}"))
        check(wait_for(lambda: c("SCARD", key("domain", f"f{ports}")) == 500),
              "taking the version away has the last good rules put back", hosts[ports].status())


class Liar:
    """A server that takes connections and says what it likes."""

    def __init__(self, talk):
        self.talk, self.socket = talk, socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(0.2)
        self.url = "redis://127.0.0.1:%d" % self.socket.getsockname()[1]
        self.is_over, self.heard, self.conns = False, b"", []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while not self.is_over:
            with contextlib.suppress(OSError):
                conn = self.socket.accept()[0]
                self.conns.append(conn)
                threading.Thread(target=self.one, args=(conn,), daemon=True).start()

    def one(self, conn):
        with contextlib.suppress(OSError):
            conn.settimeout(20)
            self.talk(self, conn)

    def kill(self):
        self.is_over = True
        self.socket.close()
        for conn in self.conns:
            conn.close()


def says(*pieces, pause=0.0, first=True):
    def talk(liar, conn):
        for piece in pieces:
            if first:
                liar.heard += conn.recv(65536)
            conn.sendall(piece)
            time.sleep(pause)
        time.sleep(5)
    return talk


def drips(liar, conn):
    conn.recv(1000)
    for _ in range(60):
        conn.sendall(b"$")
        time.sleep(0.3)


def impostor(at, lie):
    """Answers as Redis does until the command that holds `at`; then lies."""
    def talk(liar, conn):
        while True:
            heard = conn.recv(65536)
            if not heard:
                return
            n = len(re.findall(rb"\*\d+\r\n", heard))
            if at in heard:
                conn.sendall(lie)
            elif b"PING" in heard:
                conn.sendall(b"+PONG\r\n")
            elif b"SUBSCRIBE" in heard:
                conn.sendall(b"*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n*3\r\n$10\r\npsubscribe\r\n$1\r\nx\r\n:2\r\n")
            elif b"SCARD" in heard:
                conn.sendall(b"$1\r\n2\r\n" + b":1\r\n" * SETS + b"$-1\r\n-ERR\r\n")
            else:
                conn.sendall(b"+OK\r\n" * n)
    return talk


def strangers():
    """Who is not the Redis that was meant: ten and more, none of whom is believed."""
    lies = [
        ("an HTTP server", says(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")),
        ("a TLS server", says(bytes.fromhex("15030300020246"))),
        ("an SSH server", says(b"SSH-2.0-OpenSSH_9.2p1\r\n", first=False)),
        ("random bytes", says(bytes(random.Random(1).randbytes(4096)))),
        ("a server that hangs up", lambda liar, conn: conn.close()),
        ("a server that never answers", says(pause=1)),
        ("an answer byte by byte", drips),
        ("a text of 500 MB announced", says(b"$500000000\r\nxxxx")),
        ("an array of 2^31 announced", says(b"*2147483647\r\n")),
        ("an array of -2 elements", says(b"*-2\r\n")),
        ("arrays in arrays without end", says(b"*1\r\n" * 4000)),
        ("numbers where sets should be", impostor(b"SMEMBERS", b"+OK\r\n" + b"+QUEUED\r\n" * (1 + SETS) + b":1\r\n")),
        ("fewer sets than asked for", impostor(b"SMEMBERS", b"+OK\r\n" + b"+QUEUED\r\n" * (1 + SETS) + b"*1\r\n$1\r\n9\r\n")),
        ("text where counts should be", impostor(b"SCARD", b"$1\r\n2\r\n" + b"$3\r\nall\r\n" * SETS + b"$-1\r\n-ERR\r\n")),
        ("more answers than questions", says(b"+PONG\r\n" + b"-ERR x\r\n" * 50)),
    ]
    with Place() as place:
        locked = place.redis(options=["requirepass correct-horse"]).start()
        free = place.redis().start()
        limited = place.redis(options=["user default off", "user fleet on >pw ~other:* +@all"]).start()
        at = f"127.0.0.1:{locked.port}"
        cases = [("a wrong password", f"redis://:wrong@{at}", "WRONGPASS"),
                 ("no password where one is needed", f"redis://{at}", "NOAUTH"),
                 ("a user there is none of", f"redis://eve:correct-horse@{at}", "WRONGPASS"),
                 ("a password where none is set", f"redis://:secret@127.0.0.1:{free.port}", "AUTH"),
                 ("a database there is none of", f"redis://127.0.0.1:{free.port}/99", "out of range"),
                 ("keys that the user may not touch", f"redis://fleet:pw@127.0.0.1:{limited.port}", "NOPERM")]
        for name, talk in lies:
            liar = Liar(talk)
            place.things.append(liar)
            cases.append((name, liar.url, ""))
        hosts = []
        for i, (name, url, _) in enumerate(cases):
            h = place.host(f"h{i}", url)
            h.cli("block-app", "TikTok")
            hosts.append(h.start())
        wait_for(lambda: all(h.status()["failures"] for h in hosts), 25, 0.1)
        for (name, url, word), h in zip(cases, hosts):
            s = h.status()
            good = s["failures"] and s["version"] == 0 and s["sync_age_s"] is None and word in s["fault"]
            check(good and h.rules() == {"app:TikTok"}, f"not believed: {name}", s)
        secret = [h.said() for h in hosts] + [str(h.status()) for h in hosts]
        check(not any("correct-horse" in t or "secret" in t for t in secret), "no password is ever shown", secret)
        with open(f"/proc/{hosts[-1].process.pid}/status", encoding="ascii") as f:
            rss = int(re.search(r"VmHWM:\s+(\d+)", f.read())[1])
        check(max(rss, 0) < 65536, "and none costs memory", rss)
        good = place.host("good", f"redis://:correct-horse@{at}/3").start()
        check(good.in_step(), "the right password is taken, and another database", good.status())
        least = place.redis(options=["user default off nopass ~* &* +@all", "user fleet on >pw ~dpi-xdp:* &dpi-xdp:* "
                                     "&__keyspace@* +ping +select +get +set +del +sadd +srem +scard +smembers +watch "
                                     "+unwatch +multi +exec +publish +subscribe +psubscribe +time"]).start()
        humble = place.host("humble", f"redis://fleet:pw@127.0.0.1:{least.port}").start()
        humble.cli("block-app", "TikTok")
        check(wait_for(lambda: humble.status()["published"] == 1) and not humble.status()["fault"],
              "a user with the few rights that the manual names will do", humble.status())
        by_socket = place.host("socket", f"unix:{free.socket}?db=2").start()
        check(by_socket.in_step(), "a unix socket does", by_socket.status())


def refused_urls():
    """What is no URL ends the start, and says what to write."""
    rows = [("rediss://127.0.0.1", "stunnel"), ("http://127.0.0.1", "redis://"), ("redis://", "no host"),
            ("redis://h:0", "port"), ("redis://h/x", "database"), ("unix:relative", "whole path"),
            ("redis://u@h", "password"), ("redis://u:%zz@h", "hexadecimal")]
    with Place() as place:
        for url, word in rows:
            h = place.host("h", url).start()
            h.process.wait(20)
            check(h.process.returncode == 2 and word in h.said().splitlines()[-1], f"refused: {url}", h.said())
        h = place.host("h2", "redis://127.0.0.1:1", fleet="bad name").start()
        h.process.wait(20)
        check(h.process.returncode == 2 and "--fleet" in h.said(), "a fleet's name is checked", h.said())


def own_rules():
    """Rules for one host alone are never shared and always there."""
    with Place() as place:
        redis = place.redis().start()
        c = redis.client()
        own = os.path.join(place.dir, "own.txt")

        def write(text):
            with open(own + ".new", "w") as f:
                f.write(text)
            os.replace(own + ".new", own)

        write("[BLOCKED_DOMAINS]\nemergency.example.com\n[ALLOWED_IPS]\n10.0.0.1\n")
        a = place.host("a", redis.url, "--local-rules", own).start()
        b = place.host("b", redis.url).start()
        ok = a.has("domain:emergency.example.com", 20) < NEVER and a.in_step() and b.in_step()
        time.sleep(0.7)
        check(ok and not b.rules() and c("EXISTS", key("domain"), key("allow-ip")) == 0,
              "they are in force here and known nowhere else", (a.rules(), b.rules()))
        a.cli("unblock-domain", "emergency.example.com")
        check(a.has("domain:emergency.example.com", 20) < NEVER, "a command does not take them away", a.rules())
        b.cli("block-domain", "emergency.example.com")
        b.in_step()
        wait_for(lambda: c("SCARD", key("domain")) == 1)
        b.cli("unblock-domain", "emergency.example.com")
        wait_for(lambda: c("SCARD", key("domain")) == 0)
        time.sleep(0.5)
        check("domain:emergency.example.com" in a.rules(), "nor does the fleet", a.rules())
        write("[BLOCKED_DOMAINS]\nother.example.com\n")
        ok = a.has("domain:other.example.com", 20) < NEVER
        check(ok and "domain:emergency.example.com" not in a.rules(), "a change of the file is followed", a.rules())
        write("[BLOCKED_DOMAINS]\nbad..name\n")
        time.sleep(0.6)
        check("domain:other.example.com" in a.rules() and "own.txt:2" in a.said() and "own.txt:2" in a.status()["fault"],
              "a bad file is refused whole, by its line", a.said())
        a.stop()
        write("")
        a.start()
        check(a.lacks("domain:other.example.com", 20) < NEVER, "what went while nobody looked goes too", a.rules())
        write("nonsense\n")
        h = place.host("h", redis.url, "--local-rules", own).start()
        h.process.wait(20)
        check(h.process.returncode == 2 and "own.txt:1" in h.said(), "a bad file ends a start", h.said())


def words(host):
    """A host's rules with one blank before the words that say when, as members have it."""
    return {re.sub(r"  +", " ", r) for r in host.rules()}


def times():
    """Rules with times are the fleet's like others: they spread, change and end everywhere."""
    with Place() as place:
        redis = place.redis().start()
        c = redis.client()
        own = os.path.join(place.dir, "own.txt")
        with open(own, "w") as f:
            f.write("[BLOCKED_DOMAINS]\nnight.example.com  21:00-07:00\nboth.example.com\n")
        a = place.host("a", redis.url, "--local-rules", own).start()
        b = place.host("b", redis.url).start()
        a.in_step(), b.in_step()

        def both(*rules, without=(), timeout=5):
            """Whether both hosts come to have these and lack those."""
            return wait_for(lambda: all(words(h) >= set(rules) and not words(h) & set(without) for h in (a, b)), timeout)

        took = []
        for command, value, kind, rule in [
                ("block-app", "tiktok", "app", "TikTok mon-fri 21:00-07:00"),
                ("block-domain", "*.Example.com", "domain", "example.com mon-fri 21:00-07:00"),
                ("block-ip", "10.1.0.0/16", "ip", "10.1.0.0/16 mon-fri 21:00-07:00"),
                ("block-port", "6881/udp", "port", "6881/udp mon-fri 21:00-07:00"),
                ("allow-ip", "10.0.0.7", "allow-ip", "10.0.0.7 mon-fri 21:00-07:00"),
                ("allow-app", "youtube", "allow-app", "YouTube mon-fri 21:00-07:00"),
                ("allow-domain", "a.example", "allow-domain", "a.example mon-fri 21:00-07:00")]:
            begin = time.monotonic()
            a.cli(command, value, "--when", "mon-fri 21:00-07:00")
            took.append(time.monotonic() - begin if both(f"{kind}:{rule}") else NEVER)
            check(c("SMEMBERS", key("timed-" + kind)) == [rule.encode()] and not c("EXISTS", key(kind)),
                  f"a rule with times has a set of its own: timed-{kind}", c("SMEMBERS", key("timed-" + kind)))
        check(in_time(took, 1), "rules with times are on the other host within 1 s", took)
        check(not any("night" in r for r in b.rules()), "but not those of one host alone", b.rules())

        # One value: other times, more times, for good, for a time again.
        b.cli("block-app", "TikTok", "--when", "sat,sun")
        check(both("app:TikTok mon-fri 21:00-07:00", "app:TikTok sat,sun"), "more times of a value join", (a.rules(), b.rules()))
        b.cli("block-app", "TikTok")
        ok = both("app:TikTok", without=["app:TikTok sat,sun", "app:TikTok mon-fri 21:00-07:00"])
        check(ok and wait_for(lambda: not c("EXISTS", key("timed-app"))) and c("SMEMBERS", key("app")) == [b"TikTok"],
              "for good takes the place of times", (a.rules(), c("SMEMBERS", key("timed-app"))))
        a.cli("unblock-app", "TikTok")
        a.cli("block-app", "TikTok", "--when", "sun")
        check(both("app:TikTok sun", without=["app:TikTok"]) and wait_for(lambda: not c("EXISTS", key("app"))),
              "and times that of for good", (a.rules(), b.rules()))
        b.cli("block-domain", "both.example.com", "--for", "1h")
        a.in_step()
        time.sleep(0.7)
        check(c("SCARD", key("timed-domain")) == 2 and "domain:both.example.com" in a.rules(),
              "a host's own rule for good stands before the fleet's for a time", a.rules())
        with open(own + ".new", "w") as f:
            f.write("[BLOCKED_DOMAINS]\nnight.example.com  21:00-07:00\n")
        os.replace(own + ".new", own)
        ok = wait_for(lambda: any(r.startswith("domain:both.example.com  until") for r in a.rules()))
        check(ok and c("SCARD", key("timed-domain")) == 2, "and makes room for it when it goes", a.rules())

        # The end.
        a.cli("block-app", "Zoom", "--for", "3s")
        here = wait_for(lambda: any(r.startswith("app:Zoom ") for r in b.rules()))
        member = [m for m in c("SMEMBERS", key("timed-app")) if m.startswith(b"Zoom until ")]
        check(here and len(member) == 1 and member[0].endswith(b"Z"), "an end is one moment for all", member)
        gone = wait_for(lambda: not any("Zoom" in h.cli("rules").stdout for h in (a, b)), 6)
        published = a.status()["published"] + b.status()["published"]
        time.sleep(0.7)
        check(gone and a.status()["published"] + b.status()["published"] == published and a.status()["pending"] == 0,
              "both end it, and that is nothing to publish", (a.status(), b.status()))
        c("SADD", key("timed-app"), "Netflix until 2020-01-01T00:00:00Z", "spotify until 2020-01-01T00:00+01:00", "Discord mon")
        ok = both("app:Discord mon")
        check(ok and wait_for(lambda: sorted(c("SMEMBERS", key("timed-app")))[:2] == [b"Discord mon", b"TikTok sun"]) and
              not any("Netflix" in r or "Spotify" in r for r in a.rules() | b.rules()),
              "what has been over for a minute is swept from the server", c("SMEMBERS", key("timed-app")))

        # By hand, in other words; and a start from nothing.
        c("SADD", key("timed-app"), "disney+   MON-FRI   21:00-7:00")
        ok = both("app:Disney+ mon-fri 21:00-07:00")
        a.cli("unblock-app", "Disney+")
        check(ok and wait_for(lambda: c("SCARD", key("timed-app")) == len([m for m in c("SMEMBERS", key("timed-app")) if b"isney" not in m])),
              "a member in other words is read, and goes however it was written", c("SMEMBERS", key("timed-app")))
        both(without=["app:Disney+ mon-fri 21:00-07:00"])
        wait_for(lambda: a.status()["version"] == b.status()["version"] == int(c("GET", key("version"))))
        want = words(b)
        b.kill()
        redis.kill()
        os.unlink(os.path.join(b.state, "rules.txt"))
        b.start()
        check(wait_for(lambda: words(b) == want), "a start without Redis has them", (words(b) ^ want))
        redis.start()
        check(wait_for(lambda: redis.client()("SCARD", key("timed-domain")) == 2), "and what Redis lost is put back", b.status())
        a.in_step(), b.in_step()

        # A host of a version that knows no sets with times: it counts, tells, and touches its own.
        c = redis.client()
        c("SADD", key("app"), "Discord")
        c("SET", key("version"), int(c("GET", key("version"))) + 1)
        c("PUBLISH", key("changed"), "news")
        check(both("app:Discord", without=["app:Discord mon"]), "where such a host says for good, that holds", (a.rules(), b.rules()))
        c("SREM", key("app"), "Discord")
        check(both("app:Discord mon", without=["app:Discord"]), "and when it takes that back, the times hold again", (a.rules(), b.rules()))


def lists():
    """A list from an address is every host's; from a file it is one host's."""
    with Place() as place:
        redis = place.redis().start()
        c = redis.client()
        a, b = pair(place, redis)
        www = f"http://127.0.0.1:{free_port()}"  # where nobody is: the rule is stored, and spreads, all the same
        file = os.path.join(place.dir, "mine.txt")
        with open(file, "w") as f:
            f.write("mine.example\n")
        ads = f"ads {www}/ads.txt"
        a.cli("block-list", "ads", f"{www}/ads.txt", "--every", "12h", check=False)
        took = b.has(f"list:{ads} every 12h")
        check(took < 1.5 and c("SMEMBERS", key("list")) == [f"{ads} every 12h".encode()],
              "a list from an address is on the other host within a second", (took, b.rules()))
        a.cli("block-list", "mine", file, check=False)
        a.cli("allow-list", "fine", f"{www}/more.txt", check=False)
        ok = b.has(f"allow-list:fine {www}/more.txt") < NEVER
        check(ok and f"list:mine {file}" in a.rules() and "mine" not in str(b.rules()) and "mine" not in str(c("SMEMBERS", key("list"))),
              "a list from a file stays where it is", (a.rules(), b.rules()))
        b.cli("block-list", "ads", f"{www}/more.txt", check=False)
        ok = wait_for(lambda: f"list:ads {www}/more.txt" in a.rules())
        check(ok and wait_for(lambda: c("SMEMBERS", key("list")) == [f"ads {www}/more.txt".encode()]),
              "another source of the same name takes its place everywhere", (a.rules(), c("SMEMBERS", key("list"))))
        b.cli("block-list", "mine", f"{www}/ads.txt", check=False)
        ok = wait_for(lambda: "list:mine stays out" in a.said())
        check(ok and f"list:mine {file}" in a.rules(), "a file keeps out the fleet's list of its name, and that is said", a.said())
        a.cli("unblock-list", "mine")
        check(a.has(f"list:mine {www}/ads.txt") < NEVER and f"list:mine {www}/ads.txt" in b.rules(),
              "which comes in when the file is taken away", (a.rules(), b.rules()))
        a.cli("unblock-list", "mine", "ads")
        check(wait_for(lambda: not c("EXISTS", key("list")) and b.rules() == {f"allow-list:fine {www}/more.txt"}),
              "taken away on one host it goes everywhere", b.rules())


def pauses():
    """A pause is one host's, or said for the whole fleet; then it has an end, and anybody may end it sooner."""
    with Place() as place:
        redis = place.redis().start()
        c = redis.client()
        a, b = pair(place, redis)

        def paused(*hosts, timeout=5):
            """Whether these hosts, and no others, come to be paused."""
            return wait_for(lambda: [h for h in (a, b) if h.cli("rules").stdout.startswith("# paused")] == list(hosts), timeout)

        a.cli("block-app", "TikTok")
        b.has("app:TikTok")
        a.cli("pause", "--for", "1h")
        time.sleep(0.7)
        check(paused(a) and not c("EXISTS", key("pause")), "a pause is this host's", b.cli("rules").stdout)
        a.cli("resume")
        begin = time.monotonic()
        said = a.cli("pause", "--for", "1h", "--fleet").stdout
        took = time.monotonic() - begin if paused(a, b) else NEVER
        word = c("GET", key("pause"))
        check(took < 1.5 and "fleet's other hosts" in said and word.startswith(b"until 2") and word.endswith(b"Z"),
              "said for the fleet, it is every host's within a second", (took, said, word))
        b.cli("resume")
        time.sleep(0.7)
        check(paused(a) and c("EXISTS", key("pause")), "to resume on one host is for that host", a.status())
        b.cli("resume", "--fleet")
        check(paused() and wait_for(lambda: not c("EXISTS", key("pause"))), "and for the fleet, for all", (a.said(), b.said()))
        time.sleep(0.7)
        check("paused" not in os.listdir(a.state) + os.listdir(b.state), "nothing is left of it", os.listdir(b.state))
        b.cli("pause", "--for", "1h")
        a.cli("pause", "--for", "5s", "--fleet")
        ok = paused(a, b) and wait_for(lambda: paused(b, timeout=0), 12)
        check(ok and a.status()["fault"] == "", "it ends by itself, on every host", a.cli("rules").stdout)
        b.cli("resume")
        c("SET", key("pause"), time.strftime("until %Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 600)))
        check(paused(a, b), "so does redis-cli pause a fleet", a.status())
        redis.kill()
        redis.start()
        c = redis.client()
        check(wait_for(lambda: c("EXISTS", key("pause"))) and paused(a, b), "what Redis lost is put back", c("GET", key("pause")))
        c("DEL", key("pause"))
        check(paused(), "and resume it", a.status())
        for word, why in (("soon", "'soon' is no end"), ("until 2126-12-01T08:00:00Z", "more than a day away"),
                          ("until 2026-12-01T08:00", "T08:00' is no end"), ("mon", "'mon' is no end"), (b"\xff" * 9999, "xff")):
            c("SET", key("pause"), word)
            refused = wait_for(lambda: "pause is refused" in a.status()["fault"] and why in a.status()["fault"])
            check(refused and paused(), f"refused: {word[:30]}", a.status())
        c("DEL", key("pause"))
        c("SADD", key("pause"), "x")
        check(wait_for(lambda: "'no text' is no end" in a.status()["fault"]) and paused(), "refused: a set", a.status())
        a.cli("pause", "--for", "1h", "--fleet")
        check(paused(a, b) and wait_for(lambda: a.status()["fault"] == ""), "what this host says takes its place", a.status())
        r = [a.cli("pause", *more, "--fleet", check=False) for more in ([], ["--for", "25h"])]
        check([x.returncode for x in r] == [2, 2] and "within a day" in r[0].stderr, "for the fleet it needs an end within a day", r)
        b.stop()
        a.cli("resume", "--fleet")
        wait_for(lambda: not c("EXISTS", key("pause")))
        b.start()
        check(paused(), "who was away hears of it on coming back", b.status())


def masses():
    """What would take most of the rules away needs a word, on both sides."""
    with Place() as place:
        redis = place.redis().start()
        c = redis.client()
        c("SADD", key("domain"), *MANY)
        a, b = pair(place, redis)
        wait_for(lambda: len(a.rules()) == 500 and len(b.rules()) == 500)
        a.cli("rules", "clear")
        check(wait_for(lambda: a.status()["pending"] == 500) and c("SCARD", key("domain")) == 500 and
              len(b.rules()) == 500, "clearing one host does not clear the fleet", a.status())
        c("SADD", key("app"), "TikTok")
        check(a.has("app:TikTok", 20) < NEVER, "and that host still hears the fleet", a.rules())
        a.cli("block-domain", "co.uk", "--force")
        check(wait_for(lambda: a.status()["pending"] == 501) and
              c("SISMEMBER", key("domain"), "co.uk") == 0, "a rule for all of co.uk stays here", a.status())
        check("--accept-mass-change" in a.status()["fault"], "and the state says why", a.status())
        a.stop()
        a.start("--accept-mass-change")
        ok = wait_for(lambda: c("SCARD", key("domain")) == 1)
        check(ok, "with --accept-mass-change it goes out", c("SCARD", key("domain")))
        check(wait_for(lambda: b.status()["refused"]) and len(b.rules()) == 501,
              "and others keep theirs", b.status())
        b.stop()
        b.start("--accept-mass-change")
        check(wait_for(lambda: b.rules() == {"app:TikTok", "domain:co.uk"}), "until they accept it too", b.rules())


def diverging():
    """Edits on both sides while one host is away: both are kept; what contradicts yields to the higher
    version, and is said."""
    with Place() as place:
        redis = place.redis().start()
        a, b = pair(place, redis)
        a.cli("block-app", "TikTok", "Netflix")
        b.has("app:Netflix")
        wait_for(lambda: b.status()["version"] == 1)
        a.stop()
        a.cli("block-app", "YouTube", "Spotify")
        a.cli("unblock-app", "Netflix")
        b.cli("allow-app", "YouTube")
        b.cli("block-domain", "b.example.com")
        c = redis.client()
        wait_for(lambda: c("SISMEMBER", key("domain"), "b.example.com") == 1)
        a.start()
        want = {"app:TikTok", "app:Spotify", "allow-app:YouTube", "domain:b.example.com"}
        same = wait_for(lambda: a.rules() == want and b.rules() == want)
        check(same, "both hosts have the edits of both", (a.rules(), b.rules()))
        wait_for(lambda: a.status()["conflicts"])
        check("conflict" in a.said() and "app:YouTube" in a.said() and a.status()["conflicts"] == 1,
              "the conflict is said, with what was given up", a.said())
        version = int(c("GET", key("version")))
        c("MULTI"), c("DEL", key("app")), c("SET", key("version"), version - 2), c("SADD", key("app"), "Netflix"), c("EXEC")
        ok = wait_for(lambda: sorted(c("SMEMBERS", key("app"))) == [b"Spotify", b"TikTok"])
        check(ok and int(c("GET", key("version"))) >= version and a.rules() == want,
              "older data in Redis is replaced: the higher version wins", c("SMEMBERS", key("app")))


def shared(c):
    """What hosts make of the sets of applications: without times stands before with times."""
    plain = {f"{kind}:{v.decode()}" for kind in ("app", "allow-app") for v in c("SMEMBERS", key(kind))}
    timed = {f"{kind}:{v.decode()}" for kind in ("app", "allow-app") for v in c("SMEMBERS", key("timed-" + kind))}
    return plain | {r for r in timed if r.split(" ")[0] not in plain}


def chaos():
    """Hosts edit, die and start, Redis dies, hangs and forgets, at random; left in peace they agree."""
    dice = random.Random(int(os.environ.get("DPI_SEED", "1")))
    with Place() as place:
        redis = place.redis().start()
        hosts = [place.host(name, redis.url).start() for name in "abc"]
        apps = ["TikTok", "YouTube", "Netflix", "Spotify", "Zoom", "Discord"]
        bad = []
        for _ in range(40 if FULL else 1):
            for _ in range(12):
                h = dice.choice(hosts)
                act = dice.randrange(20)
                if act < 8:
                    h.cli("block-app", *dice.sample(apps, 2), *dice.choice([[], [], ["--when", "mon"], ["--when", "sat,sun"]]))
                elif act < 12:
                    h.cli("unblock-app", dice.choice(apps))
                elif act < 14:
                    h.cli(dice.choice(["allow-app", "disallow-app"]), dice.choice(apps))
                elif act < 16:
                    h.kill()
                    h.start()
                elif act < 17:
                    redis.kill()
                    redis.start()
                elif act < 18:
                    with contextlib.suppress(OSError, ConnectionError):
                        redis.client()("SADD", key("app"), dice.choice(apps))
                else:
                    time.sleep(dice.random())
            same = wait_for(lambda: words(hosts[0]) == words(hosts[1]) == words(hosts[2]) == shared(redis.client()), 40, 0.1)
            if not same:
                bad.append([h.rules() for h in hosts] + [h.status() for h in hosts])
        check(not bad, f"whatever happens, left in peace all agree ({40 if FULL else 1} times)", bad[:1])


def services():
    """The same by the service itself: its routes change the fleet's rules, /health says how it stands."""
    with Place() as place:
        redis = place.redis().start()
        hosts, own = [], os.path.join(place.dir, "own.txt")
        with open(own, "w", encoding="ascii") as f:
            f.write("[BLOCKED_APPS]\nNetflix\n")
        for name in ("a", "b"):
            hosts.append(Service(os.path.join(place.dir, name), redis.url, "--fleet", "site-1",
                                 *(["--local-rules", own] if name == "a" else [])))
            place.things.append(hosts[-1])
            hosts[-1].start()
        a, b = hosts
        if not check(a.in_step() and b.in_step(), "two services get in step", (a.said(), b.said())):
            return
        begin = time.monotonic()
        a.ask("POST", "/rules/app/TikTok")
        took = b.has("app:TikTok")
        check(took < NEVER, "a rule by HTTP on one is on the other within 1 s", b.status())
        print(f"# by HTTP: {(time.monotonic() - begin) * 1000:.0f} ms")
        b.ask("DELETE", "/rules/app/TikTok")
        check(a.lacks("app:TikTok") < NEVER, "and gone again", a.status())
        with open(own + ".new", "w", encoding="ascii") as f:
            f.write("[BLOCKED_APPS]\nSpotify\n")
        os.replace(own + ".new", own)
        check(a.has("app:Spotify") < NEVER and a.rules() == {"app:Spotify"} and not b.rules(),
              "its own rules are followed, and stay its own", (a.rules(), a.said()))
        redis.kill()
        wait_for(lambda: not a.status()["connected"])
        s = a.status()
        check(not s["connected"] and s["sync_age_s"] > 0 and "last good" in s["fault"], "/health says that Redis is away", s)
        bad = Service(os.path.join(place.dir, "bad"), "rediss://127.0.0.1").start()
        place.things.append(bad)
        bad.process.wait(20)
        check(bad.process.returncode == 2 and "stunnel" in bad.said(), "serve refuses a URL with TLS", bad.said())
        begin = time.monotonic()
        a.process.terminate()
        a.process.wait(10)
        check(a.process.returncode == 0 and time.monotonic() - begin < 8, "a signal ends it",
              (a.process.returncode, time.monotonic() - begin))


TESTS = [chaos, poisoned, services, spreading, plain_clients, outliving, hanging, strangers, own_rules, times, lists, pauses, diverging, masses,
         starting_alone, refused_urls]


def one(test):
    begin = time.monotonic()
    try:
        test()
    except Exception as e:  # a broken test is a failed one, and the others still run
        check(False, test.__name__, f"{type(e).__name__}: {e}")
    print(f"# {test.__name__}: {time.monotonic() - begin:.1f} s", flush=True)


def main():
    signal.signal(signal.SIGTERM, Place.clear_all)
    if not shutil.which("redis-server"):
        check(False, "setup", "no redis-server: scripts/install-deps installs it")
    elif not os.access(HOST_PROGRAM, os.X_OK) or not os.access(PROGRAM, os.X_OK):
        check(False, "setup", f"not built: {HOST_PROGRAM} (make tools)")
    else:
        wanted = [a for a in sys.argv[1:] if not a.startswith("-")]
        # They mostly wait: so four at a time, each with a Redis and hosts of its own.
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(one, [t for t in TESTS if not wanted or t.__name__ in wanted]))
    check(not Place.faults, "no sanitizer has a word to say", Place.faults)
    print(f"{results['ok']} passed, {results['FAIL']} failed")
    sys.exit(1 if results["FAIL"] else 0)


if __name__ == "__main__":
    main()
