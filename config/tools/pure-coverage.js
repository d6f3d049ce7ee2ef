// Asks for 95 % of the branches of each pure room, out of what c8 wrote to coverage/. Adapters have no such bound: they
// are thin, and tested on the real thing. A room of which c8 saw no file fails.
import { existsSync, readFileSync } from "node:fs";
import { relative, sep } from "node:path";
import { sources } from "./sources.js";

const BRANCHES_PERCENT_MIN = 95;
const root = new URL("../../", import.meta.url).pathname;
const rooms = JSON.parse(readFileSync(`${root}config/tools/rooms.json`, "utf8"));
const seen = JSON.parse(readFileSync(`${root}coverage/coverage-final.json`, "utf8"));

const counts = new Map(); // room -> { files, branches, covered }
for (const [path, { b }] of Object.entries(seen)) {
  const [folder, room] = relative(root, path).split(sep);
  if (folder !== "src") continue;
  const count = counts.get(room) ?? { files: 0, branches: 0, covered: 0 };
  const hits = Object.values(b).flat();
  count.files += 1;
  count.branches += hits.length;
  count.covered += hits.filter((times) => times > 0).length;
  counts.set(room, count);
}

let checked = 0;
for (const [room, { pure }] of Object.entries(rooms)) {
  if (!pure || !existsSync(`${root}src/${room}`)) continue;
  if (sources(root, [`src/${room}`]).length === 0) continue;
  const count = counts.get(room) ?? { files: 0, branches: 0, covered: 0 };
  const percent = count.branches === 0 ? 0 : (100 * count.covered) / count.branches;
  const ok = percent >= BRANCHES_PERCENT_MIN;
  console.log(`${ok ? "ok " : "LOW"} ${room}: ${percent.toFixed(1)} % of ${count.branches} branches`);
  if (!ok) process.exitCode = 1;
  checked += 1;
}
if (checked === 0) {
  console.log("No pure room was looked at.");
  process.exitCode = 1;
}
