// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// What a change of rules makes of a capture: two reports of the same capture, compared.

/** What a connection is known by: its ends, and the time it began. */
function keyOf(c) {
  return `${c.protocol} ${c.src_ip} ${c.src_port} ${c.dst_ip} ${c.dst_port} ${c.first_ts}`;
}

function nameOf(c) {
  return { src_ip: c.src_ip, src_port: c.src_port, dst_ip: c.dst_ip, dst_port: c.dst_port,
           protocol: c.protocol, app: c.app, domain: c.domain };
}

function countsOf(reports, field) {
  return { before: reports[0][field], after: reports[1][field],
           change: reports[1][field] - reports[0][field] };
}

/** before, after: parsed reports (dpi-xdp/report/1) of one capture with two sets of rules. Returns
 *  {packets: {forwarded, dropped: {before, after, change}},
 *   connections: [{...ends, app, domain, before, after, reason_before, reason_after,
 *                  dropped_before, dropped_after}]     those whose fate differs, in file order
 *   apps: [{app, dropped_before, dropped_after}]       those whose drops differ
 *   rules: [{rule, before, after}]}                    packets a rule drops, where that differs */
export function compareReports(before, after) {
  const earlier = new Map(before.connections.map((c) => [keyOf(c), c]));
  const connections = [];
  for (const c of after.connections) {
    const was = earlier.get(keyOf(c));
    if (!was || (was.blocked === c.blocked && was.dropped_packets === c.dropped_packets)) continue;
    connections.push({ ...nameOf(c), before: was.blocked ? "blocked" : "allowed",
                       after: c.blocked ? "blocked" : "allowed",
                       reason_before: was.block_reason ?? null,
                       reason_after: c.block_reason ?? null,
                       dropped_before: was.dropped_packets, dropped_after: c.dropped_packets });
  }
  return {
    packets: { forwarded: countsOf([before, after], "forwarded_packets"),
               dropped: countsOf([before, after], "dropped_packets") },
    connections,
    apps: differing(before.apps, after.apps, "app", "dropped_packets")
      .map(({ key, was, is }) => ({ app: key, dropped_before: was, dropped_after: is })),
    rules: differing(before.rules, after.rules, "rule", "packets")
      .map(({ key, was, is }) => ({ rule: key, before: was, after: is })),
  };
}

/** Rows of two lists whose number differs, by what they are called. */
function differing(before, after, name, number) {
  const was = new Map(before.map((r) => [r[name], r[number]]));
  const is = new Map(after.map((r) => [r[name], r[number]]));
  return [...new Set([...was.keys(), ...is.keys()])].sort()
    .map((key) => ({ key, was: was.get(key) ?? 0, is: is.get(key) ?? 0 }))
    .filter((r) => r.was !== r.is);
}
