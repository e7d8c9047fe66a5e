#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
What a distribution does with the program: install, package, manual, completion, units.

    test_package.py [--full] [TEST...]

Without --full nothing leaves the build directory. --full makes a fresh Debian by debootstrap (kept
in build/package for the next time), boots it with systemd-nspawn in network namespaces of its own
and with a bpffs of its own, installs the package there with apt, lets systemd run the services,
blocks, looks at what arrives, removes and purges; see full_package.py.
"""
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("DPI_BUILD", "build")
PROGRAM = os.path.abspath(os.environ.get("DPI_XDP", os.path.join(TOP, BUILD, "dpi-xdp")))
EXPOSURE_MAX = 3.0
failed = 0


def check(good, name, why=""):
    global failed
    print(f"ok {name}" if good else f"FAIL {name}: {why}", flush=True)
    failed += not good
    return bool(good)


def run(*args, timeout=120, **kw):
    kw.setdefault("cwd", TOP)
    kw.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(args, capture_output=True, text=True, errors="replace", timeout=timeout, **kw)


def tables():
    """The program's commands and their options, as it tells them itself: {name: (args, help, rows)}."""
    found, name = {}, None
    for line in run(PROGRAM, "help", "--tables").stdout.splitlines():
        kind, *rest = line.split("\t")
        if kind == "c":
            name = rest[0]
            found[name] = (rest[1], rest[2], [])
        else:
            found[name][2].append(tuple(rest))
    return found


def make(*targets):
    return run("make", "--no-print-directory", f"BUILD={BUILD}", *targets, timeout=280)


# --- the tables themselves --------------------------------------------------------------------
def test_tables():
    told = tables()
    listed = re.findall(r"^  (\S+) ", run(PROGRAM, "--help").stdout, re.M)
    check(sorted(told) == sorted(listed), "tables/commands", f"{set(listed) ^ set(told)}")
    for name, (_, _, rows) in told.items():
        text = run(PROGRAM, name, "--help").stdout
        shown = set(re.findall(r"--([a-z0-9-]+)", text.partition("Options:")[2]))
        rows = {r[0] for r in rows}
        missing = {o for o in rows if not re.search(rf"--{o}\b", text)}
        if not rows or missing or "help" not in shown:
            check(False, f"tables/{name}", f"help shows not {missing}, table has {len(rows)} rows")
    check(True, "tables/options")


# --- manual -----------------------------------------------------------------------------------
def test_manual():
    pages, aliases = {}, {}
    folder = os.path.join(TOP, BUILD, "man")
    for page in sorted(os.listdir(folder)):
        with open(os.path.join(folder, page)) as f:
            source = f.read()
        if source.startswith(".so "):
            target = os.path.join(folder, source.split("/")[1].strip())
            aliases[page] = os.path.exists(target) and os.path.basename(target)
            continue
        shown = run("groff", "-man", "-Tutf8", "-ww", "-rLL=100n", os.path.join(folder, page),
                    env=dict(os.environ, GROFF_NO_SGR="1"))
        pages[page] = re.sub(r".\x08", "", shown.stdout)
        good = shown.returncode == 0 and not shown.stderr and ".TH" in source
        check(good, f"manual/{page}", shown.stderr[:300])
    check(aliases and all(aliases.values()), "manual/aliases", aliases)
    man = run("man", "--warnings", "-l", os.path.join(folder, "dpi-xdp.1"))
    check(man.returncode == 0 and not man.stderr, "manual/man", man.stderr[:300])
    for name, (_, help_text, rows) in tables().items():
        of = [p for p, text in pages.items() if p != "dpi-xdp.1" and
              re.search(rf"^ +{re.escape(name)}$", text, re.M)]
        flat = " ".join(pages["dpi-xdp.1"].split()).replace("‐ ", "")
        head = help_text[:30]
        own = f"dpi-xdp-{name}.1"
        if not check(len(of) == 1 and of[0] == aliases.get(own, own), f"manual/of-{name}", f"is on {of}"):
            continue
        text = pages[of[0]] + pages["dpi-xdp.1"]
        lost = [o for o, *_ in rows if not re.search(rf"--{re.escape(o)}\b", text)]
        check(not lost and head in flat, f"manual/options-{name}", f"not described: {lost or head}")


