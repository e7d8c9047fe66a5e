#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
The service against those who mean it ill: pages of other sites, wrong tokens, requests that two
programs would read in two ways, paths that climb, bodies that blow up, and clients that only hold
their place. `--full` does the long ones at full length.
"""
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import contract
import service
from service import Serve, status_of

FULL = "--full" in sys.argv
BODY_MAX, FIELDS_MAX, TARGET_MAX = 1048576, 8192, 4096


def rules_of(serve):
    return [r["rule"] for r in serve.ask("GET", "/rules").json()["rules"]]


# --- pages of other sites -----------------------------------------------------------------------
def csrf(suite):
    with Serve() as s:
        own = f"http://127.0.0.1:{s.port}"
        evil = "https://evil.example"
        form, plain, multi = ("application/x-www-form-urlencoded", "text/plain",
                              "multipart/form-data; boundary=x")
        rows = [  # what, method, headers, status
            ("form", "POST", {"Origin": evil, "Content-Type": form}, 403),
            ("text", "POST", {"Origin": evil, "Content-Type": plain}, 403),
            ("multipart", "POST", {"Origin": evil, "Content-Type": multi}, 403),
            ("JSON", "POST", {"Origin": evil, "Content-Type": "application/json"}, 403),
            ("no body", "POST", {"Origin": evil}, 403),
            ("sandboxed frame", "POST", {"Origin": "null", "Content-Type": "application/json"}, 403),
            ("without Origin, by Sec-Fetch-Site", "POST", {"Sec-Fetch-Site": "cross-site"}, 403),
            ("another port of this host", "POST", {"Origin": "http://127.0.0.1:1"}, 403),
            ("same site", "DELETE", {"Sec-Fetch-Site": "same-site"}, 403),
            ("old browser's form, by Referer", "POST", {"Referer": evil + "/page", "Content-Type": form}, 403),
            ("own page's form", "POST", {"Origin": own, "Content-Type": form}, 415),
            ("own page's text", "POST", {"Origin": own, "Content-Type": plain}, 415),
            ("own page without type", "POST", {"Origin": own, "Sec-Fetch-Site": "same-origin"}, 415),
            ("PUT of text by the own page", "PUT", {"Origin": own, "Content-Type": plain}, 415),
        ]
        got = []
        for what, method, headers, status in rows:
            path = "/rules" if method == "PUT" else "/rules/app/YouTube"
            body = "x=1" if "Content-Type" in headers else None
            a = s.ask(method, path, body, headers)
            got.append((f"{what}: {a}", a.status == status))
        suite.all(got, "writes by pages are refused")
        suite.check(rules_of(s) == [], "no rule was changed", rules_of(s))
        a = s.ask("POST", "/rules/app/YouTube", None, {"Origin": own, "Content-Type": "application/json",
                                                       "Sec-Fetch-Site": "same-origin"})
        suite.check(a.status == 200, "the own page writes with application/json", a)
        a = s.ask("DELETE", "/rules/app/YouTube")
        suite.check(a.status == 200 and not rules_of(s), "a client that is no browser writes without", a)
        reads = [(h, s.ask("GET", "/rules", headers=h).status) for h in (
            {"Origin": evil}, {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"})]
        suite.all([(f"{h} {got}", got == 403) for h, got in reads], "reads by other sites are refused")
        a = s.ask("GET", "/", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})
        suite.check(a.status == 200, "a link from elsewhere may be followed", a)
        a = s.ask("OPTIONS", "/rules", headers={"Origin": evil, "Access-Control-Request-Method": "PUT"})
        suite.check(a.status == 403 and not a.headers["Access-Control-Allow-Origin"],
                    "another site's question before a write gets no leave", a)


def rebinding(suite):
    with Serve("--allow-host", "dpi.lan", "--allow-origin", "https://board.example") as s:
        p = s.port
        rows = [("localhost", 200), (f"localhost:{p}", 200), ("127.0.0.1", 200), (f"[::1]:{p}", 200),
                (f"dpi.lan:{p}", 200), ("DPI.LAN", 200),
                ("evil.example", 421), (f"evil.example:{p}", 421), ("127.0.0.1.evil.example", 421),
                ("localhost.evil.example", 421), ("127.0.0.2", 421), ("0.0.0.0", 421), ("[::]", 421),
                ("localhost:80:80", 421), ("localhost.", 421), ("127.1", 421), ("2130706433", 421),
                ("user@localhost", 421)]
        suite.all([(f"Host {host}: {a}", a.status == want) for host, want in rows
                   for a in [s.ask("GET", "/health", headers={"Host": host})]], "Host values")
        rows = [(f"http://127.0.0.1:{p}", 200), ("https://board.example", 200), ("https://evil.example", 403),
                (f"https://127.0.0.1:{p}", 403), ("http://127.0.0.1", 403), ("null", 403),
                (f"http://127.0.0.1:{p}.evil.example", 403), (f"http://evil.example#127.0.0.1:{p}", 403),
                ("https://board.example.evil.example", 403), ("http://board.example", 403), ("file://", 403),
                (f"http://localhost:{p}", 403)]
        suite.all([(f"Origin {origin}: {a}", a.status == want) for origin, want in rows
                   for a in [s.ask("GET", "/rules", headers={"Origin": origin})]], "Origin values")
        a = s.ask("GET", "/rules", headers={"Origin": "https://board.example"})
        suite.check(a.headers["Access-Control-Allow-Origin"] == "https://board.example",
                    "a listed origin is let in by name", a.headers)


# --- the token ----------------------------------------------------------------------------------
def token(suite):
    tries = 1000 if FULL else 150
    with Serve() as plain:
        path = os.path.join(plain.dir, "token")
        with Serve("--token-file", path) as s:
            right = open(path).read().strip()
            suite.check(os.stat(path).st_mode & 0o777 == 0o600 and re.fullmatch("[0-9a-f]{64}", right),
                        "the token is made: 256 bits, mode 0600", oct(os.stat(path).st_mode))
            bear = {"Authorization": "Bearer " + right}
            a = s.ask("POST", "/rules/ip/1.2.3.4")
            suite.check(a.status == 401, "a write without it is refused", a)
            suite.check(s.ask("POST", "/rules/ip/1.2.3.4", headers=bear).status == 200, "with it it is done")
            own = {"Origin": f"http://127.0.0.1:{s.port}", "Content-Type": "application/json"}
            suite.check(s.ask("DELETE", "/rules/ip/1.2.3.4", headers=own).status == 200,
                        "the own page writes without it on this machine")
            time.sleep(1.1)
            wrong = [right[:-1] + ("0" if right[-1] != "0" else "1"), right[:-1], right + "0", "", right.upper() + "x",
                     "Bearer " + right, " " + right + " x"]
            statuses = []
            for w in wrong:
                statuses.append((w, s.ask("GET", "/rules", headers={"Authorization": "Bearer " + w}).status))
            suite.all([(str(r), r[1] == 401) for r in statuses], "nearly right tokens")
            time.sleep(1.1)
            began, got = time.monotonic(), []
            for i in range(tries):
                got.append(s.ask("GET", "/rules", headers={"Authorization": f"Bearer {i:064x}"}).status)
            took = time.monotonic() - began
            allowed = 10 * (int(took) + 2)
            suite.check(200 not in got and got[:10] == [401] * 10 and got.count(401) <= allowed and 429 in got,
                        f"of {tries} guesses none is right, and all but 10 a second are not looked at",
                        f"{ {g: got.count(g) for g in set(got)} } in {took:.1f} s")
            def right_after_wrong():
                """A second may end between the last guess and this."""
                for i in range(12):
                    s.ask("GET", "/rules", headers={"Authorization": f"Bearer {i:064x}"})
                return s.ask("GET", "/rules", headers=bear).status
            statuses = [right_after_wrong() for _ in range(3)]
            suite.check(429 in statuses, "nor is the right one then", statuses)
            a = s.ask("GET", "/rules", headers=bear, source="127.0.0.9")
            suite.check(a.status == 200, "another address is not held up by it", a)
    for mode, content, what in ((0o644, "a" * 64, "that others may read"), (0o600, "short", "too short")):
        with Serve() as s:
            bad = os.path.join(s.dir, "bad")
            with open(bad, "w") as f:
                f.write(content)
            os.chmod(bad, mode)
            r = subprocess.run([service.PROGRAM, "serve", "--listen", "127.0.0.1:0", "--token-file", bad],
                               capture_output=True, text=True, timeout=20, env=s.env)
            suite.check(r.returncode == 2 and bad in r.stderr, f"a token file {what} is refused", r)


def listening(suite):
    with Serve() as s:
        for where in ("0.0.0.0:0", "[::]:0", "192.0.2.1:80"):
            r = subprocess.run([service.PROGRAM, "serve", "--listen", where], capture_output=True, text=True,
                               timeout=20, env=s.env)
            suite.check(r.returncode == 2 and "--token-file" in r.stderr,
                        f"it does not listen on {where} without a token", r)
        path = os.path.join(s.dir, "t")
        with Serve("--token-file", path, listen="0.0.0.0:0") as open_:
            right = {"Authorization": "Bearer " + open(path).read().strip()}
            rows = [("GET", "/rules", None, 401), ("GET", "/rules", right, 200), ("GET", "/stats", None, 401),
                    ("POST", "/rules/ip/1.2.3.4", None, 401), ("POST", "/rules/ip/1.2.3.4", right, 200),
                    ("POST", "/rules/ip/1.2.3.5", {"Origin": f"http://127.0.0.1:{open_.port}",
                                                   "Content-Type": "application/json"}, 401),
                    ("GET", "/", None, 200), ("GET", "/health", None, 401), ("GET", "/ready", None, 401),
                    ("GET", "/metrics", None, 401), ("GET", "/events", None, 401), ("GET", "/docs", None, 200),
                    ("GET", "/openapi.json", None, 200), ("POST", "/analyze", None, 401), ("POST", "/ingest", None, 401)]
            open_.host = "127.0.0.1"
            suite.all([(f"{m} {p} {h}: {a}", a.status == want) for m, p, h, want in rows
                       for a in [open_.ask(m, p, headers=h)]], "beyond this machine all needs the token")
        sock = os.path.join(s.dir, "s")
        with Serve(listen="unix:" + sock) as u:
            suite.check(u.ask("POST", "/rules/ip/1.2.3.4").status == 200 and
                        os.stat(sock).st_mode & 0o777 == 0o660, "a unix socket needs none, and is 0660")


# --- shapes and sizes ---------------------------------------------------------------------------
def sizes(suite):
    with Serve() as s:
        host = f"Host: localhost\r\n"

        def target(n):
            return s.raw(f"GET /{'a' * (n - 1)} HTTP/1.1\r\n{host}\r\n".encode())[0]

        def fields(n):
            name = "X-A: "
            return s.raw(f"GET /health HTTP/1.1\r\n{host}{name}{'a' * (n - len(host) - len(name) - 2)}\r\n\r\n".encode())[0]

        def body(n, chunked=False):
            head = f"PUT /rules HTTP/1.1\r\n{host}Content-Type: text/plain\r\n"
            data = b"#\n" * (n // 2) + b"#" * (n % 2)
            if chunked:
                parts = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in
                                 (data[i:i + 60000] for i in range(0, n, 60000)))
                return s.raw(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + parts + b"0\r\n\r\n")[0]
            return s.raw(head.encode() + b"Content-Length: %d\r\n\r\n" % n + data)[0]

        rows = [("path", n, status_of(target(n)), 404 if n <= TARGET_MAX else 414)
                for n in (TARGET_MAX - 1, TARGET_MAX, TARGET_MAX + 1, 6000)]
        rows += [("fields", n, status_of(fields(n)), 200 if n <= FIELDS_MAX else 431)
                 for n in (FIELDS_MAX - 1, FIELDS_MAX, FIELDS_MAX + 1, 70000)]
        rows += [("body", n, status_of(body(n)), 200 if n <= BODY_MAX else 413)
                 for n in (BODY_MAX - 1, BODY_MAX, BODY_MAX + 1, 20000000)]
        rows += [("chunked body", n, status_of(body(n, True)), 200 if n <= BODY_MAX else 413)
                 for n in (BODY_MAX - 1, BODY_MAX, BODY_MAX + 1)]
        suite.all([(str(r), r[2] == r[3]) for r in rows], "limits are exact")


def smuggling(suite):
    h = b"Host: localhost\r\n"
    post = b"POST /rules/ip/1.2.3.4 HTTP/1.1\r\n"
    put = b"PUT /rules HTTP/1.1\r\n" + h + b"Content-Type: text/plain\r\n"
    get = b"GET /health HTTP/1.1\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n"
    tail = b"GET /smuggled HTTP/1.1\r\n" + h + b"\r\n"
    cases = {
        "CL and TE": put + b"Content-Length: 4\r\n" + chunked + b"\r\n0\r\n\r\n",
        "TE and CL": put + chunked + b"Content-Length: 4\r\n\r\n0\r\n\r\n",
        "two CL": put + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n##",
        "two equal CL": put + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n#",
        "CL list": put + b"Content-Length: 1, 1\r\n\r\n#",
        "CL plus": put + b"Content-Length: +1\r\n\r\n#",
        "CL minus": put + b"Content-Length: -1\r\n\r\n#",
        "CL hex": put + b"Content-Length: 0x1\r\n\r\n#",
        "CL blank inside": put + b"Content-Length: 1 1\r\n\r\n#",
        "CL empty": put + b"Content-Length: \r\n\r\n",
        "CL letters": put + b"Content-Length: one\r\n\r\n#",
        "CL dot": put + b"Content-Length: 1.0\r\n\r\n#",
        "CL beyond 64 bits": put + b"Content-Length: 99999999999999999999\r\n\r\n#",
        "CL wraps": put + b"Content-Length: 18446744073709551617\r\n\r\n#",
        "CL blank before colon": put + b"Content-Length : 1\r\n\r\n#",
        "CL tab before colon": put + b"Content-Length\t: 1\r\n\r\n#",
        "TE blank before colon": put + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "TE xchunked": put + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "TE chunked twice": put + chunked + chunked + b"\r\n0\r\n\r\n",
        "TE chunked, chunked": put + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "TE gzip, chunked": put + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "TE chunked, identity": put + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "TE identity": put + b"Transfer-Encoding: identity\r\n\r\n",
        "TE quoted": put + b"Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
        "TE empty": put + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n",
        "TE vertical tab": put + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        "TE parameter": put + b"Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
        "TE over two lines": put + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        "TE in HTTP/1.0": put.replace(b"1.1", b"1.0", 1) + chunked + b"\r\n0\r\n\r\n",
        "field over two lines": get + h + b"X-A: b\r\n c\r\n\r\n",
        "first field indented": get + b" X-A: b\r\n" + h + b"\r\n",
        "bare LF ends the request line": b"GET /health HTTP/1.1\n" + h + b"\r\n",
        "bare LF ends a field": get + b"Host: localhost\nX-A: b\r\n\r\n",
        "bare LF ends the head": get + h + b"\n",
        "bare LF twice": b"GET /health HTTP/1.1\nHost: localhost\n\n",
        "bare CR in a value": get + h + b"X-A: b\rContent-Length: 5\r\n\r\n",
        "bare CR in the request line": b"GET /health\r HTTP/1.1\r\n" + h + b"\r\n",
        "NUL in a value": get + h + b"X-A: b\0c\r\n\r\n",
        "NUL in a name": get + h + b"X\0A: b\r\n\r\n",
        "NUL in the path": b"GET /hea\0lth HTTP/1.1\r\n" + h + b"\r\n",
        "control byte in a value": get + h + b"X-A: \x01\r\n\r\n",
        "delete byte in a value": get + h + b"X-A: \x7f\r\n\r\n",
        "no colon": get + h + b"X-A b\r\n\r\n",
        "empty name": get + h + b": b\r\n\r\n",
        "blank in a name": get + h + b"X A: b\r\n\r\n",
        "UTF-8 in a name": get + h + "X-Ä: b\r\n\r\n".encode(),
        "two Hosts": get + h + b"Host: evil.example\r\n\r\n",
        "no Host": get + b"\r\n",
        "empty Host": get + b"Host:\r\n\r\n",
        "two blanks": b"GET  /health HTTP/1.1\r\n" + h + b"\r\n",
        "tab for a blank": b"GET\t/health\tHTTP/1.1\r\n" + h + b"\r\n",
        "blank at the end of the line": b"GET /health HTTP/1.1 \r\n" + h + b"\r\n",
        "no version": b"GET /health\r\n" + h + b"\r\n",
        "version in lower case": b"GET /health http/1.1\r\n" + h + b"\r\n",
        "version 1.10": b"GET /health HTTP/1.10\r\n" + h + b"\r\n",
        "version 01.1": b"GET /health HTTP/01.1\r\n" + h + b"\r\n",
        "whole URL for a path": b"GET http://evil.example/health HTTP/1.1\r\n" + h + b"\r\n",
        "CONNECT": b"CONNECT evil.example:443 HTTP/1.1\r\n" + h + b"\r\n",
        "star for a path": b"GET * HTTP/1.1\r\n" + h + b"\r\n",
        "fragment": b"GET /health#x HTTP/1.1\r\n" + h + b"\r\n",
        "UTF-8 in the path": "GET /hälth HTTP/1.1\r\n".encode() + h + b"\r\n",
        "empty line first": b"\r\n" + get + h + b"\r\n",
        "blank first": b" " + get + h + b"\r\n",
        "no method": b" /health HTTP/1.1\r\n" + h + b"\r\n",
        "method of a control byte": b"G\x01T /health HTTP/1.1\r\n" + h + b"\r\n",
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\n" * 20,
        "chunk size not hex": put + chunked + b"\r\nxyz\r\n###\r\n0\r\n\r\n",
        "chunk size negative": put + chunked + b"\r\n-1\r\n#\r\n0\r\n\r\n",
        "chunk size with 0x": put + chunked + b"\r\n0x1\r\n#\r\n0\r\n\r\n",
        "chunk size beyond 64 bits": put + chunked + b"\r\n11111111111111111\r\n#\r\n0\r\n\r\n",
        "chunk longer than its size": put + chunked + b"\r\n1\r\n###\r\n0\r\n\r\n",
        "chunk size empty": put + chunked + b"\r\n\r\n#\r\n0\r\n\r\n",
        "chunk size after a blank": put + chunked + b"\r\n 1\r\n#\r\n0\r\n\r\n",
    }
    with Serve() as s:
        got = []
        for what, data in cases.items():
            raw, closed = s.raw(data + tail, timeout=3)
            heads = re.findall(rb"HTTP/1\.1 (\d\d\d)", raw)
            got.append((f"{what}: {raw[:90]!r} {'closed' if closed else 'open'}",
                        closed and heads == [b"413" if "size beyond" in what else b"400"]))
        suite.all(got, "requests of two meanings: 400, closed, and nothing behind them is read")
        raw, closed = s.raw(get + h + b"\r\n" + tail)
        suite.check(re.findall(rb"HTTP/1\.1 (\d\d\d)", raw) == [b"200"] and closed,
                    "a connection carries one request", raw[:200])
        for what, data, want in (("HTTP/2.0", b"GET / HTTP/2.0\r\n\r\n", 505),
                                 ("HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
                                 ("Expect", get + h + b"Expect: tea\r\n\r\n", 417)):
            raw, closed = s.raw(data)
            suite.check(status_of(raw) == want and closed, f"{what} is answered with {want}", raw[:100])
        suite.check(rules_of(s) == [], "no rule came of any of it", rules_of(s))


def traversal(suite):
    dots = ["..", "%2e%2e", "%2E%2E", ".%2e", "%2e.", "%252e%252e", "..%00", "%c0%ae%c0%ae", "%c0%2e%c0%2e",
            "%uff0e%uff0e", "..;", "...."]
    slashes = ["/", "%2f", "%5c", "\\", "%c0%af", "%252f", "//"]
    paths = [f"/{d}{sl}{d}{sl}etc{sl}passwd" for d, sl in itertools.product(dots, slashes)]
    paths += ["/docs/../../../etc/passwd", "/static/..%2f..%2fetc/passwd", "/./etc/passwd", "/.//../etc/passwd",
              "//etc/passwd", "///etc///passwd", "/docs/%2e%2e/%2e%2e/etc/passwd", "/%", "/%2", "/%zz", "/etc/passwd",
              "/index.html/../../etc/passwd", "/app.js/", "/proc/self/environ", "/\\..\\..\\etc\\passwd"]
    with Serve() as s:
        got = []
        for p in paths:
            raw, _ = s.raw(b"GET " + p.encode() + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
            got.append((f"{p}: {raw[:80]!r}", status_of(raw) == 404 and b"root:" not in raw))
        suite.all(got, "paths that climb are not found")


# --- bodies -------------------------------------------------------------------------------------
def rss_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])


def packed(suite):
    import gzip
    bomb = gzip.compress(b"#" * 50000000)
    with Serve() as s:
        before = rss_kib(s.process.pid)
        rows = [(enc, s.ask("PUT", "/rules", bomb, {"Content-Encoding": enc, "Content-Type": "text/plain"}))
                for enc in ("gzip", "deflate", "br", "zstd", "x-gzip", "gzip, gzip", "identity, gzip")]
        suite.all([(f"{enc}: {a}", a.status == 415) for enc, a in rows], "packed bodies are refused")
        grown = rss_kib(s.process.pid) - before
        suite.check(grown < 4096, f"memory stays as it was ({grown:+} KiB)", grown)
        a = s.ask("PUT", "/rules", "# none\n", {"Content-Encoding": "identity", "Content-Type": "text/plain"})
        suite.check(a.status == 200, "identity is plain", a)


BAD_JSON = [
    b"", b" ", b"[", b"]", b"{", b"}", b"[1", b"[1,", b"[1,]", b"[,1]", b"[1,,2]", b"[1 2]", b"[1]]", b"[1]x",
    b"[1],", b"[\"\":1]", b"[\"a\", 4\n,1,", b"[1,\n1\n,1", b"[{}", b"[*]", b"[x", b"[3[4]]", b"[inner]",
    b"{\"a\"}", b"{\"a\":}", b"{\"a\" 1}", b"{\"a\":1,}", b"{,\"a\":1}", b"{\"a\":1,,\"b\":2}", b"{1:1}", b"{a:1}",
    b"{'a':1}", b"{\"a\":1 \"b\":2}", b"{\"a\"::1}", b"{\"a\":1}}", b"{\"a\":1", b"{\"a\":\"b", b"{null:1}",
    b"{\"a\":1}#", b"{\"a\":1}//", b"{\"a\":1}/*x*/", b"/*x*/{}", b"{[1]:2}", b"{\"a\":/*x*/1}", b"{\"x\", null}",
    b"tru", b"True", b"TRUE", b"nul", b"nulls", b"fals", b"[tru]", b"[NaN]", b"NaN", b"[Infinity]", b"-Infinity",
    b"[-NaN]", b"undefined", b"[truefalse]", b"(1)", b"<null>", b"[<null>]",
    b"01", b"-01", b"00", b"[012]", b"1.", b"[1.]", b".5", b"[.5]", b"-.5", b"-", b"[-]", b"+1", b"[+1]", b"++1",
    b"--1", b"1e", b"1e+", b"[1E-]", b"1.e1", b"0e", b"0.e1", b"0.3e+", b"1eE2", b"1e2.3", b"0x1F", b"[0x]", b"1_000",
    b"1,000", b"[1 000]", b"[-1x]", b"[1a]", b"2.e-3", b"9.e+", b"[-2.]", b"[1+2]", b"[- 1]", b"[0.1.2]",
    "１".encode(), b"[\xef\xbc\x91]",
    b"\"", b"\"a", b"'a'", b"\"a\nb\"", b"\"a\tb\"", b"\"\x00\"", b"\"\x1f\"", b"\"\\\"", b"\"\\x41\"", b"\"\\u\"",
    b"\"\\u1\"", b"\"\\u12\"", b"\"\\u123\"", b"\"\\u123g\"", b"\"\\U0041\"", b"\"\\a\"", b"\"\\'\"", b"\"\\\x00\"",
    b"\"\\u{41}\"", b"\"a\"b", b"[\"a]", b"[\"\\ud800\\\"]", b"[\"\\ud800\\u\"]", b"[\"\\ud800\\u1\"]", b"[\"\\uD834\\uDd\"]",
    b"\\u0061", b"[\\u0020\"a\"]", b"[\"\\uqqqq\"]", b"[\"\\\xf0\x9f\x8c\x80\"]", b"[\\n]", b"[\"x\"\"y\"]",
    b"\"\x80\"", b"\"\xff\"", b"\"\xc0\xaf\"", b"\"\xe0\x80\xaf\"", b"\"\xed\xa0\x80\"", b"\"\xf4\x90\x80\x80\"",
    b"\"\xf8\x88\x80\x80\x80\"", b"\"\xc3\"", b"\"\xe2\x82\"", b"\"\xf0\x9f\x98\"", b"\"\xfe\xff\"", b"\"\xc3\x28\"",
    b"[\"\xe9\"]", b"{\"\xb9\":\"0\"}", b"[\xff]", b"[1\xe5]", b"[1e1\xe5]", b"[0\xe5]", b"\xef\xbb\xbf{}", b"\xff\xfe{\0}\0",
    b"\xe2\x81\xa0[]", b"[\xe2\x81\xa0]", b"[\xc2\xa0]", b"[\x0c]", b"\x0b1", b"[1]\x00", b"\x001", b"{}\x00{}",
    b"{\"a\":1,\"a\":1}", b"{\"a\":1,\"a\":2}", b"{\"a\":{\"b\":1,\"b\":2}}", b"[{\"\":1,\"\":2}]",
    b"[" * 17 + b"]" * 17, b"{\"a\":" * 17 + b"1" + b"}" * 17, b"[" * 100000, b"[" * 100000 + b"]" * 100000,
    b"{\"a\":" * 100000, b"[[[[[[[[[[[[[[[[{\"a\":[", b"1" + b"0" * 400, b"1e999", b"[-1e999]", b"[123456789012345678901]",
    b"<script>", b"a=1", b"--x\r\n", b"%7B%7D", b"yaml: 1", b"{}{}", b"[][]", b"1 2", b"true false", b"\"a\" \"b\"",
    b"{\"a\":1;\"b\":2}", b"{\"a\"=1}", b"{a}", b"{\"a\":b}", b"[a,\n4\n,1,", b"{\"a\":\"a\" 123}", b"{ \"foo\" : \"bar\", \"a\" }",
    b"*", b"&", b"{}}", b"[][", b"\\u000A\"\"", b"{\"rules\":[]", b"{\"rules\":[}]", b"{\"rules\":(])",
]
GOOD_JSON = [
    b"[]", b"{}", b"[[]]", b"[ ]", b" [] ", b"\t[\r\n]\t", b"null", b"true", b"false", b"0", b"-0", b"42", b"-0.1", b"[0e1]",
    b"[1E22]", b"[1e-2]", b"[1E+2]", b"[123.456e78]", b"[0e+1]", b"[20e1]", b"[1.5]", b"\"\"", b"\"a\"", b"[\"\\u0000\"]",
    b"[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", b"[\"\\uD801\\udc37\"]", b"[\"\\u0060\\u012a\\u12AB\"]", b"[\"a/*b*/c/*d//e\"]",
    "[\"é€𝄞\"]".encode(), b"[\"\x7f\"]", b"[\"\xf4\x8f\xbf\xbf\"]", b"[\"\xef\xbf\xbf\"]", b"[null,1,\"1\",{}]",
    b"{\"\":0}", b"{\"a\":[]}", b"{\"a\":1,\"b\":2}", b"[1,null,null,null,2]", b"[-123]",
    b"[" * 16 + b"]" * 16, b"{\"a\":" * 15 + b"[1]" + b"}" * 15, b"[\"\\u2028\\u2029\"]", b"[\"\xe2\x80\xa8\"]", b"[true]\n",
]


# Refused on purpose: keys that stand twice, and a key with a NUL in it.
REFUSED_Y = ("y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json",
             "y_object_escaped_null_in_key.json")


def strict_json(suite):
    """A body that is not JSON is 400; one that is, but of the wrong shape, is 422."""
    with Serve() as s:
        def status(body):
            a = s.ask("PUT", "/rules", body, {"Content-Type": "application/json"})
            return a.status, a

        suite.all([(f"{b[:60]!r}: {a}", st == 400) for b in BAD_JSON for st, a in [status(b)]], "bad JSON is refused")
        suite.all([(f"{b[:60]!r}: {a}", st == 422) for b in GOOD_JSON for st, a in [status(b)]],
                  "good JSON is read, and its shape is what is refused")
        shapes = [({"rules": 1}, "rules"), ({"rules": [1]}, "rules[0]"), ({"rules": [{}]}, "kind"), ({}, "rules"),
                  ({"rules": [], "more": 1}, "more"), ({"rules": [{"kind": "x", "value": "y"}]}, "kind"),
                  ({"rules": [{"kind": "ip", "value": ""}]}, "short"), ({"rules": [{"kind": "ip", "value": "z"}]}, "rules[0]")]
        suite.all([(f"{body}: {a}", a.status == 422 and word in a.json()["detail"]) for body, word in shapes
                   for a in [s.ask("PUT", "/rules", body)]], "a wrong shape is named")
        a = s.ask("PUT", "/rules", {"rules": [{"kind": "app", "value": "TikTok"}]})
        suite.check(a.status == 200 and rules_of(s) == ["app:TikTok"], "and a right one taken", a)
        named = os.environ.get("DPI_JSON_SUITE")  # [{"name":"n_...","input":"..."}]: a whole suite of others
        if named:
            with open(named, encoding="utf-8") as f:
                cases = json.load(f)
            got = [(c["name"], status(c["input"].encode("utf-8", "surrogatepass"))[0]) for c in cases]
            suite.all([(str(g), g[1] == 400) for g in got if g[0].startswith("n_")], "n_ of the suite")
            suite.all([(str(g), g[1] in (200, 422) or g[0] in REFUSED_Y) for g in got if g[0].startswith("y_")],
                      f"y_ of the suite, but for {len(REFUSED_Y)} of keys")


# --- clients that hold their place ------------------------------------------------------------------
def slow_socket(s, source, data=b"GET /health HTTP/1.1\r\nHost: loc"):
    try:
        c = s.connect(5, source)
        c.sendall(data)
        c.setblocking(False)
        return c
    except OSError:
        return None


def flood(port, count):
    """A process of its own: so many sockets of twenty addresses, a byte now and then on each, and a
    new one for each that is closed; until it is ended."""
    slow = {}
    began = time.monotonic()
    for i in itertools.count():
        try:
            c = socket.socket()
            c.settimeout(2)
            c.bind((f"127.0.1.{i % 20 + 1}", 0))
            c.connect(("127.0.0.1", port))
            c.sendall(b"GET /health HTTP/1.1\r\nHost: loc")
            c.setblocking(False)
            slow[c] = time.monotonic()
        except OSError:
            time.sleep(0.01)
        if len(slow) == count and began:
            print("ready", flush=True)
            began = 0
        while len(slow) >= count:
            for c in list(slow):
                try:
                    if time.monotonic() - slow[c] > 0.5:
                        c.send(b"a")
                        slow[c] = time.monotonic()
                    dead = c.recv(1000) == b""
                except BlockingIOError:
                    dead = False
                except OSError:
                    dead = True
                if dead:
                    c.close()
                    del slow[c]
            time.sleep(0.05)


def slow_clients(suite):
    count, seconds = (1000, 60) if FULL else (300, 3)
    with Serve() as s, Serve() as alone:
        p = subprocess.Popen([sys.executable, os.path.abspath(__file__), "--flood", str(s.port), str(count)],
                             stdout=subprocess.PIPE, text=True)
        try:
            p.stdout.readline()
            seen, calm, end = [], [], time.monotonic() + seconds
            while time.monotonic() < end:
                for serve, answers in ((s, seen), (alone, calm)):
                    began = time.monotonic()
                    try:
                        status = serve.ask("GET", "/health", timeout=5, source="127.0.0.5").status
                    except OSError as e:
                        status = str(e)
                    answers.append((time.monotonic() - began, status))
                time.sleep(0.02)
        finally:
            p.kill()
            p.wait()
        wrong = [x for _, x in seen if x != 200]
        p99, own = (sorted(x for x, _ in answers)[int(len(answers) * 0.99)] * 1000 for answers in (seen, calm))
        suite.check(not wrong and p99 <= max(200, 4 * own), f"beside {count} slow clients of 20 addresses one more is "
                    f"answered ({len(seen)} times in {seconds} s, p99 {p99:.1f} ms; by another service {own:.1f} ms)",
                    (wrong[:3], p99, own))
        n = s.ask("GET", "/health", source="127.0.0.5").json()["service"]
        suite.check(n["connections_refused"] + n["clients_slow"] > 0, "it is counted", n)


def places(suite):
    with Serve() as s:
        # 16 of one source hold places; the next waits a second for one and is then told.
        held = [slow_socket(s, "127.0.2.1") for _ in range(16)]
        time.sleep(0.2)
        began = time.monotonic()
        raw, closed = s.raw(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", source="127.0.2.1")
        took = time.monotonic() - began
        suite.check(status_of(raw) == 503 and closed and 0.9 < took < 2.5,
                    f"the 17th of one address is refused ({took:.1f} s)", raw[:100])
        suite.check(s.ask("GET", "/health", source="127.0.2.2").status == 200, "the first of another is not")
        held[0].close()
        a = s.ask("GET", "/health", source="127.0.2.1")
        suite.check(a.status == 200, "a place that is free is given on", a)
        more = [slow_socket(s, f"127.0.2.{3 + i // 16}") for i in range(49)]  # 15 + 49 = 64
        time.sleep(0.2)
        began = time.monotonic()
        a = s.ask("GET", "/health", source="127.0.3.1")
        suite.check(a.status == 200 and time.monotonic() - began < 1,
                    "where all 64 are taken, one who says nothing makes room for another address", a)
        # The head's five seconds are over by and by.
        began = time.monotonic()
        held[1].setblocking(True)
        held[1].settimeout(8)
        try:
            raw = held[1].recv(1000)
        except OSError as e:
            raw = str(e).encode()
        suite.check(status_of(raw) == 408 or raw == b"" or b"reset" in raw, "a head has five seconds", raw[:100])
        for c in held + more:
            if c:
                c.close()
        burst = [None] * 60

        def one(i):
            burst[i] = s.ask("GET", "/health").status
        threads = [threading.Thread(target=one, args=(i,)) for i in range(len(burst))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        suite.check(burst == [200] * len(burst), f"{len(burst)} at once of one address are all answered",
                    {b: burst.count(b) for b in set(burst)})


def slow_body(suite):
    with Serve() as s:
        c = s.connect(20)
        c.sendall(b"PUT /rules HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n")
        began, closed = time.monotonic(), False
        c.settimeout(0.3)
        while time.monotonic() - began < 14 and not closed:
            try:
                c.sendall(b"#")
                closed = c.recv(100) == b""
            except TimeoutError:
                pass
            except OSError:
                closed = True
        took = time.monotonic() - began
        suite.check(closed and 5 < took < 13, f"a body of a few bytes a second ends the connection ({took:.1f} s)")
        c.close()


def stalled_reader(suite):
    with Serve() as s:
        whole = len(s.ask("GET", "/docs/swagger-ui-bundle.js").body)
        if whole < 500000:
            suite.skip("an answer that is not taken", "built without Node.js: there is no long answer")
            return
        c = socket.socket()
        c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        c.connect(("127.0.0.1", s.port))
        c.sendall(b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.5)
        suite.check(s.ask("GET", "/health").status == 200, "who does not take an answer holds up nobody")
        time.sleep(12)
        got = 0
        c.settimeout(5)
        try:
            while part := c.recv(65536):
                got += len(part)
        except OSError:
            pass
        c.close()
        suite.check(0 < got < whole, "an answer that nobody takes for ten seconds is given up",
                    f"{got} of {whole} bytes")


def ordinary_user(suite):
    """Started by one who is not root it does what that user may, and no more."""
    with Serve() as s:  # for its directory
        own = os.path.join(s.dir, "own")
        os.mkdir(own)
        wrap = []
        if os.geteuid() == 0:
            os.chown(own, 65534, 65534)
            wrap = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
            program = os.path.join(own, "dpi-xdp")  # the checkout may lie where others may not look
            shutil.copy(service.PROGRAM, program)
            os.chmod(program, 0o755)
        env = {"DPI_XDP_STATE_DIR": os.path.join(own, "state"), "DPI_XDP_RUN_DIR": os.path.join(own, "run")}
        with Serve(env=env, wrap=wrap, program=program if wrap else None) as u:
            a = u.ask("POST", "/rules/app/YOUTUBE")
            suite.check(a.status == 200 and rules_of(u) == ["app:YouTube"], "an ordinary user's rules are stored", a)
            a = u.ask("PUT", "/analyze", contract.capture())
            suite.check(a.status == 200 and a.json()["dropped_packets"] == 1, "... and hold for a capture", a)
            with open(f"/proc/{u.process.pid}/status") as f:
                status = f.read()
            suite.check(re.search(r"Seccomp:\t2", status) and re.search(r"NoNewPrivs:\t1", status),
                        "... behind the same bars")


def rights(suite):
    """What the processes may do; as root they are others than who started them."""
    with Serve() as s:
        def look():
            rows = []
            for pid in s.pids():
                with open(f"/proc/{pid}/status") as f:
                    st = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
                rows.append((st["Name"], st))
            return rows

        rows, end = look(), time.monotonic() + 3
        while time.monotonic() < end and any(int(st["CapPrm"], 16) for _, st in rows):
            time.sleep(0.02)  # a helper that has just begun is giving them up
            rows = look()
        suite.all([(f"{name}: {st['CapEff']} {st['CapBnd']}", int(st["CapEff"], 16) == int(st["CapPrm"], 16) == 0 and
                    st["NoNewPrivs"] == "1") for name, st in rows], "no process has a capability or a way to one")
        if os.geteuid() == 0:
            suite.all([(f"{name}: {st['Uid']}", ("0" in st["Uid"].split()) == (name == "dpi-xdp-porter"))
                       for name, st in rows], "all but the porter are another user")
        main = rows[0][1]
        suite.check(main["Seccomp"] == "2", "the service's system calls are filtered", main["Seccomp"])
        fds = [os.readlink(f"/proc/{s.process.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{s.process.pid}/fd")]
        suite.check(not any("bpf" in f for f in fds), "it holds no map", fds)
        if os.geteuid() == 0:
            with Serve() as other:
                porter = [pid for pid in other.pids() if open(f"/proc/{pid}/comm").read().strip() == "dpi-xdp-porter"]
                os.kill(porter[0], signal.SIGKILL)
                other.process.wait(10)
                suite.check(other.process.returncode == 1 and "has ended" in other.said(),
                            "without its porter it ends, and says so", other.said())
        s.process.send_signal(signal.SIGKILL)
        s.process.wait()
        end = time.monotonic() + 3
        others = [r[1]["Pid"] for r in rows[1:]]
        while time.monotonic() < end and any(os.path.exists(f"/proc/{p}") for p in others):
            time.sleep(0.02)
        suite.check(not any(os.path.exists(f"/proc/{p}") for p in others), "its helpers end with it", others)


if __name__ == "__main__":
    if "--flood" in sys.argv:
        flood(int(sys.argv[2]), int(sys.argv[3]))
    service.main([csrf, rebinding, listening, sizes, smuggling, traversal, packed, strict_json,
                  slow_clients], together=[stalled_reader, places, slow_body, token, rights, ordinary_user])
