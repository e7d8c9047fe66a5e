#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
The agent as a person meets it: what attach says and does with each of its options, rules that outlive it,
rules that change under open flows, many hands at once, a dead engine, and who may ask. Whether something
is blocked is judged by what a client or a far end received.
"""
import contextlib
import json
import os
import re
import signal
import socket
import struct
import stat
import subprocess
import threading
import time

import net

NOBODY = "65534"
SILENT_S = 3.3  # an engine silent for 3 s counts as dead
LINE = re.compile(r"lan is protected: (native|generic) XDP on receive( and clsact on transmit)?, "
                  r"(\d+) workers?, (\d+) rules?(, monitoring only)?(?:, both ends told by a RST)?\n")


def attach_line(agent, *args):
    """Attaches; returns (mode, both hooks, workers, rules, monitoring) as the one line says."""
    found = LINE.fullmatch(agent.attach("lan", *args).stdout)
    if not found:
        return None
    mode, transmit, workers, rules, monitor = found.groups()
    return mode, bool(transmit), int(workers), int(rules), bool(monitor)


def refused(suite, agent, status, args, name, *words):
    r = agent.run(*args, check=False)
    lacking = [w for w in words if w not in r.stderr]
    return suite.check(r.returncode == status and not lacking, name,
                       f"exit {r.returncode}, lacks {lacking}: {r.stderr.strip()}")


def has_transmit(host):
    return "dpi_transmit" in host.tc("filter", "show", "dev", "lan", "egress").stdout


def is_native(host):
    link = json.loads(host.ip("-j", "link", "show", "dev", "lan").stdout)[0]
    return {1: True, 2: False}.get(link.get("xdp", {}).get("mode"))


def stored(agent):
    """The stored rules file's text, if its last line says that it is whole; else None."""
    try:
        with open(os.path.join(agent.state_dir, "rules.txt")) as f:
            text = f.read()
    except OSError:
        return None
    rules = [l for l in text.splitlines() if l and l[0] not in "#["]
    return text if text.endswith(f"# end {len(rules)}\n") else None


class Wire:
    """One UDP flow that client and server hold open, asked each way on its own."""

    def __init__(self, client, server, family=4, port=9000):
        kind = socket.AF_INET if family == 4 else socket.AF_INET6
        self.far, self.near = server.socket(kind, socket.SOCK_DGRAM), client.socket(kind, socket.SOCK_DGRAM)
        self.far.bind((net.SERVER[family], port))
        self.near.bind((net.CLIENT[family], 40000))
        self.near.connect((net.SERVER[family], port))
        self.far_to = (net.CLIENT[family], 40000)
        self.number = 0
        self.near.settimeout(0.25)
        self.far.settimeout(0.25)

    def _arrives(self, send, receive):
        self.number += 1
        word = b"%d" % self.number
        all_cpus = sorted(os.sched_getaffinity(0))
        # Each way on a processor of its own, as a network card would spread them.
        os.sched_setaffinity(0, {all_cpus[0 if receive is self.far else -1]})
        send(word)
        os.sched_setaffinity(0, all_cpus)
        with contextlib.suppress(OSError):
            while True:
                if receive.recv(100) == word:
                    return True
        return False

    def passes(self):
        """(to the server, to the client)"""
        return (self._arrives(self.near.send, self.far),
                self._arrives(lambda w: self.far.sendto(w, self.far_to), self.near))

    def close(self):
        self.near.close()
        self.far.close()


