/** What a watch can get wrong. */
import type { HistoryLine, HistoryWatch } from "../../src/words/history.js";
import type { GoodHistory } from "./good-history.js";

type Spoil = (good: GoodHistory) => readonly HistoryLine[] | undefined;

/** A place within what one watch told of one resource: two grants and the end between them. */
interface Place {
  readonly granted: HistoryWatch;
  readonly ended: HistoryWatch;
  readonly next: HistoryWatch;
}

const ENDS: ReadonlySet<string> = new Set(["released", "expired", "forced"]);

function place(good: GoodHistory): Place | undefined {
  const exclusives = new Set(good.holds.filter(({ mode }) => mode === "exclusive").map(nameOf));
  const places: Place[] = [];
  for (const told of good.watched()) {
    const events = told.filter(({ kind }) => kind !== "revoked");
    let isFirst = true; // The first grant told is where the watch may have begun.
    for (let at = 0; at + 2 < events.length; at++) {
      const [granted, ended, next] = events.slice(at, at + 3);
      if (granted === undefined || ended === undefined || next?.kind !== "granted") continue;
      if (granted.kind !== "granted") continue;
      const isOne = !isFirst && ENDS.has(ended.kind) && ended.token === granted.token;
      isFirst = false;
      if (isOne && exclusives.has(nameOf(next))) places.push({ granted, ended, next });
    }
  }
  return good.pick(places);
}

function nameOf({ resource, token }: { readonly resource: string; readonly token: number | null }): string {
  return `${resource} ${token}`;
}

function atPlace(spoil: (good: GoodHistory, at: Place) => readonly HistoryLine[]): Spoil {
  return (good) => {
    const at = place(good);
    return at === undefined ? undefined : spoil(good, at);
  };
}

/** By name, with the rules by which a checker may see it. */
export const WATCH_SPOILS: readonly (readonly [
  string,
  { readonly rules: readonly string[]; readonly spoil: Spoil },
])[] = [
  ["grant-told-twice", { rules: ["watch-twice"], spoil: atPlace((good, { granted }) => good.with({ ...granted })) }],
  ["end-told-twice", { rules: ["watch-twice"], spoil: atPlace((good, { ended }) => good.with({ ...ended })) }],
  ["grant-not-told", { rules: ["watch-grant-lost"], spoil: atPlace((good, { granted }) => good.without(granted)) }],
  ["end-not-told", { rules: ["watch-end-lost"], spoil: atPlace((good, { ended }) => good.without(ended)) }],
  [
    "told-in-wrong-order",
    {
      rules: ["watch-order", "watch-grant-lost", "watch-end-lost"],
      spoil: atPlace((good, { granted, next }) =>
        good.lines.map((line) => (line === granted ? next : line === next ? granted : line)),
      ),
    },
  ],
  [
    "told-of-nobody",
    {
      rules: ["watch-invented"],
      spoil: atPlace((good, { ended, next }) => {
        const token = good.freeToken(next.resource, next.token ?? 0);
        const told: HistoryWatch = { ...ended, kind: "granted", token };
        return good.lines.flatMap((line) => (line === next ? [line, told] : [line]));
      }),
    },
  ],
];
