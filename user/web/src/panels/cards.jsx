// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Head cards: what passed, what was dropped, and what was found in it.
import {Bar, Ready} from "../parts/panel.jsx";
import {shown} from "../store.js";
import {bytes, count, share, short} from "../text.js";

function Card({name, title, value, sub, parts, kind = ""}) {
	return (
		<div class={`card ${kind}`} data-card={name}>
			<h3>{title}</h3>
			<p class="card-value">{value}</p>
			<p class="card-sub">{sub}</p>
			{parts && <Bar parts={parts} label={`${title}: ${value}`} />}
		</div>
	);
}

const rounded = (part, of) => `${of ? Math.round((part / of) * 100) : 0}\u00a0%`;

/** Flows that are open: told of a capture; live, those of the table that have not left it. */
const activeOf = ({open_flows: n, counters: c = {}}) =>
	n ?? Math.max(0, (c.flows_opened ?? 0) - (c.flows_expired ?? 0) - (c.flows_evicted ?? 0));

function Rows({t, aside}) {
	const total = t.total_packets,
		of = n => (total ? n / total : 0);
	const other = total - t.tcp_packets - t.udp_packets;
	const apps = t.apps?.length ?? shown.value.apps.value.length;
	const names = t.domains_detected?.length ?? t.domains_total ?? shown.value.domains.value.length;
	const flows = t.flows ?? t.connections_total;
	const blocked = t.blocked_flows ?? t.connections_blocked;

	return (
		<div class={`cards ${aside ? "aside" : ""}`}>
			<Card
				name="packets"
				title="Packets"
				value={short(total)}
				sub={`${bytes(t.total_bytes)} in all`}
			/>
			<Card
				name="forwarded"
				title="Forwarded"
				kind="good"
				value={short(t.forwarded_packets)}
				sub={`${share(t.forwarded_packets, total)} of packets`}
				parts={[{share: of(t.forwarded_packets), kind: "good"}]}
			/>
			<Card
				name="blocked"
				title="Blocked"
				kind="bad"
				value={short(t.dropped_packets)}
				sub={
					`${share(t.dropped_packets, total)} of packets` +
					(blocked ? `, ${count(blocked, "flow")}` : "")
				}
				parts={[{share: of(t.dropped_packets), kind: "bad"}]}
			/>
			<Card
				name="connections"
				title="Connections"
				value={short(flows)}
				sub={`${short(activeOf(t))} active`}
			/>
			<Card
				name="protocols"
				title="TCP / UDP"
				value={`${rounded(t.tcp_packets, total)} / ${rounded(t.udp_packets, total)}`}
				sub={`${short(t.tcp_packets)} TCP, ${short(
					t.udp_packets,
				)} UDP, ${short(Math.max(0, other))} other`}
				parts={[
					{share: of(t.tcp_packets), kind: "accent"},
					{share: of(t.udp_packets), kind: "cool"},
				]}
			/>
			<Card
				name="found"
				title="Found"
				value={short(apps)}
				sub={`applications, ${short(names)} names`}
			/>
		</div>
	);
}

/** aside: beside another page than the overview, where a telephone leaves them out. */
export function Cards({aside}) {
	const t = shown.value.totals.value;

	return (
		<section aria-label="Summary" data-panel="cards">
			{shown.value.state.value === "ready" && t ? (
				<Rows t={t} aside={aside} />
			) : (
				<div class="panel">
					<Ready />
				</div>
			)}
		</section>
	);
}
