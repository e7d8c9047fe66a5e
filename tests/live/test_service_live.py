#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
The service beside a running agent: the curl lines that clients know, a rule by HTTP that stops an
open flow within 50 ms, pages of connections while connections come and go, and a service and an
agent that outlive each other's death.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import net

sys.path.insert(0, os.path.join(net.TOP, "tests", "service"))
import contract  # noqa: E402
import service  # noqa: E402

NAME, INNOCENT = "www.youtube.com", "allowed.example"
STOP_MS = 50
FULL = "--full" in sys.argv
COUNT = 50 if FULL else 8


class Place:
    """client with agent and service - server."""

    def __init__(self, lab, *args):
        self.lab = lab
        self.client, self.server = lab.paired()
        lab.serve(self.server)
        self.agent = lab.agent(self.client)
        self.serve = service.Serve(*args, env={k: self.agent.env[k] for k in
                                               ("DPI_XDP_RUN_DIR", "DPI_XDP_STATE_DIR")},
                                   wrap=self.client.cmd(), open_socket=self.client.socket)

    def __enter__(self):
        self.agent.attach("eth0")
        self.serve.__enter__()
        return self

    def __exit__(self, *_):
        self.serve.__exit__()
        self.agent.detach()

    def curl(self, *args):
        r = self.client.run("curl", "-sS", "-m", "10", "-w", "\n%{http_code}", *args)
        body, _, status = r.stdout.rpartition("\n")
        return int(status or 0), body


def curl_lines(suite):
    with net.Lab() as lab, Place(lab) as p:
        u = p.serve.url
        for method, path, want in (
                ("POST", "/rules/app/YOUTUBE", {"app:YouTube"}),
                ("POST", "/rules/ip/1.2.3.4", {"app:YouTube", "ip:1.2.3.4"}),
                ("POST", "/rules/domain/x.example", {"app:YouTube", "ip:1.2.3.4", "domain:x.example"}),
                ("DELETE", "/rules/app/YOUTUBE", {"ip:1.2.3.4", "domain:x.example"}),
                ("DELETE", "/rules/app/YOUTUBE", {"ip:1.2.3.4", "domain:x.example"}),
                ("DELETE", "/rules/ip/1.2.3.4", {"domain:x.example"}),
                ("DELETE", "/rules/domain/x.example", set())):
            status, body = p.curl("-X", method, u + path)
            rules = {r["rule"] for r in p.agent.json("rules")["rules"]}
            suite.check(status == 200 and json.loads(body)["status"] == "success" and rules == want,
                        f"curl -X {method} {path}", f"{status} {body}, rules {rules}")
        for path, key in (("/stats", "total_packets"), ("/stats/apps", "apps"),
                          ("/stats/connections", "connections"), ("/stats/workers", "workers"),
                          ("/flows", "flows"), ("/health", "agent"), ("/ready", "status"),
                          ("/api/v1/stats", "app_breakdown"), ("/openapi.json", "paths")):
            status, body = p.curl(u + path)
            suite.check(status == 200 and key in json.loads(body), f"curl {path}", f"{status} {body}")
        health = p.serve.ask("GET", "/health").json()
        a = health["agent"] or {}
        suite.check(health["status"] == "ok" and a["interfaces"][0]["state"] == "protected" and
                    a["verdicts_max"] > 0 and a["samples_lost"] == 0, "health tells of the agent", health)


def every_route(suite):
    """The contract again, with live traffic behind it."""
    with net.Lab() as lab, Place(lab) as p:
        for name in (NAME, INNOCENT):
            net.curl(p.client, name, 4)
            net.curl(p.client, name, 4, "http")
        contract.Contract(suite, p.serve, True).run()


