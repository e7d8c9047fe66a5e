// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// What there is to do while no agent runs: start one, look at a capture, prepare the rules.
import {health} from "../store.js";
import {DropZone} from "./capture.jsx";
import {Rules} from "./rules.jsx";

const STEPS = [
	["dpi-xdp doctor", "what this machine can and cannot do"],
	["dpi-xdp attach eth0", "protects an interface; an agent starts in the background"],
	["dpi-xdp block-app TikTok", "or press Block beside an application, here"],
];

export function Welcome() {
	const isSilent = health.value?.status === "agent-silent";

	return (
		<>
			<section class="panel welcome" aria-label="No agent" data-panel="welcome">
				<h2>
					{isSilent ? "The agent does not answer" : "No agent is running on this host"}
				</h2>
				<p class="faint">
					{isSilent
						? "It is there, but busy or stuck; what is blocked stays blocked. This page goes on asking."
						: "Nothing is watched or dropped yet. On the host, as root:"}
				</p>
				<ol>
					{STEPS.map(([command, what]) => (
						<li key={command}>
							<code>{command}</code>
							<span class="faint">{what}</span>
						</li>
					))}
				</ol>
				<p class="faint">This page shows the traffic as soon as an agent runs.</p>
			</section>
			<div class="grid">
				<DropZone large />
				<Rules />
			</div>
		</>
	);
}
