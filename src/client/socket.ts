/**
 * One connection to a server: handshake, frames, back-off. It decides nothing about locks. A connection that is silent is
 * asked by a probe, because a half-open one would otherwise look healthy until a lease has run out.
 */
import { decodeFrame, encodeFrame, type Field, type Message } from "../protocol/client-codec.js";
import { ProtocolError } from "../protocol/fields.js";
import type { ServerMessage, Welcome } from "../protocol/server-messages.js";
import { letGo, type Timer } from "./machine.js";
import type { OpenWire, Wire } from "./wire.js";
import {
  CLOSE_MALFORMED,
  CLOSE_NOT_AUTHENTICATED,
  CLOSE_VERSION_UNSUPPORTED,
  KIND_HELLO,
  KIND_KEEPALIVE,
  PROTOCOL_VERSION,
} from "../words/kinds.js";

/** Waits between attempts, in milliseconds: doubled each time, less a random part. */
const BACKOFF_MIN_MS = 50;
const BACKOFF_MAX_MS = 2000;
const HANDSHAKE_WITHIN_MS = 5000;
const PROBE_EVERY_MS = 5000;
/** Where there are several addresses, a server that is silent is left sooner: another one knows who has its shards. */
const PROBE_EVERY_QUICK_MS = 1500;
const HANDSHAKE_WITHIN_QUICK_MS = 1500;
/** The id of a keep-alive of no path, whose answer shows that the server is there: no request ever gets so far. */
const PROBE_ID: number = Number.MAX_SAFE_INTEGER;
/** How long a connection that was ended may take to say goodbye. */
const CLOSE_WITHIN_MS = 500;

/** Whom a socket tells of what happens. */
export interface SocketListener {
  welcomed(socket: Socket, welcome: Welcome): void;
  received(socket: Socket, messages: readonly ServerMessage[]): void;
  /** The connection is gone, or could not be made; it is tried again unless `stop` is called. */
  down(socket: Socket, reason: string): void;
  /** The server will never take this client: it is not tried again. */
  refused(socket: Socket, reason: string): void;
}

/** Where to connect, and what to say first. */
export interface SocketTarget {
  /** `host:port`, asked again at each attempt; they are taken in turn. */
  readonly addresses: () => readonly string[];
  readonly client: string;
  readonly key: string;
  readonly wantsRing: () => boolean;
  readonly openWire: OpenWire;
  /** Whether others can be asked where this one does not answer. */
  readonly hasOthers: () => boolean;
}

/** A connection that comes back by itself until it is stopped. */
export class Socket {
  readonly #target: SocketTarget;
  readonly #listener: SocketListener;
  #wire: Wire | undefined;
  #timer: Timer | undefined;
  #isUp = false;
  #isHeard = false;
  #stopped = false;
  /** Attempts since the last that succeeded. */
  failures = 0;
  #attempt = 0;
  /** Where the last attempt went: `host:port`. */
  address: string | undefined;

  constructor(target: SocketTarget, listener: SocketListener) {
    this.#target = target;
    this.#listener = listener;
  }

  /** Whether the handshake is done. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Bytes that wait to be read by the server. */
  get unsentBytes(): number {
    return this.#wire?.unsentBytes ?? 0;
  }

  /** Makes the first attempt. */
  start(): void {
    const addresses = this.#target.addresses();
    const address = addresses[this.#attempt % Math.max(1, addresses.length)];
    this.#attempt += 1;
    this.address = address;
    if (address === undefined) return;
    clearTimeout(this.#timer);
    let isOver = false; // Nothing that an older wire still says is heard.
    const wire = this.#target.openWire(`ws://${address}/v1/connect`, {
      opened: () => {
        if (!isOver) this.#greet(wire);
      },
      received: (bytes) => {
        if (!isOver) this.#receive(wire, bytes);
      },
      closed: (code, reason) => {
        if (isOver) return;
        isOver = true;
        this.#closed(wire, code, reason);
      },
    });
    this.#wire = wire;
    this.#timer = setTimeout(() => {
      wire.drop();
    }, this.#handshakeWithinMs());
  }

  /** Sends one frame. Nothing if the connection is down: `down` has told, or is about to. */
  send(messages: readonly Message[]): void {
    if (this.#isUp) this.#wire?.send(encodeFrame(messages));
  }

  /** Ends the connection; it is made anew after a moment. */
  restart(): void {
    this.#isUp = false;
    this.#wire?.close(1000, "");
  }

  /** Ends the connection for good. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#isUp = false;
    const wire = this.#wire;
    wire?.close(1000, "");
    this.#timer = letGo(
      setTimeout(() => {
        wire?.drop();
      }, CLOSE_WITHIN_MS),
    );
  }

  #probeEveryMs(): number {
    return this.#target.hasOthers() ? PROBE_EVERY_QUICK_MS : PROBE_EVERY_MS;
  }

  #handshakeWithinMs(): number {
    return this.#target.hasOthers() ? HANDSHAKE_WITHIN_QUICK_MS : HANDSHAKE_WITHIN_MS;
  }

  #greet(wire: Wire): void {
    const hello: Record<string, Field> = { version: PROTOCOL_VERSION, client: this.#target.client };
    if (this.#target.wantsRing()) hello["ring"] = true;
    if (this.#target.key !== "") hello["credentials"] = { key: this.#target.key };
    wire.send(encodeFrame([[KIND_HELLO, hello]]));
  }

  #receive(wire: Wire, bytes: Uint8Array | undefined): void {
    this.#isHeard = true;
    if (this.#stopped || bytes === undefined) return;
    let messages: readonly ServerMessage[];
    try {
      messages = decodeFrame(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      wire.close(CLOSE_MALFORMED, error.message.slice(0, 100));
      return;
    }
    const welcome = messages.find((message) => message.kind === "welcome");
    if (!this.#isUp && welcome !== undefined) this.#welcome(wire, welcome);
    if (this.#isUp) this.#listener.received(this, messages);
  }

  #welcome(wire: Wire, welcome: Welcome): void {
    this.#isUp = true;
    this.failures = 0;
    clearTimeout(this.#timer);
    this.#isHeard = true;
    this.#probe(wire, performance.now());
    this.#listener.welcomed(this, welcome);
  }

  /** Asks whether anybody is there. A look that comes late finds what it asked for unread: this loop was busy. */
  #probe(wire: Wire, dueMs: number): void {
    const isLate = performance.now() - dueMs > this.#probeEveryMs() / 2;
    if (!this.#isHeard && !isLate) {
      wire.drop();
      return;
    }
    if (!isLate) this.#isHeard = false;
    wire.send(encodeFrame([[KIND_KEEPALIVE, PROBE_ID, 0, []]]));
    const nextMs = performance.now() + this.#probeEveryMs();
    this.#timer = setTimeout(() => {
      this.#probe(wire, nextMs);
    }, this.#probeEveryMs());
  }

  #closed(wire: Wire, code: number, reason: string): void {
    if (wire !== this.#wire) return;
    clearTimeout(this.#timer);
    this.#isUp = false;
    this.#wire = undefined;
    if (this.#stopped) return;
    this.failures += 1;
    if (code === CLOSE_NOT_AUTHENTICATED || code === CLOSE_VERSION_UNSUPPORTED) {
      this.#stopped = true;
      this.#listener.refused(this, reason);
      return;
    }
    const longestMs = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(this.failures - 1, 10));
    this.#timer = setTimeout(
      () => {
        if (!this.#stopped) this.start();
      },
      longestMs * (0.5 + Math.random() / 2),
    );
    this.#listener.down(this, reason); // Last: the listener may stop this socket for good.
  }
}