def attaching(suite):
    with net.Lab() as lab:
        client, router, server = lab.routed()
        agent = lab.agent(router)
        got = attach_line(agent)
        suite.check(got and got[:2] == ("native", True) and got[3:] == (0, False),
                    "attach says in one line what it did", got)
        first = agent.pids()
        again = attach_line(agent)
        suite.check(again == got and agent.pids() == first, "attach twice: the same, by the same agent", again)
        r = agent.attach("lan", "--workers", "3")
        suite.check("number of workers" in r.stderr and agent.json("status")["workers"] == got[2],
                    "--workers on a running agent is declined, and said", r.stderr)
        for hook in ("receive", "both", "receive"):
            got = attach_line(agent, "--hook", hook)
            says = agent.json("status")["interfaces"][0]["hooks"]
            want = hook == "both"
            suite.check(got[1] is want and has_transmit(router) is want and says == hook,
                        f"--hook {hook} on an attached interface", f"{got} {says} {has_transmit(router)}")
        got = attach_line(agent, "--action", "reset")
        status = agent.run("status").stdout
        suite.check(got[1] is False and not has_transmit(router) and "told by a RST" in status and
                    re.search(r"running for \d+ [smh]", status), "another setting leaves the hooks as they are",
                    f"{got} {status}")
        attach_line(agent, "--action", "drop")
        suite.check("clsact" not in router.tc("qdisc", "show", "dev", "lan").stdout,
                    "and takes its clsact along", "clsact is left")
        refused(suite, agent, 4, ["attach", "lan", "--mode", "generic"],
                "another mode is refused, not ignored", "native mode already", "detach lan")
        refused(suite, agent, 4, ["attach", "nosuch"], "no such interface", '"nosuch"', "ip link")
        refused(suite, agent, 4, ["attach", "n" * 16], "a name too long for one", "up to 15 bytes", "ip link")
        refused(suite, agent, 2, ["detach", "nosuch"], "detach of what is not attached", "dpi-xdp status")
        suite.check(agent.pids() == first, "refusals leave the agent as it is", agent.pids())
        agent.detach()
        for mode in ("generic", "native", "auto"):
            got = attach_line(agent, "--mode", mode)
            want = mode != "generic"
            suite.check(got[0] == ("native" if want else "generic") and is_native(router) is want,
                        f"--mode {mode}", f"{got} {is_native(router)}")
            agent.detach()
        for workers in (1, 2, 3, 4):
            got = attach_line(agent, "--workers", str(workers))
            rings = [p for p in agent.pins() if re.search(r"ring_\d+$", p)]
            suite.check(got[2] == workers == len(rings) == agent.json("status")["workers"],
                        f"--workers {workers}", f"{got} {rings}")
            agent.detach()
        refused(suite, agent, 4, ["attach", "nosuch"], "no such interface, and no agent", "ip link")
        suite.check(agent.run("status", check=False).returncode == 6 and not agent.pins(),
                    "no agent stays that protects nothing", agent.pins())
        r = agent.run("attach", "lan", "-q")
        suite.check(not r.stdout + r.stderr, "--quiet says nothing", r.stdout + r.stderr)
        agent.detach()


def odd_interface(suite):
    """A device may be called almost anything; it is printed all the same."""
    name = "a\x1b[31m"
    with net.Lab() as lab:
        host = lab.host("host")
        agent = lab.agent(host)
        host.ip("link", "add", name, "type", "veth", "peer", "name", "peer")
        texts = [agent.run(*args).stdout for args in (["attach", name], ["status"], ["status", "-j"],
                                                      ["detach", name])]
        suite.check(all("\x1b" not in t and r"\x1b[31m" in t.replace("\\\\", "\\") for t in texts),
                    "a device name of control bytes is shown escaped", texts)


