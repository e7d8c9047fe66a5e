#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
The dashboard beside a running agent: what passes is seen as it passes, a click on Block ends an open
transfer and no other, the message tells what was hit, one click undoes it, and names that mean to be
more than names stay text. What the browser does is in tests/service/dashboard.mjs.

`--shots DIRECTORY` keeps screenshots.
"""
import json
import os
import subprocess
import sys
import threading
import time

import net

sys.path.insert(0, os.path.join(net.TOP, "tests", "service"))
import service  # noqa: E402
import test_dashboard as page  # noqa: E402

APP, NAME, INNOCENT = "TikTok", "www.tiktok.com", "allowed.example"
STOP_S = 1.0  # from before the click until the last byte: the browser's time is in it
HOSTILE = [b"odd-<img src=x onerror=window.__pwn=1>.example", b"odd-a\xe2\x80\xaeb.example",
           b"odd-\"onmouseover=window.__pwn=2.example", b"odd-</script><script>window.__pwn=3</script>.example"]
SHOWN = ["odd-<img src=x onerror=window.__pwn=1>.example", "odd-a\\xe2\\x80\\xaeb.example",
         "odd-\"onmouseover=window.__pwn=2.example", "odd-</script><script>window.__pwn=3</script>.example"]


class Talk(threading.Thread):
    """Something new every 100 ms, so that there are events."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.client, self.done, self.asked = client, False, 0
        self.start()

    def run(self):
        while not self.done:
            net.curl(self.client, f"n{self.asked % 4}.{INNOCENT}", 4, "http", timeout=2)
            self.asked += 1
            time.sleep(0.1)


def ask_hostile(client):
    for name in HOSTILE:
        with net.connect(client, 4, net.HTTP_PORT) as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: " + name + b"\r\n\r\n")
            net.answer_bytes(s, 0.3)


class Points:
    """What the test does at the points where the browser waits."""

    def __init__(self, suite, client):
        self.suite, self.client = suite, client
        self.bad, self.good = net.Transfer(client, 4, NAME), net.Transfer(client, 4, INNOCENT)

    def before(self):
        self.suite.check(self.bad.bytes > 10000 and self.good.bytes > 10000, "two transfers are running",
                         f"{self.bad.bytes} and {self.good.bytes} bytes")
        self.clicked_at = time.monotonic()

    def clicked(self):
        time.sleep(STOP_S + 0.5)
        took, bytes_ = self.bad.last - self.clicked_at, self.good.bytes
        self.suite.check(took < STOP_S, "a click on Block ends the open transfer",
                         f"its last byte came {took:.2f} s after")
        net.curl(self.client, NAME, 4, "http", timeout=1)
        self.suite.check(net.wait_for(lambda: self.good.bytes > bytes_), "the other transfer goes on")

    def paused(self):
        time.sleep(1)

    def undone(self):
        again = net.Transfer(self.client, 4, NAME)
        self.suite.check(net.wait_for(lambda: again.bytes > 10000, 5), "after Undo a new transfer passes")
        again.close()

    def close(self):
        self.bad.close()
        self.good.close()


def played(suite, command, points):
    """Reads what the browser tells; answers where it waits."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as p:
        try:
            for line in p.stdout:
                said = json.loads(line)
                if "at" not in said:
                    suite.check(said["good"], said["name"], said["why"])
                    continue
                getattr(points, said["at"])()
                p.stdin.write("go on\n")
                p.stdin.flush()
        finally:
            p.terminate()


def dashboard(suite):
    why = page.obstacle()
    if why:
        return suite.skip("dashboard", why)
    with net.Lab() as lab:
        client, server = lab.paired()
        lab.serve(server)
        agent = lab.agent(client)
        agent.attach("eth0")
        env = {k: agent.env[k] for k in ("DPI_XDP_RUN_DIR", "DPI_XDP_STATE_DIR")}
        try:
            with service.Serve(env=env, wrap=client.cmd(), open_socket=client.socket) as s:
                points, talk = Points(suite, client), Talk(client)
                ask_hostile(client)
                play = {"scenario": "live", "app": APP, "name": NAME, "interface": "eth0",
                        "hostile": SHOWN}
                played(suite, client.cmd(*page.command(s.dir, s.url, [play])), points)
                talk.done = True
                talk.join()
                points.close()
        finally:
            agent.detach()


if __name__ == "__main__":
    service.main([dashboard])
