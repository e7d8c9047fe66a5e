#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
Names that lie whole in the first segment of a connection are decided in the kernel, before the frame
goes anywhere: of a blocked hello (also one of post-quantum size) or request no byte may reach the
server, every time, on the client's own host, on a router and on the server's; nothing is late, and
another name is left alone. So with curl and openssl as clients, with the rules changed under it, and
with the engine dead. So are DNS questions, over TCP and in IP fragments, by the answer at the latest.

`--full`: a hundred times each, not thirty.
"""
import itertools
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import net

BLOCKED, INNOCENT, GOOD = "www.blocked.example", "www.allowed.example", "good.blocked.example"
RULE = "blocked.example"
TIMES = 100 if "--full" in sys.argv else 30
KINDS = {
    "TLS": (net.client_hello, net.TLS_PORT),
    "long TLS": (lambda name: net.client_hello(name, 1500), net.TLS_PORT),  # goes on in a second segment
    "HTTP": (net.http_request, net.HTTP_PORT),
}
WAYS = [(family, kind) for kind in KINDS for family in (4, 6)]


own_ports = itertools.count(10000)


def first_word(kind, name):
    return KINDS[kind][0](name)


def connect(client, family, kind):
    """From a port that nothing was blocked on: the kernel would give those of dead connections out
    again, and what is blocked stays so for a minute."""
    s = client.socket(net.socket.AF_INET if family == 4 else net.socket.AF_INET6, net.socket.SOCK_STREAM)
    s.settimeout(5)
    s.bind(("", next(own_ports)))
    s.connect((net.SERVER[family], KINDS[kind][1]))
    return s


def ask(client, family, kind, name, timeout=0.2):
    """Says the name in one piece; returns an Answer."""
    with connect(client, family, kind) as s:
        s.sendall(first_word(kind, name))
        return net.Answer(net.answer_bytes(s, timeout), s.getsockname()[1])


def counter(agent, name):
    return agent.json("stats")["counters"][name]


def late(agent):
    return agent.json("report")["late_packets"]


class Tap:
    """What arrives at the server of TCP while the block runs."""

    def __init__(self, lab, server):
        self.lab, self.server, self.path = lab, server, os.path.join(lab.dir, "arrived.pcap")

    def __enter__(self):
        self.capture = self.server.capture("eth0", self.path, "inbound", "and", "tcp")
        return self

    def __exit__(self, *_):
        self.lost = self.capture.stop()
        with open(self.path, "rb") as f:
            self.bytes = f.read()

    def saw(self, name):
        return self.bytes.count(name.encode())


def places(lab_of):
    """Each place an agent can stand: (what, lab, client, server, agent)."""
    for where in ("the client's host", "a router", "the server's host"):
        with net.Lab() as lab:
            client, router, server = lab.routed()
            lab.serve(server)
            host, dev = {"the client's host": (client, "eth0"), "a router": (router, "lan"),
                         "the server's host": (server, "eth0")}[where]
            agent = lab.agent(host)
            agent.attach(dev)
            agent.run("block-domain", RULE)
            lab_of(where, lab, client, server, agent)
            agent.detach()


def every_time(suite):
    """A hundred of each kind: none arrives, nothing is late, all are named and counted."""
    def at(where, lab, client, server, agent):
        # XDP on the server's host is in front of its capture as well.
        with Tap(lab, server) as tap, ThreadPoolExecutor(20) as pool:
            for family, kind in WAYS:
                bad = list(pool.map(lambda _: ask(client, family, kind, BLOCKED), range(TIMES)))
                suite.check(not any(bad), f"{where}, IPv{family}, {kind}: {TIMES} of {TIMES} blocked "
                            "get no answer", f"{sum(map(bool, bad))} are answered")
                good = list(pool.map(lambda _: ask(client, family, kind, INNOCENT, 3), range(TIMES)))
                suite.check(all(good), f"{where}, IPv{family}, {kind}: {TIMES} of {TIMES} innocent are "
                            "answered", f"{sum(map(bool, good))} are")
        count = len(WAYS) * TIMES
        suite.check(tap.lost == 0 and tap.saw(INNOCENT) >= count, f"{where}: the capture is whole",
                    f"{tap.lost} lost, {tap.saw(INNOCENT)} innocent names")
        suite.check(tap.saw(BLOCKED) == 0, f"{where}: the server sees no byte of a blocked name",
                    f"{tap.saw(BLOCKED)} arrive")
        suite.check(late(agent) == 0, f"{where}: nothing is late", f"{late(agent)} packets")
        words = counter(agent, "kernel_dropped_by_first_word")
        suite.check(words >= count, f"{where}: the kernel counts them ({words})", f"of {count}")
        rows = [r for r in agent.json("report")["rules"] if r["rule"] == "domain:" + RULE]
        suite.check(len(rows) == 1 and rows[0]["flows"] == count and rows[0]["packets"] >= count,
                    f"{where}: the rule counts each once", f"{rows}")
        flows = [f for f in agent.json("flows")["flows"] if f["domain"] == BLOCKED]
        odd = [f for f in flows if not (f["state"] == "BLOCKED" and f["block_reason"] == "domain:" + RULE
                                        and f["late_packets"] == 0)]
        suite.check(len(flows) == count and not odd, f"{where}: {len(flows)} flows are named and blocked",
                    f"of {count}; odd: {odd[:1]}")
    places(at)


def real_clients(suite):
    """curl and openssl, blocked and not."""
    with net.Lab() as lab:
        client, router, server, agent = lab.guarded(RULE)
        cert, key = lab.certificate()
        for family in (4, 6):
            server.spawn("openssl", "s_server", "-accept", "4433", "-cert", cert, "-key", key, "-www",
                         f"-{family}")
            net.wait_for(lambda: openssl(client, family, INNOCENT), 10)
        for family in (4, 6):
            # First: a server that takes one at a time waits for the blocked one for ever.
            good = {"https": net.reaches(client, INNOCENT, family),
                    "http": net.reaches(client, INNOCENT, family, "http"),
                    "openssl": openssl(client, family, INNOCENT)}
            suite.check(all(good.values()), f"IPv{family}: another name is served", f"{good}")
            with Tap(lab, server) as tap, ThreadPoolExecutor(11) as pool:
                told = pool.submit(openssl, client, family, BLOCKED, 1.5)
                got = list(pool.map(lambda scheme: net.curl(client, BLOCKED, family, scheme, timeout=1),
                                    ("https", "http") * 5))
                told = told.result()
            suite.check(not any(body for _, body in got) and all(status for status, _ in got) and
                        not told, f"IPv{family}: curl and openssl get nothing", f"{got[:1]} {told}")
            suite.check(tap.saw(BLOCKED) == 0, f"IPv{family}: and nothing of theirs arrives",
                        f"{tap.saw(BLOCKED)} names")
        suite.check(late(agent) == 0, "nothing is late", f"{late(agent)} packets")
        agent.detach()


def openssl(client, family, name, timeout=10):
    """True when openssl's own client completes a handshake with its own server."""
    address = net.SERVER[family] if family == 4 else f"[{net.SERVER[family]}]"
    try:
        r = client.run("openssl", "s_client", "-connect", f"{address}:4433", "-servername", name,
                       timeout=timeout)
    except subprocess.TimeoutExpired:
        return False
    return "BEGIN CERTIFICATE" in r.stdout


