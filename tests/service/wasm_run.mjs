// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Runs the module in node, as the dashboard's worker does, for test_wasm.py:
//   node wasm_run.mjs GLUE MODULE JOBS OUT
// JOBS is a file with a JSON list of {id, file, name, rules, force, nets, pieces, rows, events,
// parts};
// pieces are the sizes that the file is pushed in, over and over; parts: so many share the work. For each job OUT gets id.json,
// id.txt, id.events and id.rows, and OUT/results.json what else became of it.
import { readFileSync, writeFileSync } from "node:fs";

const [glue, wasm, jobs, out] = process.argv.slice(2);
const { Analysis, compileModule } = await import(`${glue}/module.js`);
const { compareReports } = await import(`${glue}/compare.js`);
const bytes = readFileSync(wasm);
const module = await compileModule(bytes);

function pushAll(a, data, pieces) {
  let at = 0;
  for (let i = 0; at < data.length; i++) {
    const len = pieces[i % pieces.length];
    if (!a.push(data.subarray(at, at + len))) return;
    at += len;
  }
}

function begin(job, part, parts) {
  const a = new Analysis(module);
  a.setName(job.name ?? job.file ?? "capture");
  if (job.rules !== undefined) a.setRules(job.rules, job.force);
  a.setPart(part, parts);
  return a;
}

/** Another part of a job, packed. */
function packed(job, part) {
  const a = begin(job, part, job.parts);
  pushAll(a, readFileSync(job.file), [1 << 20]);
  a.finish();
  return a.pack();
}

function run(job) {
  const began = process.cpuUsage();
  const a = begin(job, 0, job.parts ?? 1);
  for (const net of job.nets ?? []) a.addNet(net);
  if (job.events) a.wantEvents();
  if (job.rows) a.wantRows(...job.rows);
  if (!job.file) return { status: 0, rules: a.rules(), apps: a.apps() };
  pushAll(a, readFileSync(job.file), job.pieces ?? [1 << 20]);
  const end = a.finish();
  for (let part = 1; part < (job.parts ?? 1); part++) a.merge(packed(job, part));
  const json = a.report("json");
  const used = process.cpuUsage(began);
  writeFileSync(`${out}/${job.id}.json`, json);
  writeFileSync(`${out}/${job.id}.txt`, a.report("text"));
  if (job.events) writeFileSync(`${out}/${job.id}.events`, a.takeEvents());
  if (job.rows)
    writeFileSync(`${out}/${job.id}.rows`,
                  JSON.stringify(a.takeRows().map((r) => ({ ...r, head: [...r.head] }))));
  return { ...end, packets: a.packets, memory: a.memory, seconds: (used.user + used.system) / 1e6 };
}

function result(job) {
  try {
    if (job.compare) {
      const [b, c] = job.compare.map((id) => JSON.parse(readFileSync(`${out}/${id}.json`)));
      return { status: 0, difference: compareReports(b, c) };
    }
    return run(job);
  } catch (e) {
    return { status: e.status ?? -1, error: e.message };
  }
}

const results = Object.fromEntries(JSON.parse(readFileSync(jobs)).map((job) => [job.id, result(job)]));
const imports = WebAssembly.Module.imports(module).map((i) => `${i.module}.${i.name}`);
writeFileSync(`${out}/results.json`, JSON.stringify({ results, imports }));
