# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
What the golden tests have in common: a line a check, a temporary directory a test, and files.
"""
import subprocess
import sys
import tempfile

results = {"ok": 0, "FAIL": 0, "skip": 0}


def say(word, name, why=""):
    results[word] += 1
    print(f"{word} {name}{': ' + why if why else ''}", flush=True)


def need(condition, why):
    if not condition:
        raise AssertionError(why)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)
    return path


def main(names):
    """Runs every test_ of a module's globals(), or those that the command line names."""
    tests = [(n[5:].replace("_", " "), f) for n, f in sorted(names.items())
             if n.startswith("test_") and (len(sys.argv) < 2 or n[5:] in sys.argv[1:])]
    for name, test in tests:
        before = results["skip"]
        with tempfile.TemporaryDirectory() as tmp:
            try:
                test(tmp)
                if results["skip"] == before:
                    say("ok", name)
            except (AssertionError, OSError, ValueError, AttributeError, StopIteration,
                    subprocess.SubprocessError) as why:
                say("FAIL", name, str(why).replace("\n", " ")[:2000])
    print(f"{results['ok']} passed, {results['FAIL']} failed")
    sys.exit(1 if results["FAIL"] else 0)
