// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// A Web Worker (type "module") that analyses captures: they are read here, piece by piece, and
// leave the browser for nowhere.
//
// The page says (every message may have an id, which all answers to it have too):
//
//   {type: "load", module}               once, first: a URL of dpi.wasm, its bytes, or a
//                                        WebAssembly.Module
//   {type: "analyze", id, file, rules, options}
//                                        file: a File or Blob of any size; rules: the text of a
//                                        rules file ("" for none). options, all may be left out:
//        name        what the report calls its input (the file's name)
//        localNets   ["192.168.0.0/16", ...] the capture's own networks (learnt)
//        force       true: a public suffix is accepted as a domain
//        rows        {from, to}: packets of this range one by one; or
//                    {recent: N}: with each progress the last N packets before it (at most 4096)
//        events      true: EVE lines as well
//        text        true: the boxed text report as well
//   {type: "check", id, rules, force}    are these rules good?
//   {type: "stop", id}                   no more of that one
//
// and hears:
//
//   {type: "ready", apps}                [{app, category}, ...]: row.app is a place in it
//   {type: "progress", id, bytes, size, packets, memory}
//                                        at most every 100 ms; of the file, as it is stored
//   {type: "rows", id, rows}             see rows.js
//   {type: "events", id, lines}          a string of whole lines
//   {type: "report", id, status, error, notes, json, text, packets, seconds,
//                         memory}
//                                        status 0, or 3: damaged, error says where and the report
//                                        is of all before it. json: Uint8Array, the very bytes of
//                                        `dpi-xdp analyze FILE /dev/null --json - --reproducible`;
//                                        text likewise, or null
//   {type: "checked", id, rules}         the rules in canonical text
//   {type: "error", id, status, error}   status as the program's exit status: 2 a bad rule or no
//                                        capture, 1 out of memory; error in the program's words
//   {type: "stopped", id}
//
// One capture is read at a time; others wait their turn. A what-if is the same file with other
// rules: the page keeps the File, this keeps nothing. Two reports are compared by compare.js.

import { Analysis, AnalysisError, compileModule } from "./module.js";

const PIECE = 1 << 20;
const PROGRESS_MS = 100;

let module = null;
const stopped = new Set();
let turn = Promise.resolve();

function say(type, id, rest = {}, transfer = []) {
  postMessage({ type, id, ...rest }, transfer);
}

function sayError(id, e) {
  say("error", id, { status: e instanceof AnalysisError ? e.status : 1, error: e.message });
}

async function load({ id, module: source }) {
  if (source instanceof WebAssembly.Module) module = source;
  else module = await compileModule(typeof source === "string" ? fetch(source) : source);
  say("ready", id, { apps: new Analysis(module).apps() });
}

/** An Analysis as the options have it. */
function begin(name, rules, options) {
  const a = new Analysis(module);
  a.setName(options.name ?? name);
  a.setRules(rules ?? "", options.force);
  for (const net of options.localNets ?? []) a.addNet(net);
  if (options.events) a.wantEvents();
  if (options.rows)
    a.wantRows(options.rows.from ?? 1, options.rows.to ?? Number.MAX_SAFE_INTEGER,
               options.rows.recent ?? 0);
  return a;
}

/** Sends what came beside the report since the last time. */
function sendSides(id, a, options) {
  if (options.rows) {
    const rows = a.takeRows();
    if (rows.length) say("rows", id, { rows });
  }
  if (options.events) {
    const lines = a.takeEvents();
    if (lines) say("events", id, { lines });
  }
}

async function analyze({ id, file, rules, options = {} }) {
  const began = performance.now();
  const a = begin(file.name ?? "capture", rules, options);
  let bytes = 0;
  let last = began;
  let isMore = true;
  while (isMore && bytes < file.size) {
    const piece = new Uint8Array(await file.slice(bytes, bytes + PIECE).arrayBuffer());
    if (stopped.delete(id)) return say("stopped", id);
    isMore = a.push(piece);
    bytes += piece.length;
    const now = performance.now();
    if (now - last >= PROGRESS_MS) {
      last = now;
      sendSides(id, a, options);
      say("progress", id, { bytes, size: file.size, packets: a.packets, memory: a.memory });
    }
  }
  const end = a.finish();
  sendSides(id, a, options);
  say("progress", id, { bytes, size: file.size, packets: a.packets, memory: a.memory });
  const json = a.report("json");
  const text = options.text ? a.report("text") : null;
  const seconds = (performance.now() - began) / 1000;
  return say("report", id, { ...end, json, text, packets: a.packets, seconds, memory: a.memory },
             [json, text].filter((b) => b).map((b) => b.buffer));
}

async function check({ id, rules, force }) {
  const a = new Analysis(module);
  a.setRules(rules, force);
  say("checked", id, { rules: a.rules() });
}

const doers = { load, analyze, check };

onmessage = ({ data }) => {
  if (data.type === "stop") {
    stopped.add(data.id);
    return;
  }
  turn = turn.then(() => doers[data.type](data)).catch((e) => sayError(data.id, e));
};
