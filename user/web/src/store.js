// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// All that the page knows, as signals. There are two sources of one shape: what passes now, and a
// capture; the panels show whichever is chosen and need not know which.
import {computed, signal} from "@preact/signals";

/** Rows of the feed. A source fills it; count and row(i) are all that the panel asks. */
export class Feed {
	constructor(limit = 5000) {
		this.rows = [];
		this.limit = limit;
		this.left = 0; // rows that had to leave
		this.missed = 0; // events that never came
		this.version = signal(0);
	}

	push(row) {
		this.rows.push(row);
		if (this.rows.length > this.limit * 1.2) {
			this.left += this.rows.length - this.limit;
			this.rows = this.rows.slice(-this.limit);
		}
	}

	told() {
		this.version.value++;
	}
}

export const EMPTY_TIMELINE = {t: [], packets: [], bits: [], dropped: [], unit: "packets"};

export function makeSource(kind) {
	return {
		kind,
		state: signal("loading"), // loading, ready, none (no agent, no capture), error
		problem: signal(null),
		totals: signal(null), // the head of a report
		apps: signal([]),
		domains: signal([]),
		connections: signal([]),
		connectionTotal: signal(0),
		rules: signal([]), // {rule, kind, action, value, packets, flows}
		lists: signal({}), // of GET /lists, by label: what is in them, how old, what went wrong
		suspicious: signal([]),
		workers: signal([]),
		counters: signal({}),
		timeline: signal(EMPTY_TIMELINE),
		marks: signal([]), // {t, text} of rule changes
		feed: new Feed(),
	};
}

export const live = makeSource("live");
export const capture = makeSource("capture");
export const view = signal("live");
export const shown = computed(() => (view.value === "live" ? live : capture));

/** /health as it came, and when. */
export const health = signal(null);

/** False while no agent enforces the rules: they are stored, for the next attach. */
export const rulesInForce = signal(true);

/** Do events come? */
export const following = signal(false);

/** What a rule may name: [{app, category}], from the catalogue. */
export const catalogue = signal([]);

// --- messages -----------------------------------------------------------------------------------
let messageId = 0;
export const messages = signal([]); // {id, kind: note|error, text, next, undo}
const STAYS_MS = {note: 12000, error: 30000, undo: 30000};

/** Tells the reader something; undo is a function, or none. Gives the message's id. */
export function say(kind, text, {next = "", undo = null, label = "Undo"} = {}) {
	const id = ++messageId;

	messages.value = [...messages.value.slice(-3), {id, kind, text, next, undo, label}];
	setTimeout(() => unsay(id), STAYS_MS[undo ? "undo" : kind]);
	return id;
}

export function resay(id, text) {
	messages.value = messages.value.map(m => (m.id === id ? {...m, text} : m));
}

export function unsay(id) {
	messages.value = messages.value.filter(m => m.id !== id);
}

export const sayProblem = (what, e) => say("error", `${what}: ${e.message}`, {next: e.next ?? ""});