def test_manual_drift():
    """A command that no page describes stops the build."""
    with tempfile.TemporaryDirectory() as d:
        with open(f"{d}/tables", "w") as f:
            f.write(run(PROGRAM, "help", "--tables").stdout + "c\tinvented\tX\tnothing\n")
        r = run("scripts/man/make", f"{d}/tables", f"{d}/man")
    check(r.returncode and "invented" in r.stderr, "manual/drift", r.stderr)


# --- completion -------------------------------------------------------------------------------
BASH = r'''
. "$1"
COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDBREAKS=$' \t\n"\'><=;|&(:' COMPREPLY=()
_dpi_xdp
printf '%s\n' "${COMPREPLY[@]}"
'''


def bash_offers(line, env):
    r = run("bash", "-c", BASH, "bash", os.path.join(BUILD, "completion", "dpi-xdp"), line, env=env)
    return [x for x in r.stdout.splitlines() if x], r.stderr


def test_bash(env):
    told = tables()
    rows = [  # what is typed; what must be offered; what must not
        ("", list(told) + ["help"], []),
        ("bl", ["block-app", "block-domain", "block-ip", "block-port"], ["unblock-app"]),
        ("attach ", ["lo"], ["--mode"]),
        ("attach --m", ["--mode", "--monitor"], ["--rules"]),
        ("attach --mode ", ["auto", "native", "generic"], ["lo"]),
        ("attach --mode=n", ["native"], ["auto"]),
        ("attach --mode native l", ["lo"], []),
        ("attach --rules READ", ["README.md"], []),
        ("-q sta", ["stats", "status"], []),
        ("status --color=", ["always", "auto", "never"], []),
        ("analyze LIC", ["LICENSE"], []),
        ("rules ", ["clear", "list", "load", "save", "reload"], ["LICENSE"]),
        ("rules load LIC", ["LICENSE"], ["list"]),
        ("rules list ", [], ["list"]),
        ("block-app youtu", ["YouTube"], ["TikTok"]),
        ("block-app truth\\ s", ["Truth\\ Social"], []),
        ("block-app category:gamb", ["gambling"], []),
        ("unblock-app ", ["TikTok"], ["YouTube"]),
        ("unblock-ip 2001:d", ["db8::/32"], []),
        ("unblock-domain =x", ["x.example.com"], []),
        ("disallow-domain ", ["good.example.com"], ["TikTok"]),
        ("help ana", ["analyze"], []),
        ("--ver", ["--version"], []),
        ("nothing-such ", [], ["lo"]),
    ]
    for typed, wanted, unwanted in rows:
        got, err = bash_offers(f"{PROGRAM} {typed}", env)
        lost = [w for w in wanted if w not in got]
        extra = [u for u in unwanted if u in got] + (got if not wanted and got else [])
        check(not lost and not extra and not err, f"bash/{typed or 'nothing'}",
              f"not offered {lost[:5]}, offered {extra[:5]} {err[:200]}")
    for name, (_, _, options) in told.items():
        got, err = bash_offers(f"{PROGRAM} {name} --", env)
        if sorted(got) != sorted("--" + o[0] for o in options) or err:
            check(False, f"bash/options-{name}", f"{got} {err}")
    check(True, "bash/options")


