// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// What changed the rules, the newest first, and the way back. Asked for when it is opened, and again
// when the rules are others.
import {useEffect, useState} from "preact/hooks";
import {askHistory, history, rollBack} from "../history.js";
import {rulesInForce, shown} from "../store.js";
import {count, number, visible} from "../text.js";

const LINES = 3;

function words(c) {
	const left = c.added + c.removed - Math.min(c.lines.length, LINES);
	const told = c.lines.slice(0, LINES).map(visible).join(", ");

	return told + (left ? `${told ? " and " : ""}${number(left)} more` : "");
}

function Change({c}) {
	const [busy, setBusy] = useState(false);
	const time = new Date(c.time);

	return (
		<li class="change-row" data-change={c.number}>
			<time class="faint" dateTime={c.time} title={c.time}>
				{time.toLocaleString()}
			</time>
			<span class="tag">{c.by}</span>
			<span class="change-words">{words(c)}</span>
			<button
				type="button"
				disabled={busy || !c.can_roll_back}
				title={
					c.can_roll_back
						? "Put back the rules from before this change"
						: "The rules were changed by other means since"
				}
				aria-label={`Roll back to before change ${c.number}`}
				onClick={async () => {
					setBusy(true);
					await rollBack(c);
					setBusy(false);
				}}
			>
				Roll back
			</button>
		</li>
	);
}

export function History() {
	const [open, setOpen] = useState(false);
	const labels = shown.value.rules.value.map(r => r.rule).join("\n");
	const {changes, left_out, damaged} = history.value;

	useEffect(() => {
		if (open) askHistory();
	}, [open, labels, rulesInForce.value]);
	return (
		<details class="changes" onToggle={e => setOpen(e.currentTarget.open)}>
			<summary>Changes</summary>
			{changes.length ? (
				<ul class="rows-list">
					{changes.map(c => (
						<Change key={c.number} c={c} />
					))}
				</ul>
			) : (
				<p class="faint">No change of the rules is kept.</p>
			)}
			{left_out > 0 && <p class="faint">{count(left_out, "older change")} left out.</p>}
			{damaged && <p class="faint">The history is damaged: older changes are missing.</p>}
		</details>
	);
}
