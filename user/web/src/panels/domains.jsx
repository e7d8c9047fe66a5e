// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The names that most flows were opened for.
import {Bar, Name, Panel, Ready} from "../parts/panel.jsx";
import {Icon} from "../parts/icons.jsx";
import {add} from "../rules.js";
import {shown} from "../store.js";
import {count, visible} from "../text.js";

const TOP = 12;
const bare = name => name.replace(/\.$/, "");

export function Domains() {
	const named = shown.value.domains.value.length;
	const rows = [...shown.value.domains.value].sort((a, b) => b.flows - a.flows).slice(0, TOP);
	const most = Math.max(...rows.map(d => d.flows), 1);

	return (
		<Panel title="Top domains" name="domains" note={named > TOP ? `${TOP} with most flows` : ""}>
			<Ready
				when={rows.length}
				empty="No name seen yet"
				help="Names come from TLS, QUIC, HTTP, DNS and what leads to them."
			>
				<ol class="rows-list domains">
					{rows.map(d => (
						<li key={d.domain} class="domain-row">
							<Name text={d.domain} />
							<span class="faint domain-app">{visible(d.app)}</span>
							<Bar
								label={count(d.flows, "flow")}
								parts={[{share: d.flows / most, kind: "accent"}]}
							/>
							<b class="domain-flows">{count(d.flows, "flow")}</b>
							<button
								type="button"
								class="bare"
								aria-label={`Block domain ${visible(d.domain)}`}
								title="Block this domain"
								onClick={() => add({kind: "domain", value: bare(d.domain)})}
							>
								<Icon name="block" />
							</button>
						</li>
					))}
				</ol>
			</Ready>
		</Panel>
	);
}
