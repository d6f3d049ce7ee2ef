/** A wire in Node, by `ws`: Node 20 has no WebSocket of its own, and this one tells a lost connection from a closed one. */
import { WebSocket } from "ws";
import type { OpenWire, WireListener } from "./wire.js";

const HANDSHAKE_WITHIN_MS = 5000;
/** Frames of a server that keeps to the protocol are far smaller. */
const PAYLOAD_BYTES_MAX = 64 * 1024 * 1024;

/** Connects by `ws`. */
export const openNodeWire: OpenWire = (url, listener) => {
  const socket = new WebSocket(url, {
    perMessageDeflate: false,
    handshakeTimeout: HANDSHAKE_WITHIN_MS,
    maxPayload: PAYLOAD_BYTES_MAX,
  });
  socket.binaryType = "nodebuffer";
  listen(socket, listener);
  return {
    get unsentBytes() {
      return socket.bufferedAmount;
    },
    send: (bytes) => {
      socket.send(bytes);
    },
    close: (code, reason) => {
      socket.close(code, reason);
    },
    drop: () => {
      socket.terminate();
    },
  };
};

function listen(socket: WebSocket, listener: WireListener): void {
  let reason = "the connection was lost";
  socket.on("open", () => {
    listener.opened();
  });
  socket.on("message", (data: unknown, isBinary: boolean) => {
    listener.received(isBinary && data instanceof Uint8Array ? data : undefined);
  });
  socket.on("error", (error: Error) => {
    reason = error.message;
  });
  socket.on("close", (code: number, text: Buffer) => {
    listener.closed(code, text.length > 0 ? text.toString() : reason);
  });
}
