/** The part of REPORT.md that sets Holdfast beside its peers, out of `results/peers.json`. */
import type { PeerRow } from "./rows.js";
import { readPeerRows } from "./rows.js";

/** How the report writes a number. */
type Round = (value: number) => string;

function rowLine(row: PeerRow, round: Round): string {
  const { median, min, max } = row.opsPerSecond;
  const speed = `${round(median)} (${round(min)} to ${round(max)})`;
  const errors = row.errors === 0 ? "" : `${row.errors} errors; `;
  const promises = `${errors}${[row.durability, ...row.lacks].join("; ")}`;
  const cells = [row.system, `${row.replicas}`, speed, round(row.p50Ms), round(row.p99Ms), round(row.ratioToHoldfast)];
  return `| ${[...cells, promises].join(" | ")} |`;
}

function workSection(rows: readonly PeerRow[], round: Round): readonly string[] {
  const [first] = rows;
  if (first === undefined) return [];
  return [
    `### ${first.work}, ${first.outstanding} outstanding`,
    "",
    "| system | replicas | a second | p50 ms | p99 ms | ÷ Holdfast | an answer means |",
    "|---|---|---|---|---|---|---|",
    ...rows.map((row) => rowLine(row, round)),
    "",
  ];
}

/** What Holdfast is worse at: each row of a peer that did more in a second, or answered sooner. */
function worseSection(rows: readonly PeerRow[], round: Round): readonly string[] {
  const ours = (row: PeerRow): PeerRow | undefined =>
    rows.find(
      ({ system, replicas, work, outstanding }) =>
        system === "holdfast" && replicas === row.replicas && work === row.work && outstanding === row.outstanding,
    );
  const lines = rows.flatMap((row) => {
    const mine = ours(row);
    if (mine === undefined || mine === row) return [];
    const place = `${row.work}, ${row.outstanding} outstanding, replicas: ${row.replicas}`;
    const slower = `- ${place}: ${row.system} does ${round(row.ratioToHoldfast)} times as much in a second`;
    const later = `- ${place}: ${row.system} answers at p99 in ${round(row.p99Ms)} ms, Holdfast in ${round(mine.p99Ms)} ms`;
    return [...(row.ratioToHoldfast > 1 ? [slower] : []), ...(row.p99Ms < mine.p99Ms ? [later] : [])];
  });
  return ["### What Holdfast is worse at", "", ...(lines.length === 0 ? ["Nothing of what was measured."] : lines), ""];
}

function settingsSection(rows: readonly PeerRow[]): readonly string[] {
  const systems = new Map(rows.map((row) => [`${row.system} ×${row.replicas}`, row]));
  const lines = [...systems].map(([name, { version, settings }]) => `- ${name}, ${version}: ${settings}`);
  return ["### Versions and settings", "", ...lines, ""];
}

/** All of it; empty if nothing was measured yet. */
export function peersSection(round: Round): readonly string[] {
  const rows = readPeerRows();
  const [first] = rows;
  if (first === undefined) return [];
  const places = new Map<string, PeerRow[]>();
  for (const row of rows) {
    const place = `${row.work} ${row.outstanding}`;
    places.set(place, [...(places.get(place) ?? []), row]);
  }
  const quick = rows.some((row) => row.quick) ? " **QUICK=1: a short run whose figures say little.**" : "";
  return [
    "## Beside its peers",
    "",
    `\`make bench-peers\`, measured ${first.at}: the same work at each system, one after the other in each round, each alone`,
    "on this machine with nothing in it; names of 20 bytes, a TTL of 30 s. A second's acquires and releases (or",
    `hand-overs, or renewals): median of the rounds, with the least and the most.${quick}`,
    "",
    ...[...places.values()].flatMap((group) => workSection(group, round)),
    ...worseSection(rows, round),
    ...settingsSection(rows),
  ];
}
