// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The module's other side: what it imports, and its exports (user/wasm/entry.c) as a class. No
// dependency; runs in a Web Worker, in a page and in node. An Analysis is one capture with one set
// of rules; another one is another instance, so nothing of the first remains.

import { readRows } from "./rows.js";

const CHANNELS = ["report", "events", "rows", "error", "note"];
const DOCUMENTS = { json: 0, text: 1 };
const REFUSED = 2;
const FAILED = 1;
const PAGE = 65536;
const BYTES_A_BYTE = 4; // of a capture, for each that its connections take
const EXPECTED_MAX = 50 << 20;

/** What went wrong, in the program's own words; status is the exit status it would have had. */
export class AnalysisError extends Error {
  constructor(message, status) {
    super(message);
    this.name = "AnalysisError";
    this.status = status;
  }
}

/** An internationalised name as A-labels, or null when it is none. */
function toAscii(name) {
  try {
    const host = new URL(`http://${name}/`).hostname;
    return /^[\x21-\x7e]+$/.test(host) ? host : null;
  } catch {
    return null;
  }
}

/** Compiles the module: bytes, a Response, or a promise of either. */
export async function compileModule(source) {
  const from = await source;
  if (typeof Response !== "undefined" && from instanceof Response) {
    if (!from.ok) throw new Error(`the analysis module cannot be had: HTTP ${from.status}`);
    return WebAssembly.compile(await from.arrayBuffer());
  }
  return WebAssembly.compile(from);
}

export class Analysis {
  /** module: what compileModule() gave. */
  constructor(module) {
    this.out = { report: [], events: [], rows: [], error: [], note: [] };
    const imports = {
      host: {
        write: (channel, at, len) => {
          this.out[CHANNELS[channel]].push(this.bytes(at, len).slice());
        },
        random: (at, len) => crypto.getRandomValues(this.bytes(at, len)),
        to_ascii: (at, len, out, size) => {
          const name = new TextDecoder().decode(this.bytes(at, len));
          const ascii = toAscii(name);
          if (ascii === null || ascii.length > size) return -1;
          this.bytes(out, size).set(new TextEncoder().encode(ascii));
          return ascii.length;
        },
      },
    };
    this.wasm = new WebAssembly.Instance(module, imports).exports;
    this.wasm.__wasm_call_ctors?.();
    this.handle = this.wasm.dpi_new();
    if (!this.handle) throw new AnalysisError("out of memory", FAILED);
  }

  /** So many bytes of a capture are this one's share: the memory they may need at once, for growing
   *  is slow whatever its size. What nobody writes to takes none. */
  expect(bytes) {
    const pages = Math.floor(Math.min(bytes / BYTES_A_BYTE, EXPECTED_MAX) / PAGE);
    try {
      this.wasm.memory.grow(pages);
    } catch {
      // then it grows by what is needed
    }
  }

  bytes(at, len) {
    return new Uint8Array(this.wasm.memory.buffer, at, len);
  }

  /** Takes what the module wrote to a channel so far, as one piece. */
  taken(channel) {
    const pieces = this.out[channel];
    this.out[channel] = [];
    if (pieces.length === 1) return pieces[0];
    const all = new Uint8Array(pieces.reduce((sum, p) => sum + p.length, 0));
    let at = 0;
    for (const p of pieces) {
      all.set(p, at);
      at += p.length;
    }
    return all;
  }

  takenText(channel) {
    return new TextDecoder().decode(this.taken(channel));
  }

  fail(status) {
    throw new AnalysisError(this.takenText("error") || "out of memory", status);
  }

  /** Puts a text, or bytes, where the next call reads them. */
  put(text) {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    const at = this.wasm.dpi_text(this.handle, bytes.length);
    if (!at) throw new AnalysisError("out of memory", FAILED);
    this.bytes(at, bytes.length).set(bytes);
  }

  /** The rules, in the text form of a rules file. isForced: a public suffix is accepted. */
  setRules(text, isForced = false) {
    this.put(text);
    if (this.wasm.dpi_set_rules(this.handle, isForced ? 1 : 0)) this.fail(REFUSED);
  }

  /** What the rules are, canonical. */
  rules() {
    if (this.wasm.dpi_rules(this.handle)) this.fail(FAILED);
    return this.takenText("report");
  }

  /** One of the capture's own networks, such as "192.168.0.0/16"; none: learnt. */
  addNet(net) {
    this.put(net);
    if (this.wasm.dpi_add_net(this.handle)) this.fail(REFUSED);
  }

  /** What the report calls its input. */
  setName(name) {
    this.put(name);
    if (this.wasm.dpi_set_name(this.handle)) this.fail(FAILED);
  }

  /** Of several that share the work and each read the whole capture: which one this is. */
  setPart(part, parts) {
    this.wasm.dpi_set_part(this.handle, part, parts);
  }

  wantEvents() {
    this.wasm.dpi_want_events(this.handle);
  }

  /** Packets from..to one by one; recent: only the last so many of them since rows() was asked. */
  wantRows(from, to, recent = 0) {
    if (this.wasm.dpi_want_rows(this.handle, from, Math.min(to, Number.MAX_SAFE_INTEGER), recent))
      this.fail(FAILED);
  }

  /** [{app, category}, ...]; a row's app is a place in it. */
  apps() {
    if (this.wasm.dpi_apps(this.handle)) this.fail(FAILED);
    return JSON.parse(this.takenText("report"));
  }

  /** Takes a piece of the capture. False: the rest would change nothing. */
  push(piece) {
    let at = 0;
    while (at < piece.length) {
      const room = this.wasm.dpi_room();
      const len = Math.min(this.wasm.dpi_room_size(), piece.length - at);
      this.bytes(room, len).set(piece.subarray(at, at + len));
      if (!len) throw new AnalysisError("out of memory", FAILED);
      const n = this.wasm.dpi_push(this.handle, len);
      if (n < 0) this.fail(REFUSED);
      if (n > 0) return false;
      at += len;
    }
    return true;
  }

  /** The capture has ended. Returns {status, error, notes}; error is null unless it was damaged. */
  finish() {
    const status = this.wasm.dpi_finish(this.handle);
    const error = this.takenText("error") || null;
    if (status === FAILED || status === REFUSED) throw new AnalysisError(error, status);
    return { status, error, notes: this.out.note.splice(0).map((b) => new TextDecoder().decode(b)) };
  }

  /** What a finished part counted, as bytes; null when it is too much for parts. */
  pack() {
    if (this.wasm.dpi_pack(this.handle) === 0) return this.taken("report");
    this.taken("report");
    this.taken("error");
    return null;
  }

  /** Adds what another part's pack() gave. */
  merge(packed) {
    this.put(packed);
    if (this.wasm.dpi_merge(this.handle)) this.fail(FAILED);
  }

  /** The report of a finished analysis as bytes: "json" or "text". */
  report(kind = "json") {
    if (this.wasm.dpi_report(this.handle, DOCUMENTS[kind])) this.fail(FAILED);
    return this.taken("report");
  }

  /** Packets so far. */
  get packets() {
    return this.wasm.dpi_frames(this.handle);
  }

  /** Bytes of memory the module has. */
  get memory() {
    return this.wasm.memory.buffer.byteLength;
  }

  /** The rows since the last call (rows.js). */
  takeRows() {
    return readRows(this.takeRowBytes());
  }

  /** The same as the bytes they are, for readRows(). */
  takeRowBytes() {
    this.wasm.dpi_send_rows(this.handle);
    return this.taken("rows");
  }

  /** EVE lines since the last call, one string with line ends. */
  takeEvents() {
    return this.takenText("events");
  }
}