def rules_change(suite):
    """An allow beats a block; what is taken back is open at once, for old connections too."""
    with net.Lab() as lab:
        client, router, server, agent = lab.guarded(RULE)
        for family, kind in WAYS:
            what = f"IPv{family}, {kind}"
            agent.run("allow-domain", GOOD)
            suite.check(ask(client, family, kind, GOOD, 3) and not ask(client, family, kind, BLOCKED),
                        f"{what}: an allowed name passes, the others do not", "")
            agent.run("disallow-domain", GOOD)
            suite.check(not ask(client, family, kind, GOOD), f"{what}: and is blocked again", "")
            with connect(client, family, kind) as s:
                s.sendall(first_word(kind, BLOCKED))
                blocked = net.answer_bytes(s, 0.3)
                agent.run("unblock-domain", RULE)
                suite.check(not blocked and ask(client, family, kind, BLOCKED, 3),
                            f"{what}: a new connection is answered at once", "")
                suite.check(net.answer_bytes(s, 5), f"{what}: and the one that was blocked goes on", "")
            agent.run("block-domain", RULE)
            suite.check(not ask(client, family, kind, BLOCKED), f"{what}: blocked again", "")
        wrong = overtaken(client, agent)
        suite.check(not wrong, "a block that is taken back before the engine hears of it is gone", wrong)
        wrong = flip(client, agent)
        suite.check(not wrong, "40 changes, in force when the command returns", wrong)
        suite.check(late(agent) == 0, "nothing is late", f"{late(agent)} packets")
        agent.detach()


