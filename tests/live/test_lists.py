#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
Lists from a real web server, through a router with the agent on its LAN side: fetched, changed,
unchanged, and every fault that a server may have. Whatever happens, the last good list stays in force:
a client asks for its names all the way through. Then a million names.
"""
import ctypes
import os
import re
import signal
import subprocess
import sys
import time

import net

PORT = 8000
ADDRESS = net.SERVER[4]
BAD, GONE, GOOD = "www.bad.example", "www.gone.example", "www.good.example"
MILLION = 1000000
CLONE_NEWNS = 0x20000

# What the server does now, and the word that the refusal must have.
FAULTS = [("missing.txt", "404"), ("broken", "500"), ("page", "HTML"), ("loop", "redirects"),
          ("disk", "rotocol"), ("inside", "leads on to this machine itself"), ("inside6", "leads on to this machine"),
          ("cable", "leads on to an address of the cable"), ("short", "transfer closed"), ("endless", "more than"), ("bomb", "larger than"),
          ("slow", "too slow")]


class Place:
    def __init__(self, lab, *identity):
        self.identity = identity  # files of a certificate and its key: over TLS then
        self.client, self.router, self.server = lab.routed()
        lab.serve(self.server)
        self.lab, self.dir = lab, os.path.join(lab.dir, "www")
        os.makedirs(self.dir)
        self.start()
        self.agent = lab.agent(self.router)
        self.agent.attach("lan")

    def start(self):
        self.log = open(os.path.join(self.lab.dir, "asked"), "w+", encoding="utf-8")
        tool = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lists_server.py")
        self.web = self.server.spawn(sys.executable, tool, ADDRESS, str(PORT), self.dir, *self.identity,
                                     stdout=self.log)
        if not net.wait_for(lambda: "ready" in self.asked(), 20):
            raise RuntimeError("the web server does not start")

    def stop(self):
        self.web.kill()
        self.web.wait()

    def asked(self):
        with open(self.log.name, encoding="utf-8") as f:
            return f.read()

    def write(self, name, text):
        with open(os.path.join(self.dir, name), "w", encoding="utf-8") as f:
            f.write(text)

    def mode(self, what):
        path = os.path.join(self.dir, "mode")
        if what:
            self.write("mode", what)
        elif os.path.exists(path):
            os.unlink(path)

    def url(self, name):
        return f"http{'s' if self.identity else ''}://{ADDRESS}:{PORT}/{name}"


def judge(suite, place, title, blocked, open_names=(GOOD,)):
    """The blocked names get no answer, the others do."""
    wrong = [n for n in blocked if not net.is_silent(place.client, n, 4)] + \
        [n for n in open_names if not net.reaches(place.client, n, 4)]
    return suite.check(not wrong, title, f"wrong for {wrong}")


def refresh(place, *args):
    return place.agent.run("rules", "refresh", *args, check=False, timeout=120)


def life(suite, place):
    """Fetched, unchanged, changed, moved, gone."""
    agent = place.agent
    place.write("list.txt", f"0.0.0.0 {BAD}\n||gone.example^\n" +
                "".join(f"||host{i}.unseen.example^\n" for i in range(100)))
    flow = net.Transfer(place.client, 4, BAD)
    time.sleep(0.3)
    r = agent.run("block-list", "ads", place.url("list.txt"), "--every", "12h")
    end = time.monotonic()
    suite.check("102 names" in r.stdout, "a list is fetched when the command returns", r.stdout)
    time.sleep(0.5)
    suite.check(flow.bytes and flow.last < end + 0.1, "an open flow under one of its names ends at once",
                flow.last - end)
    flow.close()
    judge(suite, place, "its names are blocked", [BAD, GONE])
    suite.check("list:ads" in agent.run("why", BAD).stdout and f"={BAD}" in agent.run("why", BAD).stdout,
                "why names the list and the entry", agent.run("why", BAD).stdout)
    r = refresh(place)
    suite.check(r.returncode == 0 and "304 If-None-Match" in place.asked(),
                "an unchanged list is not sent again", r.stderr + place.asked())
    place.write("list.txt", f"{BAD}\n" + "".join(f"||host{i}.unseen.example^\n" for i in range(99)))
    r = refresh(place, "ads")
    suite.check(r.returncode == 0 and "100 names" in r.stdout, "a changed list is taken", r.stdout + r.stderr)
    judge(suite, place, "what it has lost is free again", [BAD], [GOOD, GONE])
    rules = agent.run("rules").stdout
    suite.check(re.search(r"^ads http://\S+ every 12h  # 100 names, 0 addresses; just fetched$", rules, re.M),
                "rules shows it in one line", rules)
    place.write("moved.txt", "||gone.example^\n")
    r = agent.run("block-list", "moved", place.url("away"))
    suite.check("1 names" in r.stdout, "a redirect is followed", r.stdout + r.stderr)
    judge(suite, place, "to what it names", [BAD, GONE])
    agent.run("unblock-list", "moved")
    judge(suite, place, "a list that is taken away blocks no more", [BAD], [GOOD, GONE])
    agent.run("allow-list", "mine", place.url("list.txt"))
    judge(suite, place, "a list that allows beats the one that blocks", [], [BAD, GOOD])
    agent.run("disallow-list", "mine")
    judge(suite, place, "and not when it is gone", [BAD])


def faults(suite, place):
    for what, word in FAULTS:
        place.mode(what)
        r = refresh(place, "ads")
        suite.check(r.returncode == 1 and word in r.stderr and "stays in force" in r.stderr,
                    f"{what}: the refusal says why", r.stderr + r.stdout)
        judge(suite, place, f"{what}: the last good list stays in force", [BAD])
    place.mode("broken")  # nothing comes of what is accepted, so it is over
    refresh(place, "ads", "--accept-mass-change")
    place.mode(None)
    place.write("list.txt", f"{BAD}\nfew.example\n")
    r = refresh(place, "ads")
    suite.check(r.returncode == 1 and "--accept-mass-change" in r.stderr, "a list that shrank is held", r.stderr)
    rows = place.agent.run("rules").stdout
    suite.check("100 names" in rows and "held: 99 of its 100" in rows, "rules says so", rows)
    r = refresh(place, "ads", "--accept-mass-change")
    suite.check(r.returncode == 0 and "2 names" in r.stdout, "and taken when it is accepted", r.stderr)
    place.stop()
    r = refresh(place, "ads")
    suite.check(r.returncode == 1 and "onnect" in r.stderr, "no server: it says so", r.stderr)
    judge(suite, place, "no server: the last good list stays in force", [BAD])


def unstored(suite, place):
    """What cannot be stored is in force, and is asked for again until it is stored."""
    agent, lists = place.agent, os.path.join(place.agent.state_dir, "lists")
    place.start()
    r = agent.run("block-list", "new", place.url("unasked"), check=False)
    suite.check(r.returncode == 1 and "asked for all of it" in r.stderr, "a server that has nothing newer than nothing",
                r.stdout + r.stderr)
    agent.run("unblock-list", "new")
    r = agent.run("block-list", "new", "http://ads.localhost:9/ads.txt", check=False)
    suite.check(r.returncode == 1 and "its name leads on to this machine itself" in r.stderr,
                "a name that is given this machine's address", r.stdout + r.stderr)
    agent.run("unblock-list", "new")
    place.write("list.txt", f"{BAD}\n{GONE}\n")
    os.rename(lists, lists + ".away")
    with open(lists, "w", encoding="ascii"):
        pass
    r = refresh(place, "ads")
    suite.check(r.returncode == 1 and "directory" in r.stderr, "a list that cannot be stored: it says so", r.stderr)
    judge(suite, place, "and is in force all the same", [BAD, GONE])
    os.unlink(lists)
    os.rename(lists + ".away", lists)
    r = refresh(place, "ads")
    with open(os.path.join(lists, "block-ads.list"), encoding="ascii") as f:
        suite.check(r.returncode == 0 and GONE in f.read(), "stored when it can be, though it has not changed", r.stderr)
    place.stop()


def child_of(place):
    """The process of this agent that fetches, and what the kernel says of its rights."""
    for pid in os.listdir("/proc"):
        try:
            with open(f"/proc/{pid}/comm", encoding="ascii") as f:
                if f.read().strip() != "dpi-xdp-fetch":
                    continue
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                fields = dict(line.split(":", 1) for line in f.read().splitlines())
            if os.stat(f"/proc/{pid}/ns/net").st_ino == os.stat(place.router.path).st_ino:
                return int(pid), {k: v.split() for k, v in fields.items()}
        except (OSError, ValueError):
            continue
    return 0, {}


def killed(suite, place):
    """The supervisor dies in the midst of a fetch; the next one has the list from its first moment."""
    place.start()
    place.mode("slow")
    before = place.agent.json("status")
    with subprocess.Popen(place.agent.host.cmd(net.PROGRAM, "rules", "refresh", "ads"), env=place.agent.env,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as asking:
        net.wait_for(lambda: child_of(place)[1].get("Seccomp") == ["2"], 5)
        pid, rights = child_of(place)
        suite.check(rights.get("Uid", [""])[0] == "65534" and rights.get("CapEff") == ["0" * 16] and
                    rights.get("Seccomp") == ["2"] and rights.get("NoNewPrivs") == ["1"],
                    "the process that fetches has no rights", rights)
        os.kill(before["supervisor_pid"], signal.SIGKILL)
        suite.check(net.wait_for(lambda: not os.path.exists(f"/proc/{pid}"), 3), "it dies with its parent", pid)
        judge(suite, place, "the supervisor killed meanwhile: the list stays in force", [BAD])
        place.mode(None)
        after = net.wait_for(lambda: place.agent.json("status"), 5)
        suite.check(after["supervisor_pid"] != before["supervisor_pid"], "another one runs", after)
        asking.kill()
    suite.check("2 names" in place.agent.run("rules").stdout, "and has the list", place.agent.run("rules").stdout)
    judge(suite, place, "in force", [BAD])
    place.stop()
    place.agent.detach()
    place.agent.attach("lan")
    judge(suite, place, "an agent that starts while the server is away has it too", [BAD])


def files(suite, place):
    agent = place.agent
    place.write("mine.txt", f"||gone.example^\n{ADDRESS}\n")
    path = os.path.join(place.dir, "mine.txt")
    r = agent.run("block-list", "mine", path)
    suite.check("1 names, 1 addresses" in r.stdout, "a list is a file", r.stdout)
    judge(suite, place, "its addresses are blocked", [BAD, GONE, GOOD], [])
    agent.run("unblock-list", "mine")
    os.chmod(path, 0o600)
    r = agent.run("block-list", "mine", path, check=False)
    suite.check(r.returncode == 1 and "for everyone to read" in r.stderr, "one that only root may read is not read",
                r.stderr)
    agent.run("unblock-list", "mine")
    agent.detach()
    place.write("many.txt", "".join(f"203.{i >> 16}.{i >> 8 & 255}.{i & 255}\n" for i in range(70000)))
    agent.run("block-list", "many", os.path.join(place.dir, "many.txt"))
    agent.run("block-domain", BAD)
    agent.attach("lan")
    judge(suite, place, "a stored list that the kernel cannot hold keeps no other rule out", [BAD])
    rules = net.wait_for(lambda: re.search(r"^many .*failed: .*65536 addresses.*$", agent.run("rules").stdout, re.M), 10)
    suite.check(rules, "and rules says what is wrong with it", agent.run("rules").stdout)
    agent.run("unblock-list", "many")
    agent.run("unblock-domain", BAD)
    r = agent.run("block-list", "../x", path, check=False)
    suite.check(r.returncode == 2 and "no name for a list" in r.stderr, "a name that is a path is refused", r.stderr)
    r = agent.run("block-list", "x", "ftp://a.example/x", check=False)
    suite.check(r.returncode == 2 and "http://" in r.stderr, "so is another protocol", r.stderr)


def test_lists(suite):
    with net.Lab() as lab:
        place = Place(lab)
        for part in (life, faults, unstored, killed, files):
            part(suite, place)
        place.agent.detach()


def trusted(lab):
    """Makes an authority that this process and what it starts alone trust, in a mount namespace of its
    own. Returns the files of a certificate for the server, and its key."""
    folder = os.path.join(lab.dir, "certs")
    os.makedirs(os.path.join(folder, "trusted"))
    os.chmod(lab.dir, 0o755)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "no mount namespace")
    for command in (
            "mount --make-rprivate /",
            "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out trusted/ca.pem -days 2 -subj /CN=authority"
            " -addext basicConstraints=critical,CA:TRUE",
            "cp trusted/ca.pem trusted/$(openssl x509 -hash -noout -in trusted/ca.pem).0",
            "openssl req -newkey rsa:2048 -nodes -keyout its.key -out its.csr -subj /CN=lists",
            f"echo subjectAltName=IP:{ADDRESS} >names",
            "openssl x509 -req -in its.csr -CA trusted/ca.pem -CAkey ca.key -CAcreateserial -out its.pem -days 2"
            " -extfile names",
            "mount --bind trusted /etc/ssl/certs"):
        net.run(["sh", "-c", command], check=True, cwd=folder)
    return os.path.join(folder, "its.pem"), os.path.join(folder, "its.key")


def test_https(suite):
    """Over TLS: only from whom an authority knows, and never on without it."""
    with net.Lab() as lab:
        place = Place(lab, *trusted(lab))
        place.write("list.txt", f"{BAD}\n")
        r = place.agent.run("block-list", "ads", place.url("list.txt"))
        suite.check("1 names" in r.stdout, "a list by HTTPS", r.stdout + r.stderr)
        judge(suite, place, "is in force", [BAD])
        place.mode("plain")
        r = refresh(place, "ads")
        suite.check(r.returncode == 1 and "rotocol" in r.stderr, "no redirect leads out of it", r.stderr)
        place.mode("short")
        r = refresh(place, "ads")
        suite.check(r.returncode == 1 and "stays in force" in r.stderr, "what was cut is none", r.stderr)
        place.mode(None)
        place.stop()
        place.identity = lab.certificate()
        place.start()
        r = refresh(place, "ads")
        suite.check(r.returncode == 1 and "certificate" in r.stderr, "nor is one from somebody unknown", r.stderr)
        judge(suite, place, "and the last good one stays in force", [BAD])
        place.agent.detach()
        net.run(["umount", "/etc/ssl/certs"])


def anonymous(pid):
    """Megabytes that a process keeps for itself."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"RssAnon:\s+(\d+)", f.read())[1]) >> 10


