/** A wire by the standard WebSocket of browsers, Deno and Bun. It can't be torn off, so one that is dropped is forgotten. */
import type { OpenWire } from "./wire.js";

/** What is used of it; TypeScript's own names for it come with all of the DOM. */
interface StandardSocket {
  binaryType: string;
  readonly bufferedAmount: number;
  send(data: Uint8Array): void;
  close(code: number, reason: string): void;
  onopen: (() => void) | null;
  onmessage: ((message: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
}

declare const WebSocket: new (url: string) => StandardSocket;

/** The code for a connection that ended without a word. */
const LOST = 1006;
const NORMAL = 1000;
const LOST_REASON = "the connection was lost";
/** The codes that a page may close with; a reason has at most 123 bytes. */
const OWN_CODES_FROM = 3000;

/** Connects by the standard WebSocket. */
export const openStandardWire: OpenWire = (url, listener) => {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  const forget = (): void => {
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
  };
  socket.onopen = () => {
    listener.opened();
  };
  socket.onmessage = ({ data }) => {
    listener.received(data instanceof ArrayBuffer ? new Uint8Array(data) : undefined);
  };
  socket.onclose = ({ code, reason }) => {
    listener.closed(code, reason === "" ? LOST_REASON : reason);
  };
  return {
    get unsentBytes() {
      return socket.bufferedAmount;
    },
    send: (bytes) => {
      socket.send(bytes);
    },
    close: (code, reason) => {
      socket.close(code === NORMAL || code >= OWN_CODES_FROM ? code : NORMAL, reason);
    },
    drop: () => {
      forget();
      socket.close(NORMAL, "");
      listener.closed(LOST, LOST_REASON);
    },
  };
};