def overtaken(client, agent):
    """The engine is asleep while the kernel blocks, and wakes up to rules that do not."""
    for family, kind in WAYS:
        _, engine = agent.pids()
        os.kill(engine, signal.SIGSTOP)
        try:
            with connect(client, family, kind) as s, ThreadPoolExecutor(1) as pool:
                s.sendall(first_word(kind, BLOCKED))
                blocked = net.answer_bytes(s, 0.1)
                change = pool.submit(agent.run, "unblock-domain", RULE)
                time.sleep(0.1)
                os.kill(engine, signal.SIGCONT)
                change.result()
                if blocked or not net.answer_bytes(s, 5):
                    return f"IPv{family}, {kind}: {blocked} bytes before, none behind"
        finally:
            os.kill(engine, signal.SIGCONT)
        agent.run("block-domain", RULE)
    return ""


def flip(client, agent):
    for i in range(20):
        agent.run("unblock-domain", RULE)
        if not ask(client, 4, "TLS", BLOCKED, 3):
            return f"change {i}: unblocked, not answered"
        agent.run("block-domain", RULE)
        if ask(client, 4, "TLS", BLOCKED, 0.1):
            return f"change {i}: blocked, answered"
    return ""


def watching(suite):
    """With --monitor the name passes, is named and is counted."""
    with net.Lab() as lab:
        client, router, server = lab.routed()
        lab.serve(server)
        agent = lab.agent(router)
        agent.attach("lan", "--monitor")
        agent.run("block-domain", RULE)
        got = [ask(client, family, kind, BLOCKED, 3) for family, kind in WAYS for _ in range(5)]
        suite.check(all(got), "monitor: every answer comes", f"{got}")
        suite.check(counter(agent, "kernel_monitored_packets") > 0 and
                    counter(agent, "kernel_dropped_packets") == 0, "monitor: counted, nothing dropped", "")
        agent.detach()


def dead_engine(suite):
    """Without an engine the kernel goes on; the next engine hears of what was dropped meanwhile."""
    with net.Lab() as lab:
        client, router, server, agent = lab.guarded(RULE)
        supervisor, engine = agent.pids()
        os.kill(supervisor, signal.SIGSTOP)
        try:
            os.kill(engine, signal.SIGKILL)
            with Tap(lab, server) as tap, ThreadPoolExecutor(20) as pool:
                bad = list(pool.map(lambda way: ask(client, *way, BLOCKED), WAYS * 10))
                good = [ask(client, family, kind, INNOCENT, 3) for family, kind in WAYS]
        finally:
            os.kill(supervisor, signal.SIGCONT)
        suite.check(not any(bad) and tap.saw(BLOCKED) == 0, "the engine is dead: nothing blocked arrives",
                    f"{tap.saw(BLOCKED)} names")
        suite.check(all(good), "the engine is dead: other names are served", f"{good}")
        ports = {b.port for b in bad}

        def named():
            return {f["src_port"] for f in agent.json("flows")["flows"]
                    if f["state"] == "BLOCKED" and f["domain"] == BLOCKED} >= ports
        suite.check(net.wait_for(lambda: all(agent.pids()) and agent.pids()[1] != engine and named(), 5),
                    f"the next engine names all {len(ports)} of them", "")
        agent.run("unblock-domain", RULE)
        suite.check(all(ask(client, family, kind, BLOCKED, 3) for family, kind in WAYS),
                    "and what is unblocked then is answered", "")
        agent.detach()