def remembering(suite):
    with net.Lab() as lab:
        client, router, server = lab.routed()
        lab.serve(server)
        agent = lab.agent(router)
        agent.run("block-domain", "first.example")
        agent.run("block-port", "8080/tcp")
        suite.check(attach_line(agent)[3] == 2, "attach puts the stored rules in force", agent.run("rules").stdout)
        suite.check(not net.reaches(client, "ok.example", 4, "http", port=8080, timeout=0.5) and
                    net.reaches(client, "ok.example", 4, "http"), "the stored port is blocked, others not", "")
        broken = []
        for args in (["block-app", "TikTok"], ["allow-ip", "10.9.9.9"], ["unblock-port", "8080/tcp"],
                     ["block-domain", "b\u00fccher.example"], ["disallow-ip", "10.9.9.9"]):
            agent.run(*args)
            text = stored(agent)
            listed = agent.run("rules").stdout
            if text != listed or sorted(os.listdir(agent.state_dir)) != ["history.txt", "rules.txt"]:
                broken.append((args, text, os.listdir(agent.state_dir)))
        suite.check(not broken, "after each change the file is whole, and what is in force", broken)
        before = agent.run("rules").stdout
        supervisor, engine = agent.pids()
        os.kill(supervisor, signal.SIGTERM)
        gone = net.wait_for(lambda: not os.path.exists(f"/proc/{supervisor}") and
                            not os.path.exists(f"/proc/{engine}"), 3)
        suite.check(gone and is_native(router) and agent.pins(), "SIGTERM ends the agent, not the protection",
                    f"{gone} {is_native(router)}")
        suite.check(agent.run("status", check=False).returncode == 6, "status then: no agent", "it answers")
        suite.check(attach_line(agent)[3] == 3 and agent.run("rules").stdout == before,
                    "and the next attach takes up rules and interface", agent.run("rules").stdout)
        hello = [net.client_hello("www.first.example")]
        wrong = net.silence(agent, lambda: net.ask(client, 4, net.TLS_PORT, hello))
        suite.check(not wrong, "which block as before", wrong)
        rules_files(suite, lab, agent)


def rules_files(suite, lab, agent):
    good, bad = os.path.join(lab.dir, "good.txt"), os.path.join(lab.dir, "bad.txt")
    with open(good, "w") as f:
        f.write("[BLOCKED_APPS]\nX\nYouTube\n[ALLOWED_DOMAINS]\nmusic.youtube.com\n")
    with open(bad, "w") as f:
        f.write("[BLOCKED_APPS]\nYouTube\nYoutub\n")
    suite.check(attach_line(agent, "--rules", good)[3] == 3, "attach --rules FILE", agent.run("rules").stdout)
    before = agent.run("rules").stdout
    for args in (["attach", "lan", "--rules", bad], ["rules", "load", bad]):
        refused(suite, agent, 2, args, f"{args[0]} of a bad file", "bad.txt:3: ", "YouTube")
    suite.check(agent.run("rules").stdout == before == stored(agent), "the rules in force stay", stored(agent))
    many = os.path.join(lab.dir, "many.txt")
    with open(many, "w") as f:
        f.write("[BLOCKED_DOMAINS]\n" + "".join(f"n{i}.example\n" for i in range(3000)))
    start = time.monotonic()
    agent.run("rules", "load", many)
    took = time.monotonic() - start
    suite.check(took < 2 and agent.json("status")["rules"] == 3000 and stored(agent),
                f"3,000 rules are loaded ({took * 1000:.0f} ms)", took)
    values = [f"m{i}.example" for i in range(6000)]
    agent.run("block-domain", "-q", *values)
    suite.check(agent.json("status")["rules"] == 9000, "6,000 values in one command, none forgotten",
                agent.json("status")["rules"])
    found = [agent.json("why", f"a.{n}.example")["rule"] for n in ("n2999", "m5999", "m6000")]
    suite.check(found == ["domain:n2999.example", "domain:m5999.example", None], "and why finds each", found)
    agent.run("rules", "clear")
    suite.check(agent.json("rules") == {"rules": []} and stored(agent), "rules clear", stored(agent))
    agent.detach()
    with open(os.path.join(agent.state_dir, "rules.txt"), "w") as f:
        f.write("[BLOCKED_IPS]\n10.0.0.300\n")
    for args in (["attach", "lan"], ["attach", "lan", "--foreground"]):
        start = time.monotonic()
        refused(suite, agent, 2, args, f"damaged stored rules: {args[-1]} is refused, naming the line",
                "rules.txt:2: ", "10.0.0.7")
        suite.check(time.monotonic() - start < 2 and not any(agent.pids()) and is_native(agent.host) is None,
                    "at once, and no agent is left", time.monotonic() - start)


