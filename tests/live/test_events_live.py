#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
Event lines of a running agent: they come at once, each once, over the death of an engine and of an
agent; who stops reading holds up nobody.
"""
import contextlib
import json
import os
import signal
import socket
import statistics
import struct
import subprocess
import threading
import time

import net


# --- the control socket, as control/wire.h has it ---------------------------------------------
def request(agent, **fields):
    """Sends one request and leaves the connection open."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(os.path.join(agent.run_dir, "control"))
    body = json.dumps(fields).encode()
    s.sendall(struct.pack("!III", 0, len(body), 0) + body)
    return s


def answer(s):
    """The whole answer: (status, lines, instance, first, next)."""
    with s:
        kind, out, err = struct.unpack("!III", net.exact(s, 12))
        lines, where = net.exact(s, out), net.exact(s, err)
    instance, first, after = where.decode().split()
    return kind, lines, instance, int(first), int(after)


def events(agent, after="", wait=0):
    return answer(request(agent, command="events", after=after, wait=wait))


class Reader:
    """`dpi-xdp events --follow`, its lines and when each came."""

    def __init__(self, host, agent, *args):
        self.p = host.spawn(net.PROGRAM, "events", "--follow", *args, env=agent.env, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines, self.times = [], []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.p.stdout:
            self.times.append(time.monotonic())
            self.lines.append(json.loads(line))

    def when(self, name, timeout=3):
        """When the line that names `name` came, or None."""
        def find():
            return next((t for t, l in zip(self.times, list(self.lines))
                         if l.get("dns", {}).get("rrname") == name), None)
        return net.wait_for(find, timeout, 0.001)


def delay(suite):
    with net.Lab() as lab:
        client, router, server = lab.routed()
        lab.serve(server)
        agent = lab.agent(router)
        agent.attach("lan")
        reader = Reader(router, agent)
        took = []
        with client.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect((net.SERVER[4], net.DNS_PORT))
            for i in range(40):
                time.sleep(0.03)
                start = time.monotonic()
                s.send(net.dns_query(f"n{i}.example", i))
                took.append((reader.when(f"n{i}.example") or start + 9) - start)
        p50, worst = statistics.median(took) * 1000, max(took) * 1000
        suite.check(p50 < 30, f"a name is told within some 10 ms (median {p50:.1f} ms, worst "
                    f"{worst:.1f})", took)


if __name__ == "__main__":
    net.main([delay])