def strangers(suite):
    """A user who is neither root nor of the group asks the agent, past the service."""
    with net.Lab() as lab, Place(lab) as p:
        commands = [["status"], ["stats"], ["flows"], ["apps"], ["report"], ["events"], ["rules"], ["rules", "clear"],
                    ["rules", "load", "/dev/null"], ["why", "example.org"], ["block-app", "TikTok"],
                    ["block-domain", "a.example"], ["block-ip", "9.9.9.9"], ["block-port", "99"],
                    ["unblock-app", "YouTube"], ["unblock-domain", "a.example"], ["allow-app", "TikTok"],
                    ["allow-ip", "9.9.9.9"], ["detach", "--all"], ["attach", "eth0"]]
        p.serve.ask("POST", "/rules/app/YouTube")
        before = p.agent.json("rules")
        program = os.path.join(lab.dir, "dpi-xdp")  # the checkout may lie where others may not look
        shutil.copy(net.PROGRAM, program)
        os.chmod(program, 0o755)
        got = []
        for c in commands:
            r = p.client.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, *c,
                             env=p.agent.env)
            got.append((f"{c}: {r.returncode} {r.stderr[:80]}", r.returncode == 4 and not r.stdout))
        suite.check(all(g for _, g in got), "20 commands of a stranger are refused", [w for w, g in got if not g])
        suite.check(p.agent.json("rules") == before and p.serve.ask("GET", "/ready").status == 200,
                    "nothing has changed by them")


