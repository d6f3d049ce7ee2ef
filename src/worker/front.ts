/**
 * What a worker does with the frames of its connections: greets, hands requests to the inbox, sends on what belongs to
 * other workers. Hot path: `receive`, `make bench`.
 */
import { assert } from "../words/assert.js";
import type { FaultCode } from "../words/faults.js";
import {
  CLOSE_FRAME_TOO_LARGE,
  CLOSE_MALFORMED,
  CLOSE_OVERLOADED,
  CLOSE_VERSION_UNSUPPORTED,
  KIND_ASK_STATUS,
  KIND_CLOSE,
  KIND_HELLO,
  KIND_KEEPALIVE,
  KIND_MOVED,
  KIND_OPEN,
  KIND_STATUS,
  KIND_UNWATCH,
  KIND_WATCH,
} from "../words/kinds.js";
import type { Limits } from "../words/limits.js";
import { principalOf } from "../access/principal.js";
import { type DecodeSink, type Refusal, RequestDecoder, type Where } from "../protocol/decode-requests.js";
import { encodeFault, encodeGroup } from "../protocol/encode-replies.js";
import type { Inbox } from "../tables/inbox.js";
import type { Paths } from "../tables/paths.js";
import type { Connection, Connections, Receiver } from "./connections.js";
import { readFields, readHello, type WelcomeFacts, welcome } from "./handshake.js";
import type { Forwarding } from "./forwarding.js";
import { SessionPaths } from "./session-paths.js";
import type { TurnLoop } from "./turn.js";
import type { Watches } from "./watches.js";

/** A turn is run early when it has so many requests or bytes, so that it stays short and the log's ring takes it. */
export const TURN_REQUESTS_MAX: number = 8_192;
export const TURN_BYTES_MAX: number = 2 ** 20;

const CLOSE_CODES = { malformed: CLOSE_MALFORMED, "frame-too-large": CLOSE_FRAME_TOO_LARGE } as const;

export interface FrontParts {
  readonly inbox: Inbox;
  readonly paths: Paths;
  readonly connections: Connections;
  readonly loop: TurnLoop;
  readonly watches: Watches;
  readonly forwarding: Forwarding;
  readonly where: Where;
  readonly limits: Limits;
  readonly facts: WelcomeFacts;
  /** Asks for a turn soon. */
  readonly schedule: () => void;
  /** Runs a turn now. */
  readonly runNow: () => void;
  readonly askStatus: (answer: (json: string) => void) => void;
}

const FRAME_HEADER = 5;
const encoder = new TextEncoder();

export class Front implements DecodeSink {
  readonly #parts: FrontParts;
  readonly #decoder: RequestDecoder;
  readonly #sessions: SessionPaths;
  #current: Connection | undefined;
  /** The turn that `#messages` came for: messages that are not requests to a shard stand in no row, and cost as much. */
  #turn = 0;
  #messages = 0;
  /** Set while the node drains: every request is refused with this. */
  isDraining = false;

  constructor(parts: FrontParts) {
    this.#parts = parts;
    this.#decoder = new RequestDecoder({ ...parts, sink: this });
    this.#sessions = new SessionPaths(parts);
  }

  /** A new connection, which has to say HELLO. */
  connect(receiver: Receiver, address: string): Connection | undefined {
    return this.#parts.connections.add(receiver, address);
  }

