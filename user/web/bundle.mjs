// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Bundles the dashboard: node bundle.mjs NODE_MODULES SITE. Called by build.sh.
import {createRequire} from "node:module";
import path from "node:path";
import {fileURLToPath} from "node:url";

const [modules, site] = process.argv.slice(2).map(p => path.resolve(p));
const esbuild = createRequire(path.join(modules, "x.js"))("esbuild");
const here = path.dirname(fileURLToPath(import.meta.url));
const ENTRIES = {
	"app": "src/app.jsx",
	"worker": "../wasm/glue/worker.js",
	"style": "src/style.css",
	"docs/docs": "src/docs.js",
};

await esbuild.build({
	entryPoints: Object.entries(ENTRIES).map(([out, from]) => ({in: path.join(here, from), out})),
	outdir: site,
	bundle: true,
	minify: true,
	format: "esm",
	target: ["es2022"],
	jsx: "automatic",
	jsxImportSource: "preact",
	nodePaths: [modules],
	legalComments: "none", // told in licenses.txt
	logLevel: "warning",
});
