/**
 * The port on which a worker takes the connections of other nodes' workers. Whoever can't prove that it has the cluster's
 * key is closed, and named in the log once.
 *
 *     greeting ─▶ ◀─ challenge ─▶ proof ─▶ ◀─ proof ─▶ frames
 */
import { randomBytes } from "node:crypto";
import uWS from "uWebSockets.js";
import {
  decodeGreeting,
  decodeProof,
  encodeChallenge,
  encodeProof,
  type PeerGreeting,
  versionOfPeer,
} from "../protocol/peer-frames.js";
import { plainAddress } from "./listen.js";
import { isProof, proofOf } from "./peer-proof.js";
import {
  PEER_FRAME_BYTES_MAX,
  PEER_HANDSHAKE_MS,
  PEER_ROUTE,
  PEER_SILENT_MS,
  PEER_UNSENT_BYTES_MAX,
  type PeerEnd,
  type PeerEnding,
  type PeerEvents,
  type PeerSelf,
} from "./peer-wire.js";

const CLOSE_REFUSED = 4401;
const CLOSE_SLOW = 4429;
const NONCE_BYTES = 32;
/** Strangers that are remembered, so that each is told of once. */
const STRANGERS_MAX = 1_000;

/** What is known of a connection. One field of the socket: uWebSockets.js lays user data over the socket's own methods. */
interface SocketData {
  readonly peer: PeerData;
}

interface PeerData {
  readonly beganMs: number;
  heardMs: number;
  greeting: PeerGreeting | null;
  challenge: string;
  end: PeerEnd | null;
  ending: PeerEnding;
}

type PeerSocket = uWS.WebSocket<SocketData>;

/** What a listener is made of. */
export interface PeerListenerParts {
  readonly self: PeerSelf;
  readonly events: PeerEvents;
  /** Told once of each address that was refused, and why; in words for people. */
  readonly refused: (address: string, why: string) => void;
}

export class PeerListener {
  readonly #parts: PeerListenerParts;
  readonly #app: uWS.TemplatedApp;
  readonly #sockets = new Set<PeerSocket>();
  readonly #strangers = new Set<string>();
  readonly #sweep: NodeJS.Timeout;
  #listening: uWS.us_listen_socket | null = null;

  constructor(parts: PeerListenerParts) {
    this.#parts = parts;
    this.#app = uWS.App();
    this.#app.ws<SocketData>(PEER_ROUTE, {
      compression: uWS.DISABLED,
      maxPayloadLength: PEER_FRAME_BYTES_MAX,
      maxBackpressure: 0,
      idleTimeout: 0, // The sweep below is quicker, and tells a time-out from a close.
      sendPingsAutomatically: false,
      upgrade: (response, request, context) => {
        const nowMs = performance.now();
        const data = { beganMs: nowMs, heardMs: nowMs, greeting: null, challenge: "", end: null };
        response.upgrade<SocketData>(
          { peer: { ...data, ending: "closed" } },
          request.getHeader("sec-websocket-key"),
          request.getHeader("sec-websocket-protocol"),
          request.getHeader("sec-websocket-extensions"),
          context,
        );
      },
      open: (socket) => {
        this.#sockets.add(socket);
      },
      message: (socket, message) => this.#receive(socket, new Uint8Array(message)),
      ping: (socket) => {
        socket.getUserData().peer.heardMs = performance.now();
      },
      close: (socket) => {
        this.#sockets.delete(socket);
        const { end, ending } = socket.getUserData().peer;
        if (end !== null) parts.events.lost(end, ending);
      },
    });
    this.#sweep = setInterval(() => this.#closeSilent(), PEER_SILENT_MS / 4);
  }

  /** Opens the port. @throws Error if it can't be had */
  listen(host: string, port: number): void {
    this.#app.listen(host, port, (socket) => {
      if (socket === false) throw new Error(`can't listen on ${host}:${port} for other nodes`);
      this.#listening = socket;
    });
  }

  /** Ends all connections and the app. */
  close(): void {
    clearInterval(this.#sweep);
    if (this.#listening !== null) uWS.us_listen_socket_close(this.#listening);
    this.#listening = null;
    for (const socket of [...this.#sockets]) socket.close();
    this.#app.close();
  }

  #receive(socket: PeerSocket, bytes: Uint8Array): void {
    const data = socket.getUserData().peer;
    data.heardMs = performance.now();
    if (data.end !== null) return this.#parts.events.received(data.end, bytes);
    const { greeting } = data;
    if (greeting === null) this.#greet(socket, bytes);
    else this.#prove(socket, greeting, bytes);
  }

  #greet(socket: PeerSocket, bytes: Uint8Array): void {
    const greeting = decodeGreeting(bytes);
    if (greeting === null) {
      const version = versionOfPeer(bytes);
      return this.#refuse(socket, `it speaks no version of the peers' protocol that is known here (${version})`);
    }
    const { self } = this.#parts;
    if (greeting.to !== self.node)
      return this.#refuse(socket, `it wants node ${greeting.to}, and this is ${self.node}`);
    if (greeting.cluster !== self.cluster) {
      return this.#refuse(socket, `it is of cluster ${greeting.cluster}, and this one is ${self.cluster}`);
    }
    const data = socket.getUserData().peer;
    data.greeting = greeting;
    data.challenge = randomBytes(NONCE_BYTES).toString("hex");
    socket.send(encodeChallenge(data.challenge), true);
  }

  #prove(socket: PeerSocket, greeting: PeerGreeting, bytes: Uint8Array): void {
    const data = socket.getUserData().peer;
    const { self, events } = this.#parts;
    const subject = { greeting, challenge: data.challenge };
    const proof = decodeProof(bytes);
    if (proof === null || !isProof(proof, proofOf(self.key, "dialled", subject))) {
      return this.#refuse(socket, "it does not have this cluster's key (setting cluster.key)");
    }
    socket.send(encodeProof(proofOf(self.key, "was-dialled", subject)), true);
    const { node, worker, purpose, link } = greeting;
    const end: PeerEnd = {
      node,
      worker,
      purpose,
      link,
      send: (frame) => {
        if (!this.#sockets.has(socket)) return;
        socket.send(frame, true);
        if (socket.getBufferedAmount() > PEER_UNSENT_BYTES_MAX) this.#endLater(socket, CLOSE_SLOW, "too slow");
      },
      close: () => this.#endLater(socket, 1000, ""),
    };
    data.end = end;
    events.opened(end);
  }

  /** Not in a callback of the socket itself, nor in a turn that has more to say to it. */
  #endLater(socket: PeerSocket, code: number, reason: string): void {
    setImmediate(() => {
      if (this.#sockets.has(socket)) socket.end(code, reason);
    });
  }

  #refuse(socket: PeerSocket, why: string): void {
    const address = plainAddress(new TextDecoder().decode(socket.getRemoteAddressAsText()));
    if (!this.#strangers.has(address) && this.#strangers.size < STRANGERS_MAX) {
      this.#strangers.add(address);
      this.#parts.refused(address, why);
    }
    this.#endLater(socket, CLOSE_REFUSED, "refused");
  }

  #closeSilent(): void {
    const nowMs = performance.now();
    for (const socket of [...this.#sockets]) {
      const data = socket.getUserData().peer;
      const isLate = data.end === null && nowMs > data.beganMs + PEER_HANDSHAKE_MS;
      if (!isLate && nowMs <= data.heardMs + PEER_SILENT_MS) continue;
      data.ending = "timed-out";
      socket.close();
    }
  }
}
