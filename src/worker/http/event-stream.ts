/**
 * A response that goes on: server-sent events, as the WHATWG defines them. What its client does not read is kept up to a
 * bound, then the stream is cut; the client comes again with its last event's id, and misses nothing. One that has vanished
 * without a word is cut by TCP, which gives up what nobody acknowledges after some minutes; until then the bound holds.
 */
import type { HttpResponse } from "uWebSockets.js";

/** uWebSockets.js cuts a response that says nothing for 10 s; proxies are more patient. */
const ALIVE_EVERY_MS = 3_000;
const RETRY_AFTER_MS = 1_000;

/** One event. `id` is what a client that comes again sends as Last-Event-ID. */
export interface StreamEvent {
  readonly event: string;
  readonly id: string;
  readonly data: unknown;
}

export class EventStream {
  /** Settled when the stream has ended, whoever ended it. */
  readonly ended: Promise<void>;
  readonly #response: HttpResponse;
  readonly #unsentBytesMax: number;
  readonly #alive: NodeJS.Timeout;
  #tellEnd: () => void = () => undefined;
  #isOpen = true;
  #isFull = false;
  #unsent: string[] = [];
  #unsentBytes = 0;

  /** The head of the response is written next. */
  constructor(response: HttpResponse, unsentBytesMax: number) {
    this.#response = response;
    this.#unsentBytesMax = unsentBytesMax;
    this.ended = new Promise((tell) => {
      this.#tellEnd = tell;
    });
    response.onWritable(() => this.#writable());
    this.#alive = setInterval(() => {
      this.#write(": alive\n\n");
    }, ALIVE_EVERY_MS);
  }

  /** Bytes that wait until the client reads. */
  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  /** Tells where the stream begins: an id and no event, so that a client that loses it early comes again from here. */
  begin(id: string): void {
    this.#write(`retry: ${RETRY_AFTER_MS}\nid: ${id}\n\n`);
  }

  send({ event, id, data }: StreamEvent): void {
    this.#write(`event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** Ends the response; what was not read yet is still sent, as far as the client reads. */
  end(): void {
    if (!this.#isOpen) return;
    this.#close();
    this.#response.cork(() => {
      this.#response.end(this.#unsent.join(""), true);
    });
  }

  /** The client has gone: the response must not be touched any more. */
  aborted(): void {
    if (this.#isOpen) this.#close();
  }

  #close(): void {
    this.#isOpen = false;
    clearInterval(this.#alive);
    this.#tellEnd();
  }

  #write(part: string): void {
    if (!this.#isOpen) return;
    if (!this.#isFull) {
      this.#response.cork(() => {
        this.#isFull = !this.#response.write(part);
      });
      return;
    }
    this.#unsent.push(part);
    this.#unsentBytes += Buffer.byteLength(part);
    if (this.#unsentBytes <= this.#unsentBytesMax) return;
    this.#close();
    this.#response.close();
  }

  #writable(): boolean {
    const waiting = this.#unsent.join("");
    this.#unsent = [];
    this.#unsentBytes = 0;
    this.#isFull = waiting !== "" && !this.#response.write(waiting);
    return !this.#isFull;
  }
}
