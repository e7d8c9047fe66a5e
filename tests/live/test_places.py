#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
The three places an agent can stand (the client's host, a router's one side, the server's host), both
families: a blocked name gets no byte of answer, another name on the same addresses at the same time
loses nothing, taking the rule away restores new connections at once, and a rule set while a transfer
runs ends it within 10 ms of the command's return.
"""
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import net

APP, APP_NAME = "TikTok", "www.tiktok.com"
DOMAIN, DOMAIN_NAME = "blocked.example", "www.blocked.example"
INNOCENT = "allowed.example"
STOP_MS, STILL_MS = 10, 400  # the rule has done it; it has not


class Background(threading.Thread):
    """A sized transfer and fifty questions under the innocent name."""

    def __init__(self, host, family):
        super().__init__(daemon=True)
        self.host, self.family = host, family
        self.body, self.answers = b"", 0

    def run(self):
        _, self.body = net.curl(self.host, INNOCENT, self.family, path="/sized/20000000", timeout=20)
        self.answers = net.dig(self.host, [f"q{i}.{INNOCENT}" for i in range(50)], self.family)


def answered_udp(host, family, names, timeout=0.5):
    """Asks for every name from one socket; returns the set of numbers that were answered."""
    got = set()
    s = host.socket(net.socket.AF_INET if family == 4 else net.socket.AF_INET6, net.socket.SOCK_DGRAM)
    with s:
        s.settimeout(timeout)
        for i, name in enumerate(names):
            s.sendto(net.dns_query(name, i), (net.SERVER[family], net.DNS_PORT))
        try:
            while len(got) < len(names):
                got.add(net.struct.unpack("!H", s.recv(4096)[:2])[0])
        except TimeoutError:
            pass
    return got


def dns_stream(name):
    """A question as it goes over TCP (RFC 1035 4.2.2)."""
    query = net.dns_query(name, 1)
    return net.struct.pack("!H", len(query)) + query


def all_reachable(suite, client, family, where):
    for scheme, name in (("https", APP_NAME), ("http", DOMAIN_NAME), ("https", INNOCENT)):
        suite.check(net.reaches(client, name, family, scheme), f"{where}: {name} by {scheme} answers",
                    "no answer")
    for tcp in (False, True):
        suite.check(net.dig(client, [DOMAIN_NAME, INNOCENT], family, tcp=tcp) == 2,
                    f"{where}: questions by {'tcp' if tcp else 'udp'} are answered", "no answer")


def blocked(suite, client, agent, family, where):
    """Everything blocked is silent while the innocent traffic runs."""
    behind = Background(client, family)
    behind.start()
    hello = net.client_hello(APP_NAME)
    for what, port, bytes_ in ((f"TLS to {APP_NAME}", net.TLS_PORT, hello),
                               (f"HTTP to {DOMAIN_NAME}", net.HTTP_PORT, net.http_request(DOMAIN_NAME)),
                               (f"HTTP on port 8080 to {APP_NAME}", 8080, net.http_request(APP_NAME)),
                               (f"DNS by TCP for {DOMAIN_NAME}", net.DNS_PORT, dns_stream(DOMAIN_NAME))):
        wrong = net.silence(agent, lambda: net.ask(client, family, port, [bytes_]))
        suite.check(not wrong, f"{where}: {what}: no byte of answer", wrong)
    bodies = []
    while len(bodies) < net.TRIES and (not bodies or bodies[-1]):
        bodies.append(net.curl(client, APP_NAME, family, timeout=0.6)[1])
    suite.check(not bodies[-1], f"{where}: curl to {APP_NAME} gets nothing", f"{bodies}")
    with ThreadPoolExecutor(2) as pool:
        got = sum(pool.map(lambda name: net.dig(client, [name], family), (DOMAIN_NAME, APP_NAME)))
    suite.check(got == 0, f"{where}: blocked questions by UDP: no answer", f"{got} answers")
    names = [INNOCENT if i % 2 else DOMAIN_NAME for i in range(20)]
    got = answered_udp(client, family, names)
    suite.check(got == {i for i in range(20) if i % 2},
                f"{where}: on one socket only the innocent questions are answered", f"answered: {got}")
    suite.check(net.reaches(client, "nottiktok.com.example", family) and
                net.reaches(client, "notblocked.example", family, "http"),
                f"{where}: look-alike names answer", "no answer")
    behind.join()
    whole = net.body_bytes(20000000)
    suite.check(behind.body == whole, f"{where}: meanwhile {INNOCENT} loses nothing",
                f"{len(behind.body)} of {len(whole)} bytes")
    suite.check(behind.answers == 50, f"{where}: meanwhile 50 questions of 50 are answered",
                f"{behind.answers}")


def stop_running(suite, client, agent, family, where):
    """A rule set while a transfer runs; the innocent transfer beside it runs on. On a busy machine
    the reader of a transfer may itself be late for once."""
    for last in (False, False, True):
        bad, good = net.Transfer(client, family, APP_NAME), net.Transfer(client, family, INNOCENT)
        started = net.wait_for(lambda: bad.bytes > 20000 and good.bytes > 20000, 10)
        agent.run("block-app", APP)
        returned = time.monotonic()
        time.sleep(0.5)
        late, bytes_ = (bad.last - returned) * 1000, good.bytes
        goes_on = net.wait_for(lambda: good.bytes > bytes_)
        bad.close()
        good.close()
        if last or late <= STOP_MS or late > STILL_MS:
            break
        agent.run("unblock-app", APP)
    suite.check(started, f"{where}: the transfers run", "they do not start")
    suite.check(started and late <= STOP_MS, f"{where}: block-app ends a transfer within {STOP_MS} ms "
                f"({late:+.1f} ms from the command's return)", "it runs on")
    suite.check(goes_on, f"{where}: the transfer beside it runs on", "it stopped")


def place(suite, title, role, dev):
    with net.Lab() as lab:
        client, router, server = lab.routed()
        lab.serve(server)
        agent = lab.agent({"client": client, "router": router, "server": server}[role])
        for family in (4, 6):
            all_reachable(suite, client, family, f"{title}, IPv{family}, before")
        agent.attach(dev)
        for family in (4, 6):
            where = f"{title}, IPv{family}"
            all_reachable(suite, client, family, f"{where}, no rule")
            stop_running(suite, client, agent, family, where)
            agent.run("block-domain", DOMAIN)
            blocked(suite, client, agent, family, where)
            agent.run("unblock-app", APP)
            agent.run("unblock-domain", DOMAIN)
            all_reachable(suite, client, family, f"{where}, unblocked")
        agent.detach()


def client_host(suite):
    place(suite, "on the client", "client", "eth0")


def router_side(suite):
    place(suite, "on the router", "router", "lan")


def server_host(suite):
    place(suite, "on the server", "server", "eth0")


if __name__ == "__main__":
    net.main([client_host, router_side, server_host], ("ip", "nsenter", "openssl", "curl", "dig"))
