# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
What /openapi.json promises, held against what the service does: every operation of it is called, with
good input and with bad, and what comes back is checked against the schema that it names itself. An
operation without samples here is a failure: a new route brings its own.
"""
import json
import re
import socket
import struct

import jsonschema

PROBLEM = "application/problem+json"


def capture():
    """A capture of one DNS question."""
    dns = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07youtube\x03com\x00\x00\x01\x00\x01"
    udp = struct.pack("!HHHH", 40000, 53, 8 + len(dns), 0) + dns
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, socket.inet_aton("10.0.0.5"),
                     socket.inet_aton("45.5.5.5")) + udp
    frame = b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip
    return (struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1) +
            struct.pack("<IIII", 1700000000, 0, len(frame), len(frame)) + frame)


def multipart(data):
    return (b"--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pcap\"\r\n"
            b"Content-Type: application/octet-stream\r\n\r\n" + data + b"\r\n--edge--\r\n")


TUPLE = {"src_ip": "10.0.0.5", "dst_ip": "45.5.5.5", "src_port": 40000, "dst_port": 443, "protocol": "TCP"}
JSON, RAW, FORM = "application/json", "application/octet-stream", "multipart/form-data; boundary=edge"

# operation: (good, bad); good: (path, body, type); bad: the same and the statuses that are right.
# LIVE operations tell of a running agent: without one they are 503.
LIVE = {"getStats", "getStatsApps", "getStatsConnections", "getStatsWorkers", "getFlows", "getReady", "whatIf",
        "refreshList"}
NEEDS_AGENT = (422, 503)  # found by the agent; without one nobody looks
SAMPLES = {  # by operationId
    "getStats": ([("/stats", None, None)], []),
    "getStatsApps": ([("/stats/apps", None, None)], []),
    "getStatsConnections": ([("/stats/connections", None, None), ("/stats/connections?limit=1&sort=newest", None, None)],
                            [("/stats/connections?limit=0", None, None, 422),
                             ("/stats/connections?limit=1001", None, None, 422),
                             ("/stats/connections?limit=x", None, None, 422),
                             ("/stats/connections?sort=size", None, None, 422),
                             ("/stats/connections?limit=%zz", None, None, 400),
                             ("/stats/connections?page=2", None, None, 422), ("/stats/connections?cursor=xyz", None, None, 422)]),
    "getStatsWorkers": ([("/stats/workers", None, None)], []),
    "getFlows": ([("/flows", None, None), ("/flows?limit=1000", None, None)],
                 [("/flows?limit=-1", None, None, 422), ("/flows?cursor=../..", None, None, 422)]),
    "getRules": ([("/rules", None, None)], []),
    "putRules": ([("/rules", '{"rules":[{"kind":"app","value":"tiktok"},{"kind":"ip","action":"allow","value":"10.1.0.0/16"}]}', JSON),
                  ("/rules", "[BLOCKED_APPS]\nYouTube\n", "text/plain"), ("/rules", "# nothing\n", None),
                  ("/rules", '{"rules":[{"kind":"domain","value":"co.uk"}],"force":true}', JSON),
                  ("/rules", '{"rules":[{"kind":"app","value":"TikTok","when":"mon-fri 21:00-07:00, sat"}]}', JSON),
                  ("/rules", "[BLOCKED_APPS]\nTikTok mon\nTikTok until 2099-01-01\n", "text/plain"),
                  ("/rules", '{"rules":[]}', JSON)],
                 [("/rules", '{"rules":[{"kind":"app","value":"no such"}]}', JSON, 422),
                  ("/rules", '{"rules":[{"kind":"ip","value":"1.2.3"}]}', JSON, 422),
                  ("/rules", '{"rules":[{"kind":"app","value":"TikTok","when":"someday"}]}', JSON, 422),
                  ("/rules", "[BLOCKED_APPS]\nTikTok mon 25:00-26:00\n", "text/plain", 422),
                  ("/rules", '{"rules":[{"kind":"port","value":"0"}]}', JSON, 422),
                  ("/rules", '{"rules":[{"kind":"domain","value":"co.uk"}]}', JSON, 422),
                  ("/rules", "[BLOCKED_IPS]\nnone\n", "text/plain", 422), ("/rules", "{", JSON, 400),
                  ("/rules", None, None, 400), ("/rules", "x", "application/xml", 415)]),
    "whatIf": ([("/what-if", '{"changes":[{"kind":"app","value":"tiktok"}]}', JSON),
                ("/what-if", '{"changes":[{"kind":"ip","action":"allow","value":"10.0.0.0/8"},'
                             '{"kind":"app","value":"YouTube","remove":true},'
                             '{"kind":"app","value":"Netflix","when":"sat,sun"}],"limit":1000}', JSON),
                ("/what-if", "[BLOCKED_APPS]\nYouTube\n", "text/plain")],
               [("/what-if", '{"changes":[{"kind":"app","value":"no such"}]}', JSON, NEEDS_AGENT),
                ("/what-if", '{"changes":[{"kind":"mac","value":"x"}]}', JSON, 422),
                ("/what-if", '{"changes":[]}', JSON, 422), ("/what-if", "{}", JSON, 422),
                ("/what-if", '{"changes":[{"kind":"app","value":"TikTok"}],"limit":0}', JSON, 422),
                ("/what-if", '{"changes":[{"kind":"app","value":"TikTok","when":"someday"}]}', JSON, NEEDS_AGENT),
                ("/what-if", "[BLOCKED_IPS]\nnone\n", "text/plain", NEEDS_AGENT), ("/what-if", "{", JSON, 400)]),
    "getRulesHistory": ([("/rules/history", None, None)], []),
    "getRulesChange": ([("/rules/history/1", None, None)],
                       [("/rules/history/0", None, None, 404), ("/rules/history/x", None, None, 404),
                        ("/rules/history/4000000000", None, None, 422)]),
    "rollBackRules": ([("/rules/rollback/1", None, None), ("/rules/rollback/1", "{}", JSON)],
                      [("/rules/rollback/0", None, None, 404), ("/rules/rollback/-1", None, None, 404),
                       ("/rules/rollback/4000000000", None, None, 422)]),
    "getRulesOfKind": ([(f"/rules/{k}", None, None) for k in
                        ("ip", "port", "app", "domain", "allow-ip", "allow-app", "allow-domain")],
                       [("/rules/mac", None, None, 404)]),
    "addRule": ([("/rules/app/YOUTUBE", None, None), ("/rules/app/YOUTUBE", None, None),
                 ("/rules/ip/1.2.3.4", None, None), ("/rules/ip/10.0.0.0/8", None, None),
                 ("/rules/ip/10.64.0.0%2F10", None, None), ("/rules/ip/2001:db8::/32", None, None),
                 ("/rules/ip/src:10.0.0.7", None, None), ("/rules/domain/*.example.org", None, None),
                 ("/rules/domain/%3Dexact.example.org", None, None), ("/rules/domain/b%C3%BCcher.example", None, None),
                 ("/rules/domain/co.uk?force=true", None, None), ("/rules/domain/com", '{"force":true}', JSON),
                 ("/rules/port/6881", None, None), ("/rules/port/8888/tcp", None, None),
                 ("/rules/allow-ip/10.1.1.1", "{}", JSON), ("/rules/allow-app/GitHub", None, None),
                 ("/rules/app/TikTok?learnt=1", None, None), ("/rules/app/category:social", None, None),
                 ("/rules/app/TikTok?for=30m", None, None), ("/rules/app/Netflix", '{"for":"1h30m"}', JSON),
                 ("/rules/domain/a.example?when=mon-fri%2021:00-07:00&until=2099-01-01T00:00", None, None)],
                [("/rules/app/TikTok?for=0s", None, None, 422), ("/rules/app/TikTok?for=1h&until=21:30", None, None, 422),
                 ("/rules/app/TikTok?until=2020-01-01", None, None, 422), ("/rules/app/TikTok?when=never", None, None, 422),
                 ("/rules/app/TikTok", '{"for":30}', JSON, 422),
                 ("/rules/app/YouTub", None, None, 422), ("/rules/ip/300.1.1.1", None, None, 422),
                 ("/rules/ip/1.2.3.4/33", None, None, 422), ("/rules/port/70000", None, None, 422),
                 ("/rules/port/80/icmp", None, None, 422), ("/rules/domain/co.uk", None, None, 422),
                 ("/rules/domain/a..example", None, None, 422), ("/rules/domain/%0A%5BBLOCKED_IPS%5D", None, None, 422),
                 ("/rules/mac/x", None, None, 404), ("/rules/app/%FF%FE", None, None, 422),
                 ("/rules/app/" + "a" * 2000, None, None, 422), ("/rules/app/YouTube", '{"force":1}', JSON, 422),
                 ("/rules/app/YouTube", "x=1", "application/x-www-form-urlencoded", 415),
                 ("/rules/app/YouTube", "{", JSON, 400)]),
    "removeRule": ([("/rules/app/YouTube", None, None), ("/rules/app/YouTube", None, None),
                    ("/rules/port/8888/tcp", None, None)],
                   [("/rules/app/nonesuch", None, None, 422), ("/rules/what/x", None, None, 404),
                    ("/rules/app/YouTube?for=1h", None, None, 422)]),
    "getLists": ([("/lists", None, None)], [("/lists?name=ads", None, None, 422)]),
    "addList": ([("/lists/ads?source=http://127.0.0.1:9/ads.txt", None, None),
                 ("/lists/ads", '{"source":"https://127.0.0.1:9/a.txt","every":"12h"}', JSON),
                 ("/lists/good", '{"source":"http://127.0.0.1:9/g.txt","action":"allow"}', JSON)],
                [("/lists/ads", None, None, 422), ("/lists/ads", '{"source":"/etc/hosts"}', JSON, 422),
                 ("/lists/ads", '{"source":"file:///etc/hosts"}', JSON, 422),
                 ("/lists/ads", '{"source":"http://a.example/","every":"1s"}', JSON, 422),
                 ("/lists/ads", '{"source":"http://a.example/","action":"hide"}', JSON, 422),
                 ("/lists/%2e%2e%2fx?source=http://a.example/", None, None, (404, 422)),
                 ("/lists/ads", "{", JSON, 400)]),
    "refreshList": ([("/lists/ads/refresh", None, None)],
                    [("/lists/ads/refresh", "{", JSON, 400),
                     ("/lists/ads/refresh?accept=1", None, None, 422)]),
    "removeList": ([("/lists/good?action=allow", None, None), ("/lists/good", None, None),
                    ("/lists/never", None, None)],
                   [("/lists/ads?action=hide", None, None, 422)]),
    "getPause": ([("/pause", None, None)], [("/pause?for=1h", None, None, 422)]),
    "pause": ([("/pause", None, None), ("/pause?for=15m", None, None), ("/pause", '{"for":"1h"}', JSON),
               ("/pause?until=2099-01-01T00:00:00Z", None, None), ("/pause?for=15m&fleet=true", None, None),
               ("/pause", '{"for":"1h","fleet":true}', JSON)],
              [("/pause?for=x", None, None, 422), ("/pause?until=2020-01-01", None, None, 422),
               ("/pause?for=1h&until=21:30", None, None, 422), ("/pause?when=mon", None, None, 422), ("/pause?fleet=true", None, None, 422),
               ("/pause?for=25h&fleet=true", None, None, 422), ("/pause", '{"for":"1h","fleet":1}', JSON, 422),
               ("/pause", '{"for":1}', JSON, 422), ("/pause", "{", JSON, 400)]),
    "resume": ([("/pause", None, None), ("/pause", None, None), ("/pause?fleet=true", None, None)],
               [("/pause?for=1h", None, None, 422)]),
    "analyzeForm": ([("/analyze", multipart(capture()), FORM),
                     ("/analyze?block-app=YouTube&block-domain=example.org&block-ip=9.9.9.9&block-port=53", multipart(capture()), FORM)],
                    [("/analyze", b"", FORM, (400, 422)), ("/analyze", multipart(b"no capture"), FORM, (400, 422)),
                     ("/analyze?block-app=nonesuch", multipart(capture()), FORM, 422),
                     ("/analyze?app=YouTube", multipart(capture()), FORM, 422),
                     ("/analyze", b"x", "text/plain", 415)]),
    "analyzeBytes": ([("/analyze", capture(), RAW), ("/analyze", capture(), None)],
                [("/analyze", b"no capture at all, not even nearly one", RAW, (400, 422)),
                 ("/analyze?block-port=x", capture(), RAW, 422), ("/analyze", b"{}", JSON, 415)]),
    "ingest": ([("/ingest", json.dumps({"tuple": TUPLE, "size": 100, "domain": "www.youtube.com"}), JSON),
                ("/ingest", json.dumps({"tuple": TUPLE, "size": 1}), JSON)],
               [("/ingest", "{}", JSON, 422), ("/ingest", "{", JSON, 400), ("/ingest", "[]", JSON, 422),
                ("/ingest", json.dumps({"tuple": dict(TUPLE, src_ip="x"), "size": 1}), JSON, 422),
                ("/ingest", json.dumps({"tuple": dict(TUPLE, src_port=70000), "size": 1}), JSON, 422),
                ("/ingest", "a=b", "application/x-www-form-urlencoded", 415)]),
    "followEvents": ([("/events", None, None)], []),
    "getHealth": ([("/health", None, None)], []),
    "getReady": ([("/ready", None, None)], []),
    "getMetrics": ([("/metrics", None, None)], []),
    "getOpenapi": ([("/openapi.json", None, None)], []),
}


class Contract:
    """suite: with check(good, name, why)."""

    def __init__(self, suite, serve, has_agent):
        self.suite, self.serve, self.has_agent = suite, serve, has_agent
        self.spec = serve.ask("GET", "/openapi.json").json()

    def all(self, rows, name):
        bad = [what for what, good in rows if not good]
        self.suite.check(rows and not bad, f"{name} ({len(rows)})", f"{len(bad)}, the first: {bad[:3]}"[:600])

    def fits(self, schema, value):
        """Why a value does not fit a schema of the description; "" when it does."""
        jsonschema.Draft202012Validator.check_schema(schema)
        resolver = jsonschema.RefResolver("", self.spec)
        errors = list(jsonschema.Draft202012Validator(schema, resolver=resolver).iter_errors(value))
        return "; ".join(f"{'/'.join(map(str, e.absolute_path))}: {e.message[:120]}" for e in errors[:3])

    def problem(self, a, statuses):
        """Why an answer is not the problem document that it should be."""
        if a.status not in statuses:
            return f"{a}, not {statuses}"
        if a.headers["Content-Type"] != PROBLEM:
            return f"type {a.headers['Content-Type']}"
        doc = a.json()
        why = self.fits({"$ref": "#/components/schemas/Problem"}, doc)
        return why or ("" if doc["status"] == a.status and len(doc["detail"]) > 10 else f"{doc}")

    def ask(self, method, path, body, media):
        return self.serve.ask(method, path, body, {"Content-Type": media} if media else None)

    def stream(self, path):
        """The head of an answer that goes on."""
        with self.serve.connect() as s:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            got = b""
            while b"\r\n\r\n" not in got:
                part = s.recv(4096)
                if not part:
                    break
                got += part
        return got

    def good(self, method, op, path, body, media):
        name, (kind, content) = op["operationId"], next(iter(op["responses"]["200"]["content"].items()))
        if kind == "text/event-stream":
            head = self.stream(path)
            return "" if b" 200 " in head[:20] and b"text/event-stream" in head else f"{head[:200]}"
        a = self.ask(method, path, body, media)
        if name in LIVE and not self.has_agent:
            return self.problem(a, (503,))
        if a.status != 200:
            return f"{a}"
        if not a.headers["Content-Type"].startswith(kind):
            return f"type {a.headers['Content-Type']}, not {kind}"
        same = self.ask(method, "/api/v1" + path, body, media)
        if same.status != 200:
            return f"under /api/v1: {same}"
        return self.fits(content["schema"], a.json()) if kind == JSON else ""

    def operation(self, method, path, op):
        name = op["operationId"]
        if name not in SAMPLES:
            self.suite.check(False, f"{name}", f"no samples for {method} {path} in contract.py")
            return
        good, bad = SAMPLES[name]
        rows = []
        for p, body, media in good:
            why = self.good(method.upper(), op, p, body, media)
            rows.append((f"{p}: {why}", not why))
        for p, body, media, statuses in bad:
            a = self.ask(method.upper(), p, body, media)
            why = self.problem(a, statuses if isinstance(statuses, tuple) else (statuses,))
            rows.append((f"{p}: {why}", not why))
        self.all(rows, f"{method.upper()} {path}")

    def methods(self, path):
        """Methods that a path does not have, by any template that it fits, are 405, and it says which
        it has."""
        good = {"get": "GET", "put": "PUT", "post": "POST", "delete": "DELETE"}
        at = path.replace("{kind}", "app").replace("{value}", "YouTube").replace("{number}", "1")
        known = set()
        for template, ops in self.spec["paths"].items():
            form = re.sub(r"\{(\w+)\}", lambda m: ".+" if m[1] == "value" else "[^/]+", template)
            known |= set(ops) if re.fullmatch(form, at) else set()
        rows = []
        for m in ("GET", "PUT", "POST", "DELETE", "PATCH", "TRACE"):
            if m.lower() in known:
                continue
            a = self.serve.ask(m, at)
            allow = {x.strip() for x in (a.headers["Allow"] or "").split(",")} - {"HEAD"}
            rows.append((f"{m} {at}: {a} {allow}", a.status == 405 and allow == {good[k] for k in known}))
        return rows

    def run(self):
        names = [op["operationId"] for ops in self.spec["paths"].values() for op in ops.values()]
        self.suite.check(self.spec["openapi"] == "3.1.0" and len(set(names)) == len(names) and
                         set(names) == set(SAMPLES), "every operation has samples, every sample an operation",
                         set(names) ^ set(SAMPLES))
        headings = {path: {t for op in ops.values() for t in op["tags"]} for path, ops in self.spec["paths"].items()}
        self.suite.check(all(len(t) == 1 for t in headings.values()) and headings["/flows"] == {"traffic"} and
                         headings["/what-if"] == headings["/rules/{kind}/{value}"] == {"rules"} and
                         headings["/analyze"] == {"captures"} and headings["/health"] == {"service"},
                         "each path stands under one heading of the documentation", headings)
        for path, ops in self.spec["paths"].items():
            for method, op in ops.items():
                self.operation(method, path, op)
        self.all([row for path in self.spec["paths"] for row in self.methods(path)],
                       "other methods are 405 and name those that are right")
        a = self.serve.ask("GET", "/nothing/here")
        self.suite.check(not self.problem(a, (404,)), "what is not there is a problem document", a)
