#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The commands, as a person or a script meets them: options, exit statuses, what goes to which stream,
rules that are stored while no agent runs, and what a refusal says. Needs no root, no kernel and no
capture but those it makes.

The program comes from BUILD (default build). State and run directories are temporary.
"""
import json
import os
import pty
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import Counter

import packets as p
from suite import results, say

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
BIN = os.environ.get("DPI_XDP", os.path.join(BUILD, "dpi-xdp"))
COMMANDS = """attach detach status stats flows apps report events block-app block-domain block-ip
block-port unblock-app unblock-domain unblock-ip unblock-port allow-app allow-domain allow-ip
disallow-app disallow-domain disallow-ip rules what-if why analyze doctor
selftest""".split()
SECTIONS = ["BLOCKED_IPS", "BLOCKED_APPS", "BLOCKED_DOMAINS", "BLOCKED_PORTS", "ALLOWED_IPS",
            "ALLOWED_APPS", "ALLOWED_DOMAINS"]
RAW = re.compile(rb"[^\x20-\x7e\n]")  # what no output may hold, apart from frames drawn in UTF-8

def check(good, name, why=""):
    say("ok" if good else "FAIL", name, "" if good else str(why))


class Place:
    """A directory of its own, with state and run directories in it, taken away at the end."""

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="dpi-cli-")
        self.env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
        self.env.update(DPI_XDP_STATE_DIR=self.dir + "/state", DPI_XDP_RUN_DIR=self.dir + "/run",
                        LC_ALL="C")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def run(self, *args, **how):
        how.setdefault("stdin", subprocess.DEVNULL)
        how.setdefault("stdout", subprocess.PIPE)
        env = dict(self.env, **how.pop("env", {}))
        return subprocess.run([BIN, *args], stderr=subprocess.PIPE, timeout=60, check=False, env=env,
                              cwd=self.dir, **how)

    def put(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return self.path(name)

    def get(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def rules(self):
        """The stored rules: {section: [values]}."""
        found, at = {}, None
        for line in self.run("rules", "-q").stdout.decode().splitlines():
            if line.startswith("["):
                at = found.setdefault(line[1:-1], [])
            elif line and not line.startswith("#"):
                at.append(line)
        return {k: v for k, v in found.items() if v}


def expect(place, status, args, name, *words, **how):
    """Runs it; the status must be this one, and stderr must hold the words and nothing raw."""
    r = place.run(*args, **how)
    lacking = [w for w in words if w.encode() not in r.stderr]
    check(r.returncode == status and not lacking and not RAW.search(r.stderr), name,
          f"exit {r.returncode}, lacks {lacking}: {r.stderr.decode(errors='replace')}")
    return r


# --- a capture --------------------------------------------------------------------------------
ME, TUBE, HUB, ODD = "10.0.0.2", "45.1.1.1", "45.1.1.2", "45.1.1.3"


def segment(src, dst, sport, dport, seq, ack, flags, payload=b""):
    return p.ethernet(p.ip4(src, dst, 6, p.tcp(src, dst, sport, dport, seq, ack, flags, payload)), 0x800)


def conversation(server, port, sport, sent):
    """SYN, SYN-ACK, ACK, what the client sends, an answer."""
    return [segment(ME, server, sport, port, 1, 0, "S"), segment(server, ME, port, sport, 9, 2, "SA"),
            segment(ME, server, sport, port, 2, 10, "A"),
            segment(ME, server, sport, port, 2, 10, "PA", sent),
            segment(server, ME, port, sport, 10, 2 + len(sent), "PA", b"answer")]


def datagram(dst, port, payload):
    return p.ethernet(p.ip4(ME, dst, 17, p.udp(ME, dst, 5353, port, payload)), 0x800)


def capture(place, name="in.pcap"):
    """16 frames: YouTube by TLS, GitHub by HTTP, a name of odd bytes by HTTP, one DNS question."""
    frames = conversation(TUBE, 443, 1001, p.record(p.client_hello(b"www.youtube.com")))
    frames += conversation(HUB, 80, 1002, p.http("github.com"))
    frames += conversation(ODD, 8080, 1003, p.http("a\x1b[31m\x07.example"))
    frames.append(datagram("9.9.9.9", 53, p.dns(p.question(b"www.tiktok.com"))))
    rows = [p.Record(1700000000 * 10**6 + i, f, len(f)) for i, f in enumerate(frames)]
    p.write_capture(place.path(name), rows)
    return place.path(name)


FRAMES = 16


# --- tests ------------------------------------------------------------------------------------
def test_help(place):
    for args in (["--help"], ["-h"], ["help"]):
        r = place.run(*args)
        told = [c for c in COMMANDS if re.search(rf"^  {c} ", r.stdout.decode(), re.M)]
        check(r.returncode == 0 and told == COMMANDS and not r.stderr, f"{args[0]} lists every command",
              set(COMMANDS) - set(told))
    head, parts = place.run("help").stdout.decode().split("\n\n", 1)
    parts = [part.splitlines() for part in parts.split("\n\n")]
    check(len(parts) > 5 and all(part[0].endswith(":") and part[1:] for part in parts[:-1]),
          "in groups, each under a heading", parts)
    wrong = []
    for c in COMMANDS:
        asked, helped = place.run(c, "--help"), place.run("help", c)
        if not (asked.returncode == 0 and asked.stdout.startswith(f"usage: dpi-xdp {c}".encode()) and
                not asked.stderr and asked.stdout == helped.stdout):
            wrong.append(c)
    check(not wrong, "COMMAND --help and help COMMAND: usage on stdout, 0", wrong)
    for args in (["--version"], ["-V"]):
        r = place.run(*args)
        check(r.returncode == 0 and re.fullmatch(rb"dpi-xdp \S+\n", r.stdout), f"{args[0]}", r.stdout)
    r = place.run()
    check(r.returncode == 2 and not r.stdout and b"usage:" in r.stderr, "no command: usage on stderr, 2",
          r.returncode)


def test_usage(place):
    expect(place, 2, ["blok-app", "X"], "a command nearly right", "did you mean block-app?")
    expect(place, 2, ["rules", "lod", "x"], "a word of rules nearly right", "did you mean load?")
    expect(place, 2, ["status", "now"], "a word too many is named", "'now' has no place here", "usage:")
    expect(place, 2, ["rules", "diff", "1", "2"], "also behind a word of rules", "'2' has no place here")
    for args in (["why"], ["attach"], ["detach"], ["block-ip"], ["rules", "save"], ["what-if"], ["block-list", "x"]):
        expect(place, 2, args, f"{' '.join(args)}: what is missing is said to be", "something is missing", "usage:")
    expect(place, 2, ["qqqqqqqqqqqqqqqq"], "a command nowhere near", "dpi-xdp --help")
    expect(place, 2, ["\x1b[31m\xff"], "a command of odd bytes is shown escaped", r"\x1b[31m")
    expect(place, 2, ["help", "statu"], "help of no command", "did you mean status?")
    expect(place, 2, ["-x", "status"], "no such option before the command", "dpi-xdp --help")
    expect(place, 2, ["allow-port", "80"], "ports have no exceptions: block-port is not suggested",
           "did you mean allow-")
    for args in (["attach"], ["detach"], ["detach", "x", "--all"], ["block-app"],
                 ["unblock-ip"], ["why"], ["why", "a", "b"], ["rules", "bogus"], ["rules", "load"],
                 ["rules", "save"], ["rules", "clear", "x"], ["status", "x"], ["flows", "x"],
                 ["doctor", "x"], ["selftest", "x"], ["analyze"], ["analyze", "x"], ["analyze", "x", "y", "z"]):
        expect(place, 2, args, f"{' '.join(args)}: usage", f"usage: dpi-xdp {args[0]}")
    for args, word in ((["attach", "--mod", "auto", "--mode", "x", "lo"], "auto, native or generic"),
                       (["attach", "--hook", "x", "lo"], "both or receive"),
                       (["attach", "--fail", "x", "lo"], "open or closed"),
                       (["attach", "--workers", "0", "lo"], "1 to 16"),
                       (["attach", "--workers", "17", "lo"], "1 to 16"),
                       (["attach", "--workers", "2x", "lo"], "1 to 16"),
                       (["attach", "--action", "x", "lo"], "drop"),
                       (["selftest", "--only", "tcp-reversd"], "did you mean tcp-reversed"),
                       (["selftest", "--mode", "x"], "auto, native or generic"),
                       (["attach", "--foregrund", "lo"], "did you mean --foreground"),
                       (["attach", "lo", "--mode"], "needs a value"),
                       (["status", "--jsn"], "did you mean --json"),
                       (["status", "-z"], "dpi-xdp status --help"),
                       (["status", "--color=mauve"], "always, never or auto"),
                       (["--color=mauve", "block-app", "X"], "always, never or auto")):
        expect(place, 2, args, " ".join(args), word)
    check(place.rules() == {}, "and nothing of it changed the rules", place.rules())


def test_told(place):
    """What a change says is what the rules then have, not what was typed."""
    for args, said in ((["block-app", "x", "tiktok"], "app Twitter: blocked\napp TikTok: blocked\n"),
                       (["block-app", "TIKTOK"], "app TikTok: the rule was there already\n"),
                       (["block-domain", "bücher.example", "*.UP.example."],
                        "domain xn--bcher-kva.example: blocked\ndomain up.example: blocked\n"),
                       (["block-ip", "10.1.2.3/8"], "ip 10.0.0.0/8: blocked\n"),
                       (["unblock-port", "0080/TCP"], "port 80/tcp: there was no such rule\n")):
        r = place.run(*args)
        check(r.returncode == 0 and r.stdout.decode() == said, f"{' '.join(args)} is told as it is kept", r.stdout)
    expect(place, 2, ["block-domain", "YouTube"], "an application given as a domain", "one label", "app rule", "=youtube")
    place.run("rules", "clear")


def test_no_agent(place):
    for args in (["status"], ["stats"], ["flows", "-j"], ["report"], ["events"], ["events", "-f"],
                 ["detach", "lo"], ["detach", "--all"]):
        r = expect(place, 6, args, f"{' '.join(args)} without an agent: 6", "no agent is running")
        check(not r.stdout, f"{' '.join(args)} prints nothing then", r.stdout)
    r = place.run("apps", "-j")
    names = [a["app"] for a in json.loads(r.stdout)["apps"]]
    check(r.returncode == 0 and {"YouTube", "TikTok", "GitHub", "Twitter"} <= set(names),
          "apps lists what a rule may name, without an agent too", names[:5])
    categories = {c["category"]: c["apps"] for c in json.loads(r.stdout)["categories"]}
    listed = Counter(a["category"] for a in json.loads(r.stdout)["apps"] if a["app"] != "Unknown")
    check(len(names) > 250 and len(categories) >= 15 and categories == listed,
          "and its categories, with how many applications each has", categories)
    r = place.run("apps")
    check(b"YouTube" in r.stdout and b"no agent" in r.stderr, "apps as text", r.stdout[:200])
    check(f"\nsocial ({categories['social']})\n  Facebook,".encode() in r.stdout,
          "by category, as none was seen", r.stdout[-300:])
    r = place.run("doctor", "-j")
    rows = json.loads(r.stdout)["findings"]
    check(r.returncode == (0 if all(x["good"] for x in rows) else 4) and len(rows) == 5,
          "doctor: one document, 0 or 4", r.returncode)
    long_dir = {"DPI_XDP_RUN_DIR": "/tmp/" + "x" * 100}
    expect(place, 2, ["status"], "a run directory too long for a socket", "may have", env=long_dir)


def test_analyze_files(place):
    src, out = capture(place), place.path("out.pcap")
    whole = place.get("in.pcap")
    r = place.run("analyze", src, out)
    check(r.returncode == 0 and place.get("out.pcap") == whole and b"YouTube" in r.stdout and
          not r.stderr, "OUT is IN, the report is on stdout, stderr is silent", r.stderr)
    check(not RAW.search(r.stdout) and rb"a\x1b[31m\x07.example" in r.stdout,
          "a name of control bytes is shown escaped", r.stdout)
    for option in ("--verbose", "-v"):
        r = place.run("analyze", src, out, option)
        check(r.returncode == 0 and not RAW.search(r.stdout) and len(r.stdout) > 1000, option, r.stdout)
    for option in ("--quiet", "-q"):
        r = place.run("analyze", src, out, option)
        check(r.returncode == 0 and not r.stdout + r.stderr, f"{option} is silent", r.stdout + r.stderr)
    with open(src, "rb") as f:
        r = place.run("analyze", "-", "-", stdin=f)
    check(r.returncode == 0 and r.stdout == whole and b"YouTube" in r.stderr,
          "- and -: frames on stdout, the report on stderr", r.returncode)
    for args in (["--json", "-"], ["-j", "-"], ["--json", "/dev/stdout"], ["--json=-", "--verbose"],
                 ["--json", "-", "--workers", "1", "--reproducible"]):
        r = place.run("analyze", src, "/dev/null", *args)
        with_one = json.loads(r.stdout)  # more than one document is an error
        check(r.returncode == 0 and with_one["total_packets"] == FRAMES and not RAW.search(r.stdout),
              f"{' '.join(args)}: exactly one document", r.stdout[:80])
    names = ["json", "csv", "events"]
    r = place.run("analyze", src, out, *[a for n in names for a in ("--" + n, place.path(n))])
    texts = [place.get(n) for n in names]
    check(r.returncode == 0 and all(texts) and not any(RAW.search(t.replace(b"\r\n", b"\n"))
                                                       for t in texts),
          "--json, --csv and --events together, all printable", r.stderr)
    check(json.loads(texts[0])["connections"] and texts[1].count(b"\n") == 5 and
          all(json.loads(l)["event_type"] for l in texts[2].splitlines()), "and each in its form",
          texts[1])
    r = place.run("analyze", src, out, "--max-packets", "5", "--json", "-")
    check(json.loads(r.stdout)["total_packets"] == 5, "--max-packets", r.stdout[:80])
    r = place.run("analyze", src, out, "--local-net", "45.0.0.0/8", "--local-net", "10.0.0.0/8", "-q")
    check(r.returncode == 0, "--local-net repeats", r.stderr)
    a, b = (place.run("analyze", src, out, "--reproducible", "--workers", n).stdout for n in "14")
    check(a == b and b"Total packets" in a, "--reproducible: the same bytes from 1 worker and from 4", a)


def dropped(place, *rules):
    """Runs analyze with these; returns (exit status, frames that are gone, stderr)."""
    r = place.run("analyze", place.path("in.pcap"), place.path("out"), "--json", "-", *rules)
    return r.returncode, json.loads(r.stdout)["dropped_packets"] if r.stdout else None, r.stderr


def test_analyze_rules(place):
    capture(place)
    rows = [
        ("app", ["--block-app", "youtube"], 2), ("app, either form", ["--block-app=YouTube"], 2),
        ("category", ["--block-app", "category:Streaming"], 2),
        ("category, and one of its applications allowed",
         ["--block-app", "category:streaming", "--allow-app", "YouTube"], 0),
        ("allowed category", ["--block-app", "YouTube", "--allow-app", "category:streaming"], 0),
        ("learnt: own names too", ["--block-app", "learnt:YouTube"], 2),
        ("learnt domain: questions too", ["--block-domain", "learnt:tiktok.com"], 1),
        ("domain, and below it", ["--block-domain", "youtube.com"], 2),
        ("domain with a star", ["--block-domain", "*.youtube.com"], 2),
        ("domain, exact: another", ["--block-domain", "=youtube.com"], 0),
        ("domain, exact: that one", ["--block-domain", "=www.youtube.com"], 2),
        ("domain, look-alike", ["--block-domain", "tube.com"], 0),
        ("question", ["--block-domain", "tiktok.com"], 1),
        ("address", ["--block-ip", TUBE], 5), ("network", ["--block-ip", "45.1.0.0/16"], 15),
        ("source", ["--block-ip", "src:" + ME], 16), ("destination", ["--block-ip", "dst:" + ME], 0),
        ("port", ["--block-port", "80"], 5), ("port of another protocol", ["--block-port", "80/udp"], 0),
        ("port and protocol", ["--block-port", "53/udp"], 1),
        ("they repeat", ["--block-port", "80", "--block-port", "443", "--block-app", "X"], 10),
        ("an address is blocked before any name", ["--block-ip", TUBE, "--allow-domain", "youtube.com"], 5),
        ("allow-domain beats block-app", ["--block-app", "YouTube", "--allow-domain", "youtube.com"], 0),
        ("allow-ip beats block-app", ["--block-app", "YouTube", "--allow-ip", TUBE], 0),
        ("allow-app beats block-domain", ["--block-domain", "youtube.com", "--allow-app", "YouTube"], 0),
    ]
    for name, args, want in rows:
        status, got, err = dropped(place, *args)
        check(status == 0 and got == want and not err, f"analyze {name}", f"{got} dropped, not {want}: {err}")
    good = place.put("good.txt", "\ufeff# rules\n\n[blocked_apps]\n  youtube\nX # both\n[BLOCKED_PORTS] 80\r\n"
                     "[ALLOWED_DOMAINS]\n=github.com\n")
    check(dropped(place, "--rules", good)[:2] == (0, 2 + 5), "a rules file: sections in any case, comments, "
          "values behind a section, CRLF, a byte order mark", dropped(place, "--rules", good))
    first = place.put("first.txt", "[BLOCKED_APPS]\nYouTube\n")
    check(dropped(place, "--rules", first, "--block-port", "53")[1] == 3,
          "--rules and --block-* add up", dropped(place, "--rules", first, "--block-port", "53"))
    order = ["--block-domain", "youtube.com", "--block-app", "YouTube", "--block-port", "443",
             "--block-ip", TUBE]
    for i, want in ((0, "ip"), (2, "port"), (4, "app"), (6, "domain")):
        report = place.run("analyze", place.path("in.pcap"), "/dev/null", *order[:8 - i], "--json", "-")
        got = {c["block_reason"].split(":")[0] for c in json.loads(report.stdout)["blocked_connections"]}
        check(got == {want}, f"the reason recorded is the first that matches: {want}", got)
    check(dropped(place, "--block-domain", "co.uk", "--force")[0] == 0, "--force accepts a public suffix",
          "")
    report = json.loads(place.run("analyze", place.path("in.pcap"), "/dev/null", "--block-app",
                                  "category:streaming", "--json", "-").stdout)
    reasons = [c["block_reason"] for c in report["blocked_connections"]]
    check(reasons == ["app:category:streaming"] and
          report["rules"] == [{"rule": "app:category:streaming", "flows": 1, "packets": 2}],
          "a category is one rule, which the report names", f"{reasons} {report['rules']}")


BAD_LINES = [
    ("[BLOCKED_THINGS]", "no section"), ("[BLOCKED_IPS", "no section"), ("[]", "no section"),
    ("[BLOCKED_IPS]\n10.0.0.300", "not an address"), ("[BLOCKED_IPS]\n10.0.0.0/33", "not an address"),
    ("[BLOCKED_IPS]\nsrc:", "not an address"), ("[BLOCKED_IPS]\nexample.com", "not an address"),
    ("[BLOCKED_APPS]\nYoutub", "YouTube"), ("[BLOCKED_APPS]\n\x1b[31m", r"\x1b[31m"),
    ("[BLOCKED_DOMAINS]\na..b", "not a domain"),
    ("[BLOCKED_DOMAINS]\n" + "a" * 64 + ".com", "not a domain"), ("[BLOCKED_DOMAINS]\n10.0.0.1", "ip rule"),
    ("[BLOCKED_DOMAINS]\ncom", "--force"), ("[BLOCKED_PORTS]\n0", "1 to 65535"),
    ("[BLOCKED_PORTS]\n65536", "1 to 65535"), ("[BLOCKED_PORTS]\n80/sctp", "1 to 65535"),
    ("[ALLOWED_PORTS]\n80", "no section"), ("10.0.0.1", "before any section"),
    ("[BLOCKED_DOMAINS]\n" + "x" * 5000, "longer than"), ("[BLOCKED_DOMAINS]\n\x00", "not a domain"),
]


def test_bad_rules(place):
    src, out = capture(place), place.path("never")
    place.run("block-domain", "-q", "before.example")
    silent, not_named, wrote, word_lost = [], [], [], []
    for text, word in BAD_LINES:
        path = place.put("bad.txt", "# a comment\n" + text + "\n[BLOCKED_PORTS]\n80\n")
        line = 2 + (text.count("\n") if word != "no section" else 0)
        for args in (["analyze", src, out, "--rules", path], ["rules", "load", path]):
            r = place.run(*args)
            err = r.stderr.decode()
            if r.returncode != 2 or r.stdout:
                silent.append((text[:30], args[0], r.returncode))
            if f"bad.txt:{line}: " not in err or RAW.search(r.stderr):
                not_named.append((text[:30], err))
            if word not in err:
                word_lost.append((text[:30], err))
        wrote += [text] if os.path.exists(out) else []
    check(not silent, f"{len(BAD_LINES)} kinds of bad line: refused with 2", silent)
    check(not not_named, "each names file and line, printable", not_named[:3])
    check(not word_lost, "each says the fault and what is right", word_lost[:3])
    check(not wrote, "no OUT is made", wrote)
    check(place.rules() == {"BLOCKED_DOMAINS": ["before.example"]}, "the rules in force stay",
          place.rules())
    path = place.put("cut.txt", "[BLOCKED_DOMAINS]\na.example\n# end 2\n")
    expect(place, 2, ["rules", "load", path], "a half-written file", "cut.txt:3: ", "half written")
    for args in (["rules", "load", "/none"], ["rules", "load", "/etc"],
                 ["analyze", src, out, "--rules", "/none"], ["analyze", src, out, "--apps", "/none"]):
        expect(place, 2, args, f"{' '.join(args[-2:])}: no such file is a refused input", "check the path")


def test_analyze_refused(place):
    src, out = capture(place), place.path("never")
    text, empty = place.put("text", "hello\n" * 20), place.put("empty", b"")
    rows = [
        ("no such IN", ["/none", out], 2, "pcap"), ("IN is a directory", ["/etc", out], 2, "pcap"),
        ("IN is text", [text, out], 2, "pcap or pcapng"), ("IN is empty", [empty, out], 2, "pcap"),
        ("IN has no name", ["", out], 2, "pcap"), ("OUT has no name", [src, ""], 2, "give a file"),
        ("OUT is IN", [src, src], 2, "give another name"), ("OUT is a directory", [src, "/tmp"], 2, "file"),
        ("two on stdout", [src, "-", "--json", "-"], 2, "file of its own"),
        ("two in one file", [src, out, "--csv", out], 2, "file of its own"),
        ("an app nearly right", [src, out, "--block-app", "Youtub"], 2, "did you mean YouTube"),
        ("an option nearly right", [src, out, "--block-ap", "X", "--block-apq", "X"], 2, "--block-app"),
        ("a public suffix", [src, out, "--block-domain", "co.uk"], 2, "--force"),
        ("an address", [src, out, "--block-ip", "1.2.3"], 2, "10.0.0.7"),
        ("a port", [src, out, "--block-port", "http"], 2, "1 to 65535"),
        ("no workers", [src, out, "--workers", "0"], 2, "1 to 16"),
        ("too many workers", [src, out, "--workers", "17"], 2, "1 to 16"),
        ("half a number", [src, out, "--workers", "3x"], 2, "1 to 16"),
        ("a negative number", [src, out, "--max-packets", "-1"], 2, "give a number"),
        ("a network", [src, out, "--local-net", "here"], 2, "192.168.0.0/16"),
        ("a colour", [src, out, "--color=mauve"], 2, "always, never or auto"),
        ("no value", [src, out, "--block-app"], 2, "needs a value"),
        ("OUT in no directory", [src, "/none/out"], 5, "elsewhere"),
        ("a full OUT", [src, "/dev/full"], 5, "elsewhere"),
        ("a full report", [src, out, "--json", "/dev/full"], 5, "elsewhere"),
        ("events in no directory", [src, out, "--events", "/none/x"], 5, "elsewhere"),
    ]
    for name, args, status, word in rows:
        r = expect(place, status, ["analyze", *args], f"analyze, {name}: {status}", word)
        left = [f for f in os.listdir(place.dir) if f.startswith(("never", ".part"))]
        check(not left and (status == 5 or not r.stdout), f"and leaves nothing ({name})", left)
    cut = place.put("cut.pcap", place.get("in.pcap")[:-3])
    r = place.run("analyze", cut, place.path("cut.out"))
    check(r.returncode == 3 and b"record 16" in r.stderr and b"before it was processed" in r.stderr and
          cut and place.get("cut.pcap").startswith(place.get("cut.out")) and b"Total" in r.stdout,
          "a capture cut short: 3, and everything before it", r.stderr)
    r = place.run("analyze", src, out, "-q", preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_FSIZE, (500, 500)))
    check(r.returncode == 5 and not os.path.exists(out), "a disk that fills up: 5, and no OUT", r.stderr)


def test_stored(place):
    rows = [
        (["block-app", "youtube", "X"], "BLOCKED_APPS", ["YouTube", "Twitter"]),
        (["block-domain", "*.Facebook.com.", "=exact.example"], "BLOCKED_DOMAINS",
         ["facebook.com", "=exact.example"]),
        (["block-ip", "10.0.0.50", "192.168.1.7/24", "2001:DB8::/32", "src:10.0.0.7"], "BLOCKED_IPS",
         ["10.0.0.50", "192.168.1.0/24", "2001:db8::/32", "src:10.0.0.7"]),
        (["block-port", "6881", "8888/tcp"], "BLOCKED_PORTS", ["6881", "8888/tcp"]),
        (["allow-ip", "dst:203.0.113.9"], "ALLOWED_IPS", ["dst:203.0.113.9"]),
        (["allow-app", "github", "Category:EDUCATION"], "ALLOWED_APPS",
         ["GitHub", "category:education"]),
        (["allow-domain", "b\u00fccher.example"], "ALLOWED_DOMAINS", ["xn--bcher-kva.example"]),
    ]
    for args, section, want in rows:
        r = place.run(*args)
        check(r.returncode == 0 and b"no agent is running: stored" in r.stderr and
              place.rules().get(section) == want, f"{args[0]} stores, and says so",
              f"{r.stderr}: {place.rules()}")
        check(len(r.stdout.splitlines()) == len(args) - 1 and not RAW.search(r.stdout),
              f"{args[0]} answers a line a value", r.stdout)
        before = place.get("state/rules.txt")
        r = place.run(*args)
        check(r.returncode == 0 and place.get("state/rules.txt") == before and
              r.stdout.count(b"there already") == len(args) - 1 and b"stored, and" not in r.stderr,
              f"{args[0]} twice changes nothing", r.stdout + r.stderr)
    mode = os.stat(place.path("state/rules.txt")).st_mode & 0o777
    check(sorted(os.listdir(place.path("state"))) == ["history.txt", "rules.txt"] and mode == 0o640,
          "rules and what changed them, nobody else's to read", f"{os.listdir(place.path('state'))} {mode:o}")
    listed = json.loads(place.run("rules", "-j").stdout)["rules"]
    check(sum(map(len, place.rules().values())) == len(listed) == 14 and
          {"rule": "allow-app:GitHub", "kind": "app", "action": "allow", "value": "GitHub"} in listed,
          "rules --json: one document, every rule", listed[:2])
    text = place.run("rules").stdout
    place.run("rules", "save", place.path("saved"))
    check(place.get("saved") == text == place.run("rules", "list").stdout ==
          place.run("rules", "save", "-").stdout, "rules, list, save FILE and save - agree", text)
    check(place.run("rules", "clear").returncode == 0 and place.rules() == {}, "clear", place.rules())
    with open(place.path("saved"), "rb") as f:
        r = place.run("rules", "load", "-", stdin=f)
    check(r.returncode == 0 and b"14 rules" in r.stdout and place.run("rules").stdout == text,
          "load of what was saved is the same set, from standard input too", r.stdout + r.stderr)
    for args, section, _ in rows:
        undo = [args[0].replace("block", "unblock") if args[0][0] == "b" else "dis" + args[0], *args[1:]]
        r = place.run(*undo)
        check(r.returncode == 0 and section not in place.rules(), f"{undo[0]} takes them away",
              place.rules())
        r = place.run(*undo)
        check(r.returncode == 0 and r.stdout.count(b"no such rule") == len(args) - 1,
              f"{undo[0]} twice is no fault", r.stdout)
    check(place.rules() == {}, "nothing is left", place.rules())


def test_learnt(place):
    """--learnt stands for learnt:VALUE, and only where a rule is for names."""
    place.run("block-domain", "-q", "--learnt", "*.A.example.", "=b.example")
    place.run("block-app", "-q", "YouTube", "category:social", "--learnt")
    place.run("allow-domain", "-q", "--learnt", "ok.a.example")
    want = {"BLOCKED_DOMAINS": ["learnt:a.example", "learnt:=b.example"],
            "BLOCKED_APPS": ["learnt:YouTube", "learnt:category:social"],
            "ALLOWED_DOMAINS": ["learnt:ok.a.example"]}
    check(place.rules() == want, "--learnt is stored as learnt:NAME", place.rules())
    listed = json.loads(place.run("rules", "-j").stdout)["rules"]
    check({"rule": "app:learnt:category:social", "kind": "app", "action": "block",
           "value": "learnt:category:social"} in listed, "and listed so", listed)
    r = place.run("block-domain", "learnt:a.example")
    check(b"there already" in r.stdout, "learnt:NAME is the same rule", r.stdout)
    r = place.run("unblock-app", "youtube")
    check(b"no such rule" in r.stdout and place.rules() == want, "and another than NAME", r.stdout)
    place.run("unblock-app", "-q", "--learnt", "youtube", "category:social")
    place.run("unblock-domain", "-q", "learnt:a.example", "learnt:=b.example")
    place.run("disallow-domain", "-q", "--learnt", "ok.a.example")
    check(place.rules() == {}, "each is taken away in either form", place.rules())
    for args in (["block-ip", "--learnt", "10.0.0.1"], ["block-port", "--learnt", "80"],
                 ["allow-ip", "--learnt", "10.0.0.1"], ["rules", "--learnt"]):
        expect(place, 2, args, f"{' '.join(args)}: no such option there", "no option --learnt")
    text = place.put("learnt.txt", "[BLOCKED_APPS] learnt:prime video category:social\n"
                     "[BLOCKED_DOMAINS]\nLearnt:x.example\n")
    place.run("rules", "load", "-q", text)
    check(place.rules() == {"BLOCKED_APPS": ["learnt:PrimeVideo", "category:social"],
                            "BLOCKED_DOMAINS": ["learnt:x.example"]}, "in a rules file too", place.rules())


def test_users_applications(place):
    """An application of /etc/dpi-xdp/apps.d is known to every command, with no agent too. The file
    stands in an /etc that only these commands see."""
    if os.geteuid() != 0:
        say("skip", "an application that users added", "needs root for a mount of its own")
        return
    os.makedirs(place.path("etc/dpi-xdp/apps.d"))
    place.put("etc/dpi-xdp/apps.d/mine.conf",
              b"[Mine Own]\ncategory = test\ndomain = mine.example\n")
    for words, said in (("block-app 'mine own'", b"blocked"), ("why www.mine.example", b"app:Mine Own"),
                        ("apps", b"Mine Own"), ("rules", b"Mine Own"),
                        ("block-app category:TEST", b"blocked"), ("rules", b"category:test"),
                        ("unblock-app 'mine own'", b"no longer"),
                        ("why www.mine.example", b"app:category:test")):
        script = f"mount --bind {place.path('etc')} /etc && exec {BIN} {words}"
        r = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, timeout=20,
                           env=dict(os.environ, DPI_XDP_STATE_DIR=place.path("state"),
                                    DPI_XDP_RUN_DIR=place.path("run")))
        check(r.returncode == 0 and said in r.stdout,
              f"an application that users added: {words}", f"{r.stdout} {r.stderr}")


def test_stored_refused(place):
    place.run("block-ip", "-q", "10.0.0.1")
    before = place.get("state/rules.txt")
    rows = [(["block-app", "Youtub"], "did you mean YouTube"), (["block-app", ""], "dpi-xdp apps"),
            (["block-app", "category:sozial"], "did you mean social"),
            (["allow-app", "category:"], "dpi-xdp apps"), (["block-app", "social"], "no known application"),
            (["block-domain", "fine.example", "co.uk"], "--force"), (["block-domain", "a b"], "example.com"),
            (["block-domain", "\udcff\x1b"], r"\xff\x1b"), (["block-ip", "::g"], "2001:db8::/32"),
            (["block-ip", "fine.example"], "10.0.0.7"), (["block-port", "0"], "1 to 65535"),
            (["allow-domain", "com"], "--force"), (["unblock-app", "Nonesuch"], "dpi-xdp apps"),
            (["unblock-port", "x"], "1 to 65535")]
    for args, word in rows:
        expect(place, 2, args, f"{ascii(' '.join(args))} is refused", word)
    check(place.get("state/rules.txt") == before, "all or nothing: the rules are as before", "changed")
    check(place.run("block-domain", "--force", "-q", "co.uk").returncode == 0 and
          place.rules()["BLOCKED_DOMAINS"] == ["co.uk"], "--force means it", place.rules())
    check(place.run("rules", "-q").returncode == 0, "and what was stored by force can be read", "")
    place.put("state/rules.txt", before + b"[WHAT]\n")
    lines = before.count(b"\n") + 1
    for args in (["block-ip", "10.0.0.2"], ["rules"], ["why", "a.example"], ["rules", "save", "x"]):
        expect(place, 2, args, f"stored rules that are damaged: {args[0]} names file and line",
               f"rules.txt:{lines}: ", "[BLOCKED_IPS]")
    check(place.get("state/rules.txt") == before + b"[WHAT]\n", "and leaves them to be mended", "changed")
    check(place.run("rules", "clear").returncode == 0 and place.rules() == {}, "clear starts anew", "")
    expect(place, 5, ["rules", "save", "/nonesuch/x"], "saved where nothing can be", "unchanged; check the path")
    if os.geteuid() == 0:
        for part, mode in (("", 0o755), ("state", 0o755), ("state/rules.txt", 0o600)):
            os.chmod(place.path(part), mode)
        r = place.run("rules", env={"DPI_XDP_RUN_DIR": place.path("nonesuch")}, preexec_fn=lambda: (
            os.setgroups([]), os.setgid(65534), os.setuid(65534)))
        check(r.returncode == 4 and b"such as root" in r.stderr, "rules that one may not read: 4, and who may", r)
    else:
        say("skip", "rules that one may not read", "needs root, to be somebody else")
    place.env["DPI_XDP_STATE_DIR"] = "/proc/none"
    r = place.run("block-ip", "10.0.0.1")
    check(r.returncode in (1, 4, 5) and b"run as root" in r.stderr, "a place where nothing can be stored",
          r.stderr)


def test_save_elsewhere(place):
    place.run("block-ip", "-q", "10.0.0.1")
    text = place.run("rules").stdout
    place.put("target", "old")
    os.symlink(place.path("target"), place.path("link"))
    os.mkfifo(place.path("fifo"))
    r = place.run("rules", "save", place.path("link"))
    check(r.returncode == 0 and os.path.islink(place.path("link")) and place.get("target") == text,
          "rules save through a link leaves the link", r.stderr)
    with subprocess.Popen(["cat", place.path("fifo")], stdout=subprocess.PIPE) as reader:
        r = place.run("rules", "save", place.path("fifo"))
        check(r.returncode == 0 and reader.stdout.read() == text, "rules save into a pipe", r.stderr)
    expect(place, 5, ["rules", "save", "/dev/full"], "rules save on a full device: 5", "elsewhere")
    expect(place, 5, ["rules", "save", "/none/x"], "rules save in no directory: 5", "elsewhere")
    with open("/dev/full", "wb") as full:
        for args in (["rules"], ["rules", "-j"], ["why", "a.example"], ["apps"], ["--help"], ["--version"],
                     ["help", "attach"]):
            expect(place, 5, args, f"{' '.join(args)} into a full disk: 5", "standard output", stdout=full)


def test_parallel(place):
    """Twenty at a time, none forgotten."""
    all_of_it = [subprocess.Popen([BIN, "block-domain", "-q", f"n{i}.example"], env=place.env)
                 for i in range(20)]
    statuses = [c.wait(30) for c in all_of_it]
    got = place.rules().get("BLOCKED_DOMAINS", [])
    check(not any(statuses) and len(got) == 20, "20 changes at once of the stored rules",
          f"{len(got)} of 20, {statuses}")


def test_why(place):
    place.run("block-app", "-q", "YouTube")
    place.run("block-domain", "-q", "tiktok.com", "=one.example")
    place.run("block-ip", "-q", "10.0.0.0/8", "src:45.0.0.1")
    place.run("block-port", "-q", "53/udp", "8080")
    place.run("allow-domain", "-q", "music.youtube.com")
    place.run("allow-ip", "-q", "10.0.0.9")
    place.run("block-app", "-q", "category:streaming")
    place.run("block-app", "-q", "--learnt", "Reddit")
    rows = [
        ("www.netflix.com", "name", True, "app:category:streaming"),
        ("www.reddit.com", "name", True, "app:learnt:Reddit"),
        ("www.youtube.com", "name", True, "app:YouTube"), ("WWW.YouTube.com.", "name", True, "app:YouTube"),
        ("music.youtube.com", "name", False, "allow-domain:music.youtube.com"),
        ("a.b.tiktok.com", "name", True, "domain:tiktok.com"), ("nottiktok.com", "name", False, None),
        ("one.example", "name", True, "domain:=one.example"), ("a.one.example", "name", False, None),
        ("10.1.2.3", "address", True, "ip:10.0.0.0/8"), ("10.0.0.9", "address", False, "allow-ip:10.0.0.9"),
        ("45.0.0.1", "address", True, "ip:src:45.0.0.1"), ("2001:db8::1", "address", False, None),
        ("10.1.1.1:1-45.0.0.9:443", "flow", True, "ip:10.0.0.0/8"),
        ("45.0.0.9:443-45.0.0.1:1", "flow", False, None),
        ("45.0.0.1:443-45.0.0.9:1/tcp", "flow", True, "ip:src:45.0.0.1"),
        ("45.0.0.2:99-45.0.0.3:53/udp", "flow", True, "port:53/udp"),
        ("45.0.0.2:99-45.0.0.3:53/tcp", "flow", False, None),
        ("45.0.0.2:8080-45.0.0.3:99", "flow", False, None),
        ("[2001:db8::2]:99-[2001:db8::1]:8080", "flow", True, "port:8080"),
        ("YouTube", "app", True, "app:YouTube"), ("Netflix", "app", True, "app:category:streaming"),
        ("GitHub", "app", False, None), ("Booking.com", "name", False, None),
        ("8080", "port", True, "port:8080"), ("8080/udp", "port", True, "port:8080"),
        ("53", "port", True, "port:53/udp"), ("53/udp", "port", True, "port:53/udp"),
        ("53/tcp", "port", False, None),
    ]
    for what, kind, blocked, rule in rows:
        r = place.run("why", what, "-j")
        got = json.loads(r.stdout or b"{}")
        check(r.returncode == 0 and got.get(kind) == what and got["blocked"] is blocked and
              got["rule"] == rule, f"why {what}", r.stdout + r.stderr)
        r = place.run("why", what)
        word = "blocked" if blocked else "allowed" if rule else "not blocked"
        check(r.stdout.decode().startswith(f"{what} is {word}\n") and (rule or "none") in r.stdout.decode()
              and b"stored rules" in r.stderr, f"why {what}, as text", r.stdout)
    got = json.loads(place.run("why", "-j", "www.youtube.com").stdout)
    check((got["app"], got["category"]) == ("YouTube", "streaming"), "why names application and category",
          got)
    check(place.run("why", "twitter").stdout == place.run("why", "X").stdout == b"Twitter is not blocked\n"
          b"  rule         none speaks of it\n", "why X is asked of Twitter", place.run("why", "X").stdout)
    r = place.run("why", "www.netflix.com")
    check(b"compared with the category" in r.stdout, "why says that a category decided", r.stdout)
    for what in ("", "a b", "1.2.3.4:99999-2.3.4.5:1", "1.2.3.4:5-", "a\x1b[31m", "\udcff", "-" * 300):
        expect(place, 2, ["why", "--", what], f"why {ascii(what)[:20]}: 2", "a flow is written")


def test_colour(place):
    src = capture(place)
    args = ["analyze", src, "/dev/null"]

    def coloured(options, env, terminal):
        if not terminal:
            return b"\x1b[" in place.run(*args, *options, env=env).stdout
        ours, theirs = pty.openpty()
        r = subprocess.Popen([BIN, *args, *options], stdin=subprocess.DEVNULL, stdout=theirs,
                             stderr=subprocess.DEVNULL, env={**place.env, "TERM": "xterm", **env})
        os.close(theirs)
        data = b""
        while True:
            try:
                more = os.read(ours, 65536)
            except OSError:
                break
            if not more:
                break
            data += more
        os.close(ours)
        r.wait(30)
        return b"\x1b[" in data

    rows = [("a terminal", [], {}, True, True), ("a pipe", [], {}, False, False),
            ("NO_COLOR", [], {"NO_COLOR": "1"}, True, False), ("NO_COLOR empty", [], {"NO_COLOR": ""}, True, True),
            ("TERM=dumb", [], {"TERM": "dumb"}, True, False), ("--color in a pipe", ["--color"], {}, False, True),
            ("--color=always beats NO_COLOR", ["--color=always"], {"NO_COLOR": "1"}, False, True),
            ("--color=never", ["--color=never"], {}, True, False), ("--color=auto", ["--color=auto"], {}, False, False)]
    for name, options, env, terminal, want in rows:
        got = coloured(options, env, terminal)
        check(got is want, f"colour: {name}", f"{got}")
    r = place.run(*args, env={"LC_ALL": "C"})
    check(not RAW.search(r.stdout), "a locale without boxes gets plain ASCII", r.stdout[:80])
    r = place.run(*args, env={"LC_ALL": "C.UTF-8"})
    check("═".encode() in r.stdout and not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", r.stdout),
          "a UTF-8 locale gets boxes, and still no control byte", r.stdout[:80])


def main():
    wanted = sys.argv[1:]
    if not os.access(BIN, os.X_OK):
        say("FAIL", "setup", f"{BIN} is not built; run make")
    else:
        for test in (test_help, test_usage, test_told, test_no_agent, test_analyze_files, test_analyze_rules,
                     test_bad_rules, test_analyze_refused, test_stored, test_learnt,
                     test_users_applications,
                     test_stored_refused,
                     test_save_elsewhere, test_parallel, test_why, test_colour):
            if wanted and test.__name__ not in wanted:
                continue
            with Place() as place:
                try:
                    test(place)
                except Exception as e:  # a broken test is a failed one, and the next still runs
                    say("FAIL", test.__name__, f"{type(e).__name__}: {e}")
    tail = f", {results['skip']} skipped" if results["skip"] else ""
    print(f"{results['ok']} passed, {results['FAIL']} failed{tail}")
    return 1 if results["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
