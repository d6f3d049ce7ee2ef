/** Rounds and streams by their rank: only which is larger counts, and the next one is larger than all. */
import { NAMES, nodeAt, type World } from "./world.js";

const COUNT = NAMES.length;

export class Ranks {
  /** By replica: rounds of its worker that something still compares. */
  readonly #rounds: readonly number[][] = NAMES.map(() => []);
  /** By 3 × from + to: streams that one feeds the other. */
  readonly #streams: readonly number[][] = Array.from({ length: COUNT * COUNT }, () => []);

  constructor(world: World) {
    for (let index = 0; index < COUNT; index++) this.#node(world, index);
    for (const [number, frames] of world.channels.entries()) {
      const from = Math.floor(number / COUNT);
      const to = number % COUNT;
      let heard = nodeAt(world, to).links[from]?.acknowledged ?? 0;
      for (const frame of frames) {
        if (frame.isAcknowledgementWanted) this.#round(from, frame.round);
        if (frame.acknowledged > heard) this.#round(to, frame.acknowledged);
        heard = Math.max(heard, frame.acknowledged);
        for (const message of frame.messages) {
          if (!("stream" in message)) continue;
          const isAnswer = message.kind === "where" || message.kind === "refuse" || message.kind === "tail";
          this.#stream(isAnswer ? to : from, isAnswer ? from : to, message.stream);
        }
      }
    }
    for (const values of this.#rounds) values.sort(ascending);
    for (const values of this.#streams) values.sort(ascending);
  }

  #node(world: World, index: number): void {
    const { state, links, marks, replies } = nodeAt(world, index);
    if (state === null) return;
    for (const mark of marks) this.#round(index, mark.round);
    for (const reply of replies) this.#round(index, reply.round);
    for (const peer of state.peers) {
      const isFeeding = state.role === "primary" || state.role === "taking-over";
      if (!isFeeding) continue;
      this.#round(index, peer.beginRound);
      for (const flown of peer.inFlight) this.#round(index, flown.round);
      this.#stream(index, NAMES.indexOf(peer.name), peer.stream);
    }
    for (const { message } of state.held) {
      if ("stream" in message) this.#stream(NAMES.indexOf(message.to), index, message.stream);
    }
    const primary = NAMES.indexOf(state.configuration?.primary ?? "");
    if (state.stream !== 0) this.#stream(primary, index, state.stream);
    for (const [other, link] of links.entries()) {
      if (link === null) continue;
      this.#round(index, link.acknowledged);
      if (link.storedRound !== link.toldRound) this.#round(other, link.storedRound);
      for (const { round, mark } of link.waiting) {
        this.#round(other, round);
        this.#round(index, mark);
      }
    }
  }

  #round(of: number, value: number): void {
    const values = this.#rounds[of];
    if (value > 0 && values?.includes(value) === false) values.push(value);
  }
  #stream(from: number, to: number, value: number): void {
    const values = this.#streams[COUNT * from + to];
    if (value > 0 && values?.includes(value) === false) values.push(value);
  }

  /** From 1; 0 for none. */
  round(of: number, value: number): number {
    return value <= 0 ? 0 : (this.#rounds[of]?.indexOf(value) ?? -1) + 1;
  }
  stream(from: number, to: number, value: number): number {
    return value <= 0 ? 0 : (this.#streams[COUNT * from + to]?.indexOf(value) ?? -1) + 1;
  }
}

function ascending(one: number, other: number): number {
  return one - other;
}
