// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// What is known of the row that somebody chose. It takes the focus, and Escape closes it.
import {useLayoutEffect, useRef} from "preact/hooks";
import {visible} from "../text.js";
import {Icon} from "./icons.jsx";

/** facts: [[name, text]]; those without a text are left out. of: what it is about, anew for each row. */
export function Detail({label, title, of, facts, close, children}) {
	const top = useRef(null);

	useLayoutEffect(() => top.current?.focus(), [of]);
	return (
		<aside
			class="detail"
			ref={top}
			tabindex="-1"
			aria-label={label}
			onKeyDown={e => e.key === "Escape" && close()}
		>
			<header>
				<h3>{title}</h3>
				<button type="button" class="bare" aria-label="Close details" onClick={close}>
					<Icon name="close" />
				</button>
			</header>
			<dl class="facts">
				{facts
					.filter(f => f[1])
					.map(([k, v]) => (
						<div key={k}>
							<dt>{k}</dt>
							<dd>
								<bdi>{visible(v)}</bdi>
							</dd>
						</div>
					))}
			</dl>
			{children}
		</aside>
	);
}
