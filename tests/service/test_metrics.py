#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
GET /metrics of a service without an agent: what promtool says of it, in which formats it comes, that
answers are counted by route and never by the path that was sent; and the alerts, each silent and
heard in its turn. What it says of a running agent is in tests/live/test_metrics_live.py.
"""
import os
import re
import shutil
import subprocess

import service

ALERTS = os.path.join(service.TOP, "scripts", "alerts.yml")
ALERTS_TEST = os.path.join(service.TOP, "tests", "service", "alerts_test.yml")
PAGE_MAX = 64 * 1024


def promtool(*args, given=None):
    return subprocess.run(["promtool", *args], input=given, capture_output=True, text=True, timeout=60)


def values(page):
    """{series: value} of a page."""
    return {name: float(v) for name, v in
            (line.rsplit(" ", 1) for line in page.splitlines() if line and not line.startswith("#"))}


def scrape(serve, accept=None):
    return serve.ask("GET", "/metrics", headers={"Accept": accept} if accept else None)


def without_agent(suite):
    with service.Serve() as s:
        got = scrape(s)
        page = got.body.decode()
        v = values(page)
        suite.check(got.status == 200 and got.headers["Content-Type"] ==
                    "text/plain; version=0.0.4; charset=utf-8", "text format 0.0.4", got.headers)
        suite.check(v.get("dpi_xdp_agent_up") == 0 and "dpi_xdp_engine_up" not in v,
                    "an agent that is away is a 0, not an error", page[:300])
        r = promtool("check", "metrics", given=page)
        suite.check(r.returncode == 0 and not r.stderr, "promtool has nothing to say", r.stderr)
        again = scrape(s, "text/html")
        suite.check(again.headers["Content-Type"].startswith("text/plain"),
                    "who asks for something else gets text", again.headers)
        v1 = scrape(s, None).status
        suite.check(v1 == 200 and s.ask("GET", "/api/v1/metrics").status == 200,
                    "under /api/v1 as well")


def open_metrics(suite):
    with service.Serve() as s:
        got = scrape(s, "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
        page = got.body.decode()
        suite.check(got.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
                    and page.endswith("# EOF\n"), "OpenMetrics when asked for", got.headers)
        types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.M))
        series = {re.match(r"[a-z0-9_]+", line)[0] for line in page.splitlines()
                  if line and line[0] != "#"}
        suite.all(((n, n in types or (n.endswith("_total") and types.get(n[:-6]) == "counter"))
                   for n in series), "each OpenMetrics value has a family")
        suite.check(not [n for n in types if n.endswith("_total")],
                    "no OpenMetrics family ends in _total")


def plain_rules(suite):
    """What holds for every family of the text format."""
    with service.Serve() as s:
        page = scrape(s).body.decode()
    types = re.findall(r"^# TYPE (\S+) (\S+)$", page, re.M)
    helps = re.findall(r"^# HELP (\S+) \S", page, re.M)
    suite.check([n for n, _ in types] == helps and len(set(helps)) == len(helps),
                "each family has help and type, once")
    suite.all(((n, n.startswith("dpi_xdp_") and (t == "counter") == n.endswith("_total"))
               for n, t in types), "counters alone end in _total")


def answers_counted(suite):
    def answers(path):
        return f'dpi_xdp_serve_answers_total{{method="{path[0]}",path="{path[1]}",status="{path[2]}"}}'
    with service.Serve() as s:
        for _ in range(3):
            s.ask("GET", "/health")
        for i in range(50):
            s.ask("GET", f"/rules/nokind{i}")
            s.ask("GET", f"/no/such/path/{i}")
            s.ask("DELETE", f"/health?{i}")
        page = scrape(s).body.decode()
        v = values(page)
        suite.check(v.get(answers(("GET", "/health", "2xx"))) == 3, "answers are counted by route",
                    [k for k in v if "answers" in k])
        suite.check(v.get(answers(("GET", "/rules/{kind}", "4xx"))) == 50,
                    "a path's template is the label, not the path",
                    [k for k in v if "answers" in k])
        suite.check(sum(n for k, n in v.items() if "answers_total" in k) >= 153 and
                    "nokind" not in page and "such" not in page, "nothing that was sent is a label")
        suite.check(len(page) <= PAGE_MAX, f"a page of {len(page)} bytes is at most {PAGE_MAX}")


def alerts(suite):
    r = promtool("check", "rules", ALERTS)
    suite.check(r.returncode == 0, "promtool accepts the alerts", r.stderr + r.stdout)
    r = promtool("test", "rules", ALERTS_TEST)
    suite.check(r.returncode == 0, "each alert is silent and heard in its turn", r.stderr + r.stdout)
    with open(ALERTS) as a, open(ALERTS_TEST) as t:
        names = set(re.findall(r"- alert: (\w+)", a.read()))
        tested = set(re.findall(r"alertname: (\w+)", t.read()))
    suite.check(names and names == tested, f"all {len(names)} alerts have a test", names ^ tested)


if __name__ == "__main__":
    if not shutil.which("promtool"):
        print("FAIL setup: promtool is not installed (Debian: prometheus)")
        raise SystemExit(1)
    service.main([without_agent, open_metrics, plain_rules, answers_counted, alerts])
