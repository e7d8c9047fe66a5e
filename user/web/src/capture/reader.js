// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The module that reads captures, in a worker beside the page (wasm/glue/worker.js says what is said
// to it and heard). It is fetched once, when the first capture comes, and stays.
import {Problem} from "../api.js";
import {Packets, PACKETS_MAX} from "./packets.js";

let worker = null;
let ready = null; // gives the list of applications
let lastId = 0;
const jobs = new Map();

const readJson = bytes => JSON.parse(new TextDecoder().decode(bytes));

/** Nothing is expected of this worker any more. */
function giveUp(e) {
	worker?.terminate();
	worker = ready = null;
	for (const job of jobs.values()) job.failed(e);
	jobs.clear();
}

function start() {
	worker = new Worker("/worker.js", {type: "module"});
	ready = new Promise((done, failed) => {
		worker.onerror = e => {
			e.preventDefault();
			failed(new Error(e.message || "its worker cannot start"));
			giveUp(new Error(e.message || "its worker failed"));
		};
		worker.onmessage = ({data}) => {
			if (data.type === "ready") {
				done(data.apps);
			} else if (data.id === undefined && data.type === "error") {
				failed(new Error(data.error));
				giveUp(new Error(data.error));
			} else {
				jobs.get(data.id)?.[data.type]?.(data);
			}
		};
	});
	worker.postMessage({type: "load", module: "/dpi.wasm"});
}

/**
 * Reads a capture under rules (the text of a rules file). progress(part) is told how far it is.
 * Gives {report, items, damage}; throws a Problem when it is none, another error when the module
 * cannot be had. until is an AbortSignal.
 */
export async function read(file, rules, progress, until) {
	if (!worker) start();
	const id = ++lastId,
		packets = new Packets(await ready);

	return new Promise((done, failed) => {
		const end = (how, what) => {
			jobs.delete(id);
			how(what);
		};

		jobs.set(id, {
			failed,
			progress: ({bytes, size}) => progress(size ? bytes / size : 1),
			rowbytes: ({bytes}) => packets.take(bytes),
			report: ({json, error}) =>
				end(done, {report: readJson(json), items: packets.finish(), damage: error}),
			error: ({status, error}) =>
				end(failed, status === 2 ? new Problem(422, error) : new Error(error)),
			stopped: () => end(failed, new DOMException("stopped", "AbortError")),
		});
		until.addEventListener("abort", () => worker?.postMessage({type: "stop", id}));
		worker.postMessage({
			type: "analyze",
			id,
			file,
			rules,
			options: {name: file.name, force: true, rows: {from: 1, to: PACKETS_MAX, raw: true}},
		});
	});
}
