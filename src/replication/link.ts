/**
 * Frames between two workers, for all shards that they share. One frame for each turn that has something to say; it is
 * acknowledged as a whole, by one number, so that nothing is per shard while nothing goes wrong.
 *
 *     frame = link · round · wanted · acknowledged · messages
 *
 *     sender, round 7 ── messages ──▶ receiver: hands each to its replica, which gives orders to its log
 *                                     its log has done all orders of that turn ─┐
 *     each shard's replica: "all up to round 7 is stored there" ◀── acknowledged 7
 *
 * An acknowledgement speaks for every shard that the sender feeds there, but for those that have refused before it: a
 * refusal stands in a frame before the acknowledgement or in the same one, and the messages of a frame come first. That
 * rests on three things: a connection keeps its order; a link is one connection, and never outlives it; between two
 * workers one link counts at a time, on both sides. A receiver that accepts a new one is done with the old.
 */
import { assert } from "../words/assert.js";
import type { Message } from "./messages.js";

export interface Frame {
  /** Which connection this is: a random id made by who dialled. A frame of another one is not taken. */
  readonly link: string;
  /** The sender's turn. Grows from frame to frame. */
  readonly round: number;
  readonly isAcknowledgementWanted: boolean;
  /** All that the other side has sent up to this round of its own is on disk here; 0 for nothing yet. */
  readonly acknowledged: number;
  readonly messages: readonly Message[];
}

/** What came with a frame: first the messages, then the acknowledgement. */
export interface Received {
  readonly messages: readonly Message[];
  /** 0: nothing new. */
  readonly acknowledged: number;
}

/** A round that was received and waits for the own log. */
interface Waiting {
  readonly round: number;
  readonly mark: number;
}

/** One side of a link, as plain data. */
export interface LinkState {
  readonly id: string;
  sentRound: number;
  /** The last round that the other side has acknowledged. */
  acknowledged: number;
  receivedRound: number;
  waiting: Waiting[];
  /** The round to acknowledge, and the one that was acknowledged last. */
  storedRound: number;
  toldRound: number;
}

export class Link {
  readonly state: LinkState;

  constructor(id: string) {
    this.state = { id, sentRound: 0, acknowledged: 0, receivedRound: 0, waiting: [], storedRound: 0, toldRound: 0 };
  }

  /**
   * The frame of this turn; null if there is nothing to say.
   * @param isRoundWanted whether answers wait for this round though there is no message
   */
  frame(round: number, messages: readonly Message[], isRoundWanted: boolean): Frame | null {
    const state = this.state;
    const isAcknowledgementWanted = messages.length > 0 || isRoundWanted;
    if (!isAcknowledgementWanted && state.storedRound === state.toldRound) return null;
    assert(round > state.sentRound, "R-8: a link has one frame for each round");
    state.sentRound = round;
    state.toldRound = state.storedRound;
    return { link: state.id, round, isAcknowledgementWanted, acknowledged: state.storedRound, messages };
  }

  /**
   * Takes a frame. Null: it is of another connection, or came twice; nothing in it counts.
   * @param mark a number that grows; `stored` is told it when the log has done what this turn orders
   */
  receive(frame: Frame, mark: number): Received | null {
    const state = this.state;
    if (frame.link !== state.id || frame.round <= state.receivedRound) return null;
    if (frame.acknowledged > state.sentRound) return null; // Nobody can have stored what was never sent.
    state.receivedRound = frame.round;
    if (frame.isAcknowledgementWanted) state.waiting.push({ round: frame.round, mark });
    const acknowledged = frame.acknowledged > state.acknowledged ? frame.acknowledged : 0;
    if (acknowledged > 0) state.acknowledged = acknowledged;
    return { messages: frame.messages, acknowledged };
  }

  /** The log has done all orders of turns up to this mark. */
  stored(mark: number): void {
    const state = this.state;
    let done = 0;
    for (const { round, mark: needed } of state.waiting) {
      if (needed > mark) break;
      state.storedRound = round;
      done++;
    }
    if (done > 0) state.waiting.splice(0, done);
  }
}
