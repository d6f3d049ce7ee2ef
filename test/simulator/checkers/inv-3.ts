/**
 * INV-3: an answered grant, release or renewal is never forgotten. When a client reads an answer its effect must be in
 * the committed part of the log, and stay there after every crash.
 */
import {
  ASKED,
  CLIENT_SESSION,
  EVENT_BEGAN,
  EVENT_CANCELLED,
  EVENT_ENQUEUED,
  EVENT_GRANTED,
  EVENT_GRANTED_WAITER,
  EVENT_RELEASED,
  EVENT_RENEWED,
  EVENT_TIMED_OUT,
} from "../../../src/words/event-kinds.js";
import type { LoggedEvent } from "../log-reader.js";
import { type Checker, type HeardAnswer, type Place, Violation } from "./checker.js";

/** Which events an answer may rest on. */
const RESTS_ON: ReadonlyMap<string, readonly number[]> = new Map([
  ["granted", [EVENT_GRANTED, EVENT_GRANTED_WAITER]],
  ["released", [EVENT_RELEASED]],
  ["renewed", [EVENT_RENEWED]],
  ["timed-out", [EVENT_TIMED_OUT]],
  ["cancelled", [EVENT_CANCELLED]],
]);

interface Effect {
  readonly kind: number;
  readonly lsn: number;
}
interface Log {
  readonly place: Place;
  committed: number;
  /** The session's key by the row that it has there. */
  readonly keys: Map<number, string>;
  /** What a session's request did, by "key id". */
  readonly effects: Map<string, Effect[]>;
  /** Answers that were read, and what they rest on. */
  readonly told: Map<string, { readonly answer: HeardAnswer; readonly effect: Effect }>;
}

export class NothingForgotten implements Checker {
  readonly invariant = "INV-3";
  readonly #logs: Log[] = [];

  forget(place: Place): void {
    const log = this.#logOf(place);
    log.keys.clear();
    log.effects.clear();
  }

  applied(place: Place, event: LoggedEvent): void {
    const log = this.#logOf(place);
    if (event.kind === EVENT_BEGAN && (event.flags & CLIENT_SESSION) !== 0) log.keys.set(event.row, event.key);
    const key = log.keys.get(event.client) ?? "";
    // A cancel is about two requests: its own, if it was asked for, and the wait, whose id stands in a token's place.
    if (event.kind === EVENT_CANCELLED) this.#note(log, `${key} ${event.token}`, event);
    if ((event.flags & ASKED) === 0 || event.kind === EVENT_ENQUEUED) return;
    this.#note(log, `${key} ${event.requestId}`, event);
  }

  #note(log: Log, name: string, event: LoggedEvent): void {
    const effect = { kind: event.kind, lsn: event.lsn };
    const before = log.effects.get(name);
    if (before === undefined) log.effects.set(name, [effect]);
    else before.push(effect);
  }

  committed(place: Place, lsn: number): void {
    this.#logOf(place).committed = lsn;
  }

  recalled(place: Place): void {
    const log = this.#logOf(place);
    for (const [name, { answer, effect }] of log.told) {
      const has = log.effects.get(name)?.some(({ kind, lsn }) => kind === effect.kind && lsn === effect.lsn);
      if (has !== true) throw new Violation(this.invariant, `${placeText(place)} has forgotten ${answerText(answer)}`);
    }
  }

  answered(answer: HeardAnswer): void {
    const kinds = RESTS_ON.get(answer.kind);
    if (kinds === undefined) return;
    const name = `${answer.key} ${answer.requestId}`;
    for (const log of this.#logs) {
      const effect = log.effects.get(name)?.find(({ kind, lsn }) => {
        return kinds.includes(kind) && (answer.token === 0 || lsn === answer.token);
      });
      if (effect === undefined) continue;
      if (effect.lsn > log.committed)
        throw new Violation(
          this.invariant,
          `${answerText(answer)} rests on LSN ${effect.lsn}, not yet committed (R-8)`,
        );
      log.told.set(name, { answer, effect });
      return;
    }
    throw new Violation(this.invariant, `${answerText(answer)}, and no log has it`);
  }

  #logOf(place: Place): Log {
    return (this.#logs[place.number] ??= {
      place,
      committed: 0,
      keys: new Map(),
      effects: new Map(),
      told: new Map(),
    });
  }
}

function placeText(place: Place): string {
  return `${place.node}, shard ${place.shard}`;
}

function answerText(answer: HeardAnswer): string {
  const { client, kind, requestId, token } = answer;
  return `${client} was told ${kind} of request ${requestId}${token === 0 ? "" : ` with token ${token}`}`;
}
