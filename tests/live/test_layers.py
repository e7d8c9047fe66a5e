#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
What a router in the middle does with traffic that is not plain: a VXLAN tunnel between the two ends,
QUIC over UDP both ways, and datagrams and segments that arrive in IP fragments. A blocked name ends
its flow both ways, its neighbours live on, and address rules for the tunnel's ends stop all of it.
"""
import os
import socket
import threading

import net

import quic  # net knows where

BLOCKED, ALLOWED = "www.blocked.example", "www.allowed.example"
INNER = {4: ("172.31.7.1", "172.31.7.2", 24), 6: ("fd31:7::1", "fd31:7::2", 64)}
QUIC_PORT, SMALL_MTU = 4433, 576
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PMTUDISC_DONT = 10, 23, 0
TRIES = 10
DEAF_AFTER = 5  # answers that did not come: the rest are not waited for one by one


class Echo:
    """A UDP server in a host's namespace: answers each datagram with more of its own."""

    def __init__(self, host, family, port):
        self.socket = host.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
        self.socket.bind((net.SERVER[family], port))
        self.socket.settimeout(0.2)
        self.got, self.peer, self.is_over = 0, None, False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.is_over:
            try:
                _, self.peer = self.socket.recvfrom(65536)
            except TimeoutError:
                continue
            self.got += 1
            self.say()

    def say(self):
        self.socket.sendto(b"answer" * 20, self.peer)

    def end(self):
        self.is_over = True
        self.thread.join()
        self.socket.close()


def initial(name, number=0):
    hello = quic.client_hello(name.encode())
    return quic.initial(quic.crypto(0, hello), b"\x01\x02\x03\x04\x05\x06\x07\x08", number=number)


def datagrams(client, server, family, name, port):
    """Sends a QUIC hello and forty datagrams more. Returns how many came to the server, how many
    answers came back, and whether a word that the server said after that did."""
    echo = Echo(server, family, port)
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    answers, has_word = 0, False
    with client.socket(kind, socket.SOCK_DGRAM) as s:
        if family == 4:
            s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DONT)
        else:
            s.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_DONT)
        s.settimeout(0.1)
        s.connect((net.SERVER[family], port))
        for i in range(41):
            s.send(initial(name) if i == 0 else bytes([0x40 | i]) + os.urandom(1199))
            try:
                while True:
                    s.recv(65536)
                    answers += 1
                    if answers > i:
                        break
            except OSError:
                pass
            if i == 3 and not echo.got:
                break
            if i - answers > DEAF_AFTER:
                s.settimeout(0.01)
        if echo.peer:
            echo.say()
            try:
                s.recv(65536)
                has_word = True
            except OSError:
                pass
    echo.end()
    return echo.got, answers, has_word


def quic_flows(suite, client, server, family, what, port):
    # The first datagrams of a blocked one are through before the verdict; on a busy machine, more.
    for attempt in range(TRIES):
        got, answers, has_word = datagrams(client, server, family, BLOCKED, port + 1 + attempt)
        if got <= 2:
            break
    suite.check(got <= 2 and answers <= 2, f"{what}: a blocked QUIC flow ends both ways",
                f"{got} of 41 datagrams and {answers} answers came through")
    suite.check(not has_word, f"{what}, blocked: the server's word is dropped")
    got, answers, has_word = datagrams(client, server, family, ALLOWED, port)
    suite.check(got == 41 and answers == 41, f"{what}: an allowed QUIC flow is whole",
                f"{got} of 41 datagrams and {answers} answers came through")
    suite.check(has_word, f"{what}, allowed: the server's word arrives")


def small_route(client, family):
    """Packets to the server leave the client in fragments."""
    what = ["-6"] if family == 6 else []
    mtu = SMALL_MTU if family == 4 else 1280
    client.ip(*what, "route", "replace", f"{net.SERVER[family]}/{32 if family == 4 else 128}", "via",
              net.LAN[family][0], "mtu", "lock", str(mtu))


