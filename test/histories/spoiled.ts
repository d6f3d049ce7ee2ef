/** Spoiled histories by the hundred, out of a few good ones. */
import type { HistoryLine } from "../../src/words/history.js";
import { Random } from "../tables/random.js";
import { GoodHistory } from "./good-history.js";
import { SPOILS } from "./spoil.js";

/** A history that no checker may let pass. */
export interface Spoiled {
  readonly kind: string;
  /** By which of these our checker must see it. */
  readonly rules: readonly string[];
  readonly lines: readonly string[];
}

/**
 * Makes `count` of them, each kind in turn; a kind that finds no place this time leaves it to the next one. Fewer if the
 * good ones have hardly any places.
 */
export function* spoil(goods: readonly (readonly string[])[], count: number, seed: number): Generator<Spoiled> {
  const random = new Random(seed);
  const histories = goods.map((texts) => {
    const good = new GoodHistory(texts, random);
    return { good, written: new Map(good.lines.map((line, index) => [line, texts[index] ?? ""])) };
  });
  const kinds = [...SPOILS];
  for (let tried = 0, made = 0; made < count && tried < 2 * count; tried++) {
    const [kind, { rules, spoil: apply }] = kinds[tried % kinds.length] ?? ["", { rules: [], spoil: () => undefined }];
    const first = random.below(histories.length);
    for (const { good, written } of [...histories.slice(first), ...histories.slice(0, first)]) {
      const lines = apply(good);
      if (lines === undefined) continue;
      made++;
      yield { kind, rules, lines: lines.map((line) => textOf(line, written)) };
      break;
    }
  }
}

/** Most lines are as they were. */
function textOf(line: HistoryLine, written: ReadonlyMap<HistoryLine, string>): string {
  return written.get(line) ?? JSON.stringify(line);
}
