// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Packets one by one, as user/wasm/replay.h lays them out, made into objects.

export const ROW = 264; // bytes of each
const HEAD = 72;
const INFO = 200;
const HAS_ADDRS = 1;
const HAS_PORTS = 2;
const DROPPED = 4;
const UNPARSED = 8;
const HAS_PAYLOAD = 16;

const PROTOCOLS = {
  1: "ICMP", 2: "IGMP", 6: "TCP", 17: "UDP", 47: "GRE", 50: "ESP", 51: "AH", 58: "ICMPv6",
  89: "OSPF", 132: "SCTP",
};

function isMapped(a) {
  return a.subarray(0, 10).every((b) => b === 0) && a[10] === 0xff && a[11] === 0xff;
}

/** Sixteen bytes as text (RFC 5952; IPv4 when mapped). */
export function addressText(a) {
  if (isMapped(a)) return a.subarray(12).join(".");
  const words = Array.from({ length: 8 }, (_, i) => (a[2 * i] << 8) | a[2 * i + 1]);
  let best = { at: -1, len: 1 };
  for (let at = 0; at < 8; at++) {
    let len = 0;
    while (at + len < 8 && words[at + len] === 0) len++;
    if (len > best.len) best = { at, len };
  }
  const hex = (from, to) => words.slice(from, to).map((w) => w.toString(16)).join(":");
  return best.at < 0 ? hex(0, 8) : `${hex(0, best.at)}::${hex(best.at + best.len, 8)}`;
}

function timeText(ns) {
  const s = ns / 1000000000n;
  return `${s}.${String(ns % 1000000000n).padStart(9, "0")}`;
}

function readRow(bytes) {
  const v = new DataView(bytes.buffer, bytes.byteOffset, ROW);
  const flags = bytes[63];
  const proto = bytes[62];
  const hasAddrs = (flags & HAS_ADDRS) !== 0;
  const hasPorts = (flags & HAS_PORTS) !== 0;
  return {
    number: Number(v.getBigUint64(0, true)),
    time: timeText(v.getBigUint64(8, true)),
    src: hasAddrs ? addressText(bytes.subarray(16, 32)) : null,
    dst: hasAddrs ? addressText(bytes.subarray(32, 48)) : null,
    srcPort: hasPorts ? v.getUint16(48, true) : null,
    dstPort: hasPorts ? v.getUint16(50, true) : null,
    size: v.getUint32(52, true),
    captured: v.getUint32(56, true),
    app: v.getUint16(60, true),
    protocol: hasAddrs ? (PROTOCOLS[proto] ?? `IP-${proto}`) : null,
    action: flags & DROPPED ? "dropped" : "forwarded",
    isUnparsed: (flags & UNPARSED) !== 0,
    hasPayload: (flags & HAS_PAYLOAD) !== 0,
    head: bytes.slice(HEAD, HEAD + bytes[65]),
    info: String.fromCharCode(...bytes.subarray(INFO, INFO + bytes[66])),
  };
}

/** Rows laid end to end as a list of
 *  {number, time, src, dst, srcPort, dstPort, size, captured, app, protocol, action, isUnparsed,
 *   hasPayload, head, info}: time is decimal seconds as text, app a place in the list of applications, head the
 *  first bytes (at most 128) of the payload, or of the frame where it has none, info a few words; addresses and protocol are null where there
 *  are none, as are ports. */
export function readRows(bytes) {
  const rows = [];
  for (let at = 0; at + ROW <= bytes.length; at += ROW) rows.push(readRow(bytes.subarray(at, at + ROW)));
  return rows;
}