def typed(shell, script, keys, wanted, env):
    """A shell at a terminal, its own machinery: what a Tab after the keys makes of the line. The line
    is never run. Returns what is shown once `wanted` is, or after some seconds."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(TOP)
        os.execvpe(shell[0], shell, dict(env, TERM="dumb", COLUMNS="120"))

    def read(until, seconds):
        shown, end = "", time.monotonic() + seconds
        while time.monotonic() < end and until not in shown:
            if select.select([fd], [], [], 0.1)[0]:
                try:
                    shown += os.read(fd, 65536).decode(errors="replace").replace("\x07", "")
                except OSError:
                    break
        return shown

    path = f"PATH={os.path.dirname(PROGRAM)}:$PATH; PS1='> '; "
    os.write(fd, (path + script + "; echo rea''dy\n").encode())
    read("\nready", 10)
    os.write(fd, keys.encode() + b"\t")
    shown = read(wanted, 6)
    os.write(fd, b"\x15exit\n")
    read("no such text", 0.2)
    os.close(fd)
    os.waitpid(pid, 0)
    return shown


def test_shells(env):
    folder = os.path.join(TOP, BUILD, "completion")
    shells = {"bash": (["bash", "--norc", "--noprofile", "-i"], f". {folder}/dpi-xdp"),
              "zsh": (["zsh", "-f", "-i"],
                      f"fpath=({folder} $fpath); autoload -Uz compinit; compinit -u -D")}
    for shell, (command, script) in shells.items():
        if not shutil.which(shell):
            check(False, shell, "is not installed; run scripts/install-deps")
            continue
        for keys, wanted in (("dpi-xdp det", "dpi-xdp detach "),
                             ("dpi-xdp attach --mode nat", "--mode native "),
                             ("dpi-xdp unblock-app Tik", "unblock-app TikTok "),
                             ("dpi-xdp block-app Truth\\ S", "Truth\\ Social "),
                             ("dpi-xdp attach --fore", "attach --foreground ")):
            shown = typed(command, script, keys, wanted, env)
            check(wanted in shown, f"{shell}/{wanted.strip()}", repr(shown[-400:]))


def test_completion():
    with tempfile.TemporaryDirectory() as d:
        env = dict(os.environ, DPI_XDP_STATE_DIR=f"{d}/state", DPI_XDP_RUN_DIR=f"{d}/run", LC_ALL="C.UTF-8")
        with open(f"{d}/rules", "w") as f:
            f.write("[BLOCKED_APPS]\nTikTok\n[BLOCKED_IPS]\n2001:db8::/32\n[BLOCKED_DOMAINS]\n"
                    "=x.example.com\n[ALLOWED_DOMAINS]\ngood.example.com\n")
        r = run(PROGRAM, "-q", "rules", "load", f"{d}/rules", env=env)
        if check(r.returncode == 0, "completion/rules", r.stderr):
            test_bash(env)
            test_shells(env)


# --- units, install ---------------------------------------------------------------------------
def test_install():
    with tempfile.TemporaryDirectory() as d:
        here = [f"DESTDIR={d}", "PREFIX=/usr"]
        r = make("install", *here)
        program = f"{d}/usr/bin/dpi-xdp"
        check(r.returncode == 0 and os.access(program, os.X_OK), "install/program", r.stderr)
        units = f"{d}/usr/lib/systemd/system"
        for unit in sorted(os.listdir(units)):
            r = run("systemd-analyze", "security", "--offline=true", "--no-pager", f"{units}/{unit}")
            level = re.search(r"exposure level for \S+: ([0-9.]+)", r.stdout)
            check(level and float(level[1]) <= EXPOSURE_MAX and not r.stderr, f"units/exposure-{unit}",
                  f"{level and level[1]} {r.stderr}")
            with open(f"{units}/{unit}") as f:
                check("@" not in re.sub(r"@(system-service|privileged|resources)|^#.*", "", f.read(), flags=re.M),
                      f"units/filled-{unit}")
        r = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *(f"{units}/{u}" for u in os.listdir(units)))
        faults = [x for x in r.stderr.splitlines() if "dpi-xdp" in x and "is not executable" not in x]
        check(not faults, "units/verify", faults[:3])
        conf = f"{d}/etc/dpi-xdp/dpi-xdp.conf"
        with open(conf, "a") as f:
            f.write("# mine\n")
        make("install", *here)
        with open(conf) as f:
            check("# mine" in f.read() and os.path.exists(conf + ".new"), "install/configuration-kept")
        r = make("uninstall", *here)
        left = [os.path.join(w, f) for w, _, files in os.walk(d) for f in files]
        check(r.returncode == 0 and all(f.startswith(f"{d}/etc/") for f in left), "install/uninstall", left)
        check(not [w for w, _, _ in os.walk(d) if w.endswith("/dpi-xdp") and "/etc/" not in w],
              "install/uninstall-directories")


# --- the package ------------------------------------------------------------------------------
def package():
    folder = os.path.join(TOP, BUILD, "deb")
    debs = [f for f in os.listdir(folder) if f.endswith(".deb")] if os.path.isdir(folder) else []
    return os.path.join(folder, debs[0]) if len(debs) == 1 else None


def test_deb():
    r = make("deb")
    deb = package()
    if not check(r.returncode == 0 and deb, "deb/builds", r.stderr[-500:]):
        return
    changes = [f for f in os.listdir(os.path.dirname(deb)) if f.endswith(".changes")][0]
    r = run("lintian", "--fail-on", "none", os.path.join(os.path.dirname(deb), changes), timeout=200)
    tags = re.findall(r"^[EW]: .*", r.stdout + r.stderr, re.M)
    check(r.returncode == 0 and not tags, "deb/lintian", tags[:5] or r.stderr[:300])
    # Every library that the program names is of a package that it depends on.
    depends = run("dpkg-deb", "-f", deb, "Depends").stdout
    needed = re.findall(r"NEEDED.*\[(\S+)\]", run("readelf", "-d", PROGRAM).stdout)
    cache = run("/sbin/ldconfig", "-p").stdout
    lost = []
    for name in needed:
        path = re.search(rf"{re.escape(name)} .*=> (\S+)", cache)
        real = os.path.realpath(path[1]) if path else "none"
        # /lib is /usr/lib by now, but a package may know it by its old name.
        owner = "".join(run("dpkg-query", "-S", p).stdout.split(":")[0]
                        for p in (real, real.removeprefix("/usr")))
        if not owner or not re.search(rf"(^|, ){re.escape(owner)}\b", depends):
            lost.append(f"{name} ({owner})")
    check(needed and not lost, "deb/depends", lost)
    inside = run("dpkg-deb", "-c", deb).stdout
    for path in ("./usr/bin/dpi-xdp", "./lib/systemd/system/dpi-xdp.service", "./usr/share/man/man1/dpi-xdp.1.gz",
                 "./usr/share/bash-completion/completions/dpi-xdp", "./etc/dpi-xdp/dpi-xdp.conf",
                 "./usr/share/zsh/vendor-completions/_dpi-xdp", "./etc/logrotate.d/dpi-xdp"):
        check(f" {path}\n" in inside, f"deb/holds-{os.path.basename(path)}", path)
    with tempfile.TemporaryDirectory() as d:
        run("dpkg-deb", "-x", deb, d)
        text = open(f"{d}/usr/bin/dpi-xdp", "rb").read()
        check(TOP.encode() + b"/" not in text, "deb/no-path-of-this-machine")


TESTS = {"tables": test_tables, "manual": test_manual, "drift": test_manual_drift,
         "completion": test_completion, "install": test_install, "deb": test_deb}


def main():
    wanted = [a for a in sys.argv[1:] if a != "--full"]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    r = make("papers")
    if not check(r.returncode == 0, "papers", r.stderr[-500:]):
        return
    for name, test in TESTS.items():
        if wanted and name not in wanted:
            continue
        begin = time.monotonic()
        try:
            test()
        except Exception as e:  # a broken test is a failed one, and the next still runs
            check(False, name, f"{type(e).__name__}: {e}")
        print(f"# {name}: {time.monotonic() - begin:.1f} s", flush=True)
    if "--full" in sys.argv:
        import full_package
        full_package.run_all(check, package())


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    main()
    print(f"{'some' if failed else 'none'} failed")
    sys.exit(1 if failed else 0)
