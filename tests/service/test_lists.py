#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
Lists in the service without an agent: added over HTTP, fetched by the command from a web server, then
heard in captures that are uploaded and in records that are handed in; and again when a list has
changed behind the same rules.
"""
import http.server
import json
import os
import subprocess
import tempfile
import threading

from service import PROGRAM, TOP, Serve, main

BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
TUPLE = {"src_ip": "10.0.0.5", "dst_ip": "45.5.5.5", "src_port": 40000, "dst_port": 443, "protocol": "TCP"}


class Web(http.server.BaseHTTPRequestHandler):
    body = b""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_):
        pass


def fate(serve, name):
    a = serve.ask("POST", "/ingest", json.dumps({"tuple": TUPLE, "size": 100, "domain": name}),
                  {"Content-Type": "application/json"})
    data = a.json()["data"]
    return data["status"], data["reason"]


def refresh(serve, *args):
    return subprocess.run([PROGRAM, "rules", "refresh", *args], env=serve.env, capture_output=True, text=True,
                          timeout=60, check=False)


def capture_of(directory):
    """A made capture and the names of its flows over TCP."""
    path = os.path.join(directory, "in.pcap")
    subprocess.run([os.path.join(BUILD, "tests/bench/gen_capture"), "--shape", "bench", "--flows", "100",
                    "--active", "20", "--out", path, "--manifest", path + ".tsv"], check=True)
    r = subprocess.run([PROGRAM, "analyze", path, "/dev/null", "--quiet", "--json", "-"], capture_output=True,
                       check=True)
    rows = [c for c in json.loads(r.stdout)["connections"] if c["protocol"] == "TCP" and c["domain"]]
    return path, sorted({c["domain"] for c in rows})


def lists(suite, serve, url):
    a = serve.ask("POST", "/lists/ads", json.dumps({"source": url, "every": "12h"}),
                  {"Content-Type": "application/json"})
    suite.check(a.status == 200 and a.json()["changed"] and not a.json()["in_force"], "a list is added", a)
    row = serve.ask("GET", "/lists").json()["lists"][0]
    suite.check(row["state"] == "missing" and row["every_s"] == 43200 and row["source"] == url,
                "it is told, not fetched yet", row)
    suite.check(fate(serve, "a.ads.example")[0] == "forwarded", "and does nothing until then")
    r = refresh(serve)
    suite.check(r.returncode == 0 and "2 names" in r.stdout, "the command fetches it", r.stdout + r.stderr)
    row = serve.ask("GET", "/lists").json()["lists"][0]
    suite.check(row["state"] == "stored" and row["names"] == 2 and row["loaded"], "which is told", row)
    suite.check(fate(serve, "a.ads.example") == ("dropped", "list:ads"), "a record is judged by it",
                fate(serve, "a.ads.example"))
    suite.check(fate(serve, "a.free.example")[0] == "forwarded", "and others pass")


def captures(suite, serve, directory):
    path, names = capture_of(directory)
    Web.body = f"0.0.0.0 {names[0]}\n".encode()
    r = refresh(serve, "ads")
    suite.check(r.returncode == 0 and "1 names" in r.stdout, "a changed list is fetched", r.stdout + r.stderr)
    suite.check(fate(serve, "a.ads.example")[0] == "forwarded" and
                fate(serve, names[0]) == ("dropped", "list:ads"), "records are judged by what is in it now")
    with open(path, "rb") as f:
        report = serve.ask("PUT", "/analyze", f.read(), {"Content-Type": "application/octet-stream"}).json()
    reasons = {(c["domain"], c["block_reason"]) for c in report["blocked_connections"]
               if c["protocol"] == "TCP"}
    suite.check(reasons == {(names[0], "list:ads")}, "an uploaded capture is judged by it", reasons)
    suite.check([r["rule"] for r in report["rules"]] == ["list:ads"], "the list is one rule", report["rules"])


def test_lists(suite):
    Web.body = b"||ads.example^\n0.0.0.0 tracker.example\n"
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="dpi-lists-") as directory, Serve() as serve:
        lists(suite, serve, f"http://127.0.0.1:{web.server_port}/ads.txt")
        captures(suite, serve, directory)
        a = serve.ask("DELETE", "/lists/ads")
        suite.check(a.status == 200 and a.json()["changed"], "a list is taken away", a)
        suite.check(not serve.ask("GET", "/lists").json()["lists"], "and gone")
    web.shutdown()


if __name__ == "__main__":
    main([test_lists])
