/**
 * What the books are told of one session's frames: each answer as it stands in a frame, with the first sending of what it
 * answers, and the history that the library's own recorder makes of both.
 */
import type { HistoryRecorder } from "../../../src/client/history-recorder.js";
import type { Message } from "../../../src/protocol/client-codec.js";
import type { ServerMessage } from "../../../src/protocol/server-messages.js";
import { KIND_GROUP, KIND_OPEN } from "../../../src/words/kinds.js";
import type { Books } from "../books.js";
import { publicIdOf } from "../public-id.js";

/** Whose frames they are. */
export interface WitnessParts {
  readonly books: Books;
  readonly client: string;
  /** The session's key as hexadecimal digits. */
  readonly key: string;
  /** True time, microseconds. */
  readonly now: () => number;
}

interface Sent {
  readonly resource: string;
  readonly atUs: number;
}

export class Witness {
  readonly #parts: WitnessParts;
  readonly #recorder: HistoryRecorder;
  /** Requests of the session by id, as they were sent first. */
  readonly #sent = new Map<number, Sent>();

  constructor(parts: WitnessParts) {
    this.#parts = parts;
    const { books, key, client } = parts;
    this.#recorder = books.recorder(publicIdOf(key));
    books.began(client, key);
  }

  /** A frame is about to leave. */
  sends(messages: readonly Message[]): void {
    this.#recorder.sending(messages);
    for (const [kind, id, resource] of messages) {
      if (kind === KIND_GROUP || kind === KIND_OPEN || typeof id !== "number" || typeof resource !== "string") continue;
      if (!this.#sent.has(id)) this.#sent.set(id, { resource, atUs: this.#parts.now() });
    }
  }

  /** What the books are told is what stands in the frame, whether the session takes it in or not. */
  receives(messages: readonly ServerMessage[]): void {
    this.#recorder.received(messages);
    const { books, client, key, now } = this.#parts;
    let isGrouped = false;
    for (const message of messages) {
      if (message.kind === "group") isGrouped = message.path !== 0;
      else if (isGrouped && "id" in message) {
        const { kind, id: requestId } = message;
        const token = kind === "granted" ? message.token : 0;
        const { resource = "", atUs: sentUs = 0 } = this.#sent.get(requestId) ?? {};
        books.answered({ client, key, kind, requestId, resource, token, atUs: now(), sentUs, message });
      }
    }
  }
}
