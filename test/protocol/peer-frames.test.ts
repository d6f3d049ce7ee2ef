/** Frames between workers: what is written is read again, and what is no frame is refused whole, never thrown. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeGreeting, decodePeerFrame, encodeGreeting, encodePeerFrame } from "../../src/protocol/peer-frames.js";

const frame = {
  link: "a-b-1",
  round: 7,
  isAcknowledgementWanted: true,
  acknowledged: 2 ** 40,
  messages: [[0, 3, "node-1/store-0", new Uint8Array([1, 2, 255]), null, true]],
};

test("a frame is read as it was written, bytes untouched", () => {
  const read = decodePeerFrame(encodePeerFrame(frame));
  assert.deepEqual(
    { ...read, messages: read?.messages.map((message) => message.map(plain)) },
    { ...frame, messages: frame.messages.map((message) => message.map(plain)) },
  );
});

test("a greeting is read as it was written, and is no frame; a frame is no greeting", () => {
  const names = { cluster: "c", node: "a", worker: 2, to: "b", nonce: "1f" };
  const greeting = { link: "a-b-1", purpose: "replicas", ...names } as const;
  assert.deepEqual(decodeGreeting(encodeGreeting(greeting)), greeting);
  assert.equal(decodePeerFrame(encodeGreeting(greeting)), null);
  assert.equal(decodeGreeting(encodePeerFrame(frame)), null);
});

test("a frame of another version, cut off at any byte, or with a wrong field is refused", () => {
  const bytes = encodePeerFrame(frame);
  for (let end = 0; end < bytes.length; end++) assert.equal(decodePeerFrame(bytes.slice(0, end)), null, `at ${end}`);
  const other = Uint8Array.from(bytes);
  other[1] = 2; // The version stands behind the array's header.
  assert.equal(decodePeerFrame(other), null);
  assert.equal(decodePeerFrame(encodePeerFrame({ ...frame, round: -1 })), null);
  assert.equal(decodePeerFrame(encodePeerFrame({ ...frame, acknowledged: 1.5 })), null);
  assert.equal(decodePeerFrame(encodePeerFrame({ ...frame, link: "" })), null);
});

function plain(field: unknown): unknown {
  return field instanceof Uint8Array ? [...field] : field;
}
