// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Traffic over time: packets and bits a second, what of it was dropped, when rules changed.
import {useState} from "preact/hooks";
import {Chart} from "../parts/chart.jsx";
import {Panel, Ready} from "../parts/panel.jsx";
import {replay, report, where} from "../capture/capture.js";
import {shown, view} from "../store.js";
import {bits, clock, number, short, visible} from "../text.js";

function Legend({timeline: d, at}) {
	const i = at ?? d.t.length - 1;
	const Item = ({kind, name, children}) => (
		<span class="legend-item">
			<span class={`dot ${kind}`} />
			{name} <b>{children}</b>
		</span>
	);

	return (
		<p class="legend">
			<span class="legend-time">{clock(d.t[i], 0)}</span>
			<Item kind="accent" name={`${d.unit}/s`}>
				{short(d.packets[i])}
			</Item>
			<Item kind="good" name="">
				{bits(d.bits[i])}
			</Item>
			<Item kind="bad" name="dropped/s">
				{short(d.dropped[i])}
			</Item>
		</p>
	);
}

function Marks({marks}) {
	return (
		<ul class="marks" aria-label="Rule changes">
			{marks.slice(-4).map(m => (
				<li key={m.t}>
					<span class="dot warn" />
					{clock(m.t, 0)} {visible(m.text)}
				</li>
			))}
		</ul>
	);
}

/** A capture of which not every packet is kept is drawn as far as they go. */
function partOf() {
	const total = report.value?.total_packets ?? 0,
		kept = replay.value?.items.count ?? 0;

	return where.value === "page" && total > kept ? `of the first ${number(kept)} packets` : "";
}

export function Timeline() {
	const d = shown.value.timeline.value,
		marks = shown.value.marks.value;
	const [at, setAt] = useState(null);

	return (
		<Panel
			title="Traffic"
			name="timeline"
			wide
			note={view.value === "capture" && partOf()}
			tools={
				d.t.length > 1 && (
					<Legend timeline={d} at={at !== null && at < d.t.length ? at : null} />
				)
			}
		>
			<Ready
				when={d.t.length > 1}
				empty="Listening"
				help="The line begins with the second count."
			>
				<Chart timeline={d} marks={marks} onPoint={i => setAt(i ?? null)} />
				{marks.length > 0 && <Marks marks={marks} />}
			</Ready>
		</Panel>
	);
}
