// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// A capture that this page cannot read itself, sent to the program it came from (POST /analyze). By
// XMLHttpRequest, as fetch tells no progress of what it sends.
import {Problem, token} from "../api.js";

// Without a rule in the query those in force would count: an exception that fits nothing is none.
const NO_RULE = ["allow-domain", "=none.invalid"];
const SENT = 0.9; // of the way; the rest is the program's work

const damageOf = x =>
	x.getResponseHeader("Dpi-Xdp-Capture") === "damaged"
		? (x.getResponseHeader("Dpi-Xdp-Note") ?? "it ends early")
		: null;

/** progress(part) is told how far it is. Gives {report, damage}; throws a Problem. until: an AbortSignal. */
export function sendCapture(f, rules, progress, until) {
	const query = new URLSearchParams();

	for (const r of rules) query.append(`${r.action}-${r.kind}`, r.value);
	if (!rules.length) query.append(...NO_RULE);
	const form = new FormData();

	form.append("file", f, f.name);
	return new Promise((done, failed) => {
		const x = new XMLHttpRequest();

		until.addEventListener("abort", () => x.abort());
		x.upload.onprogress = e => {
			progress(e.total ? (e.loaded / e.total) * SENT : 0);
		};
		x.onload = () => {
			let told = null;

			try {
				told = JSON.parse(x.responseText);
			} catch {
				// told below
			}
			if (x.status === 200 && told) done({report: told, damage: damageOf(x)});
			else
				failed(
					new Problem(
						x.status,
						told?.detail ?? told?.title ?? `the program answered ${x.status}`,
						told?.next ?? "",
					),
				);
		};
		x.onerror = () =>
			failed(
				new Problem(
					0,
					"the program does not answer",
					"see that `dpi-xdp serve` is running",
				),
			);
		x.onabort = () => failed(new DOMException("stopped", "AbortError"));
		x.open("POST", "/analyze?" + query);
		x.setRequestHeader("Accept", "application/json");
		if (token.value) x.setRequestHeader("Authorization", "Bearer " + token.value);
		x.send(form);
	});
}
