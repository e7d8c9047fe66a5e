#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
Building the dashboard where something is missing: no Node.js, no npm, a registry that cannot be
reached. Each time the build goes on, says in one line what is missing, and a plain page stands in;
what it wrote compiles. And the sources: no download address, nothing inline.
"""
import gzip
import os
import re
import shutil
import subprocess
import tempfile

import service

WEB = os.path.join(service.TOP, "user", "web")
TOOLS = "bash cat cp cut find gzip mkdir mv printf rm sed sha256sum sort stat timeout env dirname".split()


def tools_only(directory, *more):
    """A PATH with what a shell needs and no Node.js, but for tools that are named."""
    os.makedirs(directory)
    for tool in (*TOOLS, *more):
        there = shutil.which(tool)
        if there:
            os.symlink(there, os.path.join(directory, tool))
    return directory


def build(out, **env):
    r = subprocess.run([os.path.join(WEB, "build.sh"), out + "/web", out + "/npm"], text=True, timeout=120,
                       capture_output=True, env=dict(os.environ, **env), stdin=subprocess.DEVNULL)
    return r.returncode, (r.stdout + r.stderr).strip().split("\n")


def compiles(out):
    common = ["-I" + os.path.join(service.TOP, "user"), "-c"]
    return all(subprocess.run(["gcc", *common, f"{out}/web/{name}", "-o", f"{out}/{name}.o"], timeout=60,
                              check=False).returncode == 0 for name in ("assets.c", "assets.S"))


def plain(suite, where, name, expected, **env):
    status, said = build(where, **env)
    suite.check(status == 0 and len(said) == 1 and re.search(expected, said[0]),
                f"{name}: the build goes on, and one line says why there is no dashboard", (status, said))
    with open(where + "/web/state") as f:
        state = f.read().strip()
    page = next((gzip.decompress(open(os.path.join(where, "web", "packed", n), "rb").read())
                 for n in os.listdir(where + "/web/packed")
                 if b"<h1>dpi-xdp is running" in gzip.decompress(
                     open(os.path.join(where, "web", "packed", n), "rb").read())), b"")
    suite.check(state == "plain" and b"nodejs" in page and compiles(where),
                f"{name}: a plain page that says so is packed, and compiles", (state, page[:100]))


def missing(suite):
    with tempfile.TemporaryDirectory(prefix="dpi-web-") as d:
        plain(suite, d + "/a", "without Node.js", "node is not installed", PATH=tools_only(d + "/bin-a"))
        if shutil.which("node"):
            plain(suite, d + "/b", "without npm", "npm is not installed", PATH=tools_only(d + "/bin-b", "node"))
        if shutil.which("npm"):
            plain(suite, d + "/c", "without a network", "npm could not fetch its packages",
                  npm_config_registry="http://127.0.0.1:9/", npm_config_cache=d + "/cache")


def sources(suite):
    with open(os.path.join(WEB, "package-lock.json")) as f:
        lock = f.read()
    suite.check("http" not in lock and '"resolved"' not in lock, "the lock file holds no download address")
    pages = [os.path.join(at, n) for at, _, names in os.walk(WEB) for n in names if n.endswith(".html")]
    suite.all(((p, not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?:|//\w", open(p).read()))
               for p in pages), "no page holds script or style, or names another host")


if __name__ == "__main__":
    service.main([missing, sources])
