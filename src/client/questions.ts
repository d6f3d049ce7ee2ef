/**
 * Requests without a session: what any worker may answer. The pure half: which are under way, which may be asked again
 * after a lost connection, and which would then be in doubt.
 */
import type { Message } from "../protocol/client-codec.js";
import type { Answer, Push, ServerMessage } from "../protocol/server-messages.js";
import { WatchPlace } from "./watch-place.js";
import { KIND_GROUP, KIND_WATCH } from "../words/kinds.js";

/** How a question ended. */
export type QuestionEnd =
  | { readonly kind: "answered"; readonly answer: Answer }
  | { readonly kind: "no-answer"; readonly inDoubt: boolean };

/** Who is told; called once for a question, and with each push for a watch. */
export interface QuestionListener {
  ended(end: QuestionEnd): void;
  pushed(push: WatchPush): void;
}

/** What a watch is told. */
export type WatchPush = Extract<Push, { readonly kind: "event" | "resync" }>;

/** The fault of a request that found its shard between two primaries: nothing of it was executed. */
const NOT_NOW = "no-primary";

interface Question {
  readonly kind: number;
  tail: Message;
  /** Asking twice does no harm. */
  readonly repeats: boolean;
  readonly deadlineMs: number;
  readonly listener: QuestionListener;
  sent: boolean;
  /** It has been answered and goes on: a watch. */
  lives: boolean;
  /** Of a watch. */
  readonly place: WatchPlace;
}

/** The questions of one client. */
export class Questions {
  readonly #asked: Map<number, Question> = new Map();
  #unsent: number[] = [];
  readonly #resting: number[] = [];

  /** How many are under way. */
  get size(): number {
    return this.#asked.size;
  }

  /** Asks. `tail` is what stands behind the id. */
  ask(id: number, asked: Omit<Question, "sent" | "lives" | "place">): void {
    this.#asked.set(id, { ...asked, sent: false, lives: false, place: new WatchPlace() });
    this.#unsent.push(id);
  }

  /** Nobody wants to hear of it any more. */
  forget(id: number): void {
    this.#asked.delete(id);
  }

  /** The frames of what is unsent, with at most `requestsMax` each. */
  flush(requestsMax: number): readonly (readonly Message[])[] {
    const frames: Message[][] = [];
    let frame: Message[] = [];
    for (const id of this.#unsent) {
      const question = this.#asked.get(id);
      if (question === undefined) continue;
      question.sent = true;
      if (frame.length === 0) frame.push([KIND_GROUP, 0]);
      frame.push([question.kind, id, ...question.tail]);
      if (frame.length <= requestsMax) continue;
      frames.push(frame);
      frame = [];
    }
    this.#unsent = [];
    return frame.length > 0 ? [...frames, frame] : frames;
  }

  /**
   * Takes in an answer; one to a question that nobody remembers is passed over.
   * @returns whether the question has to be asked again after a moment: nothing was done, because no primary was there
   */
  answered(answer: Answer): boolean {
    const question = this.#asked.get(answer.id);
    if (question === undefined) return false;
    if (answer.kind === "fault" && answer.code === NOT_NOW) {
      question.sent = false;
      this.#resting.push(answer.id);
      return true;
    }
    if (answer.kind === "watching" && question.kind === KIND_WATCH) {
      question.lives = true;
      question.place.set(answer.cursor);
      question.tail = [question.tail[0] ?? "", question.place.cursor];
    } else this.#asked.delete(answer.id);
    question.listener.ended({ kind: "answered", answer });
    return false;
  }

  /** A moment has passed: what rested is asked again. */
  wake(): void {
    this.#unsent.push(...this.#resting.splice(0));
  }

  /** Takes in a push of a watch. After a lost connection the watch goes on from there. */
  pushed(push: WatchPush): void {
    const question = this.#asked.get(push.watchId);
    if (question === undefined) return;
    const { place, listener } = question;
    if (push.kind === "resync") place.set(push.cursor);
    else place.move(push.cursor);
    question.lives = true; // A RESYNC may be the first that is said of it.
    const { cursor } = place;
    question.tail = [question.tail[0] ?? "", cursor];
    listener.pushed({ ...push, cursor });
  }

  /** The connection is gone: what repeats is asked again on the next, the rest is in doubt. */
  disconnected(): void {
    this.#unsent = [];
    this.#resting.length = 0;
    for (const [id, question] of [...this.#asked]) {
      if (!question.sent || question.repeats) {
        question.sent = false;
        this.#unsent.push(id);
      } else {
        this.#asked.delete(id);
        question.listener.ended({ kind: "no-answer", inDoubt: true });
      }
    }
  }

  /** Ends what has had no answer in time. */
  expire(nowMs: number): void {
    for (const [id, question] of [...this.#asked]) {
      if (question.lives || nowMs < question.deadlineMs) continue;
      this.#asked.delete(id);
      question.listener.ended({ kind: "no-answer", inDoubt: question.sent && !question.repeats });
    }
  }

  /** Ends all of them. */
  close(): void {
    for (const question of [...this.#asked.values()])
      question.listener.ended({ kind: "no-answer", inDoubt: question.sent });
    this.#asked.clear();
    this.#unsent = [];
  }
}

/** Whether a message answers a question; OPENED, OPEN_SHARD and KEPT have an id, too, and are the session's. */
export function isPlainAnswer(message: ServerMessage): message is Answer {
  return "id" in message && message.kind !== "opened" && message.kind !== "open-shard" && message.kind !== "kept";
}
