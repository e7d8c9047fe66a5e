// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// uPlot as a component: lines over time, two scales, marks. Colours follow the theme.
import {useEffect, useRef} from "preact/hooks";
import uPlot from "uplot";
import {colour, theme} from "../theme.js";
import {clock, short} from "../text.js";

const HEIGHT = 220;

/** Steps of an axis that counts: no halves, whose labels would round to the same number twice. */
const WHOLE = Array.from({length: 13}, (_, e) => [1, 2, 5].map(n => n * 10 ** e)).flat();

function axis(scale, side, unit, grid, text) {
	return {
		scale,
		side,
		size: 58,
		stroke: text,
		font: "11px system-ui, sans-serif",
		grid: {show: side === 3, stroke: grid, width: 1},
		ticks: {show: false},
		incrs: WHOLE,
		values: (_, list) => list.map(v => (v === null ? "" : short(v, unit))),
	};
}

/** Dashed lines where rules changed. */
const drawMarks = (marks, ink) => u => {
	const {ctx, bbox} = u;

	ctx.save();
	ctx.strokeStyle = ink;
	ctx.lineWidth = devicePixelRatio;
	ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
	for (const m of marks.current) {
		const x = u.valToPos(m.t, "x", true);

		if (x < bbox.left || x > bbox.left + bbox.width) continue;
		ctx.beginPath();
		ctx.moveTo(x, bbox.top);
		ctx.lineTo(x, bbox.top + bbox.height);
		ctx.stroke();
	}
	ctx.restore();
};

function optionsOf(width, unit, marks, onPoint) {
	const [text, grid, a, b, bad, mark] = ["muted", "line", "accent", "good", "bad", "warn"].map(
		colour,
	);
	const line = (label, scale, stroke, extra = {}) => ({
		label,
		scale,
		stroke,
		width: 1.5,
		points: {show: false},
		spanGaps: false,
		...extra,
	});

	return {
		width,
		height: HEIGHT,
		padding: [10, 4, 0, 4],
		legend: {show: false},
		cursor: {y: false, points: {size: 6}},
		scales: {
			n: {range: (_, lo, hi) => [0, hi > 0 ? hi * 1.1 : 1]},
			bits: {range: (_, lo, hi) => [0, hi > 0 ? hi * 1.1 : 1]},
		},
		axes: [
			{
				stroke: text,
				font: "11px system-ui, sans-serif",
				grid: {show: false},
				ticks: {show: false},
				values: (_, list) => list.map(v => clock(v, list[1] - list[0] < 1 ? 3 : 0)),
				space: 90,
				size: 28,
			},
			axis("n", 3, "", grid, text),
			axis("bits", 1, "b/s", grid, text),
		],
		series: [
			{},
			line(`${unit} a second`, "n", a, {
				fill: a.replace("rgb(", "rgba(").replace(")", ", 0.12)"),
			}),
			line("bits a second", "bits", b),
			line(`dropped ${unit} a second`, "n", bad, {
				fill: bad.replace("rgb(", "rgba(").replace(")", ", 0.18)"),
			}),
		],
		hooks: {draw: [drawMarks(marks, mark)], setCursor: [u => onPoint(u.cursor.idx)]},
	};
}

export function Chart({timeline, marks, onPoint}) {
	const box = useRef(null),
		plot = useRef(null),
		marksNow = useRef(marks);
	const data = [timeline.t, timeline.packets, timeline.bits, timeline.dropped];

	marksNow.current = marks;
	useEffect(() => {
		const place = box.current;
		const watch = new ResizeObserver(() => {
			plot.current?.setSize({width: place.clientWidth, height: HEIGHT});
		});

		plot.current = new uPlot(
			optionsOf(place.clientWidth, timeline.unit, marksNow, onPoint),
			data,
			place,
		);
		watch.observe(place);
		return () => {
			watch.disconnect();
			plot.current?.destroy();
			plot.current = null;
		};
	}, [theme.value, timeline.unit]);
	useEffect(() => plot.current?.setData(data), [timeline, marks]);
	return <div class="chart" ref={box} role="img" aria-label="Traffic over time" />;
}
