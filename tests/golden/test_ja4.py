#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""JA4 of the hellos in real captures: against rows known from elsewhere, and against tshark.

Two oracles. PUBLISHED are flows of these captures with the print that nDPI's own tests expect (its
"d" without a server name, which it has mended since, is written as the specification says).
And for every capture the print of each flow's first hello is worked out here from the fields that
tshark shows. tshark mixes the signature algorithms of all extensions into one field, so that hellos
with several such lists are left to the rows, and so are those inside OpenVPN, which only tshark
looks into; DIFFERENT lists the rest that it reads otherwise.

    test_ja4.py [WORD]        only captures whose name holds the word
"""
import collections
import hashlib
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BINARY = os.environ.get("DPI_XDP", os.path.join(TOP, "build", "dpi-xdp"))
CAPTURES = os.environ.get("DPI_CAPTURES", os.path.join(TOP, "..", "shared", "captures"))
SEPARATOR, BETWEEN = "\x1f", "\x1e"

# capture: {port of the client: print}
PUBLISHED = {
    "signal.pcap": {
        57027: "t13d1713h2_0633f72d41ca_845d286b0d67",
        57026: "t13d1713h2_0633f72d41ca_845d286b0d67",
        57025: "t13d1713h2_0633f72d41ca_845d286b0d67",
        57024: "t13d1713h2_0633f72d41ca_845d286b0d67",
        57023: "t13d1713h2_0633f72d41ca_845d286b0d67",
        57022: "t13d2613h2_2802a3db6c62_845d286b0d67",
        57021: "t13d1713h2_0633f72d41ca_845d286b0d67",
        57018: "t13d2613h2_2802a3db6c62_845d286b0d67",
        49227: "t12d220700_0d4ca5d4ec72_3304d8368043",
        49226: "t12d220700_0d4ca5d4ec72_3304d8368043",
    },
    "safari.pcap": {
        55267: "t12d200800_2a284e3b0c56_6e2cce1a33e5",
        55265: "t12d200800_2a284e3b0c56_6e2cce1a33e5",
        55262: "t12d2010h2_2a284e3b0c56_f05fdf8c38a9",
        55285: "t12d2010h2_2a284e3b0c56_f05fdf8c38a9",
        55268: "t12d200800_2a284e3b0c56_6e2cce1a33e5",
    },
    "reddit.pcap": {
        50960: "t13d1515h2_8daaf6152771_de4a06bb82e3",
        56594: "t13d1515h2_8daaf6152771_de4a06bb82e3",
        43492: "t13d1515h2_8daaf6152771_de4a06bb82e3",
        58122: "t13d1515h2_8daaf6152771_de4a06bb82e3",
        48648: "t13d1515h2_8daaf6152771_de4a06bb82e3",
    },
    "dazn.pcapng": {
        40882: "t13d1715h2_5b57614c22b0_3d5424432f57",
        46036: "t13d1715h2_5b57614c22b0_3d5424432f57",
        54020: "t13d1715h2_5b57614c22b0_3d5424432f57",
    },
    "doh.pcapng": {35996: "t13i1909h2_9dc949149365_97f8aa674fd9"},
    "anyconnect-vpn.pcap": {
        56929: "t12i220300_95b9206a23eb_1ea9011b3dfa",
        56921: "t12i070500_c20ebc0cf62a_ed727256b201",
        56920: "t12d1313h2_8b80da21ef18_e48c60694ef0",
    },
    "alexa-app.pcapng": {
        54411: "t12d1510h2_f0daf39aad75_e69ac49eb88f",
        41828: "t12d1510h2_f0daf39aad75_e69ac49eb88f",
        41691: "t12d220500_5fd681855ab9_c70a3c84db07",
        38483: "t12i220300_5fd681855ab9_1ea9011b3dfa",
        54434: "t12d1511h2_f0daf39aad75_7ed7223c468c",
        45703: "t12d1510h2_f0daf39aad75_e69ac49eb88f",
    },
    "tls_cipher_lens.pcap": {
        51587: "t10d360600_77f462745360_6072aad2e91d",
        51588: "t10i660000_1ade43d4e5bc_000000000000",
    },
    "dtls_certificate_fragments.pcap": {
        39347: "dd2i800500_9cedc1f1428b_a1e935682795",
        43594: "dd2i120700_7c0e62f61317_d9dd6182da81",
    },
    "stun_dtls_rtp.pcapng": {37967: "dd2i110700_c45550529adf_d9dd6182da81"},
    "quic-mvfst-27.pcapng": {35957: "q00d0108h5_0f2cb44170f4_f4b4187450f5"},
}

# (capture, port of the client): why tshark's fields give another print.
DIFFERENT = {
    ("tls_cipher_lens.pcap", 51590): "a length that lies: tshark shows nothing behind it",
    ("tls_cipher_lens.pcap", 51591): "a length that lies: tshark shows nothing behind it",
}

OUTSIDE = ("frame.protocols", "ip.src", "ipv6.src", "tcp.srcport", "udp.srcport")
# Of a hello; tshark has each of them twice, for TLS (QUIC too) and for DTLS.
INSIDE = ("type", "version", "extensions.supported_version", "ciphersuite", "extension.type",
          "sig_hash_alg", "extensions_alpn_str")
FIELDS = OUTSIDE + tuple(f"{over}.handshake.{f}" for over in ("tls", "dtls") for f in INSIDE)
VERSIONS = {0x304: "13", 0x303: "12", 0x302: "11", 0x301: "10", 0x300: "s3", 2: "s2",
            0xfefc: "d3", 0xfefd: "d2", 0xfeff: "d1"}
# Extensions with signature algorithms of their own (RFC 8446 4.2.3, RFC 9345 4.1.1).
OTHER_ALGORITHMS = {50, 34}


def short_hash(text):
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12


def numbers(column):
    """The numbers of a column, without the reserved ones (RFC 8701)."""
    found = [int(n, 0) for n in column]
    return [n for n in found if n & 0x0f0f != 0x0a0a or n >> 8 != n & 0xff]


def digits(found):
    return ",".join(f"{n:04x}" for n in found)


def both_ends(name):
    if not name:
        return "00"
    first, last = name[0], name[-1]
    return first + last if (first + last).isascii() and (first + last).isalnum() else None


def print_of(row):
    """The print of one hello from tshark's fields; None where they do not suffice."""
    over = row["frame.protocols"][0].split(":")
    is_dtls = "dtls" in over
    versions, old = numbers(row["extensions.supported_version"]), numbers(row["version"])
    ciphers, extensions = sorted(numbers(row["ciphersuite"])), numbers(row["extension.type"])
    algorithms, protocols = numbers(row["sig_hash_alg"]), row["extensions_alpn_str"]
    ends = both_ends(protocols[0] if protocols else "")
    if not ends or not old or OTHER_ALGORITHMS & set(extensions) or "openvpn" in over:
        return None
    newest = (min if is_dtls else max)(versions) if versions else old[0]
    hashed = digits(sorted(n for n in extensions if n not in (0, 16)))
    return (("q" if "quic" in over else "d" if is_dtls else "t") + VERSIONS.get(newest, "00") +
            ("d" if 0 in extensions else "i") +
            f"{min(len(ciphers), 99):02}{min(len(extensions), 99):02}{ends}_" +
            short_hash(digits(ciphers)) + "_" +
            short_hash(hashed + ("_" + digits(algorithms) if algorithms else "")))