def monitoring(suite):
    with net.Lab() as lab:
        client, router, server = lab.routed()
        lab.serve(server)
        agent = lab.agent(router)
        suite.check(attach_line(agent, "--monitor")[4], "attach --monitor says so", "no")
        agent.run("block-app", "TikTok")
        agent.run("block-port", "8080")
        passed = [net.reaches(client, "www.tiktok.com", f) for f in (4, 6)] + \
            [net.reaches(client, "a.example", 4, "http", port=8080)]
        suite.check(all(passed), "monitoring drops nothing", passed)

        def hits():
            return {r["rule"]: r["packets"] for r in agent.json("report")["rules"]}
        net.wait_for(lambda: hits().get("app:TikTok") and hits().get("port:8080"), 2, 0.05)
        report = agent.json("report")
        flows = [c for c in report["connections"] if c["domain"] == "www.tiktok.com"]
        suite.check(hits().get("app:TikTok", 0) > 2 and hits().get("port:8080", 0) > 5,
                    "the report counts what each rule would have dropped", hits())
        suite.check(report["dropped_packets"] == 0 == report["counters"]["kernel_dropped_packets"] and
                    report["forwarded_packets"] == report["total_packets"], "and that nothing was",
                    report["dropped_packets"])
        suite.check(len(flows) == 2 and all(c["blocked"] and c["block_reason"] == "app:TikTok" and
                                            not c["dropped_packets"] for c in flows),
                    "the flows are shown with the rule that would have stopped them", flows)
        suite.check(all(float(c["last_ts"]) > float(c["first_ts"]) for c in flows),
                    "a flow's last frame is not its last sample", flows)
        suite.check(attach_line(agent)[4] and attach_line(agent, "--fail", "closed")[4],
                    "attaching again, with other settings, goes on monitoring", "it does not")
        supervisor = agent.pids()[0]
        os.kill(supervisor, signal.SIGKILL)
        net.wait_for(lambda: agent.pids()[0] not in (None, supervisor), 3)
        s = agent.json("status")
        suite.check((s["monitor"], s["fail"]) == (True, "closed"), "a supervisor started anew keeps settings", s)
        suite.check(not attach_line(agent, "--action", "drop")[4], "--action drop ends it", "it does not")
        suite.check(not net.reaches(client, "a.example", 4, "http", port=8080, timeout=0.5),
                    "and rules are enforced", "the port answers")
        agent.detach()


def failing(suite):
    for fail in ("open", "closed"):
        with net.Lab() as lab:
            client, router, server = lab.routed()
            lab.serve(server)
            agent = lab.agent(router)
            agent.attach("lan", "--fail", fail)
            says = agent.json("status")["fail"]
            suite.check(says == fail and net.reaches(client, "a.example", 4), f"--fail {fail}: all is well", says)
            engine = agent.pids()[1]
            os.kill(engine, signal.SIGSTOP)
            try:
                time.sleep(SILENT_S)
                passes = [net.reaches(client, "b.example", f, "http", timeout=0.5) for f in (4, 6)]
            finally:
                os.kill(engine, signal.SIGCONT)
            suite.check(passes == [fail == "open"] * 2,
                        f"--fail {fail}: new flows {'pass' if fail == 'open' else 'do not pass'} without an "
                        "engine", passes)
            back = net.wait_for(lambda: net.reaches(client, "c.example", 4, "http", timeout=0.5), 3)
            suite.check(back, f"--fail {fail}: and they pass once it is back", "they do not")
            agent.detach()


