// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// A file from the worker that reads it to those that analyse it, who each take all of it. It is read
// once: what a browser needs to read a byte is more than what the module needs to look at it.
//
// By a MessagePort to each: {pieces: [Uint8Array, ...]} and in the end {end: true}, or {error};
// back comes {taken: 1} for each message with pieces, or {enough: true}.

const GATHERED = 512 << 10; // bytes of a message, about
const AHEAD = 12; // messages that nobody has looked at yet

/** What one of them was sent and has not taken. */
class Taker {
  constructor(port, changed) {
    this.port = port;
    this.waiting = 0;
    this.hasEnough = false;
    port.onmessage = ({ data }) => {
      if (data.taken) this.waiting--;
      if (data.enough) this.hasEnough = true;
      changed();
    };
  }

  send(pieces) {
    if (this.hasEnough) return;
    this.waiting++;
    this.port.postMessage({ pieces }, pieces.map((p) => p.buffer));
  }

  get isBehind() {
    return !this.hasEnough && this.waiting >= AHEAD;
  }
}

/** Sends a file to all; until they have it, or have enough of it. */
export async function sendFile(file, ports) {
  let wake = () => {};
  const takers = ports.map((port) => new Taker(port, () => wake()));
  const reader = file.stream().getReader();
  let pieces = [];
  let gathered = 0;
  const flush = () => {
    for (const t of takers.slice(1)) t.send(pieces.map((p) => p.slice()));
    takers[0].send(pieces);
    pieces = [];
    gathered = 0;
  };
  try {
    for (;;) {
      while (takers.some((t) => t.isBehind)) await new Promise((done) => (wake = done));
      if (takers.every((t) => t.hasEnough)) break;
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(value);
      gathered += value.length;
      if (gathered >= GATHERED) flush();
    }
    flush();
    for (const { port } of takers) port.postMessage({ end: true });
  } catch (e) {
    for (const { port } of takers) port.postMessage({ error: e.message });
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Gives each piece that comes to look(piece), which says whether it wants more. */
export async function takeFile(port, look) {
  let wake;
  const come = [];
  port.onmessage = ({ data }) => {
    come.push(data);
    wake?.();
  };
  try {
    for (;;) {
      while (!come.length) await new Promise((done) => (wake = done));
      const { pieces, end, error } = come.shift();
      if (error) throw new Error(error);
      if (end) return;
      for (const piece of pieces) if (!look(piece)) return;
      port.postMessage({ taken: 1 });
    }
  } finally {
    port.postMessage({ enough: true });
    port.onmessage = null;
  }
}
