#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
GET /metrics beside a running agent: its numbers are the agent's own; promtool has nothing to say; a
real Prometheus scrapes it, and every query of the Grafana board gives data; names seen by the
thousand (--full: a million) leave the page as short as it was, and are nowhere in it.
"""
import errno
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

import net

sys.path.insert(0, os.path.join(net.TOP, "tests", "service"))
import service  # noqa: E402

BOARD = os.path.join(net.TOP, "scripts", "grafana-dashboard.json")
PAGE_MAX = 64 * 1024
NAMES = 1000000 if "--full" in sys.argv else 10000
RATE = 20000  # frames a second
BLOCKED, INNOCENT = "www.tiktok.com", "www.youtube.com"
SCRAPE_S = 2 if NAMES > 100000 else 0.5  # full tables take their time


class Place:
    """client - router with agent and service - server."""

    def __init__(self, lab):
        self.lab = lab
        self.client, self.router, self.server = lab.routed()
        lab.serve(self.server)
        self.agent = lab.agent(self.router)
        self.agent.attach("lan")
        self.agent.run("block-app", "TikTok")
        self.agent.run("block-domain", "ads.example.com")
        self.agent.run("allow-ip", "10.99.0.0/16")
        self.redis = os.path.join(lab.dir, "redis")
        self.redis_server = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.redis, "--save", "",
             "--dir", lab.dir], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        lab.children.append(self.redis_server)
        self.serve = service.Serve(
            "--redis", "unix:" + self.redis, env={k: self.agent.env[k] for k in ("DPI_XDP_RUN_DIR", "DPI_XDP_STATE_DIR")},
            wrap=self.router.cmd(), open_socket=self.router.socket)

    def traffic(self):
        for name in (INNOCENT, BLOCKED):
            net.ask(self.client, 4, net.TLS_PORT, [net.client_hello(name)], timeout=0.2)
        net.curl(self.client, "www.netflix.com", 4, "http", "/sized/20000", timeout=1)

    def page(self):
        return self.serve.ask("GET", "/metrics").body.decode()


def values(page):
    return {name: float(v) for name, v in
            (line.rsplit(" ", 1) for line in page.splitlines() if line and line[0] != "#")}


def social_bytes(agent):
    return sum(a["bytes"] for a in agent.json("apps")["apps"] if a["category"] == "social")


def numbers(suite, p):
    p.traffic()
    net.wait_for(lambda: p.agent.json("stats")["counters"]["names"] >= 3, 3)
    time.sleep(0.3)  # little is sent any more, so most of two looks is the same
    social = [social_bytes(p.agent)]
    stats, page, after = p.agent.json("stats"), p.page(), p.agent.json("stats")
    social.append(social_bytes(p.agent))
    v = values(page)
    r = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True,
                       text=True, timeout=30)
    suite.check(r.returncode == 0 and not r.stderr, "promtool has nothing to say", r.stderr)
    still = {k: n for k, n in stats["counters"].items() if after["counters"][k] == n}
    told = set(v.values())
    suite.check(len(still) > 80 and not [k for k, n in still.items() if n not in told],
                f"each of {len(still)} counters is told",
                [k for k, n in still.items() if n not in told])
    suite.check("a counter of the agent" not in page, "and has words of its own",
                [l for l in page.splitlines() if "a counter of the agent" in l])
    same = {"dpi_xdp_packets_total": "packets", "dpi_xdp_late_packets_total": "late",
            "dpi_xdp_kernel_dropped_packets_total": "kernel_dropped_packets",
            "dpi_xdp_flows_blocked_total": "verdicts"}
    suite.check(all(stats["counters"][k] <= v[m] <= after["counters"][k]
                    for m, k in same.items()), "and with its own value",
                {m: (v[m], stats["counters"][k]) for m, k in same.items()})
    suite.check(0 < social[0] <= v['dpi_xdp_category_bytes_total{category="social"}'] <=
                social[1],
                "a category is the sum of its applications", social)
    wanted = {"dpi_xdp_agent_up": 1, "dpi_xdp_engine_up": 1,
              'dpi_xdp_interface_protected{interface="lan"}': 1,
              'dpi_xdp_rules{kind="app",action="block"}': 1,
              'dpi_xdp_rules{kind="ip",action="allow"}': 1,
              'dpi_xdp_map_entries{map="verdicts"}': 1,
              'dpi_xdp_map_entries{map="nets"}': 1}
    suite.check(all(v.get(k) == n for k, n in wanted.items()), "rules, interfaces and maps",
                {k: v.get(k) for k, n in wanted.items() if v.get(k) != n})


def send_all(host, frames):
    """Sends frames at RATE, each once. Returns how many."""
    begin, sent = time.monotonic(), 0
    with host.raw("eth0", receive=False) as s:
        for frame in frames:
            while True:
                try:
                    s.send(frame)
                    break
                except OSError as e:
                    if e.errno != errno.ENOBUFS:
                        raise
                    time.sleep(0.001)
            sent += 1
            if sent % 200 == 0:
                time.sleep(max(0.0, begin + sent / RATE - time.monotonic()))
    return sent


def many_names(suite, p):
    p.traffic()
    before = p.page()
    macs = p.router.mac("lan"), p.client.mac("eth0")
    frames = [net.ether(net.udp_packet(4, net.CLIENT[4], net.SERVER[4], 1024 + i % 60000, 53,
                                       net.dns_query(f"n{i:07d}.seen.example", i & 0xffff)),
                        *macs) for i in range(NAMES)]
    sent = send_all(p.client, frames)
    net.wait_for(lambda: p.agent.json("stats")["counters"]["names"] >= 0.9 * NAMES, 10, 0.2)
    page, names = p.page(), p.agent.json("stats")["counters"]["names"]
    suite.check(sent == NAMES and names >= 0.9 * NAMES, f"{NAMES} names were asked for",
                f"{sent} sent, {names} seen")
    suite.check(len(page) <= PAGE_MAX and len(page) < len(before) * 1.1,
                f"{names} names seen: a page of {len(page)} bytes, {len(before)} before them",
                f"{len(page)} bytes, {len(before)} before")
    suite.check("seen.example" not in page and net.CLIENT[4] not in page,
                "no name and no address is in it")


class Prometheus:
    """A real one in a host's namespace, scraping one service."""

    def __init__(self, lab, host, port):
        self.host = host
        where = os.path.join(lab.dir, "prometheus")
        os.makedirs(where)
        config = os.path.join(where, "prometheus.yml")
        with open(config, "w") as f:
            json.dump({"global": {"scrape_interval": f"{int(SCRAPE_S * 1000)}ms",
                                  "scrape_timeout": f"{int(SCRAPE_S * 1000)}ms",
                                  "evaluation_interval": "1s"},
                       "rule_files": [os.path.join(net.TOP, "scripts", "alerts.yml")],
                       "scrape_configs": [{"job_name": "dpi-xdp", "static_configs":
                                           [{"targets": [f"127.0.0.1:{port}"]}]}]}, f)
        self.log = open(os.path.join(where, "log"), "w+")
        self.p = host.spawn("prometheus", "--config.file=" + config, "--storage.tsdb.path=" + where,
                            "--web.listen-address=127.0.0.1:9090", stdout=self.log, stderr=self.log)

    def wait_ready(self):
        if not net.wait_for(lambda: self.get("/-/ready")[0] == 200, 20, 0.1):
            self.log.seek(0)
            raise RuntimeError("prometheus does not start: " + self.log.read()[-500:])

    def get(self, path):
        try:
            s = self.host.socket(socket.AF_INET, socket.SOCK_STREAM)
            s.settimeout(10)
            s.connect(("127.0.0.1", 9090))
        except OSError:
            return 0, b""
        c = http.client.HTTPConnection("localhost")
        c.sock = s
        try:
            c.request("GET", path)
            r = c.getresponse()
            return r.status, r.read()
        finally:
            c.close()

    def query(self, expr):
        """What an expression gives: a list of values, or the text of an error."""
        status, body = self.get("/api/v1/query?" + urllib.parse.urlencode({"query": expr}))
        said = json.loads(body)
        if said["status"] != "success":
            return said["error"]
        return [r["value"][1] for r in said["data"]["result"]]


