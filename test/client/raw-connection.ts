/**
 * A connection that says exactly what a test wants, malformed bytes included, and lets it wait for what comes back.
 */
import { once } from "node:events";
import { WebSocket } from "ws";
import { decodeFrame, encodeFrame, type Field, type Message } from "../../src/protocol/client-codec.js";
import type { ServerMessage, Welcome } from "../../src/protocol/server-messages.js";
import { KIND_HELLO, PROTOCOL_VERSION } from "../../src/words/kinds.js";

/** How long a test waits for what must come, in milliseconds. */
const DEADLINE_MS = 10_000;

/** How the server closed the connection. */
export interface RawClose {
  readonly code: number;
  readonly reason: string;
}

/** One WebSocket, its received messages, and who waits for them. */
export class RawConnection {
  readonly socket: WebSocket;
  /** All that was received and not taken, in order. */
  readonly received: ServerMessage[] = [];
  #closed: RawClose | undefined;
  #wake: (() => void)[] = [];

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: unknown) => {
      if (data instanceof Uint8Array) this.received.push(...decodeFrame(data));
      this.#wakeAll();
    });
    socket.on("close", (code: number, reason: Buffer) => {
      this.#closed = { code, reason: reason.toString() };
      this.#wakeAll();
    });
    socket.on("error", () => {
      this.#wakeAll();
    });
  }

  /** Connects to `host:port`; nothing has been said yet. */
  static async connect(address: string): Promise<RawConnection> {
    const socket = new WebSocket(`ws://${address}/v1/connect`, { perMessageDeflate: false });
    const connection = new RawConnection(socket);
    await once(socket, "open");
    return connection;
  }

  /** Connects and greets. `hello` overrides fields of the handshake. */
  static async greeted(
    address: string,
    hello: Readonly<Record<string, Field>> = {},
  ): Promise<{ readonly connection: RawConnection; readonly welcome: Welcome }> {
    const connection = await RawConnection.connect(address);
    connection.send([[KIND_HELLO, { version: PROTOCOL_VERSION, client: "raw/1", ...hello }]]);
    return { connection, welcome: await connection.take((message) => message.kind === "welcome") };
  }

  /** Sends one frame of messages. */
  send(messages: readonly Message[]): void {
    this.socket.send(encodeFrame(messages));
  }

  /** Sends bytes as they are, as a binary message. */
  sendBytes(bytes: Uint8Array): void {
    this.socket.send(bytes);
  }

  /** Takes the first message, received or to come, that `matches`. Rejects after the deadline, or if it closes. */
  async take<Kind extends ServerMessage>(
    matches: (message: ServerMessage) => message is Kind,
    deadlineMs?: number,
  ): Promise<Kind>;
  async take(matches: (message: ServerMessage) => boolean, deadlineMs?: number): Promise<ServerMessage>;
  async take(matches: (message: ServerMessage) => boolean, deadlineMs: number = DEADLINE_MS): Promise<ServerMessage> {
    const untilMs = performance.now() + deadlineMs;
    for (;;) {
      const at = this.received.findIndex(matches);
      const [found] = at < 0 ? [] : this.received.splice(at, 1);
      if (found !== undefined) return found;
      if (this.#closed !== undefined) throw new Error(`closed before it came: ${JSON.stringify(this.#closed)}`);
      await this.#news(untilMs);
    }
  }

  /** How the connection ended. Rejects if it has not within the deadline. */
  async closed(deadlineMs: number = DEADLINE_MS): Promise<RawClose> {
    const untilMs = performance.now() + deadlineMs;
    for (;;) {
      if (this.#closed !== undefined) return this.#closed;
      await this.#news(untilMs);
    }
  }

  /** Ends the connection without a word, as a crash does. */
  cut(): void {
    this.socket.terminate();
  }

  async #news(untilMs: number): Promise<void> {
    const leftMs = untilMs - performance.now();
    if (leftMs <= 0) throw new Error(`nothing came in time; there is ${JSON.stringify(this.received)}`);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, leftMs);
      this.#wake.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