def foreground(suite):
    with net.Lab() as lab:
        client, router, server = lab.routed()
        agent = lab.agent(router)
        p = router.spawn(net.PROGRAM, "attach", "lan", "--foreground", env=agent.env, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line = p.stdout.readline()
        suite.check(LINE.fullmatch(line) and p.poll() is None and all(agent.pids()), "--foreground stays", line)
        refused(suite, lab.agent(router), 4, ["attach", "lan"], "another agent is told of it", "XDP")
        p.send_signal(signal.SIGTERM)
        out, err = p.communicate(timeout=5)
        suite.check(p.returncode == 0 and is_native(router) and has_transmit(router),
                    "SIGTERM ends it with 0 and leaves the protection", f"{p.returncode} {err}")
        r = agent.run("detach", "lan")
        suite.check(is_native(router) is None and not has_transmit(router) and not agent.pins() and
                    "no agent was running" in r.stderr, "detach then cleans up", f"{r.stderr} {agent.pins()}")
        refused(suite, agent, 6, ["detach", "lan"], "and has nothing left to do", "no agent")
        refused(suite, agent, 4, ["attach", "nosuch", "--foreground"], "--foreground ends when it is refused",
                "ip link")


def others(suite):
    with net.Lab() as lab:
        host = lab.host("host")
        host.ip("link", "add", "lan", "type", "veth", "peer", "name", "peer")
        agent = lab.agent(host)
        agent.run("block-ip", "10.0.0.1")
        agent.attach("lan")
        mode = stat.S_IMODE(os.stat(os.path.join(agent.run_dir, "control")).st_mode)
        suite.check(mode & 0o007 == 0, "the socket's mode keeps others out", oct(mode))
        # The file is copied to where nobody may read it; the checkout may lie in a home directory.
        program = os.path.join(lab.dir, "dpi-xdp")
        with open(net.PROGRAM, "rb") as f, open(program, "wb") as to:
            to.write(f.read())
        os.chmod(program, 0o755)
        wrong = []
        for args in (["status"], ["stats"], ["flows"], ["apps"], ["report"], ["events"], ["events", "-f"],
                     ["block-app", "X"], ["unblock-ip", "10.0.0.1"], ["allow-ip", "1.1.1.1"], ["rules"],
                     ["rules", "clear"], ["rules", "save", "/dev/null"], ["why", "a.example"],
                     ["attach", "lan"], ["detach", "lan"], ["detach", "--all"]):
            r = net.run(["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", program, *args],
                        env=agent.env)
            if r.returncode != 4 or r.stdout or not re.search("root|check the path", r.stderr):
                wrong.append((args, r.returncode, r.stderr.strip()))
        suite.check(not wrong, "another user is refused by every command, with 4 and a word", wrong)
        os.chmod(os.path.join(agent.run_dir, "control"), 0o666)
        r = net.run(["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", program, "rules", "clear"],
                    env=agent.env)
        suite.check(r.returncode == 4 and "not permitted" in r.stderr, "and by the agent itself, could he connect",
                    f"{r.returncode} {r.stderr}")
        suite.check(agent.json("status")["rules"] == 1 and is_native(host), "nothing has changed",
                    agent.run("rules").stdout)
        agent.detach()


def crowd(suite):
    with net.Lab() as lab:
        client, router, server = lab.routed()
        agent = lab.agent(router)
        agent.attach("lan")
        all_of_it = [subprocess.Popen(router.cmd(net.PROGRAM, "block-domain", f"n{i}.example"), env=agent.env,
                                      stdout=subprocess.DEVNULL) for i in range(20)]
        statuses = [p.wait(20) for p in all_of_it]
        listed = {r["value"] for r in agent.json("rules")["rules"]}
        suite.check(not any(statuses) and listed == {f"n{i}.example" for i in range(20)} and stored(agent),
                    "20 changes at once, none forgotten", f"{statuses} {len(listed)}")
        faults, over = [], threading.Event()

        def ask(args):
            number = 0
            while not over.is_set():
                number += 1
                words = [w.format(number) for w in args]
                r = agent.run(*words, check=False)
                if r.returncode:
                    faults.append((words, r.returncode, r.stderr.strip()))
        askers = [threading.Thread(target=ask, args=(a,)) for a in
                  (["flows", "-j"], ["report", "-j"], ["block-domain", "k{}.example"], ["events"])]
        for t in askers:
            t.start()
        killed = set()
        for _ in range(10):
            engine = agent.pids()[1]
            if engine:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(engine, signal.SIGKILL)
                    killed.add(engine)
            time.sleep(0.15)
        over.set()
        for t in askers:
            t.join()
        suite.check(not faults and len(killed) >= 8, f"requests while the engine is killed {len(killed)} times",
                    faults[:3])
        values = [r["value"] for r in agent.json("rules")["rules"] if r["value"][0] == "k"]
        suite.check(values == [f"k{i + 1}.example" for i in range(len(values))] and values and stored(agent),
                    "and every change that was confirmed is there", values[:5])
        idle_client(suite, agent)
        agent.detach()


def idle_client(suite, agent):
    """Clients that say nothing, or half a thing, or never read a long answer: nobody waits for them."""
    with contextlib.ExitStack() as held:
        def changes(count):
            took = []
            for i in range(count):
                start = time.monotonic()
                agent.run("block-domain" if i % 2 else "unblock-domain", "idle.example", timeout=20)
                took.append(time.monotonic() - start)
            return sorted(took)

        def connect():
            s = held.enter_context(socket.socket(socket.AF_UNIX))
            s.connect(os.path.join(agent.run_dir, "control"))
            return s
        many = os.path.join(agent.state_dir, "many.txt")
        with open(many, "w") as f:
            f.write("[BLOCKED_DOMAINS]\n" + "".join(f"name-{i}.example\n" for i in range(20000)))
        agent.run("rules", "load", many, timeout=20)
        alone = changes(10)[5]
        for words in (b"", b"\x00\x00", b"\xff" * 64, b'{"command"'):
            connect().sendall(words)
        for _ in range(20):  # each answer far more than a socket holds
            body = json.dumps({"command": "rules", "json": True}).encode()
            connect().sendall(struct.pack("!III", 0, len(body), 0) + body)
        took = changes(40)
        start = time.monotonic()
        rows = len(agent.json("flows")["flows"])
        asked = time.monotonic() - start
    median, slow = took[20], alone / 0.1  # how busy the machine is with others
    suite.check(median < max(0.3, 2 * alone) and took[-1] < 2 * max(1, slow),
                "who says nothing, or reads nothing, keeps no change of the rules waiting "
                f"(median {median * 1000:.0f} ms, {alone * 1000:.0f} before)", took)
    suite.check(asked < 5, f"nor a question ({rows} flows in {asked:.1f} s)", asked)


def following(suite):
    with net.Lab() as lab:
        client, router, server, agent = lab.guarded("blocked.example")
        p = router.spawn(net.PROGRAM, "events", "--follow", env=agent.env, text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(iter(p.stdout.readline, "")))
        reader.start()
        time.sleep(0.3)
        net.reaches(client, "www.allowed.example", 4)
        net.ask(client, 4, net.HTTP_PORT, [net.http_request("www.blocked.example")])

        def seen(kind, field, name):
            return any(e["event_type"] == kind and e.get(kind, {}).get(field) == name
                       for e in map(json.loads, list(lines)))
        suite.check(net.wait_for(lambda: seen("tls", "sni", "www.allowed.example") and
                                 seen("http", "hostname", "www.blocked.example"), 5, 0.05),
                    "events --follow prints names as they come", lines)
        suite.check(net.wait_for(lambda: any(json.loads(l)["event_type"] == "drop" for l in list(lines)), 3),
                    "and verdicts", lines)
        engine = agent.pids()[1]
        os.kill(engine, signal.SIGKILL)
        net.wait_for(lambda: agent.pids()[1] not in (None, 0, engine), 3)
        before = len(lines)
        net.reaches(client, "www.later.example", 4)
        suite.check(net.wait_for(lambda: seen("tls", "sni", "www.later.example"), 5, 0.05) and
                    p.poll() is None, "and goes on over an engine's death", f"{before} {lines[before:]}")
        agent.detach()
        status = p.wait(8)
        reader.join()
        suite.check(status == 6 and "attach IFACE" in p.stderr.read(), "until there is no agent", status)


def questions(suite):
    with net.Lab() as lab:
        client, router, server, agent = lab.guarded()

        def answers(family=4, name="www.any.example"):
            with client.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as s:
                s.settimeout(0.4)
                s.sendto(net.dns_query(name, 7), (net.SERVER[family], net.DNS_PORT))
                with contextlib.suppress(OSError):
                    return len(s.recv(2000)) > 12
            return False
        suite.check(answers(4) and answers(6), "questions are answered", "they are not")
        agent.run("block-app", "DNS")
        suite.check(not answers(4) and not answers(6), "block-app DNS: no question passes", "one does")
        suite.check(net.reaches(client, "a.example", 4, "http"), "and all else does", "it does not")
        agent.run("allow-domain", "good.example")
        suite.check(answers(4, "www.good.example") and not answers(4), "an allowed name may be asked for",
                    f"{answers(4, 'www.good.example')} {answers(4)}")
        agent.run("disallow-domain", "good.example")
        agent.run("allow-app", "DNS")
        suite.check(answers(4) and answers(6), "allow-app DNS beats block-app DNS", "it does not")
        agent.run("block-domain", "blocked.example")
        allowed = answers(4, "www.blocked.example")
        agent.run("disallow-app", "DNS")
        agent.run("unblock-app", "DNS")
        suite.check(allowed and not answers(4, "www.blocked.example") and answers(4, "www.fine.example"),
                    "a question is dropped by its name, unless questions are allowed", allowed)
        agent.detach()


def listings(suite):
    """What a person reads of flows and applications, beside what a program reads of the same."""
    with net.Lab() as lab:
        client, router, server, agent = lab.guarded()
        agent.run("block-domain", "bad.example")
        for name in ("www.youtube.com", "www.bad.example"):
            net.reaches(client, name, 4, "http")
        net.reaches(client, "www.fine.example", 6, "http")  # after its neighbour was asked for
        rows = {f["domain"]: f for f in agent.json("flows")["flows"] if f["domain"]}
        lines = agent.run("flows").stdout.splitlines()
        starts = {(l.index(l.split()[1]), l.index(l.split()[2])) for l in lines}
        suite.check(len(lines) > 3 and any(l.startswith("ICMPv6") for l in lines) and len(starts) == 1,
                    "flows: every column begins where its heading does", lines)
        told = agent.run("flows", "-v").stdout.splitlines()
        below = {l.split()[-3 if "<-" in l else -1]: told[i + 1] for i, l in enumerate(told[:-1]) if l[0] != " "}
        dropped = {n: int(re.search(r"dropped (\d+)", line)[1]) for n, line in below.items() if "dropped" in line}
        # What is dropped is sent again meanwhile, so there may be more of it now.
        wrong = [n for n, f in rows.items() if dropped.get(n, -1) < f["dropped_packets"]]
        suite.check(len(rows) == 3 and rows["www.bad.example"]["dropped_packets"] and not wrong,
                    "flows -v: below each what was dropped of it", f"{wrong} {told}")
        short, whole = (agent.run("apps", *o).stdout for o in ([], ["-v"]))
        seen = [a for a in agent.json("apps")["apps"] if a["flows"]]
        order = [a["app"] for a in sorted(seen, key=lambda a: -a["bytes"])]
        suite.check([l.split()[0] for l in short.splitlines()[1:len(seen) + 1]] == order and "Netflix" not in short,
                    "apps: what was seen, the largest first", f"{order} {short}")
        suite.check("\nstreaming (" in whole and "Netflix" in whole and whole.count("YouTube,") == 0,
                    "apps -v: and the names of all others, by category", whole[:300])
        agent.detach()


def open_flows(suite):
    """Each rule on a flow that is open already: it stops both ways at once, and goes on when allowed."""
    with net.Lab() as lab:
        client, router, server = lab.routed()
        agent = lab.agent(router)
        agent.attach("lan")
        stop, go = (False, False), (True, True)
        rows = lambda c, s, port: [
            (["block-ip", s], stop), (["allow-ip", c], go), (["disallow-ip", c], stop),
            (["unblock-ip", s], go), (["block-ip", "src:" + s], go), (["block-ip", "src:" + c], stop),
            (["unblock-ip", "src:" + c, "src:" + s], go), (["block-ip", "dst:" + s], stop),
            (["allow-ip", "dst:" + s], go), (["unblock-ip", "dst:" + s], go),
            (["disallow-ip", "dst:" + s], go),
            (["block-port", f"{port}/tcp"], go), (["block-port", "40000"], go),
            (["block-port", f"{port}/udp"], stop), (["allow-ip", s], go), (["disallow-ip", s], stop),
            (["unblock-port", f"{port}/udp", f"{port}/tcp", "40000"], go),
        ]
        for family in (4, 6):
            wire = Wire(client, server, family)
            suite.check(wire.passes() == go, f"IPv{family}: the flow is open", "it is not")
            for args, want in rows(net.CLIENT[family], net.SERVER[family], 9000):
                agent.run(*args)
                got = wire.passes()
                suite.check(got == want, f"IPv{family}: {' '.join(args)}", f"{got}, not {want}")
                told = [(f["blocked"], f["block_reason"]) for f in agent.json("flows")["flows"]
                        if f["src_ip"] == net.CLIENT[family] and f["dst_port"] == 9000]
                suite.check([b for b, _ in told] == [want == stop], "... and flows says so", told)
            wire.close()
        suite.check(agent.json("rules") == {"rules": []}, "no rule is left", agent.json("rules"))
        agent.detach()


def privilege(suite):
    with net.Lab() as lab:
        client, router, server = lab.routed()
        agent = lab.agent(router)
        agent.attach("lan")
        engine = agent.pids()[1]
        with open(f"/proc/{engine}/status") as f:
            s = dict(l.rstrip("\n").split(":\t", 1) for l in f if ":\t" in l)
        caps = {k: int(s[k], 16) for k in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
        suite.check(not any(caps.values()), "the engine has no capability, and none to get", caps)
        suite.check(s["Seccomp"] == "2", "its system calls are filtered", s["Seccomp"])
        suite.check("0" not in s["Uid"].split() + s["Gid"].split() and not s["Groups"].strip() and
                    s["NoNewPrivs"] == "1", "it is nobody, and stays so", (s["Uid"], s["Gid"], s["NoNewPrivs"]))
        held, odd = [], []
        for fd in os.listdir(f"/proc/{engine}/fd"):
            target = os.readlink(f"/proc/{engine}/fd/{fd}")
            if target == "anon_inode:bpf-map":
                with open(f"/proc/{engine}/fdinfo/{fd}") as f:
                    number = re.search(r"map_id:\s*(\d+)", f.read()).group(1)
                held.append(json.loads(router.run("bpftool", "-j", "map", "show", "id", number).stdout)["name"])
            elif "bpf" in target or target.startswith(agent.state_dir) or "control" in target:
                odd.append(target)
        rules = {"addrs", "nets", "ports", "names", "config", "rings"}
        suite.check({"flows", "verdicts", "heartbeat"} <= set(held) and not rules & set(held),
                    "it holds maps of flows, none of rules", held)
        suite.check(not odd, "no program, no link, no file of rules, no control socket", odd)
        agent.detach()


if __name__ == "__main__":
    net.main([remembering, monitoring, foreground, others, crowd],
             ("ip", "tc", "nsenter", "openssl", "curl", "bpftool", "setpriv"),
             together=[attaching, odd_interface, failing, following, questions, listings, open_flows, privilege])