def board_queries():
    """(panel, expression) of the board, its variables filled in."""
    with open(BOARD) as f:
        board = json.load(f)
    for panel in board["panels"]:
        for t in panel.get("targets", []):
            yield panel["title"], t["expr"]
    for a in board["annotations"]["list"]:
        if "expr" in a:
            yield None, a["expr"]


def filled(expr):
    return expr.replace("$__rate_interval", "10s").replace("$instance", ".*")


def board(suite, p, prometheus):
    busy = threading.Event()

    def go_on():
        while not busy.is_set():
            p.traffic()
    t = threading.Thread(target=go_on, daemon=True)
    t.start()
    net.wait_for(lambda: (prometheus.query("count_over_time(dpi_xdp_agent_up[1m])") or
                          ["0"])[0] >= "3", 15, 0.1)
    suite.check(net.wait_for(lambda: prometheus.query('up{job="dpi-xdp"}') == ["1"], 5, 0.1),
                "Prometheus scrapes the service",
                prometheus.get("/api/v1/targets")[1][:600])
    page = p.page()
    names = set(re.findall(r"^# TYPE (\S+)", page, re.M))
    queries = list(board_queries())
    used = {n for _, e in queries for n in re.findall(r"\bdpi_xdp_\w+", e)}
    suite.check(len(used) > 50 and used <= names, f"all {len(used)} metrics of the board exist",
                sorted(used - names))
    bad = []
    for panel, expr in queries:
        got = prometheus.query(filled(expr))
        if isinstance(got, str) or (panel and not [x for x in got if x != "NaN"]):
            bad.append((panel, expr, got))
    suite.check(len(queries) > 60 and not bad,
                f"all {len(queries)} queries of the board give data", bad[:3])
    moved = net.wait_for(lambda: [x for x in prometheus.query(
        "sum(rate(dpi_xdp_packets_total[10s]))") if float(x) > 0], 5, 0.2)
    busy.set()
    t.join()
    suite.check(moved, "and the rate of packets is one", moved)
    status, body = prometheus.get("/api/v1/rules")
    rules = [r for g in json.loads(body)["data"]["groups"] for r in g["rules"]]
    suite.check(len(rules) > 8 and all(r["health"] in ("ok", "unknown") for r in rules) and
                not [r for r in rules if r["state"] == "firing"],
                "a real Prometheus takes the alerts, and none is heard while all is well",
                [(r["name"], r["health"], r["state"]) for r in rules])


