// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Addresses whose behaviour stands out, each with what was counted.
import {Icon} from "../parts/icons.jsx";
import {Name, Panel, Ready} from "../parts/panel.jsx";
import {add} from "../rules.js";
import {shown} from "../store.js";
import {number, visible} from "../text.js";

const MEANS = {
	"HIGH VOLUME": "more than 100 connections from or to this address",
	"PORT SCAN": "many different ports were asked for from this address",
	"RESERVED RANGE": "private or bogon, and none of this network's own",
	"UNUSUAL PORT": "a system port that carries no well-known service",
	"ASSOCIATED": "contacted from an address that is listed here",
};
const PEERS = 6;

function Reason({r}) {
	const kind = String(r.kind);
	const detail = r.source ?? r.from ?? r.port;

	return (
		<li>
			<span class="tag warn">{visible(kind)}</span>{" "}
			{r.count !== undefined && <b>{number(r.count)}</b>}{" "}
			<span class="faint">
				{MEANS[kind] ?? ""}
				{detail ? ` (${visible(detail)})` : ""}
			</span>
		</li>
	);
}

function Card({s}) {
	const peers = s.peers ?? [],
		domains = s.domains ?? [];

	return (
		<li class="suspect">
			<div class="suspect-head">
				<Icon name="alert" />
				<b>
					<Name text={s.ip} />
				</b>
				<button
					type="button"
					class="small danger"
					onClick={() => add({kind: "ip", value: s.ip})}
					aria-label={`Block address ${visible(s.ip)}`}
				>
					Block address
				</button>
			</div>
			<ul class="reasons">
				{s.reasons.map((r, i) => (
					<Reason key={i} r={r} />
				))}
			</ul>
			{domains.length > 0 && (
				<p>
					<span class="faint">Names: </span>
					{domains.slice(0, PEERS).map((d, i) => (
						<span key={d}>
							{i ? ", " : ""}
							<Name text={d} />
						</span>
					))}
					{domains.length > PEERS && ` and ${number(domains.length - PEERS)} more`}
				</p>
			)}
			{peers.length > 0 && (
				<p>
					<span class="faint">Peers: </span>
					{peers.slice(0, PEERS).map((p, i) => (
						<span key={i}>
							{i ? ", " : ""}
							<Name text={p.ip} />
							{p.domain && (
								<>
									{" "}
									(<Name text={p.domain} />)
								</>
							)}
						</span>
					))}
					{peers.length > PEERS && ` and ${number(peers.length - PEERS)} more`}
				</p>
			)}
		</li>
	);
}

export function Suspicious() {
	const rows = shown.value.suspicious.value;

	return (
		<Panel title="Suspicious activity" name="suspicious" note="counted in flows">
			<Ready
				when={rows.length}
				empty="Nothing stands out"
				help="Watched for: scans of ports, floods of connections, reserved addresses, odd ports."
			>
				<ul class="suspects">
					{rows.map(s => (
						<Card key={s.ip} s={s} />
					))}
				</ul>
			</Ready>
		</Panel>
	);
}
