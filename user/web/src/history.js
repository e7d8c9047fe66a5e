// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Before a change of the rules and after it, live: what it would do, what changes there were, and
// putting back what was before one.
import {signal} from "@preact/signals";
import {get, post} from "./api.js";
import {askRules} from "./live.js";
import {say, sayProblem} from "./store.js";
import {count, visible} from "./text.js";

const APPS_TOLD = 3;
const FLOWS_LISTED = 1;

export const EMPTY = {changes: [], left_out: 0, damaged: false};
export const history = signal(EMPTY);

export async function askHistory() {
	try {
		history.value = await get("/rules/history");
	} catch (e) {
		history.value = EMPTY;
		sayProblem("the changes of the rules are not known", e);
	}
}

/** "YouTube 12, TikTok 3 and 4 more" */
function appsOf(rows, fate) {
	const hit = rows.filter(r => r[fate].flows);
	const named = hit.slice(0, APPS_TOLD).map(r => `${visible(r.app)} ${r[fate].flows}`);

	return named.join(", ") + (hit.length > APPS_TOLD ? ` and ${hit.length - APPS_TOLD} more` : "");
}

const fateOf = (a, fate, words) =>
	a[fate].flows &&
	`${count(a[fate].flows, "open connection")} would ${words} ` +
		`(${count(a[fate].packets, "packet")} so far): ${appsOf(a.apps, fate)}`;

/** Says what a rule would do to the connections of now. Changes nothing. */
export async function whatIfLive(rule) {
	try {
		const a = await post("/what-if", {changes: [rule], limit: FLOWS_LISTED});
		const parts = [fateOf(a, "drop", "be dropped"), fateOf(a, "pass", "pass")].filter(Boolean);
		const told = parts.length
			? parts.join("; ")
			: `no open connection, of ${a.flows}, would fare differently`;

		say(
			"note",
			`What if ${visible(rule.value)} were ${rule.action === "allow" ? "allowed" : "blocked"}: ` +
				`${told}. Nothing has changed.`,
		);
	} catch (e) {
		sayProblem(`what ${rule.value} would do is not known`, e);
	}
}

/** Puts back what was before a change. */
export async function rollBack(change) {
	try {
		const a = await post(`/rules/rollback/${change.number}`, {});

		say(
			"note",
			a.changed
				? `The rules are those from before change ${change.number} again: ` +
						count(a.rules, "rule")
				: `The rules are those from before change ${change.number} already`,
		);
		await askRules();
	} catch (e) {
		sayProblem("the rules stay as they are", e);
	}
	await askHistory();
}
