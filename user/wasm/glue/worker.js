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
//                    {recent: N}: with each progress the last N packets before it (at most 4096).
//                    raw: true beside from and to: as bytes, which many packets are told faster by
//        events      true: EVE lines as well
//        text        true: the boxed text report as well
//        workers     how many share the work (one fewer than there are processors, at most 4; a
//                    small file, or one whose events are wanted, is one's); one more reads the file
//                    for them, unless it is small. The report does not depend on it
//   {type: "check", id, rules, force}    are these rules good?
//   {type: "stop", id}                   no more of that one
//
// and hears:
//
//   {type: "ready", apps}                [{app, category}, ...]: row.app is a place in it
//   {type: "progress", id, bytes, size, packets, memory}
//                                        at most every 100 ms; of the file, as it is stored
//   {type: "rows", id, rows}             see rows.js
//   {type: "rowbytes", id, bytes}        raw ones, whole rows for readRows(), in no order; null: those
//                                        so far do not count, they are told again
//   {type: "events", id, lines}          a string of whole lines
//   {type: "report", id, status, error, notes, json, text, packets, seconds, memory, workers}
//                                        status 0, or 3: damaged, error says where and the report
//                                        is of all before it. json: Uint8Array, the very bytes of
//                                        `dpi-xdp analyze FILE /dev/null --json - --reproducible`;
//                                        text likewise, or null. memory: bytes, of all workers
//   {type: "checked", id, rules}         the rules in canonical text
//   {type: "error", id, status, error}   status as the program's exit status: 2 a bad rule or no
//                                        capture, 1 out of memory; error in the program's words
//   {type: "stopped", id}                after a stop that came before the report
//
// One capture is read at a time; others wait their turn. The helpers that share the work are workers
// of this very script, which tell this one what they counted ({type: "part"} and its answers, below).
// A what-if is the same file with other rules: the page keeps the File, this keeps nothing. Two
// reports are compared by compare.js.

import { Analysis, AnalysisError, compileModule } from "./module.js";
import { refuseFile, sendFile, takeFile } from "./pipe.js";

const PIECE = 1 << 20;
const PROGRESS_MS = 100;
const HELPED_BYTES = 8 << 20; // a smaller file is read before helpers are at work
const WORKERS_MAX = 4;

let module = null;
let spare = null; // an Analysis that nobody has used yet: making one takes as long as 5 MB do
const live = new Set(); // jobs that wait or run
const stopped = new Set(); // those of them that nobody wants any more
const stoppers = new Map(); // of those that run: an AbortController
const helpers = [];
let reader = null; // the one that reads files
let turn = Promise.resolve();

/** Somebody does not want it any more. */
class Stopped extends Error {}

/** Whose signal says so; at once, if nobody wants it by now. */
function stopperOf(id) {
  const stopper = new AbortController();
  stoppers.set(id, stopper);
  if (stopped.has(id)) stopper.abort(new Stopped());
  return stopper;
}

function say(type, id, rest = {}, transfer = []) {
  postMessage({ type, id, ...rest }, transfer);
}

function sayError(id, e) {
  if (e instanceof Stopped) say("stopped", id);
  else say("error", id, { status: e instanceof AnalysisError ? e.status : 1, error: e.message });
}

async function load({ id, module: source }) {
  if (source instanceof WebAssembly.Module) module = source;
  else module = await compileModule(typeof source === "string" ? fetch(source) : source);
  spare = new Analysis(module);
  say("ready", id, { apps: spare.apps() });
}

function takeAnalysis() {
  const a = spare ?? new Analysis(module);
  spare = null;
  return a;
}

/** An Analysis as the options have it, of one part of the work. */
function begin(file, rules, options, part, parts) {
  const a = takeAnalysis();
  a.setName(options.name ?? file.name ?? "capture");
  a.setRules(rules ?? "", options.force);
  a.setPart(part, parts);
  if (!isSmall(file)) a.expect(file.size / parts);
  for (const net of options.localNets ?? []) a.addNet(net);
  if (options.events) a.wantEvents();
  if (options.rows)
    a.wantRows(options.rows.from ?? 1, options.rows.to ?? Number.MAX_SAFE_INTEGER,
               options.rows.recent ?? 0);
  return a;
}

/** The same for a file that comes by a port, if it does: who sends it is told when it cannot be. */
function beginFor(port, ...job) {
  try {
    return begin(...job);
  } catch (e) {
    if (port) refuseFile(port);
    throw e;
  }
}

