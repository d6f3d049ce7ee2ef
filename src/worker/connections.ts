/**
 * Who a worker talks to: a slot for each socket, for each HTTP request, and for each connection of another worker that
 * forwards to us. Answers are gathered in one frame for each slot and turn. Hot path: `make bench`.
 */
import { assert } from "../words/assert.js";
import { FrameWriter } from "../protocol/writer.js";

/** Where a connection's frames go. */
export interface Receiver {
  /** Sends one frame; the bytes are lent for the call. Answers false if the receiver can't take more and was closed. */
  send(frame: Uint8Array, messages: number): void;
  /** Says that the connection must go, and why; `receive` is not called again. */
  close(code: number, reason: string): void;
  /** Part of the worker itself (HTTP), which ends in order when the node drains: its requests are not refused. */
  readonly isInside?: boolean;
  /** Of a client of another worker, which tells its clients itself what concerns all of them. */
  readonly isForwarded?: boolean;
  /** Bytes that wait to be read, as far as that is known. */
  readonly unsentBytes?: () => number;
}

export interface Connection {
  readonly slot: number;
  readonly receiver: Receiver;
  readonly address: string;
  /** Row of its path without a session (tables/paths.ts); 0 until it has said who it is. */
  bare: number;
  sessions: number;
  watches: number;
  /** Its frame of this turn; null while there is nothing to say. */
  writer: FrameWriter | null;
  isOpen: boolean;
}

const WRITER_SIZE = 4_096;
const WRITER_SIZE_MAX = 2 ** 30;
/** Writers that have grown beyond this are not kept for the next turn: after a burst their memory goes back. */
const WRITER_KEPT_MAX = 2 ** 16;
const WRITERS_KEPT = 1_024;

export class Connections {
  readonly #slots: (Connection | undefined)[] = [undefined];
  readonly #free: number[] = [];
  readonly #capacity: number;
  readonly #writers: FrameWriter[] = [];
  #speaking: Connection[] = [];
  #spare: Connection[] = [];
  open = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** A slot for a new connection; undefined if there are as many as there may be. */
  add(receiver: Receiver, address: string): Connection | undefined {
    const slot = this.#free.pop() ?? this.#slots.length;
    if (slot >= this.#capacity) return undefined;
    const connection: Connection = {
      slot,
      receiver,
      address,
      bare: 0,
      sessions: 0,
      watches: 0,
      writer: null,
      isOpen: true,
    };
    this.#slots[slot] = connection;
    this.open++;
    return connection;
  }

  /** Frees the slot. Its paths were closed before, so that nothing finds it any more. */
  remove(connection: Connection): void {
    assert(this.#slots[connection.slot] === connection, "a connection's slot is freed once");
    connection.isOpen = false;
    this.#slots[connection.slot] = undefined;
    this.#free.push(connection.slot);
    this.open--;
  }

  get(slot: number): Connection | undefined {
    return this.#slots[slot];
  }

  /** The frame that this turn says to a connection. */
  writerOf(connection: Connection): FrameWriter {
    if (connection.writer !== null) return connection.writer;
    const writer = this.#writers.pop() ?? new FrameWriter(WRITER_SIZE, WRITER_SIZE_MAX);
    writer.begin();
    connection.writer = writer;
    this.#speaking.push(connection);
    return writer;
  }

  /** Sends every frame that has something in it. */
  flush(): void {
    const speaking = this.#speaking;
    if (speaking.length === 0) return;
    this.#speaking = this.#spare;
    for (const connection of speaking) {
      const { writer } = connection;
      if (writer === null) continue;
      connection.writer = null;
      if (writer.count > 0 && connection.isOpen) connection.receiver.send(writer.finish(), writer.count);
      if (writer.capacity <= WRITER_KEPT_MAX && this.#writers.length < WRITERS_KEPT) this.#writers.push(writer);
    }
    speaking.length = 0;
    this.#spare = speaking;
  }

  /** Every open connection. */
  *all(): Generator<Connection> {
    for (const connection of this.#slots) if (connection !== undefined) yield connection;
  }
}
