// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// A table of any length of which only the rows in sight exist. Rows are one height; arrow, page, home
// and end keys move the chosen row, Enter opens it (WAI-ARIA grid pattern).
import {useEffect, useRef, useState} from "preact/hooks";

const OVERSCAN = 8;

/**
 * columns: [{key, title, grow, width, hide, align, cell(row)}]; hide: "phone" or "tablet" leaves it
 * out there. rowAt(i) gives row i of count; keyOf(row, i) names it. follow keeps the end in sight.
 */
export function Table({
	columns,
	count,
	rowAt,
	rowHeight = 30,
	label,
	onOpen,
	chosen,
	follow,
	height = 420,
	rowClass,
}) {
	const box = useRef(null);
	const [top, setTop] = useState(0);
	const [tall, setTall] = useState(height);
	const [at, setAt] = useState(-1);
	const atEnd = useRef(true),
		lastTop = useRef(0);
	const first = Math.max(0, Math.floor(top / rowHeight) - OVERSCAN);
	const last = Math.min(count, Math.ceil((top + tall) / rowHeight) + OVERSCAN);

	useEffect(() => {
		const watch = new ResizeObserver(([e]) => setTall(e.contentRect.height));

		watch.observe(box.current);
		return () => watch.disconnect();
	}, []);
	// One who looks at older rows is left there.
	useEffect(() => {
		if (follow && atEnd.current) box.current.scrollTop = box.current.scrollHeight;
	});

	const move = to => {
		const i = Math.max(0, Math.min(count - 1, to));
		const y = i * rowHeight;

		setAt(i);
		if (y < box.current.scrollTop) box.current.scrollTop = y;
		else if (y + rowHeight > box.current.scrollTop + box.current.clientHeight - rowHeight)
			box.current.scrollTop = y + 2 * rowHeight - box.current.clientHeight;
	};
	const page = Math.max(1, Math.floor(tall / rowHeight) - 2);
	const KEYS = {
		ArrowDown: () => move(at + 1),
		ArrowUp: () => move(at < 0 ? 0 : at - 1),
		PageDown: () => move(at + page),
		PageUp: () => move(at - page),
		Home: () => move(0),
		End: () => move(count - 1),
		Enter: () => at >= 0 && onOpen?.(rowAt(at), at),
		" ": () => at >= 0 && onOpen?.(rowAt(at), at),
	};
	const onKeyDown = e => {
		if (e.target === box.current && KEYS[e.key] && count) {
			e.preventDefault();
			KEYS[e.key]();
		}
	};
	const id = `t-${label.replace(/\W+/g, "-")}`;
	const rows = [];

	for (let i = first; i < last; i++) {
		const row = rowAt(i);

		if (row)
			rows.push(
				<div
					key={i}
					id={`${id}-${i}`}
					role="row"
					aria-rowindex={i + 2}
					aria-selected={i === at || (chosen !== undefined && row === chosen)}
					class={`tr ${rowClass?.(row) ?? ""} ${onOpen ? "can-open" : ""}`}
					style={{transform: `translateY(${i * rowHeight}px)`, height: `${rowHeight}px`}}
					onClick={e => {
						if (e.target.closest("button,input,a")) return;
						setAt(i);
						onOpen?.(row, i);
					}}
				>
					{columns.map(c => (
						<Cell key={c.key} column={c}>
							{c.cell(row)}
						</Cell>
					))}
				</div>,
			);
	}
	return (
		<div
			class="table"
			ref={box}
			role="grid"
			tabindex="0"
			aria-label={label}
			aria-rowcount={count + 1}
			aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined}
			style={{maxHeight: `${height}px`}}
			onKeyDown={onKeyDown}
			onScroll={e => {
				const b = e.currentTarget;

				// Rows may have come since it was scrolled; only going up means to leave the end.
				if (b.scrollTop + b.clientHeight >= b.scrollHeight - rowHeight)
					atEnd.current = true;
				else if (b.scrollTop < lastTop.current) atEnd.current = false;
				lastTop.current = b.scrollTop;
				setTop(b.scrollTop);
			}}
		>
			<div class="tr th" role="row" aria-rowindex="1">
				{columns.map(c => (
					<Cell key={c.key} column={c} head>
						{c.title}
					</Cell>
				))}
			</div>
			<div class="rows" role="presentation" style={{height: `${count * rowHeight}px`}}>
				{rows}
			</div>
		</div>
	);
}

function Cell({column: c, head, children}) {
	return (
		<div
			role={head ? "columnheader" : "gridcell"}
			class={`td ${c.align === "end" ? "end" : ""} ${c.hide ? "hide-" + c.hide : ""}`}
			style={{flex: c.grow ? `${c.grow} 1 0` : `0 0 ${c.width}px`}}
		>
			{children}
		</div>
	);
}
