#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
A sanitizer build of the agent under everything a user does at once: traffic of all kinds through a
router, rules changed while it runs, every reading command, a killed engine and a killed supervisor,
detach. DPI_XDP names the build. A sanitizer's report, which goes to a file of its own because the
agent has no terminal, is a failure.
"""
import os
import signal
import socket
import tempfile
import threading

import net

import quic  # net knows where

ROUNDS = 6
NAMES = ["www.tiktok.com", "github.com", "www.wikipedia.org", "sub.blocked.example"]


def traffic(client, done):
    """Hellos, requests and questions, whole and in pieces, until told to stop."""
    while not done.is_set():
        for i, name in enumerate(NAMES):
            family = (4, 6)[i % 2]
            hello = net.client_hello(name, 1200)
            net.ask(client, family, net.TLS_PORT, [hello[:700], hello[700:]], timeout=0.1)
            head = net.http_request(name)
            net.ask(client, family, net.HTTP_PORT, [head[:9], head[9:]], timeout=0.1)
            net.dig(client, [name, "q." + name], family, timeout=1)


def odd_traffic(client, router, done):
    """QUIC, tunnels of every kind, and IP fragments, until told to stop."""
    macs = router.mac("lan"), client.mac("eth0")
    port = 30000
    with client.raw("eth0", False) as raw, client.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect((net.SERVER[4], net.ECHO_PORT))
        while not done.is_set():
            for i, name in enumerate(NAMES):
                port = 30000 + (port + 1) % 20000
                hello = quic.client_hello(name.encode())
                udp.send(quic.initial(quic.crypto(0, hello), os.urandom(8), number=0))
                frame = net.ether(net.tcp_packet(4, net.CLIENT[4], net.SERVER[4], port, net.TLS_PORT, 1000,
                                                 1, net.ACK | net.PSH, net.client_hello(name)), *macs)
                for kind in net.CARRIERS:
                    raw.send(net.carried(frame, kind))
                for piece in net.fragments(frame, 160, port) + \
                        net.fragments(net.carried(frame, "vxlan"), 160, port + 1):
                    raw.send(piece)
            done.wait(0.01)


def changes(agent):
    for _ in range(ROUNDS):
        for command in (["block-app", "TikTok"], ["block-domain", "blocked.example"],
                        ["allow-domain", "github.com"], ["block-ip", "203.0.113.9"],
                        ["block-port", "6881"], ["block-app", "DNS"], ["unblock-app", "DNS"],
                        ["why", "www.tiktok.com"], ["status"], ["stats"], ["flows"], ["apps"],
                        ["report"], ["report", "-j"], ["events"], ["rules"],
                        ["what-if", "unblock-app", "TikTok", ",", "block-port", "443"],
                        ["what-if", "load", "/dev/null", "-j"], ["what-if", "rollback", "-j"],
                        ["rules", "history"], ["rules", "diff"], ["rules", "rollback"],
                        ["rules", "rollback", "-j"],
                        ["unblock-app", "TikTok"], ["unblock-port", "6881"]):
            agent.run(*command)


def together(suite):
    with tempfile.TemporaryDirectory() as logs, net.Lab() as lab:
        os.chmod(logs, 0o777)
        for name in ("ASAN", "UBSAN", "TSAN"):
            os.environ[name + "_OPTIONS"] = f"log_path={logs}/{name} exitcode=99"
        client, router, server, agent = lab.guarded()
        done = threading.Event()
        senders = [threading.Thread(target=traffic, args=(client, done)) for _ in range(2)]
        senders.append(threading.Thread(target=odd_traffic, args=(client, router, done)))
        for s in senders:
            s.start()
        try:
            changes(agent)
            supervisor, engine = agent.pids()
            os.kill(engine, signal.SIGKILL)
            changes(agent)
            os.kill(agent.pids()[0], signal.SIGKILL)
            agent.attach("lan")
            changes(agent)
            seen = agent.json("report")
        finally:
            done.set()
            for s in senders:
                s.join()
        agent.detach()
        suite.check({"tls", "http", "dns", "quic"} <= {n["source"] for c in seen["connections"]
                                               for n in c["names"]},
                    "names of all kinds were found", f"{seen['domains_detected']}")
        reports = sorted(os.listdir(logs))
        text = "".join(open(os.path.join(logs, r), errors="replace").read() for r in reports)
        suite.check(not reports, "no sanitizer has anything to say", text[:4000])


if __name__ == "__main__":
    net.main([together], ("ip", "nsenter", "openssl", "dig"))