/** Reads a small file, the next piece on its way while one is looked at. */
async function readFile(file, look) {
  const read = (at) => file.slice(at, at + PIECE).arrayBuffer();
  let next = read(0);
  for (let at = 0; at < file.size;) {
    const piece = new Uint8Array(await next);
    at += piece.length;
    next = read(at);
    if (!look(piece)) return;
  }
}

/** Pushes the file, which comes by port, and goes on by next, when there are such. tick(bytes): every now and then, and
 *  at the end. */
async function readAll({ id, file, port, next, signal }, a, tick) {
  let bytes = 0;
  let last = performance.now();
  const look = (piece) => {
    if (stopped.has(id)) throw new Stopped();
    bytes += piece.length;
    const isMore = a.push(piece);
    const now = performance.now();
    if (now - last >= PROGRESS_MS) {
      last = now;
      tick(bytes);
    }
    return isMore;
  };
  await (port ? takeFile(port, next, look, signal) : readFile(file, look));
  const end = a.finish();
  tick(file.size);
  return end;
}

/** Rows that several modules tell, in the order of the capture: those of a packet come once every
 *  module has passed it. */
class RowOrder {
  constructor(parts, recent) {
    this.passed = new Array(parts).fill(0);
    this.recent = recent;
    this.waiting = [];
  }

  add(part, packets, rows) {
    this.passed[part] = packets;
    this.waiting.push(...rows);
  }

  take() {
    const upTo = Math.min(...this.passed);
    const ready = this.waiting.filter((r) => r.number <= upTo).sort((a, b) => a.number - b.number);
    if (ready.length) this.waiting = this.waiting.filter((r) => r.number > upTo);
    return this.recent ? ready.slice(-this.recent) : ready;
  }
}

/** What one module has to tell of packets: as objects, or as the bytes they are. */
function rowsOf(a, { rows }) {
  if (rows?.raw) return { rows: [], bytes: a.takeRowBytes() };
  return { rows: rows ? a.takeRows() : [] };
}

function sendBytes(type, id, bytes, rest = {}) {
  say(type, id, { ...rest, bytes }, bytes ? [bytes.buffer] : []);
}

/** Another worker of this script, that reads or does one part of the work. */
class Helper {
  /** module: what it analyses with; null: it only reads. */
  constructor(module) {
    this.worker = new Worker(self.location.href, { type: "module" });
    if (module) this.worker.postMessage({ type: "load", module });
  }

  /** Starts it; heard({packets, rows, bytes}) now and then. A promise of what it counted. */
  start(job, heard) {
    this.worker.postMessage(job, [job.port, job.next].filter((p) => p));
    return new Promise((done, failed) => {
      this.worker.onerror = (e) => failed(new Error(e.message || "a worker could not start"));
      this.worker.onmessage = ({ data }) => {
        if (data.type === "passed") heard(data);
        else if (data.type === "counted") done(data);
        else if (data.type === "stopped") failed(new Stopped());
        else if (data.type === "error") failed(new AnalysisError(data.error, data.status));
      };
    });
  }

  stop(id) {
    this.worker.postMessage({ type: "stop", id });
  }
}

/** What a helper does with {type: "part", id, file, port, next, rules, options, part, parts}. Says
 *  {type: "passed", packets, rows, bytes} and in the end {type: "counted", packed, memory}; packed is null
 *  when it is too much for parts. */
async function doPart(job) {
  const { id, file, port, next, rules, options, part, parts } = job;
  const { signal } = stopperOf(id);
  const a = beginFor(port, file, rules, options, part, parts);
  await readAll({ id, file, port, next, signal }, a, () => {
    const { rows, bytes } = rowsOf(a, options);
    sendBytes("passed", id, bytes, { packets: a.packets, rows });
  });
  const packed = a.pack();
  say("counted", id, { packed, memory: a.memory }, packed ? [packed.buffer] : []);
}

/** What one does with {type: "read", id, file, port}; says {type: "counted"} in the end. */
async function doRead({ id, file, port }) {
  await sendFile(file, port, stopperOf(id).signal);
  say("counted", id);
}

const isSmall = (file) => file.size < HELPED_BYTES;

function workersFor(file, options) {
  if (options.events || (!options.workers && isSmall(file))) return 1;
  const spare = (self.navigator.hardwareConcurrency ?? 1) - 1; // one reads
  return Math.max(1, Math.min(options.workers ?? spare, WORKERS_MAX));
}