def redis_away(suite, p):
    v = values(p.page())
    suite.check(v.get("dpi_xdp_fleet_connected") == 1 and v.get("dpi_xdp_fleet_version", 0) >= 1 and
                v.get("dpi_xdp_fleet_rules") == 3 and v.get("dpi_xdp_fleet_sync_age_seconds", 99) < 10,
                "a fleet is told", {k: n for k, n in v.items() if "fleet" in k})
    p.redis_server.kill()
    p.redis_server.wait()
    suite.check(net.wait_for(lambda: values(p.page())["dpi_xdp_fleet_connected"] == 0, 5, 0.1),
                "a Redis that is away is a 0")


def beside_an_agent(suite):
    with net.Lab() as lab:
        p = Place(lab)
        with p.serve:
            prometheus = Prometheus(lab, p.router, p.serve.port)
            numbers(suite, p)
            many_names(suite, p)
            prometheus.wait_ready()
            board(suite, p, prometheus)
            redis_away(suite, p)
            p.agent.detach()
            suite.check(net.wait_for(lambda: values(p.page())["dpi_xdp_agent_up"] == 0, 3),
                        "an agent that ended is a 0")


def board_form(suite):
    """What Grafana wants of a board that is imported."""
    with open(BOARD) as f:
        b = json.load(f)
    ids = [p["id"] for p in b["panels"]]
    variables = [v["name"] for v in b["templating"]["list"]]
    suite.check(b["schemaVersion"] >= 38 and len(set(ids)) == len(ids) and b["id"] is None and
                variables[0] == "datasource", "the board's form", variables)
    rows = {}
    for p in b["panels"]:
        g = p["gridPos"]
        for y in range(g["y"], g["y"] + g["h"]):
            for x in range(g["x"], g["x"] + g["w"]):
                if x >= 24 or (x, y) in rows:
                    rows["bad"] = p["title"]
                rows[(x, y)] = p["title"]
    suite.check("bad" not in rows, "no panel covers another", rows.get("bad"))
    wrong = [t["datasource"] for p in b["panels"] for t in p.get("targets", [])
             if t["datasource"] != {"type": "prometheus", "uid": "${datasource}"}]
    suite.check(not wrong, "every panel asks the chosen data source", wrong[:1])


if __name__ == "__main__":
    for tool in ("promtool", "prometheus", "redis-server"):
        if not shutil.which(tool):
            print(f"FAIL setup: {tool} is not installed; scripts/install-deps does that")
            sys.exit(1)
    sys.argv = [a for a in sys.argv if a != "--full"]
    net.main([beside_an_agent, board_form])