def tshark_prints(path):
    """{(source address, port): print} of each flow's first hello."""
    command = ["tshark", "-n", "-r", path, "-o", "tcp.reassemble_out_of_order:TRUE", "-Y",
               "tls.handshake.type == 1 || dtls.handshake.type == 1",
               "-T", "fields", "-E", "separator=" + SEPARATOR, "-E", "aggregator=" + BETWEEN]
    for field in FIELDS:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, check=False, timeout=300)
    found = {}
    for line in done.stdout.decode("utf-8", "replace").split("\n"):
        columns = [c.split(BETWEEN) if c else [] for c in line.split(SEPARATOR)]
        if len(columns) != len(FIELDS):
            continue
        row = dict(zip(FIELDS, columns))
        row |= {f: row["tls.handshake." + f] + row["dtls.handshake." + f] for f in INSIDE}
        address, port = row["ip.src"] + row["ipv6.src"], row["tcp.srcport"] + row["udp.srcport"]
        if len(address) != 1 or len(port) != 1:
            continue  # a packet in a packet: which address is whose is not told
        key = address[0], int(port[0])
        # Of a flow that begins with several messages in one packet, nothing is said.
        found.setdefault(key, print_of(row) if row["type"] == ["1"] else None)
    return found


def our_prints(path):
    """{(source address, port): [print, ...]}."""
    done = subprocess.run([BINARY, "analyze", path, "/dev/null", "--json", "-", "--reproducible",
                           "--quiet"], capture_output=True, check=False, timeout=120)
    if done.returncode not in (0, 3):
        raise ValueError(f"exit status {done.returncode}: {done.stderr.decode(errors='replace')}")
    found = collections.defaultdict(list)
    for c in json.loads(done.stdout)["connections"]:
        for ip, port in ((c["src_ip"], c["src_port"]), (c["dst_ip"], c["dst_port"])):
            if c["ja4"]:
                found[ip, port].append(c["ja4"])
    return found


def compare(capture):
    """(line to print, how many prints were compared)."""
    path = os.path.join(CAPTURES, capture)
    try:
        ours, theirs = our_prints(path), tshark_prints(path)
    except (ValueError, OSError, subprocess.TimeoutExpired) as e:
        return f"FAIL {capture}: {e}", 0
    faults, compared = [], 0
    for port, known in PUBLISHED.get(capture, {}).items():
        mine = {j for (_, p), prints in ours.items() if p == port for j in prints}
        compared += 1
        if known not in mine:
            faults.append(f"port {port}: {known} is published, found {sorted(mine)}")
    for (ip, port), known in theirs.items():
        reason = DIFFERENT.get((capture, port))
        if not known:
            continue
        compared += 1
        mine = ours.get((ip, port), [])
        if (known in mine) == (reason is not None):
            faults.append(f"{ip} port {port}: tshark's fields give {known}, found {mine}" +
                          (", and a difference is listed" if reason else ""))
    if faults:
        return f"FAIL {capture}: {'; '.join(faults)}", compared
    return f"ok {capture} ({compared} prints)", compared


def main():
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    if not os.path.isdir(CAPTURES):
        print("skip ja4: no captures: DPI_CAPTURES names no directory")
        return 0
    for tool, there in ((BINARY, os.access(BINARY, os.X_OK)), ("tshark", shutil.which("tshark"))):
        if not there:
            print(f"FAIL ja4: {tool} is not there")
            return 1
    captures = sorted(f for f in os.listdir(CAPTURES)
                      if f.endswith((".pcap", ".pcapng", ".cap")) and word in f)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(compare, captures))
    compared = sum(count for _, count in results)
    for line, count in results:
        if count or line.startswith("FAIL"):
            print(line)
    print(f"{compared} prints compared in {len(captures)} captures")
    return 0 if compared and not any(r[0].startswith("FAIL") for r in results) else 1


if __name__ == "__main__":
    sys.exit(main())
