// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// A file from the worker that reads it to those that analyse it, who each take all of it. It is read
// once, for what a browser needs to read a byte is more than what the module needs to look at it;
// and not copied: each hands on to the next what it has taken.
//
// By a MessagePort from each to the next: {pieces: [Uint8Array, ...]} and in the end {end: true}, or
// {error}; back comes {taken: N} for so many messages with pieces that all behind it have taken, or
// {enough: true}.

const GATHERED = 512 << 10; // bytes of a message, about
const AHEAD = 12; // messages that the last has not taken yet

function post(port, message) {
  port.postMessage(message, message.pieces?.map((p) => p.buffer) ?? []);
}

/** Sends a file, until all of it is sent, or nobody wants more of it, or until is aborted. */
export async function sendFile(file, port, until) {
  const reader = file.stream().getReader();
  let wake = () => {};
  let waiting = 0;
  let isWanted = true;
  const stop = () => {
    isWanted = false;
    wake();
    reader.cancel().catch(() => {}); // ends a read that is waited for
  };
  until.addEventListener("abort", stop);
  port.onmessage = ({ data }) => {
    waiting -= data.taken ?? 0;
    if (data.enough) stop();
    wake();
  };
  let pieces = [];
  let gathered = 0;
  const flush = () => {
    waiting++;
    post(port, { pieces });
    pieces = [];
    gathered = 0;
  };
  try {
    while (isWanted && !until.aborted) {
      if (waiting >= AHEAD) {
        await new Promise((done) => (wake = done));
        continue;
      }
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(value);
      gathered += value.length;
      if (gathered >= GATHERED) flush();
    }
    flush();
    post(port, { end: true });
  } catch (e) {
    post(port, { error: e.message });
  } finally {
    until.removeEventListener("abort", stop);
    stop();
  }
}

/** Whoever sends need not wait for this one. */
export function refuseFile(port) {
  post(port, { enough: true });
}

/** The one behind, if there is one. */
class Next {
  constructor(port, before) {
    this.port = port;
    this.sent = 0;
    if (!port) return;
    port.onmessage = ({ data }) => {
      const taken = data.enough ? this.sent : data.taken;
      this.sent -= taken;
      if (data.enough) this.port = null;
      post(before, { taken });
    };
  }

  /** Hands on a message. */
  send(message) {
    if (message.pieces && this.port) this.sent++;
    if (this.port) post(this.port, message);
    return this.port !== null && this.port !== undefined;
  }
}

/** Gives each piece that comes by port to look(piece), which says whether it wants more, and hands it
 *  on by next (none: it is the last); until is aborted. */
export async function takeFile(port, next, look, until) {
  const behind = new Next(next, port);
  const come = [];
  let wake = () => {};
  const stop = () => wake();
  until.addEventListener("abort", stop);
  port.onmessage = ({ data }) => {
    come.push(data);
    wake();
  };
  try {
    for (let isMore = true; isMore;) {
      if (until.aborted) throw until.reason;
      if (!come.length) {
        await new Promise((done) => (wake = done));
        continue;
      }
      const message = come.shift();
      isMore = !message.end && !message.error && message.pieces.every(look);
      if (!behind.send(message) && message.pieces) post(port, { taken: 1 });
      if (message.error) throw new Error(message.error);
    }
  } finally {
    refuseFile(port);
    port.onmessage = null;
    until.removeEventListener("abort", stop);
  }
}
