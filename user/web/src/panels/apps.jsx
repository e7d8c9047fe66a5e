// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Applications by their share, each with one click to block it; and what of each was blocked.
import {useState} from "preact/hooks";
import {Bar, Name, Panel, Ready} from "../parts/panel.jsx";
import {add, remove, same} from "../rules.js";
import {shown, view} from "../store.js";
import {bytes, count, number, share, short, visible} from "../text.js";

const SHOWN = 10;
const ruleFor = app => ({kind: "app", action: "block", value: app});

export function BlockButton({app}) {
	const [busy, setBusy] = useState(false);
	const rule = shown.value.rules.value.find(r => same(r, ruleFor(app)));
	const what = view.value === "live" ? "" : "What-if: ";
	const click = async () => {
		setBusy(true);
		await (rule ? remove(rule) : add(ruleFor(app)));
		setBusy(false);
	};

	if (app === "Unknown") return null;
	return (
		<button
			type="button"
			class={`small ${rule ? "on" : "danger"}`}
			disabled={busy}
			onClick={click}
			data-act={rule ? "unblock" : "block"}
			aria-label={`${what}${rule ? "unblock" : "block"} ${visible(app)}`}
		>
			{rule ? "Unblock" : "Block"}
		</button>
	);
}

/** Its own rule; or what rules for names, addresses and ports took of it. */
function Blockage({a}) {
	if (shown.value.rules.value.some(r => same(r, ruleFor(a.app))))
		return <span class="tag bad">blocked</span>;
	return a.dropped_packets > 0 && <span class="tag warn">partly blocked</span>;
}

function AppRow({a, packets}) {
	return (
		<li class="app-row" data-app={a.app}>
			<div class="app-name">
				<Name text={a.app} />
				<Blockage a={a} />
				<span class="faint app-category">{visible(a.category)}</span>
			</div>
			<div class="app-figures">
				<b>{share(a.packets, packets)}</b>
				<span class="faint hide-phone">
					{bytes(a.bytes)} · {count(a.flows, "flow")}
				</span>
			</div>
			<Bar
				label={`${visible(a.app)}: ${share(a.packets, packets)} of packets`}
				parts={[
					{
						share: packets ? (a.packets - a.dropped_packets) / packets : 0,
						kind: "accent",
					},
					{share: packets ? a.dropped_packets / packets : 0, kind: "bad"},
				]}
			/>
			<BlockButton app={a.app} />
		</li>
	);
}

function More({all, shownCount, open, setOpen}) {
	return (
		all > shownCount && (
			<button
				type="button"
				class="bare more"
				aria-expanded={open}
				onClick={() => setOpen(!open)}
			>
				{open ? "Show fewer" : `Show all ${number(all)}`}
			</button>
		)
	);
}

export function Apps() {
	const [all, setAll] = useState(false);
	const apps = [...shown.value.apps.value]
		.filter(a => a.packets || a.blocked)
		.sort((a, b) => b.packets - a.packets);
	const packets = apps.reduce((sum, a) => sum + a.packets, 0);

	return (
		<Panel
			title="Applications"
			name="apps"
			note={view.value === "capture" && "blocking is a what-if"}
		>
			<Ready
				when={apps.length}
				empty="No application seen yet"
				help="An application appears with the first name of its own."
			>
				<ul class="rows-list">
					{apps.slice(0, all ? apps.length : SHOWN).map(a => (
						<AppRow key={a.app} a={a} packets={packets} />
					))}
				</ul>
				<More all={apps.length} shownCount={SHOWN} open={all} setOpen={setAll} />
			</Ready>
		</Panel>
	);
}

/** Blocked against forwarded, the most blocked first. */
export function Blocked() {
	const [all, setAll] = useState(false);
	const apps = shown.value.apps.value
		.filter(a => a.packets)
		.sort((a, b) => b.dropped_packets - a.dropped_packets || b.packets - a.packets);
	const most = Math.max(...apps.map(a => a.packets), 1);

	return (
		<Panel title="Blocked against forwarded" name="blocked" note="packets">
			<Ready when={apps.length} empty="Nothing to compare yet">
				<table class="compare">
					<thead>
						<tr>
							<th scope="col">Application</th>
							<th scope="col">
								<span class="sr">Shares</span>
							</th>
							<th scope="col" class="end">
								Forwarded
							</th>
							<th scope="col" class="end">
								Blocked
							</th>
						</tr>
					</thead>
					<tbody>
						{apps.slice(0, all ? apps.length : SHOWN).map(a => (
							<tr key={a.app}>
								<th scope="row">
									<Name text={a.app} />
								</th>
								<td class="compare-bar">
									<Bar
										label={`${share(a.dropped_packets, a.packets)} blocked`}
										parts={[
											{
												share: (a.packets - a.dropped_packets) / most,
												kind: "good",
											},
											{share: a.dropped_packets / most, kind: "bad"},
										]}
									/>
								</td>
								<td class="end">{short(a.packets - a.dropped_packets)}</td>
								<td class={`end ${a.dropped_packets ? "bad-text" : "faint"}`}>
									{short(a.dropped_packets)}
								</td>
							</tr>
						))}
					</tbody>
				</table>
				<More all={apps.length} shownCount={SHOWN} open={all} setOpen={setAll} />
			</Ready>
		</Panel>
	);
}
