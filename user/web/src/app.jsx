// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The dashboard's entry.
import {render} from "preact";

function App() {
	return <main><h1>dpi-xdp</h1></main>;
}

const root = document.getElementById("app");
root.textContent = "";
render(<App />, root);