  /** Takes one frame of a connection. The bytes are lent for the call. */
  receive(connection: Connection, frame: Uint8Array): void {
    const { inbox, limits } = this.#parts;
    if (!connection.isOpen) return;
    if (frame.length > limits.frameBytesMax) {
      return this.#close(
        connection,
        CLOSE_FRAME_TOO_LARGE,
        `frame-too-large: a frame has at most ${limits.frameBytesMax} bytes, not ${frame.length}`,
      );
    }
    if (connection.bare === 0 && !this.#greet(connection, frame)) return;
    const count = Math.max(0, this.#decoder.messagesOf(frame));
    const isLate = this.isDraining && connection.receiver.isInside !== true;
    const refusal = count > limits.requestsPerFrameMax ? undefined : isLate ? "draining" : this.#makeRoom(count);
    const at = inbox.frames.reserve(frame.length);
    inbox.frames.bytes.set(frame, at);
    this.#decodeFor(connection, at, at + frame.length, refusal);
    if (refusal !== undefined) inbox.frames.length = at; // No row refers to it.
    if (this.#messages >= TURN_REQUESTS_MAX) this.#parts.runNow();
    else this.#parts.schedule();
  }

  /** Runs a turn if these messages are too many for the one that is gathered; says whether they must be refused. */
  #makeRoom(messages: number): Refusal | undefined {
    const { inbox, loop } = this.#parts;
    if (loop.turns !== this.#turn) this.#messages = 0;
    if (this.#messages + messages > inbox.capacity || inbox.frames.length > TURN_BYTES_MAX) this.#parts.runNow();
    if (loop.turns !== this.#turn) this.#messages = 0;
    this.#turn = loop.turns;
    this.#messages += messages;
    // The turn did not run: the log is behind.
    const isFull = this.#messages > inbox.capacity || inbox.frames.length > TURN_BYTES_MAX;
    if (!isFull) return undefined;
    this.#messages -= messages;
    return "overloaded";
  }

  /** Takes messages that another worker forwards: a frame without its header. */
  receiveMessages(connection: Connection, count: number, bytes: Uint8Array): void {
    const { inbox } = this.#parts;
    const refusal = this.#makeRoom(count);
    const at = inbox.frames.reserve(bytes.length + FRAME_HEADER);
    inbox.frames.view.setUint8(at, 0xdd);
    inbox.frames.view.setUint32(at + 1, count);
    inbox.frames.bytes.set(bytes, at + FRAME_HEADER);
    this.#decodeFor(connection, at, at + FRAME_HEADER + bytes.length, refusal);
    if (refusal === "overloaded") inbox.frames.length = at;
    this.#parts.schedule();
  }

  /** Reads a frame that lies in the inbox's bytes. */
  #decodeFor(connection: Connection, start: number, end: number, refusal: Refusal | undefined): void {
    this.#current = connection;
    this.#decoder.decode(connection.bare, { start, end }, refusal);
    this.#current = undefined;
  }

  /** A connection is gone: its paths end with the turn, so that nobody is answered; its sessions go on. */
  disconnect(connection: Connection): void {
    const { paths, connections, loop, watches, forwarding } = this.#parts;
    if (!connection.isOpen) return;
    watches.dropAll(connection);
    forwarding.closed(connection);
    for (let path = paths.firstOf(connection.slot); path !== 0; path = paths.nextOf(path)) {
      paths.forget(path);
      loop.retire(path);
    }
    connection.isOpen = false;
    loop.afterTurn(() => {
      connections.remove(connection);
    });
    this.#parts.schedule();
  }

  /** Opens the path of a connection's requests without a session; false if this worker has all the paths that it takes. */
  identify(connection: Connection, principal: Uint8Array): boolean {
    connection.bare = this.#parts.paths.open({
      key: null,
      ttlMs: 0,
      publicId: [0, 0],
      principal,
      address: encoder.encode(connection.address),
      connection: connection.slot,
    });
    return connection.bare !== 0;
  }

  #greet(connection: Connection, frame: Uint8Array): boolean {
    const hello = readHello(frame);
    if (hello.kind === "malformed") return this.#refuse(connection, CLOSE_MALFORMED, `malformed: ${hello.reason}`);
    if (hello.kind === "version") {
      return this.#refuse(
        connection,
        CLOSE_VERSION_UNSUPPORTED,
        `version-unsupported: this server speaks version 1, not ${hello.asked}`,
      );
    }
    const principal = principalOf(hello.credentials);
    if (!this.identify(connection, encoder.encode(principal))) {
      return this.#refuse(connection, CLOSE_OVERLOADED, "overloaded: this worker has as many paths as it takes");
    }
    const message = welcome(this.#parts.facts, { principal, address: connection.address, wantsRing: hello.wantsRing });
    this.#parts.connections.writerOf(connection).messages(1, message, 0, message.length);
    return true;
  }
  #refuse(connection: Connection, code: number, reason: string): false {
    this.#close(connection, code, reason);
    return false;
  }
  #close(connection: Connection, code: number, reason: string): void {
    connection.receiver.close(code, reason);
  }

  // What the decoder finds beside requests to shards of this worker:

  reject(code: "malformed" | "frame-too-large", reason: string): void {
    const connection = this.#here();
    encodeFault(this.#parts.connections.writerOf(connection), 0, 0, code, reason);
    this.#close(connection, CLOSE_CODES[code], `${code}: ${reason}`.slice(0, 120));
  }

  fault(path: number, id: number, code: FaultCode, message: string): void {
    const { paths, connections } = this.#parts;
    const group = paths.isSession(path) ? paths.serial(path) : 0;
    encodeFault(connections.writerOf(this.#here()), group, id, code, message);
  }

  pathVoid(number: number, id: number): void {
    const message = "this path is not open on this connection; open it anew";
    encodeFault(this.#parts.connections.writerOf(this.#here()), number, id, "path-void", message);
  }

  moved(path: number, id: number): void {
    const { paths, connections, forwarding } = this.#parts;
    const writer = connections.writerOf(this.#here());
    encodeGroup(writer, paths.serial(path));
    writer.message(3, KIND_MOVED);
    writer.integer(id);
    writer.raw(forwarding.mapBytes, 0, forwarding.mapBytes.length);
  }

  /** Tells every connection the map of now, unasked: a MOVED that answers nothing. */
  tellMap(): void {
    const { connections, forwarding } = this.#parts;
    for (const connection of connections.all()) {
      if (connection.bare === 0 || connection.receiver.isForwarded === true) continue;
      const writer = connections.writerOf(connection);
      encodeGroup(writer, 0);
      writer.message(3, KIND_MOVED);
      writer.integer(0);
      writer.raw(forwarding.mapBytes, 0, forwarding.mapBytes.length);
    }
  }

  forward(worker: number, start: number, end: number, isGrouped: boolean): void {
    this.#parts.forwarding.requests(this.#here(), worker, this.#parts.inbox.bytes.subarray(start, end), isGrouped);
  }

  rare(kind: number, id: number, path: number, message: Uint8Array): void {
    switch (kind) {
      case KIND_HELLO:
        return;
      case KIND_OPEN:
        return this.#sessions.open(this.#here(), id, message);
      case KIND_KEEPALIVE:
        return this.#sessions.keepAlive(this.#here(), id, message);
      case KIND_CLOSE:
        return this.#sessions.close(this.#here(), id, message);
      case KIND_WATCH:
        return this.#parts.watches.ask(this.#here(), id, readFields(message));
      case KIND_UNWATCH:
        return this.#parts.watches.end(this.#here(), id, readFields(message));
      case KIND_ASK_STATUS:
        return this.#status(this.#here(), id);
      default:
        return this.fault(path, id, "unknown-request", `version 1 of the protocol has no request of kind ${kind}`);
    }
  }

  #here(): Connection {
    assert(this.#current !== undefined, "a frame is decoded for a connection");
    return this.#current;
  }

  #status(connection: Connection, id: number): void {
    this.#parts.askStatus((json) => {
      if (!connection.isOpen) return;
      const writer = this.#parts.connections.writerOf(connection);
      encodeGroup(writer, 0);
      writer.message(3, KIND_STATUS);
      writer.integer(id);
      writer.string(json);
      this.#parts.schedule();
    });
  }
}