def test_million(suite):
    with net.Lab() as lab:
        place = Place(lab)
        place.write("million.txt", f"0.0.0.0 {BAD}\n" + "".join(
            f"0.0.0.0 host{i}.adserver{i % 5000}.example-{i % 777}.com\n" for i in range(MILLION - 1)))
        begun = time.monotonic()
        r = place.agent.run("block-list", "million", os.path.join(place.dir, "million.txt"), timeout=60)
        took = time.monotonic() - begun
        status = place.agent.json("status")
        held = {m["map"]: m["entries"] for m in status["maps"]}["names"]
        suite.check(f"{MILLION} names" in r.stdout and held == MILLION, "a million names are in force", r.stdout)
        memory = anonymous(status["engine_pid"])
        print(f"# {took:.1f} s; engine {memory} MB, supervisor {anonymous(status['supervisor_pid'])} MB", flush=True)
        suite.check(took < 60 and memory < 100, "in some seconds and little memory", f"{took:.1f} s, {memory} MB")
        judge(suite, place, "one of them dies, one that is none of them lives", [BAD])
        judge(suite, place, "the last too", [f"host{MILLION - 2}.adserver{(MILLION - 2) % 5000}."
                                             f"example-{(MILLION - 2) % 777}.com"])
        place.agent.detach()


if __name__ == "__main__":
    net.main([test_lists, test_https], needs=("ip", "openssl", "mount"), together=[test_million])
