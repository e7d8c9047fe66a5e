// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Messages to the reader, in a corner; spoken by screen readers as they come.
import {messages, unsay} from "../store.js";
import {visible} from "../text.js";
import {Icon} from "./icons.jsx";

function Message({m}) {
	return (
		<div class={`message ${m.kind}`} role={m.kind === "error" ? "alert" : "status"}>
			<Icon name={m.kind === "error" ? "alert" : "check"} />
			<div class="message-text">
				<p>{visible(m.text)}</p>
				{m.next && <p class="message-next">{visible(m.next)}</p>}
			</div>
			{m.undo && (
				<button
					type="button"
					class="small"
					data-act={m.kind === "error" ? "force" : "undo"}
					onClick={() => {
						unsay(m.id);
						m.undo();
					}}
				>
					{m.label}
				</button>
			)}
			<button
				type="button"
				class="bare"
				aria-label="Close this message"
				onClick={() => unsay(m.id)}
			>
				<Icon name="close" />
			</button>
		</div>
	);
}

export const Messages = () => (
	<div class="messages" aria-live="polite" aria-label="Messages">
		{messages.value.map(m => (
			<Message key={m.id} m={m} />
		))}
	</div>
);