class Asleep:
    """While the block runs the engine decides nothing."""

    def __init__(self, agent):
        _, self.engine = agent.pids()

    def __enter__(self):
        os.kill(self.engine, signal.SIGSTOP)

    def __exit__(self, *_):
        os.kill(self.engine, signal.SIGCONT)


def streamed(name, number):
    """A question as it goes over TCP (RFC 1035 4.2.2), whole and in parts."""
    query = net.dns_query(name, number)
    whole = struct.pack("!H", len(query)) + query
    return [whole], [whole[:2], whole[2:]], [whole[:9], whole[9:20], whole[20:]]


def questions_by_tcp(suite):
    """However it is cut: the answer repeats the question, and is dropped for it."""
    with net.Lab() as lab:
        client, router, server, agent = lab.guarded(RULE)
        with Asleep(agent):
            for family in (4, 6):
                for way in range(3):
                    bad, good = ([net.ask(client, family, net.DNS_PORT, streamed(name, n)[way], 0.02, wait)
                                  for n in range(TIMES // 3)] for name, wait in ((BLOCKED, 0.1), (INNOCENT, 3)))
                    what = f"DNS over TCP, IPv{family}, in {len(streamed(BLOCKED, 0)[way])} segments"
                    suite.check(not any(bad), f"{what}: blocked ones are not answered",
                                f"{sum(map(bool, bad))} of {len(bad)} are")
                    suite.check(all(good), f"{what}: innocent ones are", f"{sum(map(bool, good))} are")
        suite.check(net.dig(client, [INNOCENT] * 5, 4, tcp=True, timeout=3) == 5 and
                    net.dig(client, [BLOCKED] * 5, 4, tcp=True) == 0, "dig +tcp: the same", "")
        count = TIMES // 3 * 6
        told = counter(agent, "kernel_dropped_by_question")
        suite.check(told >= count, f"the kernel counts them ({told})", f"of {count}")

        def named():
            flows = [f for f in agent.json("flows")["flows"] if f["domain"] == BLOCKED]
            return len(flows) >= count and all(f["state"] == "BLOCKED" for f in flows)
        suite.check(net.wait_for(named, 5), f"and the engine, awake, blocks all {count} flows", "")
        agent.detach()


def questions_in_fragments(suite):
    """Questions and answers of 2,000 bytes, as DNSSEC has them, in the fragments that the two ends' own
    kernels make."""
    def asked(family, name, timeout):
        with client.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as s:
            message = net.dns_query(name, 7)
            s.sendto(message + bytes(2000 - len(message)), (net.SERVER[family], net.ECHO_PORT))
            return net.answer_bytes(s, timeout)

    with net.Lab() as lab:
        client, router, server, agent = lab.guarded(RULE)
        for family in (4, 6):
            before = counter(agent, "kernel_fragments_later")
            with Asleep(agent):
                bad = [asked(family, BLOCKED, 0.05) for _ in range(TIMES)]
                good = [asked(family, INNOCENT, 3) for _ in range(TIMES)]
            suite.check(not any(bad), f"IPv{family}: blocked ones in fragments are not answered",
                        f"{sum(map(bool, bad))} are")
            suite.check(good == [2000] * TIMES, f"IPv{family}: innocent ones are, in fragments too",
                        f"{sum(map(bool, good))} are")
            pieces = counter(agent, "kernel_fragments_later") - before
            suite.check(pieces >= 3 * TIMES, f"IPv{family}: {pieces} fragments behind the first", "")
        suite.check(counter(agent, "kernel_dropped_fragments") == 0, "none is dropped for being one", "")
        agent.detach()


if __name__ == "__main__":
    net.main([every_time], ("ip", "nsenter", "openssl", "curl", "tcpdump", "dig"),
             together=[real_clients, rules_change, watching, dead_engine, questions_by_tcp,
                       questions_in_fragments])
