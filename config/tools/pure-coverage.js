// Asks for 95 % of the branches of each pure room, out of what c8 wrote to coverage/. Adapters have no such bound: they
// are thin, and tested on the real thing. A room of which c8 saw no file fails.
//
// Left out, and counted as such: `?? outOfRange(…)`, which TypeScript asks for behind each read of a typed array and which
// runs only where such a read is wrong. Nothing else is: every other branch that no test took is named with its line.
import { existsSync, readFileSync } from "node:fs";
import { relative, sep } from "node:path";
import { sources } from "./sources.js";

const BRANCHES_PERCENT_MIN = 95;
/** The whole text of a branch, with at most one call among its arguments. */
const CANNOT_RUN = /^\s*\?\?\s*outOfRange\([^()]*(?:\([^()]*\)[^()]*)?\)$/;
const root = new URL("../../", import.meta.url).pathname;
const rooms = JSON.parse(readFileSync(`${root}config/tools/rooms.json`, "utf8"));
const seen = JSON.parse(readFileSync(`${root}coverage/coverage-final.json`, "utf8"));

/** What stands between two places of a file; lines begin at 1, columns at 0. */
function textBetween(lines, { start, end }) {
  const whole = lines.slice(start.line - 1, end.line);
  whole[whole.length - 1] = whole.at(-1).slice(0, end.column);
  whole[0] = whole[0].slice(start.column);
  return whole.join("\n");
}

/** Each branch of a file: how often it was taken, where it begins, what it says. */
function branchesOf(path, { branchMap, b }) {
  const lines = readFileSync(path, "utf8").split("\n");
  return Object.entries(branchMap).flatMap(([id, { locations }]) =>
    locations.map((location, at) => ({
      times: b[id][at],
      place: `${relative(root, path)}:${location.start.line}`,
      text: textBetween(lines, location),
    })),
  );
}

const counts = new Map(); // room -> { branches, covered, leftOut, missed }
for (const [path, file] of Object.entries(seen)) {
  const [folder, room] = relative(root, path).split(sep);
  if (folder !== "src" || rooms[room]?.pure !== true) continue;
  const count = counts.get(room) ?? { branches: 0, covered: 0, leftOut: 0, missed: [] };
  for (const { times, place, text } of branchesOf(path, file)) {
    if (CANNOT_RUN.test(text)) {
      count.leftOut += 1;
      continue;
    }
    count.branches += 1;
    if (times > 0) count.covered += 1;
    else count.missed.push(`${place}  ${text.trim().split("\n")[0].slice(0, 90)}`);
  }
  counts.set(room, count);
}

let checked = 0;
for (const [room, { pure }] of Object.entries(rooms)) {
  if (!pure || !existsSync(`${root}src/${room}`)) continue;
  if (sources(root, [`src/${room}`]).length === 0) continue;
  const { branches, covered, leftOut, missed } = counts.get(room) ?? {
    branches: 0,
    covered: 0,
    leftOut: 0,
    missed: [],
  };
  const percent = branches === 0 ? 0 : (100 * covered) / branches;
  const ok = percent >= BRANCHES_PERCENT_MIN;
  const rest = `${leftOut} of \`?? outOfRange(…)\` left out`;
  console.log(`${ok ? "ok " : "LOW"} ${room}: ${percent.toFixed(1)} % of ${branches} branches; ${rest}`);
  for (const line of missed.sort()) console.log(`      ${line}`);
  if (!ok) process.exitCode = 1;
  checked += 1;
}
if (checked === 0) {
  console.log("No pure room was looked at.");
  process.exitCode = 1;
}
