/**
 * One connection to a server: handshake, frames, back-off. It decides nothing about locks. A connection that is silent is
 * asked by a ping, because a half-open one would otherwise look healthy until a lease has run out.
 */
import { WebSocket } from "ws";
import { decodeFrame, encodeFrame, type Field, type Message } from "../protocol/client-codec.js";
import { ProtocolError } from "../protocol/fields.js";
import type { ServerMessage, Welcome } from "../protocol/server-messages.js";
import {
  CLOSE_MALFORMED,
  CLOSE_NOT_AUTHENTICATED,
  CLOSE_VERSION_UNSUPPORTED,
  KIND_HELLO,
  PROTOCOL_VERSION,
} from "../words/kinds.js";

/** Waits between attempts, in milliseconds: doubled each time, less a random part. */
const BACKOFF_MIN_MS = 50;
const BACKOFF_MAX_MS = 2000;
const HANDSHAKE_WITHIN_MS = 5000;
const PING_EVERY_MS = 5000;
/** How long a connection that was ended may take to say goodbye. */
const CLOSE_WITHIN_MS = 500;
/** Frames of a server that keeps to the protocol are far smaller. */
const PAYLOAD_BYTES_MAX = 64 * 1024 * 1024;

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
}

/** A connection that comes back by itself until it is stopped. */
export class Socket {
  readonly #target: SocketTarget;
  readonly #listener: SocketListener;
  #socket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isUp = false;
  #isHeard = false;
  #stopped = false;
  /** Attempts since the last that succeeded. */
  failures = 0;
  #attempt = 0;

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
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Makes the first attempt. */
  start(): void {
    const addresses = this.#target.addresses();
    const address = addresses[this.#attempt % Math.max(1, addresses.length)];
    this.#attempt += 1;
    if (address === undefined) return;
    const socket = new WebSocket(`ws://${address}/v1/connect`, {
      perMessageDeflate: false,
      handshakeTimeout: HANDSHAKE_WITHIN_MS,
      maxPayload: PAYLOAD_BYTES_MAX,
    });
    socket.binaryType = "nodebuffer";
    this.#socket = socket;
    let reason = "the connection was lost";
    socket.on("open", () => {
      this.#greet(socket);
    });
    socket.on("message", (data: unknown) => {
      this.#isHeard = true;
      this.#receive(socket, data);
    });
    socket.on("pong", () => {
      this.#isHeard = true;
    });
    socket.on("error", (error: Error) => {
      reason = error.message;
    });
    socket.on("close", (code: number, text: Buffer) => {
      this.#closed(socket, code, text.length > 0 ? text.toString() : reason);
    });
  }

  /** Sends one frame. Nothing if the connection is down: `down` has told, or is about to. */
  send(messages: readonly Message[]): void {
    if (this.#isUp) this.#socket?.send(encodeFrame(messages));
  }

  /** Ends the connection; it is made anew after a moment. */
  restart(): void {
    this.#isUp = false;
    this.#socket?.close(1000);
  }

  /** Ends the connection for good. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#isUp = false;
    this.#socket?.close(1000);
    const socket = this.#socket;
    this.#timer = setTimeout(() => {
      socket?.terminate();
    }, CLOSE_WITHIN_MS).unref();
  }

  #greet(socket: WebSocket): void {
    const hello: Record<string, Field> = { version: PROTOCOL_VERSION, client: this.#target.client };
    if (this.#target.wantsRing()) hello["ring"] = true;
    if (this.#target.key !== "") hello["credentials"] = { key: this.#target.key };
    socket.send(encodeFrame([[KIND_HELLO, hello]]));
    this.#timer = setTimeout(() => {
      socket.terminate();
    }, HANDSHAKE_WITHIN_MS);
  }

  #receive(socket: WebSocket, data: unknown): void {
    if (this.#stopped || socket !== this.#socket || !(data instanceof Uint8Array)) return;
    let messages: readonly ServerMessage[];
    try {
      messages = decodeFrame(data);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      socket.close(CLOSE_MALFORMED, error.message.slice(0, 100));
      return;
    }
    const welcome = messages.find((message) => message.kind === "welcome");
    if (!this.#isUp && welcome !== undefined) this.#welcome(socket, welcome);
    if (this.#isUp) this.#listener.received(this, messages);
  }

  #welcome(socket: WebSocket, welcome: Welcome): void {
    this.#isUp = true;
    this.failures = 0;
    clearTimeout(this.#timer);
    this.#isHeard = true;
    this.#timer = setInterval(() => {
      if (!this.#isHeard) socket.terminate();
      else socket.ping();
      this.#isHeard = false;
    }, PING_EVERY_MS);
    this.#listener.welcomed(this, welcome);
  }

  #closed(socket: WebSocket, code: number, reason: string): void {
    if (socket !== this.#socket) return;
    clearTimeout(this.#timer);
    this.#isUp = false;
    this.#socket = undefined;
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
