#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""
`attach --action reset`: both ends of a blocked connection are told at once, a connection to a blocked
port is refused at once, and an innocent one is left alone; on the client's own host, both families.
What is made up is right, checksums included: the ends' own TCP takes it for real.
"""
import socket
import threading
import time

import net

BLOCKED_PORT = 9999
AT_ONCE_S = 1.0


def server_end(server, family, port, result):
    """Accepts one connection, answers its first bytes, goes on sending until it is told to stop."""
    s = server.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_STREAM)
    with s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((net.SERVER[family], port))
        s.listen()
        result["ready"].set()
        s.settimeout(5)
        conn, _ = s.accept()
        with conn:
            conn.settimeout(5)
            try:
                conn.recv(65536)
                for _ in range(100):
                    conn.sendall(b"x" * 200)
                    time.sleep(0.02)
            except ConnectionError:
                result["reset"] = True
            except OSError as e:
                result["other"] = repr(e)


def both_ends(suite, client, server, family, name, expected):
    port = 8100 + family + (10 if expected else 0)
    result = {"ready": threading.Event(), "reset": False}
    t = threading.Thread(target=server_end, args=(server, family, port, result))
    t.start()
    result["ready"].wait(5)
    got, was_reset, start = 0, False, time.monotonic()
    with net.connect(client, family, port) as s:
        s.sendall(net.http_request(name))
        s.settimeout(0.5)
        try:
            while got < 2000:
                got += len(s.recv(65536)) or 10**6
        except ConnectionResetError:
            was_reset = True
        except TimeoutError:
            pass
        seconds = time.monotonic() - start
        if expected:
            t.join()
    t.join()
    if expected:
        suite.check(was_reset and seconds < AT_ONCE_S, f"IPv{family}: the client is told at once",
                    f"reset: {was_reset}, after {seconds:.2f} s and {got} bytes")
        suite.check(result["reset"], f"IPv{family}: the server is told too", f"{result}")
    else:
        suite.check(not was_reset and got >= 2000, f"IPv{family}: an innocent connection goes on",
                    f"reset: {was_reset}, {got} bytes")


def refused(suite, client, family):
    start = time.monotonic()
    try:
        net.connect(client, family, BLOCKED_PORT).close()
        why = "it is answered"
    except ConnectionRefusedError:
        why = ""
    except OSError as e:
        why = repr(e)
    seconds = time.monotonic() - start
    suite.check(not why and seconds < AT_ONCE_S, f"IPv{family}: a blocked port refuses at once",
                f"{why} after {seconds:.2f} s")


def resets(suite):
    with net.Lab() as lab:
        client, server = lab.paired()
        # A veth takes what XDP sends back only when its other end has a program too.
        far = lab.agent(server)
        far.attach("eth0", "--monitor")
        agent = lab.agent(client)
        agent.attach("eth0", "--action", "reset")
        agent.run("block-domain", "blocked.example")
        agent.run("block-port", str(BLOCKED_PORT))
        for family in (4, 6):
            both_ends(suite, client, server, family, "www.blocked.example", True)
            both_ends(suite, client, server, family, "allowed.example", False)
            refused(suite, client, family)
        sent = agent.json("stats")["counters"]["kernel_resets_sent"]
        suite.check(sent >= 6, "resets are counted", f"{sent}")
        suite.check(agent.json("status")["action"] == "reset", "status names the action", "")
        agent.attach("eth0", "--action", "drop")
        suite.check(agent.json("status")["action"] == "drop", "and it can be changed", "")
        agent.detach()
        far.detach()


if __name__ == "__main__":
    net.main([resets], ("ip", "nsenter"))
