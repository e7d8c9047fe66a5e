#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
The service's contract, without an agent (tests/live/test_service_live.py has it with one): every
operation of /openapi.json by good and bad input, the page and its documentation, and errors that say
what to do next.
"""
import os
import subprocess
import tempfile

import contract
import service
from service import Serve


def every_route(suite):
    with Serve() as s:
        contract.Contract(suite, s, False).run()


def page(suite):
    with Serve() as s:
        for path, kind in (("/", "text/html"), ("/docs", "text/html"), ("/api/v1/docs", "text/html")):
            a = s.ask("GET", path)
            suite.check(a.status == 200 and a.headers["Content-Type"].startswith(kind) and b"<html" in a.body.lower(),
                        f"{path} is a page, unpacked for who takes no gzip", a)
            csp = a.headers["Content-Security-Policy"]
            suite.check("default-src 'none'" in csp and "frame-ancestors 'none'" in csp and "unsafe-inline" not in csp and
                        a.headers["X-Content-Type-Options"] == "nosniff" and a.headers["Referrer-Policy"],
                        f"{path} may load nothing from elsewhere", csp)
            packed = s.ask("GET", path, headers={"Accept-Encoding": "br, gzip;q=0.5"})
            import gzip
            suite.check(packed.headers["Content-Encoding"] == "gzip" and gzip.decompress(packed.body) == a.body,
                        f"{path} is the same packed", packed)
            tag = a.headers["ETag"]
            same = s.ask("GET", path, headers={"If-None-Match": f'"x", W/{tag}'})
            other = s.ask("GET", path, headers={"If-None-Match": '"x"'})
            suite.check(same.status == 304 and not same.body and other.status == 200, f"{path} by its tag", (same, other))
            head = s.ask("HEAD", path)
            suite.check(head.status == 200 and head.body == b"" and head.headers["ETag"] == tag, f"HEAD {path}", head)


def life(suite):
    with Serve() as s:
        r = subprocess.run([service.PROGRAM, "serve", "--listen", f"127.0.0.1:{s.port}"], capture_output=True,
                           text=True, timeout=20, env=s.env)
        suite.check(r.returncode == 1 and "in use" in r.stderr, "a port that is taken is refused, and named", r)
        for args, word in ((["--listen", "nowhere"], "--listen"), (["--listen", "127.0.0.1:99999"], "--listen"),
                           (["--listen", "example.org:80"], "--listen"), (["--capture-jobs", "0"], "--capture-jobs"),
                           (["extra"], "usage")):
            r = subprocess.run([service.PROGRAM, "serve", *args], capture_output=True, text=True, timeout=20, env=s.env)
            suite.check(r.returncode == 2 and word in r.stderr, f"serve {' '.join(args)} is refused", r)
        status = s.stop()
        suite.check(status == 0, "it ends when asked", status)
        s.start()
        with s.connect() as stream:
            stream.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            stream.recv(1000)
            status = s.stop()
        suite.check(status == 0, "also with a stream open", status)
    with tempfile.TemporaryDirectory() as d:
        os.chmod(d, 0o755)
        at = os.path.join(d, "s")
        with Serve(listen="unix:" + at) as u:
            u.stop(9)
        with Serve(listen="unix:" + at) as u:
            suite.check(u.ask("GET", "/health").status == 200, "a socket file left behind is taken over")


if __name__ == "__main__":
    service.main([every_route, page, life])
