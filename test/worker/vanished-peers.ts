/**
 * Connections whose peers vanish without a FIN, as when a machine loses its power: each has said something, then nothing
 * more, not even the answer to a ping. Opened early and looked at late, because the time-outs are in seconds.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { encodeFrame } from "../../src/protocol/client-codec.js";
import { until } from "../node/server-process.js";

const UPGRADE: string = [
  ...["GET /v1/connect HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade"],
  ...["Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version: 13", "", ""],
].join("\r\n");
const HELLO = masked(encodeFrame([[1, { version: 1 }]]));

/** As much as each says, in the order of a connection's life. */
const SAID: Readonly<Record<string, readonly (string | Uint8Array)[]>> = {
  nothing: [],
  "half of a WebSocket's handshake": [UPGRADE.slice(0, 40)],
  "half of an HTTP request's head": ["POST /v1/acquire HTTP/1.1\r\nHost: x\r\nContent-Le"],
  "half of an HTTP request's body": ["POST /v1/acquire HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"],
  "half of a frame": [UPGRADE, HELLO.subarray(0, 9)],
  "the whole handshake": [UPGRADE, HELLO],
  "a request that was answered": [UPGRADE, HELLO, masked(encodeFrame([[13, 1, "vanished:1"]]))],
};

/** A binary message as a client frames it, shorter than 126 bytes. */
function masked(bytes: Uint8Array): Uint8Array {
  return Uint8Array.of(0x82, 0x80 | bytes.length, 0, 0, 0, 0, ...bytes);
}

/** What came of one connection. */
export interface Vanished {
  /** What it had said. */
  readonly said: string;
  /** How long after it had said that it was cut, in milliseconds; Infinity while it is not. */
  afterMs: number;
}

/** Opens `each` connections of every kind at a port. */
export async function vanishAt(port: number, each: number): Promise<readonly Vanished[]> {
  const all: Vanished[] = [];
  for (const [said, parts] of Object.entries(SAID)) {
    for (let count = 0; count < each; count++) {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined); // It may be reset.
      await once(socket, "connect");
      for (const part of parts) {
        socket.write(part);
        // What comes in one segment with the request for the upgrade is not a frame yet, and is lost.
        if (part === UPGRADE) await once(socket, "data");
      }
      const one: Vanished = { said, afterMs: Number.POSITIVE_INFINITY };
      const sinceMs = performance.now();
      socket.resume().on("close", () => {
        one.afterMs = performance.now() - sinceMs;
      });
      all.push(one);
    }
  }
  return all;
}

/** Waits until each has been cut. */
export async function allCut(all: readonly Vanished[]): Promise<void> {
  for (const one of all) await until(`one to be cut that had said ${one.said}`, () => one.afterMs < 1e9);
}