/** Lets the file be read for so many. Returns {port, next} for each (none: it is small, each reads
 *  it), and a promise of the end. */
function readFor(parts, id, file) {
  if (isSmall(file)) return { links: [], isRead: null };
  const channels = Array.from({ length: parts }, () => new MessageChannel());
  const links = channels.map((c, i) => ({ port: c.port1, next: channels[i + 1]?.port2 }));
  reader ??= new Helper(null);
  return { links, isRead: reader.start({ type: "read", id, file, port: channels[0].port2 }) };
}

/** The whole work, by so many workers. Null when it was too much for several; rows that were told
 *  by then are behind options.rows.from. */
async function analyzeBy(parts, { id, file, rules, options }) {
  const began = performance.now();
  const stopper = stopperOf(id);
  const { signal } = stopper;
  const { links, isRead } = readFor(parts, id, file);
  const a = beginFor(links[0]?.port, file, rules, options, 0, parts);
  const order = new RowOrder(parts, options.rows?.recent);
  const sendRows = () => {
    const rows = order.take();
    if (!rows.length) return;
    options.rows.from = rows.at(-1).number + 1;
    say("rows", id, { rows });
  };
  const hear = (part, { packets, rows, bytes }) => {
    if (bytes?.length) sendBytes("rowbytes", id, bytes);
    order.add(part, packets, rows);
    if (part === 0) sendRows();
  };
  const tick = (bytes) => {
    if (options.rows) hear(0, { packets: a.packets, ...rowsOf(a, options) });
    const lines = options.events ? a.takeEvents() : "";
    if (lines) say("events", id, { lines });
    say("progress", id, { bytes, size: file.size, packets: a.packets, memory: a.memory });
  };
  while (helpers.length < parts - 1) helpers.push(new Helper(module));
  const mine = helpers.slice(0, parts - 1);
  const job = { type: "part", id, file, rules, options, parts };
  const others = mine.map((h, i) => h.start({ ...job, ...links[i + 1], part: i + 1 },
                                            (told) => hear(i + 1, told)));
  const own = readAll({ id, file, ...links[0], signal }, a, tick);
  try {
    const halted = new Promise((_, no) => (signal.onabort = () => no(signal.reason)));
    const all = Promise.all([own, ...others, isRead]);
    const [end, ...counted] = (await Promise.race([all, halted])).slice(0, parts);
    if (counted.some((c) => !c.packed)) return null;
    if (options.rows) sendRows();
    for (const c of counted) a.merge(c.packed);
    const json = a.report("json");
    const text = options.text ? a.report("text") : null;
    const seconds = (performance.now() - began) / 1000;
    const memory = counted.reduce((sum, c) => sum + c.memory, a.memory);
    return { ...end, json, text, packets: a.packets, seconds, memory, workers: parts };
  } catch (e) {
    stopped.add(id);
    stopper.abort(new Stopped());
    [...mine, reader].forEach((h) => h?.stop(id));
    await Promise.allSettled([own, ...others, isRead]);
    throw e;
  }
}

async function analyze({ id, file, rules, options = {} }) {
  const job = { id, file, rules, options: { ...options, rows: options.rows && { ...options.rows } } };
  let report = await analyzeBy(workersFor(file, options), job);
  if (!report) {
    if (options.rows?.raw) sendBytes("rowbytes", id, null);
    report = await analyzeBy(1, job);
  }
  say("report", id, report, [report.json, report.text].filter((b) => b).map((b) => b.buffer));
}

async function check({ id, rules, force }) {
  const a = new Analysis(module);
  a.setRules(rules, force);
  say("checked", id, { rules: a.rules() });
}

const doers = { load, analyze, check, part: doPart, read: doRead };

async function doNext(job) {
  try {
    await doers[job.type](job);
  } catch (e) {
    sayError(job.id, e);
  } finally {
    live.delete(job.id);
    stopped.delete(job.id);
    stoppers.delete(job.id);
  }
  // For the next one, while nobody waits.
  if (module) spare ??= new Analysis(module);
}

onmessage = ({ data }) => {
  if (data.type === "stop") {
    if (live.has(data.id)) stopped.add(data.id);
    stoppers.get(data.id)?.abort(new Stopped());
    return;
  }
  live.add(data.id);
  turn = turn.then(() => doNext(data));
};
