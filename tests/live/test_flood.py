#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
A thousand flows are blocked, then a million SYNs come from random sources: every verdict must still
stand, and an innocent flow that runs all the while must lose nothing.
"""
import socket
import struct
import time

import net

VERDICTS, SYNS, SYN_RATE, GOOD_RATE = 1000, 1000000, 100000, 5000
FIRST_PORT = 0x7000  # 1,024 source ports from here on, so that one mask covers them
SYN_PORT, GOOD_PORT = 9999, 9
CLOSE_HARD = struct.pack("ii", 1, 0)


def block_one(client, port, hello):
    """One connection from a known port that says the blocked name and goes away without a word."""
    s = client.socket(socket.AF_INET, socket.SOCK_STREAM)
    with s:
        s.settimeout(2)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((net.CLIENT[4], port))
        s.connect((net.SERVER[4], net.TLS_PORT))
        s.sendall(hello)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, CLOSE_HARD)
        time.sleep(0.0005)


def probes(client, router, ports):
    """One data frame for each flow between the ports and the server."""
    macs = router.mac("lan"), client.mac("eth0")
    return [net.ether(net.tcp_packet(4, net.CLIENT[4], net.SERVER[4], p, net.TLS_PORT, 1, 1,
                                     net.ACK | net.PSH, b"probe"), *macs) for p in ports]


def flood(suite):
    with net.Lab() as lab:
        client, router, server, agent = lab.guarded("blocked.example")
        hello = net.client_hello("www.blocked.example")
        ports = range(FIRST_PORT, FIRST_PORT + VERDICTS)
        for port in ports:
            block_one(client, port, hello)
        meter = server.meter("eth0").add(4, "sport", FIRST_PORT, 0xfc00)
        meter.add(4, "dport", SYN_PORT).add(4, "dport", GOOD_PORT).add(4, "sport", 0x6000, 0xfc00)

        twins = net.Blast(client, "eth0", 2000, VERDICTS, probes(client, router, range(0x6000, 0x63e8)))
        twins = twins.end(now=False)
        before = net.Blast(client, "eth0", 2000, VERDICTS, probes(client, router, ports)).end(now=False)
        time.sleep(0.2)
        passed, _, _, twins_passed = meter.read()
        suite.check(twins_passed == twins == VERDICTS, f"{twins} probes of innocent flows arrive",
                    f"{twins_passed} came")
        suite.check(passed == 0, f"{VERDICTS} verdicts are made", f"{passed} of {before} probes passed")

        macs = router.mac("lan"), client.mac("eth0")
        good = net.udp_packet(4, net.CLIENT[4], net.SERVER[4], 40000, GOOD_PORT, b"y" * 64)
        syn = net.tcp_packet(4, net.CLIENT[4], net.SERVER[4], 1, SYN_PORT, 1, 0, net.SYN)
        queues = lab.lost_by_wires()
        innocent = net.Blast(client, "eth0", GOOD_RATE, GOOD_RATE * 60, [net.ether(good, *macs)])
        syns = net.Blast(client, "eth0", SYN_RATE, SYNS, [net.ether(syn, *macs)], "syn").end(now=False)
        sent = innocent.end()
        probed = net.Blast(client, "eth0", 2000, VERDICTS, probes(client, router, ports)).end(now=False)
        time.sleep(0.3)
        after, syns_seen, arrived, _ = meter.read()
        suite.check(syns == SYNS and syns_seen > SYNS * 0.9, f"{syns} SYNs were sent",
                    f"{syns} sent, {syns_seen} came through")
        suite.check(probed == VERDICTS and after == passed,
                    f"{VERDICTS} of {VERDICTS} verdicts stand after the flood",
                    f"{after - passed} probes passed")
        queues, lost = lab.lost_by_wires() - queues, syns + sent - syns_seen - arrived
        suite.check((arrived == sent or lost <= queues) and sent > GOOD_RATE,
                    f"all of {sent} innocent packets arrive, but for {sent - arrived} that the wires lost",
                    f"{sent - arrived} lost; of all frames {lost}, and {queues} of them by wires")
        suite.check(net.reaches(client, "allowed.example", 4), "then a new innocent flow is answered",
                    "no answer")
        wrong = net.silence(agent, lambda: net.ask(client, 4, net.TLS_PORT, [hello]))
        suite.check(not wrong, "and a new flow of the blocked name is not", wrong)
        agent.detach()


if __name__ == "__main__":
    net.main([flood], ("ip", "tc", "nsenter", "openssl", "curl"))
