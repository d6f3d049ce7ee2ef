/**
 * The sockets of a worker: uWebSockets.js on the port that all workers share and on the worker's own. WebSocket frames go
 * to the front; HTTP has routes of its own (http-routes.ts). A client that does not read is closed.
 */
import uWS from "uWebSockets.js";
import {
  CLOSE_GOING_AWAY,
  CLOSE_HANDSHAKE_TIMEOUT,
  CLOSE_MALFORMED,
  CLOSE_OVERLOADED,
  CLOSE_SLOW_READER,
  KIND_GOING_AWAY,
} from "../words/kinds.js";
import { encodeGroup } from "../protocol/encode-replies.js";
import type { Limits } from "../words/limits.js";
import type { Connection, Connections } from "./connections.js";
import type { Front } from "./front.js";

/** What is kept with each socket. */
interface SocketData {
  address: string;
  connection: Connection | undefined;
  greetedBy: number;
}

const HANDSHAKE_MS = 10_000;
/** uWebSockets.js closes on a longer frame without a reason; up to here we say why. */
const FRAME_SLACK = 4;
/** How long a closed socket may take to read why, before it is cut. */
const LINGER_MS = 1_000;

const text = new TextDecoder();

export interface ListenParts {
  readonly front: Front;
  readonly connections: Connections;
  readonly limits: Limits;
  /** Adds the HTTP routes. */
  readonly route: (app: uWS.TemplatedApp) => void;
}

export class Listener {
  readonly #app: uWS.TemplatedApp;
  readonly #parts: ListenParts;
  readonly #sockets = new Set<uWS.WebSocket<SocketData>>();
  readonly #listening: uWS.us_listen_socket[] = [];
  readonly #sweep: NodeJS.Timeout;
  #isClosed = false;

  constructor(parts: ListenParts) {
    this.#parts = parts;
    this.#app = uWS.App();
    parts.route(this.#app);
    this.#app.ws<SocketData>("/v1/connect", {
      compression: uWS.DISABLED,
      maxPayloadLength: parts.limits.frameBytesMax * FRAME_SLACK,
      maxBackpressure: 0, // None of its own: it would drop the very frame that says why a slow reader is closed.
      idleTimeout: Math.ceil(parts.limits.idleMaxMs / 1_000), // A ping goes before it, which who is there answers.
      sendPingsAutomatically: true,
      upgrade: (response, request, context) => {
        response.upgrade(
          { address: "", connection: undefined, greetedBy: 0 },
          request.getHeader("sec-websocket-key"),
          request.getHeader("sec-websocket-protocol"),
          request.getHeader("sec-websocket-extensions"),
          context,
        );
      },
      open: (socket) => {
        this.#open(socket);
      },
      message: (socket, message, isBinary) => {
        const { connection } = socket.getUserData();
        if (connection === undefined) return;
        if (isBinary) parts.front.receive(connection, new Uint8Array(message));
        else connection.receiver.close(CLOSE_MALFORMED, "malformed: frames are binary messages");
      },
      close: (socket) => {
        this.#sockets.delete(socket);
        const { connection } = socket.getUserData();
        if (connection !== undefined) parts.front.disconnect(connection);
        socket.getUserData().connection = undefined;
      },
    });
    this.#sweep = setInterval(() => {
      this.#closeSilent();
    }, 1_000);
  }

  /** Opens a port. @throws Error if it can't be had. */
  listen(host: string, port: number): void {
    this.#app.listen(host, port, (socket) => {
      if (socket === false) throw new Error(`can't listen on ${host}:${port}`);
      this.#listening.push(socket);
    });
  }

  #open(socket: uWS.WebSocket<SocketData>): void {
    const data = socket.getUserData();
    data.address = plainAddress(text.decode(socket.getRemoteAddressAsText()));
    data.greetedBy = performance.now() + HANDSHAKE_MS;
    const { unsentBytesMax } = this.#parts.limits;
    data.connection = this.#parts.front.connect(
      {
        send: (frame) => {
          const isDropped = socket.send(frame, true) === 2;
          if (isDropped || socket.getBufferedAmount() > unsentBytesMax) {
            this.#end(socket, CLOSE_SLOW_READER, `slow-reader: more than ${unsentBytesMax} bytes waited to be read`);
          }
        },
        close: (code, reason) => {
          this.#end(socket, code, reason);
        },
        unsentBytes: () => (this.#sockets.has(socket) ? socket.getBufferedAmount() : 0),
      },
      data.address,
    );
    if (data.connection === undefined)
      socket.end(CLOSE_OVERLOADED, "overloaded: this worker has as many connections as it takes");
    else this.#sockets.add(socket);
  }

  /** Closes a socket with a reason once this turn's frames are sent; if it does not read on, it is cut. */
  #end(socket: uWS.WebSocket<SocketData>, code: number, reason: string): void {
    const data = socket.getUserData();
    const { connection } = data;
    if (connection === undefined) return;
    data.connection = undefined;
    setImmediate(() => {
      if (!this.#sockets.has(socket)) return this.#parts.front.disconnect(connection); // It went by itself meanwhile.
      const last = connection.writer;
      if (last !== null && last.count > 0) socket.send(last.finish(), true);
      this.#parts.front.disconnect(connection);
      socket.end(code, reason.slice(0, 120));
      const cut = setTimeout(() => {
        if (this.#sockets.has(socket)) socket.close();
      }, LINGER_MS);
      cut.unref();
    });
  }

  #closeSilent(): void {
    const now = performance.now();
    for (const socket of this.#sockets) {
      const { connection, greetedBy } = socket.getUserData();
      if (connection !== undefined && connection.bare === 0 && now > greetedBy) {
        this.#end(socket, CLOSE_HANDSHAKE_TIMEOUT, "handshake-timeout: no HELLO within 10 s");
      }
    }
  }

  /** Takes no new clients. */
  refuseNew(): void {
    for (const socket of this.#listening.splice(0)) uWS.us_listen_socket_close(socket);
  }

  /** Bytes that clients have not taken yet. */
  get unsentBytes(): number {
    let bytes = 0;
    for (const socket of this.#sockets) bytes += socket.getBufferedAmount();
    return bytes;
  }

  /** Tells every client that the node goes away, with the end of this turn. */
  tellGoing(): void {
    for (const socket of this.#sockets) {
      const { connection } = socket.getUserData();
      if (connection === undefined) continue;
      const writer = this.#parts.connections.writerOf(connection);
      encodeGroup(writer, 0);
      writer.message(2, KIND_GOING_AWAY);
      writer.string("the node is going down; connect elsewhere, or in a moment");
    }
  }

  /** Closes every socket and the app: without that, the process can't end in order. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#sweep);
    this.refuseNew();
    for (const socket of [...this.#sockets]) socket.end(CLOSE_GOING_AWAY, "going-away: the node stops");
    this.#app.close();
  }
}

/** `0000:0000:…:ffff:7f00:0001` as people write it, if it is an IPv4 address. */
export function plainAddress(address: string): string {
  const match = /^0000:0000:0000:0000:0000:ffff:([0-9a-f]{2})([0-9a-f]{2}):([0-9a-f]{2})([0-9a-f]{2})$/.exec(address);
  if (match === null) return address;
  return match
    .slice(1)
    .map((part) => Number.parseInt(part, 16))
    .join(".");
}