def udp(suite):
    with net.Lab() as lab:
        client, router, server = lab.routed()
        agent = lab.agent(router)
        for i, action in enumerate(("drop", "reset")):
            agent.attach("lan", "--action", action, "--workers", "4")
            agent.run("block-domain", BLOCKED)
            for family in (4, 6):
                quic_flows(suite, client, server, family, f"IPv{family}, {action}",
                           QUIC_PORT + 20 * i + 100 * family)
        small_route(client, 4)
        before = agent.json("stats")["counters"]
        quic_flows(suite, client, server, 4, "IPv4 in fragments", QUIC_PORT + 50)
        after = agent.json("stats")["counters"]
        cut = after["kernel_fragments_later"] - before["kernel_fragments_later"]
        whole = after["fragments_whole"] - before["fragments_whole"]
        suite.check(cut > 40, "the client's datagrams were in fragments", f"{cut}")
        suite.check(whole >= 2, "and were put together", f"{whole}")
        agent.detach()


def tunnel(client, server):
    """A VXLAN between the ends, with addresses of its own."""
    for i, (h, own, other) in enumerate(((client, net.CLIENT[4], net.SERVER[4]),
                                         (server, net.SERVER[4], net.CLIENT[4]))):
        h.ip("link", "add", "vx0", "type", "vxlan", "id", "42", "dstport", "4789", "local", own,
             "remote", other)
        for family in (4, 6):
            more = ["nodad"] if family == 6 else []
            h.ip("addr", "add", f"{INNER[family][i]}/{INNER[family][2]}", "dev", "vx0", *more)
        h.ip("link", "set", "vx0", "up")


def falls_silent(client, family, scheme, address, port):
    """True when a blocked name is not answered: a server may be faster than one verdict on a busy
    machine (net.silence), not than all."""
    return any(net.is_silent(client, BLOCKED, family, scheme, address=address, port=port)
               for _ in range(net.TRIES))


def vxlan(suite):
    with net.Lab() as lab:
        client, router, server = lab.routed()
        tunnel(client, server)
        lab.serve(server)
        agent = lab.agent(router)
        agent.attach("lan")
        agent.run("block-domain", BLOCKED)
        for family in (4, 6):
            far = INNER[family][1]
            suite.check(net.reaches(client, ALLOWED, family, address=far),
                        f"IPv{family}: an allowed name in the tunnel is reached")
            suite.check(falls_silent(client, family, "https", far, net.TLS_PORT),
                        f"IPv{family}: a blocked name in the tunnel is not", "it answers each time")
            suite.check(falls_silent(client, family, "http", far, 8080),
                        f"IPv{family}: nor in clear text", "it answers each time")
        flows = [c for c in agent.json("flows")["flows"] if INNER[4][1] in (c["src_ip"], c["dst_ip"])]
        suite.check(any(c["blocked"] and c["domain"] == BLOCKED for c in flows),
                    "the flow is the one inside, with its name", f"{flows}")
        count = agent.json("stats")["counters"]["kernel_tunnel_vxlan"]
        suite.check(count > 20, "tunnels are counted", f"{count}")
        agent.run("block-ip", net.SERVER[4])
        suite.check(net.is_silent(client, ALLOWED, 4, address=INNER[4][1]),
                    "a blocked end of the tunnel stops all of it")
        agent.run("unblock-ip", net.SERVER[4])
        agent.run("block-ip", INNER[4][1])
        suite.check(net.is_silent(client, ALLOWED, 4, address=INNER[4][1]),
                    "a blocked address inside is not reached")
        suite.check(net.reaches(client, ALLOWED, 6, address=INNER[6][1]), "its neighbour is")
        agent.detach()


if __name__ == "__main__":
    net.main([udp], ("ip", "nsenter", "curl"), together=[vxlan])
