#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
Event lines of a running agent: they come at once, each once, over the death of an engine and of an
agent; they agree with their schema and with the kernel's counts; a flood of strange hellos makes few
lines, and those left out are counted to the last.

`--full` sends 1,000,000 of them, and waits for the ends of flows.
"""
import glob
import json
import os
import signal
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time

import net

sys.path.insert(0, os.path.join(net.TOP, "tests", "service"))
import eve  # noqa: E402
import packets  # noqa: E402

FULL = "--full" in sys.argv
ECHOES = 500


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
        client, router, server, agent = lab.guarded()
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


def log_of(path):
    """Every line of a log and of what was put aside of it, oldest first."""
    rest = sorted(glob.glob(path + ".*"), key=lambda p: -int(p.rsplit(".", 1)[1]))
    lines = []
    for p in rest + [path]:
        if os.path.exists(p):
            with open(p, encoding="ascii") as f:
                lines += f.read().splitlines()
    return lines


def wait_echo(client, path):
    """A flow of which the engine sees the beginning alone, and the minute until it is told of."""
    with client.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(2)
        s.connect((net.SERVER[4], net.ECHO_PORT))
        for _ in range(ECHOES):
            s.send(b"x" * 100)
            s.recv(1000)
    net.wait_for(lambda: any(e["event_type"] == "flow" and e.get("dest_port") == net.ECHO_PORT
                             for e in map(json.loads, log_of(path))), 90, 0.5)


def sound(suite):
    """Lines of real traffic, with a block, over the death of the engine; and its stats."""
    fault = eve.validator()
    with net.Lab() as lab:
        client, router, server, agent = lab.guarded("blocked.example")
        agent.run("block-port", "8080/tcp")
        path = os.path.join(lab.dir, "events.json")
        p = router.spawn(net.PROGRAM, "events", "--follow", "-o", path, env=agent.env, text=True,
                         stderr=subprocess.PIPE)
        suite.check(net.wait_for(lambda: os.path.exists(path), 3), "events --output starts")
        net.curl(client, "www.sized.example", 4, path="/sized/300000")
        net.ask(client, 4, net.HTTP_PORT, [net.http_request("www.blocked.example")])
        net.reaches(client, "www.six.example", 6, "http")
        with client.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect((net.SERVER[4], net.DNS_PORT))
            s.send(net.dns_query("asked.example", 1))
            s.recv(1000)

        with client.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
            s.settimeout(0.1)
            s.connect_ex((net.SERVER[4], 8080))

        def has(kind):
            return lambda: any(json.loads(l)["event_type"] == kind for l in log_of(path))

        def by_port():
            return [e for e in map(json.loads, log_of(path)) if e["event_type"] == "drop" and
                    e["dpi_xdp"]["rule"] == "port:8080/tcp"]
        for kind in ("tls", "http", "dns", "drop", "stats"):
            net.wait_for(has(kind), 10, 0.05)
        net.wait_for(by_port, 10, 0.05)
        if FULL:
            wait_echo(client, path)
        engine = agent.pids()[1]
        os.kill(engine, signal.SIGKILL)
        net.wait_for(lambda: agent.pids()[1] not in (None, 0, engine), 3)
        net.reaches(client, "www.later.example", 4)
        net.wait_for(lambda: any("www.later.example" in l for l in log_of(path)), 5, 0.05)
        # The new engine's first line of counters: a second after its start, of all traffic so far.
        net.wait_for(lambda: any(e["event_type"] == "stats" and
                                 e["stats"]["dpi_xdp"]["kernel_rx_packets"] > 20
                                 for e in map(json.loads, log_of(path))), 12, 0.05)
        p.send_signal(signal.SIGTERM)
        said = p.communicate(timeout=10)[1]
        lines = log_of(path)
        reader, faults = eve.Reader(), []
        for line in lines:
            why = fault(json.loads(line))
            try:
                reader.take(line)
            except (KeyError, ValueError, TypeError) as e:
                why = why or f"{type(e).__name__}: {e}"
            if why:
                faults.append(f"{why}: {line[:300]}")
        suite.check(not faults, f"{len(lines)} live lines agree with the schema and with a reader of "
                    "Suricata's log", faults[:2])
        suite.check({"www.sized.example", "www.later.example"} <= reader.names["tls"] and
                    {"www.blocked.example", "www.six.example"} <= reader.names["http"] and
                    "asked.example" in reader.names["dns"] and
                    any(d["dpi_xdp"]["rule"] == "domain:blocked.example" for d in reader.drops),
                    "with every name and the verdict, before and after the engine's death",
                    dict(reader.names))
        drops = by_port()
        suite.check(len(drops) == 1 and drops[0]["dest_port"] == 8080,
                    "a flow that the kernel drops by itself is told of, once", drops)
        events = [json.loads(l) for l in lines]
        ifaces = {e.get("in_iface") for e in events if e["event_type"] in ("tls", "dns", "http")}
        suite.check(ifaces == {"lan"}, "and the interface that they were seen on", ifaces)
        if FULL:
            echo = [e["flow"] for e in reader.flows.values() if e.get("dest_port") == net.ECHO_PORT]
            suite.check(len(echo) == 1 and echo[0]["pkts_toserver"] == ECHOES and
                        echo[0]["bytes_toclient"] == ECHOES * (14 + 20 + 8 + 100),
                        "a flow's end has the kernel's counts", echo)
        suite.check(reader.stats and reader.stats["dpi_xdp"]["kernel_rx_packets"] > 20 and
                    reader.stats["decoder"]["pkts"] > 20 and "events_limited" in
                    reader.stats["dpi_xdp"], "and stats has every counter", reader.stats)
        suite.check("started again" in said, "that the engine is another one is told", said)


def flood(suite):
    """Hellos with a strange name, each of another sender."""
    count, rate = (1000000, 20000) if FULL else (20000, 15000)
    hello = packets.record(packets.client_hello(b"a\x1b]0;owned\x07\xff.example"))
    with net.Lab() as lab:
        client, router, server = lab.routed()
        agent = lab.agent(router)
        agent.attach("lan")
        path = os.path.join(lab.dir, "events.json")
        p = router.spawn(net.PROGRAM, "events", "--follow", "-o", path, "--rotate", "64M", env=agent.env,
                         stderr=subprocess.PIPE, text=True)
        frame = net.ether(net.tcp_packet(4, net.CLIENT[4], net.SERVER[4], 40000, 443, 1, 1,
                                         net.PSH | net.ACK, hello), router.mac("lan"), client.mac("eth0"))
        sent = net.Blast(client, "eth0", rate, count, [frame], "syn").end(now=False)
        time.sleep(1)
        counters = agent.json("stats")["counters"]
        wait = 70 if FULL else 0
        time.sleep(wait)  # flows end, and are told of
        p.send_signal(signal.SIGTERM)
        said = p.communicate(timeout=10)[1]
        after = agent.json("stats")["counters"]
        lines = [json.loads(l) for l in log_of(path)]
        size = sum(os.path.getsize(n) for n in glob.glob(path + "*"))
        kinds = {k: sum(e["event_type"] == k for e in lines) for k in eve.KNOWN}
        limited = {k[len("events_limited_"):]: v for k, v in after.items()
                   if k.startswith("events_limited_")}
        suite.check(counters["names"] > count / 4 and
                    kinds["tls"] + limited["tls"] == after["names"],
                    f"of {sent} strange hellos {after['names']} were read, {kinds['tls']} told and "
                    f"{limited['tls']} counted, to the last", (kinds, limited, counters["names"], said))
        suite.check(kinds["anomaly"] + limited["anomaly"] >= after["names"] and
                    limited["anomaly"] > count / 8, "and so with their anomalies", (kinds, limited))
        seconds = {}
        for e in lines:
            if e["event_type"] in ("tls", "anomaly"):
                key = e["event_type"], e["timestamp"][:19], e.get("anomaly", {}).get("event")
                seconds[key] = seconds.get(key, 0) + 1
        most = max(seconds.values())
        suite.check(most <= 150, f"never more than {most} of a kind in a second", seconds)
        suite.check(size <= 10 << 20, f"the log has {size / 2**20:.1f} MiB ({kinds})", size)


if __name__ == "__main__":
    sys.argv = [a for a in sys.argv if a != "--full"]
    net.main([delay, sound, flood])