def stops_flow(suite):
    with net.Lab() as lab, Place(lab) as p:
        late, rest, own = [], [], []
        for _ in range(COUNT):
            sent = time.monotonic()
            p.serve.ask("POST", "/rules/port/9")  # what a change takes on this machine, now
            own.append((time.monotonic() - sent) * 1000)
            p.serve.ask("DELETE", "/rules/port/9")
            bad, good = net.Transfer(p.client, 4, NAME), net.Transfer(p.client, 4, INNOCENT)
            started = net.wait_for(lambda: bad.bytes > 20000 and good.bytes > 20000, 5)
            if not started:
                suite.check(False, "transfers start", f"{bad.bytes} and {good.bytes} bytes in 5 s")
            sent = time.monotonic()
            answer = p.serve.ask("POST", "/rules/app/YOUTUBE")
            back = time.monotonic()
            time.sleep(0.25)
            late.append(((bad.last - sent) * 1000 if started and answer.status == 200 else 1e9,
                         (back - sent) * 1000))
            rest.append(good.last > back + 0.1)
            bad.close()
            good.close()
            p.serve.ask("DELETE", "/rules/app/YOUTUBE")
        sent, told = sorted(ms for ms, _ in late), sorted(ms - took for ms, took in late)
        suite.check(told[-2] <= STOP_MS and told[-1] < 1000, f"a rule by HTTP ends a transfer within {STOP_MS} ms of "
                    f"its answer, all but one of {COUNT} times (worst {told[-1]:+.1f} ms)", late)
        half, most = sent[COUNT // 2], max(STOP_MS, 2 * sorted(own)[COUNT // 2])
        suite.check(half <= most, f"... and half of the time within {most:.0f} ms of its sending "
                    f"(median {half:.1f}, worst {sent[-1]:.1f} ms)", late)
        suite.check(all(rest), "transfers beside it run on", rest)


def pages(suite):
    """Connections that stay are on exactly one page each, while others come and go."""
    with net.Lab() as lab, Place(lab) as p:
        stay = [net.connect(p.client, 4, net.HTTP_PORT) for _ in range(60)]
        for s in stay:
            s.sendall(net.http_request(INNOCENT, "/sized/10"))
        ports = {s.getsockname()[1] for s in stay}
        time.sleep(0.3)
        for sort in ("", "&sort=newest"):
            seen, cursor, moving, count = [], "", [], 0
            while cursor is not None and count < 60:
                page = p.serve.ask("GET", f"/stats/connections?limit=7{sort}" +
                                   (f"&cursor={cursor}" if cursor else "")).json()
                seen += [c["src_port"] for c in page["connections"] if c["src_port"] in ports]
                cursor, count = page["next"], count + 1
                moving.append(net.connect(p.client, 4, net.HTTP_PORT))
                if count % 2:
                    moving.pop(0).close()
            suite.check(sorted(seen) == sorted(ports) and count > 5,
                        f"pages{sort} hold each of 60 connections once while others come and go",
                        f"{len(seen)} seen, {len(set(seen))} of them different, on {count} pages")
            for s in moving:
                s.close()
        for s in stay:
            s.close()
        bad = p.serve.ask("GET", "/flows?cursor=00ff")
        suite.check(bad.status == 422, "a cursor that is none is refused", bad)
        whole = p.serve.ask("GET", "/flows?limit=1000").json()
        suite.check(whole["next"] is None and whole["total"] == len(whole["flows"]),
                    "one page can hold all", whole["total"])


def slow_agent(suite):
    """An engine that does not answer holds up who asks it, and nobody else."""
    with net.Lab() as lab, Place(lab) as p:
        engine = p.agent.pids()[1]
        answers = []
        os.kill(engine, signal.SIGSTOP)
        try:
            askers = [threading.Thread(target=lambda: answers.append(p.serve.ask("GET", "/stats", timeout=60).status),
                                       daemon=True) for _ in range(10)]
            for t in askers:
                t.start()
            time.sleep(0.3)
            times = []
            for path in ("/health", "/rules", "/ready", "/openapi.json") * 8:
                began = time.monotonic()
                status = p.serve.ask("GET", path).status
                times.append((time.monotonic() - began, path, status))
        finally:
            os.kill(engine, signal.SIGCONT)
        for t in askers:
            t.join(60)
        suite.check(max(times)[0] < 1 and all(s == 200 for _, _, s in times),
                    f"others are answered meanwhile (slowest {max(times)[0] * 1000:.0f} ms)", max(times))
        suite.check(sorted(answers) == [200] * 4 + [503] * 6, "four wait, the others are told to come again",
                    sorted(answers))


def outlive(suite):
    with net.Lab() as lab, Place(lab) as p:
        p.serve.ask("POST", "/rules/app/YOUTUBE")
        supervisor, engine = p.agent.pids()
        os.kill(engine, signal.SIGKILL)
        suite.check(p.serve.ask("GET", "/stats").status == 200, "the service survives its engine's death")
        os.kill(supervisor, signal.SIGKILL)
        a = p.serve.ask("GET", "/stats")
        suite.check(a.status == 200, "... and its supervisor's", a)
        before = p.agent.pids()
        for pid in reversed(p.serve.pids()[1:]) or p.serve.pids():
            os.kill(pid, signal.SIGKILL)
        p.serve.process.kill()
        p.serve.process.wait()
        rules = [r["rule"] for r in p.agent.json("rules")["rules"]]
        suite.check(p.agent.pids() == before and rules == ["app:YouTube"],
                    "kill -9 of the service leaves the agent and its rules as they were",
                    f"{before} {p.agent.pids()} {rules}")
        wrong = net.silence(p.agent, lambda: net.ask(p.client, 4, net.HTTP_PORT, [net.http_request(NAME)]))
        suite.check(not wrong, "... and what is blocked stays blocked", wrong)
        p.serve.start()
        a = p.serve.ask("GET", "/ready")
        suite.check(a.status == 200, "a new service finds the agent", a)
        p.agent.detach()
        a = p.serve.ask("POST", "/rules/app/TikTok")
        suite.check(a.status == 200 and a.json()["in_force"] is False and
                    p.serve.ask("GET", "/ready").status == 503,
                    "without an agent rules are stored, and it says so", a)
        p.agent.attach("eth0")
        a = p.serve.ask("GET", "/rules/app")
        suite.check({r["value"] for r in a.json()["rules"]} == {"YouTube", "TikTok"} and a.json()["in_force"],
                    "the next agent has them in force", a)


if __name__ == "__main__":
    sys.argv = [a for a in sys.argv if a != "--full"]
    net.main([curl_lines, every_route, strangers, stops_flow, pages, slow_agent, outlive], ("ip", "nsenter", "openssl", "curl"))
